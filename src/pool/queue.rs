//! Those who wait for a server: a place for each, first come first served, one line for each worker. Knows nothing of the
//! servers that it hands over. No clock: callers pass `now`. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::protocol::encode::Complaint;

/// A waiter of another worker is served before those of the server's own worker once it has waited this much longer than
/// they: crossing workers costs CPU, so it is done for fairness only.
pub const HOME_BOUND: Duration = Duration::from_millis(5);

/// A place in the queue. Ends with `claim` or `leave`, nothing else.
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
    Refused(Arc<Complaint>),
}

/// The waiters of one pool. `T` names a waiter, for whoever wakes it.
#[derive(Debug)]
pub(super) struct Queue<S, T> {
    places: Vec<Place<S, T>>,
    free: Vec<usize>,
    /// Oldest first.
    lines: Vec<VecDeque<usize>>,
    waiting: usize,
}

#[derive(Debug)]
enum Place<S, T> {
    Free,
    Waiting {
        ticket: T,
        since: Instant,
    },
    /// A server lies here until its waiter looks; and whose home it has.
    Granted(S, usize),
    Expired(Duration),
    Refused(Arc<Complaint>),
}

impl<S, T: Clone> Queue<S, T> {
    pub(super) fn new(workers: usize) -> Queue<S, T> {
        let lines = (0..workers.max(1)).map(|_| VecDeque::new()).collect();
        Queue { places: Vec::new(), free: Vec::new(), lines, waiting: 0 }
    }

    /// A place at the end of the line of worker `home`.
    pub(super) fn join(&mut self, ticket: T, home: usize, now: Instant) -> Turn {
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
        self.lines[home].push_back(index);
        self.waiting += 1;
        Turn(index)
    }

    /// A waiter looks whether its turn has come.
    pub(super) fn claim(&mut self, turn: Turn) -> Claim<S> {
        if matches!(self.places[turn.0], Place::Waiting { .. }) {
            return Claim::Wait(turn);
        }
        match self.vacate(turn) {
            Place::Granted(server, _) => Claim::Server(server),
            Place::Expired(waited) => Claim::Expired(waited),
            Place::Refused(why) => Claim::Refused(why),
            Place::Free | Place::Waiting { .. } => unreachable!("a turn has its place until it ends"),
        }
    }

    /// A waiter leaves. The server that it leaves behind, if it had been granted one, and its home.
    pub(super) fn leave(&mut self, turn: Turn) -> Option<(S, usize)> {
        let index = turn.0;
        match self.vacate(turn) {
            Place::Waiting { .. } => {
                self.unqueue(index);
                None
            }
            Place::Granted(server, home) => Some((server, home)),
            Place::Free | Place::Expired(_) | Place::Refused(_) => None,
        }
    }

    /// Hands a server of worker `home` to whoever is next: whom to wake; or the server back, when nobody waits.
    pub(super) fn hand_over(&mut self, server: S, home: usize) -> Result<T, S> {
        let Some(index) = self.next(home) else { return Err(server) };
        match std::mem::replace(&mut self.places[index], Place::Granted(server, home)) {
            Place::Waiting { ticket, .. } => Ok(ticket),
            _ => unreachable!("in line means waiting"),
        }
    }

    /// Those who have waited for `longest` wait no more; `wake` gets them.
    pub(super) fn expire(&mut self, now: Instant, longest: Duration, wake: &mut Vec<T>) {
        for line in 0..self.lines.len() {
            while let Some(waited) = self.front(line).map(|since| now.saturating_duration_since(since)) {
                if waited < longest {
                    break;
                }
                wake.extend(self.dismiss(line, Place::Expired(waited)));
            }
        }
    }

    /// Shows those who have waited for `longest`, each line from its oldest on.
    pub(super) fn look_at_late(&self, now: Instant, longest: Duration, mut look: impl FnMut(&T)) {
        for line in &self.lines {
            for &index in line {
                match &self.places[index] {
                    Place::Waiting { ticket, since } if now.saturating_duration_since(*since) >= longest => {
                        look(ticket)
                    }
                    _ => break,
                }
            }
        }
    }

    /// Nobody waits any more; `wake` gets them.
    pub(super) fn refuse_all(&mut self, why: &Arc<Complaint>, wake: &mut Vec<T>) {
        for line in 0..self.lines.len() {
            while !self.lines[line].is_empty() {
                wake.extend(self.dismiss(line, Place::Refused(why.clone())));
            }
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How long the first has waited.
    pub(super) fn longest_wait(&self, now: Instant) -> Duration {
        self.oldest().map_or(Duration::ZERO, |(_, since)| now.saturating_duration_since(since))
    }

    fn vacate(&mut self, turn: Turn) -> Place<S, T> {
        self.free.push(turn.0);
        std::mem::replace(&mut self.places[turn.0], Place::Free)
    }

    /// Takes the first off a line and leaves the reason in its place.
    fn dismiss(&mut self, line: usize, reason: Place<S, T>) -> Option<T> {
        let index = self.lines[line].pop_front()?;
        self.waiting -= 1;
        match std::mem::replace(&mut self.places[index], reason) {
            Place::Waiting { ticket, .. } => Some(ticket),
            _ => unreachable!("in line means waiting"),
        }
    }

    /// Takes the next waiter for a server of worker `home` off its line.
    fn next(&mut self, home: usize) -> Option<usize> {
        let (oldest, since) = self.oldest()?;
        let own = self.front(home).filter(|own| own.saturating_duration_since(since) <= HOME_BOUND);
        let line = if own.is_some() { home } else { oldest };
        self.waiting -= 1;
        self.lines[line].pop_front()
    }

    /// The line whose front has waited longest, and since when.
    fn oldest(&self) -> Option<(usize, Instant)> {
        if let [_] = self.lines[..] {
            return Some((0, self.front(0)?));
        }
        (0..self.lines.len()).filter_map(|line| Some((line, self.front(line)?))).min_by_key(|(_, since)| *since)
    }

    fn front(&self, line: usize) -> Option<Instant> {
        match &self.places[*self.lines.get(line)?.front()?] {
            Place::Waiting { since, .. } => Some(*since),
            _ => unreachable!("in line means waiting"),
        }
    }

    fn unqueue(&mut self, index: usize) {
        for line in &mut self.lines {
            if let Some(at) = line.iter().position(|&waiter| waiter == index) {
                line.remove(at);
                self.waiting -= 1;
                return;
            }
        }
    }

    /// What is always true; how many servers lie granted and not claimed.
    #[cfg(test)]
    pub(super) fn check_invariants(&self) -> usize {
        let count = |is: fn(&Place<S, T>) -> bool| self.places.iter().filter(|place| is(place)).count();
        let queued: usize = self.lines.iter().map(VecDeque::len).sum();
        assert_eq!(queued, self.waiting);
        assert_eq!(count(|place| matches!(place, Place::Waiting { .. })), self.waiting);
        assert_eq!(count(|place| matches!(place, Place::Free)), self.free.len());
        count(|place| matches!(place, Place::Granted(..)))
    }
}
