//! What is over is told to the analyst: statements whose reply the client has taken, those that are cut short, those that
//! got no server.

use std::time::Instant;

use super::bound::Reader;
use super::farewell::Farewell;
use super::relay::Relay;
use super::sight::introduce;
use super::stay::Session;
use super::tape::{Bound, Running, Tape, Whose};
use super::worker::Exchange;
use crate::net::Lane;
use crate::observe::report::Report;
use crate::protocol::frame::cut_str;
use crate::protocol::frontend::{self, Bind, Parse};
use crate::protocol::{Frame, sqlstate};
use crate::sql::digest;

impl Relay<'_> {
    /// The client has taken all that is over.
    pub(super) fn tell(&mut self) {
        let Exchange { tape, course, .. } = &mut *self.exchange;
        self.session.tell(tape, course.times.nanos);
    }

    /// The server waits for a client that does not take what there is.
    pub(super) fn note_stall(&mut self) {
        let Exchange { tape, course, down, .. } = &mut *self.exchange;
        if self.lease.is_some() && !down.has_room() {
            tape.stall(course.times.nanos);
        }
    }

    /// The conversation ends in the middle.
    #[cold]
    pub(super) fn cut_tape(&mut self, farewell: &Farewell) {
        let code = match farewell {
            Farewell::Told(complaint) | Farewell::Cut(complaint) => complaint.sqlstate,
            _ => sqlstate::CONNECTION_FAILURE,
        };
        self.count_cut();
        let Exchange { tape, course, .. } = &mut *self.exchange;
        tape.abort(code, course.times.nanos);
        if tape.has_news() {
            self.session.tell(tape, course.times.nanos);
        }
    }
}

impl Session {
    fn tell(&self, tape: &mut Tape, now: u64) {
        let (observer, client) = (&self.worker.observer, &self.client);
        let whose = Whose { who: self.who, client: client.id, addr: client.addr };
        let shared = observer.shared();
        let look = |report: &Report| {
            shared.known.took(report.reading.digest, report.query);
            shared.is_notable(report)
        };
        observer.record(|batch| tape.tell(batch, whose, now, look));
    }

    /// A request that gets no server is one that waited and failed.
    #[cold]
    pub(super) fn tell_refused(&self, up: &Lane, asked_at: Instant, code: [u8; 5]) {
        if !self.worker.observer.shared().is_on() {
            return;
        }
        let waited = asked_at.elapsed();
        let now = self.worker.clock(Instant::now()).0;
        let (mut tape, bound) = (Tape::default(), self.sight(up));
        tape.begin(true, waited);
        tape.send(Running { bound, batch: 0, sent: now, in_transaction: false, comment: None, most_rows: 0 });
        tape.refuse(code, now);
        self.tell(&mut tape, now);
    }

    /// What a request that gets no server would have run first, and how it stands with its values.
    fn sight(&self, up: &Lane) -> Bound {
        let shared = self.worker.observer.shared();
        let reader = Reader { keys: &shared.keys, keep: shared.parameters() };
        let Ok(Some(frame)) = up.frame() else { return Bound::default() };
        let text = match frame.tag {
            frontend::QUERY => frame.whole().and_then(cut_str).map(|(text, _)| text),
            frontend::PARSE => frame.whole().and_then(Parse::read).map(|parse| parse.query()),
            frontend::BIND => return self.sight_bind(&frame, reader),
            _ => None,
        };
        let Some(text) = text else { return Bound::default() };
        let Some(statement) = digest::statements(text, self.backslash).next() else { return Bound::default() };
        let own = &text[statement.begin..statement.end];
        introduce(&self.worker.observer, &statement.reading, own, self.backslash);
        reader.text(&statement)
    }

    fn sight_bind(&self, frame: &Frame<'_>, reader: Reader<'_>) -> Bound {
        let (Some(bind), Some(own)) = (Bind::read(frame.body), &self.statements) else { return Bound::default() };
        match own.names.get(bind.statement) {
            Some(known) => {
                let lore = known.lore();
                let shape = lore.shape.unwrap_or_default();
                reader.bind(frame.whole(), shape, &lore)
            }
            None => own
                .lore(bind.statement)
                .map_or_else(Bound::default, |lore| reader.bind(frame.whole(), lore.shape.unwrap_or_default(), lore)),
        }
    }
}
