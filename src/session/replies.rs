//! What a server's replies say of the statements on the tape. Pure.

use std::sync::{Arc, Mutex};

use super::memo::Subject;
use super::statements::Statements;
use super::tape::{Bound, Running, Tape};
use super::texts::{Texts, lock};
use crate::observe::keys::{Keys, Shape};
use crate::observe::lore::Lore;
use crate::observe::report::Columns;
use crate::pool::catalog::oids;
use crate::protocol::Frame;
use crate::protocol::backend::{self, command_tag};
use crate::protocol::sqlstate;

/// A reply that is for the client, and when it came.
pub struct Reply<'a> {
    /// Complete where its tag is read.
    pub frame: Frame<'a>,
    /// The batch that it answers.
    pub batch: u32,
    /// It answers a Query.
    pub is_query: bool,
    /// This wake-up, in nanoseconds of the process' clock.
    pub now: u64,
    /// Of the process.
    pub keys: &'a Keys,
    /// Of the worker.
    pub texts: &'a Mutex<Texts>,
}

impl Tape {
    /// Takes note of a reply.
    pub fn hear(&mut self, reply: &Reply<'_>, statements: Option<&mut Statements>) {
        let Reply { frame, batch, now, .. } = reply;
        self.pass(frame.size);
        match frame.tag {
            backend::COMPLETE => {
                let tag = command_tag(frame.body);
                match is_brief(tag) {
                    true => self.complete_brief(*batch, rows_of(tag), *now),
                    false => self.complete(*batch, rows_of(tag), *now),
                }
                self.see_tag(tag);
            }
            backend::SUSPENDED => self.suspend(*batch, *now),
            backend::EMPTY | backend::FUNCTION_RESULT => self.complete(*batch, 0, *now),
            backend::ERROR => self.hear_error(reply),
            backend::READY => {
                if reply.is_query {
                    self.end_text(*batch);
                }
                self.end_batch(*batch);
                self.memo.end_batch(*batch);
                self.see_status(frame.body.first().copied().unwrap_or(b'I'));
            }
            backend::ROW_DESCRIPTION => self.hear_columns(reply, statements),
            backend::NO_DATA => self.memo.described(),
            backend::PARAMETER_DESCRIPTION => self.hear_types(frame.body, statements),
            _ => {}
        }
    }

    #[cold]
    fn hear_error(&mut self, reply: &Reply<'_>) {
        let sqlstate = backend::sqlstate(reply.frame.body).unwrap_or(UNKNOWN);
        if reply.is_query && is_unreadable(reply.frame.body) {
            self.mistake(reply.batch);
        }
        // What failed to be parsed runs nowhere yet.
        let parsed = self.memo.parsed(reply.batch).map(|(reading, sent)| Running {
            bound: Bound { reading, ..Bound::default() },
            batch: reply.batch,
            sent,
            in_transaction: false,
            comment: None,
            most_rows: 0,
        });
        self.fail(reply.batch, sqlstate, parsed, reply.now);
    }

    fn hear_columns(&mut self, reply: &Reply<'_>, statements: Option<&mut Statements>) {
        let found = reply.frame.whole().and_then(|body| lock(reply.texts).columns(body, reply.keys));
        if reply.is_query {
            if let Some((columns, formats)) = found {
                self.describe(&columns, formats);
            }
            return;
        }
        let Some(subject) = self.memo.describes() else { return };
        let columns = found.as_ref().map(|(columns, _)| columns.clone());
        let shape = match (subject, statements) {
            (Subject::Portal, _) => {
                found.iter().for_each(|(columns, formats)| self.describe(columns, *formats));
                None
            }
            (Subject::Statement(known), _) => learn(&mut known.lore(), &columns),
            (Subject::Own(name), Some(own)) => own.lore_mut(name).and_then(|lore| learn(lore, &columns)),
            (Subject::Unnamed, Some(own)) => learn(&mut own.unnamed_lore, &columns),
            _ => None,
        };
        self.memo.described();
        if let (Some(shape), Some(columns)) = (shape, columns) {
            self.inform(shape.reading.digest, &columns);
        }
    }

    #[cold]
    fn hear_types(&mut self, body: &[u8], statements: Option<&mut Statements>) {
        match (self.memo.describes(), statements) {
            (Some(Subject::Statement(known)), _) => set_types(&mut known.lore().types, body),
            (Some(Subject::Own(name)), Some(own)) => {
                own.lore_mut(name).into_iter().for_each(|lore| set_types(&mut lore.types, body))
            }
            (Some(Subject::Unnamed), Some(own)) => set_types(&mut own.unnamed_lore.types, body),
            _ => {}
        }
    }
}

/// Whether a text could not be parsed, as it was sent: nothing of it was run. What is found later bears the same SQLSTATE, but comes
/// from elsewhere, and a text that a function has put together has its position in that.
fn is_unreadable(error: &[u8]) -> bool {
    let field = |letter| backend::error_field(error, letter);
    let parser = matches!(field(b'R'), Some(b"scanner_yyerror" | b"base_yyparse" | b"core_yylex"));
    backend::sqlstate(error) == Some(sqlstate::SYNTAX_ERROR) && parser && field(b'q').is_none()
}

/// The columns of a statement; what its shape is, if that is known.
fn learn(lore: &mut Lore, columns: &Option<Arc<Columns>>) -> Option<Shape> {
    lore.columns.clone_from(columns);
    lore.shape
}

/// An error without a SQLSTATE: internal_error.
const UNKNOWN: [u8; 5] = *b"XX000";

fn set_types(types: &mut Vec<u32>, body: &[u8]) {
    types.clear();
    types.extend(oids(body));
}

/// Whether a command with this tag takes no time worth the name. COMMIT may: it waits for the disk, and for deferred triggers.
fn is_brief(tag: &[u8]) -> bool {
    matches!(tag, b"BEGIN" | b"START TRANSACTION" | b"SAVEPOINT" | b"RELEASE" | b"SET" | b"RESET" | b"DEALLOCATE")
}

/// How many rows a command's tag speaks of: the number at its end.
fn rows_of(tag: &[u8]) -> u64 {
    let digits = tag.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = &tag[tag.len() - digits..];
    digits.iter().fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::rows_of;

    #[test]
    fn rows_of_tags() {
        for (tag, rows) in [("SELECT 25", 25), ("INSERT 0 3", 3), ("COPY 1000000", 1_000_000), ("BEGIN", 0), ("", 0)] {
            assert_eq!(rows_of(tag.as_bytes()), rows, "{tag}");
        }
    }
}
