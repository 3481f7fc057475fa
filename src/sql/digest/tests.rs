//! Shapes: lines of SQL that are the same, that are not, and what is read of one.

use super::*;

mod positions;

fn all(text: &str) -> Vec<Statement<'_>> {
    statements(text.as_bytes(), false).collect()
}

#[track_caller]
fn one(text: &str) -> Statement<'_> {
    let all = all(text);
    assert_eq!(all.len(), 1, "{text}");
    all[0]
}

/// They have the same digest.
#[track_caller]
fn same(texts: &[&str]) {
    for text in texts {
        assert_eq!(one(text).reading.digest, one(texts[0]).reading.digest, "{text} / {}", texts[0]);
    }
}

/// They all have another.
#[track_caller]
fn other(texts: &[&str]) {
    for (at, text) in texts.iter().enumerate() {
        for before in &texts[..at] {
            assert_ne!(one(text).reading.digest, one(before).reading.digest, "{text} / {before}");
        }
    }
}

#[test]
fn values_are_the_same() {
    same(&[
        "select a from t where b = 1",
        "SELECT a\n  FROM t -- x\n WHERE b = 'it''s';",
        "select/**/a from\tt where b=$1",
        "select a from t where b = $7 ;",
        "select a from t where b=-1",
        "select a from t where b = - 1.5e3",
        "select a from t where b = E'\\'x'",
        "select a from t where b = $x$ ; $x$",
        "select a from t where b = U&'x' uescape '!'",
        "select \"a\" from \"t\" where \"b\" = 0x1F",
        "select a from t where b = $1::int4",
        "select a from t where b = '1'::pg_catalog.varchar(3)[]::text[]",
        "select a from t where b = '1'::timestamp(3) with time zone",
        "select a from t where b = '1'::double precision",
        "select a from t where b = $1::\"Role\"[]",
        "select a from t where b = date '2020-02-02'",
        "select a from t where b = timestamp with time zone '2020-02-02'",
        "select a from t where b = interval '1'",
        "select a from t where b = CAST($1 AS numeric(10, 2))",
        "select a from t where b = cast('x'::text as \"public\".\"Role\")",
    ]);
    same(&["select a - 1", "select a -1", "select a-$1", "select \"a\" - 2"]);
    same(&["select a <-1", "select a < $1", "select a < - 2"]);
    same(&["select a != 1", "select a<>2"]);
    same(&["select 1 - 1", "select $1 -2"]);
    same(&["select a limit 1", "select a limit $1", "select a limit -5"]);
    same(&["x $1, $2", "x $2, $1", "x 1, $1"]);
}

#[test]
fn lists_are_the_same() {
    same(&[
        "select a from t where b in (1)",
        "select a from t where b in (1, 2, 3)",
        "select a from t where b IN($1,$2)",
        "select a from t where b in ('a'::text, -3, null, true, date '2020-02-02')",
    ]);
    same(&["a in ((1, 2))", "a in (($1,$2), ($3 , $4))"]);
    same(&[
        "a = any ($1)",
        "a = ANY('{1,2}')",
        "a = any(array[1,2,3])",
        "a = any (array[]::int[])",
        "a = any ($1::int[])",
    ]);
    same(&["select array[1]", "select ARRAY[$1, 2]", "select array[]"]);
    same(&["insert into t values (1, 'a')", "insert into t values ($1,$2),($3,null),(default,$4)"]);
    same(&["insert into t values (1, array[1])", "insert into t values (1, array[]), (2, array[1, 2]::int[])"]);
}

#[test]
fn what_differs_is_told_apart() {
    other(&[
        "select a from t where b = 1",
        "select a from t where b = null",
        "select a from t where b = true",
        "select a from s.t where b = 1",
        "select a from \"T\" where b = 1",
        "select a from t x where b = 1",
        "select a from t where b = 1 limit 1",
        "select a from t where b = 1 limit 1 offset 1",
        "select a from t where b - 1",
        "select a from t where b = c::int",
        "select a from t where b = c::varchar(3)",
        "select a from t where b = c::varchar(4)",
        "select a from t where b < 1",
        "select a from t where b <= 1",
        "select a from t where b in (1)",
        "select a from t where b in (1, c)",
        "select a from t where b in (1 + 1)",
        "select a from t where b in (c)",
        "select a from t where b not in (1)",
        "select a from t where b in ((1, 2))",
        "select a from t where b = any ($1)",
        "select a from t where b = all ($1)",
        "select a from t where b = array[1]",
        "select a from t where b = any (array[c])",
        "select a from t where b = interval '1' day",
        "select a from t where b = 'open",
        "select a from t where b =",
        "select ab from t where b = 1",
        "select a b from t where b = 1",
        "select a from t where b @- 1",
        "select a from t where b @ - 1",
    ]);
    other(&["select user", "select \"user\"", "select \"User\"", "select U&\"user\""]);
    other(&["a values (1, default)", "a values (1, 2)", "a values (1, 2, 3)", "a values (1, now())"]);
}

/// Kind, traits as letters (`p`aged, `l`ocks, `r`eturning, `f`etch, `m`any rows, `a`llowed), list, slots.
#[track_caller]
fn reads(text: &str, expected: &str) {
    let reading = one(text).reading;
    let letters = [Traits::PAGED, Traits::LOCKS, Traits::RETURNING, Traits::FETCH, Traits::MANY_ROWS, Traits::ALLOWED];
    let traits = letters.iter().zip("plrfma".chars()).filter(|(one, _)| reading.traits.has(**one));
    let traits: String = traits.map(|(_, letter)| letter).collect();
    let traits = if traits.is_empty() { String::new() } else { format!(" {traits}") };
    let list = if reading.list > 0 { format!(" list {}", reading.list) } else { String::new() };
    let slots: Vec<String> = reading.slots().iter().map(u8::to_string).collect();
    let slots = if slots.is_empty() { String::new() } else { format!(" [{}]", slots.join(" ")) };
    assert_eq!(format!("{:?}{traits}{list}{slots}", reading.kind), expected, "{text}");
}

#[test]
fn as_drivers_write_it() {
    // psycopg2, psycopg3
    reads("SELECT id FROM books WHERE author_id = 7 AND t = '2020-02-02'::date", "Select [0 0]");
    reads("SELECT id FROM books WHERE author_id = $1 AND t = $2", "Select [1 2]");
    reads("SELECT a FROM t WHERE b IN (1, 2, 3) LIMIT 5", "Select list 3 [0]");
    reads("SELECT a FROM t WHERE b = ANY('{1,2}')", "Select [0]");
    reads("SELECT a FROM t WHERE b = ANY(ARRAY[1,2]) AND c = 1", "Select list 2 [0 0]");
    // Django
    reads("SELECT \"a\".\"id\" FROM \"a\" WHERE \"a\".\"b_id\" = 5 ORDER BY \"a\".\"id\" ASC LIMIT 21", "Select [0]");
    reads("INSERT INTO \"a\" (\"x\", \"y\") VALUES ('b', NULL) RETURNING \"a\".\"id\"", "Insert r list 1 [0 0]");
    reads("FETCH FORWARD 2000 FROM \"_django_curs_1\"", "Other f");
    // SQLAlchemy
    reads("SELECT books.id AS books_id FROM books WHERE %(param_1)s = books.author_id", "Select");
    reads("SELECT books.id AS books_id FROM books WHERE 7 = books.author_id", "Select [0]");
    reads("SELECT a.id FROM a WHERE a.b IN ($1::INTEGER, $2::INTEGER) AND a.c > $3::INTEGER", "Select p list 2 [1 3]");
    // ActiveRecord
    reads("SELECT \"posts\".* FROM \"posts\" WHERE \"posts\".\"user_id\" = $1 LIMIT $2", "Select [1]");
    reads("SELECT 1 AS one FROM \"posts\" WHERE \"posts\".\"id\" = 5 LIMIT 1", "Select [0 0]");
    // Sequelize
    reads(
        "SELECT \"id\" FROM \"Users\" AS \"User\" WHERE \"User\".\"id\" IN (1, 2) ORDER BY a LIMIT 10 OFFSET 20;",
        "Select p list 2 [0]",
    );
    // Prisma
    reads(
        "SELECT \"public\".\"User\".\"id\" FROM \"public\".\"User\" WHERE \"public\".\"User\".\"id\" IN ($1,$2) LIMIT $3 OFFSET $4",
        "Select p list 2 [1]",
    );
    // Drizzle
    reads(
        "insert into \"t\" (\"id\", \"a\") values (default, $1), (default, $2) returning \"id\"",
        "Insert rm list 2 [1]",
    );
    reads("select \"id\" from \"t\" where (\"t\".\"a\" = $1 and \"t\".\"b\" >= $2) limit $3", "Select p [1 2]");
    // pgjdbc, Hibernate
    reads("select b1_0.id from book b1_0 where b1_0.author_id=$1 fetch first $2 rows only", "Select [1]");
    reads("select id from job where state = $1 order by id for update skip locked limit $2", "Select l [1]");
}

#[test]
fn kinds_and_traits() {
    reads("with x as (select 1), y as (delete from t returning *) update u set a = 2", "Update r [0 0]");
    reads("(select a from t) union (values (1))", "Select list 1 [0]");
    reads("table t", "Select");
    reads("values (1), (2)", "Select list 2 [0]");
    reads("insert into t select * from u", "Insert m");
    reads("insert into t (a) (select b from u)", "Insert m");
    reads("insert into t values ((select 1), 2)", "Insert [0 0]");
    reads("insert into t values (now(), 2), (now(), $1)", "Insert m [0 1]");
    reads("merge into t using s on a = b when matched then delete", "Merge");
    reads("copy t from stdin", "Copy");
    reads("explain select 1", "Other [0]");
    reads("create table t (a int)", "Other");
    reads("select a from t where (b, c) > (1, 2)", "Select p [0 0]");
    reads("select a from t where 1 < b", "Select p [0]");
    reads("select a from t where b < c", "Select");
    reads("select a from t for no key update", "Select l");
    reads("select a from t limit 1::int offset ($1)", "Select p");
    reads("select a as offset, t.limit, b as values from t where c = $300", "Select [255]");
    reads("/* pgweir: ok */ select 1", "Select a [0]");
    reads("select 1 -- PGWEIR : OK", "Select a [0]");
    reads("select $1,$2,$3,$4,$5,$6,$7,$8,$9", "Select [1 2 3 4 5 6 7 8]");
    reads("select a from t where b = any(array[]::int[]) and c = $1", "Select [0 1]");
    for text in [
        "begin",
        "START TRANSACTION",
        "commit;",
        "END",
        "rollback",
        "abort",
        "savepoint a",
        "release a",
        "set a = 1",
        "rollback to savepoint a",
        "show all",
        "reset all",
        "discard all",
        "deallocate all",
        "listen a",
        "unlisten *",
        "prepare transaction 'x'",
        "close a",
        "select version()",
        "select current_schema(), pg_backend_pid()",
    ] {
        assert_eq!(one(text).reading.kind, Kind::Transparent, "{text}");
    }
    reads("select pg_catalog.set_config('search_path', '', false)", "Transparent [0 0]");
    reads("SELECT t.oid FROM pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace", "Transparent");
    reads("select table_name from information_schema.tables where table_schema = 'x'", "Transparent [0]");
    reads("select a from t where b = $1::pg_catalog.int4", "Select [1]");
    reads("select version from schema_migrations", "Select");
    reads("select 1", "Select [0]");
}

#[test]
fn what_is_set_is_a_value() {
    same(&["set a.b to 'x'", "SET a.b TO x", "set a.b to \"X\"", "set a.b to 1"]);
    same(&["set local search_path = a, b", "set local search_path = 'c', \"d\""]);
    other(&[
        "set a to x",
        "set b to x",
        "set local a to x",
        "set role x",
        "set role y",
        "set a to on",
        "set a to default",
    ]);
    other(&["update t set a = b", "update t set a = c", "set a to x, y", "explain update t set a = b"]);
}

#[test]
fn names_that_say_nothing() {
    same(&["savepoint a", "SAVEPOINT \"b-c\"", "savepoint select_1;"]);
    same(&["release savepoint a", "RELEASE SAVEPOINT b"]);
    same(&["rollback to savepoint a", "rollback to savepoint b"]);
    same(&["fetch 10 from a", "FETCH $1 FROM \"b\""]);
    same(&["declare a cursor for select b from c", "declare \"x\" cursor for select b from c"]);
    same(&["close a", "close b"]);
    same(&["deallocate a", "deallocate \"b\""]);
    same(&["prepare a as select 1", "prepare b as select 2"]);
    same(&["execute a(1)", "execute b(2)"]);
    same(&["listen a", "listen \"b\""]);
    same(&["notify a, 'x'", "notify b, 'y'"]);
    other(&[
        "close a",
        "close all",
        "deallocate a",
        "deallocate all",
        "rollback",
        "rollback to a",
        "prepare transaction 'a'",
    ]);
    other(&["fetch 1 from a", "fetch all from a", "move 1 from a", "prepare a as select 1", "prepare a as select b"]);
}

#[test]
fn many_statements() {
    let check = |text: &str, expected: &[&str]| {
        let found: Vec<&str> = all(text).iter().map(|statement| &text[statement.begin..statement.end]).collect();
        assert_eq!(found, expected, "{text}");
    };
    check("", &[]);
    check(" ; ;; /* x */ ; -- y", &[]);
    check(" a ; b;", &["a", "b"]);
    check("a /* x */; -- y\n b c -- z", &["a", "b c"]);
    check("select ';' ; select $$;$$", &["select ';'", "select $$;$$"]);
    check("create rule r as on insert to t do (a; b); c", &["create rule r as on insert to t do (a; b)", "c"]);
    let body = "create function f() returns int begin atomic select 1; select case when a then 1 end; end";
    check(&format!("{body}; select 2"), &[body, "select 2"]);
    check("begin; end; select 1", &["begin", "end", "select 1"]);
    check("a; 'open; b", &["a", "'open; b"]);
    check("'open", &["'open"]);
}

#[test]
fn literals_together() {
    let literals = |text: &str| one(text).literals;
    assert_eq!(literals("select $1, a"), 0);
    assert_eq!(literals("select 1, 'x'"), literals("SELECT 1 , 'x'::text"));
    let texts = [
        "x 1, 2",
        "x 12, ''",
        "x '1', '2'",
        "x 2, 1",
        "x 1, -2",
        "x 1, $1",
        "x $1, 1",
        "x in (5, 2)",
        "x in (5, 2, 3)",
        "x in (1, null)",
        "x in (1, true)",
        "x 1 limit 9",
        "x 1 limit 3",
        "x 'a', 'bc'",
        "x 'ab', 'c'",
    ];
    for (at, text) in texts.iter().enumerate() {
        for before in &texts[..at] {
            assert_ne!(literals(text), literals(before), "{text} / {before}");
        }
    }
}

#[test]
fn values_in_slots() {
    let text = "select a where b = -5 and c = 'x' and d in (+7, 8) limit 9";
    let found = one(text);
    assert_eq!(found.reading.slots(), [0, 0, 0]);
    assert_eq!(found.values[0], Value::Number { negative: true, digits: b"5" });
    assert!(matches!(found.values[1], Value::Text(Literal { raw: b"x", .. })));
    assert_eq!(found.values[2], Value::Number { negative: false, digits: b"7" });
}

#[test]
fn comments() {
    let check = |text: &str, expected: Option<&str>, allowed: &str| {
        let mut all = statements(text.as_bytes(), false);
        let flags: String =
            all.by_ref().map(|found| if found.reading.traits.has(Traits::ALLOWED) { 'a' } else { '-' }).collect();
        let comment = all.comment().map(|comment| String::from_utf8_lossy(comment).into_owned());
        assert_eq!((comment.as_deref(), flags.as_str()), (expected, allowed), "{text}");
    };
    check("select 1", None, "-");
    check("select 1 /* nothing */", None, "-");
    check("select 1 /*a='b'*/", Some("a='b'"), "-");
    check("select 1; /*a='b'*/", Some("a='b'"), "-");
    check("/* a='b' */ select 1 -- x", Some(" a='b' "), "-");
    check("-- a='b'\nselect 1", Some(" a='b'"), "-");
    check("/* x */ select /* y */ 1 /*c='d'*/", Some("c='d'"), "-");
    check("/* pgweir: ok */ select 1; select 2", Some(" pgweir: ok "), "aa");
    check("/* pgweir: ok */ select 1 /*c='d'*/", Some("c='d'"), "a");
    check("select 1; select 2 /* pgweir: ok", Some(" pgweir: ok"), "-a");
    let mut trailing = statements(b"select 1; -- pgweir: ok", false);
    assert!(trailing.next().is_some() && trailing.next().is_none() && trailing.is_allowed());
}

/// In quadratic time this would not end today.
#[test]
fn long_texts_take_linear_time() {
    let pieces = [
        "(",
        "array[",
        "array[array[1,",
        "values (1),",
        "in ((1,",
        "a::b.",
        "a::b(1,",
        "/* x */",
        "from a,",
        "cast(",
        "1 = a.",
        "with x as (",
        "+",
        "-1",
        "<",
        "u&'x' ",
        "(a, b) in ((1,2)) ",
        "timestamp(1,",
        "select (",
        "not ",
        "=any(array[1,",
    ];
    for piece in pieces {
        let text = piece.repeat(50_000);
        let found: Vec<_> = statements(text.as_bytes(), false).collect();
        if let Some(statement) = found.first() {
            crate::sql::facts::facts(text.as_bytes(), false, &statement.reading);
        }
    }
}
