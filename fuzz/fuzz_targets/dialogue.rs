//! `targets/dialogue.rs` under libFuzzer.
#![no_main]

#[path = "../targets/dialogue.rs"]
mod dialogue;
#[path = "../targets/pair.rs"]
mod pair;

libfuzzer_sys::fuzz_target!(|data: &[u8]| dialogue::run(data));
