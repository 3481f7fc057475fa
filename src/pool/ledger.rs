//! Who holds a server, who waits, who is next. No I/O, no clock: callers pass `now`. Pure.
//!
//! `S` is what it lends, `T` names a client that waits; tests lend numbers. A server that is handed to a waiter lies in
//! the waiter's place until it is claimed; a waiter that leaves first passes it on, so none is ever lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::queue::Queue;
use crate::protocol::encode::Complaint;

pub use super::queue::{Claim, Turn};

/// What a pool may do. Zero durations mean never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Servers.
    pub size: usize,
    /// Servers kept without need.
    pub min: usize,
    /// Further servers, once somebody has waited for `reserve_after`.
    pub reserve: usize,
    /// See `reserve`.
    pub reserve_after: Duration,
    /// Servers opened at the same moment.
    pub max_opening: usize,
    /// The longest wait.
    pub wait: Duration,
    /// After a failed open, refuse at once for this long.
    pub retry: Duration,
}

/// The answer to a client that asks for a server.
#[derive(Debug)]
pub enum Grant<S> {
    /// Here.
    Use(S),
    /// A place in the queue. [`Ledger::to_open`] tells whether servers are to be opened now.
    Wait(Turn),
    /// No server can be had, and this is why.
    Refuse(Arc<Complaint>),
}

/// The accounting of one pool.
#[derive(Debug)]
pub struct Ledger<S, T> {
    limits: Limits,
    /// Last rested last.
    idle: Vec<Idle<S>>,
    queue: Queue<S, T>,
    /// Lent, or granted and not yet claimed.
    lent: usize,
    opening: usize,
    paused: bool,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Idle<S> {
    server: S,
    home: usize,
    since: Instant,
    /// When it was looked at, or came to rest.
    seen: Instant,
}

impl<S, T: Clone> Ledger<S, T> {
    /// An empty pool for clients of `workers` workers.
    pub fn new(limits: Limits, workers: usize) -> Ledger<S, T> {
        Ledger {
            limits,
            idle: Vec::new(),
            queue: Queue::new(workers),
            lent: 0,
            opening: 0,
            paused: false,
            failure: None,
        }
    }

    /// A client of worker `home` asks for a server.
    pub fn acquire(&mut self, ticket: T, home: usize, now: Instant) -> Grant<S> {
        if !self.paused
            && self.waiting() == 0
            && let Some(idle) = self.take_idle_at(home)
        {
            self.lent += 1;
            return Grant::Use(idle.server);
        }
        if let Some(why) = self.fails(now) {
            return Grant::Refuse(why);
        }
        Grant::Wait(self.queue.join(ticket, home, now))
    }

    /// A waiter looks whether its turn has come.
    pub fn claim(&mut self, turn: Turn) -> Claim<S> {
        self.queue.claim(turn)
    }

    /// A waiter leaves (cancelled, disconnected). Whom to wake, if it leaves a server behind.
    pub fn leave(&mut self, turn: Turn, now: Instant) -> Option<T> {
        let (server, home) = self.queue.leave(turn)?;
        self.give_back(server, home, now)
    }

    /// A lent server comes back fit for the next client. Whom to wake.
    pub fn give_back(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        self.lent -= 1;
        self.rest(server, home, now, now)
    }

    /// A server that was borrowed to be looked at comes back, and rests on: `since` is what was told then. Whom to wake.
    pub fn put_back(&mut self, server: S, home: usize, since: Instant, now: Instant) -> Option<T> {
        self.lent -= 1;
        self.rest(server, home, since, now)
    }

    /// A lent server was closed.
    pub fn lost(&mut self) {
        self.lent -= 1;
    }

    /// How many servers to open now; each is to end in [`Ledger::opened`] or [`Ledger::open_failed`].
    pub fn to_open(&mut self, now: Instant) -> usize {
        let for_somebody = self.waiting() > 0;
        if self.paused || self.failure.as_ref().is_some_and(|failure| !failure.is_over(for_somebody, now)) {
            return 0;
        }
        let wanted = self.waiting().max(self.limits.min.saturating_sub(self.total() - self.opening));
        if wanted <= self.opening || self.total() >= self.limits.size + self.limits.reserve {
            return 0;
        }
        let count = (wanted - self.opening)
            .min(self.limits.max_opening.saturating_sub(self.opening))
            .min(self.size_now(now).saturating_sub(self.total()));
        self.opening += count;
        if !for_somebody && count > 0 {
            self.failure.iter_mut().for_each(Failure::tried_for_nobody);
        }
        count
    }

    /// Whether to open a server just to learn whether one can be had: nobody knows, or the last attempt failed.
    pub fn to_probe(&mut self, known: bool, now: Instant) -> bool {
        let due = self.failure.as_ref().map_or(!known, |failure| failure.is_over(false, now));
        let probe = due && self.total() == 0 && !self.paused;
        if probe {
            self.opening += 1;
            self.failure.iter_mut().for_each(Failure::tried_for_nobody);
        }
        probe
    }

    /// Whether no server could be opened, and nobody tries again yet.
    pub fn is_barred(&self, now: Instant) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.bars(now))
    }

    /// Whether no server is open.
    pub fn has_none(&self) -> bool {
        self.total() == self.opening
    }

    /// Whether there is no server because none could be opened, not long ago; one may just be tried again. Why: `failure`.
    pub fn failed_lately(&self, now: Instant) -> bool {
        self.has_none() && self.failure.as_ref().is_some_and(|failure| failure.is_fresh(now))
    }

    /// A server was opened. Whom to wake.
    pub fn opened(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        self.opening -= 1;
        self.failure = None;
        self.rest(server, home, now, now)
    }

    /// An open was given up without the server being at fault (a limit, a shutdown).
    pub fn open_dropped(&mut self) {
        self.opening -= 1;
    }

    /// A server could not be opened. When there is none left to wait for, nobody waits: `wake` gets them.
    pub fn open_failed(&mut self, why: Arc<Complaint>, now: Instant, wake: &mut Vec<T>) {
        self.opening -= 1;
        if self.total() == 0 {
            self.queue.refuse_all(&why, wake);
        }
        self.failure = Some(Failure::new(why, self.failure.take(), self.limits.retry, now));
    }

    /// Those who waited too long; `wake` gets them.
    pub fn expire(&mut self, now: Instant, wake: &mut Vec<T>) {
        if !self.limits.wait.is_zero() {
            self.queue.expire(now, self.limits.wait, wake);
        }
    }

    /// Shows those who have waited for `longest` and wait on.
    pub fn look_at_late(&self, now: Instant, longest: Duration, look: impl FnMut(&T)) {
        self.queue.look_at_late(now, longest, look);
    }

    /// Takes resting servers out that are not to be kept: `keep` is asked from the longest rested on, and told how long.
    pub fn cull(&mut self, now: Instant, mut keep: impl FnMut(&S, Duration) -> bool) -> Vec<S> {
        let (kept, culled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.idle)
            .into_iter()
            .partition(|idle| keep(&idle.server, now.saturating_duration_since(idle.since)));
        self.idle = kept;
        culled.into_iter().map(|idle| idle.server).collect()
    }

    /// Closes what has rested for `longest`, but keeps the pool's minimum.
    pub fn cull_rested(&mut self, now: Instant, longest: Duration) -> Vec<S> {
        let mut spare = self.total().saturating_sub(self.limits.min);
        self.cull(now, |_, rested| {
            let goes = rested >= longest && spare > 0;
            spare -= usize::from(goes);
            !goes
        })
    }

    /// Borrows resting servers that are to be looked at, those that `wants` picks; with each, since when it rests. Each is to be
    /// [`Ledger::put_back`] or [`Ledger::lost`]; meanwhile it counts, so that none is opened in its place.
    pub fn borrow_where(&mut self, mut wants: impl FnMut(&S) -> bool) -> Vec<(S, Instant)> {
        let borrowed = self.idle.extract_if(.., |idle| wants(&idle.server));
        let borrowed: Vec<(S, Instant)> = borrowed.map(|idle| (idle.server, idle.since)).collect();
        self.lent += borrowed.len();
        borrowed
    }

    /// Borrows one resting server likewise, if one has not been looked at for `longest`.
    pub fn borrow_rested(&mut self, now: Instant, longest: Duration) -> Option<(S, Instant)> {
        // In turns: each stays in its place when it has been looked at.
        let (at, _) = self.idle.iter().enumerate().min_by_key(|(_, idle)| idle.seen)?;
        if now.saturating_duration_since(self.idle[at].seen) < longest {
            return None;
        }
        self.lent += 1;
        let idle = self.idle.remove(at);
        Some((idle.server, idle.since))
    }

    /// Whether nothing is lent.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// No more servers are lent until [`Ledger::resume`].
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Serves whom it can; `wake` gets them.
    pub fn resume(&mut self, now: Instant, wake: &mut Vec<T>) {
        self.paused = false;
        while self.waiting() > 0 {
            let Some(idle) = self.idle.pop() else { return };
            wake.extend(self.rest(idle.server, idle.home, now, now));
        }
    }

    /// New limits, from a reload.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What opening failed for may be mended: with nobody waiting it is tried again as soon as after a first failure.
    pub fn hasten(&mut self) {
        self.failure.iter_mut().for_each(|failure| failure.hasten(self.limits.retry));
    }

    /// Forgets that opening failed: the address or the password may be another now.
    pub fn forget_failure(&mut self) {
        self.failure = None;
    }

    /// Resting servers.
    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    /// Servers on loan.
    pub fn lent(&self) -> usize {
        self.lent
    }

    /// Servers being opened.
    pub fn opening(&self) -> usize {
        self.opening
    }

    /// Clients in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// All servers, those being opened too.
    pub fn total(&self) -> usize {
        self.idle.len() + self.lent + self.opening
    }

    /// Whether there are more servers than a reload left room for.
    pub fn is_oversized(&self) -> bool {
        self.oversize() > 0
    }

    fn oversize(&self) -> usize {
        self.total().saturating_sub(self.limits.size + self.limits.reserve)
    }

    /// Takes so many resting servers out as there are too many, those first that have rested longest.
    pub fn cull_oversize(&mut self, now: Instant) -> Vec<S> {
        let mut over = self.oversize();
        self.cull(now, |_, _| {
            let goes = over > 0;
            over -= usize::from(goes);
            !goes
        })
    }

    /// How long the first in the queue has waited.
    pub fn longest_wait(&self, now: Instant) -> Duration {
        self.queue.longest_wait(now)
    }

    /// Why servers cannot be opened, if that is so.
    pub fn failure(&self) -> Option<&Arc<Complaint>> {
        self.failure.as_ref().map(|failure| &failure.why)
    }

    fn fails(&self, now: Instant) -> Option<Arc<Complaint>> {
        let failure = self.failure.as_ref()?;
        (self.total() == 0 && failure.bars(now)).then(|| failure.why.clone())
    }

    fn size_now(&self, now: Instant) -> usize {
        let late = !self.limits.reserve_after.is_zero() && self.longest_wait(now) >= self.limits.reserve_after;
        self.limits.size + if late { self.limits.reserve } else { 0 }
    }

    /// A server without a client goes to the next one, or rests, where it rested `since` then.
    fn rest(&mut self, server: S, home: usize, since: Instant, now: Instant) -> Option<T> {
        let handed = if self.paused { Err(server) } else { self.queue.hand_over(server, home) };
        match handed {
            Ok(ticket) => {
                self.lent += 1;
                Some(ticket)
            }
            Err(server) => {
                // The last in most cases.
                let later = self.idle.iter().rev().take_while(|idle| idle.since > since).count();
                self.idle.insert(self.idle.len() - later, Idle { server, home, since, seen: now });
                None
            }
        }
    }

    /// The most recently rested server of this worker, else of any.
    fn take_idle_at(&mut self, home: usize) -> Option<Idle<S>> {
        if self.idle.last()?.home == home {
            return self.idle.pop();
        }
        let at = self.idle.iter().rposition(|idle| idle.home == home).unwrap_or(self.idle.len() - 1);
        Some(self.idle.remove(at))
    }

    /// What is always true.
    #[cfg(test)]
    fn check_invariants(&self) {
        assert!(self.queue.check_invariants() <= self.lent);
        assert!(self.paused || self.waiting() == 0 || self.idle.is_empty(), "nobody waits while a server rests");
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ledger_simulation_tests.rs"]
mod simulation;

#[cfg(test)]
#[path = "ledger_race_tests.rs"]
mod race;
