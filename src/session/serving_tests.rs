//! Which servers a pool opens, lends and closes, whatever becomes of the configuration, of those who wait and of the attempts.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use super::stage::{Peer, Stage, pool, settle, soon};
use crate::pool::parameters::Parameters;
use crate::pool::tidy;
#[tokio::test]
async fn a_server_opened_while_the_configuration_changed_serves_nobody() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let old = Peer(soon(stage.doors.accept()).await.unwrap().0);
    stage.replan();
    let mut old = old.log_in().await;
    let mut new = stage.server().await;
    new.hears("Q:one").await;
    old.hears("X").await;
}

#[tokio::test]
async fn a_resting_server_of_the_old_configuration_serves_nobody() {
    let mut stage = Stage::new(|_| {});
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut old = stage.server().await;
    old.hears("Q:one").await;
    old.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    settle().await;
    stage.replan();
    client.say("Q:two").await;
    old.hears("X").await;
    stage.server().await.hears("Q:two").await;
}

#[tokio::test]
async fn a_pool_that_needs_no_server_makes_room_for_one_that_does() {
    make_room(0).await;
}

#[tokio::test]
async fn also_of_its_minimum() {
    make_room(1).await;
}

async fn make_room(min_pool_size: usize) {
    let mut stage = Stage::new(|settings| settings.min_pool_size = min_pool_size);
    stage.quotas.servers[0].set_limit(Some(1));
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:one").await;
    let mut server = stage.server().await;
    server.hears("Q:one").await;
    server.say("C:SELECT Z:I").await;
    client.hears("C:SELECT Z:I").await;
    let poor = pool(stage.pool.plan(), &stage.quotas);
    let rich = std::mem::replace(&mut stage.pool, poor);
    let (mut client, _) = stage.client(Parameters::default());
    client.say("Q:two").await;
    settle().await;
    let pools = [rich, stage.pool.clone()];
    tidy::share_out(&pools, Instant::now());
    server.hears("X").await;
    stage.pool.tick(Instant::now());
    stage.server().await.hears("Q:two").await;
}

/// A session's task panics when it has got a server that another client waits for too: the server is closed, the places are
/// given back, no lock stays shut, the other is served.
#[tokio::test]
async fn a_panic_ends_one_session_and_touches_no_other() {
    let mut stage = Stage::new(|_| {});
    let (mut falling, session) = stage.session(Parameters::default());
    tokio::spawn(async move {
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        session.client.set_waker(&waker);
        let _lease = session.pool.lease(&session.client).await.unwrap();
        panic!("a mistake, made on purpose");
    });
    settle().await;
    let (mut other, _) = stage.client(Parameters::default());
    other.say("Q:two").await;
    settle().await;
    assert_eq!(stage.pool.gauges(Instant::now()).waiting, 2);
    let mut server = stage.server().await;
    assert_eq!(falling.rest().await, b"");
    server.hears("X").await;
    assert_eq!(server.rest().await, b"");
    let mut another = stage.server().await;
    another.hears("Q:two").await;
    another.say("C:SELECT Z:I").await;
    other.hears("C:SELECT Z:I").await;
    settle().await;
    let gauges = stage.pool.gauges(Instant::now());
    assert_eq!((gauges.lent, gauges.idle, gauges.waiting, gauges.opening), (0, 1, 0, 0));
    assert!(stage.quotas.servers.iter().chain(&stage.quotas.clients).all(|quota| quota.used() == 1));
    assert_eq!(stage.roster.all().len(), 1);
}

#[tokio::test]
async fn an_attempt_that_panics_leaves_nothing_counted_and_is_told_as_a_failure() {
    let stage = Stage::new(|_| {});
    stage.pool.open_badly().await;
    let gauges = stage.pool.gauges(Instant::now());
    assert_eq!((gauges.lent, gauges.idle, gauges.opening), (0, 0, 0));
    assert!(stage.quotas.servers.iter().all(|quota| quota.used() == 0));
    let failure = gauges.failure.unwrap();
    assert!(failure.message.contains("the attempt broke off, a defect of pgweir's"), "{}", failure.message);
}
