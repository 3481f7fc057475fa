//! Who clients are: where they come from; database, user, application and host, each combination under a number of its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};

/// Where a client comes from. For people: `address:port`, or `unix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addr {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a unix socket.
    Unix,
}

impl From<SocketAddr> for Addr {
    /// One of IPv4 that came to a socket of both (`::ffff:10.0.0.7`) is what it is to everybody else.
    fn from(addr: SocketAddr) -> Addr {
        match addr.ip().to_canonical() {
            IpAddr::V4(ip) => Addr::Tcp((ip, addr.port()).into()),
            IpAddr::V6(_) => Addr::Tcp(addr),
        }
    }
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

/// A machine that clients come from. For people: its address, one of IPv6 in brackets; or `unix`; or `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Host {
    /// Another, or this one, over TCP.
    Ip(IpAddr),
    /// This one, over a unix socket.
    Unix,
    /// One of those that are not told apart.
    Other,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Unix => f.write_str("unix"),
            Host::Other => f.write_str("other"),
        }
    }
}

/// A combination's number. 0 stands for all that came when there were too many even of databases and users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WhoId(pub u32);

impl WhoId {
    /// Whether it is of one machine's clients.
    #[inline]
    pub fn has_host(self) -> bool {
        (1..=MOST as u32).contains(&self.0)
    }
}

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

/// More combinations are not told apart by their host: a fleet whose addresses change has a new one with each start.
const MOST: usize = 10_000;

/// Beyond [`MOST`], so many more are told apart by what remains without a host; then no longer by their application: its
/// name is the clients' to choose.
const MOST_WITHOUT_HOST: usize = MOST + 4_000;

/// And so many more by database and user alone, which somebody must know to log in.
const MOST_WITHOUT_APPLICATION: usize = MOST_WITHOUT_HOST + 4_000;

/// From so many on, names of applications are told apart by their words alone: some put the number of a process or of a job
/// into them.
const MANY: usize = 1_000;

/// All combinations so far, 18,000 at the most of some 200 bytes. Numbers are never given up: reports, statements and findings
/// go by them.
#[derive(Debug, Default)]
pub struct Whos(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_who: HashMap<Arc<Who>, WhoId>,
    by_id: Vec<Arc<Who>>,
    applications: HashSet<Arc<str>>,
    fell_back: u64,
}

impl Whos {
    /// This combination's number. Where there are too many, that of what is told apart of it: without its host, without its
    /// application either, and in the end [`WhoId`] 0.
    pub fn number(&self, who: Who) -> WhoId {
        self.lock().number(who)
    }

    /// The combination with this number; `None` for 0.
    pub fn get(&self, id: WhoId) -> Option<Arc<Who>> {
        (id.0 as usize).checked_sub(1).and_then(|at| self.lock().by_id.get(at).cloned())
    }

    /// How many clients were not told apart as they asked to be, for want of room.
    pub fn fell_back(&self) -> u64 {
        self.lock().fell_back
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn number(&mut self, mut who: Who) -> WhoId {
        if let Some(id) = self.by_who.get(&who) {
            return *id;
        }
        if self.applications.len() >= MANY && !self.applications.contains(&who.application_name) {
            who.application_name = words_of(&who.application_name).into();
        }
        self.known_or_new(&who, MOST).unwrap_or_else(|| self.fall_back(who))
    }

    #[cold]
    fn fall_back(&mut self, who: Who) -> WhoId {
        self.fell_back += 1;
        let of_application = Who { host: Host::Other, ..who };
        if let Some(id) = self.known_or_new(&of_application, MOST_WITHOUT_HOST) {
            return id;
        }
        let of_user = Who { application_name: "other".into(), ..of_application };
        self.known_or_new(&of_user, MOST_WITHOUT_APPLICATION).unwrap_or_default()
    }

    /// `None`: it is new, and there are `most` already.
    fn known_or_new(&mut self, who: &Who, most: usize) -> Option<WhoId> {
        if let Some(id) = self.by_who.get(who) {
            return Some(*id);
        }
        (self.by_id.len() < most).then(|| self.add(Arc::new(who.clone())))
    }

    fn add(&mut self, who: Arc<Who>) -> WhoId {
        self.applications.insert(who.application_name.clone());
        self.by_id.push(who.clone());
        let id = WhoId(self.by_id.len() as u32);
        self.by_who.insert(who, id);
        id
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
        let tcp = |addr: &str| Addr::from(addr.parse::<SocketAddr>().unwrap());
        check(tcp("10.0.0.7:5000"), ["10.0.0.7:5000", "10.0.0.7"]);
        check(tcp("[::ffff:10.0.0.7]:5000"), ["10.0.0.7:5000", "10.0.0.7"]);
        check(tcp("[::1]:5000"), ["[::1]:5000", "[::1]"]);
        check(tcp("[fe80::7%2]:5000"), ["[fe80::7%2]:5000", "[fe80::7]"]);
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
    fn one_number_each() {
        let whos = Whos::default();
        let first = whos.number(who("a"));
        assert_eq!((first, whos.number(who("b")), whos.number(who("a"))), (WhoId(1), WhoId(2), first));
        assert_eq!(*whos.get(first).unwrap(), who("a"));
        assert_eq!((whos.get(WhoId(0)), whos.get(WhoId(3))), (None, None));
    }

    /// `n` in letters: words without a digit.
    fn letters(n: usize) -> String {
        n.to_string().bytes().map(|digit| char::from(digit + 17)).collect()
    }

    fn pod(n: usize, application: &str) -> Who {
        Who { host: Host::Ip([10, 1, (n / 256) as u8, (n % 256) as u8].into()), ..who(application) }
    }

    /// What is told apart of this one.
    #[track_caller]
    fn check(whos: &Whos, one: Who, wanted: Option<Who>) {
        let id = whos.number(one.clone());
        assert_eq!(whos.get(id).as_deref(), wanted.as_ref());
        assert_eq!(whos.number(one), id, "again");
        assert_eq!(id.has_host(), wanted.is_some_and(|who| who.host != Host::Other));
    }

    #[test]
    fn many_hosts_hide_no_name() {
        let whos = Whos::default();
        let version = Who { host: Host::Unix, ..who("web 1.2") };
        (0..3 * MOST).for_each(|n| _ = whos.number(pod(n, "web 1.2")));
        assert_eq!(whos.fell_back(), 2 * MOST as u64);
        let is_known = |one: Who| check(&whos, one.clone(), Some(one));
        let is_without_host = |one: Who| check(&whos, one.clone(), Some(Who { host: Host::Other, ..one }));
        is_known(pod(7, "web 1.2"));
        is_without_host(version.clone());
        is_without_host(pod(7, "job 15"));
        is_without_host(Who { database: "e".into(), ..version.clone() });
        is_without_host(Who { user: "v".into(), ..version });
    }

    #[test]
    fn many_applications_hide_no_pool() {
        let whos = Whos::default();
        (0..2 * MOST).for_each(|n| _ = whos.number(who(&letters(n))));
        let of_user = |user: &str| Who { user: user.into(), ..who("new") };
        let without = |one: Who| Who { application_name: "other".into(), host: Host::Other, ..one };
        check(&whos, who(&letters(3)), Some(who(&letters(3))));
        let hostless = who(&letters(MOST));
        check(&whos, hostless.clone(), Some(Who { host: Host::Other, ..hostless }));
        check(&whos, of_user("u"), Some(without(of_user("u"))));
        check(&whos, of_user("v"), Some(without(of_user("v"))));
        (0..MOST).for_each(|n| _ = whos.number(of_user(&letters(n))));
        check(&whos, of_user("w"), None);
        assert_eq!(whos.lock().by_id.len(), MOST_WITHOUT_APPLICATION);
    }
}
