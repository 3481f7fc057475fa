//! Borrowing a server and giving it back; opening one when the ledger says so.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::cancel::Release;
use super::client::Word;
use super::ending::Ending;
use super::ledger::{Claim, Grant, Turn};
use super::lessons::Learned;
use super::server::{Drawn, Server};
use super::{Client, Plan, Pool, Quota, connect, memory};
use crate::protocol::encode::Complaint;

/// Servers live up to this much shorter than `server_lifetime`, each by its own share, so that they do not all go at once.
const LIFETIME_JITTER: f64 = 0.1;

/// A server on loan. `give_back` it; any other way out closes it.
#[derive(Debug)]
pub struct Lease(Option<Box<Server>>);

/// A place in the queue, as a future. Dropping it leaves the queue; a server that was granted meanwhile goes to the next.
#[derive(Debug)]
pub struct Waiting {
    pool: Arc<Pool>,
    client: Arc<Client>,
    turn: Option<Turn>,
}

/// What a server is opened by, and since when.
#[derive(Debug)]
struct Start {
    plan: Arc<Plan>,
    retirements: u64,
    began: Instant,
}

impl Start {
    fn now(pool: &Pool) -> Start {
        Start { plan: pool.plan(), retirements: pool.retirements(), began: Instant::now() }
    }
}

/// Why a client gets no server.
#[derive(Debug)]
pub enum Denied {
    /// It waited for so long.
    Late(Duration),
    /// None can be opened.
    Failed(Arc<Complaint>),
    /// It was told something meanwhile.
    Told(Word),
}

/// What a client that asks for a server gets at once.
#[derive(Debug)]
pub enum Asked {
    /// A server.
    Lease(Lease),
    /// A place in the queue.
    Waiting(Waiting),
    /// Nothing.
    Denied(Denied),
}

impl Lease {
    fn new(server: Box<Server>) -> Lease {
        Lease(Some(server))
    }

    /// The server.
    pub fn server(&mut self) -> &mut Server {
        self.0.as_mut().expect("a lease has its server until it ends")
    }

    /// The server goes to the next client, or rests. It must be clean: no transaction, nothing owed.
    pub fn give_back(mut self, now: Instant) {
        if let Some(server) = self.0.take() {
            match server.line.clone().release(server) {
                Release::Free(server) => accept(server, now),
                Release::Parked => {}
                Release::Unsafe(server) => discard(server, "a cancel request to it went astray"),
            }
        }
    }

    /// The server is closed.
    pub fn close(mut self, why: &'static str) {
        if let Some(server) = self.0.take() {
            discard(server, why);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            discard(server, "its client left in the middle");
        }
    }
}

/// Puts a clean server back into its pool, unless its time is over.
pub(super) fn accept(server: Box<Server>, now: Instant) {
    put_back(server, now, now);
}

/// The same, of one that was only looked at and has rested `since` then.
pub(super) fn put_back(server: Box<Server>, since: Instant, now: Instant) {
    if !server.is_current(now) {
        let why = server.why_it_goes(now);
        return discard(server, why);
    }
    if server.plan.route.is_of_template() && !server.pool.is_wanted() {
        return discard(server, "databases are made from its database");
    }
    let (pool, home) = (server.pool.clone(), server.home);
    if let Some(why) = pool.excess() {
        return discard(server, why);
    }
    let woken = {
        let mut ledger = pool.ledger();
        if ledger.is_oversized() {
            drop(ledger);
            return discard(server, "the pool has become smaller");
        }
        ledger.put_back(server, home, since, now)
    };
    if let Some(client) = woken {
        client.wake();
    }
}

/// Closes a server that was on loan, and has others opened where they are wanted.
#[cold]
pub(super) fn discard(mut server: Box<Server>, why: &'static str) {
    let (pool, home) = (server.pool.clone(), server.home);
    pool.closed(&mut server, why);
    pool.ledger().lost();
    pool.open_wanted(home, Instant::now());
}

impl Waiting {
    /// Looks whether the turn has come, or something else.
    pub fn poll_turn(&mut self) -> Poll<Result<Lease, Denied>> {
        match self.client.word() {
            Word::None => {}
            Word::Deadline => self.client.unsay(),
            word => return Poll::Ready(Err(Denied::Told(word))),
        }
        let turn = self.turn.take().expect("not polled after it is ready");
        let claim = self.pool.ledger().claim(turn);
        match claim {
            Claim::Server(server) => Poll::Ready(Ok(Lease::new(server))),
            Claim::Expired(waited) => Poll::Ready(Err(Denied::Late(waited))),
            Claim::Refused(why) => Poll::Ready(Err(Denied::Failed(why))),
            Claim::Wait(turn) => {
                self.turn = Some(turn);
                Poll::Pending
            }
        }
    }
}

impl Future for Waiting {
    type Output = Result<Lease, Denied>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().poll_turn()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(turn) = self.turn.take() {
            let woken = self.pool.ledger().leave(turn, Instant::now());
            if let Some(client) = woken {
                client.wake();
            }
        }
    }
}

impl Pool {
    /// A client asks for a server.
    pub fn ask(self: &Arc<Self>, client: &Arc<Client>, now: Instant) -> Asked {
        loop {
            let mut ledger = self.ledger();
            let turn = match ledger.acquire(client.clone(), client.worker, now) {
                Grant::Use(mut server) => {
                    drop(ledger);
                    if server.is_alive() {
                        return Asked::Lease(Lease::new(server));
                    }
                    self.doubt();
                    discard(server, "the server closed it");
                    continue;
                }
                Grant::Refuse(why) => return Asked::Denied(Denied::Failed(why)),
                Grant::Wait(turn) => turn,
            };
            let wanted = ledger.to_open(now);
            drop(ledger);
            if wanted > 0 {
                self.open_some(wanted, client.worker);
            }
            return Asked::Waiting(Waiting { pool: self.clone(), client: client.clone(), turn: Some(turn) });
        }
    }

    /// A client asks for a server and waits for it.
    pub async fn lease(self: &Arc<Self>, client: &Arc<Client>) -> Result<Lease, Denied> {
        match self.ask(client, Instant::now()) {
            Asked::Lease(lease) => Ok(lease),
            Asked::Waiting(waiting) => waiting.await,
            Asked::Denied(why) => Err(why),
        }
    }

    /// Whether there is no server any more, and nobody knows whether one can be had: they have died, or the last attempt failed.
    pub fn is_lost(&self) -> bool {
        let ledger = self.ledger();
        // While it is paused nothing is opened, and clients may come and wait.
        !ledger.is_paused() && ledger.has_none() && (self.is_doubtful() || ledger.failure().is_some())
    }

    /// Opens as many servers as the ledger wants now, each as a task of its own on worker `home`: a client that goes
    /// away does not stop what others wait for as well.
    pub(super) fn open_wanted(self: &Arc<Self>, home: usize, now: Instant) {
        let wanted = self.ledger().to_open(now);
        self.open_some(wanted, home);
    }

    #[cold]
    fn open_some(self: &Arc<Self>, wanted: usize, home: usize) {
        for _ in 0..wanted {
            let pool = self.clone();
            self.homes[home].runtime.spawn(async move { pool.open_one(home).await });
        }
    }

    /// Opens a server if nobody knows whether one can be had.
    pub fn probe(self: &Arc<Self>, now: Instant) {
        let known = self.fresh().is_some() && !self.is_doubtful();
        if self.ledger().to_probe(known, now) {
            let pool = self.clone();
            self.homes[0].runtime.spawn(async move { pool.open_one(0).await });
        }
    }

    async fn open_one(self: Arc<Self>, home: usize) {
        let (start, pool) = (Start::now(&self), self.clone());
        let attempt = {
            let plan = start.plan.clone();
            async move { connect::open(&plan.route, &pool.keys).await }
        };
        self.open_by(attempt, start, home).await;
    }

    /// The attempt is a task of its own: also where it panics, what it had counted is given back.
    async fn open_by(
        self: Arc<Self>,
        attempt: impl Future<Output = Result<connect::Opened, connect::ConnectError>> + Send + 'static,
        start: Start,
        home: usize,
    ) {
        if Quota::take_both(&self.servers).is_err() {
            return self.ledger().open_dropped();
        }
        match tokio::spawn(attempt).await.unwrap_or_else(|broken| Err(broken.into())) {
            Ok(opened) => self.opened(opened, start, home),
            Err(why) => self.open_failed(&why, &start, home),
        }
    }

    /// Opens a server in a way that panics.
    #[cfg(test)]
    pub(crate) async fn open_badly(self: &Arc<Self>) {
        assert!(self.ledger().to_probe(false, Instant::now()));
        self.clone().open_by(async { panic!("a mistake, made on purpose") }, Start::now(self), 0).await;
    }

    fn opened(self: &Arc<Self>, opened: connect::Opened, start: Start, home: usize) {
        let (now, Start { plan, retirements, began }) = (Instant::now(), start);
        let took = now.saturating_duration_since(began);
        self.meter(home).connected(took);
        self.doubtful.store(false, Relaxed);
        info!(event = "server_connected", database = %self.database, user = %self.user, addr = %plan.route.address,
            process_id = opened.line.process_id, tls = opened.stream.is_tls(), ms = took.as_millis() as u64);
        // Equal parameters are shared, so that a client's and a server's are compared by their address.
        let parameters = self.share(opened.parameters);
        let mut server = Box::new(Server {
            stream: opened.stream,
            memory: memory(parameters.clone(), &plan),
            line: opened.line,
            home,
            pool: self.clone(),
            opened_at: now,
            audited_at: now,
            hunt: self.hunt.number(),
            dies_at: lifetime(plan.settings.server_lifetime).map(|life| now + life),
            plan,
            retirements,
            ending: None,
            drawn: Drawn::Nothing,
        });
        if !server.is_current(now) {
            let why = server.why_it_goes(now);
            self.closed(&mut server, why);
            self.ledger().open_dropped();
            return self.open_wanted(home, now);
        }
        self.lessons().opened(parameters);
        let woken = self.ledger().opened(server, home, now);
        if let Some(client) = woken {
            client.wake();
        }
        self.open_wanted(home, now);
    }

    fn open_failed(self: &Arc<Self>, why: &connect::ConnectError, start: &Start, home: usize) {
        let (now, plan) = (Instant::now(), &start.plan);
        self.servers.iter().for_each(|quota| quota.give());
        self.meter(home).connect_failed();
        warn!(event = "server_connect_failed", database = %self.database, user = %self.user,
            addr = %plan.route.address, error = %why);
        if !self.keeps(plan) {
            self.ledger().open_dropped();
            return self.open_wanted(home, now);
        }
        let mut woken = Vec::new();
        let complaint = Arc::new(why.complaint(&plan.route, start.began, now));
        // The next attempt is a tick's, however soon it may be.
        self.ledger().open_failed(complaint, now, &mut woken);
        woken.iter().for_each(|client| client.wake());
    }

    /// Closes a server that nobody holds any more and gives its place in the quotas back.
    pub(super) fn closed(&self, server: &mut Server, why: &'static str) {
        self.servers.iter().for_each(|quota| quota.give());
        let age = server.opened_at.elapsed().as_secs();
        let ending = server.ending.as_deref();
        info!(event = "server_closed", database = %self.database, user = %self.user,
            process_id = server.line.process_id, age_s = age, reason = why,
            sqlstate = ending.and_then(Ending::sqlstate), error = ending.map(Ending::text));
        server.close();
    }

    /// Remembers how a server took a parameter that a client sent.
    pub fn note(&self, name: &str, value: &str, server: &Server) {
        let learned = match server.memory.parameters.reported(name) {
            Some(form) => Learned::Reported(form.to_string()),
            None => Learned::Quiet,
        };
        self.lessons().learn(name, value, learned);
    }
}

fn lifetime(longest: Duration) -> Option<Duration> {
    if longest.is_zero() {
        return None;
    }
    let mut byte = [0];
    let share = getrandom::fill(&mut byte).map_or(0.0, |()| f64::from(byte[0]) / 255.0);
    Some(longest.mul_f64(1.0 - LIFETIME_JITTER * share))
}
