//! A statement that is missing on a server is looked at there before it is used, where its client was told what it is. Pure.

use std::sync::{Arc, PoisonError};

use super::super::described::Standing;
use super::super::owed::Owed;
use super::{Desk, Judged};
use crate::pool::catalog::Statement;
use crate::pool::memory::{StatementId, Unnamed};
use crate::protocol::{TransactionStatus, encode, frontend};

/// Has the server fail where Postgres would have refused the Bind: with all that an error does to a batch and a transaction.
/// What it says is put right on its way back.
const FAIL: &[u8] = b"DO 'BEGIN RAISE EXCEPTION SQLSTATE ''0A000''; END' LANGUAGE plpgsql\0\0\0";

impl Desk<'_> {
    /// What becomes of the Bind or Describe at hand if it is not the time to pass it.
    pub(super) fn recheck(&mut self, statement: &Arc<Statement>) -> Option<Judged> {
        let standing = self.standing(statement.id);
        if standing == Standing::Pending {
            return Some(Judged::Await);
        }
        if self.memory.has(statement.id) || statement.dialect != self.dialect {
            return None;
        }
        match standing {
            Standing::Changed => return Some(self.refuse(statement)),
            Standing::Unknown => return None,
            Standing::Unseen | Standing::Pending => {}
        }
        if !statement.is_described() {
            return None;
        }
        if self.dialogue.status() == TransactionStatus::Failed {
            // Nothing can be described in it; what is on its way may end it.
            if self.dialogue.is_busy() {
                return Some(Judged::Await);
            }
            // What ended it in this batch shows in the status only with its Sync; what did not, has the check fail.
            if !self.dialogue.is_open() {
                return None;
            }
        }
        self.statements.described.get_or_insert_default().check(statement.clone());
        self.provide_told(statement);
        self.send_check(statement);
        Some(Judged::Await)
    }

    /// Which statement the Parse at hand makes, of one that other clients were told of. Where the server lacks that, it may be another
    /// by now, though nobody saw it change: under its name it would be taken for what they know. What becomes of the Parse if that
    /// has to be found out first.
    pub(super) fn verify(&mut self, statement: Arc<Statement>) -> Result<Arc<Statement>, Judged> {
        match self.standing(statement.id) {
            // It counts as there already.
            Standing::Pending => return Err(Judged::Await),
            // That was noted: the same text is another statement now.
            Standing::Changed => return Ok(self.define(&statement.definition)),
            Standing::Unknown => return Ok(statement),
            Standing::Unseen => {}
        }
        if !statement.is_described() || self.memory.has(statement.id) {
            return Ok(statement);
        }
        if self.dialogue.status() == TransactionStatus::Failed {
            // Nothing can be described in it; what is on its way may end it.
            return if self.dialogue.is_busy() { Err(Judged::Await) } else { Ok(statement) };
        }
        self.statements.described.get_or_insert_default().check(statement.clone());
        self.provide_as(&statement, &statement.definition);
        self.send_check(&statement);
        Err(Judged::Await)
    }

    /// What is known of a statement that was looked at for this client.
    fn standing(&mut self, id: StatementId) -> Standing {
        self.statements.described.as_mut().map_or(Standing::Unseen, |described| described.standing(id))
    }

    fn send_check(&mut self, statement: &Statement) {
        self.dialogue.send_ours(Owed::OurDescribe);
        self.lane.insert(|out| encode::on_statement(out, frontend::DESCRIBE, &statement.name));
        match self.dialogue.is_open() || self.dialogue.status() == TransactionStatus::Open {
            true => self.lane.insert(|out| encode::bare(out, frontend::FLUSH)),
            false => {
                // Without it the server would keep its locks should somebody else get it now.
                self.dialogue.send_sync();
                self.lane.insert(|out| encode::bare(out, frontend::SYNC));
            }
        }
    }

    fn refuse(&mut self, statement: &Statement) -> Judged {
        let frame = self.frame();
        if !frame.is_complete() {
            return self.hold();
        }
        let (tag, size) = (frame.tag, frame.size);
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        self.statements.renew(statement.id, |old| catalog.intern(old.dialect, &old.definition));
        drop(catalog);
        self.memory.set_unnamed(Unnamed::Unsure);
        self.dialogue.send_ours(Owed::OurParse(None));
        self.dialogue.send_ours(Owed::OurBind);
        self.dialogue.send(tag, Some(Owed::Refusal));
        self.lane.replace(size, size, |out, _| {
            encode::parse(out, b"", FAIL);
            encode::bind_front(out, b"", b"", 6);
            out.extend([0; 6]);
            encode::message(out, frontend::EXECUTE, |out| out.extend([0; 5]));
        });
        Judged::Done
    }
}
