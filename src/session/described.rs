//! What a client was told of its statements, and whether that still holds where one of them is parsed anew. Pure.
//!
//! Postgres refuses to run a statement whose result has changed since it was parsed (`cached plan must not change result type`).
//! A server that parses it later would run it, and the client would take an `int` for the `text` that it was told of. So a
//! statement that is missing on a server, and of which its clients were told what it is, is parsed and described there before
//! the client's Bind passes: tables may have been changed where nobody saw it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::pool::catalog::{Description, Statement};
use crate::pool::memory::StatementId;
use crate::protocol::backend;
use crate::protocol::frame::cut_str;

/// Of one client.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Statements whose descriptions the client has asked for and nobody knows, in order.
    asked: VecDeque<(Arc<Statement>, By)>,
    check: Check,
    /// The types of the parameters of the one that is just being told.
    parameters: Option<Box<[u8]>>,
}

/// By what a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Name,
    /// It is told of columns only.
    Portal,
}

/// What we ask for ourselves.
#[derive(Debug, Default)]
enum Check {
    #[default]
    None,
    Running(Arc<Statement>),
    /// It is not what it was.
    Changed(StatementId),
    /// What it is could not be found out: the client will hear why.
    Unknown(StatementId),
}

/// How a statement stands that is missing on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has looked.
    Unseen,
    /// Somebody is looking.
    Pending,
    /// It is not what it was.
    Changed,
    /// There is nothing to be found out.
    Unknown,
}

impl Described {
    /// Nothing is under way; `told`: the client has heard why. Whether nothing was found out either that somebody will ask for.
    pub(super) fn rest(&mut self, told: bool) -> bool {
        self.asked.clear();
        if let Check::Running(statement) = &self.check {
            self.check = if told { Check::None } else { Check::Unknown(statement.id) };
        }
        matches!(self.check, Check::None)
    }

    /// The client asks for the description of this one.
    pub(super) fn ask(&mut self, statement: Arc<Statement>, by: By) {
        self.asked.push_back((statement, by));
    }

    /// We do.
    pub(super) fn check(&mut self, statement: Arc<Statement>) {
        self.check = Check::Running(statement);
    }

    /// What was found out of this one; it is asked once.
    pub(super) fn standing(&mut self, id: StatementId) -> Standing {
        match &self.check {
            Check::Running(running) if running.id == id => Standing::Pending,
            Check::Changed(changed) if *changed == id => {
                self.check = Check::None;
                Standing::Changed
            }
            Check::Unknown(unknown) if *unknown == id => {
                self.check = Check::None;
                Standing::Unknown
            }
            _ => Standing::Unseen,
        }
    }

    /// Part of a description: all of it, when it is complete.
    fn hear(&mut self, tag: u8, body: &[u8]) -> Option<Description> {
        if tag == backend::PARAMETER_DESCRIPTION {
            self.parameters = Some(body.into());
            return None;
        }
        let columns = if tag == backend::ROW_DESCRIPTION { columns(body) } else { Vec::new() };
        Some(Description { parameters: self.parameters.take(), columns: columns.into() })
    }

    /// The server tells what the client has asked of the statement with this number.
    pub(super) fn hear_asked(&mut self, id: StatementId, tag: u8, body: &[u8]) {
        let Some(told) = self.hear(tag, body) else { return };
        while let Some((statement, by)) = self.asked.pop_front() {
            if statement.id == id {
                // Types that are left from another, which failed behind them, are none of its own.
                let parameters = told.parameters.filter(|_| by == By::Name);
                return statement.describe(Description { parameters, ..told });
            }
        }
    }

    /// The server tells what we have asked. The statement, if it is not what it was.
    pub(super) fn hear_checked(&mut self, tag: u8, body: &[u8]) -> Option<Arc<Statement>> {
        let now = self.hear(tag, body)?;
        let Check::Running(statement) = std::mem::take(&mut self.check) else { return None };
        if statement.still_is(&now) {
            return None;
        }
        self.check = Check::Changed(statement.id);
        Some(statement)
    }
}

/// What Postgres compares of each column: its name, its type and that type's modifier.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
fn columns(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some((name, fields)) = cut_str(rest) {
        // Table, column, type, size, modifier, format.
        let Some((fields, next)) = fields.split_at_checked(18) else { break };
        out.extend(name);
        out.push(0);
        out.extend(&fields[6..10]);
        out.extend(&fields[12..16]);
        rest = next;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::catalog::Catalog;
    use crate::pool::parameters::Parameters;

    fn row_description(table: u8, kind: u8) -> Vec<u8> {
        [&b"\0\x01a\0"[..], &[0, 0, 0, table, 0, 1, 0, 0, 0, kind, 0, 4, 255, 255, 255, 255, 0, 0]].concat()
    }

    #[test]
    fn what_was_told_is_held_against_what_it_is_now() {
        let (mut catalog, mut described) = (Catalog::default(), Described::default());
        let dialect = catalog.dialect(&Parameters::default());
        let statement = catalog.intern(dialect, b"x");
        let tell = |described: &mut Described, kind, table| {
            assert!(described.hear_checked(backend::PARAMETER_DESCRIPTION, b"\0\0").is_none());
            let changed = described.hear_checked(backend::ROW_DESCRIPTION, &row_description(table, kind));
            changed.map(|statement| statement.id)
        };
        described.ask(statement.clone(), By::Name);
        described.hear_asked(1, backend::PARAMETER_DESCRIPTION, b"\0\0");
        described.hear_asked(1, backend::ROW_DESCRIPTION, &row_description(7, 23));
        assert!(statement.is_described());
        described.check(statement.clone());
        assert_eq!(described.standing(1), Standing::Pending);
        assert_eq!(tell(&mut described, 25, 7), Some(1), "another type");
        assert_eq!((described.standing(1), described.standing(1)), (Standing::Changed, Standing::Unseen));
        described.check(statement.clone());
        assert!(!described.rest(false));
        assert_eq!((described.standing(1), described.standing(1)), (Standing::Unknown, Standing::Unseen));
        assert!(described.rest(false));
        described.check(statement.clone());
        assert!(described.rest(true), "its Bind was skipped, and the next is looked at again");
        described.check(statement.clone());
        assert_eq!(tell(&mut described, 23, 8), None, "another table with the same columns");
        assert_eq!(described.standing(1), Standing::Unseen);
        assert_eq!(columns(b"\0\x02a\0\0\0"), b"");
    }

    #[test]
    fn a_portal_tells_of_columns_alone() {
        let (mut catalog, mut described) = (Catalog::default(), Described::default());
        let dialect = catalog.dialect(&Parameters::default());
        let statement = catalog.intern(dialect, b"x\0\0\0");
        // A check that has failed half-way.
        assert!(described.hear_checked(backend::PARAMETER_DESCRIPTION, b"\0\x01\0\0\0\x19").is_none());
        described.ask(statement.clone(), By::Portal);
        described.hear_asked(1, backend::ROW_DESCRIPTION, &row_description(7, 23));
        assert_eq!(*statement.told_definition(), *statement.definition);
        let mut is = |kind| {
            described.check(statement.clone());
            let types = b"\0\x01\0\0\0\x17";
            assert!(described.hear_checked(backend::PARAMETER_DESCRIPTION, types).is_none());
            described.hear_checked(backend::ROW_DESCRIPTION, &row_description(7, kind)).is_none()
        };
        assert_eq!((is(23), is(25)), (true, false));
    }
}
