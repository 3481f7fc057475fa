//! The loop that moves one client's requests to one server and the replies back, both directions at once, from the
//! borrowing of the server until it can be given back. What a message means is judged in `upward` and `downward`.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Instant;

use super::course::Course;
use super::farewell::Farewell;
use super::limits::Standing;
use super::owed::Owed;
use super::stay::Session;
use super::worker::{Exchange, UP_WIDE};
use crate::config::PoolMode;
use crate::net::lane::SLICES;
use crate::net::{Lane, Stream};
use crate::observe::nanos::Nanos;
use crate::pool::client::Word;
use crate::pool::ending::Ending;
use crate::pool::memory::Unnamed;
use crate::pool::parameters::ACCESS;
use crate::pool::{Lease, audit};
use crate::protocol::encode::{self, Complaint};
use crate::protocol::sqlstate;

/// One conversation. Dropped in the middle, it closes the server.
pub(super) struct Relay<'s> {
    pub(super) session: &'s mut Session,
    pub(super) up: Box<Lane>,
    pub(super) exchange: Box<Exchange>,
    /// Until it is given back; then only the last bytes for the client remain.
    pub(super) lease: Option<Lease>,
}

/// Which sockets have nothing more for us in this wake-up.
#[derive(Default)]
struct Dry {
    client: bool,
    server: bool,
}

impl<'s> Relay<'s> {
    /// Begins with a request in `up` that waited since `asked_at`.
    pub(super) fn new(session: &'s mut Session, up: Box<Lane>, lease: Lease, asked_at: Instant) -> Relay<'s> {
        let now = Instant::now();
        let mut exchange = session.worker.lend_exchange();
        exchange.course = Course::begin(now);
        exchange.course.bind(&session.plan);
        exchange.course.times.nanos = session.worker.clock(now).0;
        let waited = now.saturating_duration_since(asked_at);
        session.note_wait(waited);
        exchange.tape.begin(session.worker.observer.shared().is_on(), waited);
        let mut relay = Relay { session, up, exchange, lease: Some(lease) };
        relay.meet_server();
        relay
    }

    fn meet_server(&mut self) {
        self.bring_parameters();
        self.forget_last_values();
        self.guard_ours();
        if self.exchange.dialogue.is_busy() {
            // Behind ours the client's first message begins nothing anew: what was being found out when the last server was given back
            // would seem to be under way here, for ever.
            self.session.statements.iter_mut().for_each(|own| own.rest(false));
        }
        if let Some(lease) = &mut self.lease {
            self.session.client.set_line(Some(lease.server().line.clone()));
        }
    }

    /// Runs until the server is given back.
    pub(super) async fn converse(mut self) -> Result<(), Farewell> {
        // The clock has been read for the beginning.
        let mut woken = false;
        let outcome = poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                self.read_clock();
            }
            self.poll(cx)
        })
        .await;
        if let Err(farewell) = &outcome {
            self.cut_tape(farewell);
            self.give_up();
        }
        let Relay { session, up, exchange, .. } = self;
        session.rested_at = Nanos(exchange.course.times.nanos);
        session.worker.take_exchange(exchange);
        session.keep_or_shelve(up);
        outcome
    }

    /// The server gets the client's parameters in the same write as its request. Whether it had others.
    fn bring_parameters(&mut self) -> bool {
        let Some(lease) = &mut self.lease else { return false };
        let server = lease.server();
        if std::sync::Arc::ptr_eq(&server.memory.parameters, &self.session.parameters) {
            return false;
        }
        if let Some(value) = self.session.follow(&server.memory) {
            self.exchange.down.insert(|out| encode::parameter_status(out, ACCESS, &value));
        }
        let difference = server.memory.parameters.difference(&self.session.parameters);
        server.memory.parameters = self.session.parameters.clone();
        difference.iter().for_each(|sql| self.send_ours(sql, Owed::OurQuery));
        !difference.is_empty()
    }

    /// A Query of ours, which takes the unnamed statement with it as any other does.
    pub(super) fn send_ours(&mut self, sql: &str, owed: Owed) {
        self.up.insert(|out| encode::query(out, sql));
        self.exchange.dialogue.send_ours(owed);
        if let Some(lease) = &mut self.lease {
            lease.server().memory.set_unnamed(Unnamed::None);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Farewell>> {
        if self.exchange.course.version != self.session.pool.version() {
            self.exchange.course.bind(&self.session.pool.plan());
        }
        self.heed().or_else(|farewell| self.end(farewell))?;
        let mut dry = Dry::default();
        loop {
            match self.step(cx, &mut dry) {
                Err(farewell) => self.end(farewell)?,
                Ok(_) if self.is_over() => return Poll::Ready(self.exchange.course.ending.take().map_or(Ok(()), Err)),
                Ok(true) => {}
                Ok(false) if self.sync_for_client() => {}
                Ok(false) => {
                    self.note_stall();
                    self.set_deadline();
                    return Poll::Pending;
                }
            }
        }
    }

    fn read_clock(&mut self) {
        let Exchange { tape, course, .. } = &mut *self.exchange;
        course.times.now = Instant::now();
        if tape.is_on() {
            course.times.nanos = self.session.worker.clock(course.times.now).0;
            tape.go_on(course.times.nanos);
        }
    }

    /// Moves what can be moved; whether there may be more now.
    fn step(&mut self, cx: &mut Context<'_>, dry: &mut Dry) -> Result<bool, Farewell> {
        let (mut sent, mut more) = (false, false);
        if self.goes_on() {
            self.judge_up()?;
            self.answer();
            self.guard_ours();
            sent |= self.write_server(cx)?;
            if !dry.server {
                more |= self.read_server(cx, dry)?;
            }
            more |= self.release()?;
        }
        sent |= self.write_client(cx)?;
        if !self.goes_on() {
            return Ok(more);
        }
        if !dry.client {
            more |= self.read_client(cx, dry)?;
        }
        // Only what was in the way of more makes room for it.
        Ok(more || (sent && (!dry.server || !self.up.unjudged().is_empty())))
    }

    fn goes_on(&self) -> bool {
        self.exchange.course.ending.is_none() && self.lease.is_some()
    }

    /// What the client is told comes after what it is being sent. Where that ends in the middle of a message, nothing can
    /// be said.
    #[cold]
    fn end(&mut self, farewell: Farewell) -> Result<(), Farewell> {
        match farewell {
            Farewell::Told(_) if self.exchange.course.ending.is_some() => {}
            Farewell::Told(complaint) if self.exchange.down.is_mid_frame() => return Err(Farewell::Cut(complaint)),
            Farewell::Told(_) => {
                self.give_up();
                self.exchange.course.ending = Some(farewell);
            }
            _ => return Err(farewell),
        }
        Ok(())
    }

    /// Whether nothing is left to do: no server, or no more talk, and the client has been sent everything.
    fn is_over(&self) -> bool {
        (self.lease.is_none() || self.exchange.course.ending.is_some())
            && self.exchange.down.is_sent()
            && self.exchange.course.flushed
    }

    fn read_client(&mut self, cx: &mut Context<'_>, dry: &mut Dry) -> Result<bool, Farewell> {
        if self.exchange.course.terminating.is_some() || self.exchange.dialogue.is_full() || !self.up.has_room() {
            return Ok(false);
        }
        match self.session.poll_receive(cx, &mut self.up, UP_WIDE) {
            Poll::Ready(received) => received.map(|()| true),
            Poll::Pending => {
                dry.client = true;
                Ok(false)
            }
        }
    }

    fn read_server(&mut self, cx: &mut Context<'_>, dry: &mut Dry) -> Result<bool, Farewell> {
        let (Some(lease), down) = (&mut self.lease, &mut self.exchange.down) else { return Ok(false) };
        if !down.has_room() {
            return Ok(false);
        }
        match lease.server().stream.poll_read(cx, down.room()) {
            Poll::Ready(Ok(count @ 1..)) => {
                down.receive(count);
                self.session.meter().server_received(count);
                self.judge_down()?;
                Ok(true)
            }
            Poll::Ready(end) => {
                self.server_lost(end.err());
                Ok(true)
            }
            Poll::Pending => {
                dry.server = true;
                Ok(false)
            }
        }
    }

    fn write_server(&mut self, cx: &mut Context<'_>) -> Result<bool, Farewell> {
        let Some(lease) = &mut self.lease else { return Ok(false) };
        match write(&mut lease.server().stream, &mut self.up, cx) {
            Ok((0, _)) => Ok(false),
            Ok((sent, _)) => {
                self.session.meter().server_sent(sent);
                Ok(true)
            }
            Err(error) => {
                lease.server().ends(Ending::broke(&error));
                // What the server said before it closed may still be there to read: the reading ends the conversation.
                let waiting = self.up.waiting();
                self.up.send(waiting);
                Ok(false)
            }
        }
    }

    fn write_client(&mut self, cx: &mut Context<'_>) -> Result<bool, Farewell> {
        let (sent, flushed) =
            write(&mut self.session.stream, &mut self.exchange.down, cx).map_err(|_| Farewell::Gone)?;
        self.exchange.course.flushed = flushed;
        if sent > 0 {
            self.session.meter().client_sent(sent);
        }
        if self.exchange.tape.has_news() && self.exchange.down.is_sent() {
            self.tell();
        }
        Ok(sent > 0)
    }

    /// Gives the server back as soon as nothing is owed or open, before the client has been sent the last bytes. Whether
    /// something is to be sent to it first.
    fn release(&mut self) -> Result<bool, Farewell> {
        let Exchange { down, dialogue, .. } = &*self.exchange;
        // A notice may follow ReadyForQuery, and only half of it have arrived.
        let midway = self.up.is_mid_frame() || down.is_mid_frame() || !down.unjudged().is_empty();
        if !dialogue.is_at_rest() || !self.up.is_sent() || midway {
            self.end_if_asked();
            return Ok(false);
        }
        if self.session.mode == PoolMode::Session {
            self.end_if_asked();
            return Ok(false);
        }
        if !self.settle()? {
            return Ok(true);
        }
        if !self.session.client.pins().is_empty() {
            self.end_if_asked();
            self.take_mail()?;
            return Ok(self.bring_parameters());
        }
        self.hand_on();
        Ok(false)
    }

    /// What others have for a client that keeps its server.
    #[cold]
    fn take_mail(&mut self) -> Result<(), Farewell> {
        if self.session.client.mail().is_some() {
            let letters = self.session.letters()?;
            self.exchange.down.insert(|out| out.extend(letters));
        }
        Ok(())
    }

    fn hand_on(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            self.session.client.set_line(None);
            if self.exchange.course.doomed {
                // It has told the client so itself.
                self.exchange.course.ending = Some(Farewell::ServerLost(lease.server().ending.clone()));
            }
            match self.exchange.dialogue.is_damaged() || self.exchange.course.doomed {
                false => audit::give_back(lease, self.exchange.course.times.now),
                true => lease.close("it said what it should not have"),
            }
        }
    }

    /// What the client was told from outside.
    #[inline]
    fn heed(&mut self) -> Result<(), Farewell> {
        match self.session.client.word() {
            Word::None => Ok(()),
            word => self.heed_word(word),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let dialogue = &self.exchange.dialogue;
        let pinned = !self.session.client.pins().is_empty();
        Standing { busy: dialogue.is_busy(), begun: dialogue.has_begun(), pinned }
    }

    fn set_deadline(&self) {
        let (session, course) = (&self.session, &self.exchange.course);
        let next = if course.ending.is_some() {
            Some(course.times.now + super::stay::LAST_WORDS)
        } else if let Some(patience) = self.patience().or(self.last_request_until()) {
            course.limits.next(&course.times, self.standing()).into_iter().chain([patience]).min()
        } else if course.limits.is_any() {
            course.limits.next(&course.times, self.standing())
        } else {
            return;
        };
        match next {
            Some(at) => session.worker.set_deadline(&session.client, at),
            None => session.client.set_deadline(0),
        }
    }

    /// Whether the mode forbids what the client has done.
    pub(super) fn check_mode(&mut self) -> Result<(), Farewell> {
        if self.session.mode == PoolMode::Statement && !self.exchange.dialogue.is_between() {
            return Err(Farewell::told(
                Complaint::fatal(
                    sqlstate::FEATURE_NOT_SUPPORTED,
                    "pgweir allows no transaction blocks in statement pooling mode",
                )
                .hint("Set pool_mode = \"transaction\" for this database or user."),
            ));
        }
        Ok(())
    }
}

/// Writes as much of a lane as the socket takes: how many bytes, and whether all is out.
#[inline]
fn write(stream: &mut Stream, lane: &mut Lane, cx: &mut Context<'_>) -> io::Result<(usize, bool)> {
    if lane.is_sent() && !stream.holds_back() { Ok((0, true)) } else { write_out(stream, lane, cx) }
}

fn write_out(stream: &mut Stream, lane: &mut Lane, cx: &mut Context<'_>) -> io::Result<(usize, bool)> {
    let mut total = 0;
    while !lane.is_sent() {
        let polled = match lane.slice() {
            Some(slice) => stream.poll_write(cx, slice),
            None => {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = lane.slices(&mut slices);
                stream.poll_write_vectored(cx, &slices[..filled])
            }
        };
        match polled {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(count)) => {
                lane.send(count);
                total += count;
            }
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => return Ok((total, false)),
        }
    }
    match stream.poll_flush(cx) {
        Poll::Ready(Ok(())) => Ok((total, true)),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Pending => Ok((total, false)),
    }
}
