//! What is over becomes a report, with what belongs to it beside it in the batch. Pure.

use super::{Captured, Entry, Running, Tape};
use crate::observe::nanos::Nanos;
use crate::observe::report::{Batch, Capture, Comment, Note, Report, Span};
use crate::observe::who::{Addr, WhoId};
use crate::sql::digest::SLOTS;

/// Whose statements they are.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// Its combination.
    pub who: WhoId,
    /// Its number.
    pub client: u32,
    /// Where it comes from.
    pub addr: Addr,
}

impl Tape {
    /// The client has taken all that is over: it is told. `notable` says which are to be shown by themselves.
    pub fn tell(&mut self, batch: &mut Batch, whose: Whose, now: u64, notable: impl Fn(&Report) -> bool) {
        let over = std::mem::take(&mut self.over);
        for entry in self.entries.iter_mut().take(over) {
            entry.tell(&self.hashes, batch, whose, now, &notable);
        }
        match over == self.entries.len() {
            true => self.entries.clear(),
            false => drop(self.entries.drain(..over)),
        }
        self.hashes.clear();
    }
}

impl Entry {
    fn tell(&mut self, hashes: &[u32], batch: &mut Batch, whose: Whose, now: u64, notable: impl Fn(&Report) -> bool) {
        let Entry { running: Running { bound, comment, in_transaction, sent, .. }, end } = self;
        let used = usize::from(bound.reading.used).min(SLOTS);
        let values = append(&mut batch.hashes, &bound.values[..used]);
        let capture = end.captured.take().map(|captured| keep(captured, hashes, batch)).unwrap_or_default();
        let mut report = Report {
            reading: bound.reading,
            who: whose.who,
            client: whose.client,
            sent: Nanos(end.begun),
            ended: Nanos(end.ended),
            wait: Nanos(end.wait),
            query: Nanos((end.ended - end.begun).saturating_sub(end.stalled)),
            text: Nanos(end.text),
            drain: Nanos(end.stalled + now.saturating_sub(end.heard)),
            rows: end.rows,
            bytes: end.bytes,
            sqlstate: end.sqlstate,
            in_transaction: *in_transaction,
            unsent: end.unsent,
            piped: end.begun > *sent,
            parameters: bound.parameters,
            values,
            capture,
            note: Span::default(),
        };
        if let Some(text) = comment.take() {
            batch.comments.push(Comment { report: batch.reports.len() as u32, text });
        }
        if notable(&report) {
            report.note = Span { begin: batch.notes.len() as u32, count: 1 };
            batch.notes.push(Note { addr: whose.addr.to_string().into(), parameters: bound.plain.take() });
        }
        batch.reports.push(report);
    }
}

fn keep(captured: Captured, from: &[u32], batch: &mut Batch) -> Span {
    let Captured { columns, dense, hashes } = captured;
    let hashes = append(&mut batch.hashes, hashes.of(from));
    let rows = hashes.count / columns.linkable.len().max(1) as u32;
    batch.captures.push(Capture { columns, rows, hashes, dense });
    Span { begin: batch.captures.len() as u32 - 1, count: 1 }
}

fn append(list: &mut Vec<u32>, more: &[u32]) -> Span {
    let begin = list.len() as u32;
    list.extend_from_slice(more);
    Span { begin, count: more.len() as u32 }
}
