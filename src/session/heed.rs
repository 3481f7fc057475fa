//! What a client was told from outside, by a cancel, a deadline, an operator: at rest, and in the middle of a conversation.

use std::task::Context;
use std::time::Instant;

use super::farewell::Farewell;
use super::relay::Relay;
use super::stay::Session;
use crate::pool::client::Word;
use crate::pool::roster;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

impl Session {
    /// What a client that has no server is told while we wait for it, as it would be at rest. `midway`: a part of a message has been
    /// sent to it.
    pub(super) fn heed_meanwhile(&mut self, cx: &Context<'_>, midway: bool) -> Option<Farewell> {
        self.client.set_waker(cx.waker());
        self.renew_at_rest();
        if self.client.word() == Word::None {
            return None;
        }
        match self.heed_at_rest()? {
            Farewell::Told(complaint) if midway => Some(Farewell::Cut(complaint)),
            farewell => Some(farewell),
        }
    }

    /// What a client at rest was told.
    #[cold]
    pub(super) fn heed_at_rest(&mut self) -> Option<Farewell> {
        match self.client.word() {
            Word::None => None,
            Word::Cancel => {
                self.client.unsay();
                None
            }
            Word::Deadline if self.idle_until().is_none_or(|until| Instant::now() < until) => {
                // It was another deadline's, which had just been reached when the conversation ended.
                self.client.unsay();
                self.set_idle_deadline();
                None
            }
            Word::Deadline => Some(Farewell::told(
                Complaint::fatal(
                    sqlstate::IDLE_SESSION_TIMEOUT,
                    "pgweir closed the connection: the client was idle for too long",
                )
                .detail(format!("client_idle_timeout is {:?}.", self.plan.settings.client_idle_timeout)),
            )),
            Word::Drain | Word::Leave => Some(Farewell::told(shutdown())),
        }
    }
}

impl Relay<'_> {
    /// A cancel is for the client's own: it waits while ours runs in front of that.
    pub(super) fn guard_ours(&mut self) {
        let ours = self.exchange.dialogue.is_ours();
        if std::mem::replace(&mut self.exchange.course.guarded, ours) != ours
            && let Some(lease) = &mut self.lease
        {
            let line = &lease.server().line;
            if ours { line.hold() } else { line.pass() }
        }
    }

    /// In a conversation.
    #[cold]
    pub(super) fn heed_word(&mut self, word: Word) -> Result<(), Farewell> {
        match word {
            Word::None | Word::Drain => Ok(()),
            Word::Leave => Err(Farewell::told(shutdown())),
            Word::Cancel => {
                // It waited when the cancel came, and has been served since.
                self.session.client.unsay();
                if let Some(lease) = &mut self.lease {
                    roster::cancel_now(&lease.server().line);
                }
                Ok(())
            }
            Word::Deadline => {
                self.session.client.unsay();
                if self.exchange.course.ending.is_some() {
                    return Err(Farewell::Gone);
                }
                self.finish_last_request()?;
                let course = &self.exchange.course;
                match course.limits.exceeded(&course.times, self.standing()) {
                    Some(complaint) => Err(Farewell::told(complaint)),
                    None => Ok(()),
                }
            }
        }
    }
}

/// pgweir is stopping, or somebody closes this client.
#[cold]
pub(super) fn shutdown() -> Complaint {
    Complaint::fatal(
        sqlstate::ADMIN_SHUTDOWN,
        "terminating connection: pgweir is shutting down or was told to close it",
    )
    .hint("Connect again; another pgweir may be taking over.")
}
