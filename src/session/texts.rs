//! What a worker has read lately, whoever sent it: texts and descriptions that come again are found again. Pure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outline::Outlines;
use super::recall::Recall;
use super::rows;
use crate::observe::keys::{Keys, Shape};
use crate::observe::report::Columns;

/// Of one worker.
#[derive(Debug)]
pub struct Texts {
    shapes: Recall<Shape>,
    described: Recall<(Arc<Columns>, u64)>,
    /// Plain texts.
    pub outlines: Outlines,
}

/// Four times as many texts, and descriptions: those of a large application. 200 KiB in all.
pub(super) const SETS: usize = 256;

/// It is its worker's alone, so nobody ever waits for it.
pub(super) fn lock(texts: &Mutex<Texts>) -> MutexGuard<'_, Texts> {
    texts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { shapes: Recall::new(SETS), described: Recall::new(SETS), outlines: Outlines::default() }
    }
}

impl Texts {
    /// The shape of a text: what was made of it before, or what `read` makes of it, `Err` where that is not to be kept.
    pub fn shape(&mut self, text: &[u8], keys: &Keys, read: impl FnOnce() -> Result<Shape, Shape>) -> Shape {
        match self.shapes.get_or(keys.bytes(text), read) {
            Ok(shape) => *shape,
            Err(shape) => shape,
        }
    }

    /// The columns that a RowDescription's body names, and which are in binary.
    pub fn columns(&mut self, body: &[u8], keys: &Keys) -> Option<(Arc<Columns>, u64)> {
        let read = || rows::describe(body).map(|(columns, formats)| (Arc::new(columns), formats)).ok_or(());
        self.described.get_or(keys.bytes(body), read).ok().cloned()
    }
}
