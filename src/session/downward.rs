//! What becomes of a server's messages on their way to its client: judged by their headers, rows in runs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::errors::stale_plan;
use super::farewell::Farewell;
use super::owed::{Owed, Tally, Verdict, write_answer};
use super::relay::Relay;
use super::replies::Reply;
use super::worker::Exchange;
use crate::config::PoolMode;
use crate::pool::parameters::names_temporary;
use crate::protocol::backend;
use crate::protocol::{Frame, TransactionStatus, encode};

/// An ErrorResponse, CommandComplete or ParameterStatus is looked at whole up to this; longer ones pass unread.
const MOST_HELD: usize = 1024 * 1024;

/// A longer row is not looked at, so that it need not be held.
const MOST_SHOWN: usize = 8 * 1024;

/// What is to be done with the frame at hand.
pub(super) enum Step {
    /// All of this tag in a row.
    Run(u8),
    Forward(usize),
    Swallow(usize),
    /// An error that names a statement of ours.
    Rename(usize),
    /// An error in place of which the client hears why its statement is refused.
    Refuse(usize),
    /// A ParameterStatus that is to say this.
    Restate(usize, String, String),
    /// Part of the answer to a question of ours: its size, its tag.
    Answer(usize, u8),
    Hold(usize),
}

impl Relay<'_> {
    /// Judges all that has arrived.
    pub(super) fn judge_down(&mut self) -> Result<(), Farewell> {
        while self.lease.is_some() {
            let next = self.answer();
            let step = match self.exchange.down.frame() {
                Ok(None) => break,
                Ok(Some(frame)) if backend::is_known(frame.tag) => match next {
                    _ if !frame.is_complete() && needs_all(&frame, next) => Step::Hold(frame.size),
                    Some(Owed::Query | Owed::Execute) if is_row(frame.tag) => Step::Run(frame.tag),
                    _ => self.judge_reply(next),
                },
                Ok(Some(_)) | Err(_) => {
                    self.server_lost(Some(std::io::Error::other("it sent what is not the Postgres protocol")));
                    return Ok(());
                }
            };
            let down = &mut self.exchange.down;
            match step {
                Step::Run(backend::ROW) if self.exchange.tape.wants_rows() => {
                    if !self.show_rows() {
                        break;
                    }
                }
                Step::Run(tag) => {
                    let size = down.forward_run(tag);
                    self.exchange.tape.pass(size);
                }
                Step::Forward(size) => down.forward(size),
                Step::Swallow(size) => down.swallow(size),
                Step::Rename(size) => self.rename(size),
                Step::Refuse(size) => down.replace(size, size, |out, _| stale_plan(out)),
                Step::Restate(size, name, value) => {
                    down.replace(size, size, |out, _| encode::parameter_status(out, &name, &value));
                }
                Step::Answer(size, tag) => {
                    down.swallow(size);
                    if tag == backend::READY {
                        self.take_answer()?;
                    }
                }
                Step::Hold(size) => {
                    down.hold(size);
                    break;
                }
            }
        }
        self.guard_ours();
        self.account();
        self.check_mode()
    }

    fn judge_reply(&mut self, next: Option<Owed>) -> Step {
        if let Some(Owed::Describe(Some(_)) | Owed::OurDescribe) = next {
            self.hear_description(next);
        }
        let Exchange { down, dialogue, watch, settling, tape, course, .. } = &mut *self.exchange;
        let (Ok(Some(frame)), Some(lease)) = (down.frame(), &mut self.lease) else { return Step::Hold(0) };
        let (ours, asked) = (next == Some(Owed::OurQuery), next == Some(Owed::OurQuestion));
        let batch = dialogue.answering();
        let verdict = dialogue.receive(&frame, &mut lease.server().memory);
        if tape.is_on() && !ours && !asked && verdict == Verdict::Forward {
            let (worker, now) = (&self.session.worker, course.times.nanos);
            let (keys, texts) = (&worker.observer.shared().keys, &worker.texts);
            let reply = Reply { frame, batch, is_query: next == Some(Owed::Query), now, keys, texts };
            tape.hear(&reply, self.session.statements.as_deref_mut());
        }
        match frame.tag {
            // What is told between answers is for the client, whoever asks.
            _ if asked && !matches!(frame.tag, backend::NOTIFICATION | backend::PARAMETER_STATUS) => {
                Relay::hear_answer(settling, &frame);
                return Step::Answer(frame.size, frame.tag);
            }
            backend::NOTIFICATION if self.session.hears_of(frame.body) => return Step::Swallow(frame.size),
            backend::PARAMETER_STATUS if ours => return self.judge_own_parameter(),
            backend::PARAMETER_STATUS => return self.judge_parameter(),
            // One that is closing has refused nothing, and says itself why it closes.
            backend::ERROR if ours && !backend::is_fatal(frame.body) => return self.refused(),
            backend::ERROR => {
                if verdict == Verdict::Forward {
                    // With all that was skipped up to the next Sync.
                    watch.failed(dialogue.answering());
                }
                return self.judge_error(verdict, next);
            }
            backend::COMPLETE if !ours && !watch.is_clean() => {
                watch.completed(backend::command_tag(frame.body), next == Some(Owed::Execute), batch)
            }
            _ => {}
        }
        // ReadyForQuery would tell the client that its BEGIN was taken, just before it is told that it was not.
        let forbidden = self.session.mode == PoolMode::Statement && !dialogue.is_between();
        match verdict {
            Verdict::Forward if forbidden && frame.tag == backend::READY => Step::Swallow(frame.size),
            Verdict::Forward => Step::Forward(frame.size),
            Verdict::Swallow => Step::Swallow(frame.size),
        }
    }

    /// What a statement is, of which that is not known, or no longer for certain.
    #[cold]
    fn hear_description(&mut self, next: Option<Owed>) {
        let (Ok(Some(frame)), Some(own)) = (self.exchange.down.frame(), &mut self.session.statements) else { return };
        let (Some(body), true) = (frame.whole(), is_description(frame.tag)) else { return };
        let described = own.described.get_or_insert_default();
        if let Some(Owed::Describe(Some(id))) = next {
            return described.hear_asked(id, frame.tag, body);
        }
        if let (Some(changed), Some(lease)) = (described.hear_checked(frame.tag, body), &mut self.lease) {
            lease.server().memory.unsure(changed.id);
            // Where nobody has seen that tables changed, it is seen now.
            let mut catalog = self.session.pool.catalog.lock().unwrap_or_else(PoisonError::into_inner);
            if changed.is_of(catalog.era()) {
                catalog.redefine();
            }
        }
    }

    /// Rows that the tape looks at. Whether there may be more to judge now.
    fn show_rows(&mut self) -> bool {
        let Exchange { down, tape, .. } = &mut *self.exchange;
        let size = tape.read_rows(down.unjudged(), &self.session.worker.observer.shared().keys);
        tape.pass(size);
        down.forward(size);
        match down.frame() {
            Ok(Some(frame)) if frame.tag == backend::ROW && tape.wants_rows() && frame.size > MOST_SHOWN => {
                tape.skip_rows()
            }
            Ok(Some(frame)) if frame.tag == backend::ROW && tape.wants_rows() => {
                let size = frame.size;
                down.hold(size);
                return false;
            }
            _ => {}
        }
        true
    }

    /// A parameter has changed, for the client and on its server; or on the server only, where the client is to have what it
    /// started with and the server has what servers start with.
    #[cold]
    fn judge_parameter(&mut self) -> Step {
        let Ok(Some(frame)) = self.exchange.down.frame() else { return Step::Hold(0) };
        let size = frame.size;
        let Some((name, value)) = backend::parameter_status(frame.body) else { return Step::Forward(size) };
        let (name, value) = (name.to_string(), value.to_string());
        let own = self.restarted(&name, &value);
        self.heed_operator(&name, &value);
        let wanted = own.as_ref().unwrap_or(&value);
        let Some(lease) = &mut self.lease else { return Step::Hold(0) };
        let (parameters, before) = (&mut lease.server().memory.parameters, self.session.parameters.reported(&name));
        let (known, parted) = (before == Some(wanted), parameters.reported(&name) != before);
        Arc::make_mut(parameters).report(&name, &value);
        if !known {
            Arc::make_mut(&mut self.session.parameters).report(&name, wanted);
            self.note_parameter(&name, wanted);
        }
        match own {
            // It had been put back for the server alone, and the client has it all the time.
            own if known && (parted || own.is_some()) => Step::Swallow(size),
            None => Step::Forward(size),
            Some(own) => Step::Restate(size, name, own),
        }
    }

    /// What the client started with, where a setting was put back to what sessions start with: the server reports what *it*
    /// started with.
    fn restarted(&mut self, name: &str, value: &str) -> Option<String> {
        let own = self.session.origin.reported(name).filter(|own| *own != value)?;
        let (lease, batch) = (self.lease.as_mut()?, self.exchange.dialogue.answering());
        let restarted =
            lease.server().memory.starts_with(name, value) && self.exchange.watch.changed.resets(name, batch);
        restarted.then(|| own.to_string())
    }

    /// What others than the client want to know of its parameters.
    fn note_parameter(&mut self, name: &str, value: &str) {
        self.session.dialect = None;
        match name {
            "application_name" => {
                self.session.client.set_application_name(value);
                self.session.renew_who();
            }
            "standard_conforming_strings" => self.session.backslash = value == "off",
            "search_path" => self.session.temporary = names_temporary(value),
            _ => {}
        }
    }

    /// Gives the answers of ours whose turn has come, after what has been judged so far. What the next reply answers.
    #[inline]
    pub(super) fn answer(&mut self) -> Option<Owed> {
        match self.exchange.dialogue.next() {
            Some(Owed::Answer(_) | Owed::CopyEnd) => {
                self.answer_now();
                self.exchange.dialogue.next()
            }
            next => next,
        }
    }

    #[cold]
    fn answer_now(&mut self) {
        let Exchange { down, dialogue, .. } = &mut *self.exchange;
        if down.is_mid_frame() {
            return;
        }
        let mut given = false;
        while let Some(answer) = dialogue.answer() {
            down.insert(|out| write_answer(out, answer));
            given = true;
        }
        if given {
            // Not with the next reply of the server: a client may never ask for one.
            self.settle_names();
        }
    }

    /// Tells the client's statements what has become of its changes of names.
    fn settle_names(&mut self) {
        for change in self.exchange.dialogue.settled() {
            self.session.statements.iter_mut().for_each(|statements| statements.settle(change));
        }
    }

    /// Counts what has been completed, and settles the client's names.
    fn account(&mut self) {
        self.settle_names();
        let dialogue = &mut self.exchange.dialogue;
        let tally = dialogue.take_tally();
        if tally.redefined {
            self.session.pool.redefine();
        }
        if tally.functions {
            self.session.pool.meet_functions();
        }
        if tally.named {
            self.session.pool.hope();
        }
        if tally.altered {
            self.session.pool.restart();
        }
        if !dialogue.is_busy() {
            self.exchange.course.times.ready = self.exchange.course.times.now;
        }
        if tally != Tally::default() {
            self.count(tally);
        }
        self.show_running(tally != Tally::default());
    }

    /// Says what the server runs now, if that may be something else.
    fn show_running(&self, has_ended: bool) {
        let Exchange { tape, dialogue, .. } = &*self.exchange;
        let (client, is_over) = (&self.session.client, !dialogue.is_busy());
        if !tape.is_on() {
            return;
        }
        match tape.running() {
            None if is_over && dialogue.status() == TransactionStatus::Idle => client.set_at_rest(),
            running if has_ended || is_over => client.set_running(running),
            _ => {}
        }
    }

    /// What runs, and the transaction that it is in, will not be heard of any more.
    pub(super) fn count_cut(&mut self) {
        let dialogue = &self.exchange.dialogue;
        let is_cut = dialogue.is_busy() || dialogue.status() != TransactionStatus::Idle;
        let (statements, transactions) = (u32::from(dialogue.is_busy()), u32::from(is_cut));
        self.count(Tally { statements, transactions, ..Tally::default() });
    }

    fn count(&mut self, tally: Tally) {
        let now = self.exchange.course.times.now;
        let (meter, client) = (self.session.meter(), &self.session.client);
        let drained = Duration::from_nanos(self.exchange.tape.take_drained());
        let took = now.saturating_duration_since(self.exchange.course.times.statement);
        // Of those that were heard of together none is known to have taken longer than the others.
        let each = took.saturating_sub(drained) / tally.statements.max(1);
        for _ in 0..tally.statements {
            meter.queried(each);
            client.spent(Duration::ZERO, each);
        }
        client.queries.add(u64::from(tally.statements));
        client.transactions.add(u64::from(tally.transactions));
        let took = now.saturating_duration_since(self.exchange.course.times.transaction);
        let each = took / tally.transactions.max(1);
        for _ in 0..tally.transactions {
            meter.transacted(each);
        }
        self.exchange.course.times.statement = now;
        if tally.transactions > 0 && self.exchange.dialogue.status() == TransactionStatus::Idle {
            self.exchange.course.times.transaction = now;
        }
    }
}

fn is_row(tag: u8) -> bool {
    matches!(tag, backend::ROW | backend::COPY_DATA)
}

/// Whether a frame must be whole to be judged.
fn needs_all(frame: &Frame<'_>, next: Option<Owed>) -> bool {
    let read = matches!(
        frame.tag,
        backend::ERROR | backend::PARAMETER_STATUS | backend::COMPLETE | backend::READY | backend::NOTIFICATION
    );
    let described = matches!(next, Some(Owed::Describe(Some(_)) | Owed::OurDescribe)) && is_description(frame.tag);
    ((read || described) && frame.size <= MOST_HELD) || next == Some(Owed::OurQuestion)
}

fn is_description(tag: u8) -> bool {
    matches!(tag, backend::PARAMETER_DESCRIPTION | backend::ROW_DESCRIPTION | backend::NO_DATA)
}
