//! What a client still has to hear, so that it knows how long to read. It believes the tags that it sees, and is a model of
//! the protocol of its own, so that a mistake of pgweir's is not made twice.

use std::collections::VecDeque;

/// Messages by their tags.
#[derive(Debug, Default)]
pub(crate) struct Owing {
    /// Those that are not answered, oldest first; the ends of a COPY mark their place.
    sent: VecDeque<u8>,
    course: Course,
    /// Something of the extended protocol was sent after the last Sync.
    unsynced: bool,
    /// A Bind or an Execute among it.
    bound: bool,
    /// The same after the last Flush: the server may keep its answer to itself.
    unflushed: bool,
    /// The last ReadyForQuery's.
    status: u8,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Course {
    #[default]
    Plain,
    /// An error came, and no Sync has been sent.
    Skipping,
    /// The server reads a COPY whose end has not been sent.
    Copying,
}

impl Owing {
    /// The client has sent a message with this tag.
    pub(crate) fn send(&mut self, tag: u8) {
        self.unflushed =
            matches!(tag, b'P' | b'B' | b'D' | b'E' | b'C') || self.unflushed && matches!(tag, b'd' | b'c' | b'f');
        match (&self.course, tag) {
            (_, b'd' | b'H') | (Course::Copying, b'S') => return,
            (Course::Copying, b'c' | b'f') => return self.course = Course::Plain,
            (Course::Skipping, b'S') => self.course = Course::Plain,
            (Course::Skipping, _) => return,
            _ => {}
        }
        match tag {
            b'S' | b'Q' | b'F' => (self.unsynced, self.bound) = (false, false),
            b'c' | b'f' => {}
            _ => (self.unsynced, self.bound) = (true, self.bound || matches!(tag, b'B' | b'E')),
        }
        self.sent.push_back(tag);
        self.drop_ends();
    }

    /// The client has received a message.
    pub(crate) fn receive(&mut self, tag: u8, body: &[u8]) {
        self.drop_ends();
        match (self.sent.front(), tag) {
            (_, b'Z') => {
                self.status = body[0];
                self.sent.pop_front();
            }
            (Some(b'Q' | b'E'), b'G') => self.begin_copy(),
            (Some(b'Q' | b'F' | b'S'), b'E') => self.course = Course::Plain,
            (_, b'E') => self.skip(),
            (Some(b'P'), b'1') | (Some(b'B'), b'2') | (Some(b'C'), b'3') | (Some(b'D'), b'T' | b'n') => {
                self.sent.pop_front();
            }
            (Some(b'E'), b'C' | b'I' | b's') => {
                self.sent.pop_front();
            }
            _ => {}
        }
        self.drop_ends();
    }

    /// Whether the server has anything to say before the client says more.
    pub(crate) fn is_owed(&self) -> bool {
        !self.sent.is_empty() && self.course != Course::Copying
    }

    /// Whether all that is owed will come before the client says more.
    pub(crate) fn can_wait(&self) -> bool {
        !self.unflushed
    }

    /// Whether the session has come to an end of a transaction, and another client may have its server. What has been
    /// prepared, and asked for by Flush, needs no Sync for that.
    pub(crate) fn is_at_rest(&self) -> bool {
        let ended = !self.unsynced || (!self.bound && !self.unflushed);
        self.sent.is_empty() && self.course == Course::Plain && ended && matches!(self.status, b'I' | 0)
    }

    /// Syncs that the server has read as a part of the COPY are not answered.
    fn begin_copy(&mut self) {
        self.course = Course::Copying;
        while let Some(tag) = self.sent.get(1).copied() {
            match tag {
                b'S' => (self.unsynced, self.bound) = (true, true),
                b'c' | b'f' => self.course = Course::Plain,
                _ => break,
            }
            self.sent.remove(1);
            if self.course == Course::Plain {
                let last = self.sent.iter().rfind(|tag| !matches!(tag, b'c' | b'f'));
                self.unsynced = !matches!(last, Some(b'S' | b'Q' | b'F'));
                self.bound = self.unsynced;
                break;
            }
        }
    }

    fn skip(&mut self) {
        while self.sent.front().is_some_and(|tag| *tag != b'S') {
            self.sent.pop_front();
        }
        self.course = if self.sent.is_empty() { Course::Skipping } else { Course::Plain };
    }

    fn drop_ends(&mut self) {
        while matches!(self.sent.front(), Some(b'c' | b'f')) {
            self.sent.pop_front();
        }
    }
}
