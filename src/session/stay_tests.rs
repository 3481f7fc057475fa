//! A session between a scripted client and scripted servers: what lies between the pure machines.

use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

use super::super::stage::{PATIENCE, Peer, Stage, settle, soon};
use super::*;
use crate::protocol::Frame;
use crate::protocol::encode::Complaint;

#[tokio::test]
async fn a_query_goes_there_and_back() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
}

#[tokio::test]
async fn a_deadline_of_a_query_that_is_over_is_forgotten() {
    let mut stage = Stage::new(|settings| settings.query_timeout = PATIENCE);
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    settle().await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    settle().await;
    known.check_deadline(u64::MAX);
    settle().await;
    client.say("Q:two").await;
    server.hears("Q:two").await;
}

#[tokio::test]
async fn an_answer_of_ours_waits_for_the_rest_of_the_message_before_it() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    client.hears("1 Z:I").await;
    client.say("D:Ss P:t=one B:t E S").await;
    server.hears("D B E S").await;
    server.say("t T:columns-4").await;
    client.hears("t").await;
    settle().await;
    server.0.write_all(b"mns\0").await.unwrap();
    server.say("2 C:SELECT Z:I").await;
    client.hears("T:columns 1 2 C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn a_refused_batch_that_ends_in_flush_hears_why() {
    let mut stage = Stage::new(|_| {});
    stage.doors = UnixListener::bind(stage.dir.path().join("elsewhere")).unwrap();
    let (mut client, known) = stage.client(Parameters::default());
    // One that has just come would be closed.
    known.queries.add(1);
    client.say("P:=one H").await;
    client.hears("E").await;
    client.say("S").await;
    client.hears("Z:I").await;
}

#[tokio::test]
async fn last_words_do_not_go_into_the_middle_of_a_message() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("D:row-2").await;
    assert_eq!(client.bytes(7).await, b"D\0\0\0\x08ro");
    known.tell(Word::Leave);
    assert_eq!(String::from_utf8_lossy(&client.rest().await), "");
}

#[tokio::test]
async fn last_words_come_after_what_was_being_sent() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    let row = format!("D:{}", "x".repeat(4090));
    // More than a socket takes, and less than a socket and a lane.
    for _ in 0..58 {
        server.say(&row).await;
    }
    client.hears("D").await;
    settle().await;
    known.tell(Word::Leave);
    let said = client.rest().await;
    let (mut rest, mut tags) = (&said[..], Vec::new());
    while let Some(frame) = Frame::read(rest).unwrap() {
        tags.push(frame.tag);
        rest = rest.get(frame.size..).expect("whole messages");
    }
    assert_eq!((tags.len(), tags.last()), (58, Some(&b'E')));
}

#[tokio::test]
async fn a_server_in_the_middle_of_a_notice_is_not_given_back() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I N:hello-3").await;
    first.hears("C:SELECT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 1);
    server.0.write_all(b"lo\0").await.unwrap();
    first.hears("N:hello").await;
    let (mut second, _) = stage.client(Parameters::default());
    second.say("Q:two").await;
    server.hears("Q:two").await;
}

#[tokio::test]
async fn parameters_that_the_server_refuses_end_the_stay() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    let mut refusal = Vec::new();
    Complaint::error(*b"42501", "not you").encode(&mut refusal);
    server.0.write_all(&refusal).await.unwrap();
    server.say("Z:I C:SELECT Z:I").await;
    client.hears("E").await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 0);
}

#[tokio::test]
async fn a_canceller_that_goes_away_takes_no_server_with_it() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    let roster = stage.roster.clone();
    let canceller = tokio::spawn(async move { roster.cancel(known.id, &known.secret).await });
    let mut cancel = Peer(soon(stage.doors.accept()).await.unwrap().0);
    cancel.bytes(16).await;
    canceller.abort();
    settle().await;
    server.say("E:C57014 Z:I").await;
    client.hears("E:C57014 Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 0);
    drop(cancel);
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn nothing_of_ours_goes_into_a_copy() {
    let mut stage = Stage::new(|settings| settings.max_prepared_statements = 1);
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one P:t=two S").await;
    let mut server = stage.server().await;
    server.hears("P P S").await;
    server.say("1 1 Z:I").await;
    client.hears("1 1 Z:I").await;
    client.say("P:u=three S").await;
    server.hears("C P S").await;
    server.say("3 1 Z:I").await;
    client.hears("1 Z:I").await;
    client.say("Q:copy").await;
    server.hears("Q:copy").await;
    server.say("G").await;
    client.hears("G").await;
    client.say("B:s d c").await;
    server.hears("B d c").await;
}

#[tokio::test]
async fn names_behind_discard_all_wait_for_its_end() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    first.hears("1 Z:I").await;
    let (mut second, _) = stage.client(Parameters::default());
    second.say("Q:discard_all P:s=one B:s E S").await;
    server.hears("Q:discard_all").await;
    server.say("C:DISCARD_ALL Z:I").await;
    second.hears("C:DISCARD_ALL Z:I").await;
    server.hears("P B E S").await;
    server.say("1 2 C:SELECT Z:I").await;
    second.hears("1 2 C:SELECT Z:I").await;
}

#[tokio::test]
async fn what_a_client_that_left_has_dropped_is_noted() {
    let mut stage = Stage::new(|_| {});
    let (mut first, _) = stage.client(Parameters::default());
    first.say("P:s=one S").await;
    let mut server = stage.server().await;
    server.hears("P S").await;
    server.say("1 Z:I").await;
    first.hears("1 Z:I").await;
    first.say("Q:discard_all").await;
    server.hears("Q:discard_all").await;
    drop(first);
    let mut cancel = Peer(soon(stage.doors.accept()).await.unwrap().0);
    cancel.bytes(16).await;
    drop(cancel);
    server.say("C:DISCARD_ALL Z:I").await;
    // What it has done to the session is not known before it is done again.
    server.hears("Q:DISCARD_ALL").await;
    server.say("C:DISCARD_ALL Z:I").await;
    let (mut second, _) = stage.client(Parameters::default());
    // With more than Sync behind it: a Parse alone needs no server.
    second.say("P:t=one E S").await;
    server.hears("P E S").await;
}

#[tokio::test]
async fn a_server_whose_parameters_are_under_way_is_closed_when_its_client_leaves() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    drop(client);
    assert_eq!(server.rest().await, b"");
    // A cancel: it may hit the parameters, and what was to run with them does not run for nobody.
    let (canceller, _) = soon(stage.doors.accept()).await.unwrap();
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 1);
    drop((server, canceller));
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).lent, 0);
}

#[tokio::test]
async fn a_session_leaves_no_parameters_whatever_the_reset_query_is() {
    let mut stage = Stage::new(|settings| {
        settings.pool_mode = crate::config::PoolMode::Session;
        settings.server_reset_query = "select_1".to_string();
    });
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q Q:one").await;
    server.say("C:SELECT Z:I C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    client.say("X").await;
    server.hears("Q:select_1").await;
    server.say("C:SELECT Z:I").await;
    server.hears("Q:BEGIN_ISOLATION_LEVEL_READ_COMMITTED;_RESET_ROLE;_COMMIT").await;
    server.say("C:BEGIN C:RESET C:COMMIT Z:I").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).idle, 1);
}

#[tokio::test]
async fn the_unnamed_statement_outlives_parameters_of_others() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("role", "me");
    let (mut first, _) = stage.client(parameters);
    let (mut second, _) = stage.client(Parameters::default());
    first.say("P:=one B E S").await;
    let mut server = stage.server().await;
    for (client, request, reply) in
        [(&mut first, "", "1 2 C:SELECT Z:I"), (&mut second, "P:t=two B:t E S", "1 2 C:SELECT Z:I")]
    {
        client.say(request).await;
        server.hears("Q P B E S").await;
        server.say("C:SELECT Z:I 1 2 C:SELECT Z:I").await;
        client.hears(reply).await;
    }
    first.say("B E S").await;
    server.hears("Q P B E S").await;
    server.say("C:SELECT Z:I 1 2 C:SELECT Z:I").await;
    first.hears("2 C:SELECT Z:I").await;
}

#[tokio::test]
async fn what_comes_while_a_question_is_answered_is_the_clients() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:listen_a").await;
    let mut server = stage.server().await;
    server.hears("Q:listen_a").await;
    server.say("C:LISTEN Z:I").await;
    client.hears("C:LISTEN Z:I").await;
    server.hears("Q").await;
    server.say("T A:a").await;
    client.hears("A").await;
}

#[tokio::test]
async fn a_question_that_fails_is_asked_again_when_the_client_lets_it() {
    let mut stage = Stage::new(|_| {});
    let (mut client, known) = stage.client(Parameters::default());
    client.say("Q:listen_a").await;
    let mut server = stage.server().await;
    server.hears("Q").await;
    server.say("C:LISTEN Z:I").await;
    client.hears("C:LISTEN Z:I").await;
    server.hears("Q").await;
    client.say("Q:two").await;
    server.hears("Q:two").await;
    server.say("E Z:I C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    server.hears("Q").await;
    server.say("E Z:I").await;
    server.hears("Q").await;
    server.0.write_all(b"D\0\0\0\x12\0\x02\0\0\0\x03!16\0\0\0\x011").await.unwrap();
    server.say("Z:I").await;
    settle().await;
    assert_eq!(known.pins().names(), "listen");
}

#[tokio::test]
async fn startup_parameters_come_back_after_discard_all() {
    let mut stage = Stage::new(|_| {});
    let mut parameters = Parameters::default();
    parameters.set_quiet("extra_float_digits", "3");
    let (mut client, _) = stage.client(parameters);
    client.say("Q:discard_all").await;
    let mut server = stage.server().await;
    server.hears("Q Q:discard_all").await;
    server.say("C:SELECT Z:I C:DISCARD_ALL").await;
    server.0.write_all(b"S\0\0\0\x08x\0y\0").await.unwrap();
    server.say("Z:I").await;
    client.hears("C:DISCARD_ALL S Z:I").await;
    client.say("Q:two").await;
    server.hears("Q Q:two").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_our_answers_is_not_read() {
    const ANSWERED: &[u8] = b"C\0\0\0\x07Ss\0";
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("P:s=one H").await;
    let mut server = stage.server().await;
    server.hears("P H").await;
    server.say("1").await;
    client.hears("1").await;
    let (closes, mut said, mut refused) = (ANSWERED.repeat(4096), 0, 0);
    while refused < 20 && said < 32 * 1024 * 1024 {
        match client.0.try_write(&closes[said % closes.len()..]) {
            Ok(count) => (said, refused) = (said + count, 0),
            Err(full) => {
                assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);
                refused += 1;
                settle().await;
            }
        }
    }
    assert!(said < 8 * 1024 * 1024, "{said} bytes were read");
}
