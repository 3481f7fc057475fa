//! `DEALLOCATE name` in a text: the name is the client's, and the server must see its own. Pure.

use super::super::owed::Owed;
use super::super::statements::may_deallocate;
use super::{Desk, Judged, Subject};
use crate::pool::catalog::server_name;
use crate::pool::memory::{StatementId, Unnamed};
use crate::protocol::frame::cut_str;
use crate::protocol::{encode, frontend};
use crate::sql::deallocate::deallocated;

/// What is only there to be dropped is a text that never fails: what its own names may be gone, and a Query behind a Parse that
/// fails is never answered.
const EMPTY: [u8; 3] = [0; 3];

/// The client's names, and the text as the server must see it.
pub(super) type Dropping = (Vec<Box<[u8]>>, Vec<u8>);

impl Desk<'_> {
    /// A Query that drops something.
    pub(super) fn deallocate_by_query(&mut self, (names, mut text): Dropping) -> Judged {
        self.begin_deallocate(&names);
        let size = self.frame().size;
        self.dialogue.send(frontend::QUERY, Some(Owed::Query));
        text.push(0);
        self.lane.replace(size, size, |out, _| encode::message(out, frontend::QUERY, |out| out.extend(&text)));
        Judged::Done
    }

    /// A Parse of an unnamed statement that does.
    pub(super) fn deallocate_by_parse(&mut self, (names, text): Dropping) -> Judged {
        self.begin_deallocate(&names);
        let size = self.frame().size;
        let definition = [&text[..], &[0; 3]].concat();
        self.memory.set_unnamed(Unnamed::Stamp(self.statements.keep_unnamed(&definition)));
        self.dialogue.send(frontend::PARSE, Some(Owed::Parse(None)));
        self.lane.replace(size, size, |out, _| encode::parse(out, b"", &definition));
        Judged::Done
    }

    /// When the text at hand (after `skip` bytes of the body) drops names that the client has, or some of ours that it has not.
    pub(super) fn dropping(&self, skip: usize) -> Option<Dropping> {
        let body = self.frame().body.get(skip..)?;
        let (text, _) = cut_str(body).filter(|(text, _)| skip == 0 || may_deallocate(text))?;
        let (mut names, mut changed, mut at) = (Vec::new(), Vec::new(), 0);
        for found in deallocated(text, self.backslash) {
            let on_server = match self.subject(&found.name) {
                Subject::Named(statement) => statement.name.clone(),
                Subject::Unknown { is_ours: true } => server_name(StatementId::MAX),
                Subject::Unknown { is_ours: false } | Subject::Unnamed => continue,
            };
            changed.extend([&text[at..found.place.start], b"\"", &on_server, b"\""].concat());
            at = found.place.end;
            names.push(found.name);
        }
        changed.extend(&text[at..]);
        (!names.is_empty()).then_some((names, changed))
    }

    fn begin_deallocate(&mut self, names: &[Box<[u8]>]) {
        if !self.dialogue.is_busy() && !self.dialogue.is_open() {
            // One that is still waited for has failed.
            self.statements.deallocating.clear();
        }
        for name in names {
            if let Some(statement) = self.statements.names.get(name).cloned() {
                self.provide_as(&statement, &EMPTY);
                self.memory.unsure(statement.id);
                self.statements.deallocating.push_back(name.clone());
            }
        }
    }
}
