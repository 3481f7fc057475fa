//! Flags, logging, load, run, exit code.

fn main() {}
