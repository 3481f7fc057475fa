//! Facts: lines of SQL as drivers and ORMs write it, and what is said of them.

use super::*;
use crate::sql::digest::statements;

fn of(text: &str) -> Facts {
    let reading = statements(text.as_bytes(), false).next().map(|statement| statement.reading).unwrap_or_default();
    facts(text.as_bytes(), false, &reading)
}

#[track_caller]
fn shown(text: &str, sql: &str) {
    assert_eq!(of(text).sql, sql, "{text}");
}

/// Tables, then for each slot `table.column=`, or `~` where it is not compared for equality, or `-`.
#[track_caller]
fn compared(text: &str, tables: &str, columns: &str) {
    let facts = of(text);
    let used = usize::from(statements(text.as_bytes(), false).next().unwrap().reading.used);
    let column = |compared: &Option<Compared>| match compared {
        Some(Compared { table, column, equal, cast }) => {
            let (cast, sign) = (if *cast { "::" } else { "" }, if *equal { "=" } else { "~" });
            format!("{}.{column}{cast}{sign}", table.as_deref().unwrap_or("?"))
        }
        None => "-".to_owned(),
    };
    let found: Vec<String> = facts.compared[..used].iter().map(column).collect();
    assert_eq!((facts.tables.join(" ").as_str(), found.join(" ").as_str()), (tables, columns), "{text}");
}

/// Flags as letters: `*`, `l`imit, `e`xists, and the aggregate.
#[track_caller]
fn list(text: &str, flags: &str, selected: &[&str]) {
    let facts = of(text);
    let mut found = String::new();
    found.push_str(if facts.star { "*" } else { "" });
    found.push_str(if facts.limit { "l" } else { "" });
    found.push_str(if facts.exists { "e" } else { "" });
    found.push_str(facts.aggregate.as_deref().unwrap_or_default());
    assert_eq!(
        (found.as_str(), facts.selected),
        (flags, selected.iter().map(|item| (*item).to_owned()).collect()),
        "{text}"
    );
}

/// Columns under another name as `label=table.column`.
#[track_caller]
fn renamed(text: &str, expected: &str) {
    let facts = of(text);
    let show = |r: &Renamed| format!("{}={}.{}", r.label, r.table.as_deref().unwrap_or("?"), r.column);
    assert_eq!(facts.renamed.iter().map(show).collect::<Vec<_>>().join(" "), expected, "{text}");
}

#[test]
fn columns_under_another_name() {
    renamed(
        "select users.id AS users_id, users.name as name, age years from users",
        "users_id=users.id years=users.age",
    );
    renamed("select u0_.id as id1_1_ from app.users u0_ where u0_.id > 3", "id1_1_=users.id");
    renamed(
        "SELECT \"Post\".\"userId\" AS \"Post_userId\", p.id AS x FROM \"post\" \"Post\", \"post\" p",
        "Post_userId=post.userId x=post.id",
    );
    renamed("select a.id as x, count(*) as n, b.id + 1 as m, id y from a join b on true", "x=a.id y=?.id");
    renamed("select id, (select n as m from b) as c, 5 as d from a", "");
}

#[test]
fn texts_without_values() {
    shown("select a,b from t where c=1 and d = 'x';", "select a, b from t where c = $1 and d = $2");
    shown("SELECT count( * ) /* x */ FROM t -- y\n WHERE a IN ( 1,2 )", "SELECT count(*) FROM t WHERE a IN ($1, …)");
    shown("select a from t where b in ((1,2),(3,4)) and c = 5", "select a from t where b in (($1, $2), …) and c = $3");
    shown("select a where b = any(array[1,2]) or c = $9", "select a where b = any ($1) or c = $2");
    shown("select array[1,2], $1", "select array[$1, …], $2");
    shown(
        "insert into s.t (a, b) values (1, default), (2, 3) returning *",
        "insert into s.t (a, b) values ($1, DEFAULT), … returning *",
    );
    shown("insert into \"T\"(a) values ($1)", "insert into \"T\" (a) values ($1)");
    shown("select a::varchar(3), $1::int, b :: numeric(123456)", "select a::varchar(3), $1, b::numeric(…)");
    shown("select make_interval(days := 10, hours=>2)", "select make_interval(days := $1, hours => $2)");
    shown("select a from t group by 1 order by 1, 2 desc", "select a from t group by 1 order by 1, 2 desc");
    shown("select a from t limit 5 offset $1", "select a from t limit $1 offset $2");
    shown("set search_path to tenant, \"Public\", 'x'", "set search_path to $1, $2, $3");
    shown("savepoint secret", "savepoint _");
    shown("FETCH FORWARD 10 FROM \"secret\"", "FETCH FORWARD $1 FROM _");
    shown("select a from t where b = 'secret", "select a from t where b = …");
    shown("select \"A\".\"b\"[1], coalesce(c, 0)", "select \"A\".b[$1], coalesce(c, $2)");
    assert!(of(&format!("select {}", "a, ".repeat(9999))).sql.len() < LONGEST + 20);
    shown("", "");
}

#[test]
fn what_values_are_compared_with() {
    compared("select * from books where author_id = 1", "books", "books.author_id=");
    compared("SELECT b.id FROM books b WHERE 7 = b.author_id", "books", "books.author_id=");
    compared(
        "SELECT 1 FROM public.books AS b WHERE b.a = $1::int AND b.c::text <> 'x'",
        "public.books",
        "- books.a= books.c::~",
    );
    compared(
        "SELECT \"t0\".\"id\" FROM \"public\".\"User\" AS \"t0\" WHERE \"t0\".\"id\" IN ($1,$2) LIMIT $3",
        "public.User",
        "User.id=",
    );
    compared("SELECT a.x FROM a JOIN b ON a.id = b.a_id WHERE b.y = ANY ($1) AND z = 2", "a b", "b.y= ?.z=");
    compared("SELECT a.x FROM a, b bb WHERE bb.y = any(array[1,2]) AND a.z like 'x%'", "a b", "b.y= a.z~");
    compared("select a from t where b between 1 and 2 and c not in (3) and d = (4)", "t", "t.b~ t.b~ t.c~ t.d=");
    compared("select a from t where b + 1 = 2 and c = 3 + 4 and lower(d) = 'x'", "t", "- - - - -");
    compared("select a from t where (b, t.c) in ((1, 2), (3, 4))", "t", "t.b= t.c=");
    compared("update t set a = 1, b = b + 2 where c = 3", "t", "- - t.c=");
    compared("UPDATE ONLY s.t x SET a = (SELECT m FROM u WHERE u.v = 1) WHERE x.c = 3", "s.t u", "u.v= t.c=");
    compared("delete from t using u where t.a = u.a and u.b = 1 returning t.id", "t u", "u.b=");
    compared("insert into t (a, b) values (1, 2) on conflict (a) do update set b = 3 where t.c = 4", "t", "- - - t.c=");
    compared("insert into t (a) select b from u where c = 1", "t u", "u.c=");
    compared(
        "with x as (select a from t where b = 1), y(c) as (select 1) select * from x join y on true where x.a = 2",
        "t",
        "t.b= - x.a=",
    );
    compared(
        "select a from t where exists (select 1 from u where u.t_id = t.id and t.b = 1 and c = 2)",
        "t u",
        "- t.b= u.c=",
    );
    compared("select a from (select b from t where c = 1) s where s.b = 2", "t", "t.c= ?.b=");
    compared("select extract(day from d), substring(a from 2) from t where a is distinct from b", "t", "-");
    compared("select g from generate_series(1, 2) g, lateral (select 1) x where g = 3", "", "- - - ?.g=");
    compared("select a from t where b->>'k' = 'v' and c @> 'x'", "t", "- - t.c~");
    compared("select a from t where b = 1 for update skip locked", "t", "t.b=");
    compared("merge into t using s on t.id = s.id when matched then update set a = 1", "t s", "-");
    compared("copy s.t (a) from stdin", "s.t", "");
    compared("select a from t x left join t y on x.a = y.b where y.c = 1", "t", "t.c=");
}

/// What stands behind FROM, then the conditions; of those that ask for a value its slot, number and column, and `+` for a list.
#[track_caller]
fn chosen(text: &str, expected: &str) {
    let condition = |condition: &Condition| match &condition.ask {
        Some(Ask { column, slot, number, is_list }) => {
            let list = if *is_list { "+" } else { "" };
            format!("{} <{column} {slot} ${number}{list}>", condition.text)
        }
        None => condition.text.clone(),
    };
    let shown = of(text).chosen.map(|chosen| {
        let conditions: Vec<String> = chosen.conditions.iter().map(condition).collect();
        format!("{} | {}", chosen.from, conditions.join(" & "))
    });
    assert_eq!(shown.unwrap_or_default(), expected, "{text}");
}

#[test]
fn which_rows_it_is_about() {
    chosen("select a from t", "t | ");
    for unknown in [
        "select a where b = 1 from t",
        "select a from t where b = 1 where c = 2",
        "select a from t where b = 1 for update",
        "select a from t where b = 1 offset 2",
        "update t set a = 1 where b = 2 set c = 3",
    ] {
        chosen(unknown, "");
    }
    chosen(
        "delete from tokens where user_id=$1 and expires < now()",
        "tokens | user_id = $1 <user_id 0 $1> & expires < now()",
    );
    chosen(
        "select coalesce(a, 0) from s.t b where 2 = b.x and (c is null or d = 3) order by 1 limit 5",
        "s.t b | $2 = b.x <b.x 1 $2> & (c is null or d = $3)",
    );
    chosen(
        "SELECT a FROM t WHERE (((\"t\".\"b\" = 1) AND NOT \"t\".c) AND d BETWEEN 2 AND 3) ORDER BY a",
        "t | t.b = $1 <t.b 0 $1> & NOT t.c & d BETWEEN $2 AND $3",
    );
    chosen("select a from t where b in (1,2) and c = any($3)", "t | b in ($1, …) <b 0 $1+> & c = any ($2) <c 1 $2+>");
    chosen("select a from t where b = any(array[1]) and c not in (2)", "t | b = any ($1) <b 0 $1+> & c not in ($2, …)");
    chosen("select a from t where b = 1 or c = 2 and d = 3", "t | b = $1 or c = $2 and d = $3");
    chosen("select a from t where b <> 1 and not c = 2 and d + e = 3", "t | b <> $1 & not c = $2 & d + e = $3");
    chosen(
        "select a from t where (b) = 1 and c::text = 'x' and lower(d) = 'y'",
        "t | (b) = $1 & c::text = $2 <c::text 1 $2> & lower(d) = $3",
    );
    chosen(
        "select a from t join u on t.b = u.b and u.c = 1 where case when x and y then 1 end = 2 and d is distinct from 3",
        "t join u on t.b = u.b and u.c = $1 | case when x and y then $2 end = $3 & d is distinct from $4",
    );
    chosen("update t x set a = 1, b = (select 2 from u where v = 3) where x.c = 4", "t x | x.c = $4 <x.c 3 $4>");
    chosen("select a from t where b in (select c from u where d = 1)", "t | b in (select c from u where d = $1)");
    chosen("SELECT EXISTS(SELECT 1 FROM t WHERE a = 2 AND b) AS x", "t | a = $2 <a 1 $2> & b");
    for unknown in [
        "select a from t where b = 1 group by a",
        "select distinct a from t where b = 1",
        "select a from t where b = 1 union select a from u",
        "with t as (select 1) select a from t where b = 1",
        "delete from t using u where t.a = u.a",
        "update t set a = 1 from u where t.a = u.a",
        "insert into t values (1)",
        "(select a from t where b = 1)",
        "select a from t where b = 'x",
        "select exists(select 1 from t where a = 1) from u",
        "select 1",
    ] {
        chosen(unknown, "");
    }
    chosen(&format!("select a from t where b = 1 {}", "and c > 2 ".repeat(17)), "");
    chosen(&format!("select a from t where b = 1 and {} > 2", "c".repeat(400)), "");
    let deep = format!("select a from t where {}b = 1{}", "(".repeat(30), ")".repeat(30));
    assert_eq!(of(&deep).chosen.unwrap().conditions.len(), 1);
}

#[test]
fn select_lists() {
    list("select * from t", "*", &["*"]);
    list("SELECT \"posts\".* FROM \"posts\" WHERE a = 1 LIMIT 1", "*l", &["posts.*"]);
    list("select a, b as c, f(d, 1), 2 from t where x = 3", "", &["a", "b as c", "f(d, $1)", "$2"]);
    list("SELECT COUNT(*) AS \"__count\" FROM t", "COUNT", &["COUNT(*) AS __count"]);
    list("select sum(a + 1) from t", "SUM", &["sum(a + $1)"]);
    list("select count(*) + 1 from t", "", &["count(*) + $1"]);
    list("select count(*) over () from t", "", &["count(*) over()"]);
    list("select count(*), a from t", "", &["count(*)", "a"]);
    list("SELECT 1 AS one FROM t WHERE a = 1 LIMIT 1", "le", &["$1 AS one"]);
    list("SELECT (1) AS \"a\" FROM t LIMIT 1", "le", &["($1) AS a"]);
    list("select 1 from t", "", &["$1"]);
    list("SELECT EXISTS(SELECT 1 FROM t LIMIT 1)", "e", &["EXISTS (SELECT $1 FROM t LIMIT $2)"]);
    list("select distinct on (a) b from t fetch first 5 rows only", "l", &["b"]);
    list("with x as (select 1 limit 1) select distinct a from x", "", &["a"]);
    list("(select a from t limit 1) union (select b from u)", "l", &["a"]);
    list("update t set a = 1", "", &[]);
    list("select a from t where b in (select c from u limit 5)", "", &["a"]);
}

#[test]
fn the_statement_that_is_meant() {
    let text = b"begin; select a from t where b = 1; commit";
    let reading = statements(text, false).nth(1).unwrap().reading;
    let found = facts(text, false, &reading);
    assert_eq!((found.sql.as_str(), found.kind), ("select a from t where b = $1", Kind::Select));
}
