//! `DEALLOCATE name` in a text: the name is the client's, and the server must see its own. Pure.

use super::super::owed::Owed;
use super::super::statements::{deallocate, may_deallocate};
use super::{Desk, Judged, MAX_DEALLOCATE, Subject};
use crate::pool::catalog::server_name;
use crate::pool::memory::{StatementId, Unnamed};
use crate::protocol::frame::cut_str;
use crate::protocol::{encode, frontend};

/// What is only there to be dropped is a text that never fails: what its own names may be gone, and a Query behind a Parse that
/// fails is never answered.
const EMPTY: [u8; 3] = [0; 3];

impl Desk<'_> {
    pub(super) fn deallocate_by_parse(&mut self, name: &[u8], query: &str) -> Judged {
        self.begin_deallocate(name);
        let size = self.frame().size;
        let mut definition = query.as_bytes().to_vec();
        definition.extend([0, 0, 0]);
        self.memory.set_unnamed(Unnamed::Stamp(self.statements.keep_unnamed(&definition)));
        self.dialogue.send(frontend::PARSE, Some(Owed::Parse(None)));
        self.lane.replace(size, size, |out, _| encode::parse(out, b"", &definition));
        Judged::Done
    }

    /// When the text at hand (after `skip` bytes of the body) is `DEALLOCATE name` of a name that the client has, or of one of
    /// ours that it has not: the name, and the text as the server must see it.
    pub(super) fn deallocated_name(&self, skip: usize) -> Option<(Box<[u8]>, String)> {
        let frame = self.frame();
        if frame.size > MAX_DEALLOCATE {
            return None;
        }
        let body = frame.body.get(skip..).filter(|body| may_deallocate(body))?;
        let (text, _) = cut_str(body)?;
        let name = deallocate(text)?;
        let on_server = match self.subject(&name) {
            Subject::Named(statement) => statement.name.clone(),
            Subject::Unknown { is_ours: true } => server_name(StatementId::MAX),
            Subject::Unknown { is_ours: false } | Subject::Unnamed => return None,
        };
        Some((name, format!("DEALLOCATE \"{}\"", String::from_utf8_lossy(&on_server))))
    }

    pub(super) fn begin_deallocate(&mut self, name: &[u8]) {
        if !self.dialogue.is_busy() && !self.dialogue.is_open() {
            // One that is still waited for has failed.
            self.statements.deallocating.clear();
        }
        if let Some(statement) = self.statements.names.get(name).cloned() {
            self.provide_as(&statement, &EMPTY);
            self.memory.unsure(statement.id);
            self.statements.deallocating.push_back(name.into());
        }
    }
}
