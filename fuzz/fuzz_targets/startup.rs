//! `targets/startup.rs` under libFuzzer.
#![no_main]

#[path = "../targets/startup.rs"]
mod startup;

libfuzzer_sys::fuzz_target!(|data: &[u8]| startup::run(data));
