//! What others have for a client that it did not ask for: notifications of channels on which it listens. They lie here until
//! the client is between two statements.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A client that leaves more than this unread is lost to its notifications: they would fill our memory.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// One client's letters: whole messages of the protocol, shared by all who get the same.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: Mutex<Letters>,
    /// Whether there are any, to be looked at without the lock.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Letters {
    waiting: VecDeque<Arc<[u8]>>,
    bytes: usize,
    lost: bool,
}

/// Letters were lost, since the client did not take them.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

impl Mailbox {
    /// Puts one in.
    pub fn put(&self, letter: &Arc<[u8]>) {
        let mut letters = self.lock();
        if letters.bytes + letter.len() > MOST_BYTES {
            letters.lost = true;
        } else {
            letters.bytes += letter.len();
            letters.waiting.push_back(letter.clone());
        }
        self.full.store(true, Relaxed);
    }

    /// Whether there are any.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    /// Takes all out, in order.
    pub fn take(&self) -> Result<Vec<u8>, Overflow> {
        let mut letters = self.lock();
        self.full.store(false, Relaxed);
        let Letters { waiting, lost, .. } = std::mem::take(&mut *letters);
        if lost { Err(Overflow) } else { Ok(waiting.iter().flat_map(|letter| letter.iter().copied()).collect()) }
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_in_order_and_not_without_end() {
        let mailbox = Mailbox::default();
        assert!(!mailbox.is_full());
        mailbox.put(&b"one "[..].into());
        mailbox.put(&b"two"[..].into());
        assert!(mailbox.is_full());
        assert_eq!(mailbox.take(), Ok(b"one two".to_vec()));
        assert!(!mailbox.is_full());
        let large: Arc<[u8]> = vec![0; MOST_BYTES / 2 + 1].into();
        mailbox.put(&large);
        mailbox.put(&large);
        assert_eq!(mailbox.take(), Err(Overflow));
        assert_eq!(mailbox.take(), Ok(Vec::new()));
    }
}
