//! What a dialogue says when it is asked how it stands: who waits for whom, what is open, what is not known yet. Pure.

use super::dialogue::Dialogue;
use super::owed::{Open, Owed, Phase};
use super::watch::Moment;
use crate::protocol::TransactionStatus;

/// More replies owed than this, and the client is not read until some have come: what a pipeline may cost us in memory.
pub const MOST_OWED: usize = 65_536;

/// With more replies owed than this, nobody looks whether one is among them.
const MOST_LOOKED_AT: usize = 256;

impl Dialogue {
    /// Whether the server can go to another client: nothing owed, nothing open.
    pub fn is_at_rest(&self) -> bool {
        self.is_quiet() && self.open == Open::No
    }

    /// Whether the server waits for a client that has prepared statements, has its answers, and has begun nothing that a Sync
    /// would end: nothing but that Sync keeps the server from others.
    #[inline]
    pub fn only_prepares(&self) -> bool {
        self.open == Open::Prepared && self.is_quiet()
    }

    fn is_quiet(&self) -> bool {
        self.owed.is_empty() && self.status == TransactionStatus::Idle && self.phase == Phase::Normal
    }

    /// Whether the client waits for the server; otherwise the server waits for the client.
    pub fn is_busy(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Whether the outcome of an earlier batch is still open, so that what it has done is not known.
    pub fn is_behind(&self) -> bool {
        self.ahead > 0
    }

    /// The number of the batch that is being answered.
    pub fn answering(&self) -> u32 {
        self.batch.wrapping_sub(self.ahead)
    }

    /// The moment of the message that is about to be sent.
    pub fn moment(&self, backslash: bool) -> Moment {
        Moment { batch: self.batch, status: self.status(), backslash }
    }

    /// Whether no transaction is open between two requests, as far as has been heard.
    pub fn is_between(&self) -> bool {
        self.is_busy() || self.status == TransactionStatus::Idle
    }

    /// Whether a transaction is open, as far as has been heard: a block, or the one that Postgres begins by itself for what was
    /// bound, until its Sync.
    pub(super) fn has_begun(&self) -> bool {
        self.status != TransactionStatus::Idle || self.open == Open::Bound
    }

    /// Whether the client owes the server the rest of a COPY or a batch.
    pub fn is_open(&self) -> bool {
        self.open != Open::No || self.phase != Phase::Normal
    }

    /// Whether an earlier batch, whose outcome is open, sends the server the unnamed statement that it is to have, and this one does not.
    pub(super) fn doubts_unnamed(&self) -> bool {
        let parses = |owed: &Owed| matches!(owed, Owed::Parse(None) | Owed::OurParse(None) | Owed::OurClose(None));
        let mut owed = self.owed.iter().rev();
        let is_own = owed.by_ref().take_while(|owed| !matches!(owed, Owed::Sync | Owed::OurSync)).any(parses);
        !is_own && (owed.by_ref().take(MOST_LOOKED_AT).any(parses) || owed.next().is_some())
    }

    /// Whether a Parse of the unnamed statement by the client is under way.
    pub fn owes_parse(&self) -> bool {
        self.owed.contains(&Owed::Parse(None))
    }

    /// How many replies are owed, those to us too.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Whether so many replies are owed that the client should not be read.
    pub fn is_full(&self) -> bool {
        self.owed.len() >= MOST_OWED
    }

    /// Whether the server's state is not what it should be.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether what comes next answers a query of ours.
    pub fn is_ours(&self) -> bool {
        self.next() == Some(Owed::OurQuery)
    }

    /// How many ReadyForQuery are still to come.
    pub fn readies_owed(&self) -> usize {
        let clients = |owed: &Owed| matches!(owed, Owed::Query | Owed::FunctionCall | Owed::Sync);
        let ours = |owed: &Owed| matches!(owed, Owed::OurQuery | Owed::OurQuestion | Owed::OurSync);
        self.owed.iter().filter(|owed| clients(owed) || ours(owed)).count()
    }
}
