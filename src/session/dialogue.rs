//! What may follow what between one client and one server: which replies are owed and to whom, the transaction's status,
//! the phase of a COPY. It sees each message's tag once, when it is sent and when it is answered; bytes are the relay's.
//! Pure.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html>

use std::collections::VecDeque;

use super::owed::{Answer, Heed, Owed, Phase, Settled, Tally, Verdict};
use crate::pool::memory::Memory;
use crate::protocol::backend::{self, command_tag};
use crate::protocol::{Frame, TransactionStatus, frontend};

mod skip;

/// More replies owed than this, and the client is not read until some have come: what a pipeline may cost us in memory.
pub const MOST_OWED: usize = 65_536;

/// The machine of one client with one server.
#[derive(Debug, Default)]
pub struct Dialogue {
    owed: VecDeque<Owed>,
    status: TransactionStatus,
    phase: Phase,
    /// Messages of the extended protocol were sent since the last Sync: an implicit transaction may be open.
    unsynced: bool,
    /// A Query is under way that drops prepared statements: which there are is known when it has ended.
    dropping: bool,
    /// The server said what it should not have, or an error left its state unknown: it is not to be lent again.
    damaged: bool,
    tally: Tally,
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
        self.owed.extend(owed);
        self.unsynced = match tag {
            frontend::SYNC | frontend::QUERY | frontend::FUNCTION_CALL => false,
            frontend::PARSE | frontend::BIND | frontend::DESCRIBE | frontend::EXECUTE | frontend::CLOSE => true,
            _ => self.unsynced,
        };
        Heed::Send
    }

    /// A message of ours goes in front.
    pub fn send_ours(&mut self, owed: Owed) {
        self.owed.push_back(owed);
    }

    /// A Query that drops prepared statements is about to be sent.
    pub fn expect_drop(&mut self) {
        self.dropping = true;
    }

    /// Whether it is not known which prepared statements there will be.
    pub fn is_dropping(&mut self) -> bool {
        self.dropping &= self.is_busy();
        self.dropping
    }

    /// Whether the server takes messages for what they are: it neither skips them until the next Sync nor reads a COPY.
    pub fn is_listening(&self) -> bool {
        self.phase == Phase::Normal
    }

    /// Whether an error was seen that a Sync which we know of will end, or none: then what is sent now will be read.
    pub fn status(&self) -> TransactionStatus {
        self.status
    }

    /// The server says this. ReadyForQuery, CommandComplete and ErrorResponse are to be complete; of all others the tag
    /// is enough.
    pub fn receive(&mut self, frame: &Frame<'_>, memory: &mut Memory) -> Verdict {
        self.drop_copy_ends();
        match frame.tag {
            backend::ERROR => self.receive_error(memory),
            backend::READY => self.receive_ready(frame.body),
            backend::COPY_IN => self.enter_copy_in(),
            backend::NOTICE | backend::NOTIFICATION | backend::PARAMETER_STATUS => self.beside(frame.tag),
            backend::KEY => Verdict::Swallow,
            tag => self.receive_reply(tag, frame.body, memory),
        }
    }

    /// The next answer that is ours to give, if its turn has come.
    pub fn answer(&mut self) -> Option<Answer> {
        self.drop_copy_ends();
        let Some(Owed::Answer(answer)) = self.owed.front() else { return None };
        let answer = *answer;
        self.owed.pop_front();
        self.kept();
        Some(answer)
    }

    /// Whether the server can go to another client: nothing owed, nothing open.
    pub fn is_at_rest(&self) -> bool {
        self.owed.is_empty() && self.status == TransactionStatus::Idle && !self.unsynced && self.phase == Phase::Normal
    }

    /// Whether the client waits for the server; otherwise the server waits for the client.
    pub fn is_busy(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Whether no transaction is open between two requests, as far as has been heard.
    pub fn is_between(&self) -> bool {
        self.is_busy() || self.status == TransactionStatus::Idle
    }

    /// Whether the client owes the server the rest of a COPY or a batch.
    pub fn is_open(&self) -> bool {
        self.unsynced || self.phase != Phase::Normal
    }

    /// How many replies are owed, those to us too.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Whether so many replies are owed that the client should not be read.
    pub fn is_full(&self) -> bool {
        self.owed() >= MOST_OWED
    }

    /// Whether the server's state is not what it should be.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether what comes next answers a query of ours.
    pub fn is_ours(&self) -> bool {
        self.owed.front() == Some(&Owed::OurQuery)
    }

    /// Whether what comes next answers a question of ours.
    pub fn is_asked(&self) -> bool {
        self.owed.front() == Some(&Owed::OurQuestion)
    }

    /// Whether what comes next is the outcome of an Execute.
    pub fn is_executing(&self) -> bool {
        self.owed.front() == Some(&Owed::Execute)
    }

    /// Whether rows that come next are the client's.
    pub fn takes_rows(&self) -> bool {
        matches!(self.owed.front(), Some(Owed::Query | Owed::Execute))
    }

    /// How many ReadyForQuery are still to come.
    pub fn readies_owed(&self) -> usize {
        let ends = |owed: &&Owed| {
            matches!(owed, Owed::Query | Owed::FunctionCall | Owed::Sync | Owed::OurQuery | Owed::OurQuestion)
        };
        self.owed.iter().filter(ends).count()
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
            Some(Owed::OurQuery | Owed::OurQuestion | Owed::OurParse(_) | Owed::OurClose(_))
                if tag != backend::NOTIFICATION =>
            {
                Verdict::Swallow
            }
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
            Some(Owed::OurQuery | Owed::OurQuestion) => true,
            Some(Owed::Query | Owed::FunctionCall | Owed::Sync) => false,
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

    fn receive_reply(&mut self, tag: u8, body: &[u8], memory: &mut Memory) -> Verdict {
        let Some(front) = self.owed.front().copied() else { return self.unasked() };
        match (front, tag) {
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
            (Owed::Execute, _) | (Owed::Describe, backend::PARAMETER_DESCRIPTION) => {}
            (Owed::Describe, backend::ROW_DESCRIPTION | backend::NO_DATA)
            | (Owed::Bind, backend::BOUND)
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
            (Owed::OurParse(id), backend::PARSED) => {
                self.owed.pop_front();
                id.into_iter().for_each(|id| memory.arrived(id));
                return Verdict::Swallow;
            }
            (Owed::OurClose(_), backend::CLOSED) => {
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
        match command_tag(body) {
            tag if memory.see_complete(tag) => {
                self.settled.push(Settled::AllDropped);
            }
            b"DEALLOCATE" => self.settled.push(Settled::Deallocated),
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
                    self.unsynced = true;
                }
                Owed::CopyEnd => {
                    self.owed.remove(1);
                    self.unsynced =
                        self.unsynced && !self.owed.iter().any(|owed| matches!(owed, Owed::Sync | Owed::Query));
                    return Verdict::Forward;
                }
                _ => break,
            }
        }
        self.unsynced = self.owed.front() == Some(&Owed::Execute);
        self.phase = Phase::CopyIn;
        Verdict::Forward
    }

    fn drop_copy_ends(&mut self) {
        while self.owed.front() == Some(&Owed::CopyEnd) {
            self.owed.pop_front();
        }
    }
}

#[cfg(test)]
#[path = "dialogue_tests.rs"]
mod tests;
