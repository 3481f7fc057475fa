//! Shapes: lines of SQL that are the same, that are not, and what is read of one.

use super::*;

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
