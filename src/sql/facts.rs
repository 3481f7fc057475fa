//! What a shape that was never seen before says of itself: a text without values, tables, columns that are compared. Slow and
//! allocating, for once a shape; never on the path. Pure.

use super::digest::key::Key;
use super::digest::scan::{self, Piece};
use super::digest::{Kind, Reading, SLOTS};
use super::lexer::Lexer;

mod chosen;
mod compare;
mod name;
mod outline;
mod selected;
mod show;

pub use chosen::{Ask, Chosen, Condition};

use outline::Outline;
use selected::Selected;
use show::show;

/// A longer text is cut.
const LONGEST: usize = 8 * 1024;

/// What is behind so many pieces is not looked at.
const MOST: usize = 1 << 16;

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
    /// Which rows it is about; `None` where the text does not tell.
    pub chosen: Option<Chosen>,
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
    /// Those of them that are columns under another name: `users.id AS users_id`.
    pub renamed: Vec<Renamed>,
}

/// A column of a result that is called otherwise in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// As the result calls it.
    pub label: String,
    /// Its table as far as the text tells, aliases resolved; without its schema.
    pub table: Option<String>,
    /// As its table calls it.
    pub column: String,
}

impl Facts {
    /// The table, where the text names one for it, and the column that the result calls so.
    pub fn source<'a>(&'a self, label: &'a str) -> (Option<&'a str>, &'a str) {
        let renamed = self.renamed.iter().find(|renamed| renamed.label == label);
        renamed.map_or((None, label), |renamed| (renamed.table.as_deref(), &renamed.column))
    }
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
    /// Whether it is cast before: no index on it is of use then.
    pub cast: bool,
}

/// A name, perhaps with others before it, as SQL wants it: in quotes where it would mean another without them.
pub fn written(name: &str) -> String {
    let quoted =
        |part: &str| if is_plain(part) { part.to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) };
    name.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_' || !first.is_ascii());
    let goes_on = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || !c.is_ascii());
    begins && goes_on && !is_reserved(name)
}

/// Whether a name in lower case has to be in quotes to be one.
fn is_reserved(name: &str) -> bool {
    Key::of_word(name.as_bytes()).is_reserved()
}

/// Reads the statement of a text that `reading` was made of; the first one where that cannot be told.
pub fn facts(text: &[u8], backslash: bool, reading: &Reading) -> Facts {
    let outline = Outline::of(pieces(text, backslash, reading));
    let (selected, compared) = (Selected::of(&outline), compare::compared(&outline));
    Facts {
        sql: show(&outline.pieces, 0, LONGEST),
        kind: reading.kind,
        tables: outline.tables(),
        chosen: chosen::chosen(&outline, &compared),
        compared,
        star: selected.star(),
        limit: selected.limit,
        aggregate: selected.aggregate(),
        exists: selected.exists(),
        selected: selected.shown(),
        renamed: selected.renamed(&outline),
    }
}

/// The pieces of the statement, at most so many.
fn pieces<'a>(text: &'a [u8], backslash: bool, reading: &Reading) -> Vec<Piece<'a>> {
    let mut first = None;
    let mut lexer = Lexer::new(text, backslash);
    loop {
        let mut pieces = Vec::new();
        let statement = scan::read(&mut lexer, |piece| {
            if pieces.len() < MOST {
                pieces.push(piece);
            }
        });
        match statement {
            Some(statement) if statement.reading.digest == reading.digest => return pieces,
            Some(_) => {
                first.get_or_insert(pieces);
            }
            None => return first.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
