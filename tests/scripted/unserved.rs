//! What is answered while the only server is in another client's transaction.

use crate::support::client::Client;
use crate::support::peer::Server;
use crate::support::stage::Stage;
use crate::support::wire::{bind, done, error, execute, message, parse, query, ready, sync};

/// A client that has prepared `s`, another that holds the server, and the server.
fn busy(stage: &Stage) -> (Client, Client, Server) {
    let (mut client, mut server) = stage.first();
    client.send(&[parse("s", "select 1"), sync()].concat());
    server.expect("P S");
    server.send(&[message(b'1', b""), ready(b'I')].concat());
    client.expect("1 Z");
    let mut holder = stage.client();
    holder.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    holder.expect("C Z");
    (client, holder, server)
}

/// Close, of a statement `S` or a portal `P` with this name.
fn close(what: &str) -> Vec<u8> {
    message(b'C', &[what.as_bytes(), &[0]].concat())
}

/// Go's database/sql keeps all its goroutines waiting meanwhile, the one that has the server too.
#[test]
fn what_is_closed_is_closed_at_once() {
    let stage = Stage::new("");
    let (mut client, mut holder, mut server) = busy(&stage);
    for what in ["Sother", "S", "P", "Pcursor", "Ss", "Ss"] {
        client.send(&[close(what), sync()].concat());
        assert_eq!(client.expect("3 Z")[1].body, b"I", "{what}");
    }
    client.send(&close("Ss"));
    client.expect_silence();
    client.send(&sync());
    client.expect("3 Z");
    holder.send(&query("end"));
    server.answer("end", &done("COMMIT", b'I'));
    holder.expect("C Z");
    // Gone for good, and the server sees what the client meant.
    client.send(&[bind("", "s"), execute(), sync()].concat());
    assert_eq!(server.expect("B E S")[0].text().trim(), "s");
    server.send(&[error("ERROR", "26000", "prepared statement \"s\" does not exist"), ready(b'I')].concat());
    client.expect_error("ERROR", "26000");
    client.expect("Z");
}

#[test]
fn a_sync_or_a_flush_needs_no_server() {
    let stage = Stage::new("");
    let (mut client, _holder, _server) = busy(&stage);
    client.send(&sync());
    assert_eq!(client.hear("Z"), "I");
    client.send(&[close("Ss"), message(b'H', b"")].concat());
    client.expect("3");
    client.send(&sync());
    assert_eq!(client.hear("Z"), "I");
}

#[test]
fn who_holds_a_server_closes_there() {
    let stage = Stage::new("");
    let (mut client, mut holder, mut server) = busy(&stage);
    holder.send(&[close("Pcursor"), sync()].concat());
    server.expect("C S");
    server.send(&[message(b'3', b""), ready(b'T')].concat());
    assert_eq!(holder.expect("3 Z")[1].body, b"T");
    holder.send(&query("end"));
    server.answer("end", &done("COMMIT", b'I'));
    holder.expect("C Z");
    stage.converse(&mut client, &mut server);
}
