//! Requests that wait unread.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncWriteExt;

use super::super::stage::{Peer, Stage, settle, soon};
use crate::pool::parameters::Parameters;
use crate::pool::{CROWD, Client};

/// One holds the only server, many wait for it; the last one's last request was a Query, so that its next one may wait
/// unread.
struct Crowd {
    stage: Stage,
    server: Peer,
    holder: Peer,
    others: Vec<Peer>,
    waiter: Peer,
    known: Arc<Client>,
}

async fn crowd() -> Crowd {
    let mut stage = Stage::new(|_| {});
    let (mut holder, _) = stage.client(Parameters::default());
    let (mut waiter, known) = stage.client(Parameters::default());
    waiter.say("Q:first").await;
    let mut server = stage.server().await;
    server.hears("Q:first").await;
    server.say("C:SELECT Z:I").await;
    waiter.hears("C:SELECT Z:I").await;
    holder.say("Q:begin").await;
    server.hears("Q:begin").await;
    server.say("C:BEGIN Z:T").await;
    holder.hears("C:BEGIN Z:T").await;
    let mut others = Vec::new();
    for _ in 0..CROWD {
        let (mut other, _) = stage.client(Parameters::default());
        other.say("Q:other").await;
        others.push(other);
    }
    settle().await;
    stage.pool.tick(Instant::now());
    Crowd { stage, server, holder, others, waiter, known }
}

/// The holder's transaction ends, and those before the last are served.
async fn go_on(crowd: &mut Crowd) {
    crowd.holder.say("Q:end").await;
    crowd.server.hears("Q:end").await;
    crowd.server.say("C:COMMIT Z:I").await;
    for _ in 0..CROWD {
        crowd.server.hears("Q:other").await;
        crowd.server.say("C:SELECT Z:I").await;
    }
    for other in &mut crowd.others {
        other.hears("C:SELECT Z:I").await;
    }
}

/// The last one has waited for so long that it has been read.
async fn until_read(crowd: &Crowd) {
    let read = async {
        while crowd.known.is_unread() {
            crowd.stage.pool.tick(Instant::now());
            tokio::task::yield_now().await;
        }
    };
    soon(read).await;
}

#[tokio::test]
async fn a_request_waits_unread_and_is_served_in_its_turn() {
    let mut crowd = crowd().await;
    crowd.waiter.say("Q:second").await;
    settle().await;
    assert!(crowd.known.is_unread());
    assert_eq!(crowd.stage.pool.gauges(Instant::now()).waiting, CROWD + 1);
    go_on(&mut crowd).await;
    crowd.server.hears("Q:second").await;
    crowd.server.say("C:SELECT Z:I").await;
    crowd.waiter.hears("C:SELECT Z:I").await;
    assert!(!crowd.known.is_unread());
}

#[tokio::test]
async fn the_request_of_one_that_has_gone_is_not_run() {
    let mut crowd = crowd().await;
    crowd.waiter.say("Q:second").await;
    settle().await;
    drop(std::mem::replace(&mut crowd.waiter, crowd.stage.client(Parameters::default()).0));
    settle().await;
    go_on(&mut crowd).await;
    settle().await;
    crowd.holder.say("Q:more").await;
    crowd.server.hears("Q:more").await;
}

#[tokio::test]
async fn the_request_of_one_that_said_goodbye_is_run() {
    for is_read in [false, true] {
        let mut crowd = crowd().await;
        crowd.waiter.say("Q:second X").await;
        settle().await;
        if is_read {
            until_read(&crowd).await;
        }
        drop(std::mem::replace(&mut crowd.waiter, crowd.stage.client(Parameters::default()).0));
        settle().await;
        go_on(&mut crowd).await;
        crowd.server.hears("Q:second").await;
        crowd.server.say("C:SELECT Z:I").await;
        crowd.holder.say("Q:more").await;
        crowd.server.hears("Q:more").await;
    }
}

#[tokio::test]
async fn half_a_request_lets_others_go_first() {
    let mut crowd = crowd().await;
    crowd.waiter.say("Q:second-3").await;
    settle().await;
    assert!(crowd.known.is_unread());
    go_on(&mut crowd).await;
    crowd.holder.say("Q:more").await;
    crowd.server.hears("Q:more").await;
    crowd.server.say("C:SELECT Z:I").await;
    settle().await;
    crowd.waiter.0.write_all(b"nd\0").await.unwrap();
    crowd.server.hears("Q:second").await;
}

#[tokio::test]
async fn one_that_waits_long_is_read_and_missed_when_it_leaves() {
    let mut crowd = crowd().await;
    crowd.waiter.say("Q:second").await;
    settle().await;
    until_read(&crowd).await;
    assert_eq!(crowd.stage.pool.gauges(Instant::now()).waiting, CROWD + 1);
    drop(crowd.waiter);
    settle().await;
    assert_eq!(crowd.stage.pool.gauges(Instant::now()).waiting, CROWD);
}
