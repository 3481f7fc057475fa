//! Single executions that are worth a look: slow ones, and beside them those that failed or returned very much. Two rings, so
//! that a flood of errors does not push out the slow ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::groups::Group;
use crate::observe::insight::Wanted;
use crate::observe::nanos::Nanos;
use crate::observe::report::Report;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;
use crate::sql::fitting;

/// Entries of each ring. With values and tags an entry is some 3 KiB at worst: 12 MiB for both; without, 300 bytes: 1.2 MiB.
pub const SLOW_MAX: usize = 2_000;

/// A statement with so many rows is always kept.
pub const ROWS: u64 = 10_000;

/// And one with so many bytes.
pub const BYTES: u64 = 1 << 20;

/// Why an execution is kept, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons(u8);

impl Reasons {
    /// It ran for longer than the threshold.
    pub const QUERY: Reasons = Reasons(1);
    /// It waited for a server for longer than that.
    pub const WAIT: Reasons = Reasons(2);
    /// It failed.
    pub const ERROR: Reasons = Reasons(4);
    /// It returned or changed [`ROWS`] or more.
    pub const ROWS: Reasons = Reasons(8);
    /// It returned [`BYTES`] or more.
    pub const BYTES: Reasons = Reasons(16);
    /// The text of several statements that it ends ran for longer than the threshold: which of them did is not known.
    pub const TEXT: Reasons = Reasons(32);

    const NAMES: [(Reasons, &'static str); 6] = [
        (Reasons::QUERY, "query"),
        (Reasons::WAIT, "wait"),
        (Reasons::ERROR, "error"),
        (Reasons::ROWS, "rows"),
        (Reasons::BYTES, "bytes"),
        (Reasons::TEXT, "text"),
    ];

    /// Those of an execution. The time in which a client takes its rows is none.
    #[inline]
    pub fn of(report: &Report, slow: Nanos) -> Reasons {
        let bits = [
            (report.query > slow, Reasons::QUERY),
            (report.wait > slow, Reasons::WAIT),
            (report.sqlstate != [0; 5], Reasons::ERROR),
            (report.rows >= ROWS, Reasons::ROWS),
            (report.bytes >= BYTES, Reasons::BYTES),
            (report.text > slow, Reasons::TEXT),
        ];
        Reasons(bits.into_iter().fold(0, |all, (is, reason)| if is { all | reason.0 } else { all }))
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it was slow, not only remarkable.
    pub fn is_slow(self) -> bool {
        self.0 & (Reasons::QUERY.0 | Reasons::WAIT.0 | Reasons::TEXT.0) != 0
    }

    /// In words.
    pub fn names(self) -> Vec<&'static str> {
        Reasons::NAMES.into_iter().filter(|(reason, _)| self.0 & reason.0 != 0).map(|(_, name)| name).collect()
    }
}

/// What a comment says of an execution: names and values.
pub type Tags = Box<[(Box<str>, Box<str>)]>;

/// One execution.
#[derive(Debug, Clone)]
pub struct Slow {
    /// Ascending in the order in which they came.
    pub number: u64,
    /// When it was over.
    pub time: Timestamp,
    /// Why it is kept.
    pub reasons: Reasons,
    /// Its shape.
    pub digest: Digest,
    /// What was known of the shape then.
    pub facts: Option<Arc<Facts>>,
    /// Whose it was.
    pub group: Group,
    /// Its client's number.
    pub client: u32,
    /// `address:port`, or `unix`; without a port where that is not known.
    pub addr: Box<str>,
    /// For a server.
    pub wait: Duration,
    /// Sent until over.
    pub query: Duration,
    /// What its text took, if it is the last of several statements in it.
    pub text: Option<Duration>,
    /// Until the client had taken it all.
    pub drain: Duration,
    /// Of its command tag.
    pub rows: u64,
    /// From the server.
    pub bytes: u64,
    /// Zeros for well.
    pub sqlstate: [u8; 5],
    /// It ran in a transaction block.
    pub in_transaction: bool,
    /// Its values, where they may be kept.
    pub parameters: Option<Box<[Option<Box<str>>]>>,
    /// From its comment.
    pub tags: Tags,
}

impl Slow {
    /// Wait, query and drain.
    pub fn total(&self) -> Duration {
        self.wait.saturating_add(self.query).saturating_add(self.drain)
    }

    /// The SQLSTATE of its error.
    pub fn sqlstate(&self) -> Option<&str> {
        if self.sqlstate == [0; 5] { None } else { std::str::from_utf8(&self.sqlstate).ok() }
    }
}

/// The newest of them.
#[derive(Debug, Default)]
pub struct SlowRing {
    slow: VecDeque<Arc<Slow>>,
    remarkable: VecDeque<Arc<Slow>>,
    next: u64,
}

impl SlowRing {
    /// Keeps one; its number is given here.
    pub fn keep(&mut self, mut entry: Slow) -> Arc<Slow> {
        entry.number = self.next;
        self.next += 1;
        let ring = if entry.reasons.is_slow() { &mut self.slow } else { &mut self.remarkable };
        if ring.len() == SLOW_MAX {
            ring.pop_front();
        }
        let entry = Arc::new(entry);
        ring.push_back(entry.clone());
        entry
    }

    /// The newest first; `all`: also those that were not slow.
    pub fn list(&self, wanted: &Wanted, all: bool) -> Vec<Arc<Slow>> {
        let wants = |entry: &&Arc<Slow>| {
            let Group { database, user, application, .. } = &entry.group;
            wanted.digest(entry.digest) && wanted.group(database, user, application)
        };
        let slow = self.slow.iter().rev().filter(wants).take(wanted.limit);
        let others = self.remarkable.iter().rev().filter(wants).take(if all { wanted.limit } else { 0 });
        let mut list: Vec<Arc<Slow>> = slow.chain(others).cloned().collect();
        list.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.number));
        list.truncate(wanted.limit);
        list
    }
}

/// Values of one execution together, in bytes. More of them tells no more of why it was slow.
pub const PARAMETERS_BYTES_MAX: usize = 1 << 10;

/// As much of the values as is kept: a value that is too long is cut, and those behind the bound are left out.
pub fn cut_parameters(parameters: &[Option<Box<str>>]) -> Box<[Option<Box<str>>]> {
    let mut left = PARAMETERS_BYTES_MAX;
    let mut kept = Vec::new();
    for value in parameters {
        let Some(room) = left.checked_sub(size_of::<Option<Box<str>>>()) else { break };
        let value = value.as_deref().map(|value| cut(value, room));
        left = room - value.as_ref().map_or(0, |value| value.len().min(room));
        kept.push(value);
    }
    kept.into()
}

fn cut(value: &str, room: usize) -> Box<str> {
    if value.len() <= room {
        return value.into();
    }
    format!("{}…", fitting(value, room)).into()
}
