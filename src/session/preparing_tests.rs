//! Clients that prepare with a Flush, one server for all. No clock runs here but the tests' own.

use std::time::Instant;

use super::super::stage::{Peer, Stage, settle};
use crate::config::{PoolMode, PoolSettings};
use crate::pool::Client;
use crate::pool::parameters::Parameters;

/// One has the server and has asked for the answers to what it prepares, another waits for the server.
async fn scene(change: impl FnOnce(&mut PoolSettings), first: &str) -> (Stage, Peer, Peer, Peer) {
    let mut stage = Stage::new(change);
    let (mut client, _) = stage.client(Parameters::default());
    client.say(first).await;
    let server = stage.server().await;
    let (mut other, _) = stage.client(Parameters::default());
    other.say("Q:other").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).waiting, 1);
    (stage, client, server, other)
}

#[tokio::test]
async fn a_server_that_others_wait_for_is_freed_at_once() {
    let (_stage, mut client, mut server, mut other) = scene(|_| {}, "P:s=one D:Ss H").await;
    server.hears("P D H").await;
    server.say("1 t T").await;
    client.hears("1 t T").await;
    server.hears("S").await;
    server.say("Z:I").await;
    server.hears("Q:other").await;
    server.say("C:SELECT Z:I").await;
    other.hears("C:SELECT Z:I").await;
    client.say("B:s E S").await;
    server.hears("B E S").await;
    server.say("2 C:SELECT Z:I").await;
    client.hears("2 C:SELECT Z:I").await;
}

#[tokio::test]
async fn the_unnamed_statement_comes_along() {
    let (_stage, mut client, mut server, mut other) = scene(|_| {}, "P:=one D:S H").await;
    server.hears("P D H").await;
    server.say("1 t T").await;
    server.hears("S").await;
    server.say("Z:I").await;
    server.hears("Q:other").await;
    server.say("C:SELECT Z:I").await;
    other.hears("C:SELECT Z:I").await;
    client.hears("1 t T").await;
    client.say("B E S").await;
    server.hears("P B E S").await;
    server.say("1 2 C:SELECT Z:I").await;
    client.hears("2 C:SELECT Z:I").await;
}

#[tokio::test]
async fn what_the_client_says_meanwhile_comes_behind() {
    let (stage, mut client, mut server, mut other) = scene(|_| {}, "P:s=one D:Ss H").await;
    server.hears("P D H").await;
    server.say("1 t T").await;
    client.hears("1 t T").await;
    server.hears("S").await;
    client.say("B:s E H").await;
    server.hears("B E H").await;
    server.say("N Z:I 2 C:SELECT").await;
    client.hears("N 2 C:SELECT").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).waiting, 1, "something was bound");
    client.say("S").await;
    server.hears("S").await;
    server.say("Z:I").await;
    client.hears("Z:I").await;
    server.hears("Q:other").await;
    server.say("C:SELECT Z:I").await;
    other.hears("C:SELECT Z:I").await;
}

#[tokio::test]
async fn its_end_is_the_clients() {
    let (_stage, mut client, mut server, _other) = scene(|_| {}, "P:s=one H").await;
    server.hears("P H").await;
    server.say("1").await;
    client.hears("1").await;
    server.hears("S").await;
    server.say("E:SFATAL").await;
    client.hears("E:SFATAL").await;
    drop(server);
    assert_eq!(client.rest().await, b"");
}

/// Whoever has said this, and been answered, keeps its server until its own Sync.
async fn check_keeps(mode: PoolMode, said: &str, heard: &str, reply: &str) {
    let (stage, mut client, mut server, _other) = scene(|settings| settings.pool_mode = mode, said).await;
    server.hears(heard).await;
    server.say(reply).await;
    client.hears(reply).await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).waiting, 1, "{said}");
    client.say("S").await;
    server.hears("S").await;
}

#[tokio::test]
async fn who_cannot_go_elsewhere_keeps_its_server() {
    check_keeps(PoolMode::Session, "P:s=one H", "P H", "1").await;
    check_keeps(PoolMode::Transaction, &format!("P:={} H", "x".repeat(17 * 1024)), "P H", "1").await;
    check_keeps(PoolMode::Transaction, "P:s=one B:s H", "P B H", "1 2").await;
    check_keeps(PoolMode::Transaction, "P:s=one H", "P H", "E").await;
    check_keeps(PoolMode::Transaction, "Q:begin P:s=one H", "Q P H", "C:BEGIN Z:T 1").await;
}

#[tokio::test]
async fn nobody_waits() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("P:s=one D:Ss H").await;
    let mut server = stage.server().await;
    server.hears("P D H").await;
    server.say("1 t T").await;
    client.hears("1 t T").await;
    settle().await;
    client.say("B:s E S").await;
    server.hears("B E S").await;
    server.say("2 C:SELECT Z:I").await;
    client.hears("2 C:SELECT Z:I").await;
    client.say("P:t=two D:St H").await;
    server.hears("P D H").await;
    server.say("1 t T").await;
    client.hears("1 t T").await;
    wait_until_freed(&stage, &known, &mut server).await;
    client.say("B:t E S").await;
    server.hears("B E S").await;
}

/// The clock ticks until the client's patience is over.
async fn wait_until_freed(stage: &Stage, known: &Client, server: &mut Peer) {
    settle().await;
    let begun = Instant::now();
    while begun.elapsed() <= super::PATIENCE {
        known.check_deadline(u64::MAX);
        settle().await;
    }
    known.check_deadline(u64::MAX);
    server.hears("S").await;
    server.say("Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}
