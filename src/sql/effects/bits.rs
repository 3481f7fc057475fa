//! What a text may leave behind, a bit each. Pure.

use std::ops::{BitOr, BitOrAssign};

/// A set of what a text may leave behind in a session, or take away from it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effects(u32);

impl Effects {
    /// Nothing.
    pub const NONE: Effects = Effects(0);
    /// Settings that `changes` names change for the session.
    pub const SETTINGS: Effects = Effects(1);
    /// Settings may change that nobody can name.
    pub const OPAQUE: Effects = Effects(1 << 1);
    /// RESET ALL
    pub const RESET_ALL: Effects = Effects(1 << 2);
    /// DISCARD ALL
    pub const DISCARD_ALL: Effects = Effects(1 << 3);
    /// DISCARD TEMP
    pub const DISCARD_TEMP: Effects = Effects(1 << 4);
    /// DISCARD PLANS, DISCARD SEQUENCES
    pub const DISCARD_OTHER: Effects = Effects(1 << 5);
    /// Calls that take an advisory lock for the session.
    pub const LOCK: Effects = Effects(1 << 6);
    /// Calls that give some of them back.
    pub const UNLOCK: Effects = Effects(1 << 7);
    /// Something is created that is dropped when the session ends, not before.
    pub const TEMP: Effects = Effects(1 << 8);
    /// DROP, which may drop something of the kind.
    pub const DROP: Effects = Effects(1 << 9);
    /// DECLARE … WITH HOLD
    pub const HOLD: Effects = Effects(1 << 10);
    /// CLOSE
    pub const CLOSE: Effects = Effects(1 << 11);
    /// PREPARE name
    pub const PREPARE: Effects = Effects(1 << 12);
    /// DEALLOCATE
    pub const DEALLOCATE: Effects = Effects(1 << 13);
    /// LISTEN
    pub const LISTEN: Effects = Effects(1 << 14);
    /// UNLISTEN
    pub const UNLISTEN: Effects = Effects(1 << 15);
    /// LOAD, and calls of what begins something else that ends with the session only: a backup, a connection of dblink.
    pub const LOAD: Effects = Effects(1 << 16);
    /// Calls of `currval` or `lastval`, which read what the session left behind.
    pub const CURRVAL: Effects = Effects(1 << 17);
    /// ROLLBACK, ABORT, ROLLBACK TO
    pub const ROLLBACK: Effects = Effects(1 << 18);

    /// A setting changes that cannot be carried to another server: its name is computed, so that no list of a server's need have it
    /// (then `OPAQUE` is there as well), or it cannot be set just anywhere.
    pub const UNNAMED: Effects = Effects(1 << 19);

    /// Settings that texts are read by (`meaning`) change until the transaction ends.
    pub const LOCAL: Effects = Effects(1 << 20);
    /// Something is created, altered or dropped that other texts may name.
    pub const DEFINES: Effects = Effects(1 << 21);
    /// What sessions start with changes: ALTER ROLE … SET. Then `DEFINES` is there as well.
    pub const DEFAULTS: Effects = Effects(1 << 22);

    /// Functions are called that nobody knows (`calls`).
    pub const CALLS: Effects = Effects(1 << 23);

    /// What may change what other texts mean.
    pub const MEANING: Effects = Effects::SETTINGS
        .union(Effects::OPAQUE)
        .union(Effects::RESET_ALL)
        .union(Effects::DISCARD_ALL)
        .union(Effects::LOCAL)
        .union(Effects::DEFINES);

    /// Those of the session: the rest ends with the transaction, or is everybody's.
    #[must_use]
    pub const fn of_session(self) -> Effects {
        self.without(Effects::LOCAL.union(Effects::DEFINES).union(Effects::DEFAULTS).union(Effects::CALLS))
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among them.
    pub const fn contains(self, other: Effects) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is among them.
    pub const fn intersects(self, other: Effects) -> bool {
        self.0 & other.0 != 0
    }

    /// These, but none of `other`.
    #[must_use]
    pub const fn without(self, other: Effects) -> Effects {
        Effects(self.0 & !other.0)
    }

    /// These and `other`.
    pub const fn union(self, other: Effects) -> Effects {
        Effects(self.0 | other.0)
    }
}

impl BitOr for Effects {
    type Output = Effects;

    fn bitor(self, other: Effects) -> Effects {
        self.union(other)
    }
}

impl BitOrAssign for Effects {
    fn bitor_assign(&mut self, other: Effects) {
        *self = self.union(other);
    }
}
