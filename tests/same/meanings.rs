//! Scripts by hand: a statement that others have prepared too means to each what it would mean alone, whatever is set and
//! altered before it, and by which way.

use super::check;

/// What is prepared behind a change that has not been answered is not what it was before.
#[test]
fn settings_in_front_in_the_same_write() {
    let day = "select '01/02/2020'::date as day";
    let prepare = format!("P s {day}\nX: D S s\nX: B - s\nX: E - 0\nX: S\nX: wait");
    let by = |who: &str| format!("{who}: {}", prepare.replace("X:", &format!("{who}:")));
    let set = "a: P - set datestyle='ISO,DMY'\na: B - -\na: E - 0\na: S";
    let (a, b) = (by("a"), by("b"));
    check(&[
        &format!("{set}\n{a}\n{b}\na: B - s\na: E - 0\na: S\na: wait"),
        &format!("b: Q select 1\nb: wait\n{b}\n{set}\n{a}\nb: B - s\nb: E - 0\nb: S\nb: wait"),
        &format!("a: Q set datestyle='ISO,DMY'\n{a}\n{b}"),
        &format!("a: Q set datestyle='nonsense'\n{a}\nb: Q set datestyle='ISO,DMY'\nb: wait\n{b}"),
        &format!("a: P - set datestyle='ISO,DMY'\na: B - -\na: E - 0\n{a}\n{b}"),
        &format!(
            "a: Q begin; set local datestyle='ISO,DMY'\n{a}\na: Q commit\na: wait\n{b}\na: B - s\na: E - 0\na: S\na: wait"
        ),
        &format!("a: Q begin\na: Q set local datestyle='ISO,DMY'\na: Q commit\n{a}\n{b}"),
        &format!(
            "a: Q begin; savepoint x; set datestyle='ISO,DMY'\na: wait\na: Q rollback to x\n{a}\na: Q commit\na: wait\n{b}"
        ),
        &format!("a: P r set datestyle='ISO,DMY'\na: B p r\na: S\n{a}\n{b}"),
        &format!("a: P r set datestyle='ISO,DMY'\na: B p r\na: P q select 1\na: B - q\na: E p 0\na: E - 0\n{a}\n{b}"),
    ]);
}

#[test]
fn schemas_in_front() {
    let build = "a: Q create schema one authorization direct create table t (a int)\na: Q create table t (a text)\na: Q insert into t values ('x'); insert into one.t values (1)\na: wait";
    let prepare = "P s select * from t\nX: D S s\nX: B - s\nX: E - 0\nX: S\nX: wait";
    let by = |who: &str| format!("{who}: {}", prepare.replace("X:", &format!("{who}:")));
    let (a, b) = (by("a"), by("b"));
    check(&[
        &format!("{build}\na: Q set search_path='one'\n{a}\n{b}"),
        &format!(
            "{build}\n{b}\na: Q begin; set local search_path='one'\n{a}\na: Q commit\na: wait\nb: B - s\nb: E - 0\nb: S"
        ),
        &format!("{build}\na: Q begin; set local search_path='one'\na: wait\n{a}\na: Q commit\na: wait\n{b}"),
        &format!("{build}\n{b}\na: P - select set_config($1, $2, true)\na: B - - search_path one\na: E - 0\n{a}"),
        &format!(
            "{build}\n{b}\na: Q begin\na: P - select set_config($1, $2, true)\na: B - - search_path one\na: E - 0\na: S\na: wait\n{a}\na: Q commit"
        ),
        &format!(
            "{build}\n{b}\na: Q begin; set search_path='one'\na: wait\n{a}\na: Q rollback\na: wait\na: B - s\na: E - 0\na: S"
        ),
        &format!("{build}\n{b}\na: Q do $$ begin perform set_config('search_path', 'one', false); end $$\n{a}"),
    ]);
}

#[test]
fn tables_altered_in_front() {
    let use_it = "P s select * from items where id = 1\nX: D S s\nX: B - s\nX: E - 0\nX: S\nX: wait";
    let by = |who: &str| format!("{who}: {}", use_it.replace("X:", &format!("{who}:")));
    let (a, b) = (by("a"), by("b"));
    let alter = "alter table items add column more int";
    check(&[
        &format!("{b}\na: Q {alter}\n{a}"),
        &format!("{b}\na: P - {alter}\na: B - -\na: E - 0\n{a}"),
        &format!("{b}\na: P - {alter}\na: B - -\na: E - 0\na: S\n{a}"),
        &format!("{b}\na: Q begin\na: Q {alter}\n{a}\na: Q rollback\na: wait\nb: B - s\nb: E - 0\nb: S\nb: wait"),
        &format!("{b}\na: Q do $$ begin {alter}; end $$\n{a}"),
        &format!("{b}\na: Q begin; do $$ begin execute 'alter table items add column more int'; end $$; commit\n{a}"),
    ]);
}

/// Whoever was told what a statement's result is before its table was altered hears each time that it is another. Whoever was
/// not hears it once: then results tell themselves what they are, and Postgres alone goes on refusing.
#[test]
fn tables_altered_behind() {
    let prepare = "a: P s select * from items where id = 1\na: D S s\na: B - s\na: E - 0\na: S\na: wait";
    let again = "a: B - s\na: E - 0\na: S\na: wait";
    check(&[&format!(
        "{prepare}\nb: Q alter table items add column more int\nb: wait\n{again}\n{again}\na: D S s\na: S\na: wait
         a: C S s\na: P s select * from items where id = 1\n{again}\n{again}"
    )]);
}

/// Nor does one get it in another form from a server that has it parsed only now.
#[test]
fn tables_altered_behind_a_server_that_lacks_the_statement() {
    let use_it = "a: B - s\na: E - 0\na: S\na: wait";
    let lose = "b: Q do $$ begin deallocate all; end $$\nb: wait";
    let prepare = |sql: &str| format!("a: P s {sql}\na: D S s\na: B - s\na: E - 0\na: S\na: wait");
    let alter = |ddl: &str| format!("b: Q {ddl}\nb: wait\n{lose}");
    let (all, names) =
        (prepare("select * from items where id = 1"), prepare("select id, name from items where id = 1"));
    let (wider, other) =
        (alter("alter table items add column more int"), alter("alter table items alter name type text"));
    check(&[
        &format!("{all}\n{wider}\n{use_it}\n{use_it}\nb: Q select 1\nb: wait\n{use_it}"),
        &format!("{names}\n{wider}\n{use_it}\n{lose}\n{use_it}"),
        &format!(
            "a: P s select * from items\na: S\na: wait\nb: P t select * from items\nb: D S t\nb: S\nb: wait\n{wider}\n{use_it}"
        ),
        &format!("{names}\n{other}\n{use_it}\na: C S s\n{names}\n{lose}\n{use_it}"),
        &format!("{names}\n{other}\na: Q begin\na: wait\n{use_it}\na: Q commit\na: wait\nb: Q select 1"),
        &format!("{names}\n{other}\na: P - select 1\na: B - -\na: E - 0\n{use_it}\nb: Q select 1"),
        &format!("{names}\n{other}\na: Q begin; select 1/0\na: wait\na: Q rollback\n{use_it}\n{use_it}\nb: Q select 1"),
        &format!(
            "{names}\n{other}\na: Q begin; select 1/0\na: wait\na: P - rollback\na: B - -\na: E - 0\n{use_it}\n{use_it}\nb: Q select 1"
        ),
        &format!(
            "{names}\n{other}\na: Q begin; select 1/0\na: wait\na: P - rollback\na: B - -\n{use_it}\na: Q rollback\na: wait\n{use_it}"
        ),
        &format!(
            "{names}\n{wider}\na: Q begin\na: wait\n{use_it}\na: P - select 1\na: B - -\na: E - 0\n{use_it}\na: Q commit\na: wait\nb: Q select 1"
        ),
        &format!(
            "{names}\n{}\n{use_it}\na: Q begin\na: wait\n{use_it}\na: Q commit\na: wait\nb: Q select 1",
            alter("drop table kids, items")
        ),
        // Where every client's request comes behind a Query of ours.
        &format!(
            "c: Q select lastval()\nc: wait\nc: X\n{names}\n{}\n{use_it}\na: Q begin\na: wait\n{use_it}\na: Q commit\na: wait\nb: Q select 1",
            alter("drop table kids, items")
        ),
        &format!("c: Q select lastval()\nc: wait\nc: X\n{names}\n{other}\n{use_it}\n{use_it}\nb: Q select 1"),
        &format!(
            "{}\n{other}\na: B - s 1\na: E - 0\na: S\na: wait\nb: Q select 1",
            "a: P s select name from items where id = $1::int\na: D S s\na: S\na: wait"
        ),
        &format!(
            "{}\n{}\na: B - s 1\na: E - 0\na: S\na: wait\nb: Q select 1",
            "a: P s update items set name = 'x' where id = $1\na: D S s\na: S\na: wait",
            alter("alter table items alter id type bigint")
        ),
    ]);
}

/// Whoever has described a portal knows what its statement is. It is told once that this has changed: libpq asks each time.
#[test]
fn tables_altered_behind_a_server_that_lacks_what_was_described_by_its_portal() {
    let (names, lose) = ("select id, name from items where id = 1", "b: Q do $$ begin deallocate all; end $$\nb: wait");
    let prepare =
        |portal: &str| format!("a: P s {names}\na: B {portal} s\na: D P {portal}\na: E {portal} 0\na: S\na: wait");
    let alter = format!("b: Q alter table items alter name type text\nb: wait\n{lose}");
    let use_it = "a: B - s\na: E - 0\na: S\na: wait";
    let again = "a: B - s\na: D P -\na: E - 0\na: S\na: wait";
    check(&[
        &format!("{}\n{alter}\n{use_it}", prepare("-")),
        &format!("{}\n{alter}\n{again}\nb: Q select 1", prepare("p")),
        &format!("{}\n{lose}\n{again}\n{use_it}\n{lose}\n{again}", prepare("-")),
        // Another portal, another statement, one that does not run.
        &format!(
            "a: P s {names}\na: P - select 7 as seven\na: B - s\na: B - -\na: D P -\na: E - 0\na: S\na: wait\n{lose}\n{use_it}"
        ),
        &format!("a: P s {names}\na: B p s\na: D P q\na: S\na: wait\n{again}\n{alter}\n{use_it}"),
        &format!(
            "a: P s {names}\na: P t select 7 as seven\na: B - s\na: B p t\na: D P p\na: D P -\na: S\na: wait\n{again}\n{alter}\n{use_it}\na: B - t\na: E - 0\na: S"
        ),
    ]);
}

/// What failed is no statement that comes behind it, where it stood for another.
#[test]
fn batches_that_fail_in_front_of_a_statement_of_other_settings() {
    let lose = "c: Q do $$ begin deallocate all; end $$\nc: wait";
    check(&[
        &format!(
            "a: P s select 11\na: S\na: Q set datestyle='ISO,DMY'\na: wait\n{lose}
         b: Q set datestyle='ISO,DMY'\nb: P q select 11\nb: S\nb: wait\n{lose}
         a: B - nope\na: E - 0\na: B - s\na: E - 0\na: S\na: P s select 22\na: S\na: B - s\na: E - 0\na: S\na: wait
         b: B - q\nb: E - 0\nb: S\nb: wait\nb: P z select 11\nb: B - z\nb: E - 0\nb: S"
        ),
        &format!(
            "a: P s select 11\na: S\na: Q set datestyle='ISO,DMY'\na: wait\n{lose}
         a: B - nope\na: D S s\na: S\na: B - s\na: E - 0\na: S"
        ),
    ]);
}

/// Settings by which constants are read and that no server reports.
#[test]
fn settings_of_constants() {
    let pairs = [
        ("transform_null_equals=on", "select 1 = null as same"),
        (
            "array_nulls=off",
            "select array_length(U&'\\007bnull, null\\007d'::text[], 1), U&'\\007bnull\\007d'::text[] is null",
        ),
        ("xmloption=document", "select xmlparse(content 'a') is document, 'a<b/>'::xml"),
        ("backslash_quote=off", "select E'it\\\\'s'"),
        ("lc_monetary='C'", "select '1.50'::money"),
    ];
    let scripts = pairs.map(|(setting, text)| {
        let by =
            |who: &str| format!("{who}: P s {text}\n{who}: D S s\n{who}: B - s\n{who}: E - 0\n{who}: S\n{who}: wait");
        format!("a: Q set {setting}\na: wait\n{}\n{}\na: B - s\na: E - 0\na: S\na: wait", by("a"), by("b"))
    });
    check(&scripts.each_ref().map(String::as_str));
}

/// The second client's `now` is not the first one's.
#[test]
fn constants_of_the_moment() {
    let ask = "select 'now'::timestamptz >= (select max(line::timestamptz) from lines) as later";
    let by = |who: &str| format!("{who}: P s {ask}\n{who}: S\n{who}: wait");
    check(&[&format!(
        "a: Q insert into lines values (clock_timestamp()::text)\na: wait\n{}\na: B - s\na: E - 0\na: S\na: wait
         b: Q delete from lines; insert into lines values (clock_timestamp()::text)\nb: wait\n{}\nb: B - s\nb: E - 0\nb: S\nb: wait
         a: B - s\na: E - 0\na: S",
        by("a"),
        by("b")
    )]);
}

/// What drops statements where nobody sees it hurts one of those who have prepared them, not all.
#[test]
fn statements_dropped_in_a_block() {
    check(&[
        "a: P s select 1\na: B - s\na: E - 0\na: S\na: wait\nb: Q do $$ begin execute 'deallocate all'; end $$\nb: wait\nc: P t select 1\nc: B - t\nc: E - 0\nc: S\nc: wait",
        "a: P s select 1\na: B - s\na: E - 0\na: S\na: wait\nb: Q do $$ begin deallocate all; end $$\nb: wait\nc: P t select 1\nc: B - t\nc: E - 0\nc: S\nc: wait",
    ]);
}

/// What is created where a search_path leads to is temporary as well: its client keeps its server until it leaves.
#[test]
fn temporary_by_the_search_path() {
    check(&[
        "a: Q begin; set local search_path=pg_temp, public; create table q as select 42 as secret; commit\na: wait\na: Q select * from q\na: X\nb: Q select * from q",
        "a: Q set search_path='pg_temp'\na: Q create table q (a int)\na: wait\na: X\nb: Q select * from pg_temp.q",
        "a: Q set search_path=pg_temp\na: wait\na: Q select 42 as secret into q\na: wait\na: Q select * from q\na: X\nb: Q select * from pg_temp.q",
        "a: P - select set_config('search_path', $1, false)\na: B - - pg_temp\na: E - 0\na: S\na: P - create table q (a int)\na: B - -\na: E - 0\na: S\na: X\nb: Q select * from pg_temp.q",
        "a: Q create schema s\na: Q set search_path='s'\na: Q create table q (a int)\na: wait\nb: Q select * from s.q",
    ]);
}
