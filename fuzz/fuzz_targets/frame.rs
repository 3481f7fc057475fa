//! `targets/frame.rs` under libFuzzer.
#![no_main]

#[path = "../targets/frame.rs"]
mod frame;

libfuzzer_sys::fuzz_target!(|data: &[u8]| frame::run(data));
