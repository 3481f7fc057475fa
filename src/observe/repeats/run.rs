//! One child's values against one column of a result: how many came from it, and whether in its order. Pure.

use super::rows::Rows;

/// The values of one slot against one column.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) slot: u8,
    pub(super) column: u8,
    /// Executions whose value stands in the column.
    pub(super) n: u32,
    /// Rows whose value was asked for.
    visited: u64,
    /// Of those, the first of each value.
    values: u64,
    /// A row for each execution, as long as there is one with its value.
    taken: u64,
    forward: Walk,
    backward: Walk,
    last: u32,
    again: u8,
}

/// How far one direction has come: foreign keys repeat, so a value may mean any of several rows, and the next one that is
/// still ahead is taken.
#[derive(Debug, Clone, Default)]
struct Walk {
    passed: u32,
    met: u32,
}

/// What an execution is to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Met {
    /// None of its values stands there.
    No,
    /// One does, and has been asked for as often as it stands there.
    Again,
    /// One does for which that is not so.
    New,
}

/// What a run proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) slot: u8,
    pub(super) column: u8,
    pub(super) n: u32,
    pub(super) distinct: u32,
    pub(super) order: Order,
    /// What else has to speak for it.
    pub(super) needs: Needs,
    /// All rows were asked for, in order, but there were few of them: several such make one.
    pub(super) small: bool,
}

/// How the values followed each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Forward,
    Backward,
    /// All of them, in whatever order.
    All,
}

/// What a proof by value lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    Nothing,
    /// The values are met by chance: names have to agree.
    Name,
    /// They are few and repeat, as an enum's do: names have to say that one refers to the other.
    Reference,
}

/// What is asked of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// So many executions make one.
    pub(super) least: u32,
    /// Executions of the child since the parent, without those for rows that were not kept.
    pub(super) asked: u32,
    /// The parent ran again at once: its children may be anybody's, and order says less.
    pub(super) contested: bool,
    /// How much of what ran between them had a link too, in tenths.
    pub(super) compact: u32,
}

impl Run {
    /// Nothing yet.
    pub(super) fn new(slot: u8, column: u8) -> Run {
        let (forward, backward) = (Walk::default(), Walk::default());
        Run { slot, column, n: 0, visited: 0, values: 0, taken: 0, forward, backward, last: 0, again: 0 }
    }

    /// Its value stands in these rows.
    pub(super) fn step(&mut self, value: u32, rows: u64) -> Met {
        let met = if self.is_free(rows) { Met::New } else { Met::Again };
        self.n += 1;
        self.visited |= rows;
        self.values |= rows & rows.wrapping_neg();
        let free = rows & !self.taken;
        self.taken |= free & free.wrapping_neg();
        // The same row twice or three times, as by a template that asks again.
        let repeated = value == self.last && self.again < 2;
        self.again = if value == self.last { self.again.saturating_add(1) } else { 0 };
        self.last = value;
        self.forward.step(rows, repeated);
        self.backward.step(rows.reverse_bits(), repeated);
        met
    }

    /// Whether any of these rows has not been asked for yet.
    pub(super) fn is_free(&self, rows: u64) -> bool {
        rows & !self.taken != 0
    }

    /// Whether it has come so far that its next values are of rows that were not kept.
    pub(super) fn is_through(&self, rows: &Rows) -> bool {
        rows.total > u64::from(rows.kept) && self.forward.passed * 10 >= rows.kept * 9
    }

    /// Whether nearly all of `filled` rows were asked for.
    pub(super) fn visited_most(&self, filled: u32) -> bool {
        self.visited.count_ones() * 10 >= filled * 9
    }

    /// The rules of proof, but for names.
    pub(super) fn proves(&self, rows: &Rows, bar: Bar) -> Option<Proof> {
        let distinct = self.values.count_ones();
        if distinct < FEWEST_DISTINCT || self.n < FEWEST_DISTINCT || self.n * 5 < bar.asked * 4 {
            return None;
        }
        let (filled, different) = rows.fill(self.column);
        let (order, doubtful) = match self.order(filled, bar) {
            Some(order) => (order, order == Order::All && self.n < MANY),
            None if self.is_few_and_all(filled, bar) => (Order::All, true),
            None => return None,
        };
        let small = self.n < bar.least;
        if small && !(self.visited_most(filled) && self.n <= filled && order != Order::All) {
            return None;
        }
        let needs = if doubtful { Needs::Reference } else { self.needs(rows, filled, different)? };
        Some(Proof { slot: self.slot, column: self.column, n: self.n, distinct, order, needs, small })
    }

    fn order(&self, filled: u32, bar: Bar) -> Option<Order> {
        let (all, few) = (self.is_whole(filled), self.n < FEW);
        let compact = match (few, all) {
            (true, false) => 9,
            (true, true) => 5,
            (false, false) if self.n < MANY => 6,
            (false, _) => 0,
        };
        if bar.compact < compact || (few && !all && (bar.contested || self.n < bar.asked)) {
            return None;
        }
        // Few values are soon in order by chance, and soon all.
        let strict = self.n < MANY || (bar.contested && !all);
        let aligned = |walk: &Walk| if strict { walk.met == self.n } else { walk.met * 5 >= self.n * 4 };
        match () {
            () if aligned(&self.forward) => Some(Order::Forward),
            () if aligned(&self.backward) => Some(Order::Backward),
            () if all && !few => Some(Order::All),
            () => None,
        }
    }

    /// All of few rows, each once and nothing else meanwhile, in whatever order: side by side, or of a set. Soon so by chance,
    /// so that a name has to say it too.
    fn is_few_and_all(&self, filled: u32, bar: Bar) -> bool {
        let each = self.n == filled && self.values.count_ones() == filled && self.n == bar.asked;
        self.n < FEW && each && !bar.contested && bar.compact >= 9
    }

    /// Whether nearly all of `filled` rows were asked for, and hardly any value more often than it stands there.
    fn is_whole(&self, filled: u32) -> bool {
        let once = |of: u32| if of < FEW { self.n <= of } else { self.n * 5 <= of * 6 + 5 };
        let (values, taken) = (self.values.count_ones(), self.taken.count_ones());
        (self.visited_most(filled) && once(values)) || (taken * 10 >= filled * 9 && once(taken))
    }

    fn needs(&self, rows: &Rows, filled: u32, different: u32) -> Option<Needs> {
        let met = self.forward.met.max(self.backward.met);
        let repeats = different * 10 < filled * 9;
        let whole = self.n * 5 >= filled * 4 && met * 5 >= self.n * 4;
        let once = self.n >= FEW && met == self.n && self.values.count_ones() == self.n;
        let single = self.n * 5 <= self.values.count_ones() * 6 + 5;
        match () {
            () if rows.is_dense(self.column) && (whole || (self.n >= FEW && !repeats)) => Some(Needs::Name),
            () if rows.is_dense(self.column) && (single || !repeats) => Some(Needs::Reference),
            () if rows.is_dense(self.column) => None,
            () if !repeats || whole || once => Some(Needs::Nothing),
            () if single => Some(Needs::Reference),
            () => None,
        }
    }
}

impl Proof {
    /// Whether both are of the same pair of columns.
    pub(super) fn is_of(&self, other: &Proof) -> bool {
        (self.slot, self.column) == (other.slot, other.column)
    }

    /// Together with another of the same pair.
    pub(super) fn join(&mut self, other: &Proof) {
        self.n += other.n;
        self.distinct += other.distinct;
        self.needs = self.needs.max(other.needs);
        if self.order != other.order {
            self.order = Order::All;
        }
    }
}

impl Walk {
    fn step(&mut self, rows: u64, repeated: bool) {
        let ahead = rows & u64::MAX.checked_shl(self.passed).unwrap_or(0);
        if ahead != 0 {
            self.passed = ahead.trailing_zeros() + 1;
        }
        self.met += u32::from(ahead != 0 || repeated);
    }
}

/// Fewer values than this are no loop, however often they come.
const FEWEST_DISTINCT: u32 = 3;

/// Fewer values are nothing without an order.
const FEW: u32 = 8;

/// And fewer than this have all to be in order: of five, four are by chance once in ten times, of nine eight once in ten
/// thousand.
const MANY: u32 = 16;
