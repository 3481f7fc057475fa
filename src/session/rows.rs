//! The first rows of a result as keyed hashes, column by column where values can be linked. Pure.

use std::sync::Arc;

use crate::observe::keys::{Keys, Scalar, is_linkable};
use crate::observe::report::{COLUMNS_CAPTURED, Column, Columns, ROWS_CAPTURED};
use crate::protocol::frame::{cut_str, cut_value};

/// The rows of one statement.
#[derive(Debug, Default)]
pub struct Rows {
    state: State,
    formats: u64,
    hashes: Vec<u32>,
    spread: [Spread; COLUMNS_CAPTURED],
}

#[derive(Debug, Default)]
enum State {
    /// Nothing to look at.
    #[default]
    Closed,
    /// Rows of this kind come.
    Open { columns: Arc<Columns>, rows: usize },
    /// As many as are looked at.
    Full { columns: Arc<Columns> },
    /// They could not be read, or have no columns that can be linked.
    Spoilt,
}

/// How far the whole numbers of a column are apart.
#[derive(Debug, Clone, Copy)]
struct Spread {
    lowest: i64,
    highest: i64,
    values: u32,
    /// There was one that is no whole number.
    other: bool,
}

impl Rows {
    /// Rows of these columns come; `formats` says which are in binary.
    pub fn begin(&mut self, columns: &Arc<Columns>, formats: u64) {
        self.reset();
        self.formats = formats;
        self.state = match columns.linkable.is_empty() {
            true => State::Spoilt,
            false => State::Open { columns: columns.clone(), rows: 0 },
        };
    }

    /// Whether the next row is wanted.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Whether no more is wanted of this result.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Full { .. } | State::Spoilt)
    }

    /// The next row: a DataRow's whole body.
    pub fn add(&mut self, body: &[u8], keys: &Keys) {
        let State::Open { columns, rows } = &mut self.state else { return };
        if read_row(body, columns, self.formats, keys, &mut self.hashes, &mut self.spread).is_none() {
            self.state = State::Spoilt;
            return;
        }
        *rows += 1;
        if *rows == ROWS_CAPTURED {
            self.state = State::Full { columns: columns.clone() };
        }
    }

    /// A row that was not looked at: the others tell nothing without it.
    pub fn spoil(&mut self) {
        self.state = State::Spoilt;
    }

    /// The result is over: its columns, and which of them are dense; `None` where no row was looked at.
    pub fn finish(&mut self) -> Option<(Arc<Columns>, u8)> {
        let columns = match std::mem::take(&mut self.state) {
            State::Open { columns, rows: 1.. } | State::Full { columns } => columns,
            _ => return None,
        };
        let dense = |bits: u8, (at, spread): (usize, &Spread)| bits | u8::from(spread.is_dense()) << at;
        let bits = self.spread[..columns.linkable.len()].iter().enumerate().fold(0, dense);
        Some((columns, bits))
    }

    /// What was seen.
    pub fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// Nothing is looked at.
    #[inline]
    pub fn reset(&mut self) {
        if !matches!(self.state, State::Closed) || !self.hashes.is_empty() {
            self.state = State::Closed;
            self.hashes.clear();
            self.spread = Default::default();
        }
    }
}

/// One of so many in a row.
const CLOSE: u64 = 8;

impl Default for Spread {
    fn default() -> Spread {
        Spread { lowest: i64::MAX, highest: i64::MIN, values: 0, other: false }
    }
}

impl Spread {
    #[inline]
    fn add(&mut self, number: i64) {
        self.lowest = self.lowest.min(number);
        self.highest = self.highest.max(number);
        self.values += 1;
    }

    /// Whole numbers so close together that those of other columns are met among them by chance.
    fn is_dense(&self) -> bool {
        let width = self.highest.abs_diff(self.lowest);
        !self.other && self.values > 1 && width > 0 && width < u64::from(self.values) * CLOSE
    }
}

fn read_row(
    body: &[u8],
    columns: &Columns,
    formats: u64,
    keys: &Keys,
    hashes: &mut Vec<u32>,
    spread: &mut [Spread; COLUMNS_CAPTURED],
) -> Option<()> {
    let mut rest = body.get(2..)?;
    let mut next = 0;
    hashes.reserve(columns.linkable.len());
    for (place, spread) in columns.linkable.iter().zip(spread) {
        while next < *place {
            (_, rest) = cut_value(rest)?;
            next += 1;
        }
        let (value, after) = cut_value(rest)?;
        (rest, next) = (after, next + 1);
        let scalar = match value {
            None => {
                hashes.push(0);
                continue;
            }
            Some(value) if is_binary(formats, *place) => {
                Scalar::binary(columns.all.get(usize::from(*place))?.oid, value)
            }
            Some(value) => Scalar::text(value),
        };
        hashes.push(match scalar {
            Scalar::Integer(number) => {
                spread.add(number);
                keys.integer(number)
            }
            other => {
                spread.other = true;
                keys.scalar(other)
            }
        });
    }
    Some(())
}

/// Beyond the 64th column all are what the 64th is: few queries have so many, and none mixes formats there.
fn is_binary(formats: u64, at: u16) -> bool {
    formats != 0 && formats >> at.min(63) & 1 == 1
}

/// What a RowDescription says; and which columns are in binary, as bits.
pub fn describe(body: &[u8]) -> Option<(Columns, u64)> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let count = u16::from_be_bytes(*count);
    let (mut all, mut formats) = (Vec::with_capacity(usize::from(count)), 0);
    for at in 0..count {
        let (name, after) = cut_str(rest)?;
        let (fixed, after) = after.split_first_chunk::<18>()?;
        rest = after;
        let number = |from: usize| u32::from_be_bytes([fixed[from], fixed[from + 1], fixed[from + 2], fixed[from + 3]]);
        if fixed[17] == 1 {
            formats |= 1 << at.min(63);
        }
        all.push(Column {
            name: String::from_utf8_lossy(name).into(),
            table: number(0),
            attribute: i16::from_be_bytes([fixed[4], fixed[5]]),
            oid: number(6),
        });
    }
    let places = all.iter().zip(0_u16..).filter(|(column, _)| is_linkable(column.oid)).map(|(_, at)| at);
    let linkable = places.take(COLUMNS_CAPTURED).collect();
    Some((Columns { all: all.into(), linkable }, formats))
}
