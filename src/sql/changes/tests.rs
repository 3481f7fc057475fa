//! Changes: lines of SQL and the settings that they change.

use super::*;

/// `name=value`, `name:default`, `name:?`, `*:default`, with `|` between.
fn show(changes: &[Change]) -> String {
    let one = |change: &Change| match &change.to {
        To::Value(value) => format!("{}={value}", change.name),
        To::Default => format!("{}:default", change.name),
        To::AllDefault => format!("{}*:default", change.name),
        To::Unread => format!("{}:?", change.name),
    };
    changes.iter().map(one).collect::<Vec<_>>().join("|")
}

/// `$1` is `one`, `$2` is NULL, `$3` is `t`, `$4` is `f`; others are unknown.
fn parameters(number: u32) -> Option<Option<Vec<u8>>> {
    match number {
        1 => Some(Some(b"one".to_vec())),
        2 => Some(None),
        3 => Some(Some(b"t".to_vec())),
        4 => Some(Some(b"f".to_vec())),
        _ => None,
    }
}

fn check(sql: &str, expected: &str) {
    assert_eq!(show(&changes(sql.as_bytes(), false, &parameters)), expected, "{sql}");
}

#[test]
fn values() {
    check("SET x = 1", "x=1");
    check("SET X TO 'Y'", "x=Y");
    check("SET x TO Foo", "x=foo");
    check("SET x TO \"Foo\"", "x=Foo");
    check("SET x = -1", "x=-1");
    check("SET x = + 1.50", "x=1.50");
    check("SET x = - .5", "x=-.5");
    check("SET x = 007", "x=7");
    check("SET x = -0", "x=0");
    check("SET x = 2147483648", "x=2147483648");
    check("SET x = 1e3", "x=1e3");
    check("SET x = 0x10", "x:?");
    check("SET x = 1_000", "x:?");
    check("SET x = on", "x=on");
    check("SET x = TRUE", "x=true");
    check("SET x = ''", "x=");
    check("SET x = 'it''s'", "x=it's");
    check("SET x = E'a\\tb'", "x=a\tb");
    check("SET x = $$a'b$$", "x=a'b");
    check("SET x = 'a'\n'b'", "x=ab");
    check("SET x = U&'a'", "x:?");
    check("SET x = B'1'", "x:?");
    check("SET x = E'\\xff'", "x:?");
    check("SET x = DEFAULT", "x:default");
    check("SET x TO default;", "x:default");
    check("SET x = 'default'", "x=default");
    check("SET x = \"default\"", "x=default");
    check("SET x FROM CURRENT", "x:?");
    check("SET x", "x:?");
    check("SET x =", "x:?");
    check("SET x = $1", "x:?");
    check("SET x = a b", "x:?");
    check("SET SESSION x = 1 /* y */ ; -- z", "x=1");
}

#[test]
fn names_of_settings() {
    check("SET \"TimeZone\" = 'UTC'", "timezone=UTC");
    check("SET App.User = 5", "app.user=5");
    check("SET \"App\" . \"us\"\"er\" = 5", "app.us\"er=5");
    check("SET a.b.c = 5", "a.b.c=5");
    check("SET session.x = 1", "session.x=1");
    check("SET local.x = 1", "local.x=1");
    check("SET U&\"x\" = 1", ":?");
    check("SET a.1 = 1", "a:?");
    let long = "x".repeat(70);
    check(&format!("SET {long} = {long}"), &format!("{}={}", &long[..63], &long[..63]));
    check(&format!("SET x = '{long}'"), &format!("x={long}"));
    assert_eq!(show(&changes(b"SET \xff = 1", false, &parameters)), ":?");
    assert_eq!(show(&changes(b"SET x = '\xff'", false, &parameters)), "x:?");
}

#[test]
fn lists() {
    check("SET datestyle = ISO, MDY", "datestyle=iso, mdy");
    check("SET datestyle = 'ISO', 'MDY'", "datestyle=ISO, MDY");
    check("SET search_path = a, b", "search_path=a, b");
    check("SET search_path TO \"$user\", public", "search_path=\"$user\", public");
    check("SET search_path = 'a, b'", "search_path=\"a, b\"");
    check("SET search_path = ''", "search_path=\"\"");
    check("SET search_path = A, \"B\", \"c\"\"d\", 'e'", "search_path=a, \"B\", \"c\"\"d\", e");
    check("SET x = a,", "x:?");
    check("SET x = a, default", "x=a, default");
}

#[test]
fn own_words() {
    check("SET TIME ZONE 'UTC'", "timezone=UTC");
    check("SET TIME ZONE PST8PDT", "timezone=pst8pdt");
    check("SET TIME ZONE -7", "timezone=-7");
    check("SET SESSION TIME ZONE LOCAL", "timezone:default");
    check("SET TIME ZONE DEFAULT", "timezone:default");
    check("SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE", "timezone:?");
    check("RESET TIME ZONE", "timezone:default");
    check("SET TIMEZONE = 'UTC'", "timezone=UTC");
    check("SET NAMES 'latin1'", "client_encoding=latin1");
    check("SET NAMES", "client_encoding:default");
    check("SET NAMES DEFAULT", "client_encoding:default");
    check("SET SCHEMA 'A b'", "search_path=\"A b\"");
    check("SET ROLE x", "role=x");
    check("SET SESSION ROLE 'X'", "role=X");
    check("SET ROLE NONE", "role=none");
    check("SET role = DEFAULT", "role:default");
    check("RESET ROLE", "role:default");
    check("SET SESSION AUTHORIZATION 'x'", "session_authorization=x|role=none");
    check("SET SESSION SESSION AUTHORIZATION x", "session_authorization=x|role=none");
    check("SET SESSION AUTHORIZATION DEFAULT", "session_authorization:default|role=none");
    check("SET session_authorization = x", "session_authorization=x|role=none");
    check("RESET SESSION AUTHORIZATION", "session_authorization:default|role=none");
    check("SET XML OPTION DOCUMENT", "xmloption=document");
    check("SET SEED TO 0.5", "seed=0.5");
}

#[test]
fn characteristics_of_the_session() {
    let check = |modes: &str, expected: &str| {
        check(&format!("SET SESSION CHARACTERISTICS AS TRANSACTION {modes}"), expected);
    };
    check("ISOLATION LEVEL READ COMMITTED", "default_transaction_isolation=read committed");
    check("ISOLATION LEVEL REPEATABLE READ", "default_transaction_isolation=repeatable read");
    check("ISOLATION LEVEL READ UNCOMMITTED", "default_transaction_isolation=read uncommitted");
    check("READ ONLY", "default_transaction_read_only=on");
    check(
        "ISOLATION LEVEL SERIALIZABLE, READ WRITE NOT DEFERRABLE",
        "default_transaction_isolation=serializable|default_transaction_read_only=off|default_transaction_deferrable=off",
    );
    check("DEFERRABLE;", "default_transaction_deferrable=on");
    let unread = "default_transaction_isolation:?|default_transaction_read_only:?|default_transaction_deferrable:?";
    check("READ", unread);
    check("", unread);
    check("READ ONLY 1", unread);
}

#[test]
fn not_for_the_session() {
    for sql in [
        "SET LOCAL x = 1",
        "SET LOCAL ROLE y",
        "SET TRANSACTION READ ONLY",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET transaction_read_only = on",
        "RESET TRANSACTION ISOLATION LEVEL",
        "SELECT set_config('a', 'b', true)",
        "SELECT set_config('a', 'b', $3)",
        "SELECT set_config('transaction_isolation', 'b', false)",
        "UPDATE t SET x = 1",
        "SELECT 'SET x = 1'",
        "DISCARD TEMP",
        "SELECT 1",
        "",
    ] {
        check(sql, "");
    }
}

#[test]
fn many() {
    check("SET a = 1; SELECT 2; SET b = 3;; RESET a", "a=1|b=3|a:default");
    check("SET a = 1; RESET ALL; SET b = 2", "a=1|*:default|b=2");
    check("SET a = 1; DISCARD ALL", "a=1|session_authorization:default|role=none|*:default");
    check("SET a = ; SET b = 2", "a:?|b=2");
    check("SELECT 1; SELECT set_config('a', '1', false); SET b = 2", "a=1|b=2");
}

#[test]
fn calls() {
    check("SELECT set_config('A.b', 'C', false)", "a.b=C");
    check("SELECT pg_catalog.set_config('search_path', '', false);", "search_path=");
    check("SELECT pg_catalog.\"set_config\"('a', 'b', 'off') AS x", "a=b");
    check("SELECT set_config('a', 'b', false), set_config('c', 'd', false) x, 1", "a=b|c=d");
    check("SELECT 1, f(2, 3), set_config('a', 'b', false)::text", "a=b");
    check("SELECT set_config('x', $1, $4)", "x=one");
    check("SELECT set_config($1, 'y', false)", "one=y");
    check("SELECT set_config($1::text, $2, false)", "one:default");
    check("SELECT set_config('x', NULL, false)", "x:default");
    check("SELECT set_config('x', 'y', $2)", "x=y");
    check("SELECT set_config('x', 'y', true), set_config('z', 'y', false)", "z=y");
    check("SELECT set_config('role', 'x', false)", "role=x");
    check("SELECT set_config('session_authorization', 'x', false)", "session_authorization=x|role=none");
}

#[test]
fn calls_that_cannot_be_read() {
    check("SELECT set_config('x', $9, false)", "x:?");
    check("SELECT set_config('x', 'y', $9)", "x:?");
    check("SELECT set_config($9, 'y', false)", ":?");
    check("SELECT set_config('x', 'a' || 'b', false)", "x:?");
    check("SELECT set_config('x', f(1, 2), false)", "x:?");
    check("SELECT set_config('x', 'y', false) FROM t", "x:?");
    check("SELECT set_config('x', 'y', false), 1 FROM t", "x:?");
    check("SELECT set_config('x', 'y', false) WHERE a", "x:?");
    check("SELECT set_config('x', 'y', false) UNION SELECT 'a'", "x:?");
    check("SELECT 'a' UNION SELECT set_config('x', 'y', false)", "x:?");
    check("SELECT CASE WHEN a THEN set_config('x', 'y', false) END", "x:?");
    check("SELECT coalesce(a, set_config('x', 'y', false))", "x:?");
    check("SELECT (SELECT set_config('x', 'y', false))", "x:?");
    check("SELECT set_config('x', 'y', false) = 'y' AND false", "x:?");
    check("SELECT DISTINCT set_config('x', 'y', false)", "x:?");
    check("SELECT other.set_config('x', 'y', false)", "x:?");
    check("WITH a AS (SELECT set_config('x', 'y', false)) SELECT 1", "x:?");
    check("(SELECT set_config('x', 'y', false))", "x:?");
    check("INSERT INTO t SELECT set_config('x', 'y', false)", "x:?");
    check("EXPLAIN SELECT set_config('x', 'y', false)", "x:?");
    check("SELECT set_config('x', f('y'; SET z = 1", "z=1");
}

#[test]
fn calls_in_calls_are_opaque() {
    check("SELECT set_config('x', set_config('y', 'z', false), false)", "");
    for part in ["set_config('a',", "set_config(", "SET x = a,", "set_config('a','b',false),"] {
        changes(part.repeat(50_000).as_bytes(), false, &parameters);
    }
}

#[test]
fn backslashes() {
    assert_eq!(show(&changes(br"SET x = 'a\'b'; SET y = 1", true, &parameters)), "x=a'b|y=1");
    assert_eq!(show(&changes(br"SET x = 'a\'; SET y = 1", false, &parameters)), r"x=a\|y=1");
}
