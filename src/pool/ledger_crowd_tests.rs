//! A crowd at a pool under the model checker: what the handover race is not made for, but may meet.

use shuttle::rand::{Rng, thread_rng};

use super::*;

/// How many clients the crowd has, and how often each asks.
const CROWD: usize = 4;
const ROUNDS: usize = 3;

/// Clients that ask, wait, work, leave or lose their server, over two servers, while the pool is tidied, paused and resumed.
fn crowd(began: Instant) {
    let house = House::new(LIMITS, began);
    let (clients, sleeps): (Vec<_>, Vec<_>) = (0..CROWD).map(|_| Client::new()).unzip();
    let mut threads: Vec<_> =
        clients.iter().zip(sleeps).map(|(client, sleep)| house.begin_stay(client.clone(), sleep)).collect();
    threads.push(house.begin_trouble(clients));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    house.settle();
}

impl House {
    fn begin_stay(self: &Arc<House>, client: Arc<Client>, sleep: Sleep) -> thread::JoinHandle<()> {
        let house = self.clone();
        thread::spawn(move || (0..ROUNDS).for_each(|_| house.round(&client, &sleep)))
    }

    /// One request.
    fn round(self: &Arc<House>, client: &Arc<Client>, sleep: &Sleep) {
        let now = self.now();
        let got = match self.ask(client, now) {
            Ok(server) => Some(server),
            Err(turn) => {
                self.open_wanted(now);
                let (end, server) = self.wait(client, sleep, turn, now);
                client.leaves.fetch_and(end != End::Left, SeqCst);
                server
            }
        };
        thread::yield_now();
        match got {
            Some(server) if thread_rng().gen_bool(0.2) => self.lose(server, self.now()),
            Some(server) => self.give_back(server, self.now()),
            None => {}
        }
    }

    /// What happens to a pool: clients leave, the tick, the checks of rested servers, a pause.
    fn begin_trouble(self: &Arc<House>, clients: Vec<Arc<Client>>) -> thread::JoinHandle<()> {
        let house = self.clone();
        thread::spawn(move || {
            for _ in 0..8 {
                match thread_rng().gen_range(0..6) {
                    0 | 1 => clients[thread_rng().gen_range(0..CROWD)].tell(),
                    2 => house.tick(),
                    3 => house.check_rested(),
                    4 => house.look_at_rested(),
                    _ => house.pause_and_resume(),
                }
            }
        })
    }

    /// Time passes whenever it is looked at.
    fn now(&self) -> Instant {
        self.at(self.seconds.fetch_add(1, Relaxed) as u64)
    }

    fn tick(self: &Arc<House>) {
        self.seconds.fetch_add(10, Relaxed);
        let now = self.now();
        self.expire(now);
        self.open_wanted(now);
    }

    fn check_rested(self: &Arc<House>) {
        let rested = self.books().0.borrow_rested(self.now(), Duration::from_secs(2));
        if let Some((server, _)) = rested {
            self.take(server);
            thread::yield_now();
            self.give_back(server, self.now());
        }
    }

    /// As `close_rested`.
    fn look_at_rested(self: &Arc<House>) {
        let borrowed = self.books().0.borrow_where(|_| true);
        for (server, _) in borrowed {
            self.take(server);
            thread::yield_now();
            match thread_rng().gen_bool(0.5) {
                true => self.lose(server, self.now()),
                false => self.give_back(server, self.now()),
            }
        }
    }

    fn pause_and_resume(self: &Arc<House>) {
        self.books().0.pause();
        thread::yield_now();
        let (mut woken, now) = (Vec::new(), self.now());
        self.books().0.resume(now, &mut woken);
        woken.iter().for_each(|client| client.wake());
        self.open_wanted(now);
    }

    /// Waits for servers that are still being opened.
    fn settle(&self) {
        while self.books().0.opening() > 0 {
            thread::yield_now();
        }
        self.is_quiet();
    }
}

#[test]
fn a_crowd() {
    let began = Instant::now();
    in_many_orders(move || crowd(began));
}
