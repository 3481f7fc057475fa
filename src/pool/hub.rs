//! One connection that listens on behalf of all clients of a pool: opened when the first wants it, it hands what it hears to
//! each that listens. When it is lost it is opened again, and they are told that they may have missed something.

use std::collections::HashSet;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use super::channels::{Channels, Joined};
use super::failure::Rest;
use super::own::NoOwn;
use super::{Client, Plan, Pool};
use crate::protocol::encode::{self, Complaint};
use crate::protocol::frame::cut_str;
use crate::protocol::sqlstate::SqlState;
use crate::protocol::{backend, sqlstate};

mod wire;

use wire::Wire;

/// When nobody has listened for so long, the connection is closed.
const UNUSED: Duration = Duration::from_secs(60);

/// So often it is held against the configuration, which may have changed.
const LOOK: Duration = Duration::from_secs(1);

/// Between attempts to open it again.
const RETRY: Duration = Duration::from_millis(250);

/// Text is handed on as it comes, and only clients with this encoding are served.
const ENCODING: &str = "UTF8";

/// A pool's listening connection, perhaps not open.
#[derive(Debug, Default)]
pub struct Hub {
    orders: Mutex<Option<mpsc::UnboundedSender<Order>>>,
    cut_off: AtomicBool,
}

/// What is wanted of it.
#[derive(Debug)]
enum Order {
    Listen { client: Arc<Client>, channel: String, done: Done },
    Unlisten { client: u32, channel: Option<String> },
}

/// Says whether the server listens.
type Done = oneshot::Sender<Result<(), Complaint>>;

impl Hub {
    /// Has a client hear channels. Returns when the server listens on all of them, or not on one.
    pub async fn listen(&self, pool: &Arc<Pool>, client: &Arc<Client>, channels: &[String]) -> Result<(), Complaint> {
        let ask = |channel: &String| {
            let (done, outcome) = oneshot::channel();
            self.order(pool, Order::Listen { client: client.clone(), channel: channel.clone(), done });
            outcome
        };
        let outcomes: Vec<_> = channels.iter().map(ask).collect();
        for outcome in outcomes {
            outcome.await.unwrap_or_else(|_| Err(lost()))?;
        }
        Ok(())
    }

    /// Whether its listeners may miss something now: the connection was lost, and they have not been told that it is back.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Relaxed)
    }

    /// A client no longer hears a channel, or any.
    pub fn unlisten(&self, client: u32, channel: Option<String>) {
        if let Some(orders) = &*self.lock() {
            let _ = orders.send(Order::Unlisten { client, channel });
        }
    }

    /// Whoever served orders has gone when nobody needed it; then another begins.
    fn order(&self, pool: &Arc<Pool>, order: Order) {
        let mut orders = self.lock();
        let unsent = match orders.as_ref() {
            Some(orders) => orders.send(order).err().map(|unsent| unsent.0),
            None => Some(order),
        };
        if let Some(order) = unsent {
            self.begin(pool, &mut orders, order);
        }
    }

    fn begin(&self, pool: &Arc<Pool>, known: &mut Option<mpsc::UnboundedSender<Order>>, first: Order) {
        let (sender, orders) = mpsc::unbounded_channel();
        let _ = sender.send(first);
        *known = Some(sender);
        self.cut_off.store(false, Relaxed);
        let ear = Ear {
            pool: pool.clone(),
            channels: Channels::default(),
            waiting: Vec::new(),
            missed: None,
            orders,
            rest: Rest::new(RETRY),
        };
        pool.homes[0].runtime.spawn(ear.run());
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Order>>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost() -> Complaint {
    Complaint::error(sqlstate::CONNECTION_FAILURE, "pgweir lost the server that it listens with")
        .hint("Say LISTEN again.")
}

/// Who waits until the server listens.
struct Waiter {
    client: u32,
    channel: String,
    /// It had not listened on it before.
    is_new: bool,
    done: Done,
}

/// The task behind a hub.
struct Ear {
    pool: Arc<Pool>,
    channels: Channels<Arc<Client>>,
    waiting: Vec<Waiter>,
    /// The connection was lost since its listeners last heard of it: why.
    missed: Option<String>,
    orders: mpsc::UnboundedReceiver<Order>,
    /// How long it waits before it tries once more to log in where that was refused.
    rest: Rest,
}

impl Ear {
    async fn run(mut self) {
        let Some(first) = self.orders.recv().await else { return };
        self.note(first);
        while !self.channels.is_empty() {
            self.live().await;
        }
        self.orders.close();
        // What came at the last moment is for whoever begins next.
        while let Some(order) = self.orders.recv().await {
            self.pool.hub.order(&self.pool, order);
        }
    }

    /// One connection's life, or the failure to open it.
    async fn live(&mut self) {
        let plan = self.pool.plan();
        let parameters = [("client_encoding", ENCODING), ("application_name", "pgweir")];
        let parameters = parameters.map(|(name, value)| (name.to_string(), value.to_string()));
        match self.pool.open_own(0, &parameters, "listen").await {
            Ok((own, _)) => {
                let mut wire = Wire::new(own);
                self.rest = Rest::new(RETRY);
                let names = self.channels.names().map(str::to_string).collect();
                wire.listen(names);
                let pause = sleep(RETRY);
                if let Err(error) = self.serve(&mut wire, &plan).await {
                    self.lose(&error);
                    // Which may have been its fate from the begin.
                    pause.await;
                    self.catch_up();
                }
            }
            Err(why) => {
                let why = complaint(why);
                self.fail(&why);
                self.catch_up();
                self.rest(why.sqlstate, &plan).await;
            }
        }
    }

    /// Until a connection is to be tried again after none could be had. Where the login was refused that is later each time,
    /// unless another client wants to listen or the configuration is another.
    async fn rest(&mut self, code: SqlState, plan: &Plan) {
        let longer = self.rest.after(code, RETRY).saturating_sub(RETRY);
        sleep(RETRY).await;
        let (mut longer, mut look) = (pin!(sleep(longer)), interval(LOOK));
        while !self.channels.is_empty() && self.pool.is_current(plan) {
            tokio::select! {
                () = &mut longer => return,
                order = self.orders.recv() => match order.map(|order| self.note(order)) {
                    Some(Noted::Unlisten(_)) => {}
                    Some(Noted::Listen(_) | Noted::Nothing) | None => return,
                },
                _ = look.tick() => {}
            }
        }
    }

    fn lose(&mut self, error: &io::Error) {
        self.pool.hub.cut_off.store(true, Relaxed);
        self.channels.close_all();
        if self.missed.replace(error.to_string()).is_none_or(|before| before != error.to_string()) {
            warn!(event = "listener_lost", database = %self.pool.database, user = %self.pool.user, %error);
        }
    }

    /// Orders that came while there was no connection.
    fn catch_up(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            self.note(order);
        }
    }

    /// Until nobody has listened for long.
    async fn serve(&mut self, wire: &mut Wire, plan: &Plan) -> io::Result<()> {
        let (mut look, mut unused, mut silent) = (interval(LOOK), Duration::ZERO, Duration::ZERO);
        // Whoever slept has not listened either: no second is counted for another.
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let retirements = self.pool.retirements();
        loop {
            wire.flush().await?;
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order, wire),
                    None => return Ok(()),
                },
                read = wire.read() => {
                    read?;
                    silent = Duration::ZERO;
                    self.hear(wire)?;
                }
                _ = look.tick() => {
                    unused = if self.channels.is_empty() { unused + LOOK } else { Duration::ZERO };
                    if unused >= UNUSED || (!unused.is_zero() && self.pool.retirements() != retirements) {
                        return Ok(());
                    }
                    silent += LOOK;
                    wire.check(silent, plan.settings.server_check_delay)?;
                    if !self.pool.keeps(plan) {
                        return Err(io::Error::other("reconfigured"));
                    }
                }
            }
        }
    }

    /// Takes an order; a channel that the server is to be asked for.
    fn note(&mut self, order: Order) -> Noted {
        match order {
            Order::Listen { client, channel, done } => {
                let id = client.id;
                let waiter = Waiter { client: id, is_new: !self.channels.has(id, &channel), channel, done };
                let joined = self.channels.join(id, client, &waiter.channel);
                let noted =
                    if joined == Joined::First { Noted::Listen(waiter.channel.clone()) } else { Noted::Nothing };
                match joined {
                    Joined::Open => _ = waiter.done.send(Ok(())),
                    Joined::Opening | Joined::First => self.waiting.push(waiter),
                }
                noted
            }
            Order::Unlisten { client, channel } => Noted::Unlisten(self.channels.leave(client, channel.as_deref())),
        }
    }

    fn obey(&mut self, order: Order, wire: &mut Wire) {
        match self.note(order) {
            Noted::Nothing => {}
            Noted::Listen(channel) => wire.listen(vec![channel]),
            Noted::Unlisten(channels) => wire.unlisten(&channels),
        }
    }

    /// What the server has said.
    fn hear(&mut self, wire: &mut Wire) -> io::Result<()> {
        while let Some((tag, message)) = wire.message()? {
            match tag {
                backend::NOTIFICATION => self.hand_on(&message),
                backend::ERROR => wire.refused = Some(Complaint::of_server(&message[5..])),
                backend::READY => {
                    let channels = wire.owed.pop_front().unwrap_or_default();
                    self.settle(&channels, wire.refused.take())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn hand_on(&self, message: &[u8]) {
        let channel = message.get(9..).and_then(cut_str).and_then(|(name, _)| std::str::from_utf8(name).ok());
        let letter: Arc<[u8]> = message.into();
        for client in channel.into_iter().flat_map(|channel| self.channels.listeners(channel)) {
            client.post(&letter);
        }
    }

    /// The server listens on these now, or has refused to: an error if it did so to those whom another has heard before.
    fn settle(&mut self, channels: &[String], refused: Option<Complaint>) -> io::Result<()> {
        if refused.is_none() {
            channels.iter().for_each(|channel| self.channels.opened(channel));
        }
        let (over, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|waiter| channels.contains(&waiter.channel));
        self.waiting = waiting;
        for waiter in over {
            match &refused {
                None => _ = waiter.done.send(Ok(())),
                Some(why) => self.turn_away(waiter, Complaint { severity: encode::Severity::Error, ..why.clone() }),
            }
        }
        match refused {
            None if self.missed.take().is_some() => self.tell_that_some_may_be_missed(),
            Some(why) if channels.iter().any(|channel| self.channels.listeners(channel).next().is_some()) => {
                return Err(io::Error::other(format!("it refuses to listen: {}", why.message)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Who has listened before goes on waiting for another connection.
    fn turn_away(&mut self, waiter: Waiter, why: Complaint) {
        if waiter.is_new {
            self.channels.leave(waiter.client, Some(&waiter.channel));
        }
        let _ = waiter.done.send(Err(why));
    }

    fn tell_that_some_may_be_missed(&self) {
        self.pool.hub.cut_off.store(false, Relaxed);
        info!(event = "listener_back", database = %self.pool.database, user = %self.pool.user);
        let mut letter = Vec::new();
        let text = "pgweir was cut off from the server that it listens with: notifications may have been missed";
        encode::warning(&mut letter, text);
        let (letter, mut told): (Arc<[u8]>, _) = (letter.into(), HashSet::new());
        let everybody = self.channels.everybody().filter(|(id, _)| told.insert(*id));
        everybody.for_each(|(_, client)| client.post(&letter));
    }

    /// No connection can be had: those who wait for one are told; those who had one go on waiting for another.
    fn fail(&mut self, why: &Complaint) {
        for waiter in std::mem::take(&mut self.waiting) {
            self.turn_away(waiter, why.clone());
        }
    }
}

/// What an order comes to.
enum Noted {
    Nothing,
    Listen(String),
    Unlisten(Vec<Box<str>>),
}

fn complaint(why: NoOwn) -> Complaint {
    match why {
        NoOwn::Failed(complaint, _) => Complaint { severity: encode::Severity::Error, ..*complaint },
        NoOwn::Full { whose, limit } => {
            Complaint::error(sqlstate::TOO_MANY_CONNECTIONS, "pgweir has no server free to listen with")
                .detail(format!("{} is {limit}.", whose.servers_key()))
                .hint("One more is needed for LISTEN.")
        }
    }
}
