//! What a server at rest is asked, between a scripted client and a scripted server.

use tokio::io::AsyncWriteExt;

use super::super::stage::{Peer, Stage, settle, soon};
use crate::pool::parameters::Parameters;
use crate::pool::usual::USUAL;

impl Peer {
    /// A row of an answer to a question of ours.
    async fn row(&mut self, key: &str, value: &str) {
        let mut row = vec![0, 2];
        for text in [key, value] {
            row.extend((text.len() as u32).to_be_bytes());
            row.extend(text.bytes());
        }
        let size = (row.len() as u32 + 4).to_be_bytes();
        self.0.write_all(&[b"D", &size[..], &row].concat()).await.unwrap();
    }
}

/// A client has sent this, and its server has got it.
async fn send(stage: &mut Stage, text: &str) -> (Peer, Peer) {
    let (mut client, _) = stage.client(Parameters::default());
    client.say(text).await;
    let mut server = stage.server().await;
    server.hears(text).await;
    (client, server)
}

/// A client has run what is known to leave these settings that no server lists, or something else: it, its server, and what that is
/// asked then.
async fn run_sly(stage: &mut Stage, customs: Option<&[&str]>) -> (Peer, Peer, String) {
    stage.pool.culprits.add(b"select sly(1)", customs);
    USUAL.iter().for_each(|name| stage.pool.lessons().learn_unset(name.to_string(), "usual".into()));
    let (mut client, mut server) = send(stage, "Q:select_sly(2)").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let (tag, question) = server.message().await;
    assert_eq!(tag, b'Q');
    (client, server, String::from_utf8_lossy(&question).into_owned())
}

#[tokio::test]
async fn what_is_known_to_leave_something_behind_is_asked_about_and_what_is_new() {
    let mut stage = Stage::new(|_| {});
    let (mut client, mut server, question) = run_sly(&mut stage, None).await;
    assert!(question.contains("pg_settings"));
    server.say("C:SELECT Z:I").await;
    for (text, asked) in [
        ("Q:select_1", false),
        ("Q:select_shy(1)", true),
        ("Q:select_shy(2)", true),
        ("Q:select_shy(3)", false),
        ("Q:select_count(3)", false),
    ] {
        client.say(text).await;
        server.hears(text).await;
        server.say("C:SELECT Z:I").await;
        client.hears("C:SELECT Z:I").await;
        if asked {
            let (_, question) = server.message().await;
            assert!(String::from_utf8_lossy(&question).contains("pg_settings"), "{text}");
            server.say("C:SELECT Z:I").await;
        }
    }
}

#[tokio::test]
async fn what_is_known_to_leave_settings_of_the_application_is_asked_for_those() {
    let mut stage = Stage::new(|_| {});
    let (_client, mut server, question) = run_sly(&mut stage, Some(&["my.a"])).await;
    assert!(question.starts_with("VALUES ('~my.a', pg_catalog.current_setting('my.a', true)), ('=role'"), "{question}");
    server.row("~my.a", "1").await;
    server.say("C:SELECT Z:I").await;
    settle().await;
    // Who comes then is rid of it.
    let (mut other, _) = stage.client(Parameters::default());
    other.say("Q:select_1").await;
    server.hears("Q Q:select_1").await;
}

#[tokio::test]
async fn what_it_does_beside_that_now_and_then_is_seen_too() {
    let mut stage = Stage::new(|_| {});
    let (mut client, mut server, _) = run_sly(&mut stage, Some(&["my.a"])).await;
    server.row("=role", "none").await;
    server.row("^search_path", "theirs").await;
    server.row("^work_mem", "usual").await;
    server.say("C:SELECT Z:I").await;
    settle().await;
    let (mut other, _) = stage.client(Parameters::default());
    other.say("Q:select_1").await;
    server.hears("Q Q:select_1").await;
    server.say("C:SET Z:I C:SELECT Z:I").await;
    other.hears("C:SELECT Z:I").await;
    client.say("Q:select_sly(3)").await;
    let (_, parameters) = server.message().await;
    assert!(String::from_utf8_lossy(&parameters).contains("'search_path', 'theirs'"));
    server.hears("Q:select_sly(3)").await;
    server.say("C:SET Z:I C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let (_, question) = server.message().await;
    assert!(String::from_utf8_lossy(&question).contains("pg_settings"), "it leaves more than it was known for");
}

#[tokio::test]
async fn what_a_server_had_before_the_hunt_is_given_to_nobody() {
    let mut stage = Stage::new(|_| {});
    let (mut client, mut server) = send(&mut stage, "Q:select_1").await;
    stage.pool.hunt.begin(std::time::Instant::now());
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let (_, question) = server.message().await;
    assert!(String::from_utf8_lossy(&question).contains("pg_settings"));
    server.row("~my.a", "1").await;
    server.say("C:SELECT Z:I").await;
    server.hears("Q:DISCARD_ALL").await;
    server.say("C:DISCARD_ALL Z:I").await;
    client.say("Q:select_2").await;
    server.hears("Q:select_2").await;
}

#[tokio::test]
async fn who_leaves_while_a_function_runs_leaves_nothing_behind() {
    for known in [false, true] {
        let mut stage = Stage::new(|_| {});
        if known {
            stage.pool.culprits.add(b"select sly(1)", Some(&["my.a"]));
        }
        let (client, mut server) = send(&mut stage, "Q:select_sly(2)").await;
        drop(client);
        let mut cancel = Peer(soon(stage.doors.accept()).await.unwrap().0);
        cancel.bytes(16).await;
        drop(cancel);
        server.say("C:SELECT Z:I").await;
        server.hears("Q:DISCARD_ALL").await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_what_may_not_be_there_costs_no_client() {
    let mut stage = Stage::new(|_| {});
    let (mut client, mut server) = send(&mut stage, "Q:select_sly(2)").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    for _ in 0..super::MOST_TRIES {
        let (tag, _) = server.message().await;
        assert_eq!(tag, b'Q');
        server.say("E Z:I").await;
    }
    let (_, look) = server.message().await;
    assert!(String::from_utf8_lossy(&look).contains("pg_settings"), "before another has it");
    server.say("E Z:I").await;
    client.say("Q:select_1").await;
    let mut next = stage.server().await;
    next.hears("Q:select_1").await;
    next.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
}

#[tokio::test]
async fn on_a_server_that_others_may_have_left_things_on_only_its_own_are_asked_for() {
    let mut stage = Stage::new(|_| {});
    stage.pool.culprits.add(b"select sly(1)", Some(&["my.a"]));
    let (mut client, mut server) = send(&mut stage, "Q:select_sly(2)").await;
    stage.pool.hunt.begin(std::time::Instant::now());
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    server.hears("Q:VALUES_('~my.a',_pg_catalog.current_setting('my.a',_true))").await;
}
