//! `targets/shape.rs` under libFuzzer.
#![no_main]

#[path = "../targets/shape.rs"]
mod shape;

libfuzzer_sys::fuzz_target!(|data: &[u8]| shape::run(data));
