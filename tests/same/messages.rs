//! Scripts by hand: the extended protocol, prepared statements that follow their client, parameters.

use super::check;

#[test]
fn pipelines() {
    check(&[
        "a: P - select 1\na: B - -\na: D P -\na: E - 0\na: S",
        "a: P s select $1::int + 1 as next, $2::text\na: D S s\na: S\na: wait\nb: Q select 1\nb: wait\na: B p s 5 x\na: D P p\na: E p 0\na: C P p\na: C S s\na: S",
        "a: S\na: S\na: S\na: wait\nb: S",
        "a: H\na: P - select 1\na: H\na: wait\na: B - -\na: H\na: wait\na: D P -\na: H\na: wait\na: E - 0\na: H\na: wait\na: S\na: wait\nb: Q select 1",
        "a: H\na: H\na: Q select 1\na: H\na: wait\nb: H\nb: S",
        // An error in Parse, Bind, Describe, Execute, Close; and what is skipped after each.
        "a: P - selec\na: B - -\na: E - 0\na: S\na: P - select 1\na: B - -\na: E - 0\na: S",
        "a: P - select $1::int\na: B - - x\na: E - 0\na: P t select 2\na: S\na: P t select 3\na: S\na: wait\nb: Q select 1",
        "a: P - select $1::int\na: B - -\na: S\na: B - - 1 2\na: S\na: B nowhere gone 1\na: S",
        "a: D S nothing\na: P s select 1\na: S\na: D P nothing\na: S\na: E nothing 0\na: S\na: D S s\na: S",
        "a: P - select 1 / $1::int\na: B - - 0\na: E - 0\na: C S nothing\na: H\na: wait\na: B - - 1\na: H\na: S\na: wait\na: B - - 1\na: E - 0\na: S",
        "a: P - select nope\na: H\na: wait\na: P s select 1\na: C S s\na: H\na: wait\na: S\na: wait\na: D S s\na: S",
        "a: P - select nope\na: Q select 1\na: S\na: wait\nb: Q select 2",
        "a: P - select nope\na: F 177 1 2\na: S\na: wait\nb: Q select 2",
        "a: P - select 1\na: B - -\na: Q select 2\na: S\na: wait\nb: Q select 3",
        "a: P - select 1\na: B p -\na: F 177 1 2\na: E p 0\na: S\na: wait\nb: Q select 3",
        "a: P - select 1; select 2\na: S\na: P -\na: B - -\na: D P -\na: E - 0\na: S\na: P - ;\na: D S -\na: S",
        "a: P - select '{x*70000}'\na: B - -\na: E - 0\na: S\na: wait\nb: Q select 1\nb: wait\na: P s select $1::text, '{y*70000}'\na: S\na: wait\nb: Q select 2\nb: wait\na: B - s {z*70000}\na: E - 0\na: S",
        "a: P s insert into items values ($1::int, $2)
         a: B - s 4 four
         a: E - 0
         a: B - s 5 five
         a: E - 0
         a: S
         a: B - s 5 again
         a: E - 0
         a: B - s 6 six
         a: E - 0
         a: S
         a: B - s 7 null
         a: E - 0
         a: S
         a: wait
         b: Q select id, name from items order by id",
    ]);
}

#[test]
fn portals() {
    check(&[
        "a: P - select generate_series(1, 5)\na: B - -\na: E - 2\na: E - 2\na: E - 2\na: E - 2\na: S",
        "a: P - select generate_series(1, 5)\na: B - -\na: E - 2\na: S\na: wait\na: E - 2\na: S",
        "a: Q begin
         a: P s select id from items order by id
         a: B p s
         a: B q s
         a: E p 1
         a: S
         a: wait
         a: E q 2
         a: H
         a: wait
         a: E p 0
         a: D P p
         a: E q 1
         a: E q 1
         a: B p s
         a: S
         a: wait
         a: C P p
         a: C P never
         a: S
         a: wait
         a: E q 1
         a: S
         a: Q commit
         a: wait
         b: Q select 1
         b: wait
         a: E q 1
         a: S",
        "a: Q begin\na: P - insert into items values (4, 'four') returning id\na: B p -\na: E p 1\na: E p 1\na: S\na: Q commit",
        "a: P - select 1\na: B p -\na: C S -\na: E p 0\na: S\na: P s select 2\na: B p s\na: C S s\na: E p 0\na: S\na: wait\nb: E p 0\nb: S",
    ]);
}

#[test]
fn names() {
    check(&[
        "a: P - select 1\na: X\nb: Q select 1",
        "a: P s select 1\na: S\na: wait\nb: Q discard all\nb: wait\na: B - gone\na: B - s\na: S\na: B - s\na: E - 0\na: S",
        "b: P t select 1\nb: S\nb: wait\na: Q begin\na: E - 0\na: S\na: P s select 1\na: S\na: Q rollback",
        "b: D P p\nb: P s select 1\nb: S\nb: P - deallocate s\nb: B - -\nb: E - 0\nb: S",
        "a: P s select 1\na: B - s\na: X\nb: P s select 2\nb: B - s\nb: E - 0\nb: S",
        "a: P s select 1\na: S\na: wait\na: P s select 2\na: S\na: wait\nb: B - s\nb: S\nb: wait\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: P s select 1\na: S\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: wait\nb: P s select 2\nb: S\nb: wait\na: B - s\na: E - 0\na: S\na: wait\nb: B - s\nb: E - 0\nb: S",
        "a: C S s\na: S\na: P s select 1\na: C S s\na: P s select 2\na: S\na: wait\nb: Q select 1\nb: wait\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: C S s\na: B - s\na: S\na: P s select 2\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: wait\na: P - selec\na: C S s\na: S\na: wait\na: B - s\na: E - 0\na: S",
        "a: P s selec\na: S\na: P s select 1\na: S\na: D S s\na: S\na: wait\nb: P s selec\nb: S\nb: B - s\nb: S",
        "a: P s select $1::int\na: S\na: B - s\na: S\na: B - s x\na: S\na: wait\nb: P t select $1::int\nb: B - t 1 2\nb: S",
        "a: Q begin\na: P s select 1\na: S\na: Q rollback\na: wait\nb: Q select 1\nb: wait\na: B - s\na: E - 0\na: S",
        "a: Q begin; select nope\na: P s select 1\na: S\na: C S s\na: S\na: Q rollback\na: P s select 3\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: wait\na: C S s\na: P s select nope\na: S\na: wait\nb: P t select nope\nb: S\nb: B - t\nb: E - 0\nb: S",
        "a: P s {-*3}\na: B - s\na: E - 0\na: S\na: P t begin\na: B - t\na: E - 0\na: S\na: P t commit\na: S\na: Q commit",
    ]);
}

/// As asyncpg does. The other client has the server before the first says Sync.
#[test]
fn prepared_with_a_flush() {
    check(&[
        "a: P s select $1::int + 1 as next\na: D S s\na: H\na: wait\nb: Q select 1\nb: wait\na: B - s 5\na: E - 0\na: S\na: wait\nb: Q select 2",
        "a: P - select 'mine'\na: D S -\na: H\na: wait\nb: P - select 'other'\nb: H\nb: wait\na: B - -\na: E - 0\na: H\na: wait\na: S\na: wait\nb: D S -\nb: B - -\nb: E - 0\nb: S",
        "a: P s select 1\na: H\na: wait\nb: Q select 1\nb: wait\na: S\na: wait\na: S\na: H\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: H\na: wait\nb: Q select 1\nb: wait\na: C S s\na: H\na: wait\nb: Q select 2\nb: wait\na: P s select 'again'\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: D S s\na: H\na: wait\nb: Q begin\nb: wait\nb: Q select 3\nb: Q rollback\nb: wait\na: B - t\na: E - 0\na: S\na: B - s\na: E - 0\na: S",
        "a: Q set DateStyle=German\na: P s select date '2020-01-02'\na: D S s\na: H\na: wait\nb: Q show datestyle\nb: wait\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: H\na: wait\nb: P s select 2\nb: D S s\nb: H\nb: wait\na: P s select 3\na: H\na: wait\na: S\na: wait\nb: B - s\nb: E - 0\nb: S",
        "a: P s begin\na: H\na: wait\nb: Q select 1\nb: wait\na: Q begin\na: B - s\na: E - 0\na: S\na: Q commit\na: Q commit",
        "a: P s select 1\na: H\na: wait\nb: Q select 1\nb: wait\na: X",
    ]);
}

#[test]
fn the_unnamed_statement() {
    check(&[
        "a: P - select $1::int\na: D S -\na: S\na: wait\nb: P - select 'other'\nb: S\nb: wait\na: B - - 5\na: E - 0\na: S\na: wait\nb: B - -\nb: E - 0\nb: S",
        "a: B - -\na: S\na: wait\nb: P - select 1\nb: S\nb: wait\na: D S -\na: S\na: wait\nb: B - -\nb: E - 0\nb: S",
        "a: P - select 1\na: S\na: Q select 2\na: B - -\na: S\na: wait\nb: P - select 3\nb: C S -\nb: B - -\nb: S",
        "a: P - select 1\na: S\na: wait\na: P t selec\na: C S -\na: S\na: wait\na: B - -\na: E - 0\na: S",
        "a: P - select 1\na: S\na: wait\na: P t selec\na: Q select 2\na: S\na: wait\na: B - -\na: E - 0\na: S",
        "a: P - select 1\na: S\na: wait\na: F 177 1 2\na: wait\na: B - -\na: E - 0\na: S",
        "a: P - select 1\na: S\na: wait\na: Q\na: wait\nb: Q select 1\nb: wait\na: B - -\na: S",
        "a: P - select 1\na: S\na: wait\na: P - selec\na: S\na: wait\na: B - -\na: E - 0\na: S\na: wait\nb: Q select 1\nb: wait\na: B - -\na: E - 0\na: S",
        "a: P - select v from nowhere\na: S\na: wait\nb: Q create table nowhere (v int)\nb: wait\na: B - -\na: E - 0\na: S\na: wait\nb: Q drop table nowhere",
        "a: P s select 2\na: S\na: wait\na: P - select 1\na: S\na: wait\na: P s select 3\na: S\na: wait\na: B - -\na: E - 0\na: S",
        "a: P - selec\na: S\na: P - select 4\na: S\na: wait\nb: Q select 1\nb: wait\na: B - -\na: E - 0\na: S",
        "b: P - select 5\nb: S\nb: wait\na: Q select 1\na: wait\nb: B - nope\nb: B - -\nb: S\nb: B - -\nb: E - 0\nb: S",
        "b: P - select 5\nb: S\nb: wait\na: Q select 1\na: wait\nb: B - nope\nb: D S -\nb: S\nb: P - select 6\nb: B - -\nb: E - 0\nb: S\nb: B - -\nb: E - 0\nb: S",
        "a: P s select 1\na: P - select 2\na: S\na: wait\na: B - nope\na: P s select 3\na: S\na: wait\na: B - -\na: E - 0\na: S",
        "a: P s select 1\na: P - select 2\na: S\na: wait\na: P s selec\na: S\na: wait\na: B - -\na: E - 0\na: S",
        "a: P - select '{x*70000}'\na: S\na: wait\na: B - -\na: E - 0\na: S\na: wait\nb: Q select 1",
        "a: P - select '{x*20000}'\na: D S -\na: S\na: wait\nb: P - select 'other'\nb: B - -\nb: E - 0\nb: S\nb: wait\na: B - -\na: E - 0\na: S",
        "a: P - select length('{x*900000}'), $1::int\na: S\na: wait\nb: Q select 1\nb: wait\na: B - - 5\na: E - 0\na: S\na: wait\nb: Q select 2\nb: wait\na: P - select 6\na: S\na: B - -\na: E - 0\na: S",
        "a: P - set application_name = '{x*20000}'\na: S\na: wait\nb: Q select 1\nb: wait\na: B - -\na: E - 0\na: S\na: wait\nb: Q show application_name\nb: wait\na: B - -\na: E - 0\na: S\na: Q show application_name",
        "a: P - select '{x*20000}'\na: B - -\na: E - 0\na: B - -\na: E - 0\na: S\na: wait\nb: Q select 1\nb: wait\na: P - select '{x*20000}'\na: S\na: wait\nb: P - select 1\nb: S\nb: wait\na: B - -\na: E - 0\na: S",
    ]);
}

#[test]
fn statements_dropped_by_sql() {
    check(&[
        "a: P s select 1\na: S\na: Q deallocate s\na: wait\na: B - s\na: S\na: Q deallocate s\na: wait\nb: Q deallocate prepare nothing",
        "a: P s select 1\na: P t select 2\na: S\na: wait\nb: P s select 3\nb: S\nb: wait\na: Q deallocate all\na: wait\nb: B - s\nb: E - 0\nb: S\nb: wait\na: B - s\na: S\na: P s select 4\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: wait\na: P - discard all\na: B - -\na: E - 0\na: S\na: B - s\na: S\na: wait\nb: Q select 1",
        "a: P s select 1\na: P - deallocate s\na: B - -\na: E - 0\na: B - s\na: S\na: P s select 2\na: S\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: P - deallocate all\na: B - -\na: E - 0\na: P s select 2\na: S\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: S\na: wait\na: Q set datestyle to 'German'; deallocate all; rollback\na: B - s\na: S",
        "a: P s select 1\na: S\na: Q deallocate all; select nope\na: B - s\na: S\na: wait\na: Q begin; deallocate all\na: wait\na: Q rollback\na: wait\na: B - s\na: S",
        "a: P Mixed select 1\na: S\na: Q deallocate Mixed\na: Q deallocate \"Mixed\"\na: wait\na: B - Mixed\na: S",
        "a: Q set datestyle to 'German'\na: P s select date '2020-01-02'\na: S\na: Q discard all\na: wait\na: Q select date '2020-01-02'\na: wait\nb: Q show datestyle",
        "a: P s select 1\na: S\na: P - selec\na: P - deallocate s\na: B - -\na: E - 0\na: S\na: wait\na: B - s\na: E - 0\na: S",
        "a: P s select 1\na: P t select 2\na: S\na: Q deallocate s; select 3\na: B - s\na: S\na: B - t\na: E - 0\na: S",
        "a: P s select 1\na: P t select 2\na: S\na: wait\nb: P s select 1\nb: S\nb: wait\na: Q select 1; deallocate prepare s;; deallocate \"t\"; select 'deallocate b'\na: wait
         b: B - s\nb: E - 0\nb: S\nb: wait\na: B - s\na: S\na: B - t\na: S\na: Q deallocate s; deallocate t",
        "a: P s select 1\na: P t select 2\na: S\na: Q deallocate s; select 1/0; deallocate t\na: B - s\na: S\na: B - t\na: E - 0\na: S",
        "a: P s select 1\na: S\na: Q begin; deallocate s; rollback\na: B - s\na: S\na: Q prepare q as select 1; deallocate q\na: wait\nb: Q select 1",
        "a: P s select 1\na: S\na: Q begin\na: Q discard all\na: Q rollback\na: wait\na: B - s\na: E - 0\na: S",
    ]);
}

#[test]
fn parameters() {
    check(&[
        "a: login DateStyle=German application_name=one\nb: login TimeZone=Asia/Tokyo\na: Q show datestyle\na: wait\nb: Q show datestyle; show timezone\nb: wait\na: Q show timezone; show application_name",
        "a: Q set timezone to 'Asia/Tokyo'\na: wait\nb: Q show timezone\nb: wait\na: Q show timezone; reset timezone\na: wait\nb: Q set timezone to 'nowhere'\nb: wait\na: Q show timezone",
        "a: Q begin; set timezone to 'Asia/Tokyo'\na: wait\na: Q rollback\na: wait\nb: Q show timezone\nb: wait\na: Q show timezone",
        "a: Q begin; set datestyle to 'German'; savepoint s; set datestyle to 'SQL'; rollback to s\na: wait\na: Q show datestyle; commit\na: wait\nb: Q show datestyle\nb: wait\na: Q show datestyle",
        "a: Q set intervalstyle to 'sql_standard'; select nope\na: wait\na: Q show intervalstyle\na: wait\nb: Q set local timezone to 'UTC'; show timezone",
        "a: Q begin; set local timezone to 'Asia/Tokyo'; show timezone\na: wait\na: Q commit\na: wait\nb: Q show timezone\nb: wait\na: Q show timezone",
        "a: P s set application_name to 'by message'\na: B - s\na: E - 0\na: P - selec\na: S\na: wait\nb: Q show application_name\nb: wait\na: B - s\na: E - 0\na: S\na: wait\nb: Q show application_name\nb: wait\na: Q show application_name; reset all; show application_name",
        "a: Q set application_name to '{n*80}'\na: wait\nb: Q show application_name\nb: wait\na: Q show application_name",
        "a: Q select set_config('TimeZone', 'Asia/Tokyo', false)\na: wait\nb: Q show timezone\nb: wait\na: Q show timezone\na: wait\nb: Q select set_config('TimeZone', 'UTC', true); show timezone",
        "a: Q set standard_conforming_strings to off\na: wait\nb: Q select 'a\\\\b'\nb: wait\na: Q select 'a\\\\b'\na: wait\na: P - select 'a\\\\b'\na: B - -\na: E - 0\na: S",
        "a: Q set client_encoding to 'latin1'\na: wait\nb: Q select 'ä'\nb: wait\na: Q select chr(228)\na: wait\nb: Q select chr(228)",
        "a: Q set session characteristics as transaction read only\na: wait\nb: Q insert into items values (4, 'four')\nb: wait\na: Q insert into items values (5, 'five')",
    ]);
}

#[test]
fn tables_that_change() {
    // Once is the same; from then on pgweir has the statement parsed again, and Postgres never has.
    check(&[
        "a: P s select * from items order by id\na: B - s\na: E - 0\na: S\na: wait\nb: Q alter table items add column more int\nb: wait\na: B - s\na: E - 0\na: S",
        "a: Q create table more (id int)\na: P s select id from more\na: B - s\na: E - 0\na: S\na: Q drop table more\na: B - s\na: S\na: wait\nb: Q create table more (id int, name text)\nb: wait\na: B - s\na: E - 0\na: S",
        "a: Q create table items (id int)\na: Q create table if not exists items (id int)\na: Q drop table kids, items; drop table if exists items\na: wait\nb: Q select * from items",
    ]);
}
