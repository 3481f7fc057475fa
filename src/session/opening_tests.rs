//! What becomes of a pool when the opening of a server goes wrong in a way that nobody has thought of.

use std::time::Instant;

use super::stage::Stage;

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
