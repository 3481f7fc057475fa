//! What may follow what between one client and one server: which replies are owed and to whom, the transaction's status,
//! the phase of a COPY. It sees each message's tag once, when it is sent and when it is answered; bytes are the relay's.
//! Pure.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html>

use std::collections::VecDeque;

use super::owed::{Answer, Heed, Open, Owed, Phase, Settled, Tally, Verdict};
use crate::pool::memory::Memory;
use crate::protocol::backend::{self, command_tag};
use crate::protocol::{Frame, TransactionStatus, frontend};
use crate::sql::Effects;

mod skip;

/// The machine of one client with one server.
#[derive(Debug, Default)]
pub struct Dialogue {
    pub(super) owed: VecDeque<Owed>,
    pub(super) status: TransactionStatus,
    pub(super) phase: Phase,
    /// What was sent since the last Sync.
    pub(super) open: Open,
    /// The number of the batch that is being sent.
    pub(super) batch: u32,
    /// How many batches before that one have not been answered to their end.
    pub(super) ahead: u32,
    /// A Query or an Execute is under way that drops prepared statements: which there are is known when it has ended.
    dropping: bool,
    /// What those that are under way may change of what other texts mean.
    changing: Effects,
    /// The server said what it should not have, or an error left its state unknown: it is not to be lent again.
    pub(super) damaged: bool,
    tally: Tally,
    /// So has been changed in this transaction what texts mean, for all others when it ends.
    redefining: bool,
    /// So has been changed in this transaction what sessions start with.
    altering: bool,
    /// The last command rolled back, to a savepoint or everything.
    undone: bool,
    /// A statement has ended since the last ReadyForQuery.
    worked: bool,
    /// What the client's changes of names have come to and it has not been told yet.
    settled: Vec<Settled>,
}

impl Dialogue {
    /// A message of the client is about to be sent. `owed` is what [`Owed::by`] says of its tag, or the relay's own
    /// choice for a Parse or a Close.
    pub fn send(&mut self, tag: u8, owed: Option<Owed>) -> Heed {
        match (self.phase, tag) {
            (Phase::Skipping, frontend::SYNC) => self.phase = Phase::Normal,
            (Phase::Skipping, _) => return Heed::Ignore,
            (Phase::CopyIn, frontend::SYNC | frontend::FLUSH) => return Heed::Ignore,
            (Phase::CopyIn, frontend::COPY_DONE | frontend::COPY_FAIL) => {
                self.phase = Phase::Normal;
                return Heed::Send;
            }
            (Phase::CopyIn, _) => return Heed::Send,
            (Phase::Normal, frontend::COPY_DATA | frontend::COPY_DONE | frontend::COPY_FAIL)
                if self.owed.is_empty() =>
            {
                return Heed::Ignore;
            }
            (Phase::Normal, _) => {}
        }
        if let Some(owed) = owed {
            self.owed.push_back(owed);
        }
        match tag {
            frontend::SYNC | frontend::QUERY | frontend::FUNCTION_CALL => {
                (self.open, self.batch) = (Open::No, self.batch.wrapping_add(1));
                self.ahead += 1;
            }
            _ => self.open = self.open.after(tag),
        }
        Heed::Send
    }

    /// A message of ours goes in front.
    pub fn send_ours(&mut self, owed: Owed) {
        self.owed.push_back(owed);
    }

    /// A Sync of ours goes in the place of the client's, who [`Dialogue::only_prepares`]. To the client its batch goes on.
    pub fn send_sync(&mut self) {
        self.open = Open::No;
        self.owed.push_back(Owed::OurSync);
    }

    /// A Query or an Execute that drops prepared statements is about to be sent.
    pub fn expect_drop(&mut self) {
        self.dropping = true;
    }

    /// Whether it is not known which prepared statements there will be.
    pub fn is_dropping(&mut self) -> bool {
        self.dropping &= self.is_busy();
        self.dropping
    }

    /// A Query or an Execute is about to be sent that may change so what other texts mean, or not at all.
    #[inline]
    pub fn expect_change(&mut self, found: Effects) {
        if !found.is_empty() {
            let before = if self.is_busy() { self.changing } else { Effects::NONE };
            self.changing = before | found;
        }
    }

    /// Whether it is not known what texts will mean.
    pub fn is_changing(&self) -> bool {
        self.is_busy() && !self.changing.is_empty()
    }

    /// Whether the server takes messages for what they are: it neither skips them until the next Sync nor reads a COPY.
    pub fn is_listening(&self) -> bool {
        self.phase == Phase::Normal
    }

    /// The transaction's status, as last heard.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// The server says this. ReadyForQuery, CommandComplete and ErrorResponse are to be complete; of all others the tag
    /// is enough.
    pub fn receive(&mut self, frame: &Frame<'_>, memory: &mut Memory) -> Verdict {
        let next = self.drop_copy_ends();
        match frame.tag {
            backend::ERROR => self.receive_error(memory),
            backend::READY => self.receive_ready(frame.body),
            backend::COPY_IN => self.enter_copy_in(),
            backend::NOTICE | backend::NOTIFICATION | backend::PARAMETER_STATUS => self.beside(frame.tag),
            backend::KEY => Verdict::Swallow,
            tag => self.receive_reply(next, tag, frame.body, memory),
        }
    }

    /// What the next reply answers.
    #[inline]
    pub fn next(&self) -> Option<Owed> {
        self.owed.front().copied()
    }

    /// The next answer that is ours to give, if its turn has come.
    pub fn answer(&mut self) -> Option<Answer> {
        let Some(Owed::Answer(answer)) = self.drop_copy_ends() else { return None };
        self.owed.pop_front();
        self.kept();
        Some(answer)
    }

    /// What has been completed since this was last asked.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// What has become of the client's changes of names since this was last asked.
    pub fn settled(&mut self) -> impl Iterator<Item = Settled> + '_ {
        self.settled.drain(..)
    }

    /// Ready for the next server.
    pub fn clear(&mut self) {
        let (owed, settled) = (std::mem::take(&mut self.owed), std::mem::take(&mut self.settled));
        *self = Dialogue { owed, settled, ..Dialogue::default() };
        self.owed.clear();
        self.owed.shrink_to(64);
        self.settled.clear();
        self.settled.shrink_to(64);
    }

    /// Messages that may come between any others.
    fn beside(&self, tag: u8) -> Verdict {
        match self.owed.front() {
            Some(Owed::OurSync) => Verdict::Forward,
            Some(owed) if owed.is_ours() && tag != backend::NOTIFICATION => Verdict::Swallow,
            _ => Verdict::Forward,
        }
    }

    /// A reply to nothing. The client, which would take it for the reply to what it asks next, does not see it.
    fn unasked(&mut self) -> Verdict {
        self.damaged = true;
        Verdict::Swallow
    }

    fn receive_ready(&mut self, body: &[u8]) -> Verdict {
        let before = self.status;
        let ours = match self.owed.pop_front() {
            Some(Owed::OurQuery | Owed::OurQuestion | Owed::OurSync) => true,
            Some(Owed::Query | Owed::FunctionCall | Owed::Sync) => {
                self.ahead = self.ahead.saturating_sub(1);
                false
            }
            None => return self.unasked(),
            Some(other) => {
                self.damaged = true;
                self.owed.push_front(other);
                false
            }
        };
        match body.first().copied().and_then(TransactionStatus::read) {
            Some(status) => self.status = status,
            None => self.damaged = true,
        }
        if ours {
            return Verdict::Swallow;
        }
        let worked = std::mem::take(&mut self.worked);
        let ended = self.status == TransactionStatus::Idle;
        self.tally.redefined |= ended && std::mem::take(&mut self.redefining);
        self.tally.altered |= ended && std::mem::take(&mut self.altering) && !self.undone;
        self.tally.transactions += u32::from(ended && (before != TransactionStatus::Idle || worked));
        Verdict::Forward
    }

    fn count_statement(&mut self) {
        self.tally.statements += 1;
        self.worked = true;
    }

    fn kept(&mut self) {
        match self.settled.last_mut() {
            Some(Settled::Kept(count)) => *count += 1,
            _ => self.settled.push(Settled::Kept(1)),
        }
    }

    fn receive_reply(&mut self, next: Option<Owed>, tag: u8, body: &[u8], memory: &mut Memory) -> Verdict {
        let Some(next) = next else { return self.unasked() };
        match (next, tag) {
            (Owed::OurQuery | Owed::OurQuestion, _) => return Verdict::Swallow,
            (Owed::Query, backend::COMPLETE) => self.complete(body, memory),
            (Owed::Query, backend::EMPTY) => self.count_statement(),
            (Owed::Query | Owed::FunctionCall, _) => {}
            (Owed::Execute, backend::COMPLETE) => {
                self.complete(body, memory);
                self.owed.pop_front();
            }
            (Owed::Execute, backend::EMPTY | backend::SUSPENDED) => {
                self.count_statement();
                self.owed.pop_front();
            }
            (Owed::Execute, _) | (Owed::Describe(_), backend::PARAMETER_DESCRIPTION) => {}
            (Owed::Describe(_), backend::ROW_DESCRIPTION | backend::NO_DATA)
            | (Owed::Bind(_), backend::BOUND)
            | (Owed::Close, backend::CLOSED) => {
                self.owed.pop_front();
            }
            (Owed::Parse(id), backend::PARSED) => {
                self.owed.pop_front();
                if let Some(id) = id {
                    memory.arrived(id);
                    self.kept();
                }
            }
            (Owed::Taken, backend::PARSED) => {
                // Somebody has dropped the first one where nobody saw it: in a function.
                self.owed.pop_front();
                memory.doubt_statements();
            }
            (Owed::OurParse(id), backend::PARSED) => {
                self.owed.pop_front();
                id.into_iter().for_each(|id| memory.arrived(id));
                return Verdict::Swallow;
            }
            (Owed::OurDescribe, backend::PARAMETER_DESCRIPTION) => return Verdict::Swallow,
            (Owed::OurClose(_), backend::CLOSED)
            | (Owed::OurDescribe, backend::ROW_DESCRIPTION | backend::NO_DATA)
            | (Owed::OurBind, backend::BOUND) => {
                self.owed.pop_front();
                return Verdict::Swallow;
            }
            _ => self.damaged = true,
        }
        Verdict::Forward
    }

    /// CommandComplete. Its tag is the only sure word on what a statement did.
    fn complete(&mut self, body: &[u8], memory: &mut Memory) {
        self.count_statement();
        self.tally.named |= matches!(command_tag(body), b"CREATE DATABASE" | b"ALTER DATABASE");
        self.undone = command_tag(body) == b"ROLLBACK";
        self.altering |= self.changing.contains(Effects::DEFAULTS) && alters(command_tag(body));
        match command_tag(body) {
            tag if memory.see_complete(tag) => {
                self.settled.push(Settled::AllDropped);
            }
            b"DEALLOCATE" => self.settled.push(Settled::Deallocated),
            b"DO" => {
                if self.dropping {
                    memory.doubt_statements();
                }
                self.tally.redefined |= self.changing.contains(Effects::DEFINES);
            }
            tag if redefines(tag) || (tag == b"ROLLBACK" && self.redefining) => {
                (self.redefining, self.tally.redefined) = (true, true);
                self.tally.functions |= tag.ends_with(b" FUNCTION") || tag.ends_with(b" PROCEDURE");
            }
            _ => {}
        }
    }

    /// CopyInResponse: Syncs that were sent before the COPY's end are read by the server as part of it, and owe nothing.
    fn enter_copy_in(&mut self) -> Verdict {
        match self.owed.front() {
            Some(Owed::Query | Owed::Execute) => {}
            Some(Owed::OurQuery | Owed::OurQuestion) => return Verdict::Swallow,
            None => return self.unasked(),
            Some(_) => {
                self.damaged = true;
                return Verdict::Forward;
            }
        }
        while let Some(next) = self.owed.get(1) {
            match next {
                Owed::Sync => {
                    self.owed.remove(1);
                    self.ahead = self.ahead.saturating_sub(1);
                }
                Owed::CopyEnd => {
                    self.owed.remove(1);
                    self.open = self.owed.iter().fold(Open::No, |open, owed| open.after_sending(owed));
                    return Verdict::Forward;
                }
                _ => break,
            }
        }
        self.open = if self.owed.front() == Some(&Owed::Execute) { Open::Bound } else { Open::No };
        self.phase = Phase::CopyIn;
        Verdict::Forward
    }

    /// What the next reply answers, once what is never answered is gone.
    fn drop_copy_ends(&mut self) -> Option<Owed> {
        while self.next() == Some(Owed::CopyEnd) {
            self.owed.pop_front();
        }
        self.next()
    }
}

/// Whether a command with this tag may change what other texts mean. An index does not, and what fills a table as it makes it
/// has a SELECT's tag: its name meant nothing before, or its DROP was seen.
fn redefines(tag: &[u8]) -> bool {
    [&b"CREATE "[..], b"ALTER ", b"DROP "].iter().any(|verb| tag.starts_with(verb)) && !tag.ends_with(b" INDEX")
}

/// Whether a command with this tag may change what sessions start with.
fn alters(tag: &[u8]) -> bool {
    matches!(tag, b"ALTER ROLE" | b"ALTER DATABASE" | b"DO")
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
