//! Many scripts by chance. `PGWEIR_SEED` is the first one's seed, `PGWEIR_SCRIPTS` how many there are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::random;
use super::shrink::shrink;
use super::theatre::Theatre;

const SCRIPTS: u64 = 1000;

/// Whoever waits for Postgres leaves the processor to the others.
const THEATRES: usize = 3;

/// So many that differ are enough to look at.
const ENOUGH: usize = 4;

#[test]
fn scripts_by_chance() {
    let (seed, scripts) = (number("PGWEIR_SEED", 1), number("PGWEIR_SCRIPTS", SCRIPTS));
    let next = AtomicU64::new(seed);
    let found: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THEATRES).map(|_| scope.spawn(|| differences(&next, seed + scripts))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Those of the scripts up to the seed `end` that nobody else has taken.
fn differences(next: &AtomicU64, end: u64) -> Vec<String> {
    let (mut theatre, mut found) = (Theatre::open(), Vec::new());
    while found.len() < ENOUGH {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let script = random::script(seed);
        match theatre.compare(&script) {
            Ok(None) => {}
            Ok(Some(difference)) => {
                let (script, difference) = shrink(&mut theatre, script, difference);
                found.push(format!("seed {seed}\n{script}{difference}\n"));
            }
            Err(why) => found.push(format!("seed {seed} is no script: {why}\n{script}")),
        }
    }
    found
}
