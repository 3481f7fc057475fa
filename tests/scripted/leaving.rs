//! Clients that go away in the middle: what becomes of their server.

use crate::support::stage::Stage;
use crate::support::wire::{bind, complete, description, done, error, execute, message, parse, query, ready, row};

#[test]
fn a_client_that_leaves_in_a_query_has_it_cancelled() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select pg_sleep(1000)"));
    assert_eq!(server.hear("Q"), "select pg_sleep(1000)");
    server.send(&description());
    client.expect("T");
    client.into_conn().close();
    let (cancel, id, secret) = stage.peer.accept_cancel();
    assert_eq!((id, &secret[..]), (server.id, &server.secret[..]));
    cancel.close();
    server.send(&[error("ERROR", "57014", "canceling statement due to user request"), ready(b'I')].concat());
    // After an error the recovery does not ask whether a transaction is left.
    server.answer("ROLLBACK", &done("ROLLBACK", b'I'));
    stage.converse(&mut stage.client(), &mut server);
    stage.peer.expect_nobody();
}

#[test]
fn a_query_that_was_over_before_its_cancel_is_as_good() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    client.into_conn().close();
    let (cancel, ..) = stage.peer.accept_cancel();
    server.send(&[description(), row(b"1"), done("SELECT 1", b'I')].concat());
    cancel.close();
    stage.converse(&mut stage.client(), &mut server);
}

#[test]
fn a_client_that_leaves_in_a_transactions_query_is_rolled_back() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("begin; select pg_sleep(1000)"));
    assert_eq!(server.hear("Q"), "begin; select pg_sleep(1000)");
    server.send(&complete("BEGIN"));
    client.expect("C");
    client.into_conn().close();
    let (cancel, ..) = stage.peer.accept_cancel();
    cancel.close();
    server.send(&[error("ERROR", "57014", "canceling statement due to user request"), ready(b'E')].concat());
    server.answer("ROLLBACK", &done("ROLLBACK", b'I'));
    stage.converse(&mut stage.client(), &mut server);
}

/// The client leaves a transaction in which nothing runs; `politely` with Terminate.
#[track_caller]
fn check_rollback(politely: bool) {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    client.expect("C Z");
    if politely {
        client.send(&message(b'X', b""));
    }
    client.into_conn().close();
    server.answer("ROLLBACK", &done("ROLLBACK", b'I'));
    stage.converse(&mut stage.client(), &mut server);
    stage.peer.expect_nobody();
}

#[test]
fn a_client_that_leaves_a_transaction_is_rolled_back() {
    check_rollback(false);
    check_rollback(true);
}

/// A client that leaves after this, of which the server has seen what `tags` say: its server is closed, and what `runs` there
/// cancelled.
#[track_caller]
fn check_closed(said: &[u8], tags: &str, reply: &[u8], heard: &str, runs: bool) {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(said);
    server.expect(tags);
    server.send(reply);
    client.expect(heard);
    client.into_conn().close();
    server.rest();
    if runs {
        let (_, id, secret) = stage.peer.accept_cancel();
        assert_eq!((id, &secret[..]), (server.id, &server.secret[..]));
    }
    drop(server);
    stage.converse_anew(&mut stage.client());
}

#[test]
fn a_server_left_where_it_cannot_be_helped_is_closed() {
    let copy_in = message(b'G', &[0, 0, 1, 0, 0]);
    check_closed(&query("copy t from stdin"), "Q", &copy_in, "G", true);
    let batch = [parse("", "select 1"), bind("", ""), execute(), message(b'H', b"")].concat();
    let replies = [message(b'1', b""), message(b'2', b""), row(b"1"), complete("SELECT 1")].concat();
    check_closed(&batch, "P B E H", &replies, "1 2 D C", false);
    check_closed(&batch, "P B E H", &replies[..10], "1 2", true);
    let long = &row(&[b'x'; 100_000])[..50_000];
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    server.answer("select 1", long);
    client.read_raw(&mut [0; 100]);
    client.into_conn().close();
    server.rest();
    stage.peer.accept_cancel();
    drop(server);
    stage.converse_anew(&mut stage.client());
}

#[test]
fn a_server_that_does_not_come_back_clean_is_closed() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    client.expect("C Z");
    client.into_conn().close();
    server.answer("ROLLBACK", &done("ROLLBACK", b'T'));
    server.expect("X");
    stage.converse_anew(&mut stage.client());
}

/// Who was refused in the middle of a batch, and never ends it, is waited for no longer than one at rest.
#[test]
fn who_does_not_sync_is_not_waited_for() {
    let stage = Stage::new("query_wait_timeout = \"1s\"\nshutdown_timeout = \"0s\"");
    let (mut holder, mut server) = stage.first();
    holder.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    holder.expect("C Z");
    let mut client = stage.client();
    client.send(&[parse("", "select 1"), bind("", ""), execute(), message(b'H', b"")].concat());
    client.expect_error("ERROR", "53300");
    stage.pgweir.terminate();
    client.expect_error("FATAL", "57P01");
    client.expect_closed();
}
