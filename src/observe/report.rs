//! What is told of statements that are over, from the workers to the analyst: a batch of reports and, beside them, what only
//! some of them carry. Plain data: nothing in here counts or decides.

use std::sync::Arc;

use super::nanos::Nanos;
use super::who::WhoId;
use crate::sql::digest::Reading;

/// One statement that is over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// What it was; the digest is 0 where that is not known (a FunctionCall, a text that was too long).
    pub reading: Reading,
    /// Database, user, application and address of its client.
    pub who: WhoId,
    /// Its client; no other that is here has that number.
    pub client: u32,
    /// When it was sent, on the process' clock.
    pub sent: Nanos,
    /// When it was over.
    pub ended: Nanos,
    /// How long its client had asked for a server; zero for all but the first of a conversation.
    pub wait: Nanos,
    /// Sent until over, without the time in which the client did not take what there was for it.
    pub query: Nanos,
    /// Of the last of several in one text whose ends were heard of together: what all of them took.
    pub text: Nanos,
    /// What the client needed to take the rest.
    pub drain: Nanos,
    /// Of its command tag.
    pub rows: u64,
    /// From the server.
    pub bytes: u64,
    /// How it ended; zeros for well.
    pub sqlstate: [u8; 5],
    /// It ran in a transaction block.
    pub in_transaction: bool,
    /// Its client got no server for it: it waited and never ran.
    pub unsent: bool,
    /// It was sent before the one ahead of it on its connection was over.
    pub piped: bool,
    /// A keyed hash of all its values together; 0 where it has none.
    pub parameters: u32,
    /// Keyed hashes of the values in its slots, in `Batch::hashes`; 0 stands for NULL and for what cannot be linked.
    pub values: Span,
    /// In `Batch::captures`, one at the most.
    pub capture: Span,
    /// In `Batch::notes`, one at the most.
    pub note: Span,
}

/// A part of one of a batch's lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub begin: u32,
    /// How many there are.
    pub count: u32,
}

impl Span {
    /// That part of a list.
    pub fn of<'a, T>(&self, list: &'a [T]) -> &'a [T] {
        list.get(self.begin as usize..(self.begin + self.count) as usize).unwrap_or_default()
    }
}

/// Rows of a result are looked at up to this.
pub const ROWS_CAPTURED: usize = 64;

/// And so many columns of them.
pub const COLUMNS_CAPTURED: usize = 8;

/// The first rows of a result, as keyed hashes.
#[derive(Debug, Clone)]
pub struct Capture {
    /// What the columns are.
    pub columns: Arc<Columns>,
    /// How many rows were looked at.
    pub rows: u32,
    /// Row by row, one hash for each of `columns.linkable`, in `Batch::hashes`; 0 is NULL.
    pub hashes: Span,
    /// A bit for each of `columns.linkable`, the first is 1: its values in these rows are integers close together
    /// (highest − lowest < 8 × how many there are). Such a value is met by chance: what asks for it must also bear the column's
    /// name, or a foreign key.
    pub dense: u8,
}

/// The columns of a result.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns {
    /// All of them.
    pub all: Box<[Column]>,
    /// Places of those that are looked at: the first eight whose type can be linked.
    pub linkable: Box<[u16]>,
}

/// One column, as RowDescription has it.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Column {
    /// Its name.
    pub name: Box<str>,
    /// The table's OID, 0 for an expression.
    pub table: u32,
    /// Its number in the table, 0 for an expression.
    pub attribute: i16,
    /// Its type's OID.
    pub oid: u32,
}

/// What is kept of a statement that is worth showing: one that was slow, failed, or returned very much.
#[derive(Debug, Clone)]
pub struct Note {
    /// `address:port`, or `unix`.
    pub addr: Box<str>,
    /// Its values, where `[observe] parameters` lets them be kept.
    pub parameters: Option<Box<[Option<Box<str>>]>>,
}

/// Tags that came in a comment with this very execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Which report it belongs to.
    pub report: u32,
    /// The comment as written, without its delimiters.
    pub text: Box<[u8]>,
}

/// A shape that its worker has not met before.
#[derive(Debug, Clone)]
pub struct NewText {
    /// What was made of it.
    pub reading: Reading,
    /// The statement as its client wrote it, values and all: whoever keeps it takes them out first.
    pub text: Box<[u8]>,
    /// Whether backslashes are escapes in all its strings.
    pub backslash: bool,
}

impl Drop for NewText {
    /// Memory that is free is not overwritten for long, and a core dump has it too.
    fn drop(&mut self) {
        self.text.fill(0);
        std::hint::black_box(&self.text);
    }
}

/// What one worker has to tell.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which they ended.
    pub reports: Vec<Report>,
    /// What `values` and captures point into.
    pub hashes: Vec<u32>,
    /// What `capture` points into.
    pub captures: Vec<Capture>,
    /// What `note` points into.
    pub notes: Vec<Note>,
    /// By report, ascending.
    pub comments: Vec<Comment>,
    /// Before the reports that name them.
    pub texts: Vec<NewText>,
    /// Reports that were dropped since the last batch, because the analyst did not keep up.
    pub dropped: u64,
    /// And texts of theirs.
    pub dropped_texts: u64,
}

impl Batch {
    /// Ready for the next.
    pub fn clear(&mut self) {
        self.reports.clear();
        self.hashes.clear();
        self.captures.clear();
        self.notes.clear();
        self.comments.clear();
        self.texts.clear();
        (self.dropped, self.dropped_texts) = (0, 0);
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.texts.is_empty() && self.dropped == 0
    }
}
