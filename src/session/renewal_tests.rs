//! A session between a scripted client and scripted servers, with a reload in between.

use std::time::Instant;

use super::super::stage::{Stage, settle};
use crate::config::PoolMode;
use crate::pool::parameters::Parameters;

#[tokio::test]
async fn who_has_prepared_statements_goes_to_session_mode_when_it_has_none() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    client.hears("1 Z:I").await;
    stage.replan_with(|settings| settings.pool_mode = PoolMode::Session);
    client.say("B:s E S").await;
    let mut server = stage.server().await;
    server.hears("P B E S").await;
    server.say("1 2 C:SELECT Z:I").await;
    client.hears("2 C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
    client.say("C:Ss S").await;
    client.hears("3 Z:I").await;
    client.say("P:s=two S").await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    client.hears("1 Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 1, "its server is its own now");
}

#[tokio::test]
async fn others_go_to_session_mode_at_once() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    stage.replan_with(|settings| settings.pool_mode = PoolMode::Session);
    client.say("P:=one B E S").await;
    let mut server = stage.server().await;
    server.hears("P B E S").await;
    server.say("1 2 C:SELECT Z:I").await;
    client.hears("1 2 C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 1);
}
