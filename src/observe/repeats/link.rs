//! A child that asks for the values of one result: its runs, times and manner, until it is over. Pure.

use std::sync::Arc;

use super::ring::Held;
use super::rows::Rows;
use super::run::{Bar, Met, Order, Proof, Run};
use super::step::Step;
use crate::observe::finding::Manner;
use crate::observe::nanos::Nanos;
use crate::observe::who::WhoId;
use crate::sql::digest::Digest;

/// One child and one result.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) rows: Arc<Rows>,
    /// Where its result lies in the ring.
    pub(super) at: usize,
    /// The number of the result that it was asked for out of, if a loop has returned it.
    parent: Option<u64>,
    runs: Vec<Run>,
    pub(super) pace: Pace,
    /// Executions without a link that came when the kept rows were through.
    beyond: u32,
    who: WhoId,
    route: u32,
    paged: bool,
    /// Statements of the scope, and those of them with a link, before the first and with the last.
    scope: [[u32; 2]; 2],
}

/// When executions of one shape ran.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    pub(super) first: Nanos,
    /// The end of the one that ended last.
    pub(super) last: Nanos,
    /// Time between loops that were joined.
    apart: Nanos,
    pub(super) n: u32,
    busy: Nanos,
    pub(super) client: u32,
    /// How often one was sent before the last one had ended: on its connection, and on another.
    crowded: [u32; 2],
    pub(super) spells: Vec<Spell>,
}

/// One execution: sent so many microseconds after the first, and for how long it waited before and ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spell {
    pub(super) begin: u32,
    pub(super) wait: u32,
    pub(super) query: u32,
}

/// A loop that is over and is proved, but for names.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) rows: Arc<Rows>,
    pub(super) child: Digest,
    pub(super) who: WhoId,
    pub(super) route: u32,
    /// All executions, those for rows that were not kept among them.
    pub(super) n: u32,
    /// Executions of the child since the parent.
    pub(super) asked: u32,
    pub(super) beyond: u32,
    /// The child may be one page of several.
    pub(super) paged: bool,
    /// The best first.
    pub(super) proofs: Vec<Proof>,
    pub(super) pace: Pace,
    /// The number of the result that a loop has returned these rows for.
    pub(super) parent: Option<u64>,
    /// Over so many results of one shape.
    pub(super) results: u32,
}

impl Link {
    /// Nothing yet.
    pub(super) fn new(held: &Held<'_>, step: &Step, scope: [u32; 2]) -> Link {
        Link {
            rows: held.rows.clone(),
            at: held.place,
            parent: held.parent,
            runs: Vec::new(),
            pace: Pace::new(step, true),
            beyond: 0,
            who: step.who,
            route: step.route,
            paged: step.paged,
            scope: [scope; 2],
        }
    }

    /// One more execution; whether any of its values stands in the rows. `scope`: how many statements and links there
    /// were before it.
    pub(super) fn step(&mut self, step: &Step, scope: [u32; 2]) -> Met {
        let mut met = Met::No;
        for (slot, value) in step.values.iter().enumerate() {
            if self.rows.may_hold(*value) {
                met = met.max(self.value(slot as u8, *value));
            }
        }
        if met != Met::No {
            self.pace.step(step);
            self.scope[1] = scope;
            self.route = if step.route == 0 { self.route } else { step.route };
        } else if self.runs.iter().any(|run| run.is_through(&self.rows)) {
            self.beyond += 1;
            self.pace.step(step);
        }
        met
    }

    fn value(&mut self, slot: u8, value: u32) -> Met {
        let places = self.rows.places(value);
        let mut met = Met::No;
        for (column, rows) in places.iter().enumerate().filter(|(_, rows)| **rows != 0) {
            let known = self.runs.iter().position(|run| run.slot == slot && usize::from(run.column) == column);
            match known {
                Some(at) => met = met.max(self.runs[at].step(value, *rows)),
                None if self.runs.len() < MOST_RUNS => {
                    let mut run = Run::new(slot, column as u8);
                    met = met.max(run.step(value, *rows));
                    self.runs.push(run);
                }
                None => met = met.max(Met::Again),
            }
        }
        met
    }

    /// Whether the execution asks for a value that has not been asked for yet as often as it stands there.
    pub(super) fn is_new(&self, step: &Step) -> bool {
        self.runs.iter().max_by_key(|run| run.n).is_none_or(|run| {
            let places = self.rows.places(step.values[usize::from(run.slot)]);
            run.is_free(places[usize::from(run.column)])
        })
    }

    /// It is over: what it proves. `asked`: how often the child ran since the parent.
    pub(super) fn end(self, child: Digest, asked: u32, least: u32, contested: bool) -> Option<Loop> {
        let mut beyond = self.beyond;
        let prove = |run: &Run| {
            let outside = self.outside(run, asked);
            let bar = Bar { least, asked: asked - outside, contested, compact: self.compact() };
            run.proves(&self.rows, bar).map(|proof| (proof, outside))
        };
        let mut proofs: Vec<(Proof, u32)> = self.runs.iter().filter_map(prove).collect();
        proofs.sort_by_key(|(proof, _)| (u32::MAX - proof.n, proof.order == Order::All, proof.column));
        beyond = proofs.first().map_or(beyond, |(_, outside)| *outside);
        let proofs: Vec<Proof> = proofs.into_iter().map(|(proof, _)| proof).collect();
        let n = proofs.first()?.n + beyond;
        Some(Loop {
            rows: self.rows,
            child,
            who: self.who,
            route: self.route,
            paged: self.paged,
            n,
            asked,
            beyond,
            proofs,
            pace: self.pace,
            parent: self.parent,
            results: 1,
        })
    }

    /// How much of what ran meanwhile had a link too, in tenths: loops do little else.
    fn compact(&self) -> u32 {
        let [first, last] = self.scope;
        ((last[1] - first[1]) * 10).checked_div(last[0] - first[0]).unwrap_or(10)
    }

    /// How many executions without a link are put down to rows that were not kept.
    fn outside(&self, run: &Run, asked: u32) -> u32 {
        let kept = self.rows.kept;
        let more = u32::try_from(self.rows.total - u64::from(kept)).unwrap_or(u32::MAX);
        let without = if run.visited_most(kept) { asked.saturating_sub(run.n) } else { self.beyond };
        without.min(more).min(asked.saturating_sub(run.n))
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Link>() + self.runs.capacity() * size_of::<Run>() + self.pace.spells.capacity() * size_of::<Spell>()
    }
}

impl Loop {
    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let spells = self.pace.spells.capacity() * size_of::<Spell>();
        size_of::<Loop>() + spells + self.proofs.capacity() * size_of::<Proof>()
    }

    /// Whether the other is over a result of the same shape, which the same loop has returned, and soon after.
    pub(super) fn goes_on_in(&self, other: &Loop) -> bool {
        let same = |proof: &Proof| other.proofs.iter().any(|other| other.is_of(proof));
        let soon = other.pace.first < self.pace.last + REST;
        let one = self.rows.digest == other.rows.digest && self.parent == other.parent;
        soon && one && self.proofs.iter().any(same)
    }

    /// Together with one that it goes on in.
    pub(super) fn join(mut self, other: Loop) -> Loop {
        self.n += other.n;
        self.asked += other.asked;
        self.beyond += other.beyond;
        self.results += other.results;
        self.pace.join(&other.pace);
        self.proofs.retain_mut(|proof| {
            let same = other.proofs.iter().find(|other| other.is_of(proof));
            same.inspect(|other| proof.join(other)).is_some()
        });
        self
    }
}

impl Pace {
    /// Nothing yet; `drawn`: whether each execution is to be kept.
    pub(super) fn new(step: &Step, drawn: bool) -> Pace {
        let spells = if drawn { Vec::with_capacity(4) } else { Vec::new() };
        let (first, last, busy) = (step.sent, step.sent, Nanos::ZERO);
        Pace { first, last, apart: Nanos::ZERO, n: 0, busy, client: step.client, crowded: [0; 2], spells }
    }

    /// One more.
    pub(super) fn step(&mut self, step: &Step) {
        let other = step.client != self.client;
        if self.n > 0 && (if other { step.sent < self.last } else { step.piped }) {
            self.crowded[usize::from(other)] += 1;
        }
        if self.spells.capacity() > 0 && self.spells.len() < MOST_SPELLS {
            self.spells.push(Spell {
                begin: micros(step.sent - self.first),
                wait: micros(step.wait),
                query: micros(step.ended - step.sent),
            });
        }
        self.n += 1;
        self.first = self.first.min(step.sent);
        self.last = self.last.max(step.ended);
        self.busy += step.ended - step.sent;
        self.client = step.client;
    }

    /// The wall of all without one execution.
    pub(super) fn wasted(&self) -> Nanos {
        (self.last - self.first) - self.apart - self.busy / self.n.max(1)
    }

    /// Whether the next execution comes after a pause that a loop does not make: longer than a moment, and much longer than those
    /// before it. People and other requests do.
    pub(super) fn pauses_before(&self, step: &Step) -> bool {
        let between = (self.last - self.first).0.saturating_sub(self.busy.0) / u64::from(self.n.max(1));
        let asked = step.sent - step.wait;
        self.n > 0 && asked > self.last + MOMENT.max(Nanos(between * MUCH))
    }

    /// What `n` of them took, without the time between them.
    pub(super) fn share(&self, n: u32) -> Nanos {
        self.busy / self.n.max(1) * n
    }

    /// One after the other or not: by a quarter of them.
    pub(super) fn manner(&self) -> Manner {
        match self.crowded {
            [_, others] if others * 4 >= self.n => Manner::Parallel,
            [same, _] if same * 4 >= self.n => Manner::Pipelined,
            _ => Manner::Sequential,
        }
    }

    /// Another stretch of the same, before it or behind.
    pub(super) fn join(&mut self, other: &Pace) {
        if other.first < self.first {
            let earlier = std::mem::replace(self, other.clone());
            return self.join(&earlier);
        }
        let shift = micros(other.first - self.first);
        self.apart += other.first - self.last.min(other.first) + other.apart;
        let room = MOST_SPELLS.saturating_sub(self.spells.len());
        let more = other.spells.iter().take(room);
        self.spells.extend(more.map(|spell| Spell { begin: spell.begin.saturating_add(shift), ..*spell }));
        self.last = self.last.max(other.last);
        self.n += other.n;
        self.busy += other.busy;
        self.crowded.iter_mut().zip(other.crowded).for_each(|(to, from)| *to += from);
    }
}

fn micros(time: Nanos) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// A burst is over when nothing came for so long.
pub(super) const REST: Nanos = Nanos::from_secs(1);

/// A loop goes on sooner than that …
const MOMENT: Nanos = Nanos::from_millis(100);

/// … or than so many times the pauses that it has made so far.
const MUCH: u64 = 20;

/// Pairs of slot and column that are followed for one child and one result.
const MOST_RUNS: usize = 8;

/// A waterfall has so many bars beside the parent's: what a client takes is bounded.
const MOST_SPELLS: usize = 31;
