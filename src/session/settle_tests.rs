//! What a server at rest is asked, between a scripted client and a scripted server.

use tokio::io::AsyncWriteExt;

use super::super::stage::{Peer, Stage, settle};
use crate::pool::parameters::Parameters;

/// A client has run what is known to leave these settings that no server lists, or something else: it, its server, and what that is
/// asked then.
async fn run_sly(stage: &mut Stage, customs: Option<&[&str]>) -> (Peer, Peer, String) {
    stage.pool.culprits.add(b"select sly(1)", customs);
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:select_sly(2)").await;
    let mut server = stage.server().await;
    server.hears("Q:select_sly(2)").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let (tag, question) = server.message().await;
    assert_eq!(tag, b'Q');
    (client, server, String::from_utf8_lossy(&question).into_owned())
}

#[tokio::test]
async fn what_is_known_to_leave_something_behind_is_asked_about_and_nothing_else() {
    let mut stage = Stage::new(|_| {});
    let (mut client, mut server, question) = run_sly(&mut stage, None).await;
    assert!(question.contains("pg_settings"));
    server.say("C:SELECT Z:I").await;
    for text in ["Q:select_shy(2)", "Q:select_1"] {
        client.say(text).await;
        server.hears(text).await;
        server.say("C:SELECT Z:I").await;
        client.hears("C:SELECT Z:I").await;
    }
}

#[tokio::test]
async fn what_is_known_to_leave_settings_of_the_application_is_asked_for_those() {
    let mut stage = Stage::new(|_| {});
    let (_client, mut server, question) = run_sly(&mut stage, Some(&["my.a"])).await;
    assert_eq!(question, "SELECT '~my.a', pg_catalog.current_setting('my.a', true)\0");
    server.0.write_all(b"D\0\0\0\x14\0\x02\0\0\0\x05~my.a\0\0\0\x011").await.unwrap();
    server.say("C:SELECT Z:I").await;
    settle().await;
    // Who comes then is rid of it.
    let (mut other, _) = stage.client(Parameters::default());
    other.say("Q:select_1").await;
    server.hears("Q Q:select_1").await;
}
