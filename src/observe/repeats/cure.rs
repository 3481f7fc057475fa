//! What to write instead: SQL and a sentence for each shape of loop, made of what is known of its statements. Pure.

use crate::observe::finding::FindingKind;
use crate::sql::digest::Kind;
use crate::sql::facts::{Compared, Facts, written};

/// What is known of a finding's statements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shapes<'a> {
    pub(super) parent: Option<&'a Facts>,
    pub(super) child: Option<&'a Facts>,
    /// The parent's column.
    pub(super) column: Option<&'a str>,
    /// The slot of the child that its values went to.
    pub(super) slot: Option<usize>,
}

/// The cure.
pub(super) fn cure(kind: FindingKind, shapes: &Shapes<'_>) -> String {
    match kind {
        FindingKind::NPlusOne => n_plus_one(shapes),
        FindingKind::TreeWalk => tree_walk(shapes),
        FindingKind::DuplicateRead => {
            "Read it once and keep the result for as long as the request lasts, or cache it.".to_owned()
        }
        FindingKind::SuspectedLoop => batch(shapes),
        FindingKind::RowAtATimeInsert => inserts(shapes),
    }
}

fn n_plus_one(shapes: &Shapes<'_>) -> String {
    let Some(child) = shapes.child else { return batch(shapes) };
    match child.kind {
        Kind::Update => update(shapes),
        Kind::Delete => format!("DELETE FROM {} WHERE {} = ANY($1): all rows at once.", shapes.table(), shapes.asked()),
        _ if child.exists => exists(shapes),
        _ if child.aggregate.is_some() => aggregate(shapes),
        _ if child.limit && !shapes.is_key() => lateral(shapes),
        _ if shapes.is_deferred() => deferred(shapes),
        _ => join(shapes),
    }
}

fn join(shapes: &Shapes<'_>) -> String {
    let (table, asked, list) = (shapes.table(), shapes.asked(), shapes.list());
    let joined = match (shapes.parent_table(), shapes.column) {
        (Some(parent), Some(column)) => format!(
            "SELECT … FROM {parent} JOIN {table} ON {table}.{asked} = {}: both in one statement. Or ",
            on(&parent, column)
        ),
        _ => String::new(),
    };
    format!(
        "{joined}SELECT {list} FROM {table} WHERE {asked} = ANY($1) with the values of all rows: two statements in all."
    )
}

fn aggregate(shapes: &Shapes<'_>) -> String {
    let (table, asked) = (shapes.table(), shapes.asked());
    let list = shapes.list();
    format!(
        "SELECT {asked}, {list} FROM {table} WHERE {asked} = ANY($1) GROUP BY {asked}: one statement for all rows; what is missing in it is zero."
    )
}

fn lateral(shapes: &Shapes<'_>) -> String {
    let (table, asked) = (shapes.table(), shapes.asked());
    let (parent, value) = match (shapes.parent_table(), shapes.column) {
        (Some(parent), Some(column)) => {
            let value = on(&parent, column);
            (parent, value)
        }
        _ => ("unnest($1) AS p (id)".to_owned(), "p.id".to_owned()),
    };
    format!(
        "SELECT … FROM {parent} LEFT JOIN LATERAL (SELECT {} FROM {table} WHERE {table}.{asked} = {value} ORDER BY … LIMIT …) AS c ON true: the first few of each row in one statement.",
        shapes.list()
    )
}

fn exists(shapes: &Shapes<'_>) -> String {
    let (table, asked) = (shapes.table(), shapes.asked());
    match (shapes.parent_table(), shapes.column) {
        (Some(parent), Some(column)) => format!(
            "SELECT …, EXISTS (SELECT 1 FROM {table} WHERE {table}.{asked} = {}) FROM {parent}: a semi-join in the first statement.",
            on(&parent, column)
        ),
        _ => format!("SELECT DISTINCT {asked} FROM {table} WHERE {asked} = ANY($1): a semi-join for all rows."),
    }
}

fn update(shapes: &Shapes<'_>) -> String {
    let (table, asked) = (shapes.table(), shapes.asked());
    format!(
        "UPDATE {table} SET … = v.value FROM unnest($1, $2) AS v ({asked}, value) WHERE {table}.{asked} = v.{asked}: all rows at once."
    )
}

fn deferred(shapes: &Shapes<'_>) -> String {
    let (table, list, asked) = (shapes.table(), shapes.list(), shapes.asked());
    format!(
        "Add {list} to the select list of the first statement, which reads {table} already; or SELECT {asked}, {list} FROM {table} WHERE {asked} = ANY($1)."
    )
}

fn tree_walk(shapes: &Shapes<'_>) -> String {
    let (table, asked) = (shapes.table(), shapes.asked());
    format!(
        "WITH RECURSIVE walk AS (SELECT t.* FROM {table} AS t WHERE t.{asked} = $1 UNION ALL SELECT t.* FROM {table} AS t JOIN walk ON t.{asked} = walk.…) SELECT {} FROM walk: all steps in one statement.",
        shapes.list()
    )
}

fn batch(shapes: &Shapes<'_>) -> String {
    format!(
        "If the values are known before the loop, ask for all at once: … FROM {} WHERE {} = ANY($1).",
        shapes.table(),
        shapes.asked()
    )
}

fn inserts(shapes: &Shapes<'_>) -> String {
    let table = shapes.table();
    format!(
        "INSERT INTO {table} VALUES (…), (…), …: a few hundred rows a statement; or COPY {table} FROM STDIN for many."
    )
}

/// `authors.id` as it is, `id` with its table, which is written as SQL already.
fn on(table: &str, column: &str) -> String {
    if column.contains('.') { written(column) } else { format!("{table}.{}", written(column)) }
}

impl Shapes<'_> {
    fn compared(&self) -> Option<&Compared> {
        self.child?.compared.get(self.slot.unwrap_or(0))?.as_ref()
    }

    /// The child's table, as SQL: that of the compared column, or the first.
    fn table(&self) -> String {
        let compared = self.compared().and_then(|compared| compared.table.as_deref());
        let first = || self.child.and_then(|child| child.tables.first()).map(String::as_str);
        compared.or_else(first).map_or_else(|| "…".to_owned(), written)
    }

    fn parent_table(&self) -> Option<String> {
        self.parent?.tables.first().map(|table| written(table))
    }

    /// The column that the child compares, as SQL.
    fn asked(&self) -> String {
        self.compared().map_or_else(|| "…".to_owned(), |compared| written(&compared.column))
    }

    /// What the child selects, as it is written, if that is short and means the same where its table has no alias.
    fn list(&self) -> String {
        let selected = self.child.map_or(&[][..], |child| &child.selected);
        let (list, table) = (selected.join(", "), self.table());
        let own = |item: &String| item.split_once('.').is_none_or(|(first, _)| first == bare(&table));
        if list.is_empty() || list.len() > 80 || !selected.iter().all(own) { "…".to_owned() } else { list }
    }

    /// The child asks for one row by what is its key, as far as names tell: its LIMIT says nothing.
    fn is_key(&self) -> bool {
        let asked = self.asked();
        asked.eq_ignore_ascii_case("id") || asked.eq_ignore_ascii_case("uuid")
    }

    /// The child reads the row again that the parent has read.
    fn is_deferred(&self) -> bool {
        let same = self.parent_table().is_some_and(|parent| bare(&parent) == bare(&self.table()));
        let column = self.column.map(|column| column.rsplit('.').next().unwrap_or(column));
        same && column == self.compared().map(|compared| compared.column.as_str())
    }
}

fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: Kind, table: &str, column: &str) -> Facts {
        let compared = Compared { table: Some(table.to_owned()), column: column.to_owned(), equal: true, cast: false };
        let mut facts = Facts { kind, tables: vec![table.to_owned()], ..Facts::default() };
        facts.compared[0] = Some(compared);
        facts
    }

    fn check(kind: FindingKind, child: &Facts, expected: &str) {
        let parent = facts(Kind::Select, "authors", "id");
        let shapes = Shapes { parent: Some(&parent), child: Some(child), column: Some("authors.id"), slot: Some(0) };
        let cure = cure(kind, &shapes);
        assert!(cure.contains(expected), "{cure}");
    }

    #[test]
    fn each_shape_has_its_own() {
        let books = || facts(Kind::Select, "books", "author_id");
        let n = FindingKind::NPlusOne;
        check(n, &books(), "FROM authors JOIN books ON books.author_id = authors.id");
        check(n, &Facts { aggregate: Some("COUNT".to_owned()), ..books() }, "GROUP BY author_id");
        check(
            n,
            &Facts { limit: true, ..books() },
            "LEFT JOIN LATERAL (SELECT … FROM books WHERE books.author_id = authors.id",
        );
        check(n, &Facts { exists: true, ..books() }, "EXISTS (SELECT 1 FROM books WHERE books.author_id = authors.id)");
        check(n, &facts(Kind::Update, "authors", "id"), "UPDATE authors SET … = v.value FROM unnest($1, $2)");
        check(n, &facts(Kind::Delete, "books", "author_id"), "DELETE FROM books WHERE author_id = ANY($1)");
        let bio = Facts { selected: vec!["bio".to_owned()], ..facts(Kind::Select, "authors", "id") };
        check(n, &bio, "Add bio to the select list of the first statement");
        check(
            FindingKind::TreeWalk,
            &facts(Kind::Select, "nodes", "id"),
            "WITH RECURSIVE walk AS (SELECT t.* FROM nodes",
        );
        check(n, &facts(Kind::Select, "user", "ownerId"), r#"JOIN "user" ON "user"."ownerId" = authors.id"#);
        let own = |item: &str| Facts { selected: vec![item.to_owned()], ..books() };
        check(n, &own("books.title"), "SELECT books.title FROM books WHERE");
        check(n, &own("b0_.title as t"), "SELECT … FROM books WHERE");
        check(FindingKind::RowAtATimeInsert, &facts(Kind::Insert, "books", "id"), "INSERT INTO books VALUES (…), (…)");
        check(FindingKind::DuplicateRead, &books(), "Read it once");
        check(FindingKind::SuspectedLoop, &books(), "FROM books WHERE author_id = ANY($1)");
    }
}
