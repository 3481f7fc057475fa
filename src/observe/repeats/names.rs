//! Whether the names of two columns say that one refers to the other. Pure.

use crate::sql::facts::Compared;

/// How far names agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Agreement {
    None,
    /// They are the same.
    Same,
    /// One refers to the other: `author_id` and `authors.id`.
    Reference,
}

/// A column of a result whose statement reads `tables`, and the column that a value was compared with.
pub(super) fn agreement(tables: &[&str], column: &str, compared: &Compared) -> Agreement {
    let own = tables.iter().map(|table| bare(table));
    let other = compared.table.as_deref().map(bare);
    let (column, asked) = (plain(column), plain(&compared.column));
    let forth = own.clone().any(|table| refers(&asked, table, &column));
    let back = other.is_some_and(|table| refers(&column, table, &asked));
    let same_table = other.is_some_and(|other| own.clone().any(|table| table.eq_ignore_ascii_case(other)));
    match () {
        () if forth || back => Agreement::Reference,
        // A tree: `nodes.parent_id` and `nodes.id`.
        () if same_table && (is_kin(&column, &asked) || is_kin(&asked, &column)) => Agreement::Reference,
        () if column == asked && (same_table || !is_common(&column)) => Agreement::Same,
        () => Agreement::None,
    }
}

/// `a` ends with `b`, as `parent_id` with `id`.
pub(super) fn descends(a: &str, b: &str) -> bool {
    let (a, b) = (plain(a), plain(b));
    a.len() > b.len() && a.ends_with(&b)
}

/// Whether `one` is `other` of the row's kin: `parentid` and `id`. `userid` is not: that row is in another table.
fn is_kin(one: &str, other: &str) -> bool {
    let stem = one.strip_suffix(other).unwrap_or_default();
    KIN.iter().any(|kin| stem.starts_with(kin) || stem.ends_with(kin))
}

/// What a row's relatives in its own table are called.
const KIN: [&str; 20] = [
    "parent",
    "prev",
    "next",
    "root",
    "reply",
    "replies",
    "manager",
    "boss",
    "head",
    "super",
    "ancestor",
    "child",
    "original",
    "origin",
    "source",
    "duplicate",
    "successor",
    "follow",
    "mother",
    "father",
];

/// `authorid` is `authors` and `id`; so it is for `shop_authors`, as a framework may call it.
fn refers(key: &str, table: &str, column: &str) -> bool {
    let whole = |stem: &str| key.strip_prefix(stem).is_some_and(|rest| rest == column);
    let starts = table.match_indices('_').map(|(at, _)| at + 1);
    let mut names = std::iter::once(0).chain(starts).map(|at| plain(&table[at..]));
    names.any(|name| !name.is_empty() && (whole(&name) || singulars(&name).any(|stem| whole(&stem))))
}

/// A table's name without its schema.
pub(super) fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// `"authorId"` and `author_id` are the same.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What one of `categories`, `addresses` or `authors` may be called.
fn singulars(table: &str) -> impl Iterator<Item = String> {
    let endings = [("ies", "y"), ("es", ""), ("s", ""), ("people", "person"), ("children", "child")];
    let one = move |(many, one)| table.strip_suffix(many).map(|stem: &str| format!("{stem}{one}"));
    endings.into_iter().filter_map(one).filter(|stem| !stem.is_empty())
}

/// Names that any table may have.
fn is_common(column: &str) -> bool {
    matches!(column, "id" | "pk" | "key" | "uuid" | "code" | "name" | "no" | "nr" | "number" | "position" | "count")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parent: &str, child: &str, expected: Agreement) {
        let (tables, column) = parent.rsplit_once('.').unwrap();
        let tables: Vec<&str> = tables.split('+').collect();
        let (table, asked) = child.rsplit_once('.').map_or((None, child), |(table, asked)| (Some(table), asked));
        let compared = Compared { table: table.map(str::to_owned), column: asked.to_owned(), equal: true, cast: false };
        assert_eq!(agreement(&tables, column, &compared), expected, "{parent} {child}");
    }

    #[test]
    fn names_agree_or_not() {
        use Agreement::*;
        check("authors.id", "books.author_id", Reference);
        check("authors.id", "author_id", Reference);
        check("books.author_id", "authors.id", Reference);
        check("public.authors.id", "authorId", Reference);
        check("Author.id", "Book.authorId", Reference);
        check("categories.id", "products.category_id", Reference);
        check("addresses.id", "orders.address_id", Reference);
        check("shop_author.id", "shop_book.author_id", Reference);
        check("orders+customers.id", "invoices.customer_id", Reference);
        check("nodes.id", "nodes.parent_id", Reference);
        check("staff.reports_to_manager_id", "staff.id", Reference);
        check("orders.id", "orders.user_id", None);
        check("authors.id", "authors.id", Same);
        check("books.author_id", "reviews.author_id", Same);
        check("authors.id", "months.id", None);
        check("authors.id", "month", None);
        check("authors.id", "books.editor_id", None);
        check("ratings.stars", "sales.month", None);
    }
}
