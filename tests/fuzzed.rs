//! The fuzzers' targets by seeded mutation of real messages, so many rounds each: what libFuzzer does for longer
//! (`make fuzz`), everywhere and the same each time. And that transcripts may be cut anywhere.
//!
//! `PGWEIR_FUZZ_ROUNDS` for more of them; `PGWEIR_FUZZ_CORPUS=directory` writes the seeds there, for libFuzzer.

#![allow(clippy::unwrap_used)]

#[path = "../fuzz/targets/dialogue.rs"]
mod dialogue;
#[path = "../fuzz/targets/frame.rs"]
mod frame;
#[path = "../fuzz/targets/pair.rs"]
mod pair;
#[path = "../fuzz/targets/scram.rs"]
mod scram;
#[path = "../fuzz/targets/shape.rs"]
mod shape;
#[path = "../fuzz/targets/sql.rs"]
mod sql;
#[path = "../fuzz/targets/startup.rs"]
mod startup;
#[path = "../fuzz/targets/talk.rs"]
mod talk;

#[path = "fuzzed/chunks.rs"]
mod chunks;
#[path = "fuzzed/mutation.rs"]
mod mutation;
#[path = "fuzzed/seeds.rs"]
mod seeds;

use mutation::Mutator;

/// Shows the input that a target did not survive.
struct Shown<'a>(&'a str, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: b\"{}\"", self.0, self.1.escape_ascii());
        }
    }
}

fn rounds(few: usize) -> usize {
    std::env::var("PGWEIR_FUZZ_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}

fn check(name: &str, target: fn(&[u8]), seeds: Vec<Vec<u8>>, few: usize) {
    write(name, &seeds);
    for seed in &seeds {
        let _shown = Shown(name, seed);
        target(seed);
    }
    let mut mutator = Mutator::new(seeds);
    for _ in 0..rounds(few) {
        let input = mutator.next();
        let _shown = Shown(name, &input);
        target(&input);
    }
}

/// One file a seed, where libFuzzer looks for them.
fn write(name: &str, seeds: &[Vec<u8>]) {
    let Some(corpus) = std::env::var_os("PGWEIR_FUZZ_CORPUS") else { return };
    let directory = std::path::Path::new(&corpus).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), seed).unwrap();
    }
}

#[test]
fn frames() {
    check("frame", frame::run, seeds::frame(), 50_000);
}

#[test]
fn startups() {
    check("startup", startup::run, seeds::startup(), 50_000);
}

#[test]
fn scrams() {
    check("scram", scram::run, seeds::scram(), 20_000);
}

#[test]
fn texts() {
    check("sql", sql::run, seeds::sql(), 20_000);
}

#[test]
fn shapes() {
    check("shape", shape::run, seeds::shape(), 20_000);
}

#[test]
fn dialogues() {
    check("dialogue", dialogue::run, seeds::dialogue(), 20_000);
}
