//! The root: builds all of it, accepts, watches the clock and the signals, reloads, drains. Nothing else knows everything.

mod crew;
mod door;
mod files;
mod insight;
mod picture;
mod pulse;
mod signals;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::{Config, Listen, Sources};
use crate::net::listen::{ListenError, Listener};
use crate::net::tls::TlsError;
use crate::notify::Notify;
use crate::observe::log::LogGuard;
use crate::observe::observer::Observatory;
use crate::observe::snapshot::{ClientSource, SnapshotCell};
use crate::pool::client::Word;
use crate::pool::{Pools, tidy};
use crate::session::{Lobby, Rules};
use crate::web::{self, WebState};

use crew::Crew;
use files::Room;
use insight::Insights;
use picture::Photographer;
use pulse::Pulse;
use signals::{Signal, Signals};

/// While we are not ready, a picture is taken every so many ticks: whoever waits for us wants to know at once.
const UNREADY_TICKS: u32 = 2;

/// What is done once a second is done every so many ticks.
const SECOND_TICKS: u32 = 10;

/// Clients that were told to leave have this long for our last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why pgweir does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum StartError {
    #[error("{0}")]
    Listen(#[from] ListenError),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("cannot serve HTTP on {addr}: {error}; choose another address (listen.http), or \"off\"")]
    Http { addr: std::net::SocketAddr, error: std::io::Error },
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
    #[error("no random numbers from the system: {0}")]
    Random(#[from] getrandom::Error),
}

/// Runs until it is told to stop.
///
/// # Errors
/// When it cannot start. Once it listens it does not fail.
pub fn run(config: Config, sources: Sources, log: &LogGuard) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { App::start(config, sources, log).await?.serve().await })
}

struct App<'l> {
    lobby: Arc<Lobby>,
    crew: Crew,
    photographer: Photographer,
    observatory: Arc<Observatory>,
    insights: Insights,
    /// What has room among the open files.
    room: Room,
    /// What we listen by, until the end.
    listen: Listen,
    sources: Sources,
    log: &'l LogGuard,
    notify: Notify,
    signals: Signals,
    pulse: Pulse,
    /// Told to close the doors; whoever accepts lets go of it when that is done.
    doors: Option<watch::Sender<()>>,
    http_stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl<'l> App<'l> {
    async fn start(config: Config, sources: Sources, log: &'l LogGuard) -> Result<App<'l>, StartError> {
        let epoch = Instant::now();
        let signals = Signals::listen()?;
        let mut mock_key = [0; 32];
        getrandom::fill(&mut mock_key)?;
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)?;
        let rules = Rules::load(config, &mock_key)?;
        let Config { observe, listen, .. } = &rules.config;
        let observatory = Arc::new(Observatory::new(seed, observe));
        let room = Room::make(&rules.config);
        room.tell(&rules.config);
        let crew = Crew::hire(listen.workers, epoch, &observatory)?;
        let listen = listen.clone();
        let insights = Insights::start(observatory.clone(), observe, epoch)?;
        let lobby = Arc::new(Lobby::new(rules, Pools::new(crew.homes()), mock_key, room.clients));
        let photographer = Photographer::new(lobby.clone());
        derive_secrets(&lobby);
        let mut app = App {
            lobby,
            crew,
            photographer,
            observatory,
            insights,
            room,
            listen,
            sources,
            log,
            notify: Notify::from_env(),
            signals,
            pulse: Pulse::Regular(epoch),
            doors: None,
            http_stop: None,
        };
        app.open_http().await?;
        app.open_doors()?;
        app.notify.ready();
        Ok(app)
    }

    async fn open_http(&mut self) -> Result<(), StartError> {
        let Some(addr) = self.lobby.rules().config.listen.http else { return Ok(()) };
        let listener = TcpListener::bind(addr).await.map_err(|error| StartError::Http { addr, error })?;
        info!(event = "listening", kind = "http", addr = %listener.local_addr()?);
        if !addr.ip().is_loopback() {
            info!(event = "http_is_open", %addr, message = "whoever reaches it reads statements, users and addresses; it asks for no password");
        }
        let roster = self.lobby.roster.clone();
        let clients = ClientSource::new(move || roster.all().iter().map(|client| client.view()).collect());
        let state = WebState { snapshots: self.photographer.cell(), clients, insight: self.insights.insight() };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        self.http_stop = Some(stop);
        let places = self.room.web;
        tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            if let Err(error) = web::serve(listener, state, places, stopped).await {
                error!(event = "http_failed", %error);
            }
        });
        Ok(())
    }

    /// Listens; the first worker accepts.
    fn open_doors(&mut self) -> Result<(), StartError> {
        let rules = self.lobby.rules();
        let listen = &rules.config.listen;
        let (open, closed) = watch::channel(());
        let first = self.crew.first();
        let _within = first.runtime.enter();
        let mut listeners = Listener::tcp(&listen.addr, listen.listen_backlog)?;
        if let Some(dir) = &listen.unix_socket_dir {
            let port = listeners.iter().find_map(Listener::port).unwrap_or(6432);
            listeners.push(Listener::unix(dir, port, listen.unix_socket_mode)?);
        }
        for listener in listeners {
            info!(event = "listening", kind = listener.kind(), addr = listener.local());
            first.runtime.spawn(door::accept(listener, self.lobby.clone(), self.crew.clone(), closed.clone()));
        }
        self.doors = Some(open);
        Ok(())
    }

    async fn serve(mut self) -> Result<(), StartError> {
        let mut clock = tokio::time::interval(tidy::TICK);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ticks = 0_u32;
        let stop = loop {
            tokio::select! {
                _ = clock.tick() => {
                    self.tick(ticks);
                    ticks = ticks.wrapping_add(1);
                }
                signal = self.signals.next() => match signal {
                    Signal::Reload => self.reload().await,
                    Signal::Pause => self.pause(),
                    Signal::Resume => self.resume(),
                    stop @ (Signal::Stop | Signal::Quit) => break stop,
                },
            }
        };
        let patience = self.patience(stop);
        self.drain(clock, patience).await;
        Ok(())
    }

    /// How long transactions may take to finish; `None` for as long as they do.
    fn patience(&self, stop: Signal) -> Option<Duration> {
        let configured = self.lobby.rules().config.pool.shutdown_timeout;
        match stop {
            Signal::Quit => Some(Duration::ZERO),
            _ => (!configured.is_zero()).then_some(configured),
        }
    }

    fn tick(&mut self, ticks: u32) {
        let now = Instant::now();
        if self.pulse.stood_still(now) {
            return;
        }
        let pools = self.lobby.pools.all();
        tidy::share_out(&pools, now);
        pools.iter().for_each(|pool| pool.tick(now));
        self.crew.ring(now);
        self.crew.flush();
        if self.crew.has_deadlines() {
            let at = self.crew.deadline(now);
            self.lobby.roster.each(|client| client.check_deadline(at));
        }
        if ticks.is_multiple_of(UNREADY_TICKS) && !self.photographer.was_ready() {
            self.photographer.shoot(now);
        }
        if ticks.is_multiple_of(SECOND_TICKS) {
            let rules = self.lobby.rules();
            let watched = self.lobby.pools.watched(&rules.config, &rules.server_tls, now);
            watched.iter().for_each(|pool| pool.probe(now));
            let unvisited = self.lobby.pools.unvisited(&rules.config, &rules.server_tls);
            self.lobby.pools.reach.look(unvisited, now);
            pools.iter().for_each(|pool| pool.tidy(now));
            self.insights.ask(&pools, now);
            drop(pools);
            self.lobby.pools.prune(&rules.config, now);
            self.crew.tidy();
            give_back_freed();
            self.photographer.shoot(now);
            self.insights.second(&self.photographer.cell().get());
        }
    }

    /// All or nothing: a configuration with a mistake changes nothing.
    async fn reload(&mut self) {
        self.notify.reloading();
        let key = *self.lobby.mock_key();
        let sources = self.sources.clone();
        let read = move || match sources.load() {
            Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()),
            Ok(config) => Rules::load(config, &key).map_err(|error| vec![error.to_string()]),
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(rules)) => self.take_over(rules),
            Ok(Err(mistakes)) => {
                for mistake in mistakes {
                    error!(event = "reload_failed", error = mistake, message = "nothing was changed");
                }
            }
            Err(error) => error!(event = "reload_failed", %error, message = "nothing was changed"),
        }
        self.notify.ready();
    }

    fn take_over(&mut self, rules: Rules) {
        let listens_otherwise = rules.config.listen != self.listen;
        let room = Room::make(&rules.config);
        if room != self.room || rules.config.pool.max_clients > self.lobby.rules().config.pool.max_clients {
            room.tell(&rules.config);
        }
        self.room = room;
        self.log.reload(&rules.config.log);
        self.observatory.configure(&rules.config.observe);
        self.insights.reload(&rules.config.observe);
        self.lobby.replace(rules, room.clients);
        // Whoever holds a server, or rests, sees how long it may do so now.
        self.lobby.roster.each(|client| client.wake());
        derive_secrets(&self.lobby);
        match listens_otherwise {
            true => warn!(event = "reloaded", message = "changes in [listen] take effect after a restart"),
            false => info!(event = "reloaded"),
        }
    }

    fn pause(&self) {
        self.lobby.pools.pause();
        self.photographer.shoot(Instant::now());
        self.notify.status("paused: no server is lent until USR2");
        info!(event = "paused");
    }

    fn resume(&self) {
        self.lobby.pools.resume(Instant::now());
        self.photographer.shoot(Instant::now());
        self.notify.status("");
        info!(event = "resumed");
    }

    /// Takes nobody new, lets transactions finish, closes what is left; a second signal closes everything at once.
    async fn drain(mut self, mut clock: tokio::time::Interval, patience: Option<Duration>) {
        self.notify.stopping();
        let shutdown_timeout_s = patience.map(|patience| patience.as_secs());
        info!(event = "draining", clients = self.lobby.roster.len(), shutdown_timeout_s);
        self.lobby.draining.store(true, std::sync::atomic::Ordering::Relaxed);
        self.photographer.shoot(Instant::now());
        self.close_doors().await;
        if self.lobby.pools.is_paused() {
            self.lobby.pools.resume(Instant::now());
        }
        let began = Instant::now();
        let mut ticks = 1_u32;
        self.lobby.roster.each(|client| client.tell(Word::Drain));
        while !self.lobby.roster.is_empty() && patience.is_none_or(|patience| began.elapsed() < patience) {
            tokio::select! {
                _ = clock.tick() => {
                    self.tick(ticks);
                    ticks = ticks.wrapping_add(1);
                }
                signal = self.signals.next() => if matches!(signal, Signal::Stop | Signal::Quit) { break },
            }
        }
        let clients_closed = self.lobby.roster.len();
        self.dismiss(&mut clock).await;
        info!(event = "stopped", clients_closed);
        self.http_stop = None;
        self.crew.dismiss();
    }

    /// Nobody new comes in. A process that ends before its listeners have been dropped leaves their files behind.
    async fn close_doors(&mut self) {
        let Some(doors) = self.doors.take() else { return };
        doors.send_replace(());
        let _ = tokio::time::timeout(FAREWELL, doors.closed()).await;
    }

    /// Whoever is still here is told, and has a moment to hear it.
    async fn dismiss(&mut self, clock: &mut tokio::time::Interval) {
        self.lobby.roster.each(|client| client.tell(Word::Leave));
        let began = Instant::now();
        while !self.lobby.roster.is_empty() && began.elapsed() < FAREWELL {
            clock.tick().await;
        }
        let now = Instant::now();
        self.lobby.pools.all().iter().for_each(|pool| pool.close_idle(now, "shutting down"));
    }
}

/// PBKDF2 for the passwords that are known in plain, so that no login has to wait for it.
fn derive_secrets(lobby: &Arc<Lobby>) {
    let secrets = lobby.rules().underived();
    if !secrets.is_empty() {
        tokio::task::spawn_blocking(move || secrets.iter().for_each(crate::auth::Credential::derive));
    }
}

/// The allocator returns what was freed to the system a second later, but only when somebody frees a page again: at rest after a
/// crowd that may be never. This block is a page of its own; none of it is touched.
fn give_back_freed() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
}

/// The newest picture, for those who show it.
type Pictures = Arc<SnapshotCell>;
