//! The ledger by tables: who gets which server when.

use super::*;
use crate::protocol::sqlstate;
use std::collections::HashMap;

const LIMITS: Limits = Limits {
    size: 2,
    min: 0,
    reserve: 0,
    reserve_after: Duration::ZERO,
    max_opening: 2,
    wait: Duration::from_secs(30),
    retry: Duration::from_millis(500),
};

/// A pool, its clients by name, and a clock that the script moves.
struct Scene {
    ledger: Ledger<u32, char>,
    turns: HashMap<char, Turn>,
    held: HashMap<char, u32>,
    now: Instant,
    servers: u32,
    homes: HashMap<u32, usize>,
}

/// Plays words and writes down what happened:
/// `a` client a asks (`a@1` on worker 1) · `-a` gives its server back · `!a` loses it · `~a` leaves the queue ·
/// `+` a server opened (`+1` on worker 1) · `x` opening failed · `t5` five seconds pass · `T6` six ms · `?` expire · `p`/`r`
/// pause, resume · `o` how many to open · `*` the pool itself takes a server that rests, to look at it (`-*`, `!*`).
#[track_caller]
fn check_with(limits: Limits, workers: usize, script: &str, expected: &str) {
    let mut scene = Scene {
        ledger: Ledger::new(limits, workers),
        turns: HashMap::new(),
        held: HashMap::new(),
        now: Instant::now(),
        servers: 0,
        homes: HashMap::new(),
    };
    let said: Vec<String> = script.split(' ').map(|word| scene.play(word)).filter(|s| !s.is_empty()).collect();
    assert_eq!(said.join(" "), expected, "{script}");
}

#[track_caller]
fn check(script: &str, expected: &str) {
    check_with(LIMITS, 1, script, expected);
}

impl Scene {
    fn play(&mut self, word: &str) -> String {
        let (first, rest) = word.split_at(1);
        let name = rest.chars().next().unwrap_or(' ');
        let said = match first {
            "-" => {
                let server = self.held.remove(&name).unwrap();
                let woken = self.ledger.give_back(server, self.homes[&server], self.now);
                self.wake(woken)
            }
            "!" => {
                self.held.remove(&name).unwrap();
                self.ledger.lost();
                String::new()
            }
            "~" => {
                let woken = self.turns.remove(&name).and_then(|turn| self.ledger.leave(turn, self.now));
                self.wake(woken)
            }
            "+" => {
                self.servers += 1;
                let home = rest.parse().unwrap_or(0);
                self.homes.insert(self.servers, home);
                let woken = self.ledger.opened(self.servers, home, self.now);
                self.wake(woken)
            }
            "x" => {
                let mut woken = Vec::new();
                let why = Arc::new(Complaint::fatal(sqlstate::CONNECTION_FAILURE, "down"));
                self.ledger.open_failed(why, self.now, &mut woken);
                self.wake(woken)
            }
            "t" => {
                self.now += Duration::from_secs(rest.parse().unwrap());
                String::new()
            }
            "T" => {
                self.now += Duration::from_millis(rest.parse().unwrap());
                String::new()
            }
            "?" => {
                let mut woken = Vec::new();
                self.ledger.expire(self.now, &mut woken);
                self.wake(woken)
            }
            "p" => {
                self.ledger.pause();
                String::new()
            }
            "r" => {
                let mut woken = Vec::new();
                self.ledger.resume(self.now, &mut woken);
                self.wake(woken)
            }
            "o" => self.ledger.to_open(self.now).to_string(),
            "*" => {
                self.held.extend(self.ledger.borrow_where(|_| true).into_iter().map(|(server, _)| ('*', server)));
                String::new()
            }
            client => {
                let home = word.split_once('@').map_or(0, |(_, home)| home.parse().unwrap());
                self.ask(client.chars().next().unwrap(), home)
            }
        };
        self.ledger.check_invariants();
        assert!(!self.ledger.is_oversized());
        said
    }

    fn ask(&mut self, client: char, home: usize) -> String {
        match self.ledger.acquire(client, home, self.now) {
            Grant::Use(server) => {
                self.held.insert(client, server);
                format!("{client}={server}")
            }
            Grant::Wait(turn) => {
                self.turns.insert(client, turn);
                String::new()
            }
            Grant::Refuse(why) => format!("{client}:{}", why.code()),
        }
    }

    /// Those who are woken look at once.
    fn wake(&mut self, woken: impl IntoIterator<Item = char>) -> String {
        let said: Vec<String> = woken.into_iter().map(|client| self.look(client)).collect();
        said.join(" ")
    }

    fn look(&mut self, client: char) -> String {
        match self.ledger.claim(self.turns.remove(&client).unwrap()) {
            Claim::Server(server) => {
                self.held.insert(client, server);
                format!("{client}={server}")
            }
            Claim::Expired(waited) => format!("{client}:late{}", waited.as_secs()),
            Claim::Refused(why) => format!("{client}:{}", why.code()),
            Claim::Wait(_) => panic!("woken for nothing"),
        }
    }
}

#[test]
fn opening() {
    check("a o +", "1 a=1");
    check("a b c o + +", "2 a=1 b=2");
    check("a o b o c o", "1 1 0");
    check("a o + b o + -b -a c", "1 a=1 1 b=2 c=1");
    check_with(Limits { max_opening: 1, ..LIMITS }, 1, "a b o + o +", "1 a=1 1 b=2");
    check_with(Limits { min: 2, ..LIMITS }, 1, "o + + o a b", "2 0 a=2 b=1");
}

#[test]
fn waiters_are_first_in_first_out_and_servers_last_in_first_out() {
    check("a b o + + c d e -b -a -c", "2 a=1 b=2 c=2 d=1 e=2");
    check("a b o + + -a -b c d", "2 a=1 b=2 c=2 d=1");
    check("a b o + + c d ~c -a", "2 a=1 b=2 d=1");
}

#[test]
fn a_lost_server_makes_room() {
    check("a b o + + c o !a o +", "2 a=1 b=2 0 1 c=3");
}

#[test]
fn a_server_that_is_looked_at_has_its_place() {
    check("a o + -a * b c o + -*", "1 a=1 1 b=2 c=1");
    check("a o + -a * b c o + !* o +", "1 a=1 1 b=2 1 c=3");
}

#[test]
fn a_wait_ends() {
    check("a b o + + c t20 d t10 ? t19 ? t1 ?", "2 a=1 b=2 c:late30 d:late30");
    check_with(Limits { wait: Duration::ZERO, ..LIMITS }, 1, "a b o + + c t999 ?", "2 a=1 b=2");
}

#[test]
fn a_server_that_cannot_be_opened() {
    check("a b o x x", "2 a:08006 b:08006");
    check("a o x b T499 c T1 d o +", "1 a:08006 b:08006 c:08006 1 d=1");
    check("a o + b o x -a", "1 a=1 1 b=1");
}

#[test]
fn pausing() {
    check("a o + p b o -a r -b c", "1 a=1 0 b=1 c=1");
    check("a o + -a p b r", "1 a=1 b=1");
    check("a o + p b -a p ~b r c", "1 a=1 c=1");
}

#[test]
fn the_reserve_opens_for_those_who_waited() {
    let limits = Limits { reserve: 1, reserve_after: Duration::from_secs(5), ..LIMITS };
    check_with(limits, 1, "a b o + + c o t5 o + d o", "2 a=1 b=2 0 1 c=3 0");
}

#[test]
fn home_first_within_a_bound() {
    check_with(LIMITS, 2, "a b o + +1 c@1 d -a -b", "2 a=1 b=2 d=1 c=2");
    check_with(LIMITS, 2, "a b o + +1 c@1 T6 d -a -b", "2 a=1 b=2 c=1 d=2");
    check_with(LIMITS, 2, "a b@1 o + +1 -a -b c d", "2 a=1 b=2 c=1 d=2");
}

#[test]
fn a_granted_server_of_one_who_leaves_goes_to_the_next() {
    let now = Instant::now();
    let mut ledger: Ledger<u32, char> = Ledger::new(Limits { size: 1, ..LIMITS }, 1);
    let turn = |grant| match grant {
        Grant::Wait(turn) => turn,
        _ => panic!("should wait"),
    };
    let first = turn(ledger.acquire('a', 0, now));
    let second = turn(ledger.acquire('b', 0, now));
    assert_eq!(ledger.to_open(now), 1);
    assert_eq!(ledger.opened(7, 0, now), Some('a'));
    assert_eq!(ledger.leave(first, now), Some('b'));
    assert!(matches!(ledger.claim(second), Claim::Server(7)));
    assert_eq!(ledger.give_back(7, 0, now), None);
    assert_eq!((ledger.idle(), ledger.lent(), ledger.waiting()), (1, 0, 0));
    ledger.check_invariants();
}

#[test]
fn a_server_that_is_looked_at_rests_on() {
    let (mut ledger, began) = (Ledger::<u32, char>::new(LIMITS, 1), Instant::now());
    let after = |seconds| began + Duration::from_secs(seconds);
    let turns = [ledger.acquire('a', 0, began), ledger.acquire('b', 0, began)];
    ledger.to_open(began);
    ledger.opened(1, 0, began);
    ledger.opened(2, 0, began);
    for (turn, server, seconds) in
        turns.into_iter().zip([1, 2]).map(|(grant, server)| (grant, server, u64::from(server)))
    {
        assert!(matches!(grant_of(&mut ledger, turn), Claim::Server(given) if given == server));
        ledger.give_back(server, 0, after(seconds));
    }
    for (seconds, expected) in [(31, 1), (32, 2), (61, 1)] {
        let (server, since) = ledger.borrow_rested(after(seconds), Duration::from_secs(30)).unwrap();
        assert_eq!((server, since), (expected, after(u64::from(expected))));
        ledger.put_back(server, 0, since, after(seconds));
    }
    // Who was looked at last is not who served last.
    assert!(matches!(ledger.acquire('c', 0, after(61)), Grant::Use(2)));
    ledger.give_back(2, 0, after(61));
    assert!(ledger.borrow_rested(after(62), Duration::from_secs(30)).is_none(), "neither has rested for so long");
    assert_eq!(ledger.cull_rested(after(62), Duration::from_secs(60)), [1]);
}

#[test]
fn all_that_rest_are_looked_at_in_turns() {
    let (mut ledger, began) =
        (Ledger::<u32, char>::new(Limits { size: 5, min: 5, max_opening: 5, ..LIMITS }, 1), Instant::now());
    assert_eq!(ledger.to_open(began), 5);
    (1..=5).for_each(|server| _ = ledger.opened(server, 0, began));
    let mut looked_at = Vec::new();
    for second in 2..12 {
        let now = began + Duration::from_secs(second);
        let (server, since) = ledger.borrow_rested(now, Duration::from_secs(1)).unwrap();
        ledger.put_back(server, 0, since, now);
        looked_at.push(server);
    }
    assert_eq!(looked_at, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
}

fn grant_of(ledger: &mut Ledger<u32, char>, grant: Grant<u32>) -> Claim<u32> {
    match grant {
        Grant::Wait(turn) => ledger.claim(turn),
        _ => panic!("should wait"),
    }
}

/// When a pool that nobody waits in tries to open a server, which fails for this reason: the seconds between attempts, for a
/// pool that is looked at every second. `min` is its minimum; a reload comes after `reload` of them.
#[track_caller]
fn check_rests(code: sqlstate::SqlState, min: usize, reload: usize, expected: &str) {
    let limits = Limits { min, ..LIMITS };
    let (mut ledger, began) = (Ledger::<u32, char>::new(limits, 1), Instant::now());
    let (mut tried, mut rests) = (began, Vec::new());
    for second in 0.. {
        let now = began + Duration::from_secs(second);
        if ledger.to_probe(false, now) || ledger.to_open(now) > 0 {
            rests.push((now - tried).as_secs().to_string());
            tried = now;
            ledger.open_failed(Arc::new(Complaint::error(code, "no")), now, &mut Vec::new());
            if rests.len() == reload {
                ledger.hasten();
            }
        }
        if rests.len() == 12 {
            break;
        }
    }
    assert_eq!(rests.join(" "), expected);
    // A client does not wait for it.
    let now = tried + LIMITS.retry;
    assert!(matches!(ledger.acquire('a', 0, now), Grant::Wait(_)) && ledger.to_open(now) > 0);
    ledger.opened(1, 0, now);
    assert!(ledger.failure().is_none());
}

#[test]
fn a_refused_login_is_tried_less_and_less_often_where_nobody_waits() {
    let (refused, unreachable) = (sqlstate::INVALID_PASSWORD, sqlstate::CONNECTION_FAILURE);
    check_rests(refused, 0, 0, "0 1 1 2 4 8 16 32 60 60 60 60");
    check_rests(refused, 1, 0, "0 1 1 2 4 8 16 32 60 60 60 60");
    check_rests(refused, 0, 6, "0 1 1 2 4 8 1 1 2 4 8 16");
    check_rests(sqlstate::INVALID_CATALOG_NAME, 0, 0, "0 1 1 1 1 1 1 1 1 1 1 1");
    check_rests(unreachable, 0, 0, "0 1 1 1 1 1 1 1 1 1 1 1");
    check_rests(unreachable, 1, 0, "0 1 1 1 1 1 1 1 1 1 1 1");
}

/// Also while one is tried again.
#[test]
fn none_could_be_opened() {
    let (mut ledger, now) = (Ledger::<u32, char>::new(LIMITS, 1), Instant::now());
    let why = Arc::new(Complaint::error(sqlstate::CONNECTION_FAILURE, "refused"));
    assert!(!ledger.failed_lately(now) && ledger.to_probe(false, now) && !ledger.failed_lately(now));
    ledger.open_failed(why, now, &mut Vec::new());
    let later = now + LIMITS.retry;
    assert!(ledger.failed_lately(now) && ledger.to_probe(false, later) && ledger.failed_lately(later));
    ledger.opened(1, 0, later);
    assert!(!ledger.failed_lately(later));
}
