//! What a server lacks of a client's statements is sent in front. Pure.

use std::sync::{Arc, PoisonError};

use super::super::owed::Owed;
use super::Desk;
use crate::pool::catalog::{Statement, server_name};
use crate::pool::memory::{Lack, StatementId};
use crate::protocol::encode;
use crate::protocol::frame::cut_str;
use crate::protocol::frontend::{self, Bind, Object, Parse};
use crate::sql::meaning::is_of_its_time;

impl Desk<'_> {
    /// Whether a statement has to be parsed while something is under way that may change what it means.
    pub(super) fn is_ambiguous(&self) -> bool {
        if !self.dialogue.is_changing() && self.meaning.is_settled() {
            return false;
        }
        let Ok(Some(frame)) = self.lane.frame() else { return false };
        let known = |name: &[u8]| self.statements.names.get(name);
        let is_lacking = |name: &[u8]| known(name).is_some_and(|known| !self.memory.has(known.id));
        match frame.tag {
            frontend::PARSE => {
                Parse::read(frame.body).is_some_and(|parse| !parse.name.is_empty() && known(parse.name).is_none())
            }
            frontend::BIND => Bind::read(frame.body).is_some_and(|bind| is_lacking(bind.statement)),
            frontend::DESCRIBE => matches!(Object::read(frame.body), Some(Object::Statement(name)) if is_lacking(name)),
            _ => false,
        }
    }

    /// The statement with this definition, as it would be parsed now.
    pub(super) fn define(&self, definition: &[u8]) -> Arc<Statement> {
        let text = cut_str(definition).map_or(definition, |(text, _)| text);
        let of_its_time = is_of_its_time(text, self.backslash);
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if of_its_time { catalog.own(self.dialect, definition) } else { catalog.intern(self.dialect, definition) }
    }

    /// Sees to it that the server has this statement when it reads what comes next. Where that is not there
    /// and would be parsed by other settings than it was, it would be wrong for all others: then it is another statement.
    pub(super) fn provide(&mut self, statement: Arc<Statement>) -> Arc<Statement> {
        if statement.dialect == self.dialect || self.memory.has(statement.id) {
            self.provide_told(&statement);
            return statement;
        }
        let now = self.define(&statement.definition);
        self.provide_as(&now, &now.definition);
        self.statements.stand_in(&statement, &now);
        now
    }

    /// As its clients were told that it is.
    pub(super) fn provide_told(&mut self, statement: &Statement) {
        let lack = self.memory.lacks(statement.id);
        if lack != Lack::Nothing {
            self.bring(statement, lack, &statement.told_definition());
        }
    }

    /// The same, with another definition under its name.
    pub(super) fn provide_as(&mut self, statement: &Statement, definition: &[u8]) {
        let lack = self.memory.lacks(statement.id);
        if lack != Lack::Nothing {
            self.bring(statement, lack, definition);
        }
    }

    #[cold]
    fn bring(&mut self, statement: &Statement, lack: Lack, definition: &[u8]) {
        if lack == Lack::CloseAndParse {
            self.send_close(statement.id);
        }
        self.make_room(statement.id);
        self.dialogue.send_ours(Owed::OurParse(Some(statement.id)));
        self.lane.insert(|out| encode::parse(out, &statement.name, definition));
    }

    /// Registers a statement with the server's memory, closing another for it where there are too many.
    pub(super) fn make_room(&mut self, id: StatementId) {
        if let Some(evicted) = self.memory.arriving(id, self.dialogue.batch) {
            self.send_close(evicted);
        }
    }

    pub(super) fn send_close(&mut self, id: StatementId) {
        self.dialogue.send_ours(Owed::OurClose(Some(id)));
        self.lane.insert(|out| encode::on_statement(out, frontend::CLOSE, &server_name(id)));
    }
}
