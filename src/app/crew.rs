//! The workers' threads, each with a loop of its own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

use crate::observe::observer::{Observatory, Observer};
use crate::pool::Home;
use crate::session::Worker;

/// Threads of one worker for what would block its loop: PBKDF2.
const BLOCKING_THREADS: usize = 4;

/// One worker with its loop.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    pub(super) worker: Arc<Worker>,
    pub(super) runtime: Handle,
    stop: Arc<Notify>,
}

/// All workers.
#[derive(Debug, Clone)]
pub(super) struct Crew(Arc<[Hand]>);

impl Crew {
    /// Starts so many threads.
    pub(super) fn hire(count: usize, epoch: Instant, observatory: &Arc<Observatory>) -> io::Result<Crew> {
        let hands: io::Result<Vec<Hand>> =
            (0..count.max(1)).map(|index| hire_one(index, epoch, observatory.clone())).collect();
        Ok(Crew(hands?.into()))
    }

    /// The one that accepts.
    pub(super) fn first(&self) -> &Hand {
        &self.0[0]
    }

    /// The one with the fewest clients.
    pub(super) fn least_busy(&self) -> &Hand {
        self.0.iter().min_by_key(|hand| hand.worker.clients()).unwrap_or(self.first())
    }

    /// Where pools open servers.
    pub(super) fn homes(&self) -> Arc<[Home]> {
        self.0.iter().map(|hand| Home { runtime: hand.runtime.clone() }).collect()
    }

    /// Whether any client has ever set itself a deadline: without timeouts none does, and nobody looks at them all.
    pub(super) fn has_deadlines(&self) -> bool {
        self.0.iter().any(|hand| hand.worker.has_deadlines())
    }

    /// Every tick.
    pub(super) fn ring(&self, now: Instant) {
        self.0.iter().for_each(|hand| hand.worker.alarms.ring(now));
    }

    /// Every tick: what is over is handed to the analyst.
    pub(super) fn flush(&self) {
        self.0.iter().for_each(|hand| hand.worker.observer.flush());
    }

    /// Once a second.
    pub(super) fn tidy(&self) {
        self.0.iter().for_each(|hand| hand.worker.tidy());
    }

    /// A moment on the clock of deadlines.
    pub(super) fn deadline(&self, now: Instant) -> u64 {
        self.first().worker.deadline(now)
    }

    /// Stops all loops; what they still run is dropped.
    pub(super) fn dismiss(&self) {
        self.0.iter().for_each(|hand| hand.stop.notify_one());
    }
}

fn hire_one(index: usize, epoch: Instant, observatory: Arc<Observatory>) -> io::Result<Hand> {
    let (told, tell) = mpsc::channel();
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build();
        match runtime {
            Err(error) => drop(told.send(Err(error))),
            Ok(runtime) => {
                let _ = told.send(Ok(runtime.handle().clone()));
                runtime.block_on(stopped.notified());
                runtime.shutdown_background();
            }
        }
    })?;
    let runtime = tell.recv().map_err(|_| io::Error::other("a worker's thread did not start"))??;
    Ok(Hand { worker: Arc::new(Worker::new(index, epoch, Observer::new(observatory))), runtime, stop })
}
