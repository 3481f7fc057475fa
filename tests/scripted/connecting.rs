//! Servers that cannot be had: silent, refusing, not there; and back again.

use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::peer::Peer;
use crate::support::stage::Stage;
use crate::support::wire::{error, message, notice, parameter_status, query, ready};

/// So that a failure is remembered for longer than any test takes.
const FOR_EVER: &str = "server_login_retry = \"1h\"";

#[test]
fn a_server_that_hangs_at_its_login_is_named() {
    let stage = Stage::new("server_connect_timeout = \"300ms\"\nserver_login_retry = \"1h\"");
    let mut client = stage.start();
    let mut hanging = stage.peer.accept();
    client.expect("R");
    let told = client.expect_error("FATAL", "08006");
    assert!(told.text().contains(&stage.peer.addr().to_string()), "{}", told.text());
    assert!(told.text().contains("server_connect_timeout"), "{}", told.text());
    client.expect_closed();
    hanging.packet();
    hanging.expect_closed();
}

/// A server that refuses its login with this: the client gets the same code. Later ones too, without another attempt.
#[track_caller]
fn check_refusal(code: &str) {
    let stage = Stage::new(FOR_EVER);
    let mut client = stage.start();
    let mut server = stage.peer.accept();
    server.packet();
    server.send(&error("FATAL", code, "not now"));
    server.close();
    for client in [&mut client, &mut stage.start()] {
        client.expect("R");
        let told = client.expect_error("FATAL", code);
        assert!(told.field('M').contains("not now"), "{}", told.text());
        client.expect_closed();
    }
    stage.peer.expect_nobody();
}

#[test]
fn a_refused_login_keeps_its_code() {
    ["57P03", "53300", "28P01", "28000", "3D000"].into_iter().for_each(check_refusal);
}

#[test]
fn a_server_that_closes_during_its_login_is_named() {
    let stage = Stage::new(FOR_EVER);
    let mut client = stage.start();
    stage.peer.accept().close();
    client.expect("R");
    client.expect_error("FATAL", "08006");
    client.expect_closed();
}

/// A server says this together with the last word of its login; what the client is told, or nothing if it is let in.
#[track_caller]
fn check_last_word(more: &[u8], code: &str) {
    let stage = Stage::new(FOR_EVER);
    let mut client = stage.start();
    let mut server = stage.peer.accept();
    server.packet();
    server.send(&[message(b'R', &[0; 4]), parameter_status("TimeZone", "UTC"), ready(b'I'), more.to_vec()].concat());
    if code.is_empty() {
        let client = Client::welcome(client);
        return assert_eq!(client.parameters["TimeZone"], "Asia/Tokyo");
    }
    client.expect("R");
    client.expect_error("FATAL", code);
    client.expect_closed();
}

#[test]
fn what_comes_with_the_last_word_of_a_login_is_heard() {
    check_last_word(&[notice("be quick"), parameter_status("TimeZone", "Asia/Tokyo")].concat(), "");
    check_last_word(&error("FATAL", "57P01", "terminating connection due to administrator command"), "57P01");
    check_last_word(&ready(b'I'), "08006");
    check_last_word(b"\xff\xff\xff\xff\xff", "08006");
}

/// A port that refuses connections, and that nobody else can take.
fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, addr)
}

#[test]
fn a_server_that_is_not_there_is_named_and_used_when_it_is_back() {
    let (socket, addr) = refusing();
    // Not listening yet, which a Peer need not know.
    let peer = Peer::on(TcpListener::from(socket.try_clone().unwrap()));
    let stage = Stage::before(peer, "server_login_retry = \"100ms\"", &[]);
    for _ in 0..3 {
        let mut client = stage.start();
        client.expect("R");
        let told = client.expect_error("FATAL", "08006");
        assert!(told.text().contains(&addr.to_string()), "{}", told.text());
        client.expect_closed();
    }
    socket.listen(16).unwrap();
    thread::scope(|scope| {
        let serving = scope.spawn(|| stage.peer.serve());
        let mut client = login_in_the_end(&stage);
        stage.converse(&mut client, &mut serving.join().unwrap());
    });
}

/// Knocks until it is let in.
fn login_in_the_end(stage: &Stage) -> Client {
    let begun = Instant::now();
    loop {
        match Client::try_welcome(stage.start()) {
            Ok(client) => return client,
            Err(refused) => assert!(begun.elapsed() < PATIENCE, "not let in: {}", refused.text()),
        }
    }
}

#[test]
fn a_failure_does_not_outlast_a_server_that_works() {
    let stage = Stage::new("server_login_retry = \"1h\"\nserver_connect_timeout = \"300ms\"");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.into_conn().close();
    client.send(&query("select 1"));
    let hanging = stage.peer.accept();
    client.expect_error("ERROR", "08006");
    assert_eq!(client.hear("Z"), "I");
    drop(hanging);
    client.send(&query("select 1"));
    client.expect_error("ERROR", "08006");
    assert_eq!(client.hear("Z"), "I");
    stage.peer.expect_nobody();
}

/// Whoever has just connected would take its connection for a good one, and what it could not set for set.
#[test]
fn who_has_just_come_is_closed_where_there_is_no_server_and_who_comes_then_is_not_let_in() {
    let stage = Stage::new("server_login_retry = \"1h\"");
    let (mut served, mut server) = stage.first();
    stage.converse(&mut served, &mut server);
    let mut fresh = stage.client();
    server.into_conn().close();
    fresh.send(&query("set work_mem = '1MB'"));
    stage.peer.accept().close();
    fresh.expect_error("FATAL", "08006");
    fresh.expect_closed();
    let mut late = stage.start();
    late.expect("R");
    late.expect_error("FATAL", "08006");
    late.expect_closed();
    served.send(&query("select 1"));
    served.expect_error("ERROR", "08006");
    assert_eq!(served.hear("Z"), "I");
}
