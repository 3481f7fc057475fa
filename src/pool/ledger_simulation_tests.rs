//! The ledger by seeded simulations: any order of all that can happen to a pool, its invariants after each step.

use super::*;
use crate::protocol::sqlstate;
use proptest::prelude::*;

/// So many kinds of events there are.
const EVENTS: u8 = 17;

/// A pool and all who have to do with it.
struct World {
    ledger: Ledger<usize, usize>,
    limits: Limits,
    workers: usize,
    now: Instant,
    turns: Vec<Turn>,
    held: Vec<usize>,
    opening: usize,
    opened: usize,
    closed: usize,
}

impl World {
    fn new(size: usize, workers: usize) -> World {
        let limits = Limits {
            size,
            min: size / 2,
            reserve: 1,
            reserve_after: Duration::from_secs(1),
            max_opening: 2,
            wait: Duration::from_secs(3),
            retry: Duration::from_millis(500),
        };
        let ledger = Ledger::new(limits, workers);
        let (turns, held, now) = (Vec::new(), Vec::new(), Instant::now());
        World { ledger, limits, workers, now, turns, held, opening: 0, opened: 0, closed: 0 }
    }

    /// One event, then everybody looks around.
    fn step(&mut self, event: u8, pick: usize) {
        let before = self.ledger.total();
        match event {
            0..5 => self.client(event, pick),
            5..9 => self.server(event, pick),
            _ => self.pool(event, pick),
        }
        self.look();
        self.check(before);
    }

    /// What clients do.
    fn client(&mut self, event: u8, pick: usize) {
        match event {
            0 | 1 => match self.ledger.acquire(0, pick % self.workers, self.now) {
                Grant::Use(server) => self.held.push(server),
                Grant::Wait(turn) => self.turns.push(turn),
                Grant::Refuse(_) => assert_eq!(self.ledger.total(), 0, "refused though there are servers"),
            },
            2 | 3 if !self.held.is_empty() => {
                let server = self.held.swap_remove(pick % self.held.len());
                self.put(server, event == 2);
            }
            4 if !self.turns.is_empty() => {
                let turn = self.turns.swap_remove(pick % self.turns.len());
                self.ledger.leave(turn, self.now);
            }
            _ => {}
        }
    }

    /// What becomes of servers that are being opened.
    fn server(&mut self, event: u8, pick: usize) {
        if event == 5 {
            self.opening += match pick {
                0 => usize::from(self.ledger.to_probe(false, self.now)),
                _ => self.ledger.to_open(self.now),
            };
            return;
        }
        let Some(opening) = self.opening.checked_sub(1) else { return };
        self.opening = opening;
        match event {
            6 => {
                self.opened += 1;
                self.ledger.opened(self.opened, self.opened % self.workers, self.now);
            }
            7 => {
                let why = Arc::new(Complaint::fatal(sqlstate::CONNECTION_FAILURE, "down"));
                self.ledger.open_failed(why, self.now, &mut Vec::new());
            }
            _ => self.ledger.open_dropped(),
        }
    }

    /// What the clock and the operator do.
    fn pool(&mut self, event: u8, pick: usize) {
        let rested = Duration::from_millis(pick as u64 * 200);
        match event {
            9 => {
                self.now += rested;
                self.ledger.expire(self.now, &mut Vec::new());
            }
            10 => self.shows_those_who_are_late(rested),
            11 => self.closed += self.ledger.cull(self.now, |server, _| server % 3 != pick % 3).len(),
            12 => self.closes_what_has_rested(rested),
            13 => self.held.extend(self.ledger.borrow_rested(self.now, rested).map(|(server, _)| server)),
            14 => self.held.extend(
                self.ledger.borrow_where(|server| server % 3 == pick % 3).into_iter().map(|(server, _)| server),
            ),
            15 if pick.is_multiple_of(2) => self.ledger.pause(),
            15 => self.ledger.resume(self.now, &mut Vec::new()),
            _ => {
                self.limits.size = 1 + pick % 5;
                self.ledger.set_limits(self.limits);
                self.ledger.forget_failure();
            }
        }
    }

    /// As `lease::accept`: back to the pool, or closed.
    fn put(&mut self, server: usize, clean: bool) {
        if clean && !self.ledger.is_oversized() {
            self.ledger.give_back(server, server % self.workers, self.now);
        } else {
            self.ledger.lost();
            self.closed += 1;
        }
    }

    fn shows_those_who_are_late(&self, longest: Duration) {
        let mut late = 0;
        self.ledger.look_at_late(self.now, longest, |_| late += 1);
        assert!(late <= self.ledger.waiting());
        assert_eq!(late > 0, self.ledger.waiting() > 0 && self.ledger.longest_wait(self.now) >= longest);
    }

    fn closes_what_has_rested(&mut self, longest: Duration) {
        let before = self.ledger.total();
        let closed = self.ledger.cull_rested(self.now, longest).len();
        assert!(closed == 0 || self.ledger.total() >= self.limits.min, "{before} servers, {closed} closed");
        self.closed += closed;
    }

    /// Everybody in the queue looks, woken or not.
    fn look(&mut self) {
        for turn in std::mem::take(&mut self.turns) {
            match self.ledger.claim(turn) {
                Claim::Server(server) => self.held.push(server),
                Claim::Wait(turn) => self.turns.push(turn),
                Claim::Expired(waited) => assert!(waited >= self.limits.wait),
                Claim::Refused(_) => {}
            }
        }
    }

    fn check(&self, before: usize) {
        self.ledger.check_invariants();
        let once = self.held.iter().collect::<std::collections::HashSet<_>>();
        assert_eq!((once.len(), self.held.len()), (self.ledger.lent(), self.ledger.lent()), "one holder each");
        assert_eq!(self.turns.len(), self.ledger.waiting());
        assert_eq!(self.opening, self.ledger.opening());
        assert_eq!(self.ledger.idle() + self.held.len(), self.opened - self.closed, "none lost");
        // A reload may leave more than there is room for, and then they become fewer.
        assert!(!self.ledger.is_oversized() || self.ledger.total() <= before);
    }

    /// All go, and whatever was not closed rests.
    fn end(mut self) {
        self.ledger.resume(self.now, &mut Vec::new());
        for turn in std::mem::take(&mut self.turns) {
            self.ledger.leave(turn, self.now);
        }
        (0..self.opening).for_each(|_| self.ledger.open_dropped());
        std::mem::take(&mut self.held).into_iter().for_each(|server| self.put(server, true));
        assert_eq!((self.ledger.waiting(), self.ledger.lent(), self.ledger.opening()), (0, 0, 0));
        assert_eq!(self.ledger.idle(), self.opened - self.closed);
        self.ledger.check_invariants();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_order_of_events(
        events in proptest::collection::vec((0..EVENTS, 0usize..12), 0..300),
        size in 1usize..5,
        workers in 1usize..4,
    ) {
        let mut world = World::new(size, workers);
        events.into_iter().for_each(|(event, pick)| world.step(event, pick));
        world.end();
    }
}
