//! What runs for a client on its server, one entry a statement: put on when it is sent, taken off when its reply says that it
//! is over, told when the client has taken the reply. Knows how long, how many rows, which values; decides nothing. Pure.
//!
//! Times: a statement of a pipeline begins when the one before it has ended. While the client does not take what there is for
//! it, the server waits for the client: that is drain, not query.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::memo::Memo;
use super::rows::Rows;
use crate::observe::keys::Keys;
use crate::observe::report::{Batch, Capture, Columns, Comment, Note, Report, Span};
use crate::observe::who::WhoId;
use crate::sql::digest::{Kind, Reading, SLOTS};

/// The statements of one conversation.
#[derive(Debug, Default)]
pub struct Tape {
    /// Whether anything is written on it.
    on: bool,
    running: VecDeque<Running>,
    /// Over, but the client has not taken all of the reply yet.
    over: Vec<Over>,
    /// Of the rows of those over.
    hashes: Vec<u64>,
    /// How long the client waited for the server; the first statement's.
    wait: Duration,
    /// When the last statement ended.
    last_end: Option<Instant>,
    /// From the server since then.
    bytes: u64,
    /// How long the client kept the server waiting since then.
    stalled: Duration,
    /// Since when it does.
    stalls_since: Option<Instant>,
    /// The rows of the statement at the front.
    rows: Rows,
    /// What is known from earlier messages.
    pub(super) memo: Memo,
}

/// A statement that was sent.
#[derive(Debug, Clone)]
pub struct Running {
    /// What it is, with its values.
    pub bound: Bound,
    /// The batch that it was sent in.
    pub batch: u32,
    /// When.
    pub sent: Instant,
    /// It is one in a transaction block.
    pub in_transaction: bool,
    /// The tags that came with it.
    pub comment: Option<Box<[u8]>>,
}

/// What a Bind, or a text with literals, says.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    /// What is bound.
    pub reading: Reading,
    /// A hash of all its values together; 0 for none.
    pub parameters: u64,
    /// One for each slot of `reading`.
    pub values: [u64; SLOTS],
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

#[derive(Debug)]
struct Over {
    report: Report,
    values: [u64; SLOTS],
    begun: Instant,
    ended: Instant,
    /// When its end was heard of.
    seen: Instant,
    capture: Option<Captured>,
    comment: Option<Box<[u8]>>,
    plain: Option<Box<[Option<Box<str>>]>>,
}

/// Rows that were looked at, in the tape's list of hashes.
#[derive(Debug)]
struct Captured {
    columns: Arc<Columns>,
    dense: u8,
    hashes: Span,
}

/// How many statements run: see [`Tape::mark`].
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

/// Whose statements they are, and on which clock.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Its combination.
    pub who: WhoId,
    /// Its number.
    pub client: u32,
    /// Its address and port.
    pub addr: &'a str,
    /// When the process' clock began.
    pub epoch: Instant,
}

impl Tape {
    /// A conversation begins, for a client that waited so long.
    pub fn begin(&mut self, on: bool, wait: Duration) {
        (self.on, self.wait) = (on, wait);
    }

    /// Whether anything is written on it.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Before a message that may have to wait for more.
    pub fn mark(&self) -> Mark {
        Mark(self.running.len())
    }

    /// The message has to wait: it will be seen again.
    pub fn take_back(&mut self, mark: Mark) {
        self.running.truncate(mark.0);
    }

    /// A statement is sent.
    pub fn send(&mut self, running: Running) {
        if self.running.len() < MOST_RUNNING {
            self.running.push_back(running);
        }
    }

    /// Tags that came with the last statement.
    pub fn comment(&mut self, text: &[u8]) {
        if let Some(last) = self.running.back_mut() {
            last.comment = Some(text.into());
        }
    }

    /// The columns of what runs, or runs next, are described.
    pub fn describe(&mut self, columns: &Arc<Columns>, formats: u64) {
        if self.running.front().is_some_and(|running| running.bound.capture) {
            self.rows.begin(columns, formats);
        }
    }

    /// Whether rows that come now are to be shown to [`Tape::row`].
    #[inline]
    pub fn wants_rows(&mut self) -> bool {
        self.on && (self.rows.is_open() || self.begin_rows())
    }

    fn begin_rows(&mut self) -> bool {
        let Some(Running { bound, .. }) = self.running.front().filter(|running| running.bound.capture) else {
            return false;
        };
        match &bound.columns {
            Some(columns) if !self.rows.is_done() => {
                self.rows.begin(columns, bound.formats);
                self.rows.is_open()
            }
            _ => false,
        }
    }

    /// A whole DataRow.
    pub fn row(&mut self, body: &[u8], keys: &Keys) {
        self.rows.add(body, keys);
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

    /// The client does not take what there is, and the server waits for it.
    pub fn stall(&mut self, now: Instant) {
        self.stalls_since.get_or_insert(now);
    }

    /// It takes it again.
    #[inline]
    pub fn go_on(&mut self, now: Instant) {
        if let Some(since) = self.stalls_since.take() {
            self.stalled += now.saturating_duration_since(since);
        }
    }

    /// The statement at the front is over.
    pub fn complete(&mut self, batch: u32, rows: u64, now: Instant) {
        if let Some(running) = self.take(batch) {
            self.finish(running, rows, [0; 5], now);
        }
    }

    /// What runs, if it is of this batch.
    fn take(&mut self, batch: u32) -> Option<Running> {
        let of_it = self.running.front().is_some_and(|running| running.batch == batch);
        if of_it { self.running.pop_front() } else { None }
    }

    /// It failed, and with it all that was sent in its batch. `front` is what failed where nothing of the batch runs.
    pub fn fail(&mut self, batch: u32, sqlstate: [u8; 5], front: Option<Running>, now: Instant) {
        let running = self.take(batch);
        if let Some(running) = running.or(front) {
            self.finish(running, 0, sqlstate, now);
        }
        self.end_batch(batch);
    }

    /// ReadyForQuery: nothing of this batch runs any more.
    #[inline]
    pub fn end_batch(&mut self, batch: u32) {
        while self.running.front().is_some_and(|running| running.batch == batch) {
            self.running.pop_front();
        }
        self.rows.reset();
    }

    /// The conversation is cut short: what runs ends like this.
    pub fn abort(&mut self, sqlstate: [u8; 5], now: Instant) {
        if let Some(running) = self.running.pop_front() {
            self.finish(running, 0, sqlstate, now);
        }
        self.running.clear();
    }

    fn finish(&mut self, running: Running, rows: u64, sqlstate: [u8; 5], now: Instant) {
        self.go_on(now);
        let begun = self.last_end.map_or(running.sent, |end| end.max(running.sent));
        let ended = if self.is_prelude(&running) { begun } else { now };
        let stalled = std::mem::take(&mut self.stalled);
        let Running { bound, in_transaction, comment, .. } = running;
        let report = Report {
            reading: bound.reading,
            wait: std::mem::take(&mut self.wait),
            query: ended.saturating_duration_since(begun).saturating_sub(stalled),
            drain: stalled,
            rows,
            bytes: std::mem::take(&mut self.bytes),
            sqlstate,
            in_transaction,
            parameters: bound.parameters,
            ..Report::default()
        };
        let (values, plain, capture) = (bound.values, bound.plain, self.captured());
        self.over.push(Over { report, values, begun, ended, seen: now, capture, comment, plain });
        self.last_end = Some(ended);
    }

    /// BEGIN in front of what it was sent for: the server says that both are over when the second is, and the time is the
    /// second's.
    fn is_prelude(&self, running: &Running) -> bool {
        let next = self.running.front().filter(|next| next.batch == running.batch);
        running.bound.reading.kind == Kind::Transparent && next.is_some()
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
        self.running.back().is_some_and(|running| running.bound.flush)
    }

    /// Whether there is something to tell.
    #[inline]
    pub fn has_news(&self) -> bool {
        !self.over.is_empty()
    }

    /// The client has taken all that is over: it is told.
    /// `notable` says which are to be shown by themselves.
    pub fn tell(&mut self, batch: &mut Batch, whose: Whose<'_>, now: Instant, notable: impl Fn(&Report) -> bool) {
        for over in self.over.drain(..) {
            let mut report = over.report;
            (report.who, report.client) = (whose.who, whose.client);
            report.drain += now.saturating_duration_since(over.seen);
            report.sent = over.begun.saturating_duration_since(whose.epoch);
            report.ended = over.ended.saturating_duration_since(whose.epoch);
            report.values = append(&mut batch.hashes, &over.values[..usize::from(report.reading.used).min(SLOTS)]);
            if let Some(Captured { columns, dense, hashes }) = over.capture {
                let hashes = append(&mut batch.hashes, hashes.of(&self.hashes));
                let rows = hashes.count / columns.linkable.len().max(1) as u32;
                report.capture = Span { begin: batch.captures.len() as u32, count: 1 };
                batch.captures.push(Capture { columns, rows, hashes, dense });
            }
            if let Some(text) = over.comment {
                batch.comments.push(Comment { report: batch.reports.len() as u32, text });
            }
            if notable(&report) {
                report.note = Span { begin: batch.notes.len() as u32, count: 1 };
                batch.notes.push(Note { addr: whose.addr.into(), parameters: over.plain });
            }
            batch.reports.push(report);
        }
        self.hashes.clear();
    }

    /// Ready for the next conversation.
    pub fn clear(&mut self) {
        self.running.clear();
        self.over.clear();
        self.hashes.clear();
        self.hashes.shrink_to(MOST_KEPT);
        self.running.shrink_to(64);
        self.rows.reset();
        (self.on, self.wait, self.last_end, self.bytes) = (false, Duration::ZERO, None, 0);
        (self.stalled, self.stalls_since) = (Duration::ZERO, None);
        self.memo.clear();
    }
}

/// Statements of a pipeline that are looked at; of more, the first. As many replies as may be owed at all.
const MOST_RUNNING: usize = super::standing::MOST_OWED;

/// Hashes that a tape keeps room for.
const MOST_KEPT: usize = 1024;

fn append(list: &mut Vec<u64>, more: &[u64]) -> Span {
    let begin = list.len() as u32;
    list.extend_from_slice(more);
    Span { begin, count: more.len() as u32 }
}

#[cfg(test)]
#[path = "tape_tests.rs"]
mod tests;
