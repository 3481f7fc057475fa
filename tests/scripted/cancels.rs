//! Cancels: the right one reaches the right server, and no other client.

use crate::support::client::{Client, cancel_with, connect};
use crate::support::peer::Server;
use crate::support::stage::Stage;
use crate::support::wire::{Conn, done, error, one_row, query, ready, startup_of};

#[test]
fn a_cancel_reaches_the_server_that_runs_the_query_with_its_own_key() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select pg_sleep(1000)"));
    assert_eq!(server.hear("Q"), "select pg_sleep(1000)");
    std::thread::scope(|scope| {
        scope.spawn(|| client.cancel(stage.pgweir.addr));
        let (cancel, id, secret) = stage.peer.accept_cancel();
        assert_eq!((id, &secret[..]), (server.id, &server.secret[..]));
        cancel.close();
    });
    server.send(&[error("ERROR", "57014", "canceling statement due to user request"), ready(b'I')].concat());
    client.expect_error("ERROR", "57014");
    client.expect("Z");
    stage.converse(&mut client, &mut server);
}

#[test]
fn a_cancel_of_a_client_that_waits_takes_it_out_of_the_queue() {
    let stage = Stage::new("");
    let (mut holder, mut server) = stage.first();
    holder.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    holder.expect("C Z");
    let mut waiter = stage.client();
    waiter.send(&query("select 1"));
    stage.wait_until_waiting(&waiter);
    waiter.cancel(stage.pgweir.addr);
    waiter.expect_error("ERROR", "57014");
    assert_eq!(waiter.hear("Z"), "I");
    stage.peer.expect_nobody();
    holder.send(&query("commit"));
    server.answer("commit", &done("COMMIT", b'I'));
    holder.expect("C Z");
    stage.converse(&mut waiter, &mut server);
}

#[test]
fn a_cancel_that_nobody_may_send_does_nothing() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    let mut wrong = client.secret.clone();
    wrong[0] ^= 1;
    let longer = [&client.secret[..], b"x"].concat();
    for (id, secret) in [(client.id, &wrong[..]), (client.id ^ 1, &client.secret), (client.id, &longer), (0, b"")] {
        cancel_with(stage.pgweir.addr, id, secret);
    }
    stage.peer.expect_nobody();
    server.send(&one_row(b"1"));
    client.expect("T D C Z");
}

#[test]
fn a_cancel_of_a_client_at_rest_does_nothing() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    client.cancel(stage.pgweir.addr);
    stage.peer.expect_nobody();
    stage.converse(&mut client, &mut server);
}

#[test]
fn a_server_is_not_lent_while_a_cancel_to_it_is_under_way() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    std::thread::scope(|scope| {
        scope.spawn(|| client.cancel(stage.pgweir.addr));
        let (cancel, ..) = stage.peer.accept_cancel();
        server.send(&one_row(b"1"));
        let mut other = stage.client();
        other.send(&query("select 'other'"));
        stage.wait_until_waiting(&other);
        server.expect_silence();
        cancel.close();
        server.answer("select 'other'", &one_row(b"other"));
        other.expect("T D C Z");
    });
    client.expect("T D C Z");
    stage.converse(&mut client, &mut server);
}

/// A client of protocol 3 with this minor version has said hello.
fn hello(stage: &Stage, minor: u16) -> Conn {
    let mut conn = connect(stage.pgweir.addr);
    conn.send(&startup_of(minor, &[("user", "app"), ("database", "app")]));
    conn
}

/// 3.1 was never spoken by anybody; what is newer than ours comes down to it.
#[test]
fn versions_and_keys() {
    let stage = Stage::new("");
    let _first = stage.first();
    for (minor, negotiated, key) in
        [(0, None, 4), (1, Some(0), 4), (2, None, 32), (3, Some(2), 32), (9999, Some(2), 32)]
    {
        let mut conn = hello(&stage, minor);
        if let Some(spoken) = negotiated {
            assert_eq!(conn.expect("v")[0].body, [0, 3, 0, spoken, 0, 0, 0, 0], "3.{minor}");
        }
        assert_eq!(Client::welcome(conn).secret.len(), key, "3.{minor}");
    }
}

/// A client is never told a newer version than it asked for, also where only an option is unknown.
#[test]
fn options_that_nobody_knows() {
    let stage = Stage::new("");
    let _first = stage.first();
    for (minor, spoken) in [(0, 0), (1, 0), (2, 2), (9999, 2)] {
        let mut conn = connect(stage.pgweir.addr);
        let options = [("user", "app"), ("_pq_.a", "1"), ("database", "app"), ("_pq_.b", "")];
        conn.send(&startup_of(minor, &options));
        let expected = [&[0, 3, 0, spoken, 0, 0, 0, 2], &b"_pq_.a\0_pq_.b\0"[..]].concat();
        assert_eq!(conn.expect("v")[0].body, expected, "3.{minor}");
        Client::welcome(conn);
    }
}

#[test]
fn a_long_key_is_compared_as_a_whole() {
    let stage = Stage::new("");
    let (_first, mut server) = stage.first();
    let mut client = Client::welcome(hello(&stage, 2));
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    let mut wrong = client.secret.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for secret in [&wrong[..], &client.secret[..4], &client.secret[..31], &[&client.secret[..], b"x"].concat(), b""] {
        cancel_with(stage.pgweir.addr, client.id, secret);
    }
    stage.peer.expect_nobody();
    std::thread::scope(|scope| {
        scope.spawn(|| client.cancel(stage.pgweir.addr));
        stage.peer.accept_cancel().0.close();
    });
    server.send(&one_row(b"1"));
    client.expect("T D C Z");
}

/// A server behind us may speak of keys as it likes.
#[test]
fn a_servers_key_is_given_back_as_it_was() {
    for length in [4, 5, 32, 255, 256] {
        let stage = Stage::new("");
        let conn = stage.start();
        let key: Vec<u8> = (0..=255).cycle().skip(length).take(length).collect();
        let mut server = Server::welcome_with(stage.peer.accept(), key.clone());
        let mut client = Client::welcome(conn);
        client.send(&query("select 1"));
        assert_eq!(server.hear("Q"), "select 1");
        std::thread::scope(|scope| {
            scope.spawn(|| client.cancel(stage.pgweir.addr));
            let (cancel, id, secret) = stage.peer.accept_cancel();
            assert_eq!((id, secret), (server.id, key));
            cancel.close();
        });
        server.send(&one_row(b"1"));
        client.expect("T D C Z");
    }
}

#[test]
fn a_servers_key_has_an_end() {
    let stage = Stage::new("");
    let mut conn = stage.start();
    let _server = Server::welcome_with(stage.peer.accept(), vec![1; 257]);
    conn.expect("R");
    conn.expect_error("FATAL", "08006");
    conn.expect_closed();
}
