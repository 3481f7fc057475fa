//! What the kernel knows of a process.

use std::fs;

/// Memory that a process has in RAM, in bytes.
pub fn resident(process_id: u32) -> usize {
    let statm = fs::read_to_string(format!("/proc/{process_id}/statm")).unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
