//! Who holds a server, who waits, who is next. No I/O, no clock: callers pass `now`. Pure.
//!
//! `S` is what it lends, `T` names a client that waits; tests lend numbers. A server that is handed to a waiter lies in
//! the waiter's place until it is claimed; a waiter that leaves first passes it on, so none is ever lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::protocol::encode::Complaint;

/// A waiter of another worker is served before those of the server's own worker once it has waited this much longer than
/// they: crossing workers costs CPU, so it is done for fairness only.
pub const HOME_BOUND: Duration = Duration::from_millis(5);

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
    Refuse(Complaint),
}

/// A place in the queue. Ends with [`Ledger::claim`] or [`Ledger::leave`], nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn(usize);

/// What a waiter finds when it looks.
#[derive(Debug)]
pub enum Claim<S> {
    /// Its server.
    Server(S),
    /// Nothing yet.
    Wait(Turn),
    /// It waited too long: this long.
    Expired(Duration),
    /// No server can be had, and this is why.
    Refused(Complaint),
}

/// The accounting of one pool.
#[derive(Debug)]
pub struct Ledger<S, T> {
    limits: Limits,
    /// Last rested last.
    idle: Vec<Idle<S>>,
    places: Vec<Place<S, T>>,
    free: Vec<usize>,
    /// One queue a worker, oldest first.
    queues: Vec<VecDeque<usize>>,
    waiting: usize,
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
}

#[derive(Debug)]
enum Place<S, T> {
    Free,
    Waiting { ticket: T, since: Instant },
    Granted(S, usize),
    Expired(Duration),
    Refused(Complaint),
}

#[derive(Debug)]
struct Failure {
    why: Complaint,
    until: Instant,
}

impl<S, T: Clone> Ledger<S, T> {
    /// An empty pool for clients of `workers` workers.
    pub fn new(limits: Limits, workers: usize) -> Ledger<S, T> {
        Ledger {
            limits,
            idle: Vec::new(),
            places: Vec::new(),
            free: Vec::new(),
            queues: (0..workers.max(1)).map(|_| VecDeque::new()).collect(),
            waiting: 0,
            lent: 0,
            opening: 0,
            paused: false,
            failure: None,
        }
    }

    /// A client of worker `home` asks for a server.
    pub fn acquire(&mut self, ticket: T, home: usize, now: Instant) -> Grant<S> {
        if !self.paused && self.waiting == 0 {
            if let Some(idle) = self.take_idle_at(home) {
                self.lent += 1;
                return Grant::Use(idle.server);
            }
        }
        if let Some(why) = self.fails(now) {
            return Grant::Refuse(why);
        }
        let place = Place::Waiting { ticket, since: now };
        let index = match self.free.pop() {
            Some(index) => {
                self.places[index] = place;
                index
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        self.queues[home].push_back(index);
        self.waiting += 1;
        Grant::Wait(Turn(index))
    }

    /// A waiter looks whether its turn has come.
    pub fn claim(&mut self, turn: Turn) -> Claim<S> {
        match std::mem::replace(&mut self.places[turn.0], Place::Free) {
            waiting @ Place::Waiting { .. } => {
                self.places[turn.0] = waiting;
                return Claim::Wait(turn);
            }
            place => {
                self.free.push(turn.0);
                match place {
                    Place::Granted(server, _) => Claim::Server(server),
                    Place::Expired(waited) => Claim::Expired(waited),
                    Place::Refused(why) => Claim::Refused(why),
                    Place::Free | Place::Waiting { .. } => unreachable!("a turn has its place until it ends"),
                }
            }
        }
    }

    /// A waiter leaves (cancelled, disconnected). Whom to wake, if it leaves a server behind.
    pub fn leave(&mut self, turn: Turn, now: Instant) -> Option<T> {
        let place = std::mem::replace(&mut self.places[turn.0], Place::Free);
        self.free.push(turn.0);
        match place {
            Place::Waiting { .. } => {
                self.unqueue(turn.0);
                None
            }
            Place::Granted(server, home) => self.give_back(server, home, now),
            Place::Free | Place::Expired(_) | Place::Refused(_) => None,
        }
    }

    /// A lent server comes back fit for the next client. Whom to wake.
    pub fn give_back(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        self.lent -= 1;
        self.rest(server, home, now)
    }

    /// A lent server was closed.
    pub fn lost(&mut self) {
        self.lent -= 1;
    }

    /// How many servers to open now; each is to end in [`Ledger::opened`] or [`Ledger::open_failed`].
    pub fn to_open(&mut self, now: Instant) -> usize {
        if self.paused || self.failure.as_ref().is_some_and(|failure| now < failure.until) {
            return 0;
        }
        let wanted = self.waiting.max(self.limits.min.saturating_sub(self.total() - self.opening));
        let count = (wanted.saturating_sub(self.opening))
            .min(self.limits.max_opening.saturating_sub(self.opening))
            .min(self.size_now(now).saturating_sub(self.total()));
        self.opening += count;
        count
    }

    /// Whether to open a server just to learn whether one can be had: nobody knows, or the last attempt failed.
    pub fn to_probe(&mut self, known: bool, now: Instant) -> bool {
        let due = self.failure.as_ref().map_or(!known, |failure| now >= failure.until);
        let probe = due && self.total() == 0 && !self.paused;
        self.opening += usize::from(probe);
        probe
    }

    /// A server was opened. Whom to wake.
    pub fn opened(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        self.opening -= 1;
        self.failure = None;
        self.rest(server, home, now)
    }

    /// An open was given up without the server being at fault (a limit, a shutdown).
    pub fn open_dropped(&mut self) {
        self.opening -= 1;
    }

    /// A server could not be opened. When there is none left to wait for, nobody waits: `wake` gets them.
    pub fn open_failed(&mut self, why: Complaint, now: Instant, wake: &mut Vec<T>) {
        self.opening -= 1;
        if self.total() == 0 {
            self.refuse_all(&why, wake);
        }
        self.failure = Some(Failure { why, until: now + self.limits.retry });
    }

    /// Those who waited too long; `wake` gets them.
    pub fn expire(&mut self, now: Instant, wake: &mut Vec<T>) {
        if self.limits.wait.is_zero() {
            return;
        }
        for queue in &mut self.queues {
            while let Some(&index) = queue.front() {
                let Place::Waiting { ticket, since } = &self.places[index] else { unreachable!("queued means waiting") };
                let waited = now.saturating_duration_since(*since);
                if waited < self.limits.wait {
                    break;
                }
                wake.push(ticket.clone());
                self.places[index] = Place::Expired(waited);
                queue.pop_front();
                self.waiting -= 1;
            }
        }
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

    /// Borrows one resting server for an errand of the pool's own, if one has rested for `longest`.
    pub fn borrow_rested(&mut self, now: Instant, longest: Duration) -> Option<S> {
        let at = self.idle.iter().position(|idle| now.saturating_duration_since(idle.since) >= longest)?;
        self.lent += 1;
        Some(self.idle.remove(at).server)
    }

    /// A server that was culled rests after all. Whom to wake.
    pub fn readmit(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        self.rest(server, home, now)
    }

    /// No more servers are lent until [`Ledger::resume`].
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Serves whom it can; `wake` gets them.
    pub fn resume(&mut self, now: Instant, wake: &mut Vec<T>) {
        self.paused = false;
        while self.waiting > 0 {
            let Some(idle) = self.idle.pop() else { return };
            wake.extend(self.rest(idle.server, idle.home, now));
        }
    }

    /// New limits, from a reload.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
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
        self.waiting
    }

    /// All servers, those being opened too.
    pub fn total(&self) -> usize {
        self.idle.len() + self.lent + self.opening
    }

    /// The pool's limit now, the reserve counted when somebody has waited long enough.
    pub fn size(&self) -> usize {
        self.limits.size
    }

    /// Whether more servers are out than a reload left room for.
    pub fn is_oversized(&self) -> bool {
        self.total() > self.limits.size + self.limits.reserve
    }

    /// How long the first in the queue has waited.
    pub fn longest_wait(&self, now: Instant) -> Duration {
        self.oldest().map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since))
    }

    /// Why servers cannot be opened, if that is so.
    pub fn failure(&self) -> Option<&Complaint> {
        self.failure.as_ref().map(|failure| &failure.why)
    }

    fn fails(&self, now: Instant) -> Option<Complaint> {
        let failure = self.failure.as_ref()?;
        (self.total() == 0 && now < failure.until).then(|| failure.why.clone())
    }

    fn size_now(&self, now: Instant) -> usize {
        let late = !self.limits.reserve_after.is_zero() && self.longest_wait(now) >= self.limits.reserve_after;
        self.limits.size + if late { self.limits.reserve } else { 0 }
    }

    /// A server without a client goes to the next one, or rests.
    fn rest(&mut self, server: S, home: usize, now: Instant) -> Option<T> {
        if self.paused {
            self.idle.push(Idle { server, home, since: now });
            return None;
        }
        let Some(index) = self.next(home) else {
            self.idle.push(Idle { server, home, since: now });
            return None;
        };
        self.lent += 1;
        match std::mem::replace(&mut self.places[index], Place::Granted(server, home)) {
            Place::Waiting { ticket, .. } => Some(ticket),
            _ => unreachable!("queued means waiting"),
        }
    }

    /// Takes the next waiter for a server of worker `home` off its queue.
    fn next(&mut self, home: usize) -> Option<usize> {
        let (oldest, since) = self.oldest()?;
        let own = self.front(home).filter(|own| own.saturating_duration_since(since) <= HOME_BOUND);
        let queue = if own.is_some() { home } else { oldest };
        self.waiting -= 1;
        self.queues[queue].pop_front()
    }

    /// The queue whose front has waited longest, and since when.
    fn oldest(&self) -> Option<(usize, Instant)> {
        (0..self.queues.len()).filter_map(|queue| Some((queue, self.front(queue)?))).min_by_key(|(_, since)| *since)
    }

    fn front(&self, queue: usize) -> Option<Instant> {
        match &self.places[*self.queues.get(queue)?.front()?] {
            Place::Waiting { since, .. } => Some(*since),
            _ => unreachable!("queued means waiting"),
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

    fn unqueue(&mut self, index: usize) {
        for queue in &mut self.queues {
            if let Some(at) = queue.iter().position(|&waiter| waiter == index) {
                queue.remove(at);
                self.waiting -= 1;
                return;
            }
        }
    }

    fn refuse_all(&mut self, why: &Complaint, wake: &mut Vec<T>) {
        for queue in &mut self.queues {
            for index in queue.drain(..) {
                let place = std::mem::replace(&mut self.places[index], Place::Refused(why.clone()));
                let Place::Waiting { ticket, .. } = place else { unreachable!("queued means waiting") };
                wake.push(ticket);
            }
        }
        self.waiting = 0;
    }

    /// What is always true.
    #[cfg(test)]
    fn check_invariants(&self) {
        let queued: usize = self.queues.iter().map(VecDeque::len).sum();
        let waiting = self.places.iter().filter(|place| matches!(place, Place::Waiting { .. })).count();
        let granted = self.places.iter().filter(|place| matches!(place, Place::Granted(..))).count();
        let free = self.places.iter().filter(|place| matches!(place, Place::Free)).count();
        assert_eq!(queued, self.waiting);
        assert_eq!(waiting, self.waiting);
        assert_eq!(free, self.free.len());
        assert!(granted <= self.lent);
        assert!(self.paused || self.waiting == 0 || self.idle.is_empty(), "nobody waits while a server rests");
        assert!(self.total() <= self.limits.size + self.limits.reserve);
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
