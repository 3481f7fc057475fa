//! `targets/sql.rs` under libFuzzer.
#![no_main]

#[path = "../targets/sql.rs"]
mod sql;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sql::run(data));
