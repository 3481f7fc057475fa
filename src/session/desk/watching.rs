//! What executing a statement may leave behind, told to the watch when it is bound. Pure.

use super::super::statements::Statements;
use super::{Desk, Subject};
use crate::protocol::frame::cut_str;

use crate::protocol::frontend::Bind;
use crate::sql::Effects;

impl Desk<'_> {
    pub(super) fn effects_of(&self, subject: &Subject) -> Effects {
        match subject {
            Subject::Named(statement) => statement.effects,
            Subject::Unnamed => self.statements.effects,
            Subject::Unknown { .. } => Effects::NONE,
        }
    }

    /// A statement that may leave something behind is bound, and so about to be executed.
    pub(super) fn watch_bind(&mut self, subject: &Subject) {
        let found = self.effects_of(subject);
        let Desk { watch, meaning, lane, statements, backslash, dialogue, .. } = self;
        let text = text_of(subject, statements);
        let Ok(Some(frame)) = lane.frame() else { return };
        let parameter = |number| Bind::parameter(frame.body, number).map(|value| value.map(<[u8]>::to_vec));
        watch.execution(found, text, &parameter, dialogue.moment(*backslash));
        meaning.bind(found, text, *backslash, &parameter);
    }

    /// One is bound that leaves nothing behind.
    pub(super) fn pass_bind(&mut self) {
        self.meaning.bind(Effects::NONE, b"", self.backslash, &|_| None);
    }

    /// Tells the watch of a statement that is known to leave things behind, or may; of any at all while the pool looks for those.
    pub(super) fn remember(&mut self, subject: &Subject) {
        let calls = self.effects_of(subject).contains(Effects::CALLS);
        if calls || self.suspects.hunting || !self.suspects.culprits.is_empty() {
            self.watch.pass(text_of(subject, self.statements), calls, self.suspects);
        }
    }
}

pub(super) fn text_of<'a>(subject: &'a Subject, statements: &'a Statements) -> &'a [u8] {
    match subject {
        Subject::Named(statement) => statement.query(),
        _ => cut_str(&statements.unnamed).map_or(&b""[..], |(text, _)| text),
    }
}
