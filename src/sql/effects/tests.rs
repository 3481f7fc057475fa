//! Effects: lines of SQL and what they may leave behind.

use super::*;

const NAMES: [(Effects, &str); 19] = [
    (Effects::SETTINGS, "settings"),
    (Effects::OPAQUE, "opaque"),
    (Effects::RESET_ALL, "reset_all"),
    (Effects::DISCARD_ALL, "discard_all"),
    (Effects::DISCARD_TEMP, "discard_temp"),
    (Effects::DISCARD_OTHER, "discard_other"),
    (Effects::LOCK, "lock"),
    (Effects::UNLOCK, "unlock"),
    (Effects::TEMP, "temp"),
    (Effects::DROP, "drop"),
    (Effects::HOLD, "hold"),
    (Effects::CLOSE, "close"),
    (Effects::PREPARE, "prepare"),
    (Effects::DEALLOCATE, "deallocate"),
    (Effects::LISTEN, "listen"),
    (Effects::UNLISTEN, "unlisten"),
    (Effects::LOAD, "load"),
    (Effects::CURRVAL, "currval"),
    (Effects::ROLLBACK, "rollback"),
];

fn show(effects: Effects) -> String {
    let found = NAMES.iter().filter(|(bit, _)| effects.contains(*bit)).map(|(_, name)| *name);
    found.collect::<Vec<_>>().join(" ")
}

/// `expected`: the names of the bits in the order of `NAMES`.
fn check(sql: &str, expected: &str) {
    assert_eq!(show(effects(sql.as_bytes(), false)), expected, "{sql}");
    assert_eq!(show(read(sql.as_bytes(), false)), expected, "{sql}");
}

fn each(expected: &str, texts: &[&str]) {
    texts.iter().for_each(|sql| check(sql, expected));
}

#[test]
fn nothing() {
    each(
        "",
        &[
            "",
            ";;",
            "select 1",
            "SELECT set, reset FROM t",
            "SELECT 'SET x = 1; RESET y'",
            "SELECT $$; SET x = 1;$$",
            "SELECT \"; SET x = 1\"",
            "-- ; SET x = 1",
            "/* ; SET x = 1 */ SELECT 1",
            "BEGIN",
            "BEGIN; COMMIT",
            "SAVEPOINT a; RELEASE a",
            "UPDATE t SET a = 1",
            "update only s.t as x set a = set_config where b",
            "ALTER TABLE t SET (fillfactor = 70)",
            "ALTER ROLE r SET search_path = x",
            "ALTER SYSTEM SET x = 1",
            "ALTER DATABASE d RESET ALL",
            "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = public, pg_temp AS $$ SET x = 1 $$",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC UPDATE t SET a = 1; SELECT 1; END",
            "CREATE RULE r AS ON UPDATE TO t DO INSTEAD (UPDATE u SET a = 1; DELETE FROM v; NOTIFY x)",
            "CREATE TABLE temp (a int)",
            "CREATE TABLE t (temp int, temporary int)",
            "CREATE INDEX ON temp (a)",
            "INSERT INTO temp VALUES (1)",
            "INSERT INTO temporary SELECT 1",
            "INSERT INTO pg_temp.t VALUES (1)",
            "MERGE INTO temp USING t ON a WHEN MATCHED THEN DELETE",
            "WITH x AS (INSERT INTO temp VALUES (1) RETURNING a) SELECT * FROM x",
            "SELECT * FROM pg_temp.t, temp",
            "SELECT 1 INTO t",
            "MOVE 1 FROM c",
            "COPY temp FROM STDIN",
            "COPY (SELECT 1) TO STDOUT",
            "DECLARE c CURSOR FOR SELECT 1",
            "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1",
            "DECLARE c CURSOR FOR WITH hold AS (SELECT 1) SELECT * FROM hold",
            "FETCH ALL FROM c",
            "NOTIFY listen",
            "PREPARE TRANSACTION 'x'",
            "prepare /* */ transaction $$x$$",
            "EXPLAIN SELECT 1",
            "EXPLAIN (ANALYZE, SETTINGS) UPDATE t SET a = 1",
            "(SELECT 1) UNION (SELECT 2)",
            "VALUES (1), (2)",
            "TABLE temp",
            "SHOW ALL",
            "SELECT nextval('s')",
            "SELECT execute, discard FROM prepare",
            "CALL p()",
            "LOCK TABLE t",
        ],
    );
}

#[test]
fn settings() {
    each(
        "settings",
        &[
            "SET x = 1",
            "SET x TO 1",
            "set X to 1",
            " /* a */ SeT -- b\n x = 1",
            "SET SESSION x = 1",
            "SET \"x\" = 1",
            "SET a.b = 1",
            "SET session.x = 1",
            "SET local.x = 1",
            "SET \"local\" = 1",
            "SET transaction.x = 1",
            "SET constraints.x TO 1",
            "SET TIME ZONE 'UTC'",
            "SET SESSION TIME ZONE LOCAL",
            "SET TIMEZONE TO 'UTC'",
            "SET NAMES 'utf8'",
            "SET SCHEMA 's'",
            "SET ROLE x",
            "SET SESSION ROLE x",
            "SET ROLE NONE",
            "SET role = 'x'",
            "RESET ROLE",
            "SET SESSION AUTHORIZATION x",
            "SET SESSION SESSION AUTHORIZATION 'x'",
            "SET SESSION AUTHORIZATION DEFAULT",
            "RESET SESSION AUTHORIZATION",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET SESSION SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET XML OPTION DOCUMENT",
            "SET SEED TO 0.5",
            "SET x FROM CURRENT",
            "RESET x",
            "RESET a.b",
            "RESET TIME ZONE",
            "RESET \"all\"",
            "SELECT 1; SET x = 1; SELECT 2",
            "BEGIN; SET x = 1",
            "SELECT 1 /* ; */;SET x=1",
            "SELECT set_config('a', 'b', false)",
            "SELECT pg_catalog.set_config('a', 'b', false)",
            "select \"set_config\" ('a','b',FALSE)",
            "SELECT Pg_Catalog . SET_CONFIG /* x */ ( 'a' , 'b' , 'off' )",
            "SELECT set_config($1, $2, false)",
            "SELECT set_config($1::text, $2::text, 'f'::bool)",
            "SELECT set_config(E'a', $$b$$, 'no'::boolean)",
            "SELECT set_config('a', (SELECT f(x, y)), false)",
            "SELECT set_config('a', array[1,2][1]::text, false) FROM t",
            "SELECT set_config('a', 'b', NULL)",
            "WITH x AS (SELECT set_config('a', 'b', false)) SELECT * FROM x",
            "INSERT INTO t VALUES (set_config('a', 'b', false))",
            "(SELECT set_config('a', 'b', false))",
            "EXPLAIN ANALYZE SELECT set_config('a', 'b', false)",
            "COPY (SELECT set_config('a', 'b', false)) TO STDOUT",
        ],
    );
}

#[test]
fn settings_of_the_transaction() {
    each(
        "",
        &[
            "SET LOCAL x = 1",
            "set local x to 1",
            "SET /* */ LOCAL ROLE x",
            "SET LOCAL TIME ZONE 'UTC'",
            "SET LOCAL SESSION AUTHORIZATION x",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET SESSION TRANSACTION READ ONLY",
            "SET TRANSACTION SNAPSHOT 'x'",
            "SET CONSTRAINTS ALL DEFERRED",
            "SET transaction_isolation = serializable",
            "SET SESSION transaction_read_only TO on",
            "SET \"transaction_deferrable\" TO on",
            "RESET transaction_isolation",
            "RESET TRANSACTION ISOLATION LEVEL",
            "SELECT set_config('a', 'b', true)",
            "SELECT set_config('a', $1, 'true')",
            "SELECT set_config($1, $2, 't'::bool)",
            "SELECT set_config($1, $2, ' ON '::boolean)",
            "SELECT set_config($1, $2, 'yes')",
            "SELECT set_config(a || b, c, true)",
            "SELECT set_config('transaction_isolation', 'serializable', false)",
            "SELECT set_config('a', 'b')",
            "SELECT set_config()",
            "SELECT set_config",
            "SELECT 'set_config(''a'', ''b'', false)'",
            "SELECT \"SET_CONFIG\"('a', 'b', false)",
            "SELECT my_set_config('a', 'b', false)",
            "SET",
            "SET ;",
            "RESET 1",
        ],
    );
}

#[test]
fn opaque() {
    each(
        "opaque",
        &[
            "SELECT set_config(a, 'b', false) FROM t",
            "SELECT set_config('a' || 'b', 'c', false)",
            "SELECT set_config(U&'a', 'c', false)",
            "SELECT set_config(N'a', 'c', false)",
            "SELECT set_config(lower('a'), 'c', false)",
            "SELECT set_config(setting_name => 'a', new_value => 'b', is_local => false)",
            "SELECT set_config(a, b, c) FROM t",
            "SELECT set_config('a', set_config('b', 'c', false), false)",
            "SELECT set_config(set_config(set_config(",
            "DO 'BEGIN PERFORM set_config(''a'', ''b'', false); END'",
            "DO $$ BEGIN SET x = 1; END $$",
            "do language plpgsql $$ begin reset x; end $$",
            "DO $$ BEGIN UPDATE t SET a = 1; END $$",
            "EXECUTE p",
            "EXECUTE p(1, 2)",
            "EXPLAIN ANALYZE EXECUTE p",
            "CREATE TABLE t AS EXECUTE p",
            "UPDATE pg_settings SET setting = 'x' WHERE name = 'y'",
            "UPDATE ONLY pg_catalog.pg_settings AS s SET setting = 'x'",
        ],
    );
    each(
        "settings opaque",
        &[
            "SELECT set_config('a', 'b', $3)",
            "SELECT set_config('a', 'b', $3::bool)",
            "SELECT set_config($1, $2, $3)",
            "SELECT set_config('a', 'b', NOT true)",
            "SELECT set_config('a', 'b', c) FROM t",
            "SELECT set_config('a', 'b', false); EXECUTE p",
        ],
    );
    each(
        "opaque deallocate",
        &[
            "DO $x$ BEGIN EXECUTE $$SET x = 1$$; END $x$",
            "DO E'BEGIN S\\x45T x = 1; END'",
            "DO 'BEGIN SE'\n'T x = 1; END'",
            "DO LANGUAGE plperl $$ 1 $$",
            "DO LANGUAGE \"plpython3u\" $$ 1 $$",
            "DO $$ 1 $$ LANGUAGE 'plperl'",
        ],
    );
    check("SET x = 1; DO $$ BEGIN EXECUTE 'x'; END $$", "settings opaque deallocate");
    check("SELECT U&\"set\\005fconfig\"('a', 'b', false)", "opaque lock currval");
}

#[test]
fn blocks() {
    each(
        "",
        &[
            "DO $$ BEGIN PERFORM f('SET x = 1'); END $$",
            "DO $$ BEGIN -- set all\n NULL; END $$",
            "DO LANGUAGE plpgsql $$ BEGIN PERFORM 1; END $$",
            "DO $$ BEGIN NULL; END $$ LANGUAGE 'plpgsql'",
            "DO 'BEGIN RAISE NOTICE ''it''''s\\''; END'",
        ],
    );
    check("DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$", "lock");
    check("DO 'BEGIN CREATE TEMP TABLE t (a int); END'", "temp");
}

#[test]
fn everything_goes() {
    check("RESET ALL", "reset_all");
    check("reset /* x */ all;", "reset_all");
    check("DISCARD ALL", "discard_all");
    check("discard temp", "discard_temp");
    check("DISCARD TEMPORARY", "discard_temp");
    check("DISCARD PLANS; DISCARD SEQUENCES", "discard_other");
    check("SELECT pg_advisory_unlock_all();CLOSE ALL;UNLISTEN *;RESET ALL;", "reset_all unlock close unlisten");
    check("DEALLOCATE ALL; DROP TABLE t", "drop deallocate");
}

#[test]
fn locks() {
    each(
        "lock",
        &[
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_advisory_lock_shared ( 1 )",
            "SELECT PG_TRY_ADVISORY_LOCK(1)",
            "SELECT \"pg_try_advisory_lock_shared\"/**/(1, 2)",
            "SELECT pg_catalog.pg_advisory_lock(1)",
            "SELECT CASE WHEN a THEN pg_try_advisory_lock(1) END",
            "PERFORM pg_advisory_lock(1)",
            "COPY (SELECT pg_advisory_lock(1)) TO STDOUT",
            "EXPLAIN ANALYZE (SELECT pg_advisory_lock(1))",
            "CREATE TABLE t AS SELECT pg_advisory_lock(1)",
            "SELECT set_config('a', pg_advisory_lock(1)::text, true)",
        ],
    );
    each(
        "unlock",
        &["SELECT pg_advisory_unlock(1)", "SELECT pg_advisory_unlock_shared(1)", "SELECT pg_advisory_unlock_all()"],
    );
    each(
        "",
        &[
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT pg_try_advisory_xact_lock_shared(1)",
            "SELECT pg_advisory_lock FROM t",
            "SELECT 'pg_advisory_lock(1)'",
            "SELECT \"PG_ADVISORY_LOCK\"(1)",
            "GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO x",
            "COMMENT ON FUNCTION pg_advisory_lock(bigint) IS 'x'",
        ],
    );
    check("SELECT currval('s')", "currval");
    check("SELECT lastval(), currval FROM t", "currval");
    check("SELECT currval, lastval FROM t", "");
}

#[test]
fn temporary_things() {
    each(
        "temp",
        &[
            "CREATE TEMP TABLE t (a int)",
            "create temporary table if not exists t as select 1",
            "CREATE LOCAL TEMP TABLE t (a int)",
            "CREATE GLOBAL TEMPORARY TABLE t (a int) ON COMMIT DELETE ROWS",
            "CREATE TEMP TABLE t (a int) ON COMMIT PRESERVE ROWS",
            "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
            "CREATE TEMP RECURSIVE VIEW v (a) AS SELECT 1",
            "CREATE TEMP SEQUENCE s",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION \"pg_temp\" . f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TABLE pg_temp_3.t (a int)",
            "CREATE VIEW v AS SELECT * FROM pg_temp.t",
            "CREATE TEMP TABLE a (x int) ON COMMIT DROP; CREATE TEMP TABLE b (x int)",
            "CREATE TEMP TABLE a (x int); CREATE TEMP TABLE b (x int) ON COMMIT DROP",
            "SELECT 1 INTO TEMP t",
            "SELECT 1 INTO LOCAL TEMPORARY TABLE t FROM u",
            "SELECT 1 INTO pg_temp.t",
            "WITH x AS (SELECT 1) SELECT * INTO TEMP t FROM x",
            "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1",
            "EXPLAIN (ANALYZE, COSTS off) CREATE TEMP TABLE t AS SELECT 1",
        ],
    );
    each(
        "",
        &[
            "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
            "CREATE TEMP TABLE t ON /* x */ COMMIT DROP AS SELECT 1",
            "CREATE TEMP TABLE a (x int) ON COMMIT DROP; CREATE TABLE b (x int)",
            "CREATE TABLE pg_temp.t (a int) ON COMMIT DROP",
            "CREATE TABLE t (pg_temp int)",
        ],
    );
    check("CREATE TEMP TABLE t AS EXECUTE p", "opaque temp");
    check("DROP TABLE t", "drop");
    check("SELECT 1; drop view v", "drop");
}

#[test]
fn the_rest() {
    check("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "hold");
    check("declare \"c\" binary insensitive no scroll cursor with hold for select 1", "hold");
    check("CLOSE c", "close");
    check("PREPARE p AS SELECT 1", "prepare");
    check("PREPARE p (int) AS SELECT pg_advisory_lock($1)", "lock prepare");
    check("PREPARE \"transaction\" AS SELECT 1", "prepare");
    check("PREPARE transaction AS SELECT 1", "prepare");
    check("DEALLOCATE PREPARE p", "deallocate");
    check("LISTEN a; UNLISTEN b", "listen unlisten");
    check("LOAD 'auto_explain'", "load");
    check("select pg_catalog.Pg_Backup_Start ('x')", "load");
    check("select dblink_connect('c', 'dbname=x'), pg_backup_stop()", "load");
    check("do $$ begin perform dblink_connect_u('c', ''); end $$", "load");
    check("select pg_backup_start, dblink_connect from t", "");
    check("ROLLBACK", "rollback");
    check("ROLLBACK TO SAVEPOINT a", "rollback");
    check("abort work", "rollback");
}

#[test]
fn backslashes() {
    let sql = br"SELECT '\'; SET x = 1; --'";
    assert_eq!(show(effects(sql, false)), "settings");
    assert_eq!(show(effects(sql, true)), "");
    assert_eq!(show(effects(br"DO 'BEGIN S\105T x; END'", true)), "opaque deallocate");
}

#[test]
fn deep_texts_take_linear_time() {
    for part in ["set_config('a',", "SET x /**/", "(", "/*", "$a", "EXPLAIN (", "'a'\n", "set_config('a','b'"] {
        effects(part.repeat(100_000).as_bytes(), false);
    }
}

#[test]
fn sets() {
    let both = Effects::LOCK | Effects::TEMP;
    assert!(Effects::NONE.is_empty() && !both.is_empty());
    assert!(both.contains(Effects::TEMP) && !Effects::TEMP.contains(both));
    assert!(both.intersects(Effects::TEMP | Effects::LOAD) && !both.intersects(Effects::LOAD));
}
