//! Of pools: their rows, and all about one of them.

use super::judge::Judge;
use super::steps::{self, BUSY, ERRORS, QUERIES, Step, WAITING, series, trend};
use super::{Known, clients, wanted};
use crate::observe::advice::{Moment, Recorded, Second, Verdict, advise};
use crate::observe::histogram::Quantiles;
use crate::observe::history::heavy::HeavyPoint;
use crate::observe::history::pool::{PoolPoint, WAITS};
use crate::observe::history::{Period, PoolSeries, StatementSeries};
use crate::observe::insight::Wanted;
use crate::observe::snapshot::{ClientState, PoolView as Picture, pool_mode_name};
use crate::web::pages::ask::Ask;
use crate::web::pages::chart::{Axis, Band};
use crate::web::pages::pool::PoolView;
use crate::web::pages::pools::{PoolRow, State};

/// Rows of all pools, by database and user.
pub(in crate::web::pages) fn pools(known: &Known, ask: &Ask) -> Vec<PoolRow> {
    let axis = known.axis(ask);
    let wanted = wanted(ask);
    let history = known.history(ask.level(), axis.begin, &wanted);
    let mut pictures: Vec<&Picture> =
        known.snapshot.pools.iter().filter(|pool| wanted.pool(&pool.database, &pool.user)).collect();
    pictures.sort_by_key(|pool| (&pool.database, &pool.user));
    pictures.into_iter().map(|picture| row(picture, points(&history, picture), &axis, known.seconds())).collect()
}

fn points<'h>(history: &'h [PoolSeries], picture: &Picture) -> &'h [PoolPoint] {
    let its = |series: &&PoolSeries| series.database == picture.database && series.user == picture.user;
    history.iter().find(its).map_or(&[], |series| &series.points)
}

/// How the pool of a history is now, if it is still there.
pub(super) fn picture<'k>(known: &'k Known, series: &PoolSeries) -> Option<&'k Picture> {
    known.snapshot.pools.iter().find(|pool| pool.database == series.database && pool.user == series.user)
}

/// The last so many seconds are now.
pub(super) const NOW_S: u32 = 10;

fn row(picture: &Picture, points: &[PoolPoint], axis: &Axis, now: u32) -> PoolRow {
    let whole = steps::whole(points);
    let recent = steps::whole(points.iter().filter(|point| point.at + NOW_S.max(axis.step) >= now));
    let (servers, clients) = (picture.servers, picture.clients);
    PoolRow {
        database: picture.database.to_string(),
        user: picture.user.to_string(),
        mode: pool_mode_name(picture.pool_mode),
        state: state(picture),
        servers: [servers.active, servers.idle, servers.login],
        busy_most: whole.most[BUSY],
        size: picture.pool_size,
        clients: [clients.active, clients.waiting, clients.idle],
        waiting_most: whole.most[WAITING],
        wait_ms: whole.wait_ms,
        query_p95_ms: whole.query_ms[1],
        queries: recent.rates[QUERIES],
        errors: whole.rates[ERRORS],
        trend: trend(&steps::steps(axis, points), |step| step.wait_ms[1]),
    }
}

/// A client that has waited this long, in milliseconds, waits because the pool is full.
const LONG_WAIT_MS: u128 = 20;

/// Servers that are open.
pub(super) fn open(picture: &Picture) -> usize {
    picture.servers.active + picture.servers.idle
}

/// What keeps the pool from having as many servers as its size.
fn kept_short(picture: &Picture) -> Option<String> {
    picture.obstacle.clone().filter(|_| open(picture) < picture.pool_size)
}

fn state(picture: &Picture) -> State {
    let size = if picture.obstacle.is_some() { open(picture).max(1) } else { picture.pool_size };
    let is_full = picture.servers.active >= size;
    match (picture.clients.waiting, picture.servers.active) {
        (0, 0) => State::Idle,
        (0, _) => State::Flowing,
        _ if is_full && picture.max_wait.as_millis() >= LONG_WAIT_MS => State::Saturated,
        _ => State::Waiting,
    }
}

/// All about the pool that is asked for.
pub(in crate::web::pages) fn pool(known: &Known, ask: &Ask) -> Option<PoolView> {
    let its = |pool: &&Picture| *pool.database == *ask.database && *pool.user == *ask.user;
    let picture = known.snapshot.pools.iter().find(its)?;
    let axis = known.axis(ask);
    let wanted = Wanted { database: Some(ask.database.clone()), user: Some(ask.user.clone()), ..Wanted::default() };
    let history = known.history(ask.level(), axis.begin, &wanted);
    let points = points(&history, picture);
    let slots = steps::steps(&axis, points);
    let seconds = known.history(0, 0, &wanted);
    let statements = known.insight.statement_history(Period::default(), &wanted);
    let advice = advise(&Recorded {
        seconds: &recorded(points_of(&seconds)),
        size: picture.pool_size,
        clients: clients_at_once(points_of(&seconds)),
        idle_share: idle_share(&seconds),
        statements: &moments(&statements, points_of(&seconds)),
        spread: spread(picture.numbers.transaction.quantiles()),
    });
    // It says so only where more servers are advised.
    let more = advice.as_ref().is_some_and(|advice| matches!(advice.verdict, Verdict::More { .. }));
    let held_up = if more { Judge::of(known).held_up(&ask.database, &ask.user) } else { None };
    Some(PoolView {
        row: row(picture, points, &axis, known.seconds()),
        bands: bands(&slots),
        use_of: vec![
            series("servers busy", "s-query", &slots, |step| step.means[BUSY]),
            series("clients waiting", "s-wait", &slots, |step| step.means[WAITING]),
        ],
        waits: vec![
            series("p50", "s-p50", &slots, |step| step.wait_ms[0]),
            series("p95", "s-p95", &slots, |step| step.wait_ms[1]),
            series("p99", "s-p99", &slots, |step| step.wait_ms[2]),
        ],
        time: steps::time(&slots),
        advice,
        kept_short: kept_short(picture),
        held_up,
        waiting: clients::crowd(known, ask, ClientState::Waiting),
        holding: clients::crowd(known, ask, ClientState::Active),
        axis,
    })
}

fn points_of(pools: &[PoolSeries]) -> &[PoolPoint] {
    pools.first().map_or(&[], |series| &series.points)
}

fn spread(quantiles: Quantiles) -> [f32; 4] {
    let Quantiles { p50, p95, p99, max } = quantiles;
    [p50, p95, p99, max].map(|duration| duration.as_secs_f32() * 1e3)
}

fn bands(slots: &[Option<Step>]) -> Vec<Band> {
    let count = |band: usize| slots.iter().map(|step| step.map_or(0.0, |step| step.waits[band])).collect();
    BANDS.iter().enumerate().rev().map(|(band, name)| Band { name: (*name).to_owned(), counts: count(band) }).collect()
}

/// What lies between [`WAIT_BOUNDS_MS`](crate::observe::history::pool::WAIT_BOUNDS_MS), in words.
const BANDS: [&str; WAITS] = ["< 1 ms", "1–5 ms", "5–20 ms", "20–100 ms", "0.1–0.5 s", "0.5–2 s", "> 2 s"];

fn recorded(points: &[PoolPoint]) -> Vec<Second> {
    let second = |point: &PoolPoint| {
        let step = steps::whole([point]);
        let served = step.rates[steps::TRANSACTIONS];
        let held = if is_full(&step) { step.means[BUSY] * 1e3 } else { held(&step) };
        Second {
            served: served as f32,
            hold_ms: if served > 0.0 { (held / served) as f32 } else { 0.0 },
            waiting: step.means[WAITING] as f32,
        }
    };
    points.iter().filter(|point| !was_kept_short(point)).map(second).collect()
}

/// Whether clients waited although there could be more servers: those were being opened, or could not be. Of the pool's size
/// such a second tells nothing.
fn was_kept_short(point: &PoolPoint) -> bool {
    let [waiting, .., busy, resting, size] = point.means;
    waiting >= 0.5 && busy + resting < size
}

/// As many clients as there were at once.
fn clients_at_once(points: &[PoolPoint]) -> usize {
    let clients = |point: &PoolPoint| point.most[..BUSY].iter().sum::<f32>();
    points.iter().map(clients).fold(0.0, f32::max).ceil() as usize
}

/// Whether all servers were held and somebody waited. Then how long they were held is known exactly, what a server costs from
/// one client to the next with it.
fn is_full(step: &Step) -> bool {
    step.means[WAITING] >= 0.5 && step.means[BUSY] >= step.means[steps::SIZE]
}

/// How long servers were held in a second, all together, as far as statements tell: in milliseconds.
fn held(step: &Step) -> f64 {
    step.rates[steps::QUERY] + step.rates[steps::DRAIN] + step.rates[steps::IDLE]
}

/// Statements that are looked at one by one.
const HEAVY: usize = 5;

/// The heaviest of them, second by second, with how busy the pool was.
fn moments(statements: &[StatementSeries], pool: &[PoolPoint]) -> Vec<Vec<Moment>> {
    let weight = |series: &StatementSeries| series.points.iter().map(|point| point.query_ms).sum::<f32>();
    let mut heaviest: Vec<(f32, &StatementSeries)> = statements.iter().map(|series| (weight(series), series)).collect();
    heaviest.sort_by(|one, two| two.0.total_cmp(&one.0));
    let moment = |point: &HeavyPoint| {
        let place = pool.binary_search_by_key(&point.at, |point| point.at).ok()?;
        let (calls, query_ms) = (f64::from(point.calls), f64::from(point.query_ms));
        Some(Moment { busy: f64::from(pool[place].means[BUSY]), calls, query_ms })
    };
    heaviest.into_iter().take(HEAVY).map(|(_, series)| series.points.iter().filter_map(moment).collect()).collect()
}

/// Of the time that servers are held, the part in which a transaction idles.
pub(super) fn idle_share(pools: &[PoolSeries]) -> f32 {
    let all = steps::whole_together(pools, 0);
    if held(&all) > 0.0 { (all.rates[steps::IDLE] / held(&all)) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(means: [f32; 6]) -> PoolPoint {
        PoolPoint { span: 1.0, means, most: means, ..PoolPoint::default() }
    }

    #[test]
    fn seconds_in_which_servers_could_not_be_had_tell_nothing_of_the_size() {
        let check = |means: [f32; 6], wanted: usize| assert_eq!(recorded(&[point(means)]).len(), wanted, "{means:?}");
        // Waiting, active and idle clients; busy and resting servers, and how many there may be.
        check([28.0, 2.0, 0.0, 2.0, 0.0, 10.0], 0);
        check([28.0, 10.0, 0.0, 10.0, 0.0, 10.0], 1);
        check([0.0, 2.0, 30.0, 2.0, 0.0, 10.0], 1);
        check([1.0, 9.0, 0.0, 9.0, 1.0, 10.0], 1);
    }

    #[test]
    fn all_clients_that_were_there_at_once() {
        let points = [point([28.0, 2.0, 4.0, 2.0, 0.0, 10.0]), point([0.0, 3.0, 12.0, 3.0, 7.0, 10.0])];
        assert_eq!((clients_at_once(&points), clients_at_once(&[])), (34, 0));
    }
}
