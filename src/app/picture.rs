//! Takes the picture that everybody who shows something looks at.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Pictures;
use crate::observe::anchor::Anchor;
use crate::observe::counters::PoolNumbers;
use crate::observe::pins::Pin;
use crate::observe::rejections::Reason;
use crate::observe::snapshot::{ClientCounts, ClientState, PoolView, Readiness, ServerCounts, Snapshot, SnapshotCell};
use crate::pool::Pool;
use crate::pool::reach::Unvisited;
use crate::session::{Lobby, Rules};

/// Takes pictures.
pub(super) struct Photographer {
    lobby: Arc<Lobby>,
    cell: Pictures,
    epoch: Instant,
    began: Anchor,
    /// Those turned away until each second of the last minute, the oldest first.
    turned_away: Mutex<VecDeque<(Instant, Totals)>>,
}

/// How many, for each reason.
type Totals = Vec<(Reason, u64)>;

/// What is told of as turned away lately.
const LATELY: Duration = Duration::from_secs(60);

/// Totals are kept this far apart.
const APART: Duration = Duration::from_secs(1);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A pool by the addresses of its names: they are interned.
type PoolKey = (*const u8, *const u8);

impl Photographer {
    pub(super) fn new(lobby: Arc<Lobby>) -> Photographer {
        let (now, epoch) = (Timestamp::now(), Instant::now());
        Photographer {
            lobby,
            cell: Arc::new(SnapshotCell::new(Snapshot::starting(now, VERSION))),
            epoch,
            began: Anchor::new(now, Duration::ZERO),
            turned_away: Mutex::default(),
        }
    }

    /// Where the pictures hang.
    pub(super) fn cell(&self) -> Pictures {
        self.cell.clone()
    }

    /// Whether a server could be had when the last picture was taken.
    pub(super) fn was_ready(&self) -> bool {
        self.cell.get().ready == Readiness::Ready
    }

    /// Takes one.
    pub(super) fn shoot(&self, now: Instant) {
        let counts = self.count_clients();
        let pools = self.lobby.pools.all();
        let view = |pool: &Arc<Pool>| view(pool, counts.get(&key(&pool.database, &pool.user)), now);
        let (taken_at, uptime) = (Timestamp::now(), self.epoch.elapsed());
        self.began.hold(taken_at, uptime);
        self.cell.set(Snapshot {
            taken_at,
            started_at: self.began.time(Duration::ZERO),
            uptime,
            version: VERSION,
            pools: pools.iter().map(view).collect(),
            rejections: self.lobby.rejections.totals(),
            turned_away: self.turned_away(now),
            ready: self.readiness(now),
        });
    }

    /// Since a minute ago, or the start.
    fn turned_away(&self, now: Instant) -> Totals {
        let mut before = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = self.lobby.rejections.totals();
        if before.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= APART) {
            before.push_back((now, totals.clone()));
        }
        while before.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > LATELY) {
            before.pop_front();
        }
        let first = before.front().into_iter().flat_map(|(_, totals)| totals);
        totals.iter_mut().zip(first).for_each(|((_, n), (_, before))| *n -= before);
        totals
    }

    fn count_clients(&self) -> HashMap<PoolKey, ClientCounts> {
        let mut counts: HashMap<PoolKey, ClientCounts> = HashMap::new();
        let taken_at = Timestamp::now();
        self.lobby.roster.each(|client| {
            client.look(taken_at);
            let count = counts.entry(key(&client.database, &client.user)).or_default();
            match client.state() {
                ClientState::Idle => count.idle += 1,
                ClientState::Active => count.active += 1,
                ClientState::Waiting => count.waiting += 1,
            }
            let pins = client.pins();
            count.pinned.iter_mut().zip(Pin::ALL).for_each(|(count, pin)| *count += usize::from(pins.has(pin)));
        });
        counts
    }

    /// Ready when a server can be had from each pool whose user is fixed, as far as is known, no pool has found its Postgres
    /// out of reach, and that of each database without a pool answers.
    fn readiness(&self, now: Instant) -> Readiness {
        if self.lobby.is_draining() {
            return Readiness::Draining;
        }
        if self.lobby.pools.is_paused() {
            return Readiness::Paused;
        }
        let rules = self.lobby.rules();
        let mut asked = self.lobby.pools.watched(&rules.config, &rules.server_tls, now);
        let serves = |pool: &Arc<Pool>| rules.config.database(&pool.database).is_some();
        asked.extend(self.lobby.pools.all().into_iter().filter(|pool| pool.is_cut_off(now) && serves(pool)));
        asked.iter().find_map(|pool| why_not(pool, now)).or_else(|| self.out_of_reach(&rules)).unwrap_or_default()
    }

    fn out_of_reach(&self, rules: &Rules) -> Option<Readiness> {
        let pools = &self.lobby.pools;
        pools.unvisited(&rules.config, &rules.server_tls).into_iter().find_map(
            |Unvisited { database, address, .. }| match pools.reach.found(&address) {
                None => Some(Readiness::Untried(database.into())),
                Some(Ok(())) => None,
                Some(Err(why)) => {
                    Some(Readiness::CutOff(format!("{database} 08006: pgweir could not connect to the server: {why}")))
                }
            },
        )
    }
}

fn why_not(pool: &Pool, now: Instant) -> Option<Readiness> {
    let gauges = pool.gauges(now);
    if gauges.idle + gauges.lent > 0 {
        return None;
    }
    match (gauges.failure, pool.fresh().filter(|_| !pool.is_doubtful())) {
        (Some(failure), _) => {
            let detail = failure.detail.as_deref().unwrap_or_default();
            Some(Readiness::CutOff(format!("{} {}: {}. {detail}", pool.database, failure.code(), failure.message)))
        }
        (None, None) => Some(Readiness::Untried(pool.database.clone())),
        (None, Some(_)) => None,
    }
}

fn key(database: &Arc<str>, user: &Arc<str>) -> PoolKey {
    (database.as_ptr(), user.as_ptr())
}

fn view(pool: &Pool, clients: Option<&ClientCounts>, now: Instant) -> PoolView {
    let (gauges, plan) = (pool.gauges(now), pool.plan());
    PoolView {
        database: pool.database.clone(),
        user: pool.user.clone(),
        pool_mode: plan.settings.pool_mode,
        pool_size: plan.settings.pool_size,
        clients: clients.copied().unwrap_or_default(),
        servers: ServerCounts { idle: gauges.idle, active: gauges.lent, login: gauges.opening },
        queued: gauges.waiting,
        max_wait: gauges.max_wait,
        obstacle: gauges.obstacle().filter(|_| gauges.waiting > 0),
        numbers: PoolNumbers::merge(pool.meters()),
    }
}
