//! Replication: a server of the client's own, and every byte passes.

use crate::support::client::{Client, connect};
use crate::support::peer::Server;
use crate::support::stage::Stage;
use crate::support::wire::{Conn, error, message, one_row, query, startup};

const LOGICAL: &[(&str, &str)] = &[("user", "app"), ("database", "app"), ("replication", "database")];

/// A client that has said hello with these parameters.
fn hello(stage: &Stage, parameters: &[(&str, &str)]) -> Conn {
    let mut conn = connect(stage.pgweir.addr);
    conn.send(&startup(parameters));
    conn
}

/// A client that replicates, and its server.
fn replicate(stage: &Stage) -> (Client, Server) {
    let conn = hello(stage, LOGICAL);
    let server = stage.peer.serve();
    (Client::welcome(conn), server)
}

#[test]
fn the_server_hears_what_the_client_asked_for() {
    let check = |parameters: &[(&str, &str)], expected: &str| {
        let stage = Stage::new("");
        let conn = hello(&stage, parameters);
        let mut server = stage.peer.accept();
        let packet = server.packet();
        assert_eq!(String::from_utf8_lossy(&packet[8..]).replace('\0', " ").trim_end(), expected);
        let _server = Server::let_in(server, vec![1; 4]);
        Client::welcome(conn);
    };
    check(LOGICAL, "user app database app replication database");
    let more =
        [("user", "app"), ("options", "-c a=b -z"), ("replication", "TRUE"), ("application_name", "walreceiver")];
    check(&more, "user app database app options -c a=b -z replication TRUE application_name walreceiver");
    // Whatever a physical one calls its database, with one configured that one is meant.
    let receivewal = [("user", "app"), ("database", "replication"), ("replication", "true")];
    check(&receivewal, "user app database app replication true");
}

#[test]
fn a_logical_one_names_its_database() {
    let stage = Stage::new("");
    let mut conn = hello(&stage, &[("user", "app"), ("database", "other"), ("replication", "database")]);
    conn.expect("R");
    conn.expect_error("FATAL", "3D000");
    conn.expect_closed();
    stage.peer.expect_nobody();
}

#[test]
fn bytes_pass_both_ways_whatever_they_are() {
    let stage = Stage::new("");
    let (mut client, mut server) = replicate(&stage);
    client.send(&query("START_REPLICATION SLOT s LOGICAL 0/0"));
    assert_eq!(server.hear("Q"), "START_REPLICATION SLOT s LOGICAL 0/0");
    server.send(&message(b'W', &[0; 3]));
    client.expect("W");
    let wal = message(b'd', &vec![b'w'; 300_000]);
    for turn in 0..20 {
        let feedback = message(b'd', &[turn; 34]);
        server.send(&wal);
        client.send(&feedback);
        assert_eq!(client.expect("d")[0].bytes(), wal);
        assert_eq!(server.expect("d")[0].bytes(), feedback);
    }
    // No message of any protocol, in halves.
    client.send(b"\0\xff");
    client.send(b"?");
    client.into_conn().close();
    assert_eq!(server.rest(), b"\0\xff?");
}

#[test]
fn neither_stays_without_the_other() {
    let stage = Stage::new("");
    let (mut client, mut server) = replicate(&stage);
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    client.expect_error("FATAL", "57P01");
    client.expect_closed();
    let (mut client, mut server) = replicate(&stage);
    client.send(&message(b'X', b""));
    client.into_conn().close();
    server.expect("X");
    server.expect_closed();
    stage.pgweir.wait_for_event("server_closed");
}

#[test]
fn what_a_client_says_at_once_with_its_hello_is_heard() {
    let stage = Stage::new("");
    let mut conn = connect(stage.pgweir.addr);
    conn.send(&[startup(LOGICAL), query("IDENTIFY_SYSTEM")].concat());
    let mut server = stage.peer.serve();
    server.answer("IDENTIFY_SYSTEM", &one_row(b"1"));
    Client::welcome(conn).expect("T D C Z");
}

#[test]
fn why_a_server_refuses_is_told() {
    let stage = Stage::new("");
    let mut conn = hello(&stage, LOGICAL);
    let mut server = stage.peer.accept();
    server.packet();
    let text = "must be superuser or replication role to start walsender";
    server.send(&error("FATAL", "42501", text));
    conn.expect("R");
    assert_eq!(conn.expect_error("FATAL", "42501").field('M'), text);
    conn.expect_closed();
    // Which is no reason to refuse anybody else.
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
}

#[test]
fn it_takes_no_place_in_the_pool() {
    let stage = Stage::new("");
    let _replicating = [replicate(&stage), replicate(&stage)];
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
}

/// But one among the servers of its database; a server that rests makes room.
#[test]
fn it_takes_a_place_among_all_servers() {
    let most = [("PGWEIR_DATABASES_APP_MAX_DB_CONNECTIONS", "2")];
    let stage = Stage::before(crate::support::peer::Peer::new(), "", &most);
    let (mut client, mut pooled) = stage.first();
    stage.converse(&mut client, &mut pooled);
    let _first = replicate(&stage);
    let second = replicate(&stage);
    pooled.expect("X");
    let mut conn = hello(&stage, LOGICAL);
    conn.expect("R");
    assert!(conn.expect_error("FATAL", "53300").field('D').contains("max_db_connections is 2"));
    conn.expect_closed();
    stage.peer.expect_nobody();
    second.0.into_conn().close();
    stage.pgweir.wait_for_event("client_gone");
    let _third = replicate(&stage);
}

#[test]
fn a_cancel_reaches_its_server() {
    let stage = Stage::new("");
    let (mut client, mut server) = replicate(&stage);
    client.send(&query("select pg_sleep(1000)"));
    server.hear("Q");
    std::thread::scope(|scope| {
        scope.spawn(|| client.cancel(stage.pgweir.addr));
        let (cancel, id, secret) = stage.peer.accept_cancel();
        assert_eq!((id, secret), (server.id, server.secret.clone()));
        cancel.close();
    });
    server.send(&error("ERROR", "57014", "canceling statement due to user request"));
    client.expect_error("ERROR", "57014");
}

/// We are on the way out: the client is told, unless it is in the middle of something.
#[test]
fn a_drain_ends_it() {
    let wal = message(b'd', &[b'w'; 100]);
    for (said, told) in [(&wal[..], true), (&wal[..60], false), (&wal[..3], false)] {
        let stage = Stage::new("");
        let (client, mut server) = replicate(&stage);
        let (mut conn, mut heard) = (client.into_conn(), vec![0; said.len()]);
        server.send(said);
        let mut at = 0;
        while at < heard.len() {
            at += conn.read_raw(&mut heard[at..]);
        }
        stage.pgweir.terminate();
        if told {
            conn.expect_error("FATAL", "57P01");
        }
        conn.expect_closed();
        server.expect_closed();
    }
}
