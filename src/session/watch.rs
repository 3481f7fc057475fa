//! What a client's statements may have left behind on its server since that was last looked at, as far as their texts and
//! their outcomes tell; and what is to be done about it when the server is at rest. Pure.
//!
//! Texts are read as they pass. What they say for certain is believed where nothing was undone since; the rest is asked of
//! the server (`inquiry`), which knows what transactions, savepoints and functions made of it.

use crate::observe::pins::{Pin, Pins};
use crate::protocol::TransactionStatus;
use crate::sql::changes::Parameters;
use crate::sql::{Change, Effects, To, changes, effects};

/// Effects that change settings.
const SETTINGS: Effects =
    Effects::SETTINGS.union(Effects::OPAQUE).union(Effects::RESET_ALL).union(Effects::DISCARD_ALL);

/// Effects that may tie the client to its server, and with what.
const BINDING: [(Effects, Pin); 5] = [
    (Effects::LOCK, Pin::Lock),
    (Effects::TEMP, Pin::Temp),
    (Effects::HOLD, Pin::Cursor),
    (Effects::PREPARE, Pin::Prepare),
    (Effects::LISTEN, Pin::Listen),
];

/// Effects that may untie it, and from what.
const RELEASING: [(Effects, Pin); 5] = [
    (Effects::UNLOCK, Pin::Lock),
    (Effects::DROP.union(Effects::DISCARD_TEMP), Pin::Temp),
    (Effects::CLOSE, Pin::Cursor),
    (Effects::DEALLOCATE, Pin::Prepare),
    (Effects::UNLISTEN, Pin::Listen),
];

/// What has been seen since the server was last known.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Effects,
    /// Changes of settings, in order.
    changes: Vec<Change>,
    /// How many executions that change settings have not been seen to succeed.
    unconfirmed: u32,
    /// Something failed or was rolled back: what was read may not be so.
    undone: bool,
    /// A text was too long to be read whole: tags of commands are all that is known of its rest.
    cut: bool,
    /// The last text that may tie the client, for the log.
    suspect: Option<Box<[u8]>>,
}

/// What is to be done when the server is at rest.
#[derive(Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It has become this, and nothing ties it that did not.
    Known(Vec<Change>),
    /// It is to be asked.
    Ask(Question),
}

/// What is to be asked of the server, and what is known without asking.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Changes that are certain, in order.
    pub changes: Vec<Change>,
    /// Settings whose values are not.
    pub names: Vec<String>,
    /// Settings that the client is known to have are to be asked as well.
    pub known: bool,
    /// All other settings too, as far as a server lists them.
    pub all: bool,
    /// Ties to look at.
    pub pins: Pins,
    /// Ties that are there without asking.
    pub tied: Pins,
    /// Everything that tied the client before has gone.
    pub released: bool,
    /// The text that raised the question, for the log.
    pub suspect: Option<Box<[u8]>>,
}

impl Watch {
    /// A Query passes. `status` is the transaction's before it.
    #[inline]
    pub fn query(&mut self, text: &[u8], whole: bool, backslash: bool, status: TransactionStatus) {
        let found = effects(text, backslash);
        self.cut |= !whole;
        if !found.is_empty() {
            self.note(found, text, backslash, &|_| None, status);
        }
    }

    /// A statement that was prepared is about to be executed.
    pub fn execution(
        &mut self,
        found: Effects,
        text: &[u8],
        backslash: bool,
        parameters: &Parameters<'_>,
        status: TransactionStatus,
    ) {
        self.note(found, text, backslash, parameters, status);
        self.unconfirmed += u32::from(found.intersects(SETTINGS));
    }

    /// A text passes that is too long to be read.
    pub fn cut_off(&mut self) {
        self.cut = true;
    }

    /// A FunctionCall passes: the function's OID.
    pub fn function(&mut self, oid: u32) {
        self.seen |= match oid {
            // pg_advisory_lock and its like; <https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_proc.dat>
            2880..=2883 | 2886..=2889 => Effects::LOCK,
            2884 | 2885 | 2890..=2892 => Effects::UNLOCK,
            // set_config
            2078 => Effects::OPAQUE,
            _ => Effects::NONE,
        };
    }

    #[cold]
    fn note(
        &mut self,
        found: Effects,
        text: &[u8],
        backslash: bool,
        parameters: &Parameters<'_>,
        status: TransactionStatus,
    ) {
        let lone = status == TransactionStatus::Idle && !text.contains(&b';');
        let mut found = found;
        if found.contains(Effects::CURRVAL) && !lone {
            // Read in the transaction that drew it.
            found = found.without(Effects::CURRVAL);
        }
        self.seen |= found;
        if found.intersects(SETTINGS) {
            self.changes.extend(changes(text, backslash, parameters));
        }
        let binding = BINDING.iter().any(|(effect, _)| found.intersects(*effect));
        if binding || found.intersects(Effects::LOAD.union(Effects::CURRVAL).union(Effects::OPAQUE)) {
            self.suspect = Some(text.into());
        }
    }

    /// A command has ended with this tag; by the extended protocol, or by a Query.
    #[inline]
    pub fn completed(&mut self, tag: &[u8], extended: bool) {
        if !self.seen.is_empty() || self.cut {
            self.tag(tag, extended);
        }
    }

    #[cold]
    fn tag(&mut self, tag: &[u8], extended: bool) {
        match tag {
            b"ROLLBACK" => self.undone = true,
            b"SET" | b"RESET" | b"DISCARD ALL" if extended => self.unconfirmed = self.unconfirmed.saturating_sub(1),
            _ => {}
        }
        if self.cut {
            self.seen |= match tag {
                b"SET" | b"RESET" => Effects::OPAQUE,
                b"LISTEN" => Effects::LISTEN,
                b"UNLISTEN" => Effects::UNLISTEN,
                b"PREPARE" => Effects::PREPARE,
                b"DECLARE CURSOR" => Effects::HOLD,
                b"LOAD" => Effects::LOAD,
                _ if tag.starts_with(b"CREATE ") => Effects::TEMP,
                _ => Effects::NONE,
            };
        }
    }

    /// A statement failed.
    #[inline]
    pub fn failed(&mut self) {
        self.undone |= !self.seen.is_empty();
    }

    /// Whether nothing was seen that could have left anything behind.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.seen.is_empty() && !self.cut
    }

    /// Whether this setting is put back to what it is when a session starts, by the last that has been seen of it.
    pub fn resets(&self, name: &str) -> bool {
        let of_it = |change: &&Change| change.to == To::AllDefault || change.name.eq_ignore_ascii_case(name);
        let last = self.changes.iter().rev().find(of_it);
        last.is_some_and(|change| matches!(change.to, To::AllDefault | To::Default))
    }

    /// The server is at rest: what is to be done about all this. `pins` is what ties the client so far. Ready for what
    /// comes next.
    pub fn settle(&mut self, pins: Pins) -> Settlement {
        let seen = std::mem::take(self);
        let opaque = seen.seen.contains(Effects::OPAQUE);
        let readable = seen.changes.iter().all(|change| change.to != To::Unread);
        let certain = !seen.undone && seen.unconfirmed == 0 && readable;
        let released = seen.seen.contains(Effects::DISCARD_ALL) && certain;
        let before = if released { Pins::NONE } else { pins };
        let (look, tied) = (seen.suspicions() | (before & seen.releases()), seen.ties());
        if certain && !opaque && look.is_empty() && tied.is_empty() && (!released || pins.is_empty()) {
            return Settlement::Known(seen.changes);
        }
        let known = !certain && seen.changes.iter().any(|change| change.to == To::AllDefault);
        let all = opaque || seen.changes.iter().any(|change| change.to == To::Unread && change.name.is_empty());
        let (changes, names) = match certain {
            true => (seen.changes, Vec::new()),
            false => (Vec::new(), names(seen.changes)),
        };
        Settlement::Ask(Question { changes, names, known, all, pins: look, tied, released, suspect: seen.suspect })
    }

    fn suspicions(&self) -> Pins {
        pins_of(&BINDING, self.seen)
    }

    fn releases(&self) -> Pins {
        pins_of(&RELEASING, self.seen)
    }

    /// What needs no asking: whoever has loaded a library has it until the end.
    fn ties(&self) -> Pins {
        Pins::NONE
            .with(Pin::Load, self.seen.contains(Effects::LOAD))
            .with(Pin::Sequence, self.seen.contains(Effects::CURRVAL))
            .with(Pin::Setting, self.seen.contains(Effects::UNNAMED))
    }
}

impl Question {
    /// Whether the server must be asked at all.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.known && !self.all && self.pins.is_empty()
    }
}

fn pins_of(table: &[(Effects, Pin)], seen: Effects) -> Pins {
    table.iter().fold(Pins::NONE, |pins, (effect, pin)| pins.with(*pin, pins.has(*pin) || seen.intersects(*effect)))
}

fn names(changes: Vec<Change>) -> Vec<String> {
    let mut names: Vec<String> =
        changes.into_iter().map(|change| change.name).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
