//! What becomes of a client's messages on their way to its server.

use super::desk::{Desk, Judged};
use super::owed::{Heed, Owed};
use super::relay::Relay;
use super::request::refusal;
use super::statements::{Statements, may_drop};
use super::stay::{Farewell, violation};
use crate::config::PoolMode;
use crate::net::Lane;
use crate::pool::memory::Unnamed;
use crate::protocol::{encode, frontend};

/// More than this on its way to the server, and no more is judged: a Bind of a few bytes may need a long Parse in front.
const MOST_WAITING: usize = 1024 * 1024;

impl Relay<'_> {
    /// Judges all that has arrived, as far as it can be judged.
    pub(super) fn judge_up(&mut self) -> Result<(), Farewell> {
        while !self.exchange.course.terminating {
            let (tag, size) = match self.up.frame() {
                Err(bad) => return Err(violation(&bad.to_string())),
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => match refusal(&frame) {
                    Some(why) => return Err(violation(&why)),
                    None => (frame.tag, frame.size),
                },
            };
            if tag == frontend::TERMINATE {
                self.exchange.course.terminating = true;
                break;
            }
            let dialogue = &mut self.exchange.dialogue;
            if self.up.waiting() > MOST_WAITING {
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
                self.exchange.course.times.statement = self.exchange.course.times.now;
            }
            match self.judge(tag, size) {
                Judged::Done => {}
                Judged::Hold => return Ok(()),
                Judged::Violation(why) => return Err(violation(why)),
            }
        }
        self.pass_terminate();
        Ok(())
    }

    /// A client that has said goodbye will end no COPY and no batch: the server is told too, says what it has to say, and
    /// closes.
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

    fn judge(&mut self, tag: u8, size: usize) -> Judged {
        let Some(lease) = &mut self.lease else { return Judged::Hold };
        let dialogue = &mut self.exchange.dialogue;
        let session = &mut *self.session;
        let named =
            matches!(tag, frontend::PARSE | frontend::BIND | frontend::DESCRIBE | frontend::CLOSE | frontend::QUERY);
        let shared = session.plan.settings.pool_mode != PoolMode::Session;
        let is_query = tag == frontend::QUERY;
        let drops = is_query && self.up.frame().is_ok_and(|query| query.is_some_and(|q| may_drop(q.body)));
        let executes_drop =
            tag == frontend::EXECUTE && session.statements.as_ref().is_some_and(|own| own.drop_is_bound);
        if shared && named && dialogue.is_dropping() && !is_about_portal(&self.up) {
            if dialogue.is_open() && self.up.is_sent() && !self.up.is_mid_frame() {
                // Its Sync may come behind what we hold.
                self.up.insert(|out| encode::bare(out, frontend::FLUSH));
            }
            return Judged::Hold;
        }
        if shared && (drops || executes_drop) {
            dialogue.expect_drop();
        }
        let plain_query = is_query && session.statements.is_none() && !drops;
        if named && shared && !plain_query && dialogue.is_listening() {
            let id = session.client.id;
            let statements = session.statements.get_or_insert_with(|| Box::new(Statements::new(id)));
            let memory = &mut lease.server().memory;
            return Desk { statements, memory, dialogue, lane: &mut self.up, catalog: &session.pool.catalog }.judge();
        }
        if plain_query {
            lease.server().memory.set_unnamed(Unnamed::None);
        }
        match dialogue.send(tag, Owed::by(tag)) {
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
