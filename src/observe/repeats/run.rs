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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Run {
    /// Nothing yet.
    pub(super) fn new(slot: u8, column: u8) -> Run {
        let (forward, backward) = (Walk::default(), Walk::default());
        Run { slot, column, n: 0, visited: 0, values: 0, forward, backward, last: 0, again: 0 }
    }

    /// Its value stands in these rows.
    pub(super) fn step(&mut self, value: u32, rows: u64) {
        self.n += 1;
        self.visited |= rows;
        self.values |= rows & rows.wrapping_neg();
        // The same row twice or three times, as by a template that asks again.
        let repeated = value == self.last && self.again < 2;
        self.again = if value == self.last { self.again.saturating_add(1) } else { 0 };
        self.last = value;
        self.forward.step(rows, repeated);
        self.backward.step(rows.reverse_bits(), repeated);
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
        let order = self.order(filled, bar)?;
        let small = self.n < bar.least;
        if small && !(self.visited_most(filled) && self.n <= filled && order != Order::All) {
            return None;
        }
        let needs = self.needs(rows, filled, different)?;
        Some(Proof { slot: self.slot, column: self.column, n: self.n, distinct, order, needs, small })
    }

    fn order(&self, filled: u32, bar: Bar) -> Option<Order> {
        let all = self.visited_most(filled) && self.is_once();
        // Few values are soon in order by chance.
        let strict = self.n < FEW || (bar.contested && !all);
        let aligned = |walk: &Walk| if strict { walk.met == self.n } else { walk.met * 5 >= self.n * 4 };
        if bar.contested && self.n < FEW && !all {
            return None;
        }
        match () {
            () if aligned(&self.forward) => Some(Order::Forward),
            () if aligned(&self.backward) => Some(Order::Backward),
            () if all => Some(Order::All),
            () => None,
        }
    }

    /// Whether hardly any row was asked for again.
    fn is_once(&self) -> bool {
        let visited = self.visited.count_ones();
        if visited < FEW { self.n <= visited } else { self.n * 5 <= visited * 6 + 5 }
    }

    fn needs(&self, rows: &Rows, filled: u32, different: u32) -> Option<Needs> {
        let met = self.forward.met.max(self.backward.met);
        let repeats = different * 2 <= filled;
        let whole = self.n * 5 >= filled * 4 && met * 5 >= self.n * 4;
        let once = self.n >= FEW && met == self.n && self.values.count_ones() == self.n;
        match () {
            () if rows.is_dense(self.column) => Some(Needs::Name),
            () if !repeats || whole || once => Some(Needs::Nothing),
            () if self.n * 5 <= self.values.count_ones() * 6 + 5 => Some(Needs::Reference),
            () => None,
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

/// Of fewer values all have to be in order: of five, four are by chance once in ten times.
const FEW: u32 = 8;
