//! The first rows of a result, as hashes, and where a value stands in them. Pure.

use std::sync::Arc;

use super::step::FEWEST_ROWS;
use crate::observe::nanos::Nanos;
use crate::observe::report::{COLUMNS_CAPTURED, Capture, Columns, ROWS_CAPTURED, Report};
use crate::sql::digest::Digest;

/// One result.
#[derive(Debug)]
pub(super) struct Rows {
    /// No other result has it.
    pub(super) serial: u64,
    pub(super) digest: Digest,
    pub(super) sent: Nanos,
    pub(super) ended: Nanos,
    pub(super) wait: Nanos,
    /// All that it had.
    pub(super) total: u64,
    /// So many of them are here.
    pub(super) kept: u32,
    /// A bit for each column whose values are integers close together.
    pub(super) dense: u8,
    pub(super) columns: Arc<Columns>,
    width: usize,
    hashes: Box<[u32]>,
    /// A bit for what is there, so that most of what is not costs one look.
    seen: [u64; 32],
}

/// For each column, a bit for each row.
pub(super) type Places = [u64; COLUMNS_CAPTURED];

impl Rows {
    /// `None` where there is nothing to loop over.
    pub(super) fn new(serial: u64, report: &Report, capture: &Capture, hashes: &[u32]) -> Option<Rows> {
        let width = capture.columns.linkable.len();
        debug_assert!(width <= COLUMNS_CAPTURED);
        let kept = (capture.rows as usize).min(ROWS_CAPTURED).min(hashes.len().checked_div(width)?);
        if kept < FEWEST_ROWS as usize {
            return None;
        }
        let hashes: Box<[u32]> = hashes[..kept * width].into();
        let mut seen = [0; 32];
        for hash in &hashes {
            let (word, bit) = place(*hash);
            seen[word] |= bit;
        }
        Some(Rows {
            serial,
            digest: report.reading.digest,
            sent: report.sent,
            ended: report.ended,
            wait: report.wait,
            total: report.rows.max(kept as u64),
            kept: kept as u32,
            dense: capture.dense,
            columns: capture.columns.clone(),
            width,
            hashes,
            seen,
        })
    }

    /// Whether it may hold this value; seldom wrong, and never when it says no.
    pub(super) fn may_hold(&self, value: u32) -> bool {
        let (word, bit) = place(value);
        value != 0 && self.seen[word] & bit != 0
    }

    /// Whether it holds this value.
    pub(super) fn holds(&self, value: u32) -> bool {
        self.may_hold(value) && self.hashes.contains(&value)
    }

    /// Where the value stands.
    pub(super) fn places(&self, value: u32) -> Places {
        let mut places = [0; COLUMNS_CAPTURED];
        for (row, hashes) in self.hashes.chunks_exact(self.width).enumerate() {
            for (column, hash) in hashes.iter().enumerate() {
                places[column] |= u64::from(*hash == value) << row;
            }
        }
        places
    }

    /// How many rows have a value in this column, and how many different ones there are.
    pub(super) fn fill(&self, column: u8) -> (u32, u32) {
        let mut values: Vec<u32> = self.hashes.chunks_exact(self.width).map(|row| row[usize::from(column)]).collect();
        values.retain(|value| *value != 0);
        let filled = values.len() as u32;
        values.sort_unstable();
        values.dedup();
        (filled, values.len() as u32)
    }

    /// Whether values of this column are met by chance.
    pub(super) fn is_dense(&self, column: u8) -> bool {
        self.dense & (1 << column) != 0
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Rows>() + self.hashes.len() * size_of::<u32>() + 2 * size_of::<usize>()
    }
}

fn place(hash: u32) -> (usize, u64) {
    ((hash >> 6) as usize % 32, 1 << (hash % 64))
}
