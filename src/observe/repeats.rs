//! Statements that an application repeats for want of a better one: N+1 and its kin. Executions and the time in, findings
//! out. Pure.
//!
//! Three kinds of scopes see each execution: its connection; the connections of the same database, user, application and
//! address; instead of those, all that bears its trace. A `scope` remembers results (`rows`, in a `ring`) and follows the statements
//! that ask for what is in them (`link`, `run`), or that repeat by themselves (`habit`, `climb`). What is over and
//! proved goes to the `ledger`, which asks names and foreign keys (`references`) where values do not suffice, and makes findings of
//! it.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::finding::{Finding, FindingKind};
use super::report::{Capture, Report};
use super::who::{Who, WhoId};
use crate::observe::nanos::Nanos;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

mod climb;
mod company;
mod counted;
mod cure;
mod habit;
mod late;
mod ledger;
mod link;
mod names;
mod occurrence;
mod pattern;
mod rearm;
mod references;
mod ring;
mod rivals;
mod routes;
mod rows;
mod run;
mod scope;
mod scopes;
mod step;
mod tally;
#[cfg(test)]
mod tests;
mod words;

pub use references::Reference;

use habit::{BREATH, Seen};
use late::{Late, Shared, WAIT};
use ledger::Ledger;
use link::REST;
use occurrence::Occurrence;
use rearm::Rearm;
use ring::{NARROW, Room, WIDE};
use routes::Routes;
use rows::Rows;
use scope::{Rules, Scope, Told};
use scopes::{Groups, Quick, Scopes};
use step::{Role, Step};
use tally::Tally;

/// One finished statement.
#[derive(Debug, Clone, Copy)]
pub struct Execution<'a> {
    /// Its report. Those of one client come in the order in which they ended; those of several may be 100 ms apart.
    pub report: &'a Report,
    /// A keyed hash for each of `report.reading.slots()`; 0 cannot be linked.
    pub values: &'a [u32],
    /// What it returned, if that was looked at, and the hashes of it, row by row.
    pub capture: Option<(&'a Capture, &'a [u32])>,
    /// A hash of the `traceparent` or `request_id` that came with this very execution.
    pub trace: Option<u64>,
    /// Where the application says it was, if that came with this execution.
    pub route: Option<&'a str>,
}

/// What others know of shapes and clients. Asked only when something has been found, never for each statement.
pub trait Known {
    /// What is known of a shape; `None` while it has not been parsed.
    fn facts(&self, digest: Digest) -> Option<Arc<Facts>>;
    /// Database, user, application and address of this number.
    fn who(&self, id: WhoId) -> Option<Arc<Who>>;
}

/// All that is going on, and what was found.
#[derive(Debug)]
pub struct Repeats {
    least: u32,
    clients: HashMap<u32, Scope, Quick>,
    traces: HashMap<u64, Scope, Quick>,
    groups: Groups,
    late: Late,
    ledger: Ledger,
    tally: Tally,
    routes: Routes,
    told: Vec<Told>,
    rearm: Rearm,
    serial: u64,
    /// Bytes in use, as counted last, and what came since.
    used: usize,
    room: usize,
    left_out: u64,
    counted: Nanos,
}

impl Repeats {
    /// `n_plus_one`: so many executions for one result make a run, at least 3.
    pub fn new(n_plus_one: u32) -> Repeats {
        Repeats {
            least: least(n_plus_one),
            clients: HashMap::default(),
            traces: HashMap::default(),
            groups: Groups::default(),
            late: Late::default(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            routes: Routes::default(),
            told: Vec::new(),
            rearm: Rearm::default(),
            serial: 0,
            used: 0,
            room: MOST_BYTES,
            left_out: 0,
            counted: Nanos::ZERO,
        }
    }

    /// Another `n_plus_one` from now on.
    pub fn set_least(&mut self, n_plus_one: u32) {
        self.least = least(n_plus_one);
    }

    /// Takes note of one statement that is over.
    pub fn see(&mut self, execution: &Execution<'_>, known: &dyn Known) {
        let route = execution.route.map_or(0, |route| self.routes.number(route));
        let mut step = Step::of(execution, route);
        if step.many && step.role != Role::Transparent {
            step.result = self.result(execution);
        }
        let rules = self.rules(execution.trace.is_none().then_some(BREATH), NARROW);
        match self.clients.get_mut(&step.client) {
            Some(scope) => {
                scope.number(&mut step);
                scope.see(&step, rules, &mut self.told);
            }
            // Nothing comes of what stands alone and is nothing.
            None if step.role == Role::Transparent => {}
            None if self.used > self.room => self.left_out += 1,
            None => {
                self.used += size_of::<Scope>();
                self.clients.entry(step.client).or_default().see(&step, rules, &mut self.told);
            }
        }
        self.share(step, execution.trace, known);
        if !self.told.is_empty() {
            self.conclude(known);
        }
    }

    /// The rows of a result that somebody may loop over.
    fn result(&mut self, execution: &Execution<'_>) -> Option<Arc<Rows>> {
        let (capture, hashes) = execution.capture?;
        if self.used > self.room {
            self.left_out += 1;
            return None;
        }
        self.serial += 1;
        let rows = Rows::new(self.serial, execution.report, capture, hashes)?;
        self.used += rows.bytes();
        self.ledger.ran(execution.report.who, rows.digest);
        Some(Arc::new(rows))
    }

    /// Puts it in the queue of those that are seen by more than their connection.
    fn share(&mut self, step: Step, trace: Option<u64>, known: &dyn Known) {
        if step.role == Role::Transparent {
            return;
        }
        let shared = match trace {
            Some(trace) => Shared::Trace(trace),
            None if self.groups.wants(&step) => Shared::Group(step.who),
            None => return,
        };
        if !self.late.push(shared, step) {
            self.catch_up(Nanos::ZERO, known);
        }
    }

    /// Takes what is in order by now out of the queue.
    fn catch_up(&mut self, now: Nanos, known: &dyn Known) {
        let due = self.late.take(now);
        for (shared, step) in due.iter() {
            match *shared {
                Shared::Group(who) => {
                    let rules = self.rules(None, WIDE);
                    if let Some(scope) = self.groups.scope(who) {
                        scope.see(step, rules, &mut self.told);
                    }
                }
                Shared::Trace(trace) => {
                    // All of it is one request's.
                    let rules = self.rules(Some(REST), WIDE);
                    match self.traces.get_mut(&trace) {
                        Some(scope) => scope.see(step, rules, &mut self.told),
                        None if self.used > self.room => self.left_out += 1,
                        None => {
                            self.used += size_of::<Scope>();
                            self.traces.entry(trace).or_default().see(step, rules, &mut self.told);
                        }
                    }
                }
            }
            if !self.told.is_empty() {
                self.conclude(known);
            }
        }
        self.late.give_back(due);
    }

    /// To be called a few times a second with the process' clock and the time of day.
    pub fn tick(&mut self, now: Nanos, at: Timestamp, known: &dyn Known) {
        self.ledger.tick(now, at);
        self.catch_up(now, known);
        if now < self.counted + WAIT {
            return;
        }
        self.counted = now;
        // Their reports, and for shared ones their turn, may be that late.
        let past = now - WAIT;
        let earlier = past - WAIT;
        let [clients, traces, groups] =
            [(Some(BREATH), NARROW), (Some(REST), WIDE), (None, WIDE)].map(|(habits, room)| self.rules(habits, room));
        let used = self.clients.settle(past, clients, &mut self.told)
            + self.traces.settle(earlier, traces, &mut self.told)
            + self.groups.settle(earlier, groups, &mut self.told);
        self.used = used + self.late.bytes();
        self.conclude(known);
    }

    fn rules(&self, habits: Option<Nanos>, room: Room) -> Rules {
        Rules { least: self.least, habits, room }
    }

    fn conclude(&mut self, known: &dyn Known) {
        let mut told = std::mem::take(&mut self.told);
        for told in told.drain(..) {
            match told {
                Told::Ran(digest, who, runs, again) => self.tally.count(digest, who, runs, again),
                Told::Habit(seen) if self.is_chance(&seen) => {}
                Told::Loop(ended) => {
                    self.rearm.found(ended.child);
                    self.ledger.looped(&ended, self.routes.name(ended.route), known);
                }
                Told::Habit(seen) => {
                    let route = self.routes.name(seen.route);
                    let facts = known.facts(seen.digest);
                    if let Some(seen) = Occurrence::of_habit(seen, facts.as_deref()) {
                        self.ledger.note(&seen, route, known);
                    }
                }
                Told::Blind(pair, at) => self.rearm.want(pair, at),
            }
        }
        self.told = told;
    }

    /// The same again, of a shape that hardly ever is.
    fn is_chance(&mut self, seen: &Seen) -> bool {
        seen.kind == FindingKind::DuplicateRead && !self.tally.repeats(seen.digest, seen.who)
    }

    /// All findings, in no order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.ledger.findings()
    }

    /// Those to be logged since the last call.
    pub fn take_alerts(&mut self) -> Vec<Finding> {
        self.ledger.take_alerts()
    }

    /// How often each kind was seen, in the order of `FindingKind::ALL`.
    pub fn totals(&self) -> [u64; 5] {
        self.ledger.totals()
    }

    /// Shapes whose rows should be looked at again.
    pub fn take_rearm(&mut self) -> Vec<Digest> {
        self.rearm.take()
    }

    /// Whose databases should be asked for all their foreign keys, each until [`Repeats::declare`]: loops wait for that.
    pub fn take_questions(&mut self) -> Vec<Arc<Who>> {
        self.ledger.take_questions()
    }

    /// What a database declares, all of it.
    pub fn declare(&mut self, database: &str, references: Vec<Reference>, known: &dyn Known) {
        self.ledger.declare(database, references, known);
    }

    /// Results and clients that were not followed for want of room.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
impl Repeats {
    fn limit(&mut self, room: usize) {
        self.room = room;
    }

    /// What all scopes take, in bytes, as counted at the last tick.
    fn bytes(&self) -> usize {
        self.used
    }

    /// What the client that takes most takes, in bytes.
    fn largest(&self) -> usize {
        self.clients.values().map(Scope::bytes).max().unwrap_or(0)
    }
}

/// All scopes together take no more than about this.
const MOST_BYTES: usize = 64 << 20;

/// Two of anything are no loop.
fn least(n_plus_one: u32) -> u32 {
    n_plus_one.max(3)
}
