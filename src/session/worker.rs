//! A worker as its sessions see it: which one it is, and the buffers that it lends while bytes are in flight.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::dialogue::Dialogue;
use super::limits::Limits;
use super::relay::Course;
use crate::net::Lane;

/// Room for requests: a larger one is streamed.
const UP: usize = 16 * 1024;

/// Room for results: so much moves at once.
const DOWN: usize = 64 * 1024;

/// Buffers kept for the next borrower; more than a worker usually lends at a time are given back to the system.
const KEPT: usize = 64;

/// One worker.
#[derive(Debug)]
pub struct Worker {
    /// Its place among the workers.
    pub index: usize,
    /// When the process' clock of deadlines began.
    pub epoch: Instant,
    clients: AtomicUsize,
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
    /// How far the conversation has come.
    pub(super) course: Course,
}

impl Exchange {
    fn new(epoch: Instant) -> Exchange {
        Exchange { down: Lane::new(DOWN), dialogue: Dialogue::default(), course: Course::begin(epoch, Limits::none()) }
    }
}

/// Things lent, the last one returned first: it is still in the processor's cache.
#[derive(Debug)]
struct Shelf<T>(Mutex<Vec<Box<T>>>);

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf(Mutex::new(Vec::with_capacity(KEPT)))
    }
}

impl<T> Shelf<T> {
    fn take(&self) -> Option<Box<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, thing: Box<T>) {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if things.len() < KEPT {
            things.push(thing);
        }
    }
}

impl Worker {
    /// The worker with this number.
    pub fn new(index: usize, epoch: Instant) -> Worker {
        Worker { index, epoch, clients: AtomicUsize::new(0), up: Shelf::default(), down: Shelf::default() }
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
        self.down.put(exchange);
    }

    /// A moment on the clock of deadlines, in ms, never 0.
    pub fn deadline(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis() as u64 + 1
    }
}
