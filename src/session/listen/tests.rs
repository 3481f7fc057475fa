//! A client that listens through its pool, and the server that the pool listens with.

use tokio::io::AsyncWriteExt;

use crate::pool::parameters::Parameters;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;
use crate::session::stage::Stage;

fn parameters() -> Parameters {
    let mut parameters = Parameters::default();
    parameters.report("client_encoding", "UTF8");
    parameters
}

#[tokio::test]
async fn where_one_channel_is_refused_the_others_of_its_text_are_given_up() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(parameters());
    client.say("Q:listen_a;_listen_b").await;
    let mut ear = stage.server().await;
    ear.hears("Q:LISTEN_\"a\"").await;
    ear.say("C:LISTEN Z:I").await;
    ear.hears("Q:LISTEN_\"b\"").await;
    let mut refusal = Vec::new();
    Complaint::error(sqlstate::FEATURE_NOT_SUPPORTED, "not here").encode(&mut refusal);
    ear.0.write_all(&refusal).await.unwrap();
    ear.say("Z:I").await;
    client.hears("E Z").await;
    ear.hears("Q:UNLISTEN_\"a\"").await;
    client.say("Q:listen_a;_listen_c;_unlisten_a;").await;
    ear.hears("Q:LISTEN_\"c\"").await;
    ear.say("C:UNLISTEN Z:I C:LISTEN Z:I").await;
    client.hears("C:LISTEN C:LISTEN C:UNLISTEN Z").await;
    assert!(known.pins().is_empty());
}

#[tokio::test]
async fn a_text_of_a_channel_and_something_else_is_for_a_server_of_its_own() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(parameters());
    client.say("Q:listen_a;_select_1").await;
    let mut server = stage.server().await;
    server.hears("Q:listen_a;_select_1").await;
}
