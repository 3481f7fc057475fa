//! What does not fit together, a line each.

use super::super::check::{Input, check as check_all};
use super::super::sources::Flags;
use super::*;

/// Files end in `.pem`, directories do not; what contains `no` is not there.
fn look(path: &Path) -> Found {
    match path.to_string_lossy() {
        path if path.contains("no") => Found::Nothing("does not exist".to_owned()),
        path if path.ends_with(".pem") => Found::File,
        _ => Found::Directory,
    }
}

fn mistakes(text: &str, env: &[(&str, &str)]) -> Vec<String> {
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let file = (!text.is_empty()).then_some(("f", text));
    let input = Input { file, env: &env, flags: &Flags::default(), cores: 1, look: &look };
    check_all(&input).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

const BASE: &str = "databases.app.url = 'postgres://app:secret@db/app'\nusers.app.password = 'secret'\n";

/// `text` stands after two lines that are right; each complaint has to start as expected.
fn complains(text: &str, expected: &[&str]) {
    starts(&mistakes(&format!("{BASE}{text}"), &[]), expected, text);
}

fn starts(got: &[String], expected: &[&str], about: &str) {
    let fits = got.len() == expected.len() && got.iter().zip(expected).all(|(got, start)| got.starts_with(start));
    assert!(fits, "{about}\ngave     {got:#?}\nexpected {expected:#?}");
}

#[test]
fn sizes() {
    complains("[pool]\nmin_pool_size = 20", &[]);
    complains("[pool]\nmin_pool_size = 21", &["f:4 pool.min_pool_size = 21: min_pool_size is 21 and pool_size is 20;"]);
    complains("[pool]\npool_size = 2\nmin_pool_size = 3", &["f:5 pool.min_pool_size = 3: min_pool_size is 3"]);
    complains("[users.app]\nmin_pool_size = 21", &["f:3: not TOML: duplicate key"]);
    complains(
        "[users.b]\nmin_pool_size = 21",
        &["f:4 users.b.min_pool_size = 21: min_pool_size is 21 and pool_size is 20"],
    );
    complains(
        "[pool]\nmin_pool_size = 5\n[databases.b]\npool_size = 4",
        &["f:6 databases.b.pool_size = 4: min_pool_size is 5 and pool_size is 4"],
    );
}

#[test]
fn addresses() {
    complains("[listen]\naddr = ['127.0.0.1:6432', '[::1]:6432', 'localhost:0', 'my_host.local:1']", &[]);
    complains("[listen]\naddr = []", &["f:4 listen.addr = []: at least one address, or a unix_socket_dir"]);
    complains("[listen]\naddr = []\nunix_socket_dir = '/run'", &[]);
    complains("[listen]\naddr = ['6432']", &["f:4 listen.addr = ['6432']: \"6432\" should be an address and a port"]);
    complains(
        "[listen]\naddr = ['*:6432']",
        &["f:4 listen.addr = ['*:6432']: \"*:6432\" should be \"0.0.0.0:6432\" or"],
    );
    complains("[listen]\naddr = [':6432']", &["f:4 listen.addr = [':6432']: \":6432\" should be \"0.0.0.0:6432\" or"]);
    complains(
        "[listen]\naddr = ['::1:6432']",
        &["f:4 listen.addr = ['::1:6432']: \"::1:6432\" should be \"[::1]:6432\""],
    );
    complains("[listen]\naddr = ['a b:1']", &["f:4 listen.addr = ['a b:1']: \"a b:1\" should be an address"]);
    complains("[listen]\naddr = ['a:99999']", &["f:4 listen.addr = ['a:99999']: \"a:99999\" should be an address"]);
    complains("[listen]\naddr = ['a:1', 'a:1']", &["f:4 listen.addr = ['a:1', 'a:1']: \"a:1\" stands there twice"]);
    complains("[listen]\nhttp = '127.0.0.1:6432'", &["f:4 listen.http = '127.0.0.1:6432': another port than"]);
    complains("[listen]\nhttp = 'localhost:7000'", &[]);
}

#[test]
fn unix_sockets() {
    complains("[listen]\nunix_socket_dir = '/run'", &[]);
    complains(
        "[listen]\nunix_socket_dir = '/no'",
        &["f:4 listen.unix_socket_dir = '/no': a directory; this one does not"],
    );
    complains(
        "[listen]\nunix_socket_dir = '/a.pem'",
        &["f:4 listen.unix_socket_dir = '/a.pem': a directory; this is a file"],
    );
    let long = format!("[listen]\nunix_socket_dir = '/{}'", "x".repeat(100));
    let got = mistakes(&format!("{BASE}{long}"), &[]);
    assert!(got.len() == 1 && got[0].contains("at most 92 bytes"), "{got:?}");
}

#[test]
fn certificates() {
    complains("[tls.client]\nmode = 'require'\ncert_file = '/c.pem'\nkey_file = '/k.pem'", &[]);
    complains("[tls.client]\nmode = 'require'", &["f:4 tls.client.mode = 'require': cert_file and key_file beside it"]);
    complains(
        "[tls.client]\nmode = 'prefer'\ncert_file = '/c.pem'",
        &["f:5 tls.client.cert_file = '/c.pem': a key_file beside"],
    );
    complains(
        "[tls.client]\nmode = 'disable'\nkey_file = '/k.pem'",
        &["f:5 tls.client.key_file = '/k.pem': a cert_file beside"],
    );
    complains(
        "[tls.client]\ncert_file = '/c.pem'\nkey_file = '/k.pem'",
        &["f tls.client.mode: \"prefer\" or \"require\";"],
    );
    complains("[tls.client]\nmode = 'disable'\ncert_file = '/c.pem'\nkey_file = '/k.pem'", &[]);
    complains(
        "[tls.client]\nmode = 'verify-ca'\ncert_file = '/c.pem'\nkey_file = '/k.pem'",
        &["f:4 tls.client.mode = 'verify-ca': a ca_file beside it"],
    );
    complains(
        "[tls.client]\nmode = 'require'\ncert_file = '/no.pem'\nkey_file = '/dir'",
        &[
            "f:5 tls.client.cert_file = '/no.pem': a PEM file; /no.pem does not exist",
            "f:6 tls.client.key_file = '/dir': a PEM file; /dir is a directory",
        ],
    );
    complains("[tls.server]\nmode = 'verify-full'", &[]);
    complains("[tls.server]\nmode = 'require'\nsslnegotiation = 'direct'", &[]);
    complains(
        "[tls.server]\nmode = 'prefer'\nsslnegotiation = 'direct'",
        &["f:4 tls.server.mode = 'prefer': \"require\", \"verify-ca\" or \"verify-full\""],
    );
    complains(
        "[databases.b]\nurl = 'postgres://db/b?sslnegotiation=direct'",
        &["f:4: databases.b.tls.mode: \"require\", \"verify-ca\" or \"verify-full\""],
    );
    complains("[tls.server]\nmode = 'verify-ca'", &["f:4 tls.server.mode = 'verify-ca': a ca_file beside it"]);
    complains(
        "[databases.b]\ntls = { mode = 'verify-ca' }",
        &["f:4 databases.b.tls.mode = 'verify-ca': a ca_file beside"],
    );
    complains(
        "[databases.b]\nurl = 'postgres://db/b?sslmode=verify-ca&sslrootcert=/no'",
        &["f:4: databases.b.tls.ca_file: a PEM file; /no does not exist"],
    );
}

#[test]
fn databases() {
    complains("[databases.b]\nhost = 'x'\nport = 1\ndbname = 'y'\nuser = 'u'\npassword = 'p'", &[]);
    complains(
        "[databases.b]\nurl = 'postgres://db/b'\nhost = 'x'\nport = 1",
        &[
            "f:5 databases.b.host = 'x': either url or host; the url says it already",
            "f:6 databases.b.port = 1: either url or port",
        ],
    );
    complains(
        "[databases.b]\nhost = 'db:5433'",
        &["f:4 databases.b.host = 'db:5433': host = \"db\" and port = 5433, two"],
    );
    complains(
        "[databases.b]\nhost = 'a b'",
        &["f:4 databases.b.host = 'a b': a host name, an address, or a directory"],
    );
    complains("[databases.b]\nhost = ''", &["f:4 databases.b.host = '': a host name"]);
    complains("[databases.b]\nhost = '::1'", &[]);
    complains("[databases.b]\npassword = 'x'", &["f:4 databases.b.password = \"***\": a user beside it"]);
    complains(
        "[databases.pgbouncer]\nurl = 'postgres://db/b'",
        &["f:4: databases.pgbouncer: another name; pgbouncer is kept for an admin console"],
    );
    complains("[databases.pgweir]\nhost = 'db'", &["f:4: databases.pgweir: another name"]);
    complains("[databases.'app_*']\nhost = 'db'", &["f:4: databases.\"app_*\": a name; only * alone stands for those"]);
    complains("[users.'*']\npassword = 'x'", &["f:4: users.\"*\": a user's name"]);
    complains("[users.'']\npassword = 'x'", &["f:4: users.\"\": a user's name"]);
    complains("[databases.b.startup]\nreplication = 'on'", &["f:4 databases.b.startup.replication = 'on': without it"]);
    complains(
        "[databases.b]\nurl = 'postgres://localhost:6432/b'",
        &["f:4 databases.b.url = 'postgres://localhost:6432/b': the address of Postgres; this is where pgweir itself"],
    );
    complains(
        "[listen]\naddr = ['[::]:5432']\n[databases.b]\nhost = '127.0.0.1'",
        &["f:6 databases.b.host = '127.0.0.1': the address of Postgres"],
    );
    complains("[listen]\naddr = ['127.0.0.1:5432']\n[databases.b]\nhost = 'db'", &[]);
}

#[test]
fn nobody_and_everybody() {
    let none = mistakes("", &[]);
    starts(&none, &["no database to serve: set DATABASE_URL (or --database-url) to postgres://"], "nothing at all");
    starts(&mistakes("[pool]", &[]), &["no database to serve"], "an empty file");
    starts(&mistakes("[databases.b]", &[]), &["f users.<name>.password: no user has a password"], "no users");
    starts(&mistakes("auth.auth_type = 'trust'\n[databases.b]", &[]), &[], "trust needs none");
    complains(
        "[admin]\nadmin_users = ['root']",
        &["f:4 admin.admin_users = ['root']: \"root\" has no [users.root] password"],
    );
    complains("[admin]\nadmin_users = ['app']", &[]);

    let open = |url, listen| mistakes("", &[("DATABASE_URL", url), ("PGWEIR_LISTEN", listen)]);
    starts(&open("postgres://app@db/a", "127.0.0.1:1,[::1]:1,localhost:1"), &[], "loopback");
    starts(&open("postgres://app:pw@db/a", "0.0.0.0:1"), &[], "with a password");
    starts(
        &open("postgres://app@db/a", "0.0.0.0:1"),
        &["environment DATABASE_URL = \"postgres://app@db/a\": has no password, so every client is trusted"],
        "open to all",
    );
    starts(&open("postgres://app@db/a", "127.0.0.1:1,app:1"), &["environment DATABASE_URL"], "a name is open, too");
}

#[test]
fn secrets() {
    const SCRAM: &str = "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy";
    const MD5: &str = "md5d41d8cd98f00b204e9800998ecf8427e";
    let check = |secret: &str, auth_type: &str, expected: &[&str]| {
        let text = format!("auth.auth_type = '{auth_type}'\n[databases.b]\n[users.b]\npassword = '{secret}'");
        starts(&mistakes(&text, &[]), expected, secret);
    };
    check(SCRAM, "scram-sha-256", &[]);
    check(SCRAM, "md5", &[]);
    check(MD5, "md5", &[]);
    check(MD5, "scram-sha-256", &["f:4 users.b.password = \"***\": the plain password or a SCRAM-SHA-256 verifier"]);
    check("md5 is weak", "scram-sha-256", &[]);
    check("md5abc", "scram-sha-256", &[]);
    check(&MD5[..34], "md5", &["f:4 users.b.password = \"***\": 32 hexadecimal digits after md5"]);
    check(
        "SCRAM-SHA-256$4096:c2FsdA==",
        "scram-sha-256",
        &["f:4 users.b.password = \"***\": SCRAM-SHA-256$<iterations>"],
    );
    check("SCRAM-SHA-256$x:c2FsdA==$a:b", "scram-sha-256", &["f:4 users.b.password = \"***\": SCRAM-SHA-256$<iter"]);
    check("SCRAM-SHA-256$4096:c2FsdA==$a:", "scram-sha-256", &["f:4 users.b.password = \"***\": SCRAM-SHA-256$<iter"]);
}

#[test]
fn one_place_by_several_sources() {
    let place = |env: &[(&str, &str)], text: &str| {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let input = Input { file: Some(("f", text)), env: &env, flags: &Flags::default(), cores: 1, look: &look };
        let database = check_all(&input).unwrap_or_else(|wrong| panic!("{wrong:?}")).config.databases["app"].clone();
        format!("{}:{}/{}", database.host, database.port, database.dbname.unwrap_or_default())
    };
    let parts = "[databases.app]\nhost = 'one'\nport = 1\ndbname = 'd'\nuser = 'app'\npassword = 'p'\n[users.app]\npassword = 's'";
    assert_eq!(place(&[("PGWEIR_DATABASES_APP_HOST", "two")], BASE), "two:5432/app");
    assert_eq!(place(&[("PGWEIR_DATABASES_APP_HOST", "two")], parts), "two:1/d");
    assert_eq!(place(&[("PGWEIR_DATABASES_APP_URL", "postgres://app:x@two/e")], parts), "two:5432/e");
    complains("[databases.app]\nhost = 'two'", &["f:3: not TOML: duplicate key"]);
    complains("databases.app.host = 'two'", &["f:3 databases.app.host = 'two': either url or host"]);
    starts(
        &mistakes("databases.app.url = ''\nusers.app.password = 's'", &[]),
        &["f:1 databases.app.url = '': a URL like postgres://user:password@host:5432/database, or no url at all"],
        "nothing",
    );
}
