//! Scripts by hand: requests, transactions, errors wherever they can be, COPY.

use super::check;

#[test]
fn simple_queries() {
    check(&[
        "a: Q select 1 as a, 'x' as b",
        "a: Q select 1; select 'two' as b; insert into items values (4, 'four'); select count(*) from items",
        "a: Q
         a: wait
         a: Q ;
         a: Q ;;  -- nothing
         a: wait
         b: Q",
        "a: Q select 1; selec 2; select 3",
        "a: Q select 1; select 1 / (id - 2) from items order by id; select 3",
        "a: Q insert into items values (4, 'four'); select nope; select 1
         a: wait
         b: Q select id from items order by id",
        "a: Q select noisy('once'), noisy('twice')
         a: Q do $$ begin raise warning 'careful'; raise exception 'no' using hint = 'h', detail = 'd'; end $$",
        "a: Q select '{x*70000}'
         a: wait
         b: Q select repeat('y', 200000)
         b: wait
         a: Q select noisy('{z*66000}')",
        "a: Q insert into items values (1, 'again')
         a: Q insert into items values (5, '{n*100}')
         a: Q select id from items order by id",
        "a: Q select 1\na: Q select 2\na: Q selec\na: Q select 3\na: wait\nb: Q select 4\nb: wait\na: Q select 5",
        // int4pl, and one that does not exist, and one with too few arguments.
        "a: F 177 2 3
         a: F 1 2
         a: F 177 2
         a: wait
         b: F 177 4 null
         b: wait
         a: F 177 2147483647 1
         a: Q select 1",
        "a: Q select 1\na: X",
        "a: Q select 1\na: wait\na: X\nb: Q select 2",
    ]);
}

#[test]
fn transactions() {
    check(&[
        "a: Q begin\na: wait\na: Q select 1\na: wait\na: Q commit\na: wait\nb: Q select 2",
        "a: Q commit\na: Q rollback\na: Q begin; begin\na: Q commit\na: wait\nb: Q end\nb: Q abort",
        "a: Q begin; insert into items values (4, 'four')
         a: wait
         a: Q insert into items values (4, 'four')
         a: wait
         a: Q select 1
         a: Q commit
         a: wait
         b: Q select id from items order by id",
        "a: Q begin; select 1; commit; select 2; begin; select nope
         a: wait
         a: Q rollback",
        "a: Q begin; insert into kids values (9)
         a: Q commit
         a: wait
         b: Q insert into kids values (8)
         b: wait
         a: P - insert into kids values (7)
         a: B - -
         a: E - 0
         a: S
         a: wait
         b: Q insert into kids values (1); select count(*) from kids",
        "a: Q begin; savepoint one; select nope
         a: wait
         a: Q rollback to one
         a: Q release one; release one
         a: Q rollback to nowhere
         a: Q rollback and chain
         a: wait
         a: Q commit and chain
         a: Q commit",
        "a: Q begin isolation level serializable read only
         a: Q insert into items values (4, 'four')
         a: Q rollback
         a: wait
         b: Q show transaction_isolation",
        "a: P - begin
         a: B - -
         a: E - 0
         a: S
         a: wait
         a: P - select nope
         a: S
         a: wait
         a: P s select 1
         a: B - s
         a: S
         a: wait
         a: Q rollback
         a: wait
         b: Q select 1
         b: wait
         a: B - s
         a: E - 0
         a: S",
        "a: Q begin; insert into items values (4, 'four')
         a: wait
         a: X
         b: Q select id from items order by id",
        "a: Q begin\na: wait\na: Q selec\na: X\nb: Q select 1",
        // An implicit transaction ends at its Sync.
        "a: P - insert into items values (4, 'four')
         a: B - -
         a: E - 0
         a: P - select nope
         a: B - -
         a: E - 0
         a: S
         a: wait
         b: Q select id from items order by id",
        "a: P - insert into items values (4, 'four')\na: B - -\na: E - 0\na: H\na: X\nb: Q select count(*) from items",
        "a: Q begin; declare c cursor for select id from items order by id
         a: wait
         a: Q fetch 2 from c
         a: wait
         a: Q fetch 2 from c; close c; fetch 1 from c
         a: Q commit",
    ]);
}

#[test]
fn copy_out() {
    check(&[
        "a: Q copy (select id, name from items order by id) to stdout\na: wait\nb: Q select 1",
        "a: Q copy (select 1) to stdout; select 2; copy (select 3) to stdout",
        "a: Q copy (select 1 / (id - 2) from items order by id) to stdout\na: Q select 1",
        "a: P s copy (select id from items order by id) to stdout
         a: B - s
         a: D P -
         a: E - 0
         a: H
         a: wait
         a: B - s
         a: E - 1
         a: S
         a: wait
         b: Q copy (select repeat('x', 70000) from generate_series(1, 3)) to stdout with (format csv)",
        "a: Q copy nowhere to stdout\na: Q copy (select 1) to '/nowhere/file'",
    ]);
}

#[test]
fn copy_in() {
    check(&[
        "a: Q copy lines from stdin
         a: wait
         a: d one\\n
         a: d two\\nthr
         a: d ee\\n
         a: c
         a: wait
         b: Q select line from lines order by 1",
        "a: Q copy lines from stdin\na: d one\\n\na: c\na: Q select 1\na: wait\nb: Q select count(*) from lines",
        "a: Q copy lines from stdin; select 1; copy lines from stdin; select 2
         a: d one\\n
         a: c
         a: d two\\n
         a: c
         a: wait
         b: Q select line from lines order by 1",
        "a: Q copy lines from stdin\na: wait\na: d one\\n\na: f enough\na: wait\nb: Q select count(*) from lines",
        "a: Q copy lines from stdin\na: wait\na: d one\\n\na: H\na: S\na: d two\\n\na: c\na: wait\nb: Q select 1",
        // Postgres' own error, while data is still on its way.
        "a: Q copy items from stdin
         a: wait
         a: d not a number\\tname\\n
         a: d 9\\tnine\\n
         a: c
         a: wait
         b: Q select count(*) from items",
        "a: Q copy items from stdin
         a: d not a number\\tname\\n
         a: d 9\\tnine\\n
         a: c
         a: Q select 1
         a: wait
         b: Q select count(*) from items",
        "a: Q copy nowhere from stdin\na: d one\\n\na: c\na: Q select 1\na: wait\nb: Q select 2",
        "a: d one\\n\na: c\na: f why\na: Q select 1",
        "a: Q begin; copy items from stdin
         a: wait
         a: d 1\\ttwice\\n
         a: c
         a: wait
         a: Q copy items from stdin
         a: d 8\\teight\\n
         a: c
         a: wait
         a: Q rollback
         a: wait
         b: Q select count(*) from items",
        "a: Q copy lines from stdin\na: d {x*70000}\\n\na: c\na: wait\nb: Q select count(*) from lines",
        "a: Q copy lines from stdin\na: wait\na: X\nb: Q select count(*) from lines",
        "a: Q copy lines from stdin\na: wait\na: d one\\n\na: X\nb: Q select count(*) from lines",
        "a: Q copy lines from stdin\na: d one\\n\na: X\nb: Q select count(*) from lines",
    ]);
}

#[test]
fn copy_in_by_messages() {
    check(&[
        "a: P - copy lines from stdin
         a: B - -
         a: E - 0
         a: H
         a: wait
         a: d one\\n
         a: c
         a: S
         a: wait
         b: Q select line from lines",
        "a: P - copy lines from stdin\na: B - -\na: E - 0\na: d one\\n\na: c\na: S\na: wait\nb: Q select line from lines",
        "a: P - copy lines from stdin\na: B - -\na: E - 0\na: S\na: d one\\n\na: c\na: S\na: wait\nb: Q select 1",
        "a: P - copy lines from stdin\na: B - -\na: E - 0\na: S\na: wait\na: d one\\n\na: f no\na: S\na: wait\nb: Q select 1",
        "a: P - copy nowhere from stdin\na: B - -\na: E - 0\na: S\na: d one\\n\na: c\na: S\na: wait\nb: Q select 1",
        "a: P s copy items from stdin
         a: B - s
         a: E - 0
         a: d x\\ty\\n
         a: d 7\\tseven\\n
         a: c
         a: P - select 1
         a: B - -
         a: E - 0
         a: S
         a: wait
         b: Q select count(*) from items
         b: wait
         a: B - s
         a: E - 0
         a: d 7\\tseven\\n
         a: c
         a: P - select count(*) from items
         a: B - -
         a: E - 0
         a: S",
        "a: P - copy items from stdin\na: B - -\na: E - 0\na: d 1\\tone\\n\na: c\na: S\na: P - select 1\na: S\na: wait\nb: Q select 1",
        "a: Q begin
         a: P - copy items from stdin
         a: B - -
         a: E - 0
         a: H
         a: wait
         a: d 8\\teight\\n
         a: f changed my mind
         a: S
         a: wait
         a: Q commit
         a: wait
         b: Q select count(*) from items",
    ]);
}
