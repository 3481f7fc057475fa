//! The last results of a scope, which others may come from. Pure.

use std::sync::Arc;

use super::rows::Rows;
use super::step::Step;
use crate::observe::nanos::Nanos;
use crate::sql::digest::Digest;

/// Results in their places, one a digest; but those that one loop has returned stand side by side where there is room for that.
#[derive(Debug, Default)]
pub(super) struct Ring {
    slots: Vec<Slot>,
    /// Whether any has ever stood beside another of its digest.
    side_by_side: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// `None` if it had to go.
    rows: Option<Arc<Rows>>,
    /// When it came or was last asked for.
    touched: Nanos,
    /// The values that it was asked with.
    parameters: u32,
    /// The number of the result that these values stood in.
    parent: Option<u64>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) place: usize,
    pub(super) rows: &'a Arc<Rows>,
    /// The number of the result that it was asked for out of, if it was: a loop has returned it.
    pub(super) parent: Option<u64>,
}

/// How much may be remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Results; of different digests about [`DIGESTS`].
    results: usize,
    /// What they take, but for the last one.
    bytes: usize,
    /// Pairs of child and result: where ids have no gaps, many are so by chance.
    pub(super) links: usize,
    /// Whether the results of one loop stand side by side.
    side_by_side: bool,
}

/// So many statements' results are remembered.
const DIGESTS: usize = 8;

/// On one connection things are asked for one after the other.
pub(super) const NARROW: Room = Room { results: DIGESTS, bytes: 10 << 10, links: 16, side_by_side: false };

/// On several a loop over what a loop has returned may begin when that one is over.
pub(super) const WIDE: Room = Room { results: 40, bytes: 64 << 10, links: 48, side_by_side: true };

impl Slot {
    fn is_of(&self, digest: Digest) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.digest == digest)
    }

    fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.bytes())
    }
}

impl Ring {
    /// How many places there are, full or not.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Nothing has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What lies in this place and had come before this statement was sent.
    pub(super) fn before(&self, place: usize, step: &Step) -> Option<Held<'_>> {
        let slot = self.slots.get(place)?;
        let rows = slot.rows.as_ref().filter(|rows| rows.ended <= step.sent)?;
        Some(Held { place, rows, parent: slot.parent })
    }

    /// Those that are not what the statement asks out of, because one beside them is: a bit for each place. `is_new`: whether a result
    /// holds values of it that have not been asked for yet, `None` if it holds none.
    pub(super) fn passed_over(&self, step: &Step, is_new: impl Fn(&Held<'_>) -> Option<bool>) -> u64 {
        if !self.side_by_side {
            return 0;
        }
        let held: Vec<Held<'_>> = (0..self.len()).filter_map(|place| self.before(place, step)).collect();
        let holding: Vec<(&Held<'_>, bool)> = held.iter().filter_map(|held| Some((held, is_new(held)?))).collect();
        if holding.is_empty() {
            return 0;
        }
        let passed_over = held.iter().filter(|other| {
            let same = holding.iter().filter(|(held, _)| held.rows.digest == other.rows.digest);
            let meant = same.max_by_key(|(held, new)| (*new, held.rows.ended));
            meant.is_some_and(|(meant, _)| meant.place != other.place)
        });
        passed_over.fold(0, |bits, held| bits | 1 << held.place)
    }

    /// It has just been asked for.
    pub(super) fn touch(&mut self, place: usize, at: Nanos) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.touched = at;
        }
    }

    /// Where a result of this shape lies that was asked for with other values.
    pub(super) fn other(&self, step: &Step) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_of(step.digest) && slot.parameters != step.parameters)
    }

    /// Takes out a result in whose place another of its shape comes: where it lay, and it.
    pub(super) fn take_outdated(&mut self, by: Digest, parent: Option<u64>, room: Room) -> Option<(usize, Arc<Rows>)> {
        let stays = |slot: &Slot| room.side_by_side && parent.is_some() && slot.parent == parent;
        let place = self.slots.iter().position(|slot| slot.is_of(by) && !stays(slot))?;
        Some((place, self.slots[place].rows.take()?))
    }

    /// Takes it in, in place of the one that was asked for longest ago if there is no room. Where it lies.
    pub(super) fn put(&mut self, rows: Arc<Rows>, step: &Step, parent: Option<u64>, room: Room) -> usize {
        self.side_by_side |= self.slots.iter().any(|slot| slot.is_of(rows.digest));
        let place = self.place(rows.digest, room);
        self.slots[place] = Slot { touched: rows.ended, rows: Some(rows), parameters: step.parameters, parent };
        place
    }

    fn place(&mut self, digest: Digest, room: Room) -> usize {
        let empty = self.slots.iter().position(|slot| slot.rows.is_none());
        match empty {
            _ if self.is_full(digest) => self.oldest(usize::MAX).unwrap_or(0),
            Some(place) => place,
            None if self.len() < room.results => {
                self.slots.push(Slot::default());
                self.len() - 1
            }
            None => self.oldest(usize::MAX).unwrap_or(0),
        }
    }

    /// Whether there are as many digests as there may be, without this one.
    fn is_full(&self, digest: Digest) -> bool {
        let all = self.slots.iter().filter_map(|slot| slot.rows.as_ref().map(|rows| rows.digest));
        let mut others: Vec<Digest> = all.filter(|other| *other != digest).collect();
        if others.len() < DIGESTS {
            return false;
        }
        others.sort_unstable();
        others.dedup();
        others.len() >= DIGESTS
    }

    /// Wide results leave room for fewer: takes out the one that was asked for longest ago, but for one. Where it lay.
    pub(super) fn squeeze(&mut self, but: usize, room: Room) -> Option<usize> {
        if self.slots.iter().map(Slot::bytes).sum::<usize>() <= room.bytes {
            return None;
        }
        let place = self.oldest(but)?;
        self.slots[place].rows = None;
        Some(place)
    }

    /// The result that was asked for longest ago, but for one.
    fn oldest(&self, but: usize) -> Option<usize> {
        let filled = self.slots.iter().enumerate().filter(|(place, slot)| *place != but && slot.rows.is_some());
        filled.min_by_key(|(_, slot)| slot.touched).map(|(place, _)| place)
    }

    /// What it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.slots.iter().map(Slot::bytes).sum::<usize>() + self.slots.capacity() * size_of::<Slot>()
    }
}
