//! What runs for a client on its server, one entry a statement: put on when it is sent, taken off when its reply says that it
//! is over, told when the client has taken the reply. Knows how long, how many rows, which values; decides nothing. Pure.
//!
//! Times: a statement of a pipeline begins when the one before it has ended. While the client does not take what there is for
//! it, the server waits for the client: that is drain, not query.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::memo::Memo;
use super::rows::Rows;
use crate::observe::keys::Keys;
use crate::observe::nanos::Nanos;
use crate::observe::report::{Columns, Span};
use crate::protocol::{Frame, backend};
use crate::sql::digest::{Digest, Reading, SLOTS};

mod shared;
mod told;

pub use told::Whose;

/// The statements of one conversation. All moments are nanoseconds of the process' clock.
#[derive(Debug, Default)]
pub struct Tape {
    /// Whether anything is written on it.
    on: bool,
    /// Those that are over, then those that run, in the order in which they were sent.
    entries: VecDeque<Entry>,
    /// How many of them are over, while the client has not taken all of their replies.
    over: usize,
    /// Of the rows of those over.
    hashes: Vec<u32>,
    /// How long the client waited for the server; the first statement's.
    wait: u64,
    /// When the last statement ended.
    last_end: u64,
    /// From the server since then.
    bytes: u64,
    /// How long the client kept the server waiting since then.
    stalled: u64,
    /// The same, of statements that are over, since somebody asked.
    drained: u64,
    /// Since when it does.
    stalls_since: Option<u64>,
    /// As far as replies tell: a BEGIN is over, and no end of its transaction.
    inside: bool,
    /// The rows of the statement that runs first.
    rows: Rows,
    /// What is known from earlier messages.
    pub(super) memo: Memo,
}

/// A statement that was sent.
#[derive(Debug)]
pub struct Running {
    /// What it is, with its values.
    pub bound: Bound,
    /// The batch that it was sent in.
    pub batch: u32,
    /// When.
    pub sent: u64,
    /// It is one in a transaction block.
    pub in_transaction: bool,
    /// The tags that came with it.
    pub comment: Option<Box<[u8]>>,
    /// How many rows it returns at the most before it is suspended; 0 for all.
    pub most_rows: u32,
}

#[derive(Debug)]
struct Entry {
    running: Running,
    end: End,
}

/// How a statement ended; nothing yet while it runs.
#[derive(Debug, Default)]
struct End {
    begun: u64,
    ended: u64,
    /// When its end was heard of.
    heard: u64,
    wait: u64,
    stalled: u64,
    /// It is the last of several whose ends were heard of together: what all took.
    text: u64,
    rows: u64,
    bytes: u64,
    sqlstate: [u8; 5],
    unsent: bool,
    captured: Option<Captured>,
}

/// What a Bind, or a text with literals, says.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// What is bound.
    pub reading: Reading,
    /// A hash of all its values together; 0 for none.
    pub parameters: u32,
    /// One for each slot of `reading`.
    pub values: [u32; SLOTS],
    /// The columns of its result, if they were described before.
    pub columns: Option<Arc<Columns>>,
    /// Which of them come in binary, as bits.
    pub formats: u64,
    /// Its rows are to be looked at.
    pub capture: bool,
    /// Its end is to be told at once.
    pub flush: bool,
    /// The values themselves, where they may be kept.
    pub plain: Option<Box<[Option<Box<str>>]>>,
}

/// Rows that were looked at, in the tape's list of hashes.
#[derive(Debug)]
struct Captured {
    columns: Arc<Columns>,
    dense: u8,
    hashes: Span,
}

/// How many statements run, and how many descriptions are under way: see [`Tape::mark`].
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize, usize);

impl Tape {
    /// A conversation begins, for a client that waited so long.
    pub fn begin(&mut self, on: bool, wait: Duration) {
        (self.on, self.wait) = (on, Nanos::from(wait).0);
    }

    /// Whether anything is written on it.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Before a message that may have to wait for more.
    pub fn mark(&self) -> Mark {
        Mark(self.entries.len(), self.memo.describing())
    }

    /// The message has to wait: it will be seen again.
    pub fn take_back(&mut self, mark: Mark) {
        self.entries.truncate(mark.0);
        self.memo.take_back(mark.1);
    }

    /// A statement is sent.
    #[inline]
    pub fn send(&mut self, running: Running) {
        if self.entries.len() < MOST_RUNNING {
            self.entries.push_back(Entry { running, end: End::default() });
        }
    }

    /// What runs first.
    #[inline]
    fn first(&self) -> Option<&Running> {
        self.entries.get(self.over).map(|entry| &entry.running)
    }

    /// Tags that came with the last statement.
    pub fn comment(&mut self, text: &[u8]) {
        if let Some(last) = self.entries.back_mut() {
            last.running.comment = Some(text.into());
        }
    }

    /// The columns of what runs, or runs next, are described.
    pub fn describe(&mut self, columns: &Arc<Columns>, formats: u64) {
        if self.first().is_some_and(|running| running.bound.capture) {
            self.rows.begin(columns, formats);
        }
    }

    /// The columns of a statement are described that may be the one that runs first, and was bound before they were known.
    pub fn inform(&mut self, digest: Digest, columns: &Arc<Columns>) {
        if let Some(Entry { running: Running { bound, .. }, .. }) = self.entries.get_mut(self.over)
            && bound.columns.is_none()
            && bound.reading.digest == digest
        {
            bound.columns = Some(columns.clone());
        }
    }

    /// Whether rows that come now are to be shown to [`Tape::read_rows`].
    #[inline]
    pub fn wants_rows(&mut self) -> bool {
        self.on && (self.rows.is_open() || self.begin_rows())
    }

    fn begin_rows(&mut self) -> bool {
        let Some(Entry { running: Running { bound, .. }, .. }) = self.entries.get(self.over) else { return false };
        match &bound.columns {
            Some(columns) if bound.capture && !self.rows.is_done() => {
                self.rows.begin(columns, bound.formats);
                self.rows.is_open()
            }
            _ => false,
        }
    }

    /// Takes in those whole DataRows that `bytes` begin with, as many as are wanted: how many bytes they are.
    pub fn read_rows(&mut self, bytes: &[u8], keys: &Keys) -> usize {
        let mut read = 0;
        while self.wants_rows()
            && let Ok(Some(frame)) = Frame::read(&bytes[read..])
            && let (backend::ROW, Some(body)) = (frame.tag, frame.whole())
        {
            self.rows.add(body, keys);
            read += frame.size;
        }
        read
    }

    /// A DataRow that is too long to be looked at.
    pub fn skip_rows(&mut self) {
        self.rows.spoil();
    }

    /// So many bytes of the server's are for the client.
    #[inline]
    pub fn pass(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// How long the server has waited for the client to take what there was, in statements that are over; since the last time, in
    /// nanoseconds.
    #[inline]
    pub fn take_drained(&mut self) -> u64 {
        std::mem::take(&mut self.drained)
    }

    /// The shape of the statement that runs first.
    #[inline]
    pub fn running(&self) -> Option<Digest> {
        self.first().map(|running| running.bound.reading.digest)
    }

    /// The client does not take what there is, and the server waits for it.
    pub fn stall(&mut self, now: u64) {
        self.stalls_since.get_or_insert(now);
    }

    /// It takes it again.
    #[inline]
    pub fn go_on(&mut self, now: u64) {
        if let Some(since) = self.stalls_since.take() {
            self.stalled += now.saturating_sub(since);
        }
    }

    /// The statement that runs first is over, if it is of this batch.
    #[inline]
    pub fn complete(&mut self, batch: u32, rows: u64, now: u64) {
        if self.first().is_some_and(|running| running.batch == batch) {
            self.finish(rows, [0; 5], now);
        }
    }

    /// The statement that runs first was suspended: it has returned as many rows as were asked for.
    pub fn suspend(&mut self, batch: u32, now: u64) {
        let rows = self.first().map_or(0, |running| running.most_rows);
        self.complete(batch, rows.into(), now);
    }

    /// It failed, and with it all that was sent in its batch. `front` is what failed where nothing of the batch runs.
    #[cold]
    pub fn fail(&mut self, batch: u32, sqlstate: [u8; 5], front: Option<Running>, now: u64) {
        if self.first().is_none_or(|running| running.batch != batch)
            && let Some(running) = front
        {
            self.entries.insert(self.over, Entry { running, end: End::default() });
        }
        self.complete_badly(batch, sqlstate, now);
        self.end_batch(batch);
    }

    fn complete_badly(&mut self, batch: u32, sqlstate: [u8; 5], now: u64) {
        if self.first().is_some_and(|running| running.batch == batch) {
            self.finish(0, sqlstate, now);
        }
    }

    /// ReadyForQuery: nothing of this batch runs any more.
    #[inline]
    pub fn end_batch(&mut self, batch: u32) {
        while self.first().is_some_and(|running| running.batch == batch) {
            self.entries.remove(self.over);
        }
        self.rows.reset();
    }

    /// ReadyForQuery has said whether what follows is in a transaction block.
    pub fn see_status(&mut self, status: u8) {
        self.inside = status != b'I';
    }

    /// A command has ended with this tag: what follows it in its batch is in a transaction block, or no more.
    pub fn see_tag(&mut self, tag: &[u8]) {
        match tag {
            b"BEGIN" | b"START TRANSACTION" => self.inside = true,
            b"COMMIT" | b"ROLLBACK" => self.inside = false,
            _ => {}
        }
    }

    /// What would have been sent was not, for there was no server.
    #[cold]
    pub fn refuse(&mut self, sqlstate: [u8; 5], now: u64) {
        self.abort(sqlstate, now);
        self.entries.iter_mut().for_each(|entry| entry.end.unsent = true);
    }

    /// The conversation is cut short: what runs ends like this.
    #[cold]
    pub fn abort(&mut self, sqlstate: [u8; 5], now: u64) {
        if self.first().is_some() {
            self.finish(0, sqlstate, now);
        }
        self.entries.truncate(self.over);
    }

    fn finish(&mut self, rows: u64, sqlstate: [u8; 5], now: u64) {
        self.go_on(now);
        let captured = self.captured();
        let Some(Entry { running, end }) = self.entries.get_mut(self.over) else { return };
        running.in_transaction |= self.inside;
        end.begun = running.sent.max(self.last_end);
        end.ended = now;
        (end.heard, end.rows, end.sqlstate, end.captured) = (now, rows, sqlstate, captured);
        end.wait = std::mem::take(&mut self.wait);
        end.stalled = std::mem::take(&mut self.stalled);
        self.drained += end.stalled;
        end.bytes = std::mem::take(&mut self.bytes);
        self.last_end = end.ended;
        self.over += 1;
    }

    fn captured(&mut self) -> Option<Captured> {
        let (columns, dense) = self.rows.finish()?;
        let begin = self.hashes.len() as u32;
        self.hashes.extend_from_slice(self.rows.hashes());
        self.rows.reset();
        Some(Captured { columns, dense, hashes: Span { begin, count: self.hashes.len() as u32 - begin } })
    }

    /// Whether the statement that was sent last is one whose end is to be told at once.
    pub fn wants_flush(&self) -> bool {
        self.entries.back().is_some_and(|entry| entry.running.bound.flush)
    }

    /// Whether there is something to tell.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.over > 0
    }

    /// Ready for the next conversation.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.entries.shrink_to(64);
        self.hashes.clear();
        self.hashes.shrink_to(MOST_KEPT);
        self.rows.reset();
        (self.on, self.over, self.wait, self.last_end) = (false, 0, 0, 0);
        (self.bytes, self.stalled, self.drained, self.stalls_since, self.inside) = (0, 0, 0, None, false);
        self.memo.clear();
    }
}

/// Statements of a pipeline that are looked at; of more, the first. As many replies as may be owed at all.
const MOST_RUNNING: usize = super::standing::MOST_OWED;

/// Hashes that a tape keeps room for.
const MOST_KEPT: usize = 1024;

#[cfg(test)]
#[path = "tape_tests.rs"]
mod tests;
