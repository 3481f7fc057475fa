//! Who clients are: where they come from; database, user, application and host, each combination under a number of its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

/// Where a client comes from. For people: `address:port`, or `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addr {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a unix socket.
    Unix,
}

impl Addr {
    /// Without the port.
    pub fn host(&self) -> Host {
        match self {
            Addr::Tcp(addr) => Host::Ip(addr.ip()),
            Addr::Unix => Host::Unix,
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Tcp(addr) => addr.fmt(f),
            Addr::Unix => f.write_str("unix"),
        }
    }
}

/// A machine that clients come from. For people: its address, one of IPv6 in brackets; or `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Host {
    /// Another, or this one, over TCP.
    Ip(IpAddr),
    /// This one, over a unix socket.
    Unix,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Unix => f.write_str("unix"),
        }
    }
}

/// A combination's number. 0 stands for all that came when there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WhoId(pub u32);

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    /// The name that it asked for.
    pub database: Arc<str>,
    /// The user that it logged in as.
    pub user: Arc<str>,
    /// What it says it is.
    pub application_name: Arc<str>,
    /// Where it comes from.
    pub host: Host,
}

/// More combinations are not told apart: application names are the clients' to choose, and some put a number into them.
const MOST: usize = 10_000;

/// All combinations so far. Numbers are never given up.
#[derive(Debug, Default)]
pub struct Whos(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_who: HashMap<Arc<Who>, WhoId>,
    by_id: Vec<Arc<Who>>,
}

impl Whos {
    /// This combination's number.
    pub fn number(&self, who: Who) -> WhoId {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.by_who.get(&who) {
            return *id;
        }
        if table.by_id.len() >= MOST {
            return WhoId(0);
        }
        let who = Arc::new(who);
        table.by_id.push(who.clone());
        let id = WhoId(table.by_id.len() as u32);
        table.by_who.insert(who, id);
        id
    }

    /// The combination with this number; `None` for 0.
    pub fn get(&self, id: WhoId) -> Option<Arc<Who>> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (id.0 as usize).checked_sub(1).and_then(|at| table.by_id.get(at)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(application: &str) -> Who {
        Who { database: "d".into(), user: "u".into(), application_name: application.into(), host: Host::Unix }
    }

    #[test]
    fn for_people() {
        let check = |addr: Addr, words: [&str; 2]| assert_eq!([addr.to_string(), addr.host().to_string()], words);
        check(Addr::Tcp("10.0.0.7:5000".parse().unwrap()), ["10.0.0.7:5000", "10.0.0.7"]);
        check(Addr::Tcp("[::1]:5000".parse().unwrap()), ["[::1]:5000", "[::1]"]);
        check(Addr::Unix, ["unix", "unix"]);
    }

    #[test]
    fn one_number_each_and_none_beyond_the_bound() {
        let whos = Whos::default();
        let first = whos.number(who("a"));
        assert_eq!((first, whos.number(who("b")), whos.number(who("a"))), (WhoId(1), WhoId(2), first));
        assert_eq!(*whos.get(first).unwrap(), who("a"));
        for n in 0..MOST {
            whos.number(who(&n.to_string()));
        }
        assert_eq!(whos.number(who("one more")), WhoId(0));
        assert_eq!(whos.get(WhoId(0)), None);
    }
}
