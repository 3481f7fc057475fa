//! Files that may be open: each client and each server is one. Most systems begin with 1,024, which was chosen for programs
//! that `select`; every process may raise that to what its administrator has set.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// What is kept for servers, HTTP and ourselves: a quarter, but at most so many,
const MOST_KEPT: u64 = 1000;

/// and at least so many, as far as that is no more than half.
const LEAST_KEPT: u64 = 64;

/// Raises the limit as far as it goes. How many clients have room within it, which is told if it is less than `wanted`.
pub(super) fn raise(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let open = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let room = room(open);
    if room < wanted {
        warn!(
            event = "few_files",
            open_files = open,
            max_clients = wanted,
            clients = room,
            message =
                "fewer clients than max_clients are let in; raise the limit of open files (ulimit -n, LimitNOFILE)"
        );
    }
    room
}

/// `None` is no limit.
fn room(open: Option<u64>) -> usize {
    let kept = |open: u64| (open / 4).clamp(LEAST_KEPT, MOST_KEPT).min(open / 2);
    let clients = open.map_or(u64::MAX, |open| open - kept(open));
    usize::try_from(clients).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_clients() {
        for (open, clients) in
            [(Some(64), 32), (Some(160), 96), (Some(1024), 768), (Some(32_768), 31_768), (None, usize::MAX)]
        {
            assert_eq!(room(open), clients, "{open:?}");
        }
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        raise(0);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
