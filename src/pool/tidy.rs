//! What a pool does with nobody asking: ends waits that are too long, refills, closes what is too old or has died, asks
//! rested servers whether they live, brings a server that was left in the middle back to rest.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::debug;

use super::cancel::Line;
use super::lease::{discard, put_back};
use super::memory::Unnamed;
use super::server::{ErrandError, Server};
use super::{CROWD, Lease, LimitOf, Plan, Pool, Quota};
use crate::protocol::TransactionStatus;

/// How often waits are checked: by this much a timeout may be late.
pub const TICK: Duration = Duration::from_millis(100);

/// A client that has waited for so long with its request unread is woken to read it: it may have gone, or be in need of no
/// server.
pub const LONGEST_UNREAD: Duration = Duration::from_millis(250);

/// A rested server that does not answer within this is dead.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// A standby is asked so often whether it still is one.
const PROMOTION: Duration = Duration::from_secs(1);

/// A server that was left in the middle of something has this long to come back clean; opening another takes about as
/// long, and costs the database more.
const RECOVERY: Duration = Duration::from_secs(5);

/// A cancelled server that has not ended what it runs by then is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);

/// Why a server goes whose pool needs it less.
const FOR_ANOTHER: &str = "another pool needs its place";

/// What has to be undone before the next client.
#[derive(Debug)]
pub struct Aftermath {
    /// ReadyForQuery that are still to come.
    pub owed: usize,
    /// Whether something runs that is to be cancelled.
    pub running: bool,
    /// Bytes of the server that were read and not looked at.
    pub read: Vec<u8>,
    /// SQL to run when no transaction is left, for a session that ends: `server_reset_query`.
    pub reset: Option<String>,
    /// The status when nothing is owed.
    pub status: TransactionStatus,
}

impl Pool {
    /// Every [`TICK`].
    pub fn tick(self: &Arc<Self>, now: Instant) {
        let mut woken = Vec::new();
        let mut ledger = self.ledger();
        ledger.expire(now, &mut woken);
        self.crowded.store(ledger.waiting() >= CROWD, Relaxed);
        ledger.look_at_late(now, LONGEST_UNREAD, |client| woken.extend(client.is_unread().then(|| client.clone())));
        drop(ledger);
        woken.iter().for_each(|client| client.wake());
        self.open_wanted(self.any_home(now), now);
    }

    /// Every second.
    pub fn tidy(self: &Arc<Self>, now: Instant) {
        self.close_rested(now);
        self.check_rested(now);
        self.hunt.tire(now);
        self.lessons().tidy();
        super::lock(&self.catalog).tidy();
    }

    /// Lends nothing until [`Pool::resume`].
    pub fn pause(&self) {
        self.ledger().pause();
    }

    /// Lends again.
    pub fn resume(self: &Arc<Self>, now: Instant) {
        let mut woken = Vec::new();
        self.ledger().resume(now, &mut woken);
        woken.iter().for_each(|client| client.wake());
        self.open_wanted(self.any_home(now), now);
    }

    /// Closes all resting servers.
    pub fn close_idle(&self, now: Instant, why: &'static str) {
        let culled = self.ledger().cull(now, |_, _| false);
        culled.into_iter().for_each(|mut server| self.closed(&mut server, why));
    }

    fn close_rested(self: &Arc<Self>, now: Instant) {
        let spare = self.ledger().cull_oversize(now);
        spare.into_iter().for_each(|mut server| self.closed(&mut server, "the pool has become smaller"));
        while let Some(why) = self.excess()
            && self.close_one(now, 0, why)
        {}
        let Plan { settings, route, .. } = &*self.plan();
        let goes = |server: &Server| !server.is_current(now) || route.is_of_template();
        let stale = self.ledger().borrow_where(|server| goes(server) || server.stream.has_spoken());
        for (mut server, since) in stale {
            // What it said may have been a notice; then it goes on.
            if server.is_current(now) && !server.is_alive() {
                self.doubt();
                discard(server, "the server closed it");
            } else {
                put_back(server, since, now);
            }
        }
        if !settings.server_idle_timeout.is_zero() {
            let rested = self.ledger().cull_rested(now, settings.server_idle_timeout);
            rested.into_iter().for_each(|mut server| self.closed(&mut server, "server_idle_timeout"));
        }
    }

    /// A limit on servers that is used up.
    fn exhausted(&self) -> Option<&Arc<Quota>> {
        self.servers.iter().find(|quota| quota.limit() > 0 && quota.used() >= quota.limit())
    }

    /// Why one server goes, where a reload has lowered a limit on them.
    #[inline]
    pub(super) fn excess(&self) -> Option<&'static str> {
        let exceeded = LimitOf::BOTH.iter().zip(&self.servers).find(|(_, quota)| quota.is_exceeded());
        exceeded.map(|(whose, _)| match whose {
            LimitOf::Database => "max_db_connections is lower by now",
            LimitOf::User => "max_user_connections is lower by now",
        })
    }

    fn has_limit(&self, limit: &Arc<Quota>) -> bool {
        self.servers.iter().any(|quota| Arc::ptr_eq(quota, limit))
    }

    /// Whether clients wait though the pool has fewer servers than it may.
    fn wants_more(&self, now: Instant) -> bool {
        let gauges = self.gauges(now);
        gauges.waiting > 0 && gauges.idle == 0 && gauges.lent < self.plan().settings.pool_size
    }

    /// Closes the server that has rested longest, but keeps the pool's minimum; whether there was one.
    pub(super) fn make_room(&self, now: Instant) -> bool {
        self.close_one(now, self.plan().settings.min_pool_size, FOR_ANOTHER)
    }

    /// Closes the server that has rested longest where there are more than `keep`; whether there was one.
    fn close_one(&self, now: Instant, keep: usize, why: &'static str) -> bool {
        let mut ledger = self.ledger();
        let mut goes = ledger.total() > keep;
        let culled = ledger.cull(now, |_, _| !std::mem::take(&mut goes));
        drop(ledger);
        let found = !culled.is_empty();
        culled.into_iter().for_each(|mut server| self.closed(&mut server, why));
        found
    }

    /// Asks one server that has rested for long whether it lives, off every client's path.
    fn check_rested(self: &Arc<Self>, now: Instant) {
        let delay = match self.is_of_standby() {
            true => PROMOTION,
            false => self.plan().settings.server_check_delay,
        };
        if delay.is_zero() {
            return;
        }
        let rested = self.ledger().borrow_rested(now, delay);
        if let Some((mut server, since)) = rested {
            self.homes[server.home].runtime.clone().spawn(async move {
                match server.answers(CHECK_PATIENCE).await {
                    true => put_back(server, since, Instant::now()),
                    false => {
                        server.pool.doubt();
                        discard(server, "it did not answer");
                    }
                }
            });
        }
    }

    /// Whether those who log in are told that it is a standby's. Clients look for that and leave again, and never say a word that
    /// would have the server tell of its promotion.
    fn is_of_standby(&self) -> bool {
        self.fresh().is_some_and(|fresh| fresh.reported("in_hot_standby") == Some("on"))
    }

    /// Servers opened for nobody in particular go round the workers.
    fn any_home(&self, now: Instant) -> usize {
        let gauges = self.gauges(now);
        (gauges.idle + gauges.lent + gauges.opening) % self.homes.len()
    }
}

/// Where clients wait because a limit that their pool shares with others is used up, another pool under that limit, whose
/// clients need no server, closes one that rests: one of its minimum, too, where no other has more.
pub fn share_out(pools: &[Arc<Pool>], now: Instant) {
    for pool in pools {
        if let Some(limit) = pool.exhausted()
            && pool.wants_more(now)
        {
            let mut others = pools.iter().filter(|other| other.has_limit(limit));
            let found = others.clone().any(|other| other.make_room(now))
                || others.any(|other| other.close_one(now, 0, FOR_ANOTHER));
            if found {
                // Before the other has its minimum again.
                pool.open_wanted(pool.any_home(now), now);
            }
        }
    }
}

/// Brings a server whose client left in the middle back to rest, as a task of its own: cancels what runs, rolls back,
/// resets; closes it when that takes too long.
pub fn recover(mut lease: Lease, aftermath: Aftermath) {
    let (pool, home) = (lease.server().pool.clone(), lease.server().home);
    pool.homes[home].runtime.clone().spawn(async move {
        let done = tokio::time::timeout(RECOVERY, undo(lease.server(), aftermath)).await;
        match done {
            Ok(Ok(TransactionStatus::Idle)) => lease.give_back(Instant::now()),
            Ok(Ok(_)) => lease.close("a transaction could not be rolled back"),
            Ok(Err(why)) => {
                debug!(event = "recovery_failed", error = %why);
                lease.close("it could not be brought back to rest");
            }
            Err(_) => end(lease, "it did not come back to rest in time"),
        }
    });
}

/// Closes a server that was left in the middle of a statement, as a task of its own. Nothing more is said to it, but Postgres
/// would run to the end what was: that is cancelled, and the server's place kept until it is over.
pub fn end(mut lease: Lease, why: &'static str) {
    let (pool, home) = (lease.server().pool.clone(), lease.server().home);
    pool.homes[home].runtime.clone().spawn(async move {
        let line = lease.server().line.clone();
        let _ = tokio::time::timeout(RECOVERY, cancel_until(line, lease.server().hang_up())).await;
        lease.close(why);
    });
}

/// Cancels, and again, until this is over: a cancel may come before what it is for, and hit what was sent before that. The
/// last one has reached the server when this returns.
async fn cancel_until<T>(line: Arc<Line>, over: impl Future<Output = T>) -> T {
    let (going_on, mut ended) = oneshot::channel::<()>();
    let over = async {
        let outcome = over.await;
        drop(going_on);
        outcome
    };
    let stop = async {
        loop {
            line.begin();
            // Whoever runs this has the server, so nothing can be parked there.
            let _ = line.cancel().await;
            if tokio::time::timeout(CANCEL_AGAIN, &mut ended).await.is_ok() {
                return;
            }
        }
    };
    tokio::join!(over, stop).0
}

async fn undo(server: &mut Server, aftermath: Aftermath) -> Result<TransactionStatus, ErrandError> {
    let mut status = aftermath.status;
    if aftermath.owed > 0 {
        let (line, finish) = (server.line.clone(), server.finish(aftermath.owed, aftermath.read));
        let finished = if aftermath.running { cancel_until(line, finish).await } else { finish.await };
        status = match finished {
            Err(ErrandError::Refused(_)) => server.run("ROLLBACK").await?,
            other => other?,
        };
    }
    if status != TransactionStatus::Idle {
        status = server.run("ROLLBACK").await?;
    }
    if aftermath.reset.is_some() {
        // Nobody has looked at what its client prepared.
        server.memory.set_unnamed(Unnamed::Unsure);
    }
    if let Some(reset) = aftermath.reset.filter(|sql| !sql.is_empty()) {
        status = server.run(&reset).await?;
        server.memory.forget_statements();
        // The reset query may be any, and need not have undone these.
        status = server.freshen().await?.unwrap_or(status);
    }
    Ok(status)
}
