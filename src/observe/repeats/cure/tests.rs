//! Cures: what a parent and a child say, and what is to be written instead.

use super::*;
use crate::sql::digest::statements;
use crate::sql::facts::{Facts, facts};

fn of(text: &str) -> Facts {
    let reading = statements(text.as_bytes(), false).next().map(|statement| statement.reading).unwrap_or_default();
    facts(text.as_bytes(), false, &reading)
}

const N: FindingKind = FindingKind::NPlusOne;
const PARENT: &str = "select id, name from authors";

/// For the value in the child's slot, which comes from the parent's `id`.
#[track_caller]
fn of_slot(slot: usize, parent: &str, child: &str, expected: &str) {
    let (parent, child) = (of(parent), of(child));
    let column = format!("{}.id", parent.tables[0]);
    let shapes = Shapes { parent: Some(&parent), child: Some(&child), column: Some(&column), slot: Some(slot) };
    assert_eq!(cure(N, &shapes), expected, "{}", child.sql);
}

#[track_caller]
fn check(child: &str, expected: &str) {
    of_slot(0, PARENT, child, expected);
}

/// Of a kind without a parent.
#[track_caller]
fn alone(kind: FindingKind, slot: Option<usize>, child: &str, expected: &str) {
    let child = of(child);
    assert_eq!(
        cure(kind, &Shapes { parent: None, child: Some(&child), column: None, slot }),
        expected,
        "{}",
        child.sql
    );
}

#[test]
fn each_shape_has_its_own() {
    check(
        "select title from books where author_id = 1",
        "SELECT … FROM authors JOIN books ON books.author_id = authors.id: both in one statement. Or SELECT author_id, title \
         FROM books WHERE author_id = ANY($1) with the values of all rows: two statements in all.",
    );
    check(
        "select count(*) from books where author_id = 1",
        "SELECT author_id, count(*) FROM books WHERE author_id = ANY($1) GROUP BY author_id: one statement for all rows; what \
         is missing in it is zero.",
    );
    check(
        "select title from books where author_id = 1 order by id limit 5",
        "SELECT … FROM authors LEFT JOIN LATERAL (SELECT title FROM books WHERE author_id = authors.id ORDER BY … LIMIT …) AS c \
         ON true: the first few of each row in one statement.",
    );
    of_slot(
        1,
        PARENT,
        "select exists(select 1 from books where author_id = 1)",
        "SELECT …, EXISTS (SELECT 1 FROM books WHERE author_id = authors.id) FROM authors: a semi-join in the first statement.",
    );
    of_slot(
        1,
        PARENT,
        "update authors set name = 'x' where id = 1",
        "UPDATE authors SET … = v.value FROM unnest($1, $2) AS v (id, value) WHERE authors.id = v.id: all rows at once.",
    );
    check("delete from books where author_id = 1", "DELETE FROM books WHERE author_id = ANY($1): all rows at once.");
    check(
        "select bio from authors where id = 1",
        "Add bio to the select list of the first statement, which reads authors already; or SELECT id, bio FROM authors WHERE \
         id = ANY($1).",
    );
    check(
        "select \"ownerId\" from \"user\" where \"ownerId\" = 1",
        "SELECT … FROM authors JOIN \"user\" ON \"user\".\"ownerId\" = authors.id: both in one statement. Or SELECT \
         \"ownerId\" FROM \"user\" WHERE \"ownerId\" = ANY($1) with the values of all rows: two statements in all.",
    );
    alone(
        FindingKind::TreeWalk,
        Some(0),
        "select id, up from nodes where id = 1",
        "WITH RECURSIVE walk AS (SELECT t.* FROM nodes AS t WHERE t.id = $1 UNION ALL SELECT t.* FROM nodes AS t JOIN walk ON \
         t.id = walk.…) SELECT id, up FROM walk: all steps in one statement.",
    );
}

/// What the child asks for beside the loop's value is not lost, and nothing that would be wrong can be run as it stands.
#[test]
fn other_conditions_stay() {
    let tenant = "select id, name from cust where tenant_id = 2 order by id limit 30";
    of_slot(
        1,
        tenant,
        "select total from orders where tenant_id = 2 and customer_id = 7",
        "SELECT customer_id, total FROM orders WHERE tenant_id = $1 AND customer_id = ANY($2) with the values of all rows: two \
         statements in all, if $1 is the same for all.",
    );
    of_slot(
        1,
        "select id, name from cust where tenant_id = 2",
        "select total from orders where tenant_id = 2 and customer_id = 7",
        "SELECT … FROM cust JOIN orders ON orders.customer_id = cust.id AND … WHERE …: both in one statement, with all other \
         conditions. Or SELECT customer_id, total FROM orders WHERE tenant_id = $1 AND customer_id = ANY($2) with the values of \
         all rows: two statements in all, if $1 is the same for all.",
    );
    check(
        "delete from tokens where user_id = 1 and expires < now()",
        "DELETE FROM tokens WHERE user_id = ANY($1) AND expires < now(): all rows at once.",
    );
    check(
        "delete from tokens where user_id = 1 and (token = 'x' or token = 'y')",
        "DELETE FROM tokens WHERE user_id = ANY($1) AND (token = $2 or token = $3): all rows at once, if $2 and $3 are the \
         same for all.",
    );
    check(
        "select state from jobs where author_id = 1 for update",
        "SELECT … FROM authors JOIN jobs ON jobs.author_id = authors.id AND …: both in one statement, with all other \
         conditions. Or SELECT author_id, state FROM jobs WHERE author_id = ANY($1) AND … with the values of all rows: two \
         statements in all, with its other conditions as they are.",
    );
    check(
        "select max(pages) from books where author_id = 1",
        "SELECT author_id, max(pages) FROM books WHERE author_id = ANY($1) GROUP BY author_id: one statement for all rows; what \
         is missing in it has none.",
    );
    of_slot(
        1,
        PARENT,
        "select not exists(select 1 from books where author_id = 1)",
        "SELECT …, NOT EXISTS (SELECT 1 FROM books WHERE author_id = authors.id AND …) FROM authors: a semi-join in the first \
         statement, with its other conditions as they are.",
    );
    let rest =
        "DELETE FROM tokens WHERE user_id = ANY($1) AND …: all rows at once, with its other conditions as they are.";
    check("delete from tokens where user_id = 1 or expires < now()", rest);
    check("delete from tokens using users u where user_id = 1 and u.gone", rest);
    check(
        "update books set title = title where author_id = 1 and not done",
        "UPDATE books SET … = v.value FROM unnest($1, $2) AS v (author_id, value) WHERE books.author_id = v.author_id AND …: \
         all rows at once, with its other conditions as they are.",
    );
}

/// Nor in cures of other forms.
#[test]
fn other_conditions_stay_in_each_form() {
    check(
        "select count(*) from books b where b.author_id = 1 and b.title = 'x'",
        "SELECT b.author_id, count(*) FROM books b WHERE b.author_id = ANY($1) AND b.title = $2 GROUP BY b.author_id: one \
         statement for all rows, if $2 is the same for all; what is missing in it is zero.",
    );
    check(
        "select title from books where author_id = 1 and not done limit 5",
        "SELECT … FROM authors LEFT JOIN LATERAL (SELECT title FROM books WHERE author_id = authors.id AND not done ORDER BY … \
         LIMIT …) AS c ON true: the first few of each row in one statement.",
    );
    of_slot(
        1,
        PARENT,
        "select 1 from books where author_id = 2 and not done limit 1",
        "SELECT …, EXISTS (SELECT 1 FROM books WHERE author_id = authors.id AND not done) FROM authors: a semi-join in the first \
         statement.",
    );
    check(
        "select b.title from books b join publishers p on p.id = b.publisher_id where b.author_id = 1 and p.country = 'x'",
        "SELECT … FROM authors JOIN books ON books.author_id = authors.id AND …: both in one statement, with all other conditions. \
         Or SELECT b.author_id, b.title FROM books b join publishers p on p.id = b.publisher_id WHERE b.author_id = ANY($1) AND \
         p.country = $2 with the values of all rows: two statements in all, if $2 is the same for all.",
    );
    check(
        "select status, count(*) from books where author_id = 1 group by status",
        "SELECT … FROM authors JOIN books ON books.author_id = authors.id AND …: both in one statement, with all other conditions. \
         Or SELECT author_id, status, count(*) FROM books WHERE author_id = ANY($1) AND … with the values of all rows: two \
         statements in all, with its other conditions as they are.",
    );
    alone(
        FindingKind::TreeWalk,
        Some(0),
        "select up from nodes where id = 1 and not gone",
        "WITH RECURSIVE walk AS (SELECT t.* FROM nodes AS t WHERE t.id = $1 AND … UNION ALL SELECT t.* FROM nodes AS t JOIN walk \
         ON t.id = walk.… AND …) SELECT up FROM walk: all steps in one statement, with its other conditions as they are.",
    );
}

/// What is joined is neither counted by the parent's LIMIT nor taken for the parent itself.
#[test]
fn what_cannot_be_joined() {
    let limited = "select id from authors limit 9";
    let two = "SELECT author_id, title FROM books WHERE author_id = ANY($1) with the values of all rows: two statements in all.";
    of_slot(0, limited, "select title from books where author_id = 1", two);
    of_slot(
        0,
        limited,
        "select title from books where author_id = 1 limit 2",
        "SELECT … FROM unnest($1) AS p (id) LEFT JOIN LATERAL (SELECT title FROM books WHERE author_id = p.id ORDER BY … LIMIT \
         …) AS c ON true: the first few of each row in one statement.",
    );
    of_slot(
        0,
        "select id from nodes",
        "select id from nodes n where n.up = 1",
        "SELECT n.up, id FROM nodes n WHERE n.up = ANY($1) with the values of all rows: two statements in all.",
    );
    of_slot(
        1,
        "select id from nodes",
        "select 1 from nodes where up = 2 limit 1",
        "SELECT DISTINCT up FROM nodes WHERE up = ANY($2): a semi-join for all rows.",
    );
}

/// Whose each row is can be told.
#[test]
fn the_column_that_is_asked_for_is_selected() {
    let begins = |child: &str, expected: &str| {
        let child = of(child);
        let shapes = Shapes { parent: None, child: Some(&child), column: None, slot: Some(0) };
        let cure = cure(N, &shapes);
        assert!(cure.starts_with(&format!("SELECT {expected} WHERE ")), "{cure}");
    };
    begins("select * from books where author_id = 1", "* FROM books");
    begins("select b.* from books b where b.author_id = 1", "b.* FROM books b");
    begins(
        "select b0_.author_id, b0_.title as t from books b0_ where b0_.author_id = 1",
        "b0_.author_id, b0_.title as t FROM books b0_",
    );
    begins("select author_id as a from books where author_id = 1", "author_id, author_id as a FROM books");
    begins("select b.* from books b, tags t where t.id = 1 and t.b = b.id", "t.id, b.* FROM books b, tags t");
    let long = ["title"; 20].join(", ");
    begins(&format!("select {long} from books where author_id = 1"), "author_id, … FROM books");
    begins(&format!("select author_id, {long} from books where author_id = 1"), "… FROM books");
}

#[test]
fn loops_whose_source_is_not_known() {
    let check = |child: &str, expected: &str| {
        let before = "If the values are known before the loop, ask for all at once: ";
        alone(FindingKind::SuspectedLoop, None, child, &format!("{before}{expected}"));
    };
    check("select v from kv where k = 'x'", "SELECT k, … FROM kv WHERE k = ANY($1).");
    check(
        "select v from kv where n > 3 and k = 'x'",
        "SELECT k, … FROM kv WHERE n > $1 AND k = ANY($2), if $1 is the same for all.",
    );
    check(
        "select v from kv where tenant = 1 and k = 'x'",
        "… WHERE tenant = $1 AND k = $2, with = ANY in place of = where the value differs.",
    );
    check("delete from kv where k = 'x' and old", "DELETE FROM kv WHERE k = ANY($1) AND old: all rows at once.");
    check(
        "update kv set v = 1 where k = 'x'",
        "UPDATE kv SET … = v.value FROM unnest($1, $2) AS v (k, value) WHERE kv.k = v.k: all rows at once.",
    );
    check(
        "select v from kv where k = any('{x}')",
        "SELECT k, … FROM kv WHERE k = ANY($1); its list has one value each time.",
    );
    check("select f('x')", "… WHERE … = ANY($1).");
}

#[test]
fn lists_of_one() {
    check(
        "select title from books where author_id in (1)",
        "SELECT … FROM authors JOIN books ON books.author_id = authors.id: both in one statement. Or SELECT author_id, title FROM \
         books WHERE author_id = ANY($1) with the values of all rows: two statements in all; its list has one value each time.",
    );
}

#[test]
fn what_needs_no_conditions() {
    alone(
        FindingKind::DuplicateRead,
        None,
        "select 1",
        "Read it once and keep the result for as long as the request lasts, or cache it.",
    );
    alone(
        FindingKind::RowAtATimeInsert,
        None,
        "insert into books (title) values ('x')",
        "INSERT INTO books VALUES (…), (…), …: a few hundred rows a statement; or COPY books FROM STDIN for many.",
    );
}
