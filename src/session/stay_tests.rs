//! A session between a scripted client and scripted servers, all on sockets: what lies between the pure machines.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::auth::ServerKey;
use crate::config::{PoolSettings, TlsMode};
use crate::net::dial::Address;
use crate::pool::client::Identity;
use crate::pool::{Home, Quotas, Route, tidy};
use crate::protocol::Frame;

/// Long enough for a slow machine; nothing waits for it unless a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pool of one server at the most, and where its servers are to be.
struct Stage {
    pool: Arc<Pool>,
    quotas: Quotas,
    doors: UnixListener,
    roster: Arc<Roster>,
    worker: Arc<Worker>,
    clients: u32,
    _dir: tempfile::TempDir,
}

impl Stage {
    fn new(change: impl FnOnce(&mut PoolSettings)) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let doors = UnixListener::bind(dir.path().join(".s.PGSQL.1")).unwrap();
        let mut settings = PoolSettings { pool_size: 1, ..PoolSettings::default() };
        change(&mut settings);
        let host = dir.path().to_str().unwrap().to_string();
        let address =
            Arc::new(Address { host, port: 1, tls_mode: TlsMode::Disable, negotiation: Default::default(), tls: None });
        let (dbname, user, key) = ("d".to_string(), "u".to_string(), ServerKey::None);
        let route = Route { address, dbname, user, key, startup: Vec::new(), connect_timeout: PATIENCE };
        let plan = Arc::new(Plan { version: 1, generation: 1, settings, route });
        let quotas = Quotas { clients: [Arc::default(), Arc::default()], servers: [Arc::default(), Arc::default()] };
        let pool = pool(plan, &quotas);
        let worker = Arc::new(Worker::new(0, Instant::now()));
        Stage { pool, quotas, doors, roster: Arc::default(), worker, clients: 0, _dir: dir }
    }

    /// A client that has logged in, and what others know of it.
    fn client(&mut self, parameters: Parameters) -> (Peer, Arc<Client>) {
        self.clients += 1;
        let (ours, stream) = UnixStream::pair().unwrap();
        let who = Identity {
            id: self.clients,
            secret: Box::new([7; 4]),
            worker: 0,
            database: "d".into(),
            user: "u".into(),
            addr: "unix".into(),
            application_name: "".into(),
        };
        let client = Arc::new(Client::new(who, jiff::Timestamp::UNIX_EPOCH));
        self.pool.clients.iter().for_each(|quota| assert!(quota.take()));
        let stay = Stay::begin(&client, &self.pool, self.roster.clone(), Arc::default());
        let session = Box::new(Session {
            lane: None,
            stream: Stream::Unix(stream),
            client: client.clone(),
            pool: self.pool.clone(),
            worker: self.worker.clone(),
            plan: self.pool.plan(),
            parameters: Arc::new(parameters),
            statements: None,
            rested_at: Instant::now(),
            stay,
        });
        tokio::spawn(session.run());
        (Peer(ours), client)
    }

    /// A reload.
    fn replan(&self) {
        let plan = self.pool.plan();
        let (address, key) = (plan.route.address.clone(), ServerKey::None);
        let (dbname, user) = ("d".to_string(), "u".to_string());
        let route = Route { address, dbname, user, key, startup: Vec::new(), connect_timeout: PATIENCE };
        self.pool.replan(Arc::new(Plan {
            version: plan.version + 1,
            generation: plan.generation + 1,
            settings: plan.settings.clone(),
            route,
        }));
    }

    /// The next server that is opened, logged in.
    async fn server(&self) -> Peer {
        Peer(soon(self.doors.accept()).await.unwrap().0).log_in().await
    }
}

fn pool(plan: Arc<Plan>, quotas: &Quotas) -> Arc<Pool> {
    let homes = Arc::new([Home { runtime: tokio::runtime::Handle::current() }]);
    Arc::new(Pool::new("d".into(), "u".into(), plan, quotas.clone(), homes))
}

/// The other end of a client or of a server.
struct Peer(UnixStream);

impl Peer {
    /// As a server.
    async fn log_in(mut self) -> Peer {
        let size = soon(self.0.read_u32()).await.unwrap();
        self.bytes(size as usize - 4).await;
        self.0.write_all(b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x09\0\0\0\x09Z\0\0\0\x05I").await.unwrap();
        self
    }

    /// Says messages: `C`, `C:TEXT`, `_` for a space; `P:name=query`; `…-5` without its last five bytes.
    async fn say(&mut self, words: &str) {
        let bytes: Vec<u8> = words.split_whitespace().flat_map(encode_word).collect();
        self.0.write_all(&bytes).await.unwrap();
    }

    /// Reads as many messages as there are words, and compares: `Q` or `Q:TEXT`.
    #[track_caller]
    fn hears<'a>(&'a mut self, words: &'a str) -> impl Future<Output = ()> + 'a {
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

    async fn message(&mut self) -> (u8, Vec<u8>) {
        let head = self.bytes(5).await;
        let size = Frame::read(&head).unwrap().unwrap().size;
        (head[0], self.bytes(size - 5).await)
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        soon(self.0.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// All until the other side closes.
    async fn rest(&mut self) -> Vec<u8> {
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

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened")
}

/// Lets all tasks go on until none has anything to do.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_query_goes_there_and_back() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
}

#[tokio::test]
async fn a_deadline_of_a_query_that_is_over_is_forgotten() {
    let mut stage = Stage::new(|settings| settings.query_timeout = PATIENCE);
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    settle().await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    settle().await;
    known.check_deadline(u64::MAX);
    settle().await;
    client.say("Q:two").await;
    server.hears("Q:two").await;
}

#[tokio::test]
async fn an_answer_of_ours_waits_for_the_rest_of_the_message_before_it() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    client.hears("1 Z:I").await;
    client.say("D:Ss P:t=one B:t E S").await;
    server.hears("D B E S").await;
    server.say("t T:columns-4").await;
    client.hears("t").await;
    settle().await;
    server.0.write_all(b"mns\0").await.unwrap();
    server.say("2 C:SELECT Z:I").await;
    client.hears("T:columns 1 2 C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn a_refused_batch_that_ends_in_flush_hears_why() {
    let mut stage = Stage::new(|_| {});
    stage.doors = UnixListener::bind(stage._dir.path().join("elsewhere")).unwrap();
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:=one H").await;
    client.hears("E").await;
    client.say("S").await;
    client.hears("Z:I").await;
}

#[tokio::test]
async fn last_words_do_not_go_into_the_middle_of_a_message() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("D:row-2").await;
    assert_eq!(client.bytes(7).await, b"D\0\0\0\x08ro");
    known.tell(Word::Leave);
    assert_eq!(String::from_utf8_lossy(&client.rest().await), "");
}

#[tokio::test]
async fn last_words_come_after_what_was_being_sent() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    let row = format!("D:{}", "x".repeat(4090));
    // More than a socket takes, and less than a socket and a lane.
    for _ in 0..58 {
        server.say(&row).await;
    }
    client.hears("D").await;
    settle().await;
    known.tell(Word::Leave);
    let said = client.rest().await;
    let (mut rest, mut tags) = (&said[..], Vec::new());
    while let Some(frame) = Frame::read(rest).unwrap() {
        tags.push(frame.tag);
        rest = rest.get(frame.size..).expect("whole messages");
    }
    assert_eq!((tags.len(), tags.last()), (58, Some(&b'E')));
}

#[tokio::test]
async fn a_server_in_the_middle_of_a_notice_is_not_given_back() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I N:hello-3").await;
    first.hears("C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 1);
    server.0.write_all(b"lo\0").await.unwrap();
    first.hears("N:hello").await;
    let (mut second, _) = stage.client(Parameters::default());
    second.say("Q:two").await;
    server.hears("Q:two").await;
}

#[tokio::test]
async fn parameters_that_the_server_refuses_end_the_stay() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    let mut refusal = Vec::new();
    Complaint::error(*b"42501", "not you").encode(&mut refusal);
    server.0.write_all(&refusal).await.unwrap();
    server.say("Z:I C:SELECT Z:I").await;
    client.hears("E").await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 0);
}

#[tokio::test]
async fn a_canceller_that_goes_away_takes_no_server_with_it() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    let roster = stage.roster.clone();
    let canceller = tokio::spawn(async move { roster.cancel(known.id, &known.secret).await });
    let mut cancel = Peer(soon(stage.doors.accept()).await.unwrap().0);
    cancel.bytes(16).await;
    canceller.abort();
    settle().await;
    server.say("E:C57014 Z:I").await;
    client.hears("E:C57014 Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 0);
    drop(cancel);
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn nothing_of_ours_goes_into_a_copy() {
    let mut stage = Stage::new(|settings| settings.max_prepared_statements = 1);
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one P:t=two S").await;
    let mut server = stage.server().await;
    server.hears("P P S").await;
    server.say("1 1 Z:I").await;
    client.hears("1 1 Z:I").await;
    client.say("P:u=three S").await;
    server.hears("C P S").await;
    server.say("3 1 Z:I").await;
    client.hears("1 Z:I").await;
    client.say("Q:copy").await;
    server.hears("Q:copy").await;
    server.say("G").await;
    client.hears("G").await;
    client.say("B:s d c").await;
    server.hears("B d c").await;
}

#[tokio::test]
async fn names_behind_discard_all_wait_for_its_end() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    first.hears("1 Z:I").await;
    let (mut second, _) = stage.client(Parameters::default());
    second.say("Q:discard_all P:s=one B:s E S").await;
    server.hears("Q:discard_all").await;
    server.say("C:DISCARD_ALL Z:I").await;
    second.hears("C:DISCARD_ALL Z:I").await;
    server.hears("P B E S").await;
    server.say("1 2 C:SELECT Z:I").await;
    second.hears("1 2 C:SELECT Z:I").await;
}

#[tokio::test]
async fn what_a_client_that_left_has_dropped_is_noted() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    first.hears("1 Z:I").await;
    first.say("Q:discard_all").await;
    server.hears("Q:discard_all").await;
    drop(first);
    let mut cancel = Peer(soon(stage.doors.accept()).await.unwrap().0);
    cancel.bytes(16).await;
    drop(cancel);
    server.say("C:DISCARD_ALL Z:I").await;
    let (mut second, _) = stage.client(Parameters::default());
    // With more than Sync behind it: a Parse alone needs no server.
    second.say("P:t=one E S").await;
    server.hears("P E S").await;
}

#[tokio::test]
async fn a_server_whose_parameters_are_under_way_is_closed_when_its_client_leaves() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    drop(client);
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 0);
    server.hears("X").await;
}

#[tokio::test]
async fn a_session_leaves_no_parameters_whatever_the_reset_query_is() {
    let mut stage = Stage::new(|settings| {
        settings.pool_mode = crate::config::PoolMode::Session;
        settings.server_reset_query = "select_1".to_string();
    });
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    server.say("C:SELECT Z:I C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    client.say("X").await;
    server.hears("Q:select_1").await;
    server.say("C:SELECT Z:I").await;
    server.hears("Q:RESET_\"role\";_").await;
    server.say("C:RESET Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn startup_parameters_come_back_after_discard_all() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("extra_float_digits", "3");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:discard_all").await;
    let mut server = stage.server().await;
    server.hears("Q Q:discard_all").await;
    server.say("C:SELECT Z:I C:DISCARD_ALL").await;
    server.0.write_all(b"S\0\0\0\x08x\0y\0").await.unwrap();
    server.say("Z:I").await;
    client.hears("C:DISCARD_ALL S Z:I").await;
    client.say("Q:two").await;
    server.hears("Q Q:two").await;
}

#[tokio::test]
async fn a_server_opened_while_the_configuration_changed_serves_nobody() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let old = Peer(soon(stage.doors.accept()).await.unwrap().0);
    stage.replan();
    let mut old = old.log_in().await;
    let mut new = stage.server().await;
    new.hears("Q:one").await;
    old.hears("X").await;
}

#[tokio::test]
async fn a_resting_server_of_the_old_configuration_serves_nobody() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut old = stage.server().await;
    old.hears("Q:one").await;
    old.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    settle().await;
    stage.replan();
    client.say("Q:two").await;
    old.hears("X").await;
    stage.server().await.hears("Q:two").await;
}

#[tokio::test]
async fn a_pool_that_needs_no_server_makes_room_for_one_that_does() {
    let mut stage = Stage::new(|_| {});
    stage.quotas.servers[0].set_limit(Some(1));
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let poor = pool(stage.pool.plan(), &stage.quotas);
    let rich = std::mem::replace(&mut stage.pool, poor);
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:two").await;
    settle().await;
    let pools = [rich, stage.pool.clone()];
    tidy::share_out(&pools, Instant::now());
    server.hears("X").await;
    stage.pool.tick(Instant::now());
    stage.server().await.hears("Q:two").await;
}
