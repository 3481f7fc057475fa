//! Texts on their way to the one slow reading that each shape gets: a queue, bounded in number and bytes, whose reader has a
//! thread of its own. Whoever finds it full drops the text and says so.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::report::NewText;

/// Texts that may wait. A deployment that starts brings hundreds of shapes within a second.
const TEXTS_MAX: usize = 1_024;

/// And their bytes.
const BYTES_MAX: usize = 4 << 20;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Cold {
    waiting: Mutex<Waiting>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    texts: VecDeque<NewText>,
    bytes: usize,
    closed: bool,
}

impl Cold {
    /// Whether there was a place for it.
    pub(super) fn offer(&self, text: &NewText) -> bool {
        let mut waiting = self.waiting();
        let fits = waiting.texts.len() < TEXTS_MAX && waiting.bytes + text.text.len() <= BYTES_MAX;
        if fits {
            waiting.bytes += text.text.len();
            waiting.texts.push_back(text.clone());
            self.bell.notify_one();
        }
        fits
    }

    /// The next one, as soon as there is one; `None` at the end.
    pub(super) fn next(&self) -> Option<NewText> {
        let mut waiting = self.waiting();
        while waiting.texts.is_empty() && !waiting.closed {
            waiting = self.bell.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let text = waiting.texts.pop_front()?;
        waiting.bytes -= text.text.len();
        Some(text)
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.bell.notify_all();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::digest::Reading;

    fn text(length: usize) -> NewText {
        NewText { reading: Reading::default(), text: vec![b'x'; length].into(), backslash: false }
    }

    #[test]
    fn bounds() {
        #[track_caller]
        fn check(length: usize, fit: usize) {
            let cold = Cold::default();
            assert_eq!((0..fit + 9).filter(|_| cold.offer(&text(length))).count(), fit);
            drop(cold.next());
            assert!(cold.offer(&text(length)), "one was read");
            cold.close();
            assert_eq!(std::iter::from_fn(|| cold.next()).count(), fit);
        }
        check(0, TEXTS_MAX);
        check(100, TEXTS_MAX);
        check(BYTES_MAX / 3, 3);
        check(BYTES_MAX, 1);
        assert!(!Cold::default().offer(&text(BYTES_MAX + 1)));
    }
}
