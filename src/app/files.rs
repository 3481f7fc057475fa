//! Files that may be open: each client and each server is one. Most systems begin with 1,024, which was chosen for programs
//! that `select`; every process may raise that to what its administrator has set.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config::{Config, Database};

/// What is open when nobody is there: standard streams, listeners, signals, certificates while they are read.
const BASE: u64 = 20;

/// What a worker's loop takes.
const A_WORKER: u64 = 4;

/// One part in so many is for the web side, and as much again for those who come, are turned away or cancel;
const SHARE: u64 = 16;

/// between these.
const FEWEST: u64 = 8;
const MOST: u64 = 64;

/// Clients have one part in so many, whatever servers would take: pools of many users and databases are rarely full all at once.
const LEAST_CLIENTS: u64 = 4;

/// What has room within the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    open: Option<u64>,
    /// What the pools may open.
    servers: u64,
    /// Whether all of it has room, and a part for clients beside it.
    fits: bool,
    /// Clients.
    pub(super) clients: usize,
    /// Connections to the web side.
    pub(super) web: usize,
}

impl Room {
    /// Raises the limit as far as it goes, and divides it.
    pub(super) fn make(config: &Config) -> Room {
        Room::within(raise(), config.listen.workers as u64, servers(config))
    }

    /// `None` is no limit.
    fn within(open: Option<u64>, workers: u64, servers: u64) -> Room {
        let Some(files) = open else {
            return Room { open, servers, fits: true, clients: usize::MAX, web: MOST as usize };
        };
        let share = (files / SHARE).clamp(FEWEST, MOST);
        let kept = BASE + A_WORKER * workers + 2 * share;
        let least = files / LEAST_CLIENTS;
        let clients = files.saturating_sub(kept + servers).max(least);
        let fits = kept + servers + least <= files;
        Room { open, servers, fits, clients: usize::try_from(clients).unwrap_or(usize::MAX), web: share as usize }
    }

    /// Tells where it is less than the configuration would have.
    pub(super) fn tell(&self, config: &Config) {
        let wanted = config.pool.max_clients;
        let message = match self.fits {
            true if self.clients >= wanted => return,
            true => "fewer clients than max_clients are let in; raise the limit of open files (ulimit -n, LimitNOFILE)",
            false => {
                "the pools may open more servers than there is room for; raise the limit of open files (ulimit -n, \
                 LimitNOFILE), or lower pool_size or max_db_connections"
            }
        };
        let clients = self.clients.min(wanted);
        warn!(
            event = "few_files",
            open_files = self.open,
            max_clients = wanted,
            clients,
            servers = self.servers,
            message
        );
    }
}

/// The limit, as high as it goes.
fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// How many servers the pools of all databases may open, with the one that listens for each; those of `*` as if it were one
/// database.
fn servers(config: &Config) -> u64 {
    config.databases.iter().map(|(name, database)| servers_of(config, name, database)).sum()
}

fn servers_of(config: &Config, name: &str, database: &Database) -> u64 {
    let of = |user: &str| {
        let settings = config.pool_settings(name, user);
        let all = settings.pool_size + settings.reserve_pool_size + 1;
        let most = config.users.get(user).and_then(|user| user.max_user_connections);
        all.min(most.unwrap_or(usize::MAX)) as u64
    };
    // Without a user nobody knows who comes.
    let all = if config.users.is_empty() { of("") } else { config.users.keys().map(|user| of(user)).sum() };
    all.min(database.max_db_connections.map_or(u64::MAX, |most| most as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PoolSettings, User};

    #[test]
    fn room_for_clients() {
        // Open files, servers: clients, connections to the web side.
        let check = |open, servers, expected: (usize, usize, bool)| {
            let room = Room::within(open, 2, servers);
            assert_eq!((room.clients, room.web, room.fits), expected, "{open:?} {servers}");
        };
        check(Some(64), 21, (16, 8, false));
        check(Some(128), 21, (63, 8, true));
        check(Some(256), 56, (140, 16, true));
        check(Some(256), 201, (64, 16, false));
        check(Some(1024), 21, (847, 64, true));
        check(Some(4096), 4000, (1024, 64, false));
        check(Some(32_768), 21, (32_591, 64, true));
        check(None, 4000, (usize::MAX, 64, true));
    }

    #[test]
    fn all_has_room_at_once() {
        for open in 96..2000 {
            for servers in 0..open {
                let room = Room::within(Some(open), 2, servers);
                let all = BASE + 2 * A_WORKER + room.clients as u64 + room.web as u64 + servers;
                assert!(!room.fits || all <= open, "{open} {servers} {room:?}");
            }
        }
    }

    #[test]
    fn what_pools_may_open() {
        let settings = |pool_size| PoolSettings { pool_size, ..PoolSettings::default() };
        let mut config = Config::default();
        config.pool.defaults = settings(9);
        assert_eq!(servers(&config), 0);
        config.databases.insert("a".to_owned(), Database::default());
        assert_eq!(servers(&config), 10);
        for (name, most) in [("one", None), ("two", Some(4))] {
            config.users.insert(name.to_owned(), User { max_user_connections: most, ..User::default() });
        }
        assert_eq!(servers(&config), 14);
        config.databases.insert("b".to_owned(), Database { max_db_connections: Some(5), ..Database::default() });
        assert_eq!(servers(&config), 19);
    }

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        Room::make(&Config::default());
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
