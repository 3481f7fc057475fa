//! Many scopes by number, found quickly, and gone when they rest. Pure.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use hashbrown::HashMap;

use super::scope::{Rules, Scope, Told};
use super::step::Step;
use crate::observe::nanos::Nanos;
use crate::observe::who::WhoId;

/// For numbers that are ours, or hashes already: nobody can aim at it.
pub(super) type Quick = BuildHasherDefault<Multiply>;

/// One multiplication.
#[derive(Debug, Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        // The table looks at the highest and at the lowest bits.
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Ends what rests.
pub(super) trait Scopes {
    /// Tells what was going on in scopes that are over by `now`, and forgets them; what the rest takes, in bytes.
    fn settle(&mut self, now: Nanos, rules: Rules, told: &mut Vec<Told>) -> usize;
}

impl<K: Eq + Hash> Scopes for HashMap<K, Scope, Quick> {
    fn settle(&mut self, now: Nanos, rules: Rules, told: &mut Vec<Told>) -> usize {
        let mut used = 0;
        self.retain(|_, scope| {
            let over = scope.settle(now, rules, told);
            used += if over { 0 } else { scope.bytes() };
            !over
        });
        // Room for a crowd is not kept when it has gone.
        if self.capacity() > 64 && self.len() * 8 < self.capacity() {
            self.shrink_to(self.len() * 2);
        }
        used + self.capacity() * (size_of::<K>() + 1)
    }
}

/// The connections of the same database, user, application and address.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<u32, Group, Quick>);

#[derive(Debug, Default)]
struct Group {
    /// Its last statement's.
    client: Option<u32>,
    /// When another client than the one before was seen last.
    several: Option<Nanos>,
    /// When a result came that may be looped over.
    fertile: Option<Nanos>,
    /// What was taken while there was but one client: the first loop over several begins with it.
    alone: u32,
    last: Nanos,
    scope: Scope,
}

impl Groups {
    /// Whether the statement may mean something to others than its connection.
    pub(super) fn wants(&mut self, step: &Step) -> bool {
        if !step.who.has_host() {
            return false;
        }
        let group = self.0.entry(step.who.0).or_default();
        if group.client.replace(step.client).is_some_and(|before| before != step.client) {
            group.several = Some(step.ended);
        }
        group.last = step.ended;
        if step.many {
            group.fertile = Some(step.ended);
            return true;
        }
        let lately = |when: Option<Nanos>| when.is_some_and(|when| step.ended - when < LATELY);
        let wanted = step.loops() && lately(group.fertile);
        if wanted && group.several.is_none() && group.alone < ALONE {
            group.alone += 1;
            return true;
        }
        wanted && lately(group.several)
    }

    /// Its scope, if it has not gone.
    pub(super) fn scope(&mut self, who: WhoId) -> Option<&mut Scope> {
        self.0.get_mut(&who.0).map(|group| &mut group.scope)
    }

    /// See [`Scopes::settle`].
    pub(super) fn settle(&mut self, now: Nanos, rules: Rules, told: &mut Vec<Told>) -> usize {
        let mut used = 0;
        self.0.retain(|_, group| {
            group.scope.settle(now, rules, told);
            used += size_of::<Group>() + group.scope.bytes();
            now < group.last + LATELY
        });
        used
    }
}

/// A group that has shown no second client by then is one client's for now.
const ALONE: u32 = 1_024;

/// Groups in which nothing is looped over cost nothing more after this time.
const LATELY: Nanos = Nanos::from_secs(15 * 60);
