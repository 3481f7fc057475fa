//! What pgweir's session asks of the allocator, on a worker's loop with real sockets: after warm-up, a query that is served
//! from a resting server asks for nothing, not in the lanes, not in the machines, not in the sockets; and a client at rest
//! keeps little.

// What an allocator must implement is unsafe.
#![allow(unsafe_code, clippy::unwrap_used)]

#[path = "allocation/tally.rs"]
mod tally;

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use pgweir::config::Observe;
use pgweir::config::Sources;
use pgweir::net::Stream;
use pgweir::observe::observer::{Observatory, Observer};
use pgweir::observe::who::Addr;
use pgweir::pool::{Home, Pools};
use pgweir::session::welcome::{Welcomed, welcome};
use pgweir::session::{Lobby, Rules, Worker};

use support::client::Client;
use support::peer::{Peer, Server};
use support::wire::{Conn, bind, complete, describe, description, execute, extended, message, one_row, parse, query};
use support::wire::{ready, row, sync};
use tally::Tally;

/// pgweir's session on a loop of its own, in front of a server that the test plays.
struct Loop {
    addr: SocketAddr,
    peer: Peer,
    tally: &'static Tally,
}

impl Loop {
    fn new(settings: &str) -> Loop {
        let peer = Peer::new();
        let toml = support::stage::toml(peer.addr().port(), settings);
        let (tell, told) = mpsc::channel();
        let tally: &Tally = Box::leak(Box::default());
        thread::spawn(move || work(&toml, &tell, tally));
        Loop { addr: told.recv().unwrap(), peer, tally }
    }

    fn first(&self) -> (Client, Server) {
        let conn = support::client::start(self.addr, "app");
        let server = self.peer.serve();
        (Client::welcome(conn), server)
    }

    /// A further client, for whose login no server is needed.
    fn client(&self) -> Client {
        Client::welcome(support::client::start(self.addr, "app"))
    }
}

/// One worker, as the app makes it.
fn work(toml: &str, tell: &mpsc::Sender<SocketAddr>, tally: &'static Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let homes = [Home { runtime: runtime.handle().clone() }];
    let lobby = Arc::new(Lobby::new(rules(toml), Pools::new(homes.into()), [0; 32], CROWD * 4));
    let observatory = Arc::new(Observatory::new([7; 16], &Observe::default()));
    analyse(observatory.clone());
    let observer = Observer::new(observatory);
    let worker = Arc::new(Worker::new(0, Instant::now(), observer));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        tally.watch_this_thread();
        loop {
            let (socket, from) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let entering = Box::pin(welcome(Stream::Tcp(socket), Addr::Tcp(from), worker.clone(), lobby.clone()));
            tokio::spawn(async move {
                if let Some(Welcomed::Session(session)) = entering.await {
                    session.run().await;
                }
            });
        }
    });
}

/// Reads what it is told, as the analyst does, and gives the batches back.
fn analyse(observatory: Arc<Observatory>) {
    let mut batches = Vec::new();
    thread::spawn(move || {
        while observatory.take(&mut batches, PATIENCE) {
            observatory.give_back(batches.drain(..));
        }
    });
}

fn rules(toml: &str) -> Rules {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), toml).unwrap();
    let mut sources = Sources { cores: 1, ..Sources::default() };
    sources.flags.config = Some(file.path().to_path_buf());
    let config = sources.load().unwrap_or_else(|mistakes| panic!("{}", mistakes[0]));
    Rules::load(config, &[0; 32]).unwrap()
}

/// A request, what the server is to see of it, what it answers, what the client gets.
struct Exchange {
    name: &'static str,
    request: Vec<u8>,
    seen: &'static str,
    reply: Vec<u8>,
    got: &'static str,
}

impl Exchange {
    fn run(&self, client: &mut Conn, server: &mut Conn) {
        client.send(&self.request);
        server.expect(self.seen);
        server.send(&self.reply);
        client.expect(self.got);
    }
}

fn exchanges() -> Vec<Exchange> {
    let (parsed, bound) = (message(b'1', b""), message(b'2', b""));
    let rows = [description(), row(&[b'x'; 100]).repeat(2000), complete("SELECT 2000"), ready(b'I')].concat();
    let executed = [&bound[..], &one_row(b"1")].concat();
    let rows_got: &'static str = format!("T {}C Z", "D ".repeat(2000)).leak();
    vec![
        Exchange { name: "simple", request: query("select 1"), seen: "Q", reply: one_row(b"1"), got: "T D C Z" },
        Exchange {
            name: "extended",
            request: extended("select 1"),
            seen: "P B D E S",
            reply: [&parsed[..], &executed].concat(),
            got: "1 2 T D C Z",
        },
        Exchange {
            name: "prepared",
            request: [bind("", "mine"), describe("P"), execute(), sync()].concat(),
            seen: "B D E S",
            reply: executed.clone(),
            got: "2 T D C Z",
        },
        Exchange {
            name: "a pipeline of prepared",
            request: [bind("", "mine"), describe("P"), execute(), sync()].concat().repeat(10),
            seen: "B D E S B D E S B D E S B D E S B D E S B D E S B D E S B D E S B D E S B D E S",
            reply: executed.repeat(10),
            got: "2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z 2 T D C Z",
        },
        Exchange { name: "many rows", request: query("select many"), seen: "Q", reply: rows, got: rows_got },
        Exchange {
            name: "a transaction",
            request: [query("begin"), query("select 1"), query("commit")].concat(),
            seen: "Q Q Q",
            reply: [complete("BEGIN"), ready(b'T'), complete("SELECT 1"), ready(b'T'), complete("COMMIT"), ready(b'I')]
                .concat(),
            got: "C Z C Z C Z",
        },
    ]
}

/// Between two looks whether the test is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// Rounds before the counting begins, and while it lasts.
const WARM: usize = 20;
const COUNTED: usize = 50;

/// Clients of one server.
struct Cast<'s> {
    scene: &'s Loop,
    client: Client,
    bystander: Client,
    server: Server,
}

impl Cast<'_> {
    /// With a statement that the client has prepared under the name `mine`.
    fn new(scene: &Loop) -> Cast<'_> {
        let (mut client, mut server) = scene.first();
        let bystander = scene.client();
        preparing("mine").run(&mut client, &mut server);
        Cast { scene, client, bystander, server }
    }

    /// Another client has the server between the rounds, so that each borrows it anew.
    fn rounds(&mut self, exchange: &Exchange, count: usize) {
        let between = asking();
        for _ in 0..count {
            exchange.run(&mut self.client, &mut self.server);
            between.run(&mut self.bystander, &mut self.server);
        }
    }

    /// How many allocations these rounds cost the worker, and where the first of them were.
    fn count(&mut self, exchange: &Exchange, rounds: usize) -> (usize, String) {
        self.scene.tally.count(|| self.rounds(exchange, rounds))
    }
}

fn asking() -> Exchange {
    Exchange { name: "asking", request: query("select 2"), seen: "Q", reply: one_row(b"2"), got: "T D C Z" }
}

fn preparing(name: &str) -> Exchange {
    Exchange {
        name: "preparing",
        request: [parse(name, &format!("select '{name}'")), sync()].concat(),
        seen: "P S",
        reply: [message(b'1', b""), ready(b'I')].concat(),
        got: "1 Z",
    }
}

#[test]
fn a_query_allocates_nothing() {
    let scene = Loop::new("");
    let mut cast = Cast::new(&scene);
    let (count, places) = cast.count(&preparing("another"), 1);
    assert!(count > 0 && places.contains("Catalog::intern"), "the counting itself does not work: {count} {places}");
    for exchange in exchanges() {
        cast.rounds(&exchange, WARM);
        let (count, places) = cast.count(&exchange, COUNTED);
        assert_eq!(count, 0, "{} allocates, in {COUNTED} rounds:\n{places}", exchange.name);
    }
}

/// Clients that come before those who are counted, and those.
const CROWD: usize = 200;

/// What a client at rest keeps, in bytes as they are asked for: its task, its session, the runtime's note of its socket, its
/// place on every list.
const MOST: isize = 1_200;

#[test]
fn a_resting_client_keeps_little() {
    let scene = Loop::new("");
    let (_first, mut server) = scene.first();
    let mut crowd = || -> Vec<Client> {
        let come = |_| {
            let mut client = scene.client();
            asking().run(&mut client, &mut server);
            client
        };
        (0..CROWD).map(come).collect()
    };
    let before = crowd();
    let kept = scene.tally.kept();
    let counted = crowd();
    let each = (scene.tally.kept() - kept) / CROWD as isize;
    assert!((MOST / 4..=MOST).contains(&each), "{each} bytes");
    drop((before, counted));
}
