//! All clients by number: for cancels, for those who look, for a drain. Locked at a login and a goodbye, never by a query.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use subtle::ConstantTimeEq;

use super::cancel::{Line, Release};
use super::client::{Client, Word};
use super::lease::{accept, discard};
use crate::observe::snapshot::ClientState;
use crate::protocol::startup;

/// All clients that are logged in.
#[derive(Debug, Default)]
pub struct Roster {
    clients: Mutex<HashMap<u32, Arc<Client>>>,
    goodbyes: AtomicBool,
}

impl Roster {
    /// A number that no client has, and a secret of this many bytes for it.
    pub fn new_key(&self, length: usize) -> Result<(u32, Box<[u8]>), getrandom::Error> {
        let mut bytes = [0; 4 + startup::LONGEST_KEY];
        let bytes = &mut bytes[..4 + length.min(startup::LONGEST_KEY)];
        let clients = self.lock();
        loop {
            getrandom::fill(bytes)?;
            // Postgres' process ids are positive, and some drivers read them as signed.
            let id = bytes[..4].iter().fold(0, |id, byte| (id << 8) | u32::from(*byte)) & 0x7fff_ffff;
            if id != 0 && !clients.contains_key(&id) {
                return Ok((id, bytes[4..].into()));
            }
        }
    }

    /// Whether a client's going is a line of the log.
    pub fn logs_goodbyes(&self) -> bool {
        self.goodbyes.load(Relaxed)
    }

    /// From now on, for those who are here too.
    pub fn log_goodbyes(&self, log: bool) {
        self.goodbyes.store(log, Relaxed);
    }

    /// A client has logged in.
    pub fn enter(&self, client: Arc<Client>) {
        self.lock().insert(client.id, client);
    }

    /// A client has gone.
    pub fn leave(&self, id: u32) {
        self.lock().remove(&id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// All of them now.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    /// Looks at each of them, with the list locked.
    pub fn each(&self, look: impl FnMut(&Arc<Client>)) {
        self.lock().values().for_each(look);
    }

    /// A CancelRequest: what runs for the client with this key is stopped; one that waits leaves the queue; for one that
    /// rests, and for a key that nobody has, nothing happens.
    pub async fn cancel(&self, id: u32, key: &[u8]) {
        let Some(client) = self.lock().get(&id).cloned() else { return };
        if !bool::from(client.secret.ct_eq(key)) {
            return;
        }
        let line = client.with_line(|line| line.inspect(|line| line.begin()).cloned());
        match line {
            // A task of its own: the canceller may go away, or be late, and the server must come back all the same.
            Some(line) => drop(tokio::spawn(deliver(line)).await),
            None if client.state() == ClientState::Waiting => client.tell(Word::Cancel),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancels what runs on a server, as a task of its own. To be called while its client is known to hold it.
pub fn cancel_now(line: &Arc<Line>) {
    line.begin();
    tokio::spawn(deliver(line.clone()));
}

/// Sends a cancel that was begun; gives the server back if its client has done so meanwhile.
async fn deliver(line: Arc<Line>) {
    match line.cancel().await {
        Some(Release::Free(server)) => accept(server, std::time::Instant::now()),
        Some(Release::Unsafe(server)) => discard(server, "a cancel request to it went astray"),
        Some(Release::Parked) | None => {}
    }
}
