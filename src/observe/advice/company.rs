//! Whether a statement is served faster the more of its kind are at it, or only takes longer. Pure.

use super::{Moment, Reason};

/// What became of a statement's time when more servers were busy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Company {
    /// Never were clearly more busy than at other times.
    Unknown,
    /// More were served.
    Gains,
    /// Each took so much longer that nothing was gained.
    Slows(Reason),
}

/// Of all of them: one that slows down is enough, for they share one Postgres.
pub(super) fn company(statements: &[Vec<Moment>]) -> Company {
    let all: Vec<Company> = statements.iter().map(|moments| of_one(moments)).collect();
    let slows = all.iter().find(|company| matches!(company, Company::Slows(_)));
    slows.or_else(|| all.iter().find(|company| **company == Company::Gains)).copied().unwrap_or(Company::Unknown)
}

/// Compares the seconds in which most servers were busy with those of fewer: the upper third of the range with the middle
/// one, and both with the lower. What was gained on the way there says little of what there is to gain beyond.
fn of_one(moments: &[Moment]) -> Company {
    let mut seen: Vec<&Moment> = moments.iter().filter(|moment| moment.calls >= 1.0).collect();
    seen.sort_by(|one, two| one.busy.total_cmp(&two.busy));
    let Some(most) = seen.len().checked_sub(PART_MIN).map(|place| seen[place].busy) else { return Company::Unknown };
    let part = |from: f64, to: f64| {
        let its = seen.iter().filter(|moment| moment.busy > most * from && moment.busy <= most * to);
        Part::of(&its.copied().collect::<Vec<_>>())
    };
    let Some(upper) = part(2.0 / 3.0, f64::INFINITY) else { return Company::Unknown };
    let fewer = [part(1.0 / 3.0, 2.0 / 3.0), part(0.0, 1.0 / 3.0)].into_iter().flatten();
    let told_apart: Vec<Part> = fewer.filter(|lower| upper.busy >= lower.busy * BUSIER).collect();
    let slows = told_apart.iter().find(|lower| upper.gains_nothing_over(lower));
    match (slows, told_apart.is_empty()) {
        (Some(lower), _) => Company::Slows(Reason::HoldsGrow { from_ms: lower.each_ms, to_ms: upper.each_ms }),
        (None, true) => Company::Unknown,
        (None, false) => Company::Gains,
    }
}

/// Some seconds together.
struct Part {
    busy: f64,
    each_ms: f64,
}

impl Part {
    fn of(moments: &[&Moment]) -> Option<Part> {
        let sum = |value: fn(&Moment) -> f64| moments.iter().map(|moment| value(moment)).sum::<f64>();
        let part = Part {
            busy: sum(|moment| moment.busy) / moments.len() as f64,
            each_ms: sum(|moment| moment.query_ms) / sum(|moment| moment.calls),
        };
        (moments.len() >= PART_MIN && part.each_ms > 0.0).then_some(part)
    }

    fn gains_nothing_over(&self, lower: &Part) -> bool {
        let slower = self.each_ms / lower.each_ms;
        slower >= self.busy / lower.busy * NOTHING_GAINED || slower >= OVERLOADED
    }
}

/// Seconds of each kind that are compared at the least.
const PART_MIN: usize = 10;

/// So many times more servers must be busy before the two are compared.
const BUSIER: f64 = 1.5;

/// If a statement's time grows by this part of what concurrency grew by, throughput hardly grew.
const NOTHING_GAINED: f64 = 0.8;

/// What takes so many times longer in company waits for a core most of the time: what more there was to gain has been.
const OVERLOADED: f64 = 4.0;
