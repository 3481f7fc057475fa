//! What a client's messages will have the server run, looked at before they pass: for the tape, never for what becomes of
//! them.

use super::bound::Reader;
use std::sync::Mutex;

use super::memo::Subject;
use super::relay::Relay;
use super::statements::Statements;
use super::stay::Session;
use super::tape::{Bound, Mark, Running, Tape};
use super::texts::{Texts, lock};
use crate::config::{Parameters, PoolMode};
use crate::observe::keys::{Keys, Shape};
use crate::observe::known::Sight;
use crate::observe::lore::Lore;
use crate::observe::observer::Observer;
use crate::observe::report::NewText;
use crate::pool::catalog::oids;
use crate::protocol::frame::cut_str;
use crate::protocol::frontend::{self, Bind, Object, Parse};
use crate::protocol::{Frame, TransactionStatus};
use crate::sql::digest::{self, Kind, Reading, Traits};

use super::worker::Exchange;

/// A longer text is not read; it counts as a statement that nobody knows.
const MOST_READ: usize = 256 * 1024;

/// So much of a text that has not been met is told.
const MOST_TOLD: usize = 16 * 1024;

/// Statements of one text that are told apart.
const MOST_STATEMENTS: usize = 1000;

/// Rows are looked at in so many of a client's first messages, however often their shapes have run: one that connects for each
/// request does all that it does then, and its login cost more.
const YOUNG: u8 = 200;

/// A message that was looked at.
pub(super) struct Seen {
    /// What was on the tape before it.
    pub(super) mark: Mark,
    /// It is a Query that is known to leave nothing behind on its server.
    pub(super) harmless: bool,
}

/// A message at hand, and when.
struct Look<'a> {
    frame: Frame<'a>,
    batch: u32,
    now: u64,
    in_transaction: bool,
    backslash: bool,
    /// The client has just come.
    young: bool,
    observer: &'a Observer,
    texts: &'a Mutex<Texts>,
}

impl Relay<'_> {
    /// Looks at the message that is judged next. If it has to wait, [`Tape::take_back`] forgets it.
    #[inline]
    pub(super) fn look(&mut self, tag: u8) -> Option<Seen> {
        if tag == frontend::CLOSE && self.exchange.dialogue.is_listening() {
            self.forget_closed();
        }
        let tape = &self.exchange.tape;
        let seen = matches!(
            tag,
            frontend::QUERY
                | frontend::PARSE
                | frontend::BIND
                | frontend::DESCRIBE
                | frontend::EXECUTE
                | frontend::FUNCTION_CALL
        );
        if !seen || !tape.is_on() || !self.exchange.dialogue.is_listening() {
            return None;
        }
        let mark = tape.mark();
        Some(Seen { mark, harmless: self.look_closer(tag) })
    }

    /// What was learned of a statement, or a portal, goes with it.
    fn forget_closed(&mut self) {
        let Ok(Some(frame)) = self.up.frame() else { return };
        match (frame.whole().and_then(Object::read), &mut self.session.statements) {
            (Some(Object::Statement(name)), Some(own)) => drop(own.lores.remove(name)),
            (Some(Object::Portal(name)), _) => self.exchange.tape.memo.close(name),
            _ => {}
        }
    }

    /// Whether it is a Query that is known to leave nothing behind.
    fn look_closer(&mut self, tag: u8) -> bool {
        let Relay { session, up, exchange, .. } = self;
        let Exchange { tape, dialogue, course, .. } = &mut **exchange;
        let Session { worker, statements, client, backslash, mode, looks, .. } = &mut **session;
        let Ok(Some(frame)) = up.frame() else { return false };
        *looks = looks.saturating_add(1);
        let look = Look {
            frame,
            batch: dialogue.batch,
            now: course.times.nanos,
            in_transaction: dialogue.status() != TransactionStatus::Idle,
            backslash: *backslash,
            young: *looks <= YOUNG,
            observer: &worker.observer,
            texts: &worker.texts,
        };
        let shared = *mode != PoolMode::Session;
        match tag {
            frontend::QUERY => {
                let harmless = look.query(tape);
                client.set_running(tape.running());
                return harmless;
            }
            frontend::EXECUTE => {
                look.execute(tape);
                client.set_running(tape.running());
            }
            frontend::FUNCTION_CALL => {
                look.run(tape, Bound::default(), None);
                client.set_running(tape.running());
            }
            _ => {
                client.set_preparing();
                look.name(tag, tape, statements.get_or_insert_with(|| Box::new(Statements::new(client.id))), shared);
            }
        }
        false
    }
}

impl Look<'_> {
    fn keys(&self) -> &Keys {
        &self.observer.shared().keys
    }

    fn reader(&self) -> Reader<'_> {
        let shared = self.observer.shared();
        Reader { keys: &shared.keys, keep: shared.parameters() }
    }

    /// A message that names a statement.
    fn name(&self, tag: u8, tape: &mut Tape, own: &mut Statements, shared: bool) {
        match tag {
            frontend::PARSE => self.parse(tape, own, shared),
            frontend::BIND => self.bind(tape, own),
            _ => self.describe(tape, own, shared),
        }
    }

    /// Whether it is known to leave nothing behind.
    fn query(&self, tape: &mut Tape) -> bool {
        let body = self.frame.body;
        if !self.frame.is_complete() || body.len() > MOST_READ {
            self.run(tape, Bound::default(), None);
            return false;
        }
        let text = body.strip_suffix(&[0]).unwrap_or(body);
        let off = self.reader().keep == Parameters::Off;
        if off && let Some((bound, harmless)) = lock(self.texts).outlines.bound(text, self.keys()) {
            let sight = self.meet(&bound.reading, text);
            self.run(tape, Bound { capture: sight.capture, ..bound }, None);
            return harmless;
        }
        let mut statements = digest::statements(text, self.backslash);
        for statement in statements.by_ref().take(MOST_STATEMENTS) {
            let bound = self.reader().text(&statement);
            let sight = self.meet(&bound.reading, &text[statement.begin..statement.end]);
            self.run(tape, Bound { capture: sight.capture, ..bound }, None);
        }
        if let Some(comment) = statements.comment() {
            tape.comment(comment);
        }
        false
    }

    /// What is known of a shape that runs; tells a text that has not been met.
    fn meet(&self, reading: &Reading, text: &[u8]) -> Sight {
        let sight = self.observer.shared().known.run(reading.digest);
        if sight.new {
            tell_text(self.observer, reading, text, self.backslash);
        }
        self.with_rows(sight, reading)
    }

    /// Rows are looked at of statements that return some.
    fn with_rows(&self, sight: Sight, reading: &Reading) -> Sight {
        let returns = reading.kind == Kind::Select || reading.traits.has(Traits::RETURNING);
        Sight { capture: (sight.capture || self.young) && returns, ..sight }
    }

    fn run(&self, tape: &mut Tape, bound: Bound, comment: Option<Box<[u8]>>) {
        let Look { batch, now: sent, in_transaction, .. } = *self;
        tape.send(Running { bound, batch, sent, in_transaction, comment, most_rows: 0 });
    }

    fn parse(&self, tape: &mut Tape, own: &mut Statements, shared: bool) {
        let Some(parse) = self.frame.whole().and_then(Parse::read) else {
            own.unnamed_lore = Lore::default();
            return;
        };
        let mut comment = None;
        let (query, types) = cut_str(parse.definition).unwrap_or((parse.definition, b""));
        let shape = lock(self.texts).shape(query, self.keys(), || {
            let (shape, found) = self.read(query);
            comment = found;
            if found.is_none() { Ok(shape) } else { Err(shape) }
        });
        tape.memo.parse(self.batch, shape.reading, comment, self.now);
        if !parse.name.is_empty() && shared {
            // The pool knows it, and reads it when it is bound.
            return;
        }
        introduce(self.observer, &shape.reading, query, self.backslash);
        let Some(lore) = own.lore_mut(parse.name) else { return };
        lore.shape = Some(shape);
        lore.columns = None;
        lore.types.clear();
        lore.types.extend(oids(types));
    }

    /// The first statement of a text, and its comment: a text that is parsed has only one.
    fn read<'t>(&self, text: &'t [u8]) -> (Shape, Option<&'t [u8]>) {
        let mut statements = digest::statements(text, self.backslash);
        let shape = statements.next().map(|statement| self.keys().shape(&statement)).unwrap_or_default();
        statements.by_ref().take(MOST_STATEMENTS).for_each(drop);
        (shape, statements.comment())
    }

    fn bind(&self, tape: &mut Tape, own: &mut Statements) {
        let Some(bind) = Bind::read(self.frame.body) else { return };
        let (bound, sight) = match own.names.get(bind.statement) {
            Some(known) => {
                let mut lore = known.lore();
                let shape = *lore.shape.get_or_insert_with(|| self.read(known.query()).0);
                let sight = self.meet(&shape.reading, known.query());
                (self.reader().bind(self.frame.whole(), shape, &lore), sight)
            }
            None => {
                let unknown = Lore::default();
                let lore = own.lore(bind.statement).unwrap_or(&unknown);
                let shape = lore.shape.unwrap_or_default();
                let sight = self.observer.shared().known.run(shape.reading.digest);
                (self.reader().bind(self.frame.whole(), shape, lore), self.with_rows(sight, &shape.reading))
            }
        };
        tape.memo.bind(bind.portal, Bound { capture: sight.capture, flush: sight.flush, ..bound });
    }

    fn describe(&self, tape: &mut Tape, own: &Statements, shared: bool) {
        let subject = match self.frame.whole().and_then(Object::read) {
            Some(Object::Statement(b"")) => Subject::Unnamed,
            Some(Object::Statement(name)) => match own.names.get(name) {
                Some(known) if shared => Subject::Statement(known.clone()),
                _ => Subject::Own(name.into()),
            },
            _ => Subject::Portal,
        };
        tape.memo.describe(self.batch, subject);
    }

    fn execute(&self, tape: &mut Tape) {
        let (name, rest) = cut_str(self.frame.body).unwrap_or_default();
        let bound = tape.memo.portal(name).cloned().unwrap_or_default();
        let comment = tape.memo.take_comment(self.batch);
        let most_rows = rest.first_chunk().map_or(0, |rows| u32::from_be_bytes(*rows));
        let Look { batch, now: sent, in_transaction, .. } = *self;
        tape.send(Running { bound, batch, sent, in_transaction, comment, most_rows });
    }
}

/// A text that will run, or not.
pub(super) fn introduce(observer: &Observer, reading: &Reading, text: &[u8], backslash: bool) {
    if !observer.shared().known.has(reading.digest) {
        tell_text(observer, reading, text, backslash);
    }
}

#[cold]
fn tell_text(observer: &Observer, reading: &Reading, text: &[u8], backslash: bool) {
    let (reading, text) = (*reading, text[..text.len().min(MOST_TOLD)].into());
    observer.record(|batch| batch.texts.push(NewText { reading, text, backslash }));
    observer.shared().known.meet(reading.digest);
}
