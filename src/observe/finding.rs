//! Something the analyst concluded, as it is shown and logged. Plain data.

use std::time::Duration;

use jiff::Timestamp;

use super::who::WhoId;
use crate::sql::digest::Digest;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// A statement for each row that another one returned.
    NPlusOne,
    /// The same statement with the value that its last execution returned, again and again.
    TreeWalk,
    /// The same statement with the same values, with no write in between.
    DuplicateRead,
    /// The same statement with many values, whose source was not seen.
    SuspectedLoop,
    /// Rows inserted one by one.
    RowAtATimeInsert,
}

impl FindingKind {
    /// All of them.
    pub const ALL: [FindingKind; 5] = [
        FindingKind::NPlusOne,
        FindingKind::TreeWalk,
        FindingKind::DuplicateRead,
        FindingKind::SuspectedLoop,
        FindingKind::RowAtATimeInsert,
    ];

    /// As it stands in the API, in labels and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::NPlusOne => "n_plus_one",
            FindingKind::TreeWalk => "tree_walk",
            FindingKind::DuplicateRead => "duplicate_read",
            FindingKind::SuspectedLoop => "suspected_loop",
            FindingKind::RowAtATimeInsert => "row_at_a_time_insert",
        }
    }
}

/// One finding. The same pattern of the same application is one, however often it occurs.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its number, unique while the process lives.
    pub id: u64,
    /// What was found.
    pub kind: FindingKind,
    /// Whose: the combination in which it was seen first. Findings are told apart by database, user and application.
    pub who: WhoId,
    /// The statement whose rows were looped over; of kinds without one, `None`.
    pub parent: Option<Parent>,
    /// The statement that was repeated.
    pub children: Vec<Digest>,
    /// Further statements of the same loop: findings of their own.
    pub siblings: Vec<Digest>,
    /// Executions of the child in the last occurrence.
    pub executions: u32,
    /// Different values among them.
    pub distinct_parameters: u32,
    /// How often the pattern was seen.
    pub occurrences: u64,
    /// What one occurrence wasted, on average.
    pub wasted_each: Duration,
    /// All together since the first.
    pub wasted: Duration,
    /// In the hour that ends with the last occurrence, extrapolated where it was seen for less than an hour.
    pub wasted_an_hour: Duration,
    /// The proof in words: "27 of 27 parameters were authors.id values returned by the parent, in order".
    pub proof: String,
    /// The cure as SQL and a sentence.
    pub fix: String,
    /// Whether the statements ran one after the other, side by side, or in a pipeline.
    pub manner: Manner,
    /// Where the application says it was: route, controller, … from its comments.
    pub route: Option<String>,
    /// A real occurrence: when each statement ran; at most 64.
    pub waterfall: Vec<Bar>,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// And last.
    pub last_seen: Timestamp,
    /// Since when it is not seen although its parent runs.
    pub resolved_at: Option<Timestamp>,
}

/// The parent of a loop.
#[derive(Debug, Clone)]
pub struct Parent {
    /// Its shape.
    pub digest: Digest,
    /// Rows that it returned in the last occurrence.
    pub rows: u64,
    /// The column whose values the children ask for, by vote: `authors.id`, or its name alone.
    pub column: Option<String>,
}

/// How statements of a loop follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Each after the reply to the one before.
    Sequential,
    /// On several connections at once.
    Parallel,
    /// Without waiting for replies, on one connection.
    Pipelined,
}

impl Manner {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Manner::Sequential => "sequential",
            Manner::Parallel => "parallel",
            Manner::Pipelined => "pipelined",
        }
    }
}

/// One statement of a waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Which shape.
    pub digest: Digest,
    /// Sent so long after the waterfall's begin.
    pub begin: Duration,
    /// For how long it waited for a server before that.
    pub wait: Duration,
    /// And then ran.
    pub query: Duration,
}
