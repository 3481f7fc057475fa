//! What becomes of a client's messages on their way to its server.

use std::sync::Arc;

use super::desk::{Desk, Judged};
use super::farewell::Farewell;
use super::owed::{Heed, Owed};
use super::relay::Relay;
use super::request::refusal;
use super::statements::{Statements, may_drop};
use super::stay::dialect_of;
use super::worker::Exchange;
use crate::config::PoolMode;
use crate::net::Lane;
use crate::pool::memory::Unnamed;
use crate::pool::parameters;
use crate::protocol::{TransactionStatus, encode, frontend};
use crate::sql::Effects;

/// More than this on its way to the server, and no more is judged: a Bind of a few bytes may need a long Parse in front. Nor
/// with more on its way to the client: what we answer ourselves costs it nothing to ask for.
const MOST_WAITING: usize = 1024 * 1024;

/// A Query is read whole up to this; of a longer one, which streams, the tags of its commands tell what it did.
const MOST_READ: usize = 256 * 1024;

impl Relay<'_> {
    /// Judges all that has arrived, as far as it can be judged.
    pub(super) fn judge_up(&mut self) -> Result<(), Farewell> {
        while self.exchange.course.terminating.is_none() {
            let (tag, size) = match self.up.frame() {
                Err(bad) => return Err(Farewell::violation(&bad.to_string())),
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => match refusal(&frame) {
                    Some(why) => return Err(Farewell::violation(&why)),
                    None => (frame.tag, frame.size),
                },
            };
            if tag == frontend::TERMINATE {
                self.exchange.course.terminating = Some(self.exchange.course.times.now);
                break;
            }
            let dialogue = &mut self.exchange.dialogue;
            if self.up.waiting().max(self.exchange.down.waiting()) > MOST_WAITING {
                return Ok(());
            }
            if dialogue.is_full() {
                // What is owed may wait for a Flush or Sync that we do not read before it has come.
                if self.up.is_sent() && !self.up.is_mid_frame() {
                    self.up.insert(|out| encode::bare(out, frontend::FLUSH));
                }
                return Ok(());
            }
            if !dialogue.is_busy() {
                self.begin_statement();
            } else if self.waits_to_restore() || self.waits_to_listen() || self.waits_for_ours() {
                return Ok(());
            }
            let seen = self.look(tag);
            let harmless = seen.as_ref().is_some_and(|seen| seen.harmless);
            match self.judge(tag, size, harmless) {
                Judged::Done => self.flush_behind(tag),
                Judged::Hold | Judged::Await => {
                    seen.into_iter().for_each(|seen| self.exchange.tape.take_back(seen.mark));
                    return Ok(());
                }
                Judged::Violation(why) => return Err(Farewell::violation(why)),
            }
        }
        self.pass_terminate();
        Ok(())
    }

    /// The server has waited for the client until now.
    fn begin_statement(&mut self) {
        let Exchange { dialogue, course, watch, .. } = &mut *self.exchange;
        let times = &mut course.times;
        times.statement = times.now;
        if !dialogue.has_begun() {
            times.transaction = times.now;
        }
        self.session.statements.iter_mut().for_each(|own| own.rest(!dialogue.is_listening()));
        if dialogue.status() != TransactionStatus::Idle {
            self.session.meter().idled_in_transaction(times.now.saturating_duration_since(times.ready));
        }
        if dialogue.status() == TransactionStatus::Open && !dialogue.is_open() && !watch.is_clean() {
            self.restore();
        }
    }

    /// Whether what comes next has to wait until it is known that settings were put back.
    #[inline]
    fn waits_to_restore(&self) -> bool {
        let Exchange { dialogue, watch, .. } = &*self.exchange;
        !watch.is_clean()
            && watch.changed.has_resets()
            && !dialogue.is_open()
            && dialogue.status() != TransactionStatus::Failed
    }

    /// Whether a batch has been sent behind parameters that are not known to be taken. Refused, they keep it from running, and the
    /// next one only if it does not come before we have heard of that.
    #[inline]
    fn waits_for_ours(&self) -> bool {
        self.exchange.dialogue.is_ours() && self.exchange.dialogue.is_behind()
    }

    /// In a transaction the client has put settings back: to what its server started with. It gets what it started with itself.
    #[cold]
    fn restore(&mut self) {
        let (Some(lease), Exchange { watch, dialogue, .. }) = (&mut self.lease, &mut *self.exchange) else { return };
        let (memory, origin) = (&mut lease.server().memory, self.session.origin.clone());
        let resets = watch.changed.take_resets(memory.lost_by_reset(&origin).map(|(name, _)| name));
        let lost: Vec<(&str, &str)> = memory.lost_by_reset(&origin).filter(|(name, _)| resets.contains(name)).collect();
        let Some(sql) = parameters::set_all(lost.iter().copied()) else { return };
        for (name, value) in lost {
            if memory.parameters.reported(name).is_some() {
                Arc::make_mut(&mut memory.parameters).report(name, value);
            }
            watch.changed.restored(dialogue.batch, name, value);
        }
        self.send_ours(&sql, Owed::OurQuery);
    }

    /// In a pipeline the server tells the ends of statements together, with the last: where one may take long its end is
    /// asked for, so that the next is not taken for the slow one. Flush has no reply.
    fn flush_behind(&mut self, tag: u8) {
        if tag != frontend::EXECUTE || !self.exchange.tape.wants_flush() || self.up.is_mid_frame() {
            return;
        }
        let more = self.up.unjudged().first().is_some_and(|next| !matches!(*next, frontend::SYNC | frontend::FLUSH));
        if more && self.exchange.dialogue.is_listening() {
            self.up.insert(|out| encode::bare(out, frontend::FLUSH));
        }
    }

    /// A client that has said goodbye will end no COPY and no batch: the server is told too, says what it has to say, and
    /// closes.
    #[cold]
    fn pass_terminate(&mut self) {
        let dialogue = &self.exchange.dialogue;
        if let Ok(Some(frame)) = self.up.frame()
            && frame.tag == frontend::TERMINATE
            && dialogue.is_open()
            && dialogue.is_busy()
        {
            let size = frame.size;
            self.up.forward(size);
        }
    }

    /// `harmless`: it is a Query that is known to leave nothing behind.
    fn judge(&mut self, tag: u8, size: usize, harmless: bool) -> Judged {
        let shared = self.session.mode != PoolMode::Session;
        match shared && self.exchange.dialogue.is_listening() {
            true => self.judge_shared(tag, size, harmless),
            false => {
                self.make_way_unshared(tag);
                self.pass(tag, size)
            }
        }
    }

    /// On a server that others will have as well.
    fn judge_shared(&mut self, tag: u8, size: usize, harmless: bool) -> Judged {
        let is_query = tag == frontend::QUERY;
        let drops = is_query && self.up.frame().is_ok_and(|query| query.is_some_and(|q| may_drop(q.body)));
        let named = is_query || matches!(tag, frontend::PARSE | frontend::BIND | frontend::DESCRIBE | frontend::CLOSE);
        if named && self.exchange.dialogue.is_dropping() && !is_about_portal(&self.up) {
            return self.await_replies();
        }
        let executes_drop =
            tag == frontend::EXECUTE && self.session.statements.as_ref().is_some_and(|own| own.drop_is_bound);
        let Some(found) = self.watch(tag, size, harmless) else { return Judged::Hold };
        self.note_last_values(found, named);
        if tag == frontend::EXECUTE {
            let Exchange { dialogue, meaning, .. } = &mut *self.exchange;
            let changing = meaning.execute();
            dialogue.expect_change(changing);
            self.make_way(changing);
        }
        self.make_way(found);
        let drops = drops || found.contains(Effects::DEALLOCATE);
        if drops || executes_drop {
            self.exchange.dialogue.expect_drop();
        }
        if named && !(is_query && self.session.statements.is_none() && !drops) {
            return self.judge_named(drops && is_query);
        }
        if is_query && let Some(lease) = &mut self.lease {
            lease.server().memory.set_unnamed(Unnamed::None);
        }
        self.pass(tag, size)
    }

    /// What comes next has to wait for replies, whose Sync may come behind it.
    #[cold]
    fn await_replies(&mut self) -> Judged {
        if self.exchange.dialogue.is_open() && self.up.is_sent() && !self.up.is_mid_frame() {
            self.up.insert(|out| encode::bare(out, frontend::FLUSH));
        }
        Judged::Hold
    }

    /// Looks at what a Query or a FunctionCall may leave behind: the effects of a Query. `None` while not enough of it has
    /// arrived for that.
    fn watch(&mut self, tag: u8, size: usize, harmless: bool) -> Option<Effects> {
        let Exchange { watch, dialogue, meaning, .. } = &mut *self.exchange;
        let Ok(Some(frame)) = self.up.frame() else { return Some(Effects::NONE) };
        match tag {
            frontend::QUERY if frame.is_complete() || size > MOST_READ => {
                let text = frame.body.strip_suffix(&[0]).unwrap_or(frame.body);
                let mut found = Effects::NONE;
                if !harmless {
                    found = watch.query(text, frame.is_complete(), dialogue.moment(self.session.backslash));
                    dialogue.expect_change(meaning.query(found, text, self.session.backslash));
                }
                let calls = found.contains(Effects::CALLS);
                watch.pass(text, calls, self.session.pool.suspects(&self.session.plan.settings));
                if meaning.leads_to_temporary(self.session.temporary) {
                    watch.create(text);
                }
                return Some(found);
            }
            frontend::FUNCTION_CALL if frame.body.len() >= 4 || frame.is_complete() => {
                watch.function(frame.body.first_chunk().map_or(0, |oid| u32::from_be_bytes(*oid)));
            }
            frontend::QUERY | frontend::FUNCTION_CALL => {
                self.up.hold(size);
                return None;
            }
            _ => {}
        }
        Some(Effects::NONE)
    }

    /// A message that names a statement, or a Query of a client that has some.
    fn judge_named(&mut self, drops: bool) -> Judged {
        let (Some(lease), session) = (&mut self.lease, &mut *self.session) else { return Judged::Hold };
        let id = session.client.id;
        let Exchange { watch, dialogue, meaning, .. } = &mut *self.exchange;
        let dialect = match meaning.is_settled() {
            true => dialect_of(&mut session.dialect, &session.pool, &session.parameters),
            false => meaning.dialect(&session.parameters, &session.pool.catalog),
        };
        let mut desk = Desk {
            statements: session.statements.get_or_insert_with(|| Box::new(Statements::new(id))),
            memory: &mut lease.server().memory,
            dialogue,
            lane: &mut self.up,
            watch,
            meaning,
            backslash: session.backslash,
            temporary: session.temporary,
            drops,
            suspects: session.pool.suspects(&session.plan.settings),
            dialect,
            catalog: &session.pool.catalog,
        };
        match desk.judge() {
            Judged::Await => self.await_replies(),
            judged => judged,
        }
    }

    fn pass(&mut self, tag: u8, size: usize) -> Judged {
        match self.exchange.dialogue.send(tag, Owed::by(tag)) {
            Heed::Send => self.up.forward(size),
            Heed::Ignore => self.up.swallow(size),
        }
        Judged::Done
    }
}

/// A Describe or Close of a portal: it names no statement.
fn is_about_portal(up: &Lane) -> bool {
    let Ok(Some(frame)) = up.frame() else { return false };
    matches!(frame.tag, frontend::DESCRIBE | frontend::CLOSE) && frame.body.first() == Some(&b'P')
}
