//! Of what is over: for whoever opens the dashboard when all is well again, and wants to know what it was.

use jiff::Timestamp;

use super::vitals::{self, FINDING_S};
use super::{Known, findings};
use crate::observe::finding::FindingKind;
use crate::observe::health::{Spell, spells, worth_telling};
use crate::observe::history::{LEVELS, PoolSeries};
use crate::observe::insight::Wanted;
use crate::web::pages::ask::Ask;
use crate::web::pages::findings::name;
use crate::web::pages::overview::Earlier;
use crate::web::pages::parts::named;
use crate::web::pages::write;

/// More is told by the lists.
const TOLD: usize = 4;

/// Fifteen minutes are no past: what is told is that of the six hours, or of two days if they are asked for.
fn level(ask: &Ask) -> usize {
    ask.level().max(1)
}

/// What was wrong and is not now, the latest first.
pub(super) fn earlier(known: &Known, ask: &Ask) -> Vec<Earlier> {
    let mut all: Vec<Earlier> = series(known, ask).iter().filter_map(|pool| saturated(known, ask, pool)).collect();
    all.extend(found(known, ask));
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    all.truncate(TOLD);
    all
}

/// As exact as it is known: minutes only of what is older than six hours.
fn series(known: &Known, ask: &Ask) -> Vec<PoolSeries> {
    let mut pools = known.history(1, 0, &Wanted::default());
    for (level, scale) in LEVELS.iter().enumerate().take(level(ask) + 1).skip(2) {
        for older in known.history(level, 0, &Wanted::default()) {
            let same = |pool: &&mut PoolSeries| pool.database == older.database && pool.user == older.user;
            let Some(pool) = pools.iter_mut().find(same) else { continue };
            let first = pool.points.first().map_or(u32::MAX, |point| point.at);
            let before = older.points.into_iter().filter(|point| point.at + scale.step <= first);
            pool.points.splice(0..0, before);
        }
    }
    pools
}

/// The longest time in which this pool was saturated, of those that are over.
fn saturated(known: &Known, ask: &Ask, pool: &PoolSeries) -> Option<Earlier> {
    let wait = |spell: &Spell| {
        let its = pool.points.iter().filter(|point| (spell.begin..spell.end).contains(&f64::from(point.at)));
        its.map(|point| f64::from(point.wait_ms[1])).fold(0.0, f64::max)
    };
    let is_over = |spell: &Spell| spell.end + OVER_S < f64::from(known.seconds());
    let spells = spells(&vitals::health_steps(pool, f64::INFINITY)).into_iter().filter(is_over);
    let spells: Vec<Spell> = spells.filter(|spell| worth_telling(spell, wait(spell))).collect();
    let longest = spells.iter().max_by(|one, two| one.seconds().total_cmp(&two.seconds()))?;
    let times = if spells.len() > 1 { format!(", the longest of {} times", spells.len()) } else { String::new() };
    let for_s = write::seconds(longest.seconds());
    let worst = write::ms(wait(longest));
    let whose = [("database", &*pool.database), ("user", &*pool.user)];
    Some(Earlier {
        at: Timestamp::from_second(longest.end as i64).ok()?,
        brief: format!("pool {}/{} was saturated for {for_s}{times}", pool.database, pool.user),
        detail: format!("5 % waited longer than {worst}"),
        href: past(ask).to("/pool", &whose),
    })
}

/// What ended later is not over: moments of calm are part of it.
const OVER_S: f64 = 60.0;

/// Findings that happen no more, or not for now.
fn found(known: &Known, ask: &Ask) -> Vec<Earlier> {
    let since = known.now.as_second() - i64::from(past(ask).seconds());
    let views = known.insight.findings(&Wanted::default()).into_iter();
    let is_past = |at: i64| at >= since && at < known.now.as_second() - FINDING_S;
    let views = views
        .filter(|view| view.finding.kind != FindingKind::SuspectedLoop && is_past(view.finding.last_seen.as_second()))
        .filter(|view| vitals::finding_health(known, view).is_felt());
    let tell = |view| {
        let shown = findings::shown(known, &view);
        let place = shown.route.as_ref().map_or_else(String::new, |route| format!(" at {route}"));
        Earlier {
            at: shown.seen[1],
            brief: format!("{} in {}{place}", name(shown.kind), named(&shown.application)),
            detail: shown.proof,
            href: format!("{}#f{}", past(ask).to("/findings", &[]), shown.id),
        }
    };
    views.map(tell).collect()
}

/// The range in which it can be seen.
fn past(ask: &Ask) -> Ask {
    let range = LEVELS[level(ask)].name.to_owned();
    Ask { range, ..Ask::default() }
}
