//! Executions of several connections, put in order: their reports come up to 100 ms apart. Pure.

use super::step::Step;
use crate::observe::nanos::Nanos;
use crate::observe::who::WhoId;

/// Those that wait until all that came before them must be here.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// In the order in which they came.
    waiting: Vec<(Shared, Step)>,
    /// And the moment of each, in nanoseconds, beside them: these are looked through again and again.
    moments: Vec<Nanos>,
    /// Empty; for the next that are put in order.
    spare: Vec<Place>,
}

/// A scope of several connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    /// All connections of the same.
    Group(WhoId),
    /// All that bears the same tag.
    Trace(u64),
}

/// Where one stands among all, in nanoseconds, and where in the queue: what is put in order instead of the executions, which
/// are large.
type Place = (Nanos, u32);

/// Those whose turn has come, and those who wait on.
#[derive(Debug)]
pub(super) struct Due {
    all: Vec<(Shared, Step)>,
    moments: Vec<Nanos>,
    order: Vec<Place>,
}

impl Due {
    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Shared, Step)> {
        self.order.iter().filter_map(|(_, at)| self.all.get(*at as usize))
    }
}

impl Late {
    /// One more; `false` if it is time to take some out.
    pub(super) fn push(&mut self, scope: Shared, step: Step) -> bool {
        self.moments.push(step.place());
        self.waiting.push((scope, step));
        self.waiting.len() < MOST
    }

    /// Those before `now`. To be given back when they have been read, before the next comes.
    pub(super) fn take(&mut self, now: Nanos) -> Due {
        let Late { waiting: all, moments, spare: mut order } = std::mem::take(self);
        let places = moments.iter().copied().zip(0..);
        match now.checked_sub(WAIT) {
            _ if all.len() >= MOST => order.extend(places),
            Some(past) => order.extend(places.filter(|(place, _)| *place <= past)),
            None => {}
        }
        // Most are in order already.
        order.sort();
        if all.len() >= MOST {
            // When there is no room, half of them go, due or not.
            order.truncate(MOST / 2);
        }
        Due { all, moments, order }
    }

    /// Those who wait on do so; no room is kept while nothing comes.
    pub(super) fn give_back(&mut self, read: Due) {
        let Due { mut all, mut moments, mut order } = read;
        if let Some(last) = order.last() {
            let mut places = moments.iter().zip(0..);
            all.retain(|_| places.next().is_some_and(|(moment, at)| (*moment, at) > *last));
            let mut at = 0..;
            moments.retain(|moment| at.next().is_some_and(|at| (*moment, at) > *last));
        }
        if all.is_empty() {
            return;
        }
        order.clear();
        *self = Late { waiting: all, moments, spare: order };
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<(Shared, Step)>()
            + self.moments.capacity() * size_of::<Nanos>()
            + self.spare.capacity() * size_of::<Place>()
    }
}

/// Reports of a statement, and of all before it, come sooner.
pub(super) const WAIT: Nanos = Nanos::from_millis(250);

/// About what comes in that time at 100,000 a second.
const MOST: usize = 32_768;
