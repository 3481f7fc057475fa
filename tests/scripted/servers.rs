//! Servers that die, that speak while they rest, that say what no server says.

use crate::support::client::Client;
use crate::support::peer::Server;
use crate::support::stage::Stage;
use crate::support::wire::{complete, description, done, error, message, notice, one_row, parameter_status};
use crate::support::wire::{query, ready, row};

/// A client has asked, the server says this and closes: what the client reads is to have these tags and then to end.
#[track_caller]
fn check_death(said: &[u8], tags: &str) -> Vec<u8> {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    server.answer("select 1", said);
    server.into_conn().close();
    client.expect(tags);
    let last = client.rest();
    stage.converse_anew(&mut stage.client());
    last
}

#[test]
fn a_server_that_dies_between_messages_is_reported() {
    for (said, tags) in [(vec![], ""), (description(), "T"), ([description(), row(b"1")].concat(), "T D")] {
        let last = check_death(&said, tags);
        let text = String::from_utf8_lossy(&last).replace('\0', " ");
        assert!(last[0] == b'E' && text.contains("VFATAL C08006 Mpgweir lost the server"), "{text}");
    }
}

#[test]
fn a_server_that_dies_within_a_message_ends_the_connection_and_no_more() {
    // One that is too long to be looked at whole passes as it comes.
    let (whole, half) = (description(), &row(&[b'0'; 20_000])[..9]);
    assert_eq!(check_death(&[&whole, half].concat(), "T"), half);
    let last = check_death(&[&whole, &row(b"0123456789")[..9]].concat(), "T");
    assert!(last.first().is_none_or(|tag| matches!(tag, b'E' | b'D')), "{last:?}");
}

#[test]
fn a_server_that_closes_while_it_rests_is_replaced_silently() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.into_conn().close();
    stage.converse_anew(&mut client);
}

#[test]
fn a_server_that_is_shut_down_while_it_rests_is_replaced_silently() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    stage.converse_anew(&mut client);
}

#[test]
fn a_server_that_is_shut_down_in_a_transaction_is_heard_by_its_client() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    client.expect("C Z");
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    client.expect_error("FATAL", "57P01");
    client.expect_closed();
    stage.converse_anew(&mut stage.client());
}

/// A client has left a setting of its own on the server; another client, which has not, has just come.
fn with_settings(stage: &Stage) -> (Client, Server) {
    let (mut traveller, mut server) = stage.first();
    traveller.send(&query("set timezone to 'Asia/Tokyo'"));
    let tokyo = parameter_status("TimeZone", "Asia/Tokyo");
    server.answer("set timezone to 'Asia/Tokyo'", &[tokyo, done("SET", b'I')].concat());
    traveller.expect("S C Z");
    (stage.client(), server)
}

#[test]
fn a_server_that_is_shut_down_before_it_has_a_clients_settings_has_not_refused_them() {
    let stage = Stage::new("");
    let (mut client, mut server) = with_settings(&stage);
    client.send(&query("select 1"));
    server.expect("Q Q");
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    client.expect_error("FATAL", "57P01");
    client.expect_closed();
    stage.converse_anew(&mut stage.client());
}

#[test]
fn a_server_that_is_shut_down_while_settings_are_put_right_is_replaced_silently() {
    let stage = Stage::new("");
    let (mut client, mut server) = with_settings(&stage);
    client.send(&query("commit"));
    server.expect("Q");
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    stage.peer.serve().answer("commit", &done("COMMIT", b'I'));
    client.expect("C Z");
}

#[test]
fn what_a_server_reports_while_it_rests_is_undone_for_clients_that_believe_otherwise() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    assert_eq!(client.parameters["TimeZone"], "UTC");
    server.send(&[notice("be quick"), parameter_status("TimeZone", "Asia/Tokyo")].concat());
    client.send(&query("show timezone"));
    let asked = server.expect_in_one_read("Q Q");
    assert_eq!(
        asked[0].text(),
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.set_config('TimeZone', 'UTC', false); COMMIT"
    );
    assert_eq!(asked[1].text(), "show timezone");
    server.send(&[parameter_status("TimeZone", "UTC"), one_row(b"UTC"), one_row(b"UTC")].concat());
    client.expect("T D C Z");
    stage.converse(&mut client, &mut server);
}

const TOLD: &str = r#""sqlstate":"57P01","error":"terminating connection due to administrator command""#;

#[test]
fn the_log_says_why_a_server_closed_while_it_rested() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    stage.converse_anew(&mut client);
    stage.pgweir.wait_for_event_with("server_closed", TOLD);
}

#[test]
fn the_log_says_why_a_server_closed_in_the_middle() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    server.expect("Q");
    server.send(&error("FATAL", "57P01", "terminating connection due to administrator command"));
    server.into_conn().close();
    client.expect_error("FATAL", "57P01");
    client.expect_closed();
    stage.pgweir.wait_for_event_with("server_closed", TOLD);
    stage.pgweir.wait_for_event_with("client_gone", TOLD);
}

#[test]
fn the_log_says_that_a_connection_was_reset() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    server.expect("Q");
    server.into_conn().reset();
    client.expect_error("FATAL", "08006");
    client.expect_closed();
    let reset = r#""error":"Connection reset by peer"#;
    stage.pgweir.wait_for_event_with("server_closed", reset);
    stage.pgweir.wait_for_event_with("client_gone", reset);
}

/// The server answers a query with this, which no server says: the client is told, the server is not used again.
#[track_caller]
fn check_garbage(garbage: &[u8]) {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    server.answer("select 1", &[&description(), garbage].concat());
    client.expect("T");
    client.expect_error("FATAL", "08006");
    client.expect_closed();
    stage.converse_anew(&mut stage.client());
}

#[test]
fn garbage_from_a_server_reaches_nobody() {
    check_garbage(b"\x16\x03\x01\x02\x00\x01\x00");
    check_garbage(b"q\0\0\0\x05x");
    check_garbage(b"D\xff\xff\xff\xff");
    check_garbage(b"D\x80\0\0\0");
    check_garbage(b"D\0\0\0\x03");
    check_garbage(b"D\0\0\0\0");
}

/// The server says this after a client's query is over, by itself or `with` the answer: it is not lent again.
#[track_caller]
fn check_too_much(more: &[u8], with: bool) {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    match with {
        true => server.send(&[&one_row(b"1"), more].concat()),
        false => server.send(&one_row(b"1")),
    }
    client.expect("T D C Z");
    if !with {
        server.send(more);
    }
    stage.converse_anew(&mut client);
    expect_goodbye(&mut server);
}

/// pgweir has closed this one.
#[track_caller]
fn expect_goodbye(server: &mut Server) {
    server.expect("X");
    server.expect_closed();
}

#[test]
fn a_server_that_answers_twice_is_not_lent_again() {
    for with in [false, true] {
        check_too_much(&ready(b'I'), with);
        check_too_much(&one_row(b"2"), with);
        check_too_much(&complete("SELECT 1"), with);
        check_too_much(&message(b'1', b""), with);
        check_too_much(&message(b'G', b"\0\0\0"), with);
        check_too_much(&[ready(b'I'), ready(b'T')].concat(), with);
    }
}

/// The same with a client that already waits for the server.
#[test]
fn a_server_that_answers_twice_is_not_handed_to_the_next() {
    let stage = Stage::new("");
    let (mut first, mut server) = stage.first();
    first.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    let mut second = stage.client();
    second.send(&query("select 'anew'"));
    stage.wait_until_waiting(&second);
    server.send(&[one_row(b"1"), ready(b'I')].concat());
    let mut another = stage.peer.serve();
    another.answer("select 'anew'", &one_row(b"anew"));
    second.expect("T D C Z");
    expect_goodbye(&mut server);
}

/// A client that has waited in vain, or gone, while the pool's own connection was slow to listen for it, is not sent to for ever.
#[test]
fn who_waits_in_vain_to_listen_is_no_listener() {
    let stage = Stage::new("query_wait_timeout = \"1s\"");
    let (first, _server) = stage.first();
    let mut clients = [first, stage.client()];
    clients[0].send(&query("listen foo"));
    let mut ear = stage.peer.serve();
    ear.expect("Q");
    clients[1].send(&query("listen foo"));
    clients[0].expect_error("ERROR", "53300");
    clients[0].expect("Z");
    drop(clients);
    ear.send(&done("LISTEN", b'I'));
    let told = ear.expect("Q");
    assert_eq!(told[0].text(), "UNLISTEN \"foo\"");
}

/// The pool's ear is cut off without a word, as by a firewall that forgets: it is noticed, and listeners are told.
#[test]
fn a_listening_connection_that_has_died_in_silence_is_replaced() {
    let stage = Stage::new("server_check_delay = \"1s\"");
    let (mut client, _server) = stage.first();
    client.send(&query("listen foo"));
    let mut ear = stage.peer.serve();
    ear.expect("Q");
    ear.send(&done("LISTEN", b'I'));
    client.expect("C Z");
    assert_eq!(ear.hear("Q"), "");
    ear.send(&[message(b'I', b""), ready(b'I')].concat());
    assert_eq!(ear.hear("Q"), "", "asked again after another second");
    let mut another = stage.peer.serve();
    assert_eq!(another.hear("Q"), "LISTEN \"foo\"");
    another.send(&done("LISTEN", b'I'));
    client.expect("N");
}
