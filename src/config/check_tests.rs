//! Layers to `Config`: values, precedence, mistakes, DATABASE_URL, what is printed. A line each.

use super::super::units;
use super::*;

/// Runs `check` over the file's text, then `NAME=value` variables and `--flag=value` options in one line.
fn load(text: &str, around: &str) -> Result<Checked, Vec<Mistake>> {
    let mut flags = Flags::default();
    let mut env = Vec::new();
    for (name, value) in around.split_whitespace().filter_map(|word| word.split_once('=')) {
        let value = value.to_owned();
        match name {
            "--listen" => flags.listen = Some(value),
            "--workers" => flags.workers = Some(value),
            "--database-url" => flags.database_url = Some(value),
            "--log-level" => flags.log_level = Some(value),
            _ => env.push((name.to_owned(), value)),
        }
    }
    let file = (!text.is_empty()).then_some(("pgweir.toml", text));
    check(&Input { file, env: &env, flags: &flags, cores: 4, look: &|_| Found::File })
}

/// A database and a user, so that only the line under test can be wrong. Line 1.
const BASE: &str = "databases.app.url = 'postgres://app:s3cret@db/app'; users.app.password = 's3cret'";

fn base() -> String {
    BASE.replace("; ", "\n")
}

fn mistakes(text: &str, around: &str) -> Vec<String> {
    load(text, around).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The complaints about `text`, which has the lines after 2.
fn complains(text: &str, expected: &[&str]) {
    assert_eq!(mistakes(&format!("{}\n{text}", base()), ""), expected, "{text}");
}

/// The complaints about variables and options.
fn complains_around(around: &str, expected: &[&str]) {
    assert_eq!(mistakes(&base(), around), expected, "{around}");
}

#[test]
fn wrong_values_name_file_line_key_value_and_what_is_right() {
    complains("[pool]\npool_size = \"x\"", &["pgweir.toml:4 pool.pool_size = \"x\": a whole number, like 20"]);
    complains("[pool]\npool_size = \"7\"", &["pgweir.toml:4 pool.pool_size = \"7\": a whole number without quotes: 7"]);
    complains("[pool]\npool_size = 0", &["pgweir.toml:4 pool.pool_size = 0: between 1 and 10000"]);
    complains("[pool]\npool_size = -1", &["pgweir.toml:4 pool.pool_size = -1: a whole number, like 20"]);
    complains("[databases.b]\nport = 99999", &["pgweir.toml:4 databases.b.port = 99999: at most 65535"]);
    complains("[pool]\npool_size = 1.5", &["pgweir.toml:4 pool.pool_size = 1.5: a whole number, like 20"]);
    complains(
        "[pool]\nquery_timeout = 30",
        &["pgweir.toml:4 pool.query_timeout = 30: which unit? \"30s\", for instance (us ms s min h d)"],
    );
    complains(
        "[pool]\npool_mode = 'transactions'",
        &["pgweir.toml:4 pool.pool_mode = 'transactions': one of transaction, session, statement"],
    );
    complains("[listen]\naddr = '[::]:6432'", &["pgweir.toml:4 listen.addr = '[::]:6432': a list: [\"[::]:6432\"]"]);
    complains(
        "[listen]\nhttp = '6433'",
        &["pgweir.toml:4 listen.http = '6433': an address and a port, like \"127.0.0.1:6433\", or \"off\""],
    );
    complains(
        "[listen]\nunix_socket_mode = 777",
        &["pgweir.toml:4 listen.unix_socket_mode = 777: octal permission bits in quotes, like \"0770\""],
    );
    complains(
        "[log]\nlog_connections = 'yes'",
        &["pgweir.toml:4 log.log_connections = 'yes': true or false, without quotes"],
    );
    complains("[databases.b]\nport = 0", &["pgweir.toml:4 databases.b.port = 0: between 1 and 65535"]);
    complains(
        "[databases.b]\ntcp_keepidle = '1500ms'",
        &[
            "pgweir.toml:4 databases.b.tcp_keepidle = '1500ms': whole seconds, at most 32767; \"0s\" for what the system has",
        ],
    );
    complains(
        "[databases.b]\ntcp_user_timeout = '25d'",
        &[
            "pgweir.toml:4 databases.b.tcp_user_timeout = '25d': whole milliseconds, at most \"24d\"; \"0s\" for what the \
           system has",
        ],
    );
    complains("[databases.b]\npool_size = 0", &["pgweir.toml:4 databases.b.pool_size = 0: between 1 and 10000"]);
    complains(
        "[databases.b]\nurl = 'postgres://u:s3cret@db:x/b'",
        &[
            "pgweir.toml:4 databases.b.url = 'postgres://u:***@db:x/b': a port between 1 and 65535 (and %XX for each of \
           / : @ ? # in a password)",
        ],
    );
    complains(
        "[pool]\nquery_wait_timeout = '100us'",
        &["pgweir.toml:4 pool.query_wait_timeout = '100us': at least \"1ms\", or \"0s\" for never"],
    );
    complains("[users.b]\npassword = 3", &["pgweir.toml:4 users.b.password = \"***\": a text in quotes"]);
    complains(
        "[log]\nlevel = \"a\\nb\"",
        &["pgweir.toml:4 log.level = \"a\\nb\": one of error, warn, info, debug, trace"],
    );
}

#[test]
fn unknown_keys_are_all_named() {
    complains(
        "[pool]\npool_sise = 1\nmin_pool = 2\n[listen]\nmax_clients = 3\n[colour]\nred = 4",
        &[
            "pgweir.toml:4 pool.pool_sise = 1: unknown key; did you mean pool.pool_size?",
            "pgweir.toml:5 pool.min_pool = 2: unknown key",
            "pgweir.toml:7 listen.max_clients = 3: unknown key; did you mean pool.max_clients?",
            "pgweir.toml:9 colour.red = 4: unknown key",
        ],
    );
    complains("[pol]", &["pgweir.toml:3: [pol]: unknown section; did you mean [pool]?"]);
    complains(
        "[databases.app.tsl]\nmode = 'require'",
        &["pgweir.toml:4 databases.app.tsl.mode = 'require': unknown key; did you mean databases.app.tls.mode?"],
    );
    complains("pool = 3", &["pgweir.toml:3 pool = 3: a section: [pool]"]);
    complains(
        "databases.b = 'postgres://db/b'",
        &["pgweir.toml:3 databases.b = 'postgres://db/b': a section: [databases.b]"],
    );
    complains("[pool.pool_size]\nx = 1", &["pgweir.toml:4 pool.pool_size.x = 1: unknown key"]);
}

#[test]
fn what_is_not_toml_is_said_by_line() {
    assert_eq!(mistakes("[pool\npool_size = 1", ""), ["pgweir.toml:1: not TOML: unclosed table, expected `]`"]);
}

#[test]
fn mistakes_around_the_file() {
    complains_around(
        "PGWEIR_POOL_POOL_SIZE=x",
        &["environment PGWEIR_POOL_POOL_SIZE = \"x\": a whole number, like 20"],
    );
    complains_around("--workers=many", &["--workers = \"many\": a whole number, like 20"]);
    complains_around("--workers=999", &["--workers = \"999\": between 0 and 256"]);
    complains_around("--log-level=loud", &["--log-level = \"loud\": one of error, warn, info, debug, trace"]);
    complains_around(
        "PGWEIR_WORKERS=1 PGWEIR_LISTEN_WORKERS=2",
        &["environment PGWEIR_LISTEN_WORKERS = \"2\": says the same as environment PGWEIR_WORKERS; keep one of them"],
    );
    complains_around(
        "PGWEIR_POOL_SIZE=3 PGWEIR_USERS_APP_PASWORD=secret",
        &[
            "environment PGWEIR_POOL_SIZE: unknown variable; did you mean PGWEIR_POOL_POOL_SIZE?",
            "environment PGWEIR_USERS_APP_PASWORD: unknown variable; did you mean PGWEIR_USERS_APP_PASSWORD?",
        ],
    );
    complains_around(
        "DATABASE_URL=postgres://db:5432",
        &["environment DATABASE_URL = \"postgres://db:5432\": a database in it: \
         postgres://user:password@host:5432/database"],
    );
    complains_around(
        "--database-url=mysql://u:s3cret@db/a",
        &["--database-url = \"mysql://u:***@db/a\": a URL that begins with postgres://, not with mysql://"],
    );
    complains_around(
        "DATABASE_URL=postgres://u:p@db/b PGWEIR_DATABASES_B_URL=postgres://db/b",
        &[
            "environment DATABASE_URL = \"postgres://u:***@db/b\": says the same as environment PGWEIR_DATABASES_B_URL; \
         keep one of them",
        ],
    );
}

#[test]
fn later_sources_win() {
    fn check(text: &str, around: &str, expected: (&str, usize, LogLevel)) {
        let config = load(&format!("{}\n{text}", base()), around).unwrap_or_else(|m| panic!("{m:?}")).config;
        assert_eq!(
            (config.listen.addr.join(" ").as_str(), config.listen.workers, config.log.level),
            expected,
            "{around}"
        );
    }
    use crate::config::LogLevel;
    check("", "", ("127.0.0.1:6432", 2, LogLevel::Info));
    check("[listen]\naddr = ['a:1']\nworkers = 3", "", ("a:1", 3, LogLevel::Info));
    check("[listen]\naddr = ['a:1']", "PGWEIR_LISTEN=b:1,c:1", ("b:1 c:1", 2, LogLevel::Info));
    check("[listen]\nworkers = 3", "PGWEIR_LISTEN=b:1 --listen=d:1 --workers=0", ("d:1", 2, LogLevel::Info));
    check("[log]\nlevel = 'warn'", "PGWEIR_LOG_LEVEL=debug --log-level=error", ("127.0.0.1:6432", 2, LogLevel::Error));
    check("[log]\nlevel = 'warn'", "PGWEIR_LOG_LEVEL=", ("127.0.0.1:6432", 2, LogLevel::Warn));
}

/// `name host:port dbname user password` of each database, then `name=password` of each user, then the auth_type.
fn served(text: &str, around: &str) -> String {
    let config = load(text, around).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).config;
    let or = |text: &Option<String>| text.clone().unwrap_or("-".to_owned());
    let databases = config
        .databases
        .iter()
        .map(|(name, d)| format!("{name} {}:{} {} {} {}", d.host, d.port, or(&d.dbname), or(&d.user), or(&d.password)));
    let users = config.users.iter().map(|(name, user)| format!("{name}={}", or(&user.password)));
    databases.chain(users).chain([config.auth.auth_type.to_string()]).collect::<Vec<_>>().join(" | ")
}

#[test]
fn what_is_served_to_whom() {
    fn check(text: &str, around: &str, expected: &str) {
        assert_eq!(served(text, around), expected, "{text} {around}");
    }
    const SCRAM: &str = "scram-sha-256";
    let alone = |url: &str, expected: &str| check("", &format!("DATABASE_URL={url}"), expected);
    alone("postgres://app:pw@db:5433/shop", &format!("shop db:5433 shop app pw | app=pw | {SCRAM}"));
    alone("postgres://app:pw@db", &format!("app db:5432 - app pw | app=pw | {SCRAM}"));
    alone("postgres://app:p%40w@/shop?host=/run/pg", &format!("shop /run/pg:5432 shop app p@w | app=p@w | {SCRAM}"));
    alone("postgres://app@db/shop", "shop db:5432 shop app - | app=- | trust");
    alone("postgres:///shop", "shop localhost:5432 shop - - | trust");
    check(
        "",
        "DATABASE_URL=postgres://a:b@db/x --database-url=postgres://c:d@db/y",
        "y db:5432 y c d | c=d | scram-sha-256",
    );

    let file = "[databases.app]\nhost = 'db'\ndbname = 'one'\npool_size = 3\n[users.app]\npassword = 'file'";
    check(file, "", "app db:5432 one - - | app=file | scram-sha-256");
    check(
        file,
        "DATABASE_URL=postgres://u:pw@other/two",
        "app db:5432 one - - | two other:5432 two u pw | app=file | u=pw | scram-sha-256",
    );
    check(file, "DATABASE_URL=postgres://app:pw@other/app", "app other:5432 app app pw | app=file | scram-sha-256");
    check(file, "DATABASE_URL=postgres://app@other/app", "app other:5432 app app - | app=file | scram-sha-256");
    check(
        file,
        "PGWEIR_DATABASES_APP_HOST=x PGWEIR_USERS_APP_PASSWORD=y",
        "app x:5432 one - - | app=y | scram-sha-256",
    );
    check(
        "[databases.app]\nurl = 'postgres://app@db/app'\n[users.u]\npassword = 'x'",
        "PGWEIR_DATABASES_APP_PASSWORD=late",
        "app db:5432 app app late | u=x | scram-sha-256",
    );
    check(
        "",
        "DATABASE_URL=postgres://app@db/a PGWEIR_DATABASES_A_PASSWORD=pw",
        "a db:5432 a app pw | app=pw | scram-sha-256",
    );
    check(
        "[auth]\nauth_type = 'trust'",
        "DATABASE_URL=postgres://app@db/a --listen=[::]:6432",
        "a db:5432 a app - | trust",
    );
    check(
        "[auth]\nauth_type = 'md5'\n[databases.'*']\nhost = '/run'\n[users.a]\npassword = 'b'",
        "",
        "* /run:5432 - - - | a=b | md5",
    );
}

#[test]
fn a_database_from_its_url() {
    let url = "postgres://app:pw@db/a?sslmode=verify-full&application_name=x&connect_timeout=3&options=-ca&tcp_user_timeout=4000&keepalives_count=0";
    let text = format!(
        "[users.app]\npassword = 'p'\n[tls.server]\nca_file = '/ca'\n[databases.a]\nurl = '{url}'\nmax_db_connections = 0\n\
         startup = {{ work_mem = '1MB', options = '-cb' }}\ntls.cert_file = '/c'\ntls.key_file = '/k'\ntcp_keepcnt = 5"
    );
    let config = load(&text, "").unwrap_or_else(|mistakes| panic!("{mistakes:?}")).config;
    let database = &config.databases["a"];
    let tls = database.tls.clone().unwrap();
    assert_eq!(
        (tls.mode.word(), tls.ca_file, tls.cert_file, tls.key_file),
        ("verify-full", Some("/ca".into()), Some("/c".into()), Some("/k".into()))
    );
    let startup: Vec<String> = database.startup.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(startup, ["application_name=x", "options=-cb", "work_mem=1MB"]);
    assert_eq!(database.overrides.server_connect_timeout, units::parse_duration("3s").ok());
    assert_eq!(database.max_db_connections, None);
    assert_eq!((database.tcp.count, database.tcp.user_timeout), (5, units::parse_duration("4s").unwrap()));
}

#[test]
fn prints_what_holds_and_where_it_comes_from() {
    let text = "[listen]\nunix_socket_dir = \"\"\n[pool]\npool_size = 7\n[users.'a b']\npassword = 's3cret'\npool_size = 2\n\
                [databases.app.startup]\nwork_mem = '1MB'";
    let around = "DATABASE_URL=postgres://app:s3cret@db/app?sslmode=require --workers=1 PGWEIR_OBSERVE_N_PLUS_ONE=9";
    let printed = load(text, around).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).to_toml();
    for line in [
        "[listen]\naddr = [\"127.0.0.1:6432\"]\nunix_socket_dir = \"\"  # pgweir.toml:2\n",
        "workers = 1  # --workers\n",
        "pool_size = 7  # pgweir.toml:4\n",
        "\n[databases.app]\nhost = \"db\"  # environment DATABASE_URL\nport = 5432  # environment DATABASE_URL\n",
        "password = \"***\"  # environment DATABASE_URL\ntcp_keepalive = true  # environment DATABASE_URL\n",
        "tcp_user_timeout = \"0s\"  # environment DATABASE_URL\nstartup.work_mem = \"1MB\"  # pgweir.toml:9\n",
        "\n[databases.app.tls]\nmode = \"require\"  # environment DATABASE_URL\n",
        "\n[users.\"a b\"]\npassword = \"***\"  # pgweir.toml:6\npool_size = 2  # pgweir.toml:7\n",
        "n_plus_one = 9  # environment PGWEIR_OBSERVE_N_PLUS_ONE\n",
        "query_wait_timeout = \"30s\"\n",
    ] {
        assert!(printed.contains(line), "no {line:?} in:\n{printed}");
    }
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn what_is_printed_reads_back() {
    let text = "[users.'a b']\npassword = '***'\npool_mode = 'session'\n[databases.'*']\nhost = '/x'\n\
                startup.a = \"b\\nc\"\n[databases.startup]\ntls.mode = 'disable'\nquery_timeout = '90s'\n[log]\nformat = 'json'";
    let first = load(text, "PGWEIR_ADMIN_STATS_USERS=a").err().map(|mistakes| mistakes[0].to_string());
    assert!(first.is_some_and(|line| line.starts_with("environment PGWEIR_ADMIN_STATS_USERS = \"a\": \"a\" has no")));
    let first = load(text, "--workers=7").unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let again = load(&first.to_toml(), "").unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert_eq!(first.config, again.config);
}

#[test]
fn the_console_sees_no_secret() {
    let config = load(&base(), "PGWEIR_POOL_POOL_SIZE=7").unwrap_or_else(|mistakes| panic!("{mistakes:?}")).config;
    let settings = crate::config::settings(&config);
    let find = |key: &str| settings.iter().find(|s| s.key == key).map(|s| (s.value.as_str(), s.default.as_str()));
    assert_eq!(find("pool.pool_size"), Some(("7", "20")));
    assert_eq!(find("users.app.password"), Some(("\"***\"", "")));
    assert_eq!(find("databases.app.password"), Some(("\"***\"", "")));
    assert_eq!(find("databases.app.pool_size"), None);
}

#[test]
fn the_minimal_file_is_right() {
    let config = load(include_str!("../../config/minimal.toml"), "").unwrap_or_else(|m| panic!("{m:?}")).config;
    assert_eq!((config.databases.len(), config.users.len()), (1, 1));
}

const REFERENCE: &str = include_str!("../../config/reference.toml");

fn read_only(text: &str) -> (Checked, Vec<Mistake>) {
    let input = Input {
        file: Some(("reference.toml", text)),
        env: &[],
        flags: &Flags::default(),
        cores: 2,
        look: &|_| Found::File,
    };
    let (checked, _, mistakes) = read(&input).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    (checked, mistakes)
}

#[test]
fn the_reference_says_the_defaults() {
    let (checked, mistakes) = read_only(REFERENCE);
    assert_eq!(mistakes, []);
    assert_eq!(checked.config, Config::default());
}

#[test]
fn the_reference_has_every_key() {
    let is_example = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let with_examples = REFERENCE.lines().map(|line| if is_example(&line) { &line[1..] } else { line });
    let (checked, mistakes) = read_only(&with_examples.collect::<Vec<_>>().join("\n"));
    assert_eq!(mistakes, []);
    for key in listing::known() {
        let named = KeyPath(key.0.iter().map(|part| part.replace(listing::ANY, "app")).collect());
        let startup = key.last() == listing::ANY && checked.layer.has_under(&named.parent());
        assert!(startup || checked.layer.get(&named).is_some(), "{key} is not in the reference");
    }
}

/// Lines that only repeat a default in a database or a user must stay what `[pool]` says.
#[test]
fn the_examples_say_the_defaults() {
    let pool: Vec<&str> = REFERENCE.lines().filter(|line| !line.starts_with('#')).collect();
    let overriding = REFERENCE.lines().skip_while(|line| !line.contains("Instead of what [pool]"));
    let overriding =
        overriding.skip(1).take_while(|line| !line.starts_with("# ")).filter_map(|line| line.strip_prefix('#'));
    let lines: Vec<&str> = overriding.collect();
    assert!(lines.len() > 10);
    for line in lines {
        assert!(pool.contains(&line), "{line}");
    }
}

proptest::proptest! {
    /// Whatever is written, the answer is a configuration or complaints of one line each.
    #[test]
    fn nothing_written_panics(key in "[a-z_.\"*\\[\\]]{0,20}", value in ".{0,20}", variable in "[A-Z_]{0,24}", url in ".{0,40}") {
        let text = format!("[pool]\n{key} = {value}\n{key} = '{value}'");
        let env = [(format!("PGWEIR_{variable}"), value.clone()), ("DATABASE_URL".to_owned(), format!("postgres://{url}"))];
        for text in [&text, &format!("{key} = 1"), &value] {
            let flags = Flags { listen: Some(value.clone()), ..Flags::default() };
            let input = Input { file: Some(("f", text)), env: &env, flags: &flags, cores: 1, look: &|_| Found::File };
            for mistake in check(&input).err().unwrap_or_default() {
                assert!(!mistake.to_string().contains('\n'));
            }
        }
    }

    /// What is served can be printed and read back, and no complaint and no print shows the password.
    #[test]
    fn no_password_is_shown(password in "[a-z@:/?#%=&]{0,9}XYZZY[a-z@:/?#%=&]{0,9}", rest in "[a-z:/?&=]{0,12}") {
        let env = [("DATABASE_URL".to_owned(), format!("postgres://app:{password}@{rest}"))];
        let input = Input { file: None, env: &env, flags: &Flags::default(), cores: 1, look: &|_| Found::File };
        match check(&input) {
            Ok(checked) => assert!(!checked.to_toml().contains("XYZZY"), "{}", checked.to_toml()),
            Err(mistakes) => assert!(mistakes.iter().all(|m| !m.to_string().contains("XYZZY")), "{mistakes:?}"),
        }
    }
}

#[path = "check_secrets_tests.rs"]
mod secrets;
