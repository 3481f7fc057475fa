//! The handover race under a model checker (shuttle), which tries the orders of its steps: clients that wait, leave, are late or are refused while
//! servers come back, each a thread, doing with the ledger what `lease` does. Sleeping for ever is a deadlock, and fails.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::sync::{Mutex, MutexGuard};
use shuttle::{Config, Runner, thread};

use super::*;
use crate::protocol::sqlstate;

const LIMITS: Limits = Limits {
    size: 2,
    min: 0,
    reserve: 0,
    reserve_after: Duration::ZERO,
    max_opening: 2,
    wait: Duration::from_secs(30),
    retry: Duration::ZERO,
};

/// So many orders of a scene are tried, of each kind; all of them would be millions.
const ORDERS: usize = 400;

/// The scheduler's seed: the same orders each time.
const SEED: u64 = 1;

/// Points at which one thread makes way for another, in those orders that have few. The race needs two.
const TURNS: usize = 3;

/// A client: its waker, and the word to leave. A call that comes before it sleeps is kept, as by a task's waker. What is of
/// `std` here makes no further orders to be tried.
#[derive(Debug)]
struct Client {
    waker: Sender<()>,
    leaves: AtomicBool,
}

/// What a client sleeps on.
type Sleep = Receiver<()>;

impl Client {
    fn new() -> (Arc<Client>, Sleep) {
        let (waker, sleep) = channel();
        (Arc::new(Client { waker, leaves: AtomicBool::new(false) }), sleep)
    }

    fn wake(&self) {
        // One that has gone hears nothing.
        let _ = self.waker.send(());
    }

    /// Its session ends, or its CancelRequest came.
    fn tell(&self) {
        self.leaves.store(true, SeqCst);
        self.wake();
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Served,
    Left,
    TooLate,
    Refused,
}

impl End {
    fn letter(self) -> char {
        match self {
            End::Served => 'S',
            End::Left => 'L',
            End::TooLate => 'T',
            End::Refused => 'R',
        }
    }
}

/// A pool. What is only for the test is of `std`, so that it makes no further orders.
struct House {
    ledger: Mutex<Ledger<u32, Arc<Client>>>,
    held: std::sync::Mutex<HashSet<u32>>,
    opened: AtomicUsize,
    lost: AtomicUsize,
    began: Instant,
    seconds: AtomicUsize,
}

/// The ledger, its invariants looked at when it is let go.
struct Books<'a>(MutexGuard<'a, Ledger<u32, Arc<Client>>>);

impl Drop for Books<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.check_invariants();
            assert!(!self.0.is_oversized());
        }
    }
}

impl House {
    fn new(limits: Limits, began: Instant) -> Arc<House> {
        Arc::new(House {
            ledger: Mutex::new(Ledger::new(limits, 1)),
            held: std::sync::Mutex::default(),
            opened: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            began,
            seconds: AtomicUsize::new(0),
        })
    }

    fn books(&self) -> Books<'_> {
        Books(self.ledger.lock().unwrap())
    }

    fn at(&self, seconds: u64) -> Instant {
        self.began + Duration::from_secs(seconds)
    }

    /// Somebody has this server, and nobody else.
    fn take(&self, server: u32) -> u32 {
        assert!(self.held.lock().unwrap().insert(server), "server {server} was handed twice");
        server
    }

    fn put(&self, server: u32) {
        assert!(self.held.lock().unwrap().remove(&server));
    }

    /// As `lease::accept`.
    fn give_back(&self, server: u32, now: Instant) {
        self.put(server);
        let woken = self.books().0.give_back(server, 0, now);
        woken.into_iter().for_each(|client| client.wake());
    }

    /// As `lease::discard`.
    fn lose(self: &Arc<House>, server: u32, now: Instant) {
        self.put(server);
        self.lost.fetch_add(1, Relaxed);
        self.books().0.lost();
        self.open_wanted(now);
    }

    /// As `Pool::open_wanted`: each opens in a thread of its own.
    fn open_wanted(self: &Arc<House>, now: Instant) {
        let wanted = self.books().0.to_open(now);
        for _ in 0..wanted {
            let house = self.clone();
            thread::spawn(move || house.open(now));
        }
    }

    /// As `Pool::opened`.
    fn open(self: &Arc<House>, now: Instant) {
        let server = self.opened.fetch_add(1, Relaxed) as u32 + 1;
        let woken = self.books().0.opened(server, 0, now);
        woken.into_iter().for_each(|client| client.wake());
        self.open_wanted(now);
    }

    /// As `lease::discard`, and then `Pool::open_failed`.
    fn fail(self: &Arc<House>, server: u32, now: Instant) {
        self.put(server);
        self.lost.fetch_add(1, Relaxed);
        self.books().0.lost();
        let wanted = self.books().0.to_open(now);
        (0..wanted).for_each(|_| self.fail_to_open(now));
    }

    fn fail_to_open(self: &Arc<House>, now: Instant) {
        let mut woken = Vec::new();
        let why = Arc::new(Complaint::fatal(sqlstate::CONNECTION_FAILURE, "down"));
        self.books().0.open_failed(why, now, &mut woken);
        woken.iter().for_each(|client| client.wake());
        self.open_wanted(now);
    }

    /// As the tick in `tidy`.
    fn expire(&self, now: Instant) {
        let mut woken = Vec::new();
        self.books().0.expire(now, &mut woken);
        woken.iter().for_each(|client| client.wake());
    }

    /// As `Pool::ask`; either a server or a turn.
    fn ask(self: &Arc<House>, client: &Arc<Client>, now: Instant) -> Result<u32, Turn> {
        let grant = self.books().0.acquire(client.clone(), 0, now);
        match grant {
            Grant::Use(server) => Ok(self.take(server)),
            Grant::Wait(turn) => Err(turn),
            Grant::Refuse(why) => panic!("{why:?}: failures are forgotten at once here"),
        }
    }

    /// As `Waiting::poll_turn`, polled when its client is woken, and its `Drop`.
    fn wait(&self, client: &Client, sleep: &Sleep, mut turn: Turn, now: Instant) -> (End, Option<u32>) {
        loop {
            if client.leaves.load(SeqCst) {
                let woken = self.books().0.leave(turn, now);
                woken.into_iter().for_each(|next| next.wake());
                return (End::Left, None);
            }
            let claim = self.books().0.claim(turn);
            turn = match claim {
                Claim::Server(server) => return (End::Served, Some(self.take(server))),
                Claim::Expired(_) => return (End::TooLate, None),
                Claim::Refused(_) => return (End::Refused, None),
                Claim::Wait(turn) => turn,
            };
            sleep.recv().unwrap();
        }
    }

    /// Nobody waits, and every server rests that was not lost.
    fn is_quiet(&self) {
        let ledger = self.ledger.lock().unwrap();
        let rest = self.opened.load(Relaxed) - self.lost.load(Relaxed);
        assert_eq!((ledger.waiting(), ledger.lent(), ledger.opening(), ledger.idle()), (0, 0, 0, rest));
        assert!(self.held.lock().unwrap().is_empty());
    }
}

/// How the two clients of a scene may end, over all orders: two letters for each way, in alphabet.
type Ends = Arc<std::sync::Mutex<BTreeSet<String>>>;

/// A server is on loan and two clients wait, `a` since second 0 and `b` since second 20. Then each word is a thread: `-` the
/// server is given back, `!` lost, `x` lost and none can be had in its place, `?30` the tick of second 30, `~a` and `~b` a
/// client leaves. `expected` are all ways in which a's and b's waits end: `S`erved, `L`eft, `T`oo late, `R`efused.
#[track_caller]
fn check(words: &'static str, expected: &str) {
    let (ends, began) = (Ends::default(), Instant::now());
    let found = ends.clone();
    in_many_orders(move || scene(words, &found, began));
    assert_eq!(ends.lock().unwrap().iter().map(String::as_str).collect::<Vec<_>>().join(" "), expected, "{words}");
}

/// Tries orders at random, and orders in which few threads make way.
fn in_many_orders(scene: impl Fn() + Clone + Send + Sync + 'static) {
    Runner::new(RandomScheduler::new_from_seed(SEED, ORDERS), Config::default()).run(scene.clone());
    Runner::new(PctScheduler::new_from_seed(SEED, TURNS, ORDERS), Config::default()).run(scene);
}

fn scene(words: &str, ends: &Ends, began: Instant) {
    let house = House::new(Limits { size: 1, ..LIMITS }, began);
    let first = house.lend_one();
    let ((a, sleep_a), (b, sleep_b)) = (Client::new(), Client::new());
    let waits = [house.begin_wait(&a, sleep_a, 0), house.begin_wait(&b, sleep_b, 20)];
    let clients = [a, b];
    let stirs: Vec<_> = words.split(' ').map(|word| house.stir(word, first, &clients)).collect();
    stirs.into_iter().for_each(|stir| stir.join().unwrap());
    let ended: String = waits.into_iter().map(|wait| wait.join().unwrap().letter()).collect();
    ends.lock().unwrap().insert(ended);
    house.is_quiet();
}

impl House {
    /// A server, on loan to a client who is not in the scene.
    fn lend_one(self: &Arc<House>) -> u32 {
        let turn = self.ask(&Client::new().0, self.at(0)).unwrap_err();
        assert_eq!(self.books().0.to_open(self.at(0)), 1);
        self.opened.store(1, Relaxed);
        self.books().0.opened(1, 0, self.at(0));
        let Claim::Server(server) = self.books().0.claim(turn) else { panic!("the first in the queue is served") };
        self.take(server)
    }

    /// A client that asks now, waits in a thread, and gives back at once what it gets.
    fn begin_wait(self: &Arc<House>, client: &Arc<Client>, sleep: Sleep, second: u64) -> thread::JoinHandle<End> {
        let (house, client) = (self.clone(), client.clone());
        let turn = house.ask(&client, house.at(second)).unwrap_err();
        thread::spawn(move || {
            let (end, server) = house.wait(&client, &sleep, turn, house.at(30));
            server.into_iter().for_each(|server| house.give_back(server, house.at(30)));
            end
        })
    }

    fn stir(self: &Arc<House>, word: &str, first: u32, clients: &[Arc<Client>; 2]) -> thread::JoinHandle<()> {
        let (house, now, clients) = (self.clone(), self.at(30), clients.clone());
        match word {
            "-" => thread::spawn(move || house.give_back(first, now)),
            "!" => thread::spawn(move || house.lose(first, now)),
            "x" => thread::spawn(move || house.fail(first, now)),
            "~a" => thread::spawn(move || clients[0].tell()),
            "~b" => thread::spawn(move || clients[1].tell()),
            tick => {
                let now = self.at(tick[1..].parse().unwrap());
                thread::spawn(move || house.expire(now))
            }
        }
    }
}

#[test]
fn one_gives_back_while_another_gives_up() {
    check("-", "SS");
    check("- ~a", "LS SS");
    check("- ~b", "SL SS");
    check("- ?30", "SS TS");
    check("- ?50", "SS ST TT");
    check("- ~a ~b", "LL LS SL SS");
    check("- ~a ?50", "LS LT SS ST TT");
}

#[test]
fn one_is_lost_while_another_gives_up() {
    check("! ~a", "LS SS");
    check("! ?30", "SS TS");
    check("x ~a", "LR RR");
    check("x ?30", "RR TR");
}

#[path = "ledger_crowd_tests.rs"]
mod crowd;
