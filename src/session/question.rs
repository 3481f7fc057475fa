//! What a server at rest is to be asked about the session on it, before anybody else has it. How that is said in SQL is
//! `pool::inquiry`'s. Pure.

use crate::observe::pins::Pins;
use crate::sql::Change;

/// What is to be asked of the server, and what is known without asking.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Changes that are certain, in order.
    pub changes: Vec<Change>,
    /// Settings whose values are not.
    pub names: Vec<String>,
    /// Names that a text has which may have changed any setting: those of applications among them.
    pub spelled: Vec<String>,
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
    /// The question is asked without need, to find out what these texts leave behind.
    pub hunted: Option<Vec<Box<[u8]>>>,
    /// One of them calls functions for the first time.
    pub news: bool,
    /// Ties that are no surprise.
    pub expected: Pins,
}

impl Question {
    /// Whether it is asked for nothing but what these texts may leave behind.
    pub(super) fn only_hunts(&self) -> bool {
        let asks = self.all || self.known || self.released || !self.expected.is_empty();
        self.hunted.is_some() && !asks && self.names.is_empty() && self.spelled.is_empty()
    }

    /// And what was asked before. Its changes have been noted.
    pub(super) fn with(mut self, before: Option<Box<Question>>) -> Question {
        let Some(before) = before else { return self };
        self.names.extend(before.names);
        self.spelled.extend(before.spelled);
        (self.known, self.all) = (self.known || before.known, self.all || before.all);
        (self.pins, self.expected) = (self.pins | before.pins, self.expected | before.expected);
        if !self.released {
            (self.tied, self.released) = (self.tied | before.tied, before.released);
        }
        self.suspect = self.suspect.or(before.suspect);
        self.news |= before.news;
        if let Some(texts) = before.hunted {
            self.hunted.get_or_insert_default().extend(texts);
            self.pins = Pins::ALL;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::pins::Pin;

    #[test]
    fn what_was_hunted_and_not_answered_is_hunted_still() {
        let hunts = |text: &str| Question { hunted: Some(vec![text.as_bytes().into()]), ..Question::default() };
        assert!(hunts("one").only_hunts() && !Question::default().only_hunts());
        assert!(!Question { expected: Pin::Lock.into(), ..hunts("one") }.only_hunts());
        for now in [Question::default(), hunts("two")] {
            let texts = now.hunted.as_ref().map_or(0, Vec::len);
            let both = now.with(Some(Box::new(hunts("one"))));
            assert_eq!((both.hunted.map(|texts| texts.len()), both.pins), (Some(texts + 1), Pins::ALL));
        }
    }
}
