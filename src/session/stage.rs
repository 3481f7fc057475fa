//! What tests of sessions play on: a scripted client and scripted servers, all on sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::stay::{Session, Stay};
use super::worker::Worker;
use crate::auth::ServerKey;
use crate::config::demands::Demands;
use crate::config::{PoolSettings, TlsMode};
use crate::net::Stream;
use crate::net::dial::Address;
use crate::observe::observer::{Observatory, Observer};
use crate::observe::who::Addr;
use crate::pool::client::Identity;
use crate::pool::parameters::Parameters;
use crate::pool::{Client, Home, Plan, Pool, Quotas, Roster, Route};
use crate::protocol::{Frame, encode};

/// Long enough for a slow machine; nothing waits for it unless a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A pool of one server at the most, and where its servers are to be.
pub(super) struct Stage {
    pub(super) pool: Arc<Pool>,
    pub(super) quotas: Quotas,
    pub(super) doors: UnixListener,
    pub(super) roster: Arc<Roster>,
    worker: Arc<Worker>,
    clients: u32,
    pub(super) dir: tempfile::TempDir,
}

/// To the server of these scenes, which trusts everybody.
fn route(address: Arc<Address>) -> Route {
    let (dbname, user, key) = ("d".to_string(), "u".to_string(), ServerKey::None);
    Route { address, dbname, user, key, demands: Demands::default(), startup: Vec::new(), connect_timeout: PATIENCE }
}

impl Stage {
    pub(super) fn new(change: impl FnOnce(&mut PoolSettings)) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let doors = UnixListener::bind(dir.path().join(".s.PGSQL.1")).unwrap();
        let mut settings = PoolSettings { pool_size: 1, ..PoolSettings::default() };
        change(&mut settings);
        let host = dir.path().to_str().unwrap().to_string();
        let address = Arc::new(Address {
            host,
            hostaddr: None,
            port: 1,
            tls_mode: TlsMode::Disable,
            negotiation: Default::default(),
            tls: None,
            tcp: Default::default(),
            names: Default::default(),
        });
        let plan = Arc::new(Plan { version: 1, generation: 1, settings, route: route(address) });
        let quotas = Quotas { clients: [Arc::default(), Arc::default()], servers: [Arc::default(), Arc::default()] };
        let pool = pool(plan, &quotas);
        let worker = Arc::new(Worker::new(0, Instant::now(), observer()));
        Stage { pool, quotas, doors, roster: Arc::default(), worker, clients: 0, dir }
    }

    /// A client that has logged in, and what others know of it.
    pub(super) fn client(&mut self, parameters: Parameters) -> (Peer, Arc<Client>) {
        let (peer, session) = self.session(parameters);
        let client = session.client.clone();
        tokio::spawn(session.run());
        (peer, client)
    }

    /// One whose session nobody runs yet.
    pub(super) fn session(&mut self, parameters: Parameters) -> (Peer, Box<Session>) {
        self.clients += 1;
        let (ours, stream) = UnixStream::pair().unwrap();
        let who = Identity {
            id: self.clients,
            secret: Box::new([7; 4]),
            worker: 0,
            database: "d".into(),
            user: "u".into(),
            addr: Addr::Unix,
            application_name: "".into(),
        };
        let client = Arc::new(Client::new(who, jiff::Timestamp::UNIX_EPOCH));
        self.pool.clients.iter().for_each(|quota| assert!(quota.take()));
        let stay = Stay::begin(&client, &self.pool, self.roster.clone(), Arc::default());
        let parameters = Arc::new(parameters);
        let session = Box::new(Session {
            lane: None,
            stream: Stream::Unix(stream),
            client,
            pool: self.pool.clone(),
            worker: self.worker.clone(),
            plan: self.pool.plan(),
            mode: self.pool.plan().settings.pool_mode,
            origin: parameters.clone(),
            dialect: None,
            backslash: false,
            temporary: false,
            looks: 0,
            last_server: 0,
            parameters,
            statements: None,
            hearing: None,
            who: Default::default(),
            direct: false,
            rested_at: self.worker.clock(Instant::now()),
            stay,
        });
        (Peer(ours), session)
    }

    /// A reload.
    pub(super) fn replan(&self) {
        self.replan_with(|_| {});
    }

    /// One that changes something.
    pub(super) fn replan_with(&self, change: impl FnOnce(&mut PoolSettings)) {
        let plan = self.pool.plan();
        let mut settings = plan.settings.clone();
        change(&mut settings);
        self.pool.replan(Arc::new(Plan {
            version: plan.version + 1,
            generation: plan.generation + 1,
            settings,
            route: route(plan.route.address.clone()),
        }));
    }

    /// The next server that is opened, logged in.
    pub(super) async fn server(&self) -> Peer {
        Peer(soon(self.doors.accept()).await.unwrap().0).log_in().await
    }
}

/// Nobody looks at what it is told.
pub(super) fn observer() -> Observer {
    Observer::new(Arc::new(Observatory::new([0; 16], &Default::default())))
}

pub(super) fn pool(plan: Arc<Plan>, quotas: &Quotas) -> Arc<Pool> {
    let homes = Arc::new([Home { runtime: tokio::runtime::Handle::current() }]);
    Arc::new(Pool::new("d".into(), "u".into(), plan, quotas.clone(), homes))
}

/// The other end of a client or of a server.
pub(super) struct Peer(pub(super) UnixStream);

impl Peer {
    /// As a server.
    pub(super) async fn log_in(mut self) -> Peer {
        let size = soon(self.0.read_u32()).await.unwrap();
        self.bytes(size as usize - 4).await;
        self.0.write_all(b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x09\0\0\0\x09Z\0\0\0\x05I").await.unwrap();
        self
    }

    /// Says messages: `C`, `C:TEXT`, `_` for a space; `P:name=query`; `…-5` without its last five bytes.
    pub(super) async fn say(&mut self, words: &str) {
        let bytes: Vec<u8> = words.split_whitespace().flat_map(encode_word).collect();
        self.0.write_all(&bytes).await.unwrap();
    }

    /// Reads as many messages as there are words, and compares: `Q` or `Q:TEXT`.
    #[track_caller]
    pub(super) fn hears<'a>(&'a mut self, words: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut heard = Vec::new();
            for word in words.split_whitespace() {
                let (tag, body) = self.message().await;
                let text = String::from_utf8_lossy(body.strip_suffix(&[0]).unwrap_or(&body)).replace(' ', "_");
                heard.push(if word.contains(':') { format!("{}:{text}", tag as char) } else { (tag as char).into() });
            }
            assert_eq!(heard.join(" "), words.split_whitespace().collect::<Vec<_>>().join(" "), "{caller}");
        }
    }

    pub(super) async fn message(&mut self) -> (u8, Vec<u8>) {
        let head = self.bytes(5).await;
        let size = Frame::read(&head).unwrap().unwrap().size;
        (head[0], self.bytes(size - 5).await)
    }

    pub(super) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        soon(self.0.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// All until the other side closes.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        soon(self.0.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }
}

fn encode_word(word: &str) -> Vec<u8> {
    let (word, cut) = word.split_once('-').map_or((word, 0), |(word, cut)| (word, cut.parse().unwrap()));
    let mut out = Vec::new();
    let text = word.get(2..).unwrap_or("").replace('_', " ");
    match (word.as_bytes()[0], text.split_once('=')) {
        (b'P', Some((name, query))) => encode::parse(&mut out, name.as_bytes(), &[query.as_bytes(), &[0; 3]].concat()),
        (b'B', _) => {
            encode::bind_front(&mut out, b"", text.as_bytes(), 6);
            out.extend([0; 6]);
        }
        (tag, _) if word.len() > 1 => encode::message(&mut out, tag, |out| encode::cstr(out, text.as_bytes())),
        (tag, _) => encode::bare(&mut out, tag),
    }
    out.truncate(out.len() - cut);
    out
}

pub(super) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened")
}

/// Lets all tasks go on until none has anything to do.
pub(super) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
