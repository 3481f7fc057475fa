//! What a conversation remembers from one message to the next, to know what is run: what was asked to be described, what is
//! bound where. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use super::tape::Bound;
use crate::pool::catalog::Statement;
use crate::sql::digest::Reading;

/// Of one conversation.
#[derive(Debug, Default)]
pub struct Memo {
    described: VecDeque<(u32, Subject)>,
    /// The unnamed portal's.
    pub(super) bound: Bound,
    portals: Vec<(Box<[u8]>, Bound)>,
    comment: Option<(u32, Box<[u8]>)>,
    parsed: Option<(u32, Reading, u64)>,
}

/// What a Describe is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A statement of the pool's.
    Statement(Arc<Statement>),
    /// One of the client's own.
    Own(Box<[u8]>),
    /// The unnamed one.
    Unnamed,
    /// A portal: what it runs next.
    Portal,
}

/// Named portals of one client.
const MOST_PORTALS: usize = 64;

/// Descriptions under way.
const MOST_DESCRIBED: usize = 1024;

impl Memo {
    /// A Describe is sent.
    pub fn describe(&mut self, batch: u32, subject: Subject) {
        if self.described.len() < MOST_DESCRIBED {
            self.described.push_back((batch, subject));
        }
    }

    /// How many descriptions are under way.
    pub fn describing(&self) -> usize {
        self.described.len()
    }

    /// All but so many were not sent after all.
    pub fn take_back(&mut self, describing: usize) {
        self.described.truncate(describing);
    }

    /// What the next description is about.
    pub fn describes(&self) -> Option<&Subject> {
        self.described.front().map(|(_, subject)| subject)
    }

    /// It has been described.
    pub fn described(&mut self) {
        self.described.pop_front();
    }

    /// Nothing of this batch is described any more.
    #[inline]
    pub fn end_batch(&mut self, batch: u32) {
        while self.described.front().is_some_and(|(of, _)| *of == batch) {
            self.described.pop_front();
        }
    }

    /// A portal is bound.
    pub fn bind(&mut self, portal: &[u8], bound: Bound) {
        if portal.is_empty() {
            self.bound = bound;
            return;
        }
        self.portals.retain(|(name, _)| **name != *portal);
        if self.portals.len() < MOST_PORTALS {
            self.portals.push((portal.into(), bound));
        }
    }

    /// A portal is closed.
    pub fn close(&mut self, portal: &[u8]) {
        self.portals.retain(|(name, _)| **name != *portal);
    }

    /// What a portal runs.
    pub fn portal(&self, name: &[u8]) -> Option<&Bound> {
        match name {
            [] => Some(&self.bound),
            _ => self.portals.iter().find(|(known, _)| **known == *name).map(|(_, bound)| bound),
        }
    }

    /// A text came in this batch, with tags or without.
    pub fn parse(&mut self, batch: u32, reading: Reading, comment: Option<&[u8]>, now: u64) {
        self.parsed = Some((batch, reading, now));
        self.comment = comment.map(|text| (batch, text.into()));
    }

    /// Tags whose text came in this very batch; once.
    pub fn take_comment(&mut self, batch: u32) -> Option<Box<[u8]>> {
        self.comment.take_if(|(of, _)| *of == batch).map(|(_, text)| text)
    }

    /// What was parsed last in this batch, and when.
    pub fn parsed(&self, batch: u32) -> Option<(Reading, u64)> {
        self.parsed.filter(|(of, ..)| *of == batch).map(|(_, reading, sent)| (reading, sent))
    }

    /// Ready for the next conversation.
    #[inline]
    pub fn clear(&mut self) {
        self.described.clear();
        self.portals.clear();
        (self.comment, self.parsed) = (None, None);
        if self.bound.columns.is_some() || self.bound.plain.is_some() {
            self.bound = Bound::default();
        }
    }
}
