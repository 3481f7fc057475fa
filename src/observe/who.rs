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

/// More combinations are not told apart: application names are the clients' to choose.
const MOST: usize = 10_000;

/// From so many on, names are told apart by their words alone: some put the number of a process or of a job into them.
const MANY: usize = 1_000;

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
    pub fn number(&self, mut who: Who) -> WhoId {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.by_who.get(&who) {
            return *id;
        }
        if table.by_id.len() >= MANY {
            who.application_name = words_of(&who.application_name).into();
        }
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

/// A name with `#` for each word in it that has a digit.
fn words_of(name: &str) -> String {
    let mut words = String::new();
    for word in name.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let (letters, after) = word.split_at(word.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
        words += if letters.contains(|c: char| c.is_ascii_digit()) { "#" } else { letters };
        words += after;
    }
    words
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
    fn names_with_numbers_are_one_when_there_are_many() {
        let whos = Whos::default();
        let jobs = |from: usize, to: usize| {
            (from..to).map(|n| whos.number(who(&format!("job {n}, 3fa{n}b-x")))).collect::<Vec<_>>()
        };
        assert_eq!(jobs(0, MANY).last(), Some(&WhoId(MANY as u32)));
        let later = jobs(MANY, 3 * MANY);
        assert!(later.iter().all(|id| *id == WhoId(MANY as u32 + 1)));
        assert_eq!(&*whos.get(later[0]).unwrap().application_name, "job #, #-x");
        assert_eq!(whos.number(who("web")), WhoId(MANY as u32 + 2));
    }

    #[test]
    fn one_number_each_and_none_beyond_the_bound() {
        let whos = Whos::default();
        let first = whos.number(who("a"));
        assert_eq!((first, whos.number(who("b")), whos.number(who("a"))), (WhoId(1), WhoId(2), first));
        assert_eq!(*whos.get(first).unwrap(), who("a"));
        for n in 0..MOST as u32 {
            let letters: String = n.to_string().bytes().map(|digit| char::from(digit + 17)).collect();
            whos.number(who(&letters));
        }
        assert_eq!(whos.number(who("one more")), WhoId(0));
        assert_eq!(whos.get(WhoId(0)), None);
    }
}
