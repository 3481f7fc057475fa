//! Which pools have a history, where there is no place for all: those that are in use. In a second each pool is looked at once,
//! however many there are. Pure.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::POOLS_MAX;
use super::pool::PoolHistory;
use crate::observe::snapshot::PoolView;

/// Who was in use this lately, in seconds, keeps its place unless clients wait for the other's servers: pools that take turns
/// would end each other's history, and none would have one.
const RESTED_S: u32 = 60;

/// All places, and who stands outside.
#[derive(Debug, Default)]
pub(super) struct Places {
    seats: Vec<Seat>,
    /// How long the statements of those without a place have run.
    outside: HashMap<Name, Duration>,
    /// Somebody has stood outside, or been sent there.
    crowded: bool,
    refused: u64,
}

/// Database and user.
type Name = [Arc<str>; 2];

/// One place.
#[derive(Debug)]
struct Seat {
    pool: PoolHistory,
    /// Which of the views is its pool's in this second; `None` when that has gone.
    view: Option<usize>,
    /// How long its statements have run.
    ran: Duration,
    /// When it was in use, in seconds since 1970; 0: never.
    used_at: u32,
}

/// What a pool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Idle,
    Busy,
    Waited,
}

impl Use {
    /// `before`: how long its statements had run a second ago.
    fn of(view: &PoolView, before: Duration) -> Use {
        match () {
            () if view.clients.waiting.max(view.queued) > 0 => Use::Waited,
            () if view.servers.active > 0 || ran(view) != before => Use::Busy,
            () => Use::Idle,
        }
    }
}

impl Places {
    /// All that have one.
    pub(super) fn pools(&self) -> impl Iterator<Item = &PoolHistory> {
        self.seats.iter().map(|seat| &seat.pool)
    }

    /// Pools in use that found no place, counted once a second.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Places end whose pools have no point since `begin`.
    pub(super) fn forget(&mut self, begin: u32) {
        let before = self.seats.len();
        self.seats.retain(|seat| seat.pool.newest() >= begin);
        // Where the clock was set far ahead, pools that are there come again.
        self.crowded |= self.seats.len() < before;
    }

    /// The wall's clock was set back by so many seconds.
    pub(super) fn set_back(&mut self, by: u32) {
        for seat in &mut self.seats {
            seat.pool.set_back(by);
            seat.used_at = seat.used_at.saturating_sub(by);
        }
    }

    /// A second has passed. Who has a place now, with its view; `drain`: see [`PoolHistory::new`].
    pub(super) fn second<'a>(
        &'a mut self,
        views: &'a [PoolView],
        at: u32,
        drain: impl Fn(&PoolView) -> u64,
    ) -> impl Iterator<Item = (&'a mut PoolHistory, &'a PoolView)> {
        let newcomers = self.find(views, at);
        self.admit(newcomers, views, at, drain);
        self.seats.iter_mut().filter_map(|seat| Some((&mut seat.pool, &views[seat.view?])))
    }

    /// Sees which of those with a place are there and in use. The numbers of the views that have none.
    fn find(&mut self, views: &[PoolView], at: u32) -> Vec<usize> {
        let places = self.places_of(views);
        self.seats.iter_mut().for_each(|seat| seat.view = None);
        let mut newcomers = Vec::new();
        for (number, place) in places.into_iter().enumerate() {
            match place {
                Some(place) => self.seats[place].see(number, &views[number], at),
                None => newcomers.push(number),
            }
        }
        newcomers
    }

    fn places_of(&self, views: &[PoolView]) -> Vec<Option<usize>> {
        let names = self.seats.iter().map(|seat| (&*seat.pool.database, &*seat.pool.user));
        let places: HashMap<(&str, &str), usize> = names.zip(0..).collect();
        views.iter().map(|view| places.get(&(&*view.database, &*view.user)).copied()).collect()
    }

    /// Gives places to newcomers, first to those for whose servers clients wait.
    fn admit(&mut self, newcomers: Vec<usize>, views: &[PoolView], at: u32, drain: impl Fn(&PoolView) -> u64) {
        let mut leaving = self.leaving().into_iter().peekable();
        for (does, number) in self.by_use(newcomers, views) {
            // One that found no place before may have counted for hours: all that at once would be no second's number.
            let late = self.crowded.then(|| drain(&views[number]));
            let new = || Seat::new(number, &views[number], late, if does > Use::Idle { at } else { 0 });
            if self.seats.len() < POOLS_MAX {
                self.seats.push(new());
                continue;
            }
            self.crowded = true;
            match leaving.next_if(|place| self.seats[*place].yields_to(does, at)) {
                Some(place) => {
                    let old = std::mem::replace(&mut self.seats[place], new());
                    old.view.into_iter().for_each(|number| self.stays_outside(&views[number]));
                }
                None => {
                    self.refused += u64::from(does > Use::Idle);
                    self.stays_outside(&views[number]);
                }
            }
        }
    }

    /// What newcomers do, with their numbers, the most urgent first.
    fn by_use(&mut self, newcomers: Vec<usize>, views: &[PoolView]) -> Vec<(Use, usize)> {
        let outside = std::mem::take(&mut self.outside);
        let before = |view: &PoolView| outside.get(&name(view)).copied().unwrap_or_default();
        let does = |number: usize| (Use::of(&views[number], before(&views[number])), number);
        let mut newcomers: Vec<(Use, usize)> = newcomers.into_iter().map(does).collect();
        newcomers.sort_by_key(|(does, _)| Reverse(*does));
        newcomers
    }

    /// All places: first those whose pool has gone, then by when it was in use.
    fn leaving(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.seats.len()).collect();
        places.sort_by_key(|place| (self.seats[*place].view.is_some(), self.seats[*place].used_at));
        places
    }

    fn stays_outside(&mut self, view: &PoolView) {
        self.outside.insert(name(view), ran(view));
    }
}

impl Seat {
    fn new(number: usize, view: &PoolView, late: Option<u64>, used_at: u32) -> Seat {
        Seat { pool: PoolHistory::new(view, late), view: Some(number), ran: ran(view), used_at }
    }

    fn see(&mut self, number: usize, view: &PoolView, at: u32) {
        if Use::of(view, self.ran) > Use::Idle {
            self.used_at = at;
        }
        (self.view, self.ran) = (Some(number), ran(view));
    }

    /// Whether its place is better given to one that does this.
    fn yields_to(&self, does: Use, at: u32) -> bool {
        match (self.view, does) {
            (None, _) => true,
            (Some(_), Use::Idle) => false,
            (Some(_), Use::Busy) => self.used_at + RESTED_S <= at,
            (Some(_), Use::Waited) => self.used_at < at,
        }
    }
}

fn name(view: &PoolView) -> Name {
    [view.database.clone(), view.user.clone()]
}

fn ran(view: &PoolView) -> Duration {
    view.numbers.query.sum()
}

#[cfg(test)]
mod tests;
