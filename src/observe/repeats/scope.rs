//! What goes on in one scope, a connection, a group or a trace, until it rests: the last results, and the shapes that ran
//! since. Pure.

use std::sync::Arc;

use super::habit::{Habit, Passed, Seen};
use super::link::{Link, Loop};
use super::rows::Rows;
use super::step::{Role, Step};
use crate::observe::nanos::Nanos;
use crate::observe::who::WhoId;
use crate::sql::digest::Digest;

/// One scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// When its last statement ended.
    last: Nanos,
    /// What its longest statement took: another one like it may be under way.
    longest: Nanos,
    /// Statements in this burst.
    passed: Passed,
    /// And those with a value out of a result.
    links: u32,
    /// Results that children may come from, one a digest.
    ring: Vec<Slot>,
    shapes: Vec<Shape>,
    /// Shapes that returned many rows that nobody looked at.
    blind: [Digest; BLIND],
}

#[derive(Debug)]
struct Slot {
    /// `None` if it had to go.
    rows: Option<Arc<Rows>>,
    /// When it came or was last asked for.
    touched: Nanos,
    /// The values that it was asked with.
    parameters: u32,
}

impl Slot {
    fn digest(&self) -> Digest {
        self.rows.as_ref().map_or(Digest(0), |rows| rows.digest)
    }

    fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.bytes())
    }
}

/// One digest's executions.
#[derive(Debug)]
struct Shape {
    digest: Digest,
    last: Nanos,
    /// How often it ran since each result of the ring.
    since: [u32; RING],
    links: Vec<Link>,
    /// A loop over too few rows, which waits for another.
    small: Option<Box<Loop>>,
    habit: Habit,
}

/// What a scope is asked with each statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// So many executions make a loop.
    pub(super) least: u32,
    /// How close the executions of a habit come, where it can be somebody's: those of several clients are nobody's.
    pub(super) habits: Option<Nanos>,
}

/// What a scope tells.
#[derive(Debug)]
pub(super) enum Told {
    /// A loop is over.
    Loop(Box<Loop>),
    /// So is a habit.
    Habit(Seen),
    /// A shape of this application ran so often, and so often of that with the same values.
    Ran(Digest, WhoId, u32, u32),
    /// This shape's rows would be of use.
    Blind(Digest),
}

impl Scope {
    /// One more statement.
    pub(super) fn see(&mut self, step: &Step, rules: Rules, told: &mut Vec<Told>) {
        if step.sent > self.last + REST {
            self.end(rules, told);
        }
        self.last = self.last.max(step.ended);
        self.longest = self.longest.max(step.ended - step.sent);
        if step.role == Role::Transparent {
            return;
        }
        self.passed.count += 1;
        let at = self.shape(step.digest, rules, told);
        let linked = step.loops() && self.link(at, step, rules, told);
        let shape = &mut self.shapes[at];
        let looked = shape.habit.step(step, linked, self.passed, rules.habits, told);
        shape.last = shape.last.max(step.ended);
        if looked.blind {
            self.tell_blind(told);
        }
        self.passed.fresh += u32::from(looked.fresh);
        self.passed.writes += u32::from(matches!(step.role, Role::Write { .. } | Role::InsertOne));
        self.result(at, step, rules, told);
    }

    /// It rests: nothing of it remains.
    pub(super) fn end(&mut self, rules: Rules, told: &mut Vec<Told>) {
        while let Some(mut shape) = self.shapes.pop() {
            shape.end(self.passed, rules, told);
        }
        *self = Scope { last: self.last, ..Scope::default() };
    }

    /// Ends what has not gone on for a second, as far as reports have come; `true` if that is all of it.
    pub(super) fn settle(&mut self, now: Nanos, rules: Rules, told: &mut Vec<Told>) -> bool {
        let rest = REST + self.longest.min(LONGEST);
        if now > self.last + rest {
            self.end(rules, told);
            return true;
        }
        for shape in self.shapes.iter_mut().filter(|shape| now > shape.last + rest) {
            shape.rest(self.passed, rules, told);
        }
        false
    }

    /// Where this digest's shape is; the one that ran longest ago makes room.
    fn shape(&mut self, digest: Digest, rules: Rules, told: &mut Vec<Told>) -> usize {
        if let Some(at) = self.shapes.iter().position(|shape| shape.digest == digest) {
            return at;
        }
        let fresh = Shape::new(digest);
        if self.shapes.len() < SHAPES {
            // Most clients at rest have run one.
            if self.shapes.is_empty() {
                self.shapes.reserve_exact(1);
            }
            self.shapes.push(fresh);
            return self.shapes.len() - 1;
        }
        let oldest = self.shapes.iter().enumerate().min_by_key(|(_, shape)| shape.last);
        let at = oldest.map_or(0, |(at, _)| at);
        std::mem::replace(&mut self.shapes[at], fresh).end(self.passed, rules, told);
        at
    }

    /// Looks for the statement's values in the results before it.
    fn link(&mut self, at: usize, step: &Step, rules: Rules, told: &mut Vec<Told>) -> bool {
        if self.ring.is_empty() {
            return false;
        }
        let shape = &mut self.shapes[at];
        if step.sent > shape.last + REST {
            shape.rest(self.passed, rules, told);
        }
        shape.end_before(step, rules, told);
        let links: usize = self.shapes.iter().map(|shape| shape.links.len()).sum();
        let links = links - usize::from(links >= LINKS && self.drop_a_link());
        let shape = &mut self.shapes[at];
        let others = links - shape.links.len();
        let (scope, mut linked) = ([self.passed.count, self.links], false);
        for (place, slot) in self.ring.iter_mut().enumerate() {
            let Some(rows) = slot.rows.as_ref().filter(|rows| rows.ended <= step.sent) else { continue };
            shape.since[place] += 1;
            let room = others + shape.links.len() < LINKS;
            if shape.follow(place, rows, step, scope, room) {
                slot.touched = step.sent;
                linked = true;
            }
        }
        self.links += u32::from(linked);
        linked
    }

    /// The pair that came to nothing for longest goes: it was met by chance. Whether there was one.
    fn drop_a_link(&mut self) -> bool {
        let all = self.shapes.iter().enumerate();
        let links = all.flat_map(|(at, shape)| shape.links.iter().enumerate().map(move |(of, link)| (at, of, link)));
        let idle = links.filter(|(.., link)| link.pace.n < FEWEST_LINKED).min_by_key(|(.., link)| link.pace.last);
        let Some((at, of)) = idle.map(|(at, of, _)| (at, of)) else { return false };
        self.shapes[at].links.swap_remove(of);
        true
    }

    /// A result that others may come from.
    fn result(&mut self, at: usize, step: &Step, rules: Rules, told: &mut Vec<Told>) {
        let Some(rows) = &step.result else {
            if step.many && !self.blind.contains(&step.digest) {
                self.blind.rotate_right(1);
                self.blind[0] = step.digest;
            }
            return;
        };
        let same = self.ring.iter().position(|slot| slot.digest() == rows.digest);
        // One that descends a tree level by level is not to be pushed out by its own children.
        let descends =
            |place: usize| self.ring[place].parameters != step.parameters && self.shapes[at].met(place, step);
        if !step.paged && same.is_some_and(descends) {
            return;
        }
        let place = same.unwrap_or_else(|| self.place_for_one());
        let slot = Slot { rows: Some(rows.clone()), touched: rows.ended, parameters: step.parameters };
        let old = std::mem::replace(&mut self.ring[place], slot).rows;
        let contested = same.is_some() && old.is_some_and(|old| rows.sent < old.ended + REST);
        self.shapes.iter_mut().for_each(|shape| shape.leave(place, contested, rules, told));
        self.make_room(place, rules, told);
    }

    /// An empty place, or that of the result that was asked for longest ago.
    fn place_for_one(&mut self) -> usize {
        if let Some(place) = self.ring.iter().position(|slot| slot.rows.is_none()) {
            return place;
        }
        if self.ring.len() < RING {
            self.ring.push(Slot { rows: None, touched: Nanos::ZERO, parameters: 0 });
            return self.ring.len() - 1;
        }
        self.oldest(RING).unwrap_or(0)
    }

    /// The result that was asked for longest ago, but for one.
    fn oldest(&self, but: usize) -> Option<usize> {
        let filled = self.ring.iter().enumerate().filter(|(place, slot)| *place != but && slot.rows.is_some());
        filled.min_by_key(|(_, slot)| slot.touched).map(|(place, _)| place)
    }

    /// Wide results leave room for fewer.
    fn make_room(&mut self, but: usize, rules: Rules, told: &mut Vec<Told>) {
        while self.ring.iter().map(Slot::bytes).sum::<usize>() > RING_BYTES {
            let Some(place) = self.oldest(but) else { return };
            self.ring[place].rows = None;
            self.shapes.iter_mut().for_each(|shape| shape.leave(place, false, rules, told));
        }
    }

    fn tell_blind(&mut self, told: &mut Vec<Told>) {
        let blind = std::mem::take(&mut self.blind);
        told.extend(blind.into_iter().filter(|digest| *digest != Digest(0)).map(Told::Blind));
    }

    /// What it takes, in bytes; results that other scopes have as well are counted in each.
    pub(super) fn bytes(&self) -> usize {
        let rows: usize = self.ring.iter().map(Slot::bytes).sum();
        let links = self.shapes.iter().flat_map(|shape| &shape.links);
        let smalls = self.shapes.iter().filter_map(|shape| shape.small.as_ref());
        let smalls: usize = smalls.map(|small| small.bytes()).sum();
        let habits: usize = self.shapes.iter().map(|shape| shape.habit.bytes()).sum();
        let lists = self.ring.capacity() * size_of::<Slot>() + self.shapes.capacity() * size_of::<Shape>();
        size_of::<Scope>() + rows + lists + habits + smalls + links.map(Link::bytes).sum::<usize>()
    }
}

impl Shape {
    fn new(digest: Digest) -> Shape {
        Shape { digest, last: Nanos::ZERO, since: [0; RING], links: Vec::new(), small: None, habit: Habit::default() }
    }

    /// Whether this execution of it asks for a value out of the result in this place.
    fn met(&self, place: usize, step: &Step) -> bool {
        self.links.iter().any(|link| link.at == place && link.pace.last == step.ended)
    }

    fn follow(&mut self, place: usize, rows: &Arc<Rows>, step: &Step, scope: [u32; 2], room: bool) -> bool {
        if let Some(link) = self.links.iter_mut().find(|link| link.at == place) {
            return link.step(step, scope);
        }
        if !room || !step.values.iter().any(|value| rows.may_hold(*value)) {
            return false;
        }
        let mut link = Link::new(rows.clone(), place, step, scope);
        let met = link.step(step, scope);
        if met {
            self.links.push(link);
        }
        met
    }

    /// Loops that do not go on after such a pause are over.
    fn end_before(&mut self, step: &Step, rules: Rules, told: &mut Vec<Told>) {
        let over = |link: &&Link| link.pace.pauses_before(step);
        while let Some(place) = self.links.iter().find(over).map(|link| link.at) {
            self.leave(place, false, rules, told);
        }
    }

    /// The result in this place goes.
    fn leave(&mut self, place: usize, contested: bool, rules: Rules, told: &mut Vec<Told>) {
        let asked = std::mem::take(&mut self.since[place]);
        let Some(at) = self.links.iter().position(|link| link.at == place) else { return };
        let link = self.links.swap_remove(at);
        let Some(ended) = link.end(self.digest, asked, rules.least, contested) else { return };
        self.habit.explain();
        match ended.proofs.first() {
            Some(proof) if proof.small => self.small(ended, rules, told),
            _ => told.push(Told::Loop(Box::new(ended))),
        }
    }

    /// Several loops over few rows, one soon after the other, make one that counts.
    fn small(&mut self, mut ended: Loop, rules: Rules, told: &mut Vec<Told>) {
        if let Some(before) = self.small.take()
            && before.rows.digest == ended.rows.digest
            && ended.pace.first < before.pace.last + REST
        {
            ended = before.join(ended);
        }
        if ended.n >= rules.least {
            told.push(Told::Loop(Box::new(ended)));
        } else {
            self.small = Some(Box::new(ended));
        }
    }

    /// It has not run for a second.
    fn rest(&mut self, passed: Passed, rules: Rules, told: &mut Vec<Told>) {
        (0..RING).for_each(|place| self.leave(place, false, rules, told));
        self.small = None;
        self.habit.end(self.digest, passed, rules.habits.is_some(), told);
    }

    fn end(&mut self, passed: Passed, rules: Rules, told: &mut Vec<Told>) {
        self.rest(passed, rules, told);
    }
}

/// A burst is over when nothing came for so long.
pub(super) const REST: Nanos = Nanos::from_secs(1);

/// A statement that takes longer is not waited for.
const LONGEST: Nanos = Nanos::from_secs(30);

/// So many results are remembered.
const RING: usize = 8;

/// And so many shapes.
const SHAPES: usize = 12;

/// The results of one scope take no more than this and the last one's.
const RING_BYTES: usize = 10 << 10;

/// So many pairs of child and result are followed at once: where ids have no gaps, many are so by chance.
const LINKS: usize = 16;

/// One with fewer executions makes room for another.
const FEWEST_LINKED: u32 = 3;

/// Shapes that are to be looked at again, should somebody loop.
const BLIND: usize = 4;
