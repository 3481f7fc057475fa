//! A worker as its sessions see it: which one it is, and the buffers that it lends while bytes are in flight.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::alarm::Alarms;
use super::course::Course;
use super::dialogue::Dialogue;
use super::meaning::Meaning;
use super::settle::Settling;
use super::tape::Tape;
use super::texts::Texts;
use super::watch::Watch;
use crate::net::Lane;
use crate::observe::nanos::Nanos;
use crate::observe::observer::Observer;
use crate::pool::Client;

/// Room for requests. Most are short, and a thousand clients that wait hold one each.
const UP: usize = 2 * 1024;

/// Room for requests of a client that has filled the smaller one; what is larger still is streamed.
pub(super) const UP_WIDE: usize = 32 * 1024;

/// Room for results: so much moves at once.
const DOWN: usize = 64 * 1024;

/// Conversations kept for the next borrower: as many as a worker usually has servers.
const DOWN_KEPT: usize = 64;

/// Lanes kept for the next borrower: as many as a worker usually has clients that wait.
const UP_KEPT: usize = 1024;

/// What is kept of either when nobody has borrowed for a second.
const RESTING_KEPT: usize = 16;

/// One worker.
#[derive(Debug)]
pub struct Worker {
    /// Its place among the workers.
    pub index: usize,
    /// When the process' clock of deadlines began.
    pub epoch: Instant,
    /// Tells the analyst what is over.
    pub observer: Observer,
    /// Time limits beside those of conversations.
    pub alarms: Alarms,
    /// What its clients' texts were found to be.
    pub(super) texts: Mutex<Texts>,
    clients: AtomicUsize,
    deadlines: AtomicBool,
    up: Shelf<Lane>,
    down: Shelf<Exchange>,
}

/// What a client and a server need while they talk, beside the client's own lane.
#[derive(Debug)]
pub struct Exchange {
    /// From the server to the client.
    pub down: Lane,
    /// What is owed.
    pub dialogue: Dialogue,
    /// What the client's statements may have left behind.
    pub watch: Watch,
    /// What they have changed of what its texts mean.
    pub meaning: Meaning,
    /// What runs, for those who want to know how long it took.
    pub tape: Tape,
    /// What is being found out about it.
    pub(super) settling: Settling,
    /// How far the conversation has come.
    pub(super) course: Course,
}

impl Exchange {
    fn new(epoch: Instant) -> Exchange {
        Exchange {
            down: Lane::new(DOWN),
            dialogue: Dialogue::default(),
            watch: Watch::default(),
            meaning: Meaning::default(),
            tape: Tape::default(),
            settling: Settling::default(),
            course: Course::begin(epoch),
        }
    }
}

/// Things lent, the last one returned first: it is still in the processor's cache.
#[derive(Debug)]
struct Shelf<T> {
    most: usize,
    things: Mutex<Vec<Box<T>>>,
}

impl<T> Shelf<T> {
    fn new(most: usize) -> Shelf<T> {
        Shelf { most, things: Mutex::default() }
    }

    fn take(&self) -> Option<Box<T>> {
        self.lock().pop()
    }

    fn put(&self, thing: Box<T>) {
        let mut things = self.lock();
        if things.len() < self.most {
            things.push(thing);
        }
    }

    /// Gives half of what lies here back to the system.
    fn halve(&self) {
        let mut things = self.lock();
        let spare = things.len().saturating_sub((things.len() / 2).max(RESTING_KEPT));
        let spare: Vec<_> = things.drain(..spare).collect();
        things.shrink_to(self.most / 8);
        drop(things);
        drop(spare);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<T>>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// The worker with this number.
    pub fn new(index: usize, epoch: Instant, observer: Observer) -> Worker {
        Worker {
            index,
            epoch,
            observer,
            alarms: Alarms::default(),
            texts: Mutex::default(),
            clients: AtomicUsize::new(0),
            deadlines: AtomicBool::new(false),
            up: Shelf::new(UP_KEPT),
            down: Shelf::new(DOWN_KEPT),
        }
    }

    /// A client has come.
    pub fn enter(&self) {
        self.clients.fetch_add(1, Relaxed);
    }

    /// A client has gone.
    pub fn leave(&self) {
        self.clients.fetch_sub(1, Relaxed);
    }

    /// How many clients it has.
    pub fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }

    /// A buffer for what a client says.
    pub fn lend_up(&self) -> Box<Lane> {
        self.up.take().unwrap_or_else(|| Box::new(Lane::new(UP)))
    }

    /// Takes it back.
    pub fn take_up(&self, mut lane: Box<Lane>) {
        lane.clear();
        self.up.put(lane);
    }

    /// What a conversation with a server needs.
    pub fn lend_exchange(&self) -> Box<Exchange> {
        self.down.take().unwrap_or_else(|| Box::new(Exchange::new(self.epoch)))
    }

    /// Takes it back.
    pub fn take_exchange(&self, mut exchange: Box<Exchange>) {
        exchange.down.clear();
        exchange.dialogue.clear();
        exchange.watch.clear();
        exchange.meaning.settle();
        exchange.tape.clear();
        exchange.settling.clear();
        self.down.put(exchange);
    }

    /// A moment on the process' clock.
    #[inline]
    pub(super) fn clock(&self, at: Instant) -> Nanos {
        at.saturating_duration_since(self.epoch).into()
    }

    /// Once a second: buffers that were needed in a rush are given back step by step.
    pub fn tidy(&self) {
        self.up.halve();
        self.down.halve();
    }

    /// The client wants to be told when this moment has come.
    pub(super) fn set_deadline(&self, client: &Client, at: Instant) {
        self.deadlines.store(true, Relaxed);
        client.set_deadline(self.deadline(at));
    }

    /// Whether any client has ever set itself a deadline.
    pub fn has_deadlines(&self) -> bool {
        self.deadlines.load(Relaxed)
    }

    /// A moment on the clock of deadlines, in ms, never 0.
    pub fn deadline(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis() as u64 + 1
    }
}
