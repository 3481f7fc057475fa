//! What a shape that was never seen before says of itself: a text without values, tables, columns that are compared. Slow and
//! allocating, for once a shape; never on the path. Pure.

use super::digest::{Kind, Reading, SLOTS};

/// A shape's facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The statement with `$1`, `$2`, … in place of its values, white space and comments put in order, lists shortened. Never
    /// holds a value, also where the text cannot be read.
    pub sql: String,
    /// What it does.
    pub kind: Kind,
    /// Tables it names, in order, each once; lower-case unless quoted, with their schema where that is written.
    pub tables: Vec<String>,
    /// For each slot of its [`Reading`] what it is compared with (`author_id = $1`, `$1 = author_id`, `IN`, `ANY`).
    pub compared: [Option<Compared>; SLOTS],
    /// The outermost select list has a `*`.
    pub star: bool,
    /// It has a LIMIT or FETCH FIRST.
    pub limit: bool,
    /// The outermost select list is one aggregate, in capitals: `COUNT`, `SUM`, …
    pub aggregate: Option<String>,
    /// It asks whether something EXISTS, or selects a constant with LIMIT 1.
    pub exists: bool,
    /// The outermost select list's items, as they are written, at most 64.
    pub selected: Vec<String>,
}

/// The column that a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its table as far as the text tells, aliases resolved; without its schema.
    pub table: Option<String>,
    /// Its name.
    pub column: String,
    /// Whether it is compared by `=`, `IN` or `= ANY`, not by `<`, `LIKE`, ….
    pub equal: bool,
}

/// Reads a statement that `reading` was made of.
pub fn facts(text: &[u8], _backslash: bool, reading: &Reading) -> Facts {
    // FIRST VERSION, to be replaced.
    let _ = text;
    Facts { sql: String::new(), kind: reading.kind, ..Facts::default() }
}
