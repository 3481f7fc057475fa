//! One stay with everything in it, sent message by message, byte by byte, and all at once: the replies are Postgres' own,
//! byte for byte.

use std::net::SocketAddr;

use crate::support::client::connect;
use crate::support::pgweir;
use crate::support::postgres::{self, Postgres};
use crate::support::wire::{bind, describe, execute, extended, message, parse, password, query, startup, sync};

fn login() -> Vec<Vec<u8>> {
    let parameters =
        [("user", "direct"), ("database", "app"), ("application_name", "splitter"), ("DateStyle", "German")];
    vec![startup(&parameters), password("secret")]
}

fn simple() -> Vec<Vec<u8>> {
    let texts =
        ["select 1 as a, 'x' as b; select 2", "", "select nope", "set timezone to 'Asia/Tokyo'", "show datestyle"];
    texts.iter().map(|sql| query(sql)).collect()
}

fn prepared() -> Vec<Vec<u8>> {
    vec![
        extended("select 'extended'"),
        [parse("mine", "select generate_series(1, 3)"), describe("Smine"), sync()].concat(),
        [bind("", "mine"), describe("P"), execute(), sync()].concat(),
        // What follows the error is skipped, up to Sync.
        [extended("select 1 / 0"), extended("select 'after'")].concat(),
        [parse("", "select 1"), bind("", "unknown"), execute(), parse("mine", "x"), sync()].concat(),
        [parse("mine", "select 2"), sync()].concat(),
        [bind("", "mine"), message(b'E', b"\0\0\0\0\x02"), execute(), message(b'H', b""), sync()].concat(),
        [message(b'C', b"Smine\0"), message(b'C', b"Sunknown\0"), sync(), sync()].concat(),
        [bind("", "mine"), sync()].concat(),
        // int4pl(2, 3)
        message(b'F', &[&177_u32.to_be_bytes()[..], &[0, 0, 0, 2, 0, 0, 0, 1, b'2', 0, 0, 0, 1, b'3', 0, 0]].concat()),
    ]
}

fn copies() -> Vec<Vec<u8>> {
    let (line, done) = (message(b'd', b"one\n"), message(b'c', b""));
    let batch = [parse("", "copy lines from stdin"), bind("", ""), execute()].concat();
    vec![
        query("begin"),
        query("create temp table lines (line text) on commit drop"),
        [
            query("copy lines from stdin"),
            line.clone(),
            message(b'd', b"two\nthr"),
            message(b'd', b"ee\n"),
            done.clone(),
        ]
        .concat(),
        [batch, line.clone(), done, sync()].concat(),
        query("copy lines to stdout"),
        [query("copy lines from stdin"), line, message(b'f', b"enough\0")].concat(),
        query("select 'failed'"),
        query("rollback"),
        query("select 'over'"),
    ]
}

/// All that comes back; but for the key for cancels, which is never the same.
fn replies<'a>(addr: SocketAddr, pieces: impl Iterator<Item = &'a [u8]>, between: impl Fn()) -> Vec<String> {
    let mut conn = connect(addr);
    for piece in pieces {
        conn.send(piece);
        between();
    }
    let mut said = Vec::new();
    while let Some(message) = conn.message() {
        let body = if message.tag == b'K' { "a key".into() } else { message.body.escape_ascii().to_string() };
        said.push(format!("{} {body}", char::from(message.tag)));
    }
    said
}

fn toml(postgres: &Postgres) -> String {
    let (cert, port) = (postgres.pair.cert.display(), postgres.port);
    format!(
        "[pool]\npool_size = 1\n[auth]\nauth_type = \"plain\"\n[users.direct]\npassword = \"secret\"\n\
         [tls.server]\nmode = \"verify-full\"\nca_file = \"{cert}\"\n\
         [databases.app]\nhost = \"127.0.0.1\"\nport = {port}\n"
    )
}

/// Shows the first reply that differs.
#[track_caller]
fn check(said: &[String], direct: &[String], how: &str) {
    let pairs = said.iter().zip(direct).enumerate();
    pairs.for_each(|(number, (said, direct))| assert_eq!(said, direct, "{how}, reply {number}"));
    assert_eq!(said.len(), direct.len(), "{how}");
}

#[test]
fn however_it_is_split_the_replies_are_postgres_own() {
    let postgres = postgres::shared();
    postgres.role("direct");
    let pgweir = pgweir::start(&toml(&postgres), &[]);
    let goodbye = vec![message(b'X', b"")];
    let stay = [login(), simple(), prepared(), copies(), goodbye].concat();
    let whole = stay.concat();
    let direct = replies(SocketAddr::from(([127, 0, 0, 1], postgres.port)), stay.iter().map(Vec::as_slice), || {});
    assert!(direct.len() > 80 && direct.last().unwrap() == "Z I", "{direct:#?}");
    let settle = || pgweir.settle();
    check(&replies(pgweir.addr, stay.iter().map(Vec::as_slice), settle), &direct, "message by message");
    check(&replies(pgweir.addr, [&whole[..]].into_iter(), || {}), &direct, "all at once");
    for size in [1, 2, 3, 5, 7, 64, 1000] {
        check(&replies(pgweir.addr, whole.chunks(size), settle), &direct, &format!("{size} bytes at a time"));
    }
}
