//! `postgres://…`, a line each.

use super::*;

/// `host|port|dbname|user|password`, then what else is set; or the complaint's start after `!`.
fn check(text: &str, expected: &str) {
    let got = match ServerUrl::parse(text) {
        Ok(url) => show(&url),
        Err(right) => format!("!{right}"),
    };
    match expected.strip_prefix('!') {
        Some(_) => assert!(got.starts_with(expected), "{text} gave {got}, not {expected}"),
        None => assert_eq!(got, expected, "{text}"),
    }
}

fn show(url: &ServerUrl) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let port = url.port.map(|port| port.to_string()).unwrap_or_default();
    let addr = url.hostaddr.map(|addr| format!(" addr={addr}")).unwrap_or_default();
    let mut line = [text(&url.host), port, text(&url.dbname), text(&url.user), text(&url.password)].join("|") + &addr;
    if let Some(mode) = url.sslmode {
        line += &format!(" sslmode={mode}");
    }
    if let Some(negotiation) = url.sslnegotiation {
        line += &format!(" negotiation={negotiation}");
    }
    if let Some(root) = &url.sslrootcert {
        line += &format!(" root={}", root.as_ref().map_or("system".into(), |path| path.display().to_string()));
    }
    if let (Some(cert), Some(key)) = (&url.sslcert, &url.sslkey) {
        line += &format!(" cert={} key={}", cert.display(), key.display());
    }
    if let Some(timeout) = url.connect_timeout {
        line += &format!(" timeout={timeout:?}");
    }
    if url.tcp != Tcp::default() {
        let Tcp { keepalive, idle, interval, count, user_timeout } = url.tcp;
        line += &format!(" tcp={keepalive} {idle:?} {interval:?} {count} {user_timeout:?}");
    }
    if url.demands.binding {
        line += " binding";
    }
    if url.demands.target != Target::Any {
        line += &format!(" target={:?}", url.demands.target);
    }
    url.startup.iter().fold(line, |line, (name, value)| format!("{line} {name}={value}"))
}

#[test]
fn places_and_logins() {
    check("postgres://app:secret@db:5432/app", "db|5432|app|app|secret");
    check("postgresql://app:secret@db/app", "db||app|app|secret");
    check("postgres://db", "db||||");
    check("postgres://", "||||");
    check("postgres:///app", "||app||");
    check("postgres://app@/app", "||app|app|");
    check("postgres://:5433/app", "|5433|app||");
    check("postgres://app@db", "db|||app|");
    check("postgres://a%40b:p%3Aa%2Fs%25@db/x%20y", "db||x y|a@b|p:a/s%");
    check("postgres://app:p@ss@db/app", "db||app|app|p@ss");
    check("postgres://app:a:b@db/app", "db||app|app|a:b");
    check("postgres://app:a+b@db/app", "db||app|app|a+b");
    check("postgres://app@[::1]:5432/app", "::1|5432|app|app|");
    check("postgres://app@[::1]/app", "::1||app|app|");
    check("postgres://%2Frun%2Fpostgresql/app", "/run/postgresql||app||");
    check("postgres://db/a?hostaddr=10.0.0.7", "db||a|| addr=10.0.0.7");
    check("postgres:///a?hostaddr=::1&host=db", "db||a|| addr=::1");
    check("postgres:///db?host=/run/postgresql", "/run/postgresql||db||");
    check("postgres://u:p@/db?host=/cloudsql/x:y:z&port=5433", "/cloudsql/x:y:z|5433|db|u|p");
    check("postgres://db/?user=app&password=s%26t&dbname=x", "db||x|app|s&t");
}

#[test]
fn parameters() {
    check("postgres://db/a?sslmode=require", "db||a|| sslmode=require");
    check("postgres://db/a?ssl=true", "db||a|| sslmode=require");
    check("postgres://db/a?sslmode=require&sslnegotiation=direct", "db||a|| sslmode=require negotiation=direct");
    check("postgres://db/a?sslnegotiation=postgres", "db||a|| negotiation=postgres");
    check("postgres://db/a?sslmode=verify-ca&sslrootcert=/ca.pem", "db||a|| sslmode=verify-ca root=/ca.pem");
    check("postgres://db/a?sslrootcert=system", "db||a|| sslmode=verify-full root=system");
    check("postgres://db/a?sslcert=/c&sslkey=/k", "db||a|| cert=/c key=/k");
    check("postgres://db/a?connect_timeout=10", "db||a|| timeout=10s");
    check(
        "postgres://db/a?application_name=x%20y&options=-c%20work_mem%3D1MB",
        "db||a|| application_name=x y options=-c work_mem=1MB",
    );
    check("postgres://db/a?channel_binding=prefer&target_session_attrs=any", "db||a||");
    check("postgres://db/a?keepalives=1", "db||a||");
    check("postgres://db/a?keepalives=0", "db||a|| tcp=false 60s 10s 3 0ns");
    check(
        "postgres://db/a?keepalives_idle=30&keepalives_interval=5&keepalives_count=4&tcp_user_timeout=9500",
        "db||a|| tcp=true 30s 5s 4 9.5s",
    );
    check("postgres://db/a?keepalives_idle=0&keepalives_count=0&tcp_user_timeout=0", "db||a|| tcp=true 0ns 10s 0 0ns");
    check("postgres://db/a?sslmode=require&channel_binding=require", "db||a|| sslmode=require binding");
}

#[test]
fn mistakes() {
    check("mysql://db/a", "!a URL that begins with postgres://, not with mysql://");
    check("postgresql+psycopg://db/a", "!a URL that begins with postgres://, not with postgresql+psycopg://");
    check("jdbc:postgresql://db/a", "!a URL that begins with postgres://, not with jdbc:postgresql://");
    check("pass word://db/a", "!a URL like");
    check("db:5432/a", "!a URL like");
    check("", "!a URL like");
    check("postgres://db/a\n", "!a URL without line breaks");
    check("postgres://db/a ", "!a URL without blanks");
    check("postgres://db/a;", "!%XX for each of / # ; in a database's name");
    check("postgres://db/a#b", "!%XX for each of / # ; in a database's name");
    check("postgres://db//a", "!%XX for each of / # ; in a database's name");
    check("postgres://me:100%@db/a", "!%25 for a % in a password");
    check("postgres://me:1%zz@db/a", "!%25 for a % in a password");
    check("postgres://db:x/a", "!a port between 1 and 65535");
    check("postgres://db:0/a", "!a port between 1 and 65535");
    check("postgres://app:se/cret@db/a", "!%XX for each of / ? # in a user or password");
    check("postgres://app:?secret@db/a", "!%XX for each of / ? #");
    check(
        "postgres://db/a?user=me@there",
        "!%XX for each of / ? # in a user or password, and %40 for an @ after the host",
    );
    check("postgres://db:99999/a", "!a port between 1 and 65535");
    check("postgres://::1/a", "!brackets around an IPv6 address");
    check("postgres://[::1/a", "!a ] after the IPv6 address");
    check("postgres://[::1]5432/a", "!a : between");
    check("postgres://one,two/a", "!one host; several are not served");
    check("postgres://me:secret@one:5432,two:5433/a", "!one host; several are not served");
    check("postgres://db/a?hostaddr=db", "!hostaddr as one IP address");
    check("postgres:///a?host=one,two", "!one host; several are not served");
    check("postgres://db/a?sslmode=on", "!sslmode as one of disable, allow, prefer, require, verify-ca, verify-full");
    check("postgres://db/a?sslnegotiation=requiredirect", "!sslnegotiation as one of postgres, direct");
    check("postgres://db/a?sslmode=require&sslrootcert=system", "!sslmode=verify-full together");
    check(
        "postgres://db/a?schema=public",
        "!without schema, of which libpq knows nothing: what is for the app's driver",
    );
    check("postgres://db/a?pool=5&port=1&pgbouncer=true", "!without pool, pgbouncer, of which libpq knows nothing");
    check("postgres://db/a?passfile=/x", "!without passfile, which is not offered");
    check("postgres://db/a?keepalives=2", "!keepalives as a whole number between 0 and 1");
    check("postgres://db/a?keepalives_idle=1min", "!keepalives_idle as a whole number between 0 and 32767");
    check("postgres://db/a?keepalives_count=128", "!keepalives_count as a whole number between 0 and 127");
    check("postgres://db/a?tcp_user_timeout=-1", "!tcp_user_timeout as a whole number between 0 and 2147483647");
    check("postgres://db/a?ssl=false", "!ssl=true, or without ssl: false is not offered");
    check("postgres://db/a?sslmode", "!each parameter as name=value");
    check("postgres://db/a?connect_timeout=soon", "!connect_timeout in whole seconds");
    check("postgres://db/a?target_session_attrs=read-write", "db||a|| target=ReadWrite");
    check("postgres://db/a?target_session_attrs=standby", "db||a|| target=Standby");
    check(
        "postgres://db/a?target_session_attrs=prefer-standby",
        "!target_session_attrs=any|read-write|read-only|primary|standby",
    );
    check("postgres://db/a?channel_binding=on", "!channel_binding=disable, or without channel_binding: on");
    check("postgres://a%ff@db/a", "!a user that decodes to UTF-8");
    check("postgres://a%00@db/a", "!a user without %00");
}
