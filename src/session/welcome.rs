//! A login, from the first byte to ReadyForQuery, in the order in which it goes. What is asked and answered to prove who
//! one is, is `auth::gate`'s.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tracing::info;

use super::greeting::Greeting;
use super::learn;
use super::lobby::{Lobby, Rules};
use super::replication::Replication;
use super::stay::{Session, Stay};
use super::turned::{self, Awaited, Turned};
use super::worker::Worker;
use crate::auth::{Credential, EndPoint, Proven, ServerKey};
use crate::net::talk::TalkError;
use crate::net::{Stream, Talk};
use crate::observe::rejections::Reason;
use crate::observe::who::Addr;
use crate::pool::client::{Identity, Word};
use crate::pool::lessons::Welcome;
use crate::pool::own::Own;
use crate::pool::{Client, Pool, Quota};
use crate::protocol::encode;
use crate::protocol::startup::{BadStartup, Startup};
use crate::protocol::{TransactionStatus, startup};

mod crowd;
mod encrypt;
mod patience;
mod proof;
mod shown_out;

pub(super) use crowd::Crowd;

/// A socket on its way to become a client.
pub struct Guest {
    talk: Talk,
    from: Addr,
    worker: Arc<Worker>,
    lobby: Arc<Lobby>,
    arrived_at: Instant,
    /// Whom it says it is, and which database it asks for, once it has said so.
    user: String,
    database: String,
    /// That it may log in now, among `max_logins`. Those who have not said whole what they want need none: a crowd of them
    /// would keep out those who have.
    permit: Option<OwnedSemaphorePermit>,
    /// What its login can be bound to: the certificate that it was shown, which may no longer be the one of the rules.
    end_point: Option<EndPoint>,
    place: Place,
    awaited: Awaited,
}

/// What is said beside the parameters, the key above all, takes at most so many bytes.
const MORE: usize = 64;

/// Its place among the worker's clients, and among `max_clients`. Given back however it ends.
#[derive(Debug)]
pub(super) struct Place {
    worker: Arc<Worker>,
    /// `None` when there was none left, which the client is told once it can be.
    total: Option<Arc<Quota>>,
}

impl Place {
    fn take(worker: Arc<Worker>, total: &Arc<Quota>) -> Place {
        worker.enter();
        Place { worker, total: total.take().then(|| total.clone()) }
    }

    /// Whether it has one among `max_clients`, or there is one now.
    fn has_room(&mut self, total: &Arc<Quota>) -> bool {
        if self.total.is_none() && total.take() {
            self.total = Some(total.clone());
        }
        self.total.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.leave();
        self.total.iter().for_each(|total| total.give());
    }
}

/// Who has come in.
#[derive(Debug)]
pub enum Welcomed {
    /// A client of a pool.
    Session(Box<Session>),
    /// A client with a server of its own.
    Replication(Box<Replication>),
}

/// Runs a login to its end. What the client said already beyond it is the session's.
pub async fn welcome(stream: Stream, from: Addr, worker: Arc<Worker>, lobby: Arc<Lobby>) -> Option<Welcomed> {
    let place = Place::take(worker.clone(), &lobby.total);
    let patience = lobby.rules().config.pool.client_login_timeout;
    let mut guest = Guest {
        talk: Talk::new(stream),
        from,
        worker,
        lobby,
        arrived_at: Instant::now(),
        user: String::new(),
        database: String::new(),
        permit: None,
        end_point: None,
        place,
        awaited: Awaited::Greeting,
    };
    let alarms = guest.worker.clone();
    let entered = alarms.alarms.within(patience, pin!(guest.enter())).await;
    guest.permit = None;
    match entered.unwrap_or_else(|| Err(guest.late(patience))) {
        Ok((seat, greeting)) => Some(guest.seat(seat, &greeting)),
        Err(turned) => {
            Box::pin(guest.turn_away(turned)).await;
            None
        }
    }
}

/// What a session is made of, but for the stream.
struct Seat {
    client: Arc<Client>,
    pool: Arc<Pool>,
    welcome: Arc<Welcome>,
    /// For one that replicates.
    own: Option<Own>,
    stay: Stay,
}

impl Guest {
    async fn enter(&mut self) -> Result<(Seat, Greeting), Turned> {
        let greeting = self.hear_out().await?;
        self.awaited = Awaited::Turn;
        self.queue().await;
        self.awaited = Awaited::Proof;
        // Those of now: it may have been silent for long.
        let rules = self.lobby.rules();
        self.check_tls(&rules)?;
        let proven = self.prove(&rules, &greeting).await?;
        let pool = self.find_pool(&rules, &greeting, &proven)?;
        let (client, stay) = self.register(&pool, &greeting)?;
        // What it waits for from now on is a server of its own pool: others may log in meanwhile.
        self.permit = None;
        poll_fn(|cx| {
            client.set_waker(cx.waker());
            std::task::Poll::Ready(())
        })
        .await;
        self.awaited = Awaited::Server(pool.clone());
        let (welcome, own) = self.find_server(&pool, &client, &greeting).await?;
        self.awaited = Awaited::Reading;
        let seat = Seat { client, pool, welcome, own, stay };
        self.say_welcome(&seat).await?;
        Ok((seat, greeting))
    }

    /// Startup packets, up to the one that begins a session.
    async fn greet(&mut self) -> Result<Greeting, Turned> {
        let (mut asked_tls, mut asked_gss) = (false, false);
        loop {
            let packet = self.hear(async |talk| talk.startup().await).await?;
            let rules = self.lobby.rules();
            match packet {
                Startup::Ssl if !asked_tls && !self.talk.stream.is_tls() => {
                    asked_tls = true;
                    self.answer_tls(&rules).await?;
                }
                Startup::GssEnc if !asked_gss && !self.talk.stream.is_tls() => {
                    asked_gss = true;
                    self.talk.out.push(b'N');
                    self.talk.flush().await?;
                }
                // Only as the very first: what follows a request is the answer's.
                Startup::Handshake if !asked_tls && !asked_gss && self.can_secure(&rules) => {
                    self.begin_tls(&rules).await?;
                }
                Startup::Handshake => return Err(TalkError::Startup(BadStartup::Length).into()),
                Startup::Ssl | Startup::GssEnc => {
                    return Err(Turned::Gone(Reason::Protocol, "a second request for encryption".to_string()));
                }
                Startup::Cancel { process_id, key } => {
                    Box::pin(self.lobby.roster.cancel(process_id, &key)).await;
                    return Err(Turned::Cancelled);
                }
                Startup::Session { minor, parameters } => {
                    self.check_tls(&rules)?;
                    let greeting = Greeting::read(minor, parameters).map_err(|complaint| {
                        let why = complaint.message.clone();
                        Turned::Away(Reason::Protocol, complaint, why)
                    })?;
                    (self.user, self.database) = (greeting.user.clone(), greeting.database.clone());
                    self.negotiate(&greeting);
                    return Ok(greeting);
                }
            }
        }
    }

    /// Waits until it may log in, if it has not yet.
    async fn queue(&mut self) {
        if self.permit.is_none() {
            self.permit = self.lobby.logins.take().await;
        }
    }

    fn negotiate(&mut self, greeting: &Greeting) {
        let minor = greeting.spoken_minor();
        if greeting.minor != minor || !greeting.unknown.is_empty() {
            let unknown: Vec<&str> = greeting.unknown.iter().map(String::as_str).collect();
            encode::negotiate(&mut self.talk.out, minor, &unknown);
        }
    }

    /// Limits that hold for whoever it is.
    fn check_room(&mut self, rules: &Rules) -> Result<(), Turned> {
        if self.lobby.is_draining() {
            return Err(turned::draining());
        }
        // One who was silent may have gone meanwhile.
        if !self.place.has_room(&self.lobby.total) {
            return Err(turned::no_room(self.lobby.total.limit(), rules.config.pool.max_clients));
        }
        Ok(())
    }

    /// By the rules of now, which may no longer be those that it was proven by.
    fn find_pool(&self, by: &Rules, greeting: &Greeting, proven: &Proven) -> Result<Arc<Pool>, Turned> {
        let rules = self.lobby.rules();
        self.check_tls(&rules)?;
        let [secret, before] = [&rules, by].map(|rules| rules.credential(&greeting.user).map(Credential::secret));
        if secret != before {
            return Err(turned::overtaken());
        }
        let key = ServerKey::of(rules.credential(&greeting.user), proven);
        let database = rules.database(greeting);
        let found = self.lobby.pools.of(&rules.config, &rules.server_tls, database, &greeting.user, key);
        found.ok_or_else(|| turned::no_database(&greeting.database))
    }

    /// What the client is welcomed with; that is what a server of its own reports, if it wants to replicate.
    async fn find_server(
        &self,
        pool: &Arc<Pool>,
        client: &Arc<Client>,
        greeting: &Greeting,
    ) -> Result<(Arc<Welcome>, Option<Own>), Turned> {
        let Some(startup) = &greeting.replication else {
            let welcome = learn::welcome(pool, client, greeting).await.map_err(|complaint| {
                let why = complaint.message.clone();
                Turned::Away(Reason::ServerUnavailable, complaint, why)
            })?;
            return Ok((welcome, None));
        };
        let opening = Box::pin(pool.open_own(self.worker.index, startup, "replication"));
        let opened = opening.await.map_err(|why| turned::no_own(pool, why))?;
        Ok((Arc::new(Welcome::new(Arc::new(opened.1))), Some(opened.0)))
    }

    fn register(&self, pool: &Arc<Pool>, greeting: &Greeting) -> Result<(Arc<Client>, Stay), Turned> {
        let length = startup::key_length(greeting.spoken_minor());
        let (id, secret) = self.lobby.roster.new_key(length).map_err(no_random)?;
        Quota::take_both(&pool.clients).map_err(|full| turned::over_quota(pool, full))?;
        let who = Identity {
            id,
            secret,
            worker: self.worker.index,
            database: pool.database.clone(),
            user: pool.user.clone(),
            addr: self.from,
            application_name: greeting.application_name().into(),
        };
        let client = Arc::new(Client::new(who, Timestamp::now()));
        let stay = Stay::begin(&client, pool, self.lobby.roster.clone(), self.lobby.rejections.clone());
        if self.lobby.is_draining() {
            client.tell(Word::Drain);
        }
        Ok((client, stay))
    }

    async fn say_welcome(&mut self, seat: &Seat) -> Result<(), Turned> {
        let out = &mut self.talk.out;
        out.reserve(seat.welcome.statuses.len() + MORE);
        out.extend_from_slice(&seat.welcome.statuses);
        encode::key_data(out, seat.client.id, &seat.client.secret);
        encode::ready(out, TransactionStatus::Idle);
        Ok(self.talk.flush().await?)
    }

    fn seat(self, seat: Seat, greeting: &Greeting) -> Welcomed {
        let Seat { client, pool, welcome, own, mut stay } = seat;
        let now = Instant::now();
        let took = now.saturating_duration_since(self.arrived_at);
        pool.meter(self.worker.index).logged_in(took);
        if self.lobby.rules().config.log.log_connections {
            info!(event = "client_login", id = client.id, database = %client.database, user = %client.user,
                addr = %client.addr, application_name = greeting.application_name(), tls = self.talk.stream.is_tls(),
                ms = took.as_millis() as u64);
        }
        stay.place = Some(self.place);
        let (stream, ahead) = self.talk.into_parts();
        if let Some(own) = own {
            let replication = Replication::new((stream, ahead), own, client, pool, self.worker, stay);
            return Welcomed::Replication(Box::new(replication));
        }
        let lane = (!ahead.is_empty()).then(|| {
            let mut lane = self.worker.lend_up();
            lane.push(&ahead);
            lane
        });
        let plan = pool.plan();
        let parameters = welcome.parameters.clone();
        let (backslash, temporary) = (parameters.reads_backslashes(), parameters.leads_to_temporary());
        let who = self.worker.observer.shared().whos.number(client.who());
        Welcomed::Session(Box::new(Session {
            stream,
            client,
            pool,
            rested_at: self.worker.clock(now),
            worker: self.worker,
            mode: plan.settings.pool_mode,
            plan,
            origin: parameters.clone(),
            parameters,
            dialect: None,
            backslash,
            temporary,
            statements: None,
            hearing: None,
            who,
            direct: false,
            looks: 0,
            last_server: 0,
            lane,
            stay,
        }))
    }
}

fn no_random(error: getrandom::Error) -> Turned {
    Turned::Gone(Reason::Login, format!("no random numbers from the system: {error}"))
}
