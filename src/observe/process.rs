//! What the kernel says about this process: memory, descriptors, processor time, from `/proc/self`. Read when somebody
//! asks, never on the path.

use std::fs;

/// This process; `None` where the kernel does not tell (no Linux, no `/proc`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// Memory in use, bytes.
    pub resident_bytes: Option<u64>,
    /// Descriptors open.
    pub open_fds: Option<u64>,
    /// Descriptors that may be open; `None` also when unlimited.
    pub max_fds: Option<u64>,
    /// User and system time since the start, seconds.
    pub cpu_seconds: Option<f64>,
}

impl Process {
    /// Asks the kernel. Counting descriptors lists them: some 100 µs for a thousand.
    pub fn read() -> Process {
        let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
        Process {
            resident_bytes: text("status").and_then(|status| resident_bytes(&status)),
            open_fds: open_fds(),
            max_fds: text("limits").and_then(|limits| max_fds(&limits)),
            cpu_seconds: text("stat").and_then(|stat| cpu_seconds(&stat)),
        }
    }
}

/// One less than listed: the listing itself needs one.
fn open_fds() -> Option<u64> {
    fs::read_dir("/proc/self/fd").ok().map(|entries| (entries.count() as u64).saturating_sub(1))
}

/// `VmRSS:     5204 kB`
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `Max open files            1024                 524288               files`: the first is the soft limit, the one that
/// counts.
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of proc(5), counted behind the program's name, which may contain spaces and parentheses.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / USER_HZ)
}

/// The unit of times in `/proc`: 100 on every architecture that Rust's std knows.
const USER_HZ: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident() {
        assert_eq!(resident_bytes("VmHWM:\t 9 kB\nVmRSS:\t    5204 kB\nRssAnon: 1 kB\n"), Some(5_328_896));
        assert_eq!(resident_bytes("VmRSS: many kB\n"), None);
        assert_eq!(resident_bytes(""), None);
    }

    #[test]
    fn descriptors() {
        let line = "Max processes  1 1 processes\nMax open files            1024                 524288     files \n";
        assert_eq!(max_fds(line), Some(1024));
        assert_eq!(max_fds("Max open files   unlimited   unlimited  files"), None);
    }

    #[test]
    fn processor_time() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (cut) S 1"), None);
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn of_this_very_process() {
        let process = Process::read();
        assert!(process.resident_bytes.unwrap() > 0x10_0000);
        assert!(process.open_fds.unwrap() >= 3);
        assert!(process.cpu_seconds.is_some());
    }
}
