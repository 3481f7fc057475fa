//! What a client's statements may have left behind on its server since that was last looked at, as far as their texts and
//! their outcomes tell; and what is to be done about it when the server is at rest. Pure.
//!
//! Texts are read as they pass. What they say for certain is believed where nothing was undone since; the rest is asked of
//! the server (`pool::inquiry`), which knows what transactions, savepoints and functions made of it.

use super::question::Question;
use crate::observe::pins::{Pin, Pins};
use crate::pool::culprits::{cut, may_leave};
use crate::pool::hunt::Suspects;
use crate::protocol::TransactionStatus;
use crate::sql::changes::Parameters;
use crate::sql::{Change, Effects, Listen, To, changes, creates, effects_and_calls, last_rollback, listens, spell};

pub mod changed;
pub mod undone;

use changed::Changed;

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

/// A setting that no server takes on, or gives up, once it has had temporary tables; <https://www.postgresql.org/docs/current/runtime-config-resource.html>
const STUCK: &str = "temp_buffers";

/// When a text passes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The number of its batch: of the messages up to a ReadyForQuery.
    pub batch: u32,
    /// The transaction's status before it, as far as has been heard.
    pub status: TransactionStatus,
    /// Whether backslashes are escapes in all strings.
    pub backslash: bool,
}

/// What has been seen since the server was last known.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Effects,
    /// The settings that were changed.
    pub changed: Changed,
    /// How many executions that change settings have not been seen to succeed.
    unconfirmed: u32,
    /// A text was too long to be read whole: tags of commands are all that is known of its rest.
    cut: bool,
    /// Names in texts that may have changed any setting.
    spelled: Vec<String>,
    /// What is listened to, and no more, and since which batch.
    listens: Vec<(u32, Listen)>,
    /// The last text that may tie the client, for the log.
    suspect: Option<Box<[u8]>>,
    /// What was asked and not answered.
    again: Option<Box<Question>>,
    /// The server is looked at without need.
    hunted: bool,
    /// It is because of a statement that is known to leave something behind.
    caught: bool,
    /// It is because of a statement that calls functions for the first time.
    news: bool,
    /// Texts since then, while it is.
    passed: Vec<Box<[u8]>>,
}

/// Texts of one transaction that are remembered.
const MOST_PASSED: usize = 16;

/// What is to be done when the server is at rest.
#[derive(Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It has become this, and nothing ties it that did not.
    Known(Vec<Change>),
    /// It is to be asked.
    Ask(Question),
}

impl Watch {
    /// A Query passes: its effects.
    #[inline]
    pub fn query(&mut self, text: &[u8], whole: bool, now: Moment) -> Effects {
        let found = effects_and_calls(text, now.backslash);
        self.cut |= !whole;
        if !found.of_session().is_empty() {
            self.note(found.of_session(), text, &|_| None, now);
        }
        found
    }

    /// A statement that was prepared is about to be executed.
    pub fn execution(&mut self, found: Effects, text: &[u8], parameters: &Parameters<'_>, now: Moment) {
        self.note(found.of_session(), text, parameters, now);
        self.unconfirmed += u32::from(found.intersects(SETTINGS));
    }

    /// What this text creates may be temporary.
    pub fn create(&mut self, text: &[u8]) {
        if creates(text) {
            self.seen |= Effects::TEMP;
            self.suspect = Some(text.into());
        }
    }

    /// A prepared statement is closed that may be one of SQL's PREPARE.
    pub fn close_prepared(&mut self) {
        self.seen |= Effects::DEALLOCATE;
    }

    /// Nothing has been seen.
    #[inline]
    pub fn clear(&mut self) {
        if !self.is_clean() || self.hunted || !self.passed.is_empty() {
            *self = Watch::default();
        }
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
    fn note(&mut self, found: Effects, text: &[u8], parameters: &Parameters<'_>, now: Moment) {
        let lone = now.status == TransactionStatus::Idle && !text.contains(&b';');
        let mut found = found;
        if found.contains(Effects::CURRVAL) && !lone {
            // Read in the transaction that drew it.
            found = found.without(Effects::CURRVAL);
        }
        self.seen |= found;
        if found.contains(Effects::ROLLBACK) {
            let (undoable, behind) = text.split_at(last_rollback(text, now.backslash).unwrap_or_default());
            self.set(found, undoable, parameters, now);
            self.changed.pass_rollback();
            self.listens.clear();
            self.set(found, behind, parameters, now);
        } else {
            self.set(found, text, parameters, now);
        }
        if found.contains(Effects::OPAQUE) && spell(text, &mut self.spelled) {
            self.seen |= Effects::UNNAMED;
        }
        let binding = BINDING.iter().any(|(effect, _)| found.intersects(*effect));
        if binding || found.intersects(Effects::LOAD.union(Effects::CURRVAL).union(Effects::OPAQUE)) {
            self.suspect = Some(text.into());
        }
    }

    /// What a text, or a part of one, sets, listens to and does not listen to any more.
    fn set(&mut self, found: Effects, text: &[u8], parameters: &Parameters<'_>, now: Moment) {
        if found.contains(Effects::PREPARE) && found.intersects(SETTINGS) {
            // When it is executed its name is all that is seen of it.
            self.seen |= Effects::UNNAMED;
        }
        if found.intersects(SETTINGS) {
            let changes = changes(text, now.backslash, parameters);
            if changes.iter().any(|change| change.name == STUCK && change.to != To::Default) {
                self.seen |= Effects::UNNAMED;
                self.suspect = Some(text.into());
            }
            self.changed.extend(now.batch, changes);
        }
        if found.intersects(Effects::LISTEN.union(Effects::UNLISTEN)) {
            self.listens.extend(listens(text, now.backslash).into_iter().map(|one| (now.batch, one)));
        }
        if found.contains(Effects::DISCARD_ALL) {
            self.listens.push((now.batch, Listen::AllOff));
        }
    }

    /// A command has ended with this tag; by the extended protocol, or by a Query. Of no interest while all is clean.
    pub fn completed(&mut self, tag: &[u8], extended: bool, batch: u32) {
        match tag {
            b"ROLLBACK" if self.cut => self.changed.undone.fail(batch),
            b"ROLLBACK" => self.changed.undone.roll_back(batch),
            b"SET" | b"RESET" => self.confirm(extended),
            b"DISCARD ALL" => {
                self.confirm(extended);
                self.changed.keep();
            }
            _ => {}
        }
        if self.cut {
            self.seen |= match tag {
                // It may be one of an application, and no server lists those.
                b"SET" => Effects::OPAQUE | Effects::UNNAMED,
                b"RESET" => Effects::OPAQUE,
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

    fn confirm(&mut self, extended: bool) {
        self.unconfirmed = self.unconfirmed.saturating_sub(u32::from(extended));
    }

    /// A statement failed.
    #[inline]
    pub fn failed(&mut self, batch: u32) {
        if !self.seen.is_empty() {
            self.changed.undone.fail(batch);
        }
    }

    /// The server has not answered, and cannot be asked now.
    pub fn ask_again(&mut self, question: Question) {
        self.again = Some(Box::new(question));
    }

    /// The server is to be looked at whatever was seen.
    pub fn hunt(&mut self) {
        self.hunted = true;
    }

    /// Any text passes: it is remembered if it is known to leave something behind, the pool hunts for what does, or it calls
    /// functions for the first time.
    #[inline]
    pub fn pass(&mut self, text: &[u8], calls: bool, suspects: Suspects<'_>) {
        let known = suspects.culprits.has(text);
        let news = calls && !known && suspects.novelties.is_some_and(|novelties| novelties.is_news(text));
        self.news |= news;
        if known || news || suspects.hunting {
            self.remember(text, known);
        }
    }

    #[cold]
    fn remember(&mut self, text: &[u8], known: bool) {
        self.caught |= known;
        if self.passed.len() < MOST_PASSED && may_leave(text) {
            self.passed.push(cut(text).into());
        }
    }

    /// Whether a statement has passed that is known to leave something behind, or may.
    pub fn has_caught(&self) -> bool {
        self.caught || self.news
    }

    /// Whether a text has passed that is to be asked about.
    pub fn has_passed(&self) -> bool {
        !self.passed.is_empty()
    }

    /// The texts that passed, if it is known what they leave, and that is all that may be there.
    pub fn only_caught(&self) -> Option<&[Box<[u8]>]> {
        (self.caught && !self.news && self.is_clean()).then_some(&self.passed)
    }

    /// Whether nothing was seen that could have left anything behind.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.seen.is_empty() && !self.cut && self.again.is_none()
    }

    /// What the client listens to, and no longer, in order. Where something was undone it goes on listening: it had better hear too
    /// much than too little.
    pub fn take_listens(&mut self) -> Vec<Listen> {
        let listens = std::mem::take(&mut self.listens).into_iter();
        listens.filter(|(batch, _)| !self.changed.undone.has_failed_since(*batch)).map(|(_, one)| one).collect()
    }

    /// The server is at rest: what is to be done about all this. `pins` is what ties the client so far. Ready for what
    /// comes next.
    pub fn settle(&mut self, pins: Pins) -> Settlement {
        let mut seen = std::mem::take(self);
        let (changes, doubtful) = std::mem::take(&mut seen.changed).part(seen.unconfirmed == 0);
        let (certain, opaque) = (doubtful.is_empty() && seen.unconfirmed == 0, seen.seen.contains(Effects::OPAQUE));
        let released = seen.seen.contains(Effects::DISCARD_ALL) && certain;
        let before = if released { Pins::NONE } else { pins };
        // One that was prepared may yet be set.
        let resets = seen.seen.contains(Effects::RESET_ALL) && certain && !before.has(Pin::Prepare);
        let reset = Pins::NONE.with(Pin::Setting, resets);
        let expected = seen.suspicions() | (before & (seen.releases() | reset));
        let look = if seen.hunted { Pins::ALL } else { expected };
        let tied = seen.ties();
        let hunted = seen.hunted.then(|| std::mem::take(&mut seen.passed));
        if certain
            && !opaque
            && hunted.is_none()
            && seen.again.is_none()
            && look.is_empty()
            && tied.is_empty()
            && (!released || pins.is_empty())
        {
            return Settlement::Known(changes);
        }
        let known = doubtful.iter().any(|change| change.to == To::AllDefault);
        let all = opaque || doubtful.iter().any(|change| change.to == To::Unread && change.name.is_empty());
        let names = names(doubtful);
        let (suspect, spelled) = (seen.suspect, seen.spelled);
        let news = seen.news;
        let question = Question {
            changes,
            names,
            spelled,
            known,
            all,
            pins: look,
            tied,
            released,
            suspect,
            hunted,
            news,
            expected,
        };
        Settlement::Ask(question.with(seen.again))
    }

    fn suspicions(&self) -> Pins {
        pins_of(&BINDING, self.seen)
    }

    fn releases(&self) -> Pins {
        pins_of(&RELEASING, self.seen)
    }

    /// What needs no asking: whoever has loaded a library has it until the end. Who has asked what a sequence gave last will ask
    /// again, also if it was told that there is no such value.
    fn ties(&self) -> Pins {
        Pins::NONE
            .with(Pin::Load, self.seen.contains(Effects::LOAD))
            .with(Pin::Sequence, self.seen.contains(Effects::CURRVAL))
            .with(Pin::Setting, self.seen.contains(Effects::UNNAMED))
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
