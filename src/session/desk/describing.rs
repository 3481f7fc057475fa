//! Where a client asks what a statement is, by its name or by its portal: what it is told is known from then on. Pure.

use std::sync::Arc;

use super::super::described::By;
use super::super::owed::Owed;
use super::{Desk, Judged};
use crate::pool::catalog::Statement;
use crate::pool::memory::StatementId;
use crate::protocol::encode;
use crate::protocol::frontend::{self, Bind};

impl Desk<'_> {
    /// Which statement a portal runs: what it is may be asked by the portal.
    pub(super) fn note_bound(&mut self, statement: &Arc<Statement>) {
        self.statements.bound = (!statement.is_described())
            .then(|| Bind::read(self.frame().body))
            .flatten()
            .map(|bind| (bind.portal.into(), statement.clone()));
    }

    pub(super) fn describe(&mut self, statement: Arc<Statement>) -> Judged {
        let unknown = (!statement.is_described()).then_some(statement.id);
        if unknown.is_some() {
            self.statements.described.get_or_insert_default().ask(statement.clone(), By::Name);
        }
        self.send_describe(&statement.name, unknown)
    }

    pub(super) fn describe_portal(&mut self, name: Box<[u8]>) -> Judged {
        let bound = self.statements.bound.take_if(|(portal, statement)| *portal == name && !statement.is_described());
        let Some((_, statement)) = bound else { return self.pass() };
        let (size, id) = (self.frame().size, statement.id);
        self.statements.described.get_or_insert_default().ask(statement, By::Portal);
        self.dialogue.send(frontend::DESCRIBE, Some(Owed::Describe(Some(id))));
        self.lane.forward(size);
        Judged::Done
    }

    pub(super) fn send_describe(&mut self, name: &[u8], unknown: Option<StatementId>) -> Judged {
        let size = self.frame().size;
        self.dialogue.send(frontend::DESCRIBE, Some(Owed::Describe(unknown)));
        self.lane.replace(size, size, |out, _| encode::on_statement(out, frontend::DESCRIBE, name));
        Judged::Done
    }
}
