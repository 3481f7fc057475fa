//! An allocator that counts what the threads ask for that are watched.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::SeqCst};

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// What one thread has asked for.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Bytes asked for and not given back.
    kept: AtomicIsize,
    /// Whether allocations are counted now.
    counts: AtomicBool,
    allocations: AtomicUsize,
    places: Mutex<Vec<String>>,
}

thread_local! {
    static TALLY: Cell<Option<&'static Tally>> = const { Cell::new(None) };
}

/// More places than this are not shown.
const SHOWN: usize = 4;

impl Tally {
    /// From now on it is told what this thread asks for.
    pub(super) fn watch_this_thread(&'static self) {
        TALLY.set(Some(self));
    }

    /// Bytes that the thread has asked for and not given back.
    pub(super) fn kept(&self) -> isize {
        self.kept.load(SeqCst)
    }

    /// How many allocations there were meanwhile, and where the first of them were.
    pub(super) fn count(&self, run: impl FnOnce()) -> (usize, String) {
        self.counts.store(true, SeqCst);
        run();
        self.counts.store(false, SeqCst);
        let places = std::mem::take(&mut *self.places.lock().unwrap());
        (self.allocations.swap(0, SeqCst), places.join("\n"))
    }

    fn note(&self, size: usize) {
        if self.counts.load(SeqCst) && self.allocations.fetch_add(1, SeqCst) < SHOWN {
            let place = format!("{size} bytes\n{}", ours(&Backtrace::force_capture().to_string()));
            self.places.lock().unwrap().push(place);
        }
    }
}

/// Tells this thread's tally, which is told of nothing that it asks for itself.
fn tell(look: impl FnOnce(&Tally)) {
    if let Ok(Some(tally)) = TALLY.try_with(Cell::take) {
        look(tally);
        TALLY.set(Some(tally));
    }
}

fn keep(more: usize, less: usize) {
    tell(|tally| {
        tally.kept.fetch_add(more as isize - less as isize, SeqCst);
    });
}

// SAFETY: the system's allocator does the work; counting does not touch what it returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        keep(layout.size(), 0);
        tell(|tally| tally.note(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        keep(0, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        keep(size, layout.size());
        tell(|tally| tally.note(size));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// The frames of a backtrace that are pgweir's.
fn ours(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let frames = lines.windows(2).filter(|pair| pair[0].contains("pgweir::") && pair[1].contains(" at "));
    frames.map(|pair| format!("{}\n{}\n", pair[0], pair[1])).collect()
}
