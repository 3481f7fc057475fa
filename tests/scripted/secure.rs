//! TLS that begins without being asked for, on both sides; the protocol that a handshake names. libpq has it from version 17
//! on, so the clients here are our own.

use std::io::Write;

use tempfile::TempDir;

use crate::support::client::{Client, connect};
use crate::support::peer::Peer;
use crate::support::pgweir;
use crate::support::stage::{Stage, toml};
use crate::support::tls::{Pair, begin, shake};
use crate::support::wire::{Conn, one_row, packet, query, ssl_request, startup};

/// pgweir that speaks TLS to clients, in this mode.
struct Secure {
    stage: Stage,
    pair: Pair,
    _directory: TempDir,
}

impl Secure {
    fn new(mode: &str) -> Secure {
        let directory = tempfile::tempdir().unwrap();
        let pair = Pair::in_directory(directory.path());
        let environment = [
            ("PGWEIR_TLS_CLIENT_MODE", mode),
            ("PGWEIR_TLS_CLIENT_CERT_FILE", pair.cert.to_str().unwrap()),
            ("PGWEIR_TLS_CLIENT_KEY_FILE", pair.key.to_str().unwrap()),
        ];
        Secure { stage: Stage::before(Peer::new(), "", &environment), pair, _directory: directory }
    }

    fn connect(&self) -> Conn {
        connect(self.stage.pgweir.addr)
    }

    /// A socket on which TLS was asked for and granted.
    fn ask(&self) -> Conn {
        let mut conn = self.connect();
        conn.send(&ssl_request());
        let mut answer = [0; 1];
        conn.read_raw(&mut answer);
        assert_eq!(&answer, b"S");
        conn
    }

    /// A session through a connection in TLS: what is asked is answered.
    fn converse(&self, mut conn: Conn) {
        conn.send(&hello());
        let mut server = self.stage.peer.serve();
        self.stage.converse(&mut Client::welcome(conn), &mut server);
    }
}

fn hello() -> Vec<u8> {
    startup(&[("user", "app"), ("database", "app")])
}

#[test]
fn a_handshake_may_come_unasked() {
    for mode in ["allow", "prefer", "require"] {
        let secure = Secure::new(mode);
        secure.converse(shake(secure.connect(), begin(&secure.pair, &["postgresql"])).unwrap());
    }
}

#[test]
fn a_handshake_may_come_in_pieces() {
    let secure = Secure::new("prefer");
    let (mut conn, mut tls, mut said) = (secure.connect(), begin(&secure.pair, &["h2", "postgresql"]), Vec::new());
    tls.write_tls(&mut said).unwrap();
    for piece in said.chunks(said.len() / 3) {
        conn.socket.write_all(piece).unwrap();
        secure.stage.pgweir.settle();
    }
    secure.converse(shake(conn, tls).unwrap());
}

#[test]
fn what_follows_the_handshake_at_once_is_heard() {
    let secure = Secure::new("prefer");
    let mut conn = shake(secure.connect(), begin(&secure.pair, &["postgresql"])).unwrap();
    conn.send(&[hello(), query("select 1")].concat());
    let mut server = secure.stage.peer.serve();
    server.answer("select 1", &one_row(b"1"));
    Client::welcome(conn).expect("T D C Z");
}

/// As with Postgres: whoever speaks directly must say what.
#[test]
fn an_unasked_handshake_names_the_protocol() {
    let secure = Secure::new("prefer");
    let mut conn = shake(secure.connect(), begin(&secure.pair, &[])).unwrap();
    conn.send(&hello());
    conn.expect_error("FATAL", "08P01");
    conn.expect_closed();
    assert!(shake(secure.connect(), begin(&secure.pair, &["h2"])).is_err());
    secure.stage.peer.expect_nobody();
    secure.converse(shake(secure.connect(), begin(&secure.pair, &["postgresql"])).unwrap());
}

#[test]
fn a_handshake_that_was_asked_for_need_not_name_it() {
    let secure = Secure::new("prefer");
    assert!(shake(secure.ask(), begin(&secure.pair, &["h2"])).is_err());
    secure.converse(shake(secure.ask(), begin(&secure.pair, &[])).unwrap());
    let secure = Secure::new("prefer");
    secure.converse(shake(secure.ask(), begin(&secure.pair, &["postgresql"])).unwrap());
}

#[test]
fn there_is_one_handshake_and_it_comes_first() {
    let secure = Secure::new("prefer");
    let mut conn = shake(secure.connect(), begin(&secure.pair, &["postgresql"])).unwrap();
    conn.send(&ssl_request());
    conn.expect_closed();
    let (mut conn, mut said) = (secure.connect(), Vec::new());
    conn.send(&packet(80_877_104, b""));
    conn.read_raw(&mut [0; 1]);
    begin(&secure.pair, &["postgresql"]).write_tls(&mut said).unwrap();
    conn.send(&said);
    conn.expect_error("FATAL", "08P01");
    conn.expect_closed();
    secure.stage.peer.expect_nobody();
}

/// pgweir behind pgweir: the one is client, the other server.
#[test]
fn a_server_is_spoken_to_directly_if_so_configured() {
    let secure = Secure::new("require");
    let port = secure.stage.pgweir.addr.port();
    let direct = [("PGWEIR_TLS_SERVER_MODE", "require"), ("PGWEIR_TLS_SERVER_SSLNEGOTIATION", "direct")];
    let front = pgweir::start(&toml(port, ""), &direct);
    let conn = crate::support::client::start(front.addr, "app");
    let mut server = secure.stage.peer.serve();
    let mut client = Client::welcome(conn);
    secure.stage.converse(&mut client, &mut server);

    let stage = Stage::before(Peer::new(), "", &direct);
    let _client = stage.start();
    let mut first = [0; 1];
    stage.peer.accept().read_raw(&mut first);
    assert_eq!(first, [0x16], "a handshake is the first that is said");
}
