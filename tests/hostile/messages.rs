//! Messages after the login that no client sends.

use crate::support::stage::Stage;
use crate::support::wire::{bind, error, execute, message, password, query, ready, startup, sync};

/// A client that is logged in says this: FATAL 08P01 and the end; its neighbour and the server do not notice.
#[track_caller]
fn check(stage: &Stage, bytes: &[u8]) {
    let mut client = stage.client();
    client.send(bytes);
    client.expect_error("FATAL", "08P01");
    client.expect_closed();
    stage.peer.expect_nobody();
}

#[test]
fn tags_that_no_client_sends() {
    let stage = Stage::new("");
    let (mut neighbour, mut server) = stage.first();
    for tag in (0..=255_u8).filter(|tag| !b"QPBDECSHFXdcf".contains(tag)) {
        check(&stage, &message(tag, b""));
    }
    stage.converse(&mut neighbour, &mut server);
}

#[test]
fn messages_of_a_login() {
    let stage = Stage::new("");
    let (mut neighbour, mut server) = stage.first();
    check(&stage, &startup(&[("user", "app"), ("database", "app")]));
    check(&stage, &password("secret"));
    stage.converse(&mut neighbour, &mut server);
}

#[test]
fn lengths_that_no_message_has() {
    let stage = Stage::new("");
    let (mut neighbour, mut server) = stage.first();
    for length in [0, 1, 3, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_u32] {
        for tag in b"QPBSd" {
            check(&stage, &[&[*tag], &length.to_be_bytes()[..]].concat());
        }
    }
    for tag in b"DECSHcX" {
        check(&stage, &[&[*tag], &20_000_u32.to_be_bytes()[..]].concat());
    }
    stage.converse(&mut neighbour, &mut server);
}

#[test]
fn a_bind_whose_names_do_not_end() {
    let stage = Stage::new("");
    let (mut neighbour, mut server) = stage.first();
    check(&stage, &message(b'B', &[b'x'; 300_000]));
    stage.converse(&mut neighbour, &mut server);
    check(&stage, &message(b'B', &[b'x'; 1_000_000])[..150_000]);
    stage.converse(&mut neighbour, &mut server);
    // One that has come to its end is Postgres' own to refuse.
    neighbour.send(&[message(b'B', &[b'x'; 100_000]), sync()].concat());
    server.expect("B S");
    server.send(&[error("ERROR", "08P01", "invalid string in message"), ready(b'I')].concat());
    neighbour.expect_error("ERROR", "08P01");
    neighbour.expect("Z");
    stage.converse(&mut neighbour, &mut server);
}

/// The same while the client has the server, in the middle of a batch: the server is not lent in that state.
#[test]
fn garbage_behind_a_request() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&[bind("", ""), execute(), message(b'H', b""), b"\xff\0\0\0\x04".to_vec()].concat());
    client.expect_error("FATAL", "08P01");
    client.expect_closed();
    server.rest();
    // What was to be executed runs for nobody.
    stage.peer.accept_cancel();
    drop(server);
    let mut next = stage.client();
    let mut server = stage.converse_anew(&mut next);
    stage.converse(&mut next, &mut server);
}

/// Half of this and then nothing: the server is not lent for it, others have it.
#[test]
fn half_a_message_holds_nobody_up() {
    let stage = Stage::new("");
    let (mut neighbour, mut server) = stage.first();
    let mut halves = Vec::new();
    for whole in [query("select 1"), [bind("", ""), execute(), sync()].concat(), query(&"x".repeat(10_000))] {
        for at in [1, 4, 5, whole.len() - 1] {
            let mut client = stage.client();
            client.send(&whole[..at]);
            halves.push(client);
        }
    }
    stage.pgweir.settle();
    stage.converse(&mut neighbour, &mut server);
    halves.iter_mut().for_each(|client| client.expect_silence());
    halves.into_iter().for_each(|client| client.into_conn().close());
    stage.converse(&mut neighbour, &mut server);
    stage.peer.expect_nobody();
}
