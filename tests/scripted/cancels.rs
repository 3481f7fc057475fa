//! Cancels: the right one reaches the right server, and no other client.

use crate::support::client::cancel_with;
use crate::support::stage::Stage;
use crate::support::wire::{done, error, one_row, query, ready};

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
