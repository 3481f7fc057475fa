//! Servers that fail in some way when they are opened, and then no longer do: who had asked is told at once, and service is
//! back soon after, with the same clients.

use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::peer::Server;
use crate::support::stage::Stage;
use crate::support::wire::{Conn, error, message, one_row, query};

/// `server_login_retry` is half a second if nothing is said; the rest is for a slow machine.
const SOON: Duration = Duration::from_secs(5);

/// A logged-in client's server is gone, and the next one does this when it is opened: the client is told with this code. Asking
/// again and again it is soon served by the one after that, and there was no attempt between the two.
#[track_caller]
fn check(settings: &str, fail: impl FnOnce(Conn) -> Option<Conn>, code: &str) {
    let stage = Stage::new(settings);
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.into_conn().close();
    client.send(&query("select 1"));
    let failing = fail(stage.peer.accept());
    client.expect_error("ERROR", code);
    assert_eq!(client.hear("Z"), "I");
    let failed_at = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| stage.peer.serve().answer("select 1", &one_row(b"1")));
        ask_until_served(&mut client, code);
    });
    assert!(failed_at.elapsed() < SOON, "{:?}", failed_at.elapsed());
    stage.peer.expect_nobody();
    drop(failing);
}

/// Each time it is told at once, with this code, or served.
#[track_caller]
fn ask_until_served(client: &mut Client, code: &str) {
    loop {
        client.send(&query("select 1"));
        let first = client.message().expect("the session goes on");
        if first.tag == b'T' {
            client.expect("D C Z");
            return;
        }
        assert_eq!((first.tag, first.field('C').as_str()), (b'E', code), "{}", first.text());
        client.expect("Z");
    }
}

/// Hears the startup packet, says this and closes.
fn says(bytes: Vec<u8>) -> impl FnOnce(Conn) -> Option<Conn> {
    move |mut conn| {
        conn.packet();
        conn.send(&bytes);
        conn.close();
        None
    }
}

#[test]
fn after_a_refusal() {
    for code in ["57P03", "53300", "28P01", "28000", "3D000"] {
        check("", says(error("FATAL", code, "not now")), code);
    }
}

#[test]
fn after_a_login_that_breaks_off() {
    let ok = message(b'R', &[0; 4]);
    check("", says(Vec::new()), "08006");
    check("", says(ok[..6].to_vec()), "08006");
    check("", says(ok.clone()), "08006");
    check("", says([ok, message(b'S', b"TimeZone\0UTC\0")].concat()), "08006");
    check("", says(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), "08006");
    check("", says(b"R\xff\xff\xff\xff".to_vec()), "08006");
}

#[test]
fn after_one_that_hears_and_says_no_more() {
    let half_closes = |mut conn: Conn| {
        conn.packet();
        conn.socket.shutdown(Shutdown::Write).unwrap();
        Some(conn)
    };
    check("", half_closes, "08006");
}

#[test]
fn after_one_that_hangs_in_its_login() {
    let hangs = |mut conn: Conn| {
        conn.packet();
        conn.send(&message(b'R', &[0; 4]));
        Some(conn)
    };
    check("server_connect_timeout = \"300ms\"", hangs, "08006");
}

#[test]
fn one_that_rests_and_will_say_no_more_is_replaced_silently() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.socket.shutdown(Shutdown::Write).unwrap();
    stage.converse_anew(&mut client);
}

#[test]
fn one_that_works_and_will_say_no_more_is_lost() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    server.socket.shutdown(Shutdown::Write).unwrap();
    client.expect_error("FATAL", "08006");
    client.expect_closed();
    stage.converse_anew(&mut stage.client());
}

/// One that never answers costs its client `query_timeout` and nobody else anything, though it does not heed a cancel either.
#[test]
fn one_that_never_answers_is_given_up() {
    let stage = Stage::new("query_timeout = \"300ms\"");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    client.expect_error("FATAL", "57014");
    client.expect_closed();
    let (cancel, id, _) = stage.peer.accept_cancel();
    assert_eq!(id, server.id);
    cancel.close();
    let mut next = stage.client();
    next.send(&query("select 'anew'"));
    // It is cancelled each second until it is given up.
    let mut conn = stage.peer.accept();
    while conn.packet()[4..8] != 196_608_u32.to_be_bytes() {
        conn = stage.peer.accept();
    }
    Server::let_in(conn, vec![7; 4]).answer("select 'anew'", &one_row(b"anew"));
    next.expect("T D C Z");
}
