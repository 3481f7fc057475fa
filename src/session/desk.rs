//! Where a client's Query, Parse, Bind, Describe and Close are changed so that any server can run them. Pure.
//!
//! A Bind or Describe of a statement that the borrowed server lacks gets its Parse in front. A Parse that the server has
//! already is answered here. What Postgres would refuse is sent on, so that Postgres refuses it in its own words.

use std::sync::{Arc, Mutex};

use super::dialogue::Dialogue;
use super::meaning::Meaning;
use super::owed::{Answer, Heed, Owed};
use super::statements::{MAX_UNNAMED, Statements, may_deallocate, may_drop};
use super::watch::Watch;
use crate::net::Lane;
use crate::pool::catalog::{Catalog, Dialect, PREFIX, Statement, server_name};
use crate::pool::hunt::Suspects;
use crate::pool::memory::{Lack, Memory, StatementId, Unnamed};
use crate::protocol::frame::{HEADER, cut_str};
use crate::protocol::frontend::{self, Bind, Object, Parse};
use crate::protocol::{Frame, TransactionStatus, encode};
use crate::sql::Effects;
use crate::sql::deallocate::deallocated;

/// No driver's names are longer; a Bind that has not shown both of its within this is not from a Postgres client.
const MAX_NAMES: usize = 64 * 1024;

/// The text of a named statement is held for as long as its client is there, so it has a limit; no statement that is worth
/// preparing is near it. An unnamed one streams and has none.
const MAX_NAMED: usize = 16 * 1024 * 1024;

mod checking;
mod deallocate;
mod describing;
mod providing;
mod watching;

use watching::text_of;

/// What judging a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It is on its way, or gone.
    Done,
    /// More of it must arrive first.
    Hold,
    /// It depends on what has not been answered yet.
    Await,
    /// No Postgres client says this; the sentence is for the client.
    Violation(&'static str),
}

/// All that judging a message touches.
pub struct Desk<'a> {
    /// The client's names.
    pub statements: &'a mut Statements,
    /// What the server has.
    pub memory: &'a mut Memory,
    /// What is owed.
    pub dialogue: &'a mut Dialogue,
    /// The bytes on their way to the server.
    pub lane: &'a mut Lane,
    /// What may have been left on the server.
    pub watch: &'a mut Watch,
    /// What it has changed of what its texts mean.
    pub meaning: &'a mut Meaning,
    /// Whether backslashes are escapes everywhere (`standard_conforming_strings = off`).
    pub backslash: bool,
    /// Whether it is a Query that drops prepared statements, and all of it has arrived.
    pub drops: bool,
    /// Whether the client's search_path leads to temporary things.
    pub temporary: bool,
    /// What may leave things behind.
    pub suspects: Suspects<'a>,
    /// What its texts mean now, as statements are told apart by it.
    pub dialect: Dialect,
    /// What the pool knows.
    pub catalog: &'a Mutex<Catalog>,
}

/// What a message is about, read from it before the lane is touched.
enum Subject {
    Named(Arc<Statement>),
    Unknown { is_ours: bool },
    Unnamed,
}

impl Desk<'_> {
    /// Judges the next message, which is a Query, Parse, Bind, Describe or Close. Others pass by `Owed::by`.
    pub fn judge(&mut self) -> Judged {
        let Ok(Some(frame)) = self.lane.frame() else { return Judged::Hold };
        if self.dialogue.is_behind() && self.is_in_doubt(&frame) {
            return Judged::Hold;
        }
        let tag = frame.tag;
        if self.dialogue.is_busy() && self.is_ambiguous() {
            return Judged::Await;
        }
        match tag {
            frontend::PARSE => self.judge_parse(),
            frontend::BIND => self.judge_bind(),
            frontend::DESCRIBE | frontend::CLOSE => self.judge_object(),
            _ => self.judge_query(),
        }
    }

    /// Whether it is not known yet what the statement is that a message names: a reply will tell.
    fn is_in_doubt(&self, frame: &Frame<'_>) -> bool {
        let batch = self.dialogue.batch;
        let in_doubt = |name: &[u8]| {
            if name.is_empty() {
                return self.dialogue.doubts_unnamed();
            }
            let known = self.statements.names.get(name);
            // Another would be sent in its place (`provide`), which may be in doubt as well.
            let has_substitute = |known: &Statement| known.dialect != self.dialect && !self.memory.has(known.id);
            self.statements.is_in_doubt(name, batch)
                || known.is_some_and(|known| self.memory.is_in_doubt(known.id, batch) || has_substitute(known))
        };
        let dropped = |text: Option<&[u8]>| {
            let text = text.and_then(cut_str).map(|(text, _)| text).filter(|text| self.drops || may_deallocate(text));
            text.is_some_and(|text| deallocated(text, self.backslash).iter().any(|found| in_doubt(&found.name)))
        };
        match frame.tag {
            frontend::PARSE if frame.body.first() == Some(&0) => dropped(frame.body.get(1..)),
            frontend::PARSE => Parse::read(frame.body).is_some_and(|parse| in_doubt(parse.name)),
            frontend::BIND => Bind::read(frame.body).is_some_and(|bind| in_doubt(bind.statement)),
            frontend::QUERY => dropped(Some(frame.body)),
            _ => matches!(Object::read(frame.body), Some(Object::Statement(name)) if in_doubt(name)),
        }
    }

    fn judge_parse(&mut self) -> Judged {
        let frame = self.frame();
        match (frame.body.first(), frame.whole()) {
            (None, None) => return self.hold(),
            (Some(0), None) if frame.size > MAX_UNNAMED => return self.stream_unnamed(),
            (Some(1..), None) if frame.size > MAX_NAMED => {
                return Judged::Violation("a named prepared statement is too long for transaction pooling");
            }
            (Some(_), None) => return self.hold(),
            _ => {}
        }
        let Some(parse) = Parse::read(frame.body) else { return self.pass() };
        if parse.name.is_empty() {
            return self.parse_unnamed();
        }
        if let Some(known) = self.statements.names.get(parse.name).cloned() {
            return self.parse_again(known);
        }
        let statement = match self.verify(self.define(parse.definition)) {
            Ok(statement) => statement,
            Err(judged) => return judged,
        };
        let Desk { statements, lane, dialogue, .. } = self;
        if let Ok(Some(frame)) = lane.frame()
            && let Some(parse) = Parse::read(frame.body)
        {
            statements.change(parse.name, Some(statement.clone()), dialogue.batch);
        }
        self.parse_named(&statement)
    }

    fn parse_unnamed(&mut self) -> Judged {
        let Desk { statements, lane, memory, .. } = self;
        if let Ok(Some(frame)) = lane.frame()
            && let Some(definition) = frame.body.get(1..)
        {
            memory.set_unnamed(Unnamed::Stamp(statements.keep_unnamed(definition)));
        }
        if let Some(dropping) = self.dropping(1) {
            return self.deallocate_by_parse(dropping);
        }
        self.pass()
    }

    /// Too long to be seen whole: it passes, and lives only on the server that sees it.
    fn stream_unnamed(&mut self) -> Judged {
        self.statements.unnamed = Vec::new();
        self.statements.effects = Effects::NONE;
        self.watch.cut_off();
        self.memory.set_unnamed(Unnamed::Stamp(self.statements.new_stamp()));
        self.pass()
    }

    /// The name is taken: the server that has the first one says so.
    fn parse_again(&mut self, known: Arc<Statement>) -> Judged {
        let known = self.provide(known);
        self.dialogue.send(frontend::PARSE, Some(Owed::Taken));
        self.rename_parse(&known.name);
        Judged::Done
    }

    fn parse_named(&mut self, statement: &Arc<Statement>) -> Judged {
        let failed = self.dialogue.status() == TransactionStatus::Failed;
        match self.memory.lacks(statement.id) {
            // In a failed transaction Postgres judges the text before it looks at the name, so it must see the text. What
            // is ahead may fail.
            Lack::Nothing if !failed && !self.dialogue.is_behind() => {
                self.dialogue.send(frontend::PARSE, Some(Owed::Answer(Answer::Parsed)));
                let size = self.frame().size;
                self.lane.swallow(size);
            }
            Lack::Parse => self.send_parse(statement),
            Lack::Nothing | Lack::CloseAndParse => {
                self.send_close(statement.id);
                self.send_parse(statement);
            }
        }
        Judged::Done
    }

    fn send_parse(&mut self, statement: &Arc<Statement>) {
        self.make_room(statement.id);
        self.dialogue.send(frontend::PARSE, Some(Owed::Parse(Some(statement.id))));
        self.rename_parse(&statement.name);
    }

    /// Sends the Parse at hand under another name.
    fn rename_parse(&mut self, name: &[u8]) {
        let size = self.frame().size;
        self.lane.replace(size, size, |out, seen| {
            if let Some(parse) = Parse::read(&seen[HEADER..]) {
                encode::parse(out, name, parse.definition);
            }
        });
    }

    fn judge_bind(&mut self) -> Judged {
        let frame = self.frame();
        let Some(bind) = Bind::read(frame.body) else {
            return match frame.whole() {
                Some(_) => self.pass(),
                None if frame.body.len() > MAX_NAMES => Judged::Violation("a Bind's names are too long"),
                None => self.hold(),
            };
        };
        let front = HEADER + bind.front();
        let subject = self.subject(bind.statement);
        if let Subject::Named(statement) = &subject
            && let Some(judged) = self.recheck(statement)
        {
            return judged;
        }
        if !self.effects_of(&subject).without(Effects::CALLS).is_empty() {
            let frame = self.frame();
            if !frame.is_complete() && frame.size <= MAX_NAMED {
                return self.hold();
            }
            self.watch_bind(&subject);
        } else {
            self.pass_bind();
        }
        self.remember(&subject);
        if self.meaning.leads_to_temporary(self.temporary) {
            self.watch.create(text_of(&subject, self.statements));
        }
        self.statements.drop_is_bound = self.effects_of(&subject).contains(Effects::DEALLOCATE)
            || match &subject {
                Subject::Unnamed => may_drop(&self.statements.unnamed),
                Subject::Named(statement) => may_drop(&statement.definition),
                Subject::Unknown { .. } => false,
            };
        self.statements.bound = None;
        match subject {
            Subject::Unnamed => {
                let judged = self.pass_unnamed();
                self.statements.bind_unnamed();
                judged
            }
            Subject::Unknown { is_ours: false } => self.pass(),
            Subject::Unknown { is_ours: true } => self.send_bind(front, &server_name(StatementId::MAX), None),
            Subject::Named(statement) => {
                let statement = self.provide(statement);
                self.note_bound(&statement);
                self.send_bind(front, &statement.name, Some(statement.id))
            }
        }
    }

    fn send_bind(&mut self, front: usize, name: &[u8], id: Option<StatementId>) -> Judged {
        let size = self.frame().size;
        self.dialogue.send(frontend::BIND, Some(Owed::Bind(id)));
        self.lane.replace(front, size, |out, seen| {
            let portal = Bind::read(&seen[HEADER..]).map_or(&b""[..], |bind| bind.portal);
            encode::bind_front(out, portal, name, size - front);
        });
        Judged::Done
    }

    fn judge_object(&mut self) -> Judged {
        let frame = self.frame();
        let Some(body) = frame.whole() else { return self.hold() };
        let tag = frame.tag;
        let name = match Object::read(body) {
            Some(Object::Statement(name)) => name,
            Some(Object::Portal(name)) if tag == frontend::DESCRIBE => return self.describe_portal(name.into()),
            _ => return self.pass(),
        };
        match (tag, self.subject(name)) {
            (frontend::CLOSE, Subject::Unnamed) => {
                self.statements.drop_unnamed();
                self.memory.set_unnamed(Unnamed::None);
                self.pass()
            }
            (frontend::CLOSE, Subject::Unknown { is_ours: false }) => {
                // It may be one of SQL's PREPARE.
                self.watch.close_prepared();
                self.pass()
            }
            (frontend::CLOSE, _) => self.close_named(),
            (_, Subject::Unnamed) => self.pass_unnamed(),
            (_, Subject::Unknown { is_ours: false }) => self.pass(),
            (_, Subject::Unknown { is_ours: true }) => self.send_describe(&server_name(StatementId::MAX), None),
            (_, Subject::Named(statement)) => {
                if let Some(judged) = self.recheck(&statement) {
                    return judged;
                }
                let statement = self.provide(statement);
                self.describe(statement)
            }
        }
    }

    /// The name is the client's, the statement is everybody's: the name goes, the statement stays.
    fn close_named(&mut self) -> Judged {
        let Desk { statements, lane, dialogue, .. } = self;
        let mut size = 0;
        if let Ok(Some(frame)) = lane.frame()
            && let Some(Object::Statement(name)) = Object::read(frame.body)
        {
            size = frame.size;
            statements.change(name, None, dialogue.batch);
        }
        dialogue.send(frontend::CLOSE, Some(Owed::Answer(Answer::Closed)));
        lane.swallow(size);
        Judged::Done
    }

    fn judge_query(&mut self) -> Judged {
        self.statements.drop_unnamed();
        self.memory.set_unnamed(Unnamed::None);
        match self.drops.then(|| self.dropping(0)).flatten() {
            Some(dropping) => self.deallocate_by_query(dropping),
            None => self.pass(),
        }
    }

    fn subject(&self, name: &[u8]) -> Subject {
        match self.statements.names.get(name) {
            _ if name.is_empty() => Subject::Unnamed,
            Some(statement) => Subject::Named(statement.clone()),
            None => Subject::Unknown { is_ours: name.starts_with(PREFIX.as_bytes()) },
        }
    }

    /// Passes a Bind or Describe of the unnamed statement, which must be this client's own or none.
    fn pass_unnamed(&mut self) -> Judged {
        let mine = Unnamed::Stamp(self.statements.stamp);
        let present = self.memory.unnamed();
        if self.statements.stamp == 0 || (present != mine && self.statements.unnamed.is_empty()) {
            if present != Unnamed::None {
                self.dialogue.send_ours(Owed::OurClose(None));
                self.lane.insert(|out| encode::on_statement(out, frontend::CLOSE, b""));
                self.memory.set_unnamed(Unnamed::None);
            }
        } else if present != mine {
            self.dialogue.send_ours(Owed::OurParse(None));
            self.lane.insert(|out| encode::parse(out, b"", &self.statements.unnamed));
            self.memory.set_unnamed(mine);
        }
        self.pass()
    }

    /// Sends the message at hand as it is.
    fn pass(&mut self) -> Judged {
        let (tag, size) = (self.frame().tag, self.frame().size);
        match self.dialogue.send(tag, Owed::by(tag)) {
            Heed::Send => self.lane.forward(size),
            Heed::Ignore => self.lane.swallow(size),
        }
        Judged::Done
    }

    fn hold(&mut self) -> Judged {
        let size = self.frame().size;
        self.lane.hold(size);
        Judged::Hold
    }

    fn frame(&self) -> Frame<'_> {
        self.lane.frame().ok().flatten().expect("judge looked that there is one")
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
