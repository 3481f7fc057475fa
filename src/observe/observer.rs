//! The way from the workers to the analyst: each worker fills a batch of its own, which is handed over when it is full or a
//! tick has passed. Nobody waits: what the analyst cannot keep up with is dropped and counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::keys::Keys;
use super::known::Known;
use super::nanos::Nanos;
use super::report::{Batch, COLUMNS_CAPTURED, ROWS_CAPTURED, Report};
use super::store::slow::Reasons;
use super::who::Whos;
use crate::config::{Observe, Parameters};

/// What all workers share.
#[derive(Debug)]
pub struct Observatory {
    /// Hashes values.
    pub keys: Keys,
    /// Shapes that were met.
    pub known: Known,
    /// Whose statements they are.
    pub whos: Arc<Whos>,
    inbox: Inbox,
    on: AtomicBool,
    slow_nanos: AtomicU64,
    parameters: AtomicU8,
}

/// A worker's handle.
#[derive(Debug)]
pub struct Observer {
    shared: Arc<Observatory>,
    batch: Mutex<Batch>,
}

/// Reports, and hashes, that are handed over at once. A batch has room for as many from the begin: 47 KiB.
const FULL: usize = 128;
const FULL_OF_HASHES: usize = 16 * FULL;

/// Batches that wait for the analyst: about half a second of two hundred thousand statements a second.
const MOST_WAITING: usize = 1024;

impl Observatory {
    /// With a key of the process, as configured.
    pub fn new(seed: [u8; 16], observe: &Observe) -> Observatory {
        let shared = Observatory {
            keys: Keys::new(seed),
            known: Known::default(),
            whos: Arc::default(),
            inbox: Inbox::new(),
            on: AtomicBool::new(false),
            slow_nanos: AtomicU64::new(0),
            parameters: AtomicU8::new(0),
        };
        shared.configure(observe);
        shared
    }

    /// As configured now.
    pub fn configure(&self, observe: &Observe) {
        self.on.store(observe.track_statements, Relaxed);
        self.slow_nanos.store(Nanos::from(observe.slow_after()).0, Relaxed);
        self.parameters.store(observe.parameters as u8, Relaxed);
    }

    /// Whether statements are looked at.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }

    /// A statement that takes, or waits, longer is slow.
    #[inline]
    fn slow(&self) -> Nanos {
        Nanos(self.slow_nanos.load(Relaxed))
    }

    /// Whether values may be kept.
    pub fn parameters(&self) -> Parameters {
        match self.parameters.load(Relaxed) {
            found if found == Parameters::Plain as u8 => Parameters::Plain,
            found if found == Parameters::Hash as u8 => Parameters::Hash,
            _ => Parameters::Off,
        }
    }

    /// Whether a statement is one to be shown by itself.
    pub fn is_notable(&self, report: &Report) -> bool {
        !Reasons::of(report, self.slow()).is_empty()
    }

    /// Batches for the analyst, as soon as there are any or `patience` is over. `false` when there will be none any more.
    pub fn take(&self, batches: &mut Vec<Batch>, patience: Duration) -> bool {
        self.inbox.take(batches, patience)
    }

    /// The analyst gives batches back that it has read.
    pub fn give_back(&self, batches: impl Iterator<Item = Batch>) {
        self.inbox.give_back(batches);
    }

    /// No more batches come.
    pub fn close(&self) {
        self.inbox.close();
    }
}

impl Observer {
    /// A worker's.
    pub fn new(shared: Arc<Observatory>) -> Observer {
        Observer { shared, batch: Mutex::new(empty()) }
    }

    /// What all share.
    #[inline]
    pub fn shared(&self) -> &Arc<Observatory> {
        &self.shared
    }

    /// Lets `write` add what is over; hands the batch over when it is full.
    #[inline]
    pub fn record(&self, write: impl FnOnce(&mut Batch)) {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut batch);
        if batch.reports.len() >= FULL || batch.hashes.len() >= FULL_OF_HASHES {
            self.shared.inbox.put(&mut batch);
        }
    }

    /// Every tick.
    pub fn flush(&self) {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        if !batch.is_empty() {
            self.shared.inbox.put(&mut batch);
        }
    }
}

/// With room for all that is handed over at once, and for what the last record adds to it.
fn empty() -> Batch {
    Batch {
        reports: Vec::with_capacity(FULL + FULL / 8),
        hashes: Vec::with_capacity(FULL_OF_HASHES + ROWS_CAPTURED * COLUMNS_CAPTURED),
        captures: Vec::with_capacity(FULL + FULL / 8),
        ..Batch::default()
    }
}

#[derive(Debug)]
struct Inbox {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// Read and empty, for the next.
    spare: Vec<Batch>,
    closed: bool,
    dropped: u64,
    dropped_texts: u64,
}

/// Empty batches that are kept.
const SPARE: usize = 8;

impl Inbox {
    /// With one batch to spare, so that the first that is full costs its worker no allocation either.
    fn new() -> Inbox {
        let batches = VecDeque::with_capacity(SPARE);
        let state = Waiting { batches, spare: vec![empty()], ..Waiting::default() };
        Inbox { state: Mutex::new(state), changed: Condvar::default() }
    }

    /// Takes what is in `batch` and leaves an empty one.
    fn put(&self, batch: &mut Batch) {
        let mut state = self.lock();
        if state.closed || state.batches.len() >= MOST_WAITING {
            state.dropped += batch.reports.len() as u64;
            state.dropped_texts += batch.texts.len() as u64;
            batch.clear();
            return;
        }
        let empty = state.spare.pop().unwrap_or_else(empty);
        let mut full = std::mem::replace(batch, empty);
        full.dropped = std::mem::take(&mut state.dropped);
        full.dropped_texts = std::mem::take(&mut state.dropped_texts);
        state.batches.push_back(full);
        drop(state);
        self.changed.notify_one();
    }

    fn take(&self, batches: &mut Vec<Batch>, patience: Duration) -> bool {
        let idle = |state: &mut Waiting| state.batches.is_empty() && !state.closed;
        let (mut state, _) =
            self.changed.wait_timeout_while(self.lock(), patience, idle).unwrap_or_else(PoisonError::into_inner);
        batches.extend(state.batches.drain(..));
        !state.closed || !batches.is_empty()
    }

    fn give_back(&self, batches: impl Iterator<Item = Batch>) {
        let mut state = self.lock();
        for mut batch in batches {
            if state.spare.len() < SPARE {
                batch.clear();
                state.spare.push(batch);
            }
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
