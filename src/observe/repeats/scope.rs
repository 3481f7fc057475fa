//! What goes on in one scope, a connection, a group or a trace, until it rests: the last results, and the shapes that ran
//! since. Pure.

use super::habit::{Habit, Passed, Seen};
use super::link::{Link, Loop, REST};
use super::rearm::Pair;
use super::ring::{Held, Ring, Room};
use super::run::Met;
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
    /// Those outside of transaction blocks, ever: what is inside of one has the number of those before it.
    outside: u32,
    /// And those with a value out of a result.
    links: u32,
    /// Results that children may come from.
    ring: Ring,
    shapes: Vec<Shape>,
    /// Shapes that returned many rows that nobody looked at.
    blind: [Digest; BLIND],
}

/// One digest's executions.
#[derive(Debug)]
struct Shape {
    digest: Digest,
    last: Nanos,
    /// The transaction block that it wrote in last.
    wrote: Option<u32>,
    /// How often it ran since each result of the ring, as far as no other of the same loop explains it.
    since: Vec<u32>,
    links: Vec<Link>,
    /// A loop over too few rows, or over one of several results of a loop, which waits for another.
    waiting: Option<Box<Loop>>,
    habit: Habit,
}

/// What a scope is asked with each statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// So many executions make a loop.
    pub(super) least: u32,
    /// How close the executions of a habit come, where it can be somebody's: those of several clients are nobody's.
    pub(super) habits: Option<Nanos>,
    pub(super) room: Room,
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
    /// The first one's rows would be of use, and since when.
    Blind(Pair, Nanos),
}

impl Scope {
    /// Numbers the statement's transaction block, if the scope is its connection's.
    pub(super) fn number(&mut self, step: &mut Step) {
        self.outside = self.outside.wrapping_add(u32::from(step.block.is_none()));
        step.block = step.block.map(|_| self.outside);
    }

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
        let (linked, parent) = if step.loops() { self.link(at, step, rules, told) } else { (false, None) };
        let shape = &mut self.shapes[at];
        let looked = shape.habit.step(step, linked, self.passed, rules.habits, told);
        shape.last = shape.last.max(step.ended);
        if looked.blind {
            self.tell_blind(step, told);
        }
        if looked.fresh {
            self.passed.fresh += 1;
            self.passed.parameters = step.parameters;
        }
        if step.writes() {
            self.passed.writes += 1;
            self.accompany(at, step);
        }
        self.result(at, step, parent, rules, told);
    }

    /// It rests: nothing of it remains.
    pub(super) fn end(&mut self, rules: Rules, told: &mut Vec<Told>) {
        while let Some(mut shape) = self.shapes.pop() {
            shape.end(self.passed, rules, told);
        }
        *self = Scope { last: self.last, outside: self.outside, ..Scope::default() };
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

    /// Looks for the statement's values in the results before it: whether they are there, and the number of the one that it seems to be
    /// asked out of.
    fn link(&mut self, at: usize, step: &Step, rules: Rules, told: &mut Vec<Told>) -> (bool, Option<u64>) {
        if self.ring.is_empty() {
            return (false, None);
        }
        let shape = &mut self.shapes[at];
        if step.sent > shape.last + REST {
            shape.rest(self.passed, rules, told);
        }
        shape.end_before(step, rules, told);
        let links: usize = self.shapes.iter().map(|shape| shape.links.len()).sum();
        let most = rules.room.links;
        let links = links - usize::from(links >= most && self.drop_a_link());
        let shape = &mut self.shapes[at];
        let others = links - shape.links.len();
        shape.since.resize(self.ring.len(), 0);
        let passed_over = self.ring.passed_over(step, |held| shape.is_new(held, step));
        let (scope, mut linked, mut parent) = ([self.passed.count, self.links], false, None);
        for place in 0..self.ring.len() {
            let Some(held) = self.ring.before(place, step).filter(|_| passed_over & (1 << place) == 0) else {
                continue;
            };
            shape.since[place] += 1;
            let room = others + shape.links.len() < most;
            let (met, n) = shape.follow(&held, step, scope, room);
            if met == Met::No {
                continue;
            }
            linked = true;
            // The same value again and again is no loop that could return others.
            parent = parent.max((met == Met::New).then_some((n, held.rows.serial)));
            self.ring.touch(place, step.sent);
        }
        self.links += u32::from(linked);
        (linked, parent.map(|(_, serial)| serial))
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

    /// A write of one shape, and those of others in its transaction, are each other's company.
    fn accompany(&mut self, at: usize, step: &Step) {
        let Some(block) = step.block else { return };
        let others =
            self.shapes.iter_mut().enumerate().filter(|(other, shape)| *other != at && shape.wrote == Some(block));
        let mut several = false;
        for (_, shape) in others {
            several = true;
            shape.habit.accompany(block);
        }
        let shape = &mut self.shapes[at];
        shape.wrote = Some(block);
        if several {
            shape.habit.accompany(block);
        }
    }

    /// A result that others may come from.
    fn result(&mut self, at: usize, step: &Step, parent: Option<u64>, rules: Rules, told: &mut Vec<Told>) {
        let Some(rows) = &step.result else {
            if step.many && !self.blind.contains(&step.digest) {
                self.blind.rotate_right(1);
                self.blind[0] = step.digest;
            }
            return;
        };
        // One that descends a tree level by level is not to be pushed out by its own children.
        if !step.paged && self.ring.other(step).is_some_and(|place| self.shapes[at].met(place, step)) {
            return;
        }
        while let Some((place, old)) = self.ring.take_outdated(step.digest, parent, rules.room) {
            let contested = rows.sent < old.ended + REST;
            self.shapes.iter_mut().for_each(|shape| shape.leave(place, contested, rules, told));
        }
        let place = self.ring.put(rows.clone(), step, parent, rules.room);
        self.shapes.iter_mut().for_each(|shape| shape.leave(place, false, rules, told));
        while let Some(place) = self.ring.squeeze(place, rules.room) {
            self.shapes.iter_mut().for_each(|shape| shape.leave(place, false, rules, told));
        }
    }

    fn tell_blind(&mut self, step: &Step, told: &mut Vec<Told>) {
        let blind = std::mem::take(&mut self.blind).into_iter().filter(|digest| *digest != Digest(0));
        told.extend(blind.map(|parent| Told::Blind(Pair { parent, child: step.digest }, step.ended)));
    }

    /// What it takes, in bytes; results that other scopes have as well are counted in each.
    pub(super) fn bytes(&self) -> usize {
        let shapes: usize = self.shapes.iter().map(Shape::bytes).sum();
        let spare = (self.shapes.capacity() - self.shapes.len()) * size_of::<Shape>();
        size_of::<Scope>() + self.ring.bytes() + shapes + spare
    }
}

impl Shape {
    fn new(digest: Digest) -> Shape {
        let (since, links, waiting) = (Vec::new(), Vec::new(), None);
        Shape { digest, last: Nanos::ZERO, wrote: None, since, links, waiting, habit: Habit::default() }
    }

    fn bytes(&self) -> usize {
        let links: usize = self.links.iter().map(Link::bytes).sum();
        let waiting = self.waiting.as_ref().map_or(0, |waiting| waiting.bytes());
        size_of::<Shape>() + self.since.capacity() * size_of::<u32>() + links + waiting + self.habit.bytes()
    }

    /// Whether this execution of it asks for a value out of the result in this place.
    fn met(&self, place: usize, step: &Step) -> bool {
        self.links.iter().any(|link| link.at == place && link.pace.last == step.ended)
    }

    /// Whether the result in this place holds values of this execution that have not been asked for yet; `None` if it holds none.
    fn is_new(&self, held: &Held<'_>, step: &Step) -> Option<bool> {
        let holds = step.values.iter().any(|value| held.rows.holds(*value));
        holds.then(|| self.links.iter().find(|link| link.at == held.place).is_none_or(|link| link.is_new(step)))
    }

    /// Whether this one asks for values out of these rows, and how often it has done so.
    fn follow(&mut self, held: &Held<'_>, step: &Step, scope: [u32; 2], room: bool) -> (Met, u32) {
        if let Some(link) = self.links.iter_mut().find(|link| link.at == held.place) {
            return (link.step(step, scope), link.pace.n);
        }
        if !room || !step.values.iter().any(|value| held.rows.may_hold(*value)) {
            return (Met::No, 0);
        }
        let mut link = Link::new(held, step, scope);
        let met = link.step(step, scope);
        if met != Met::No {
            self.links.push(link);
        }
        (met, 1)
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
        let asked = self.since.get_mut(place).map(std::mem::take).unwrap_or(0);
        let Some(at) = self.links.iter().position(|link| link.at == place) else { return };
        let link = self.links.remove(at);
        let Some(ended) = link.end(self.digest, asked, rules.least, contested) else { return };
        self.habit.explain();
        match ended.proofs.first() {
            Some(proof) if proof.small || ended.parent.is_some() => self.join(ended, rules, told),
            _ => told.push(Told::Loop(Box::new(ended))),
        }
    }

    /// Loops over few rows, one soon after the other, make one that counts, and those over what one loop has returned are one.
    fn join(&mut self, mut ended: Loop, rules: Rules, told: &mut Vec<Told>) {
        if let Some(before) = self.waiting.take() {
            match before.goes_on_in(&ended) {
                true => ended = before.join(ended),
                false => Shape::tell(before, rules, told),
            }
        }
        match ended.n {
            n if n >= MOST_JOINED || (n >= rules.least && ended.parent.is_none()) => {
                told.push(Told::Loop(Box::new(ended)))
            }
            _ => self.waiting = Some(Box::new(ended)),
        }
    }

    /// One that waited for more in vain.
    fn tell(ended: Box<Loop>, rules: Rules, told: &mut Vec<Told>) {
        if ended.n >= rules.least {
            told.push(Told::Loop(ended));
        }
    }

    /// It has not run for a second.
    fn rest(&mut self, passed: Passed, rules: Rules, told: &mut Vec<Told>) {
        self.links.sort_by_key(|link| link.pace.first);
        while let Some(place) = self.links.first().map(|link| link.at) {
            self.leave(place, false, rules, told);
        }
        self.since.clear();
        if let Some(waiting) = self.waiting.take() {
            Shape::tell(waiting, rules, told);
        }
        self.habit.end(self.digest, passed, rules.habits.is_some(), told);
    }

    fn end(&mut self, passed: Passed, rules: Rules, told: &mut Vec<Told>) {
        self.rest(passed, rules, told);
    }
}

/// A statement that takes longer is not waited for.
const LONGEST: Nanos = Nanos::from_secs(30);

/// So many shapes are remembered.
const SHAPES: usize = 12;

/// A link with fewer executions makes room for another.
const FEWEST_LINKED: u32 = 3;

/// Shapes that are to be looked at again, should somebody loop.
const BLIND: usize = 4;

/// What one loop after the other has joined is told when it is so long.
const MOST_JOINED: u32 = 256;
