//! How a conversation ends before its time: the server is lost, or the client leaves, perhaps in the middle of something, or
//! is made to.

use std::io;
use std::time::{Duration, Instant};

use super::farewell::Farewell;
use super::heed::shutdown;
use super::relay::Relay;
use super::worker::Exchange;
use crate::config::PoolMode;
use crate::pool::client::Word;
use crate::pool::ending::Ending;
use crate::pool::tidy::{self, Aftermath};
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// What a client has asked for before its Terminate has so long before those who wait for the server come first.
const LAST_REQUEST: Duration = Duration::from_secs(1);

impl Relay<'_> {
    /// The server closed, broke off, or said what no server says.
    #[cold]
    pub(super) fn server_lost(&mut self, error: Option<io::Error>) {
        let ending = error.as_ref().and_then(Ending::broke);
        let cause = ending.as_ref().map_or("the server closed the connection", Ending::text).to_string();
        self.lease.iter_mut().for_each(|lease| lease.server().ends(ending.clone()));
        self.part(
            "the server closed it",
            &Complaint::fatal(sqlstate::CONNECTION_FAILURE, format!("pgweir lost the server: {cause}"))
                .detail("Whether what ran there took effect is not known.")
                .hint("Connect again and look before you repeat it."),
        );
    }

    /// The server is closed, for this reason, and the client told this.
    pub(super) fn part(&mut self, why: &'static str, complaint: &Complaint) {
        let mut ending = None;
        if let Some(mut lease) = self.lease.take() {
            self.session.client.set_line(None);
            self.untie();
            lease.server().line.pass();
            ending = lease.server().ending.clone();
            lease.close(why);
        }
        // It closes when the client's Terminate has been passed on.
        let asked_to = self.exchange.course.terminating.is_some() && self.exchange.dialogue.is_open();
        let down = &mut self.exchange.down;
        self.exchange.course.ending = Some(Farewell::ServerLost(ending));
        if self.exchange.course.doomed || asked_to || down.is_mid_frame() {
            return;
        }
        self.session.meter().error(complaint.sqlstate);
        down.insert(|out| complaint.encode(out));
    }

    /// The client leaves in the middle, or is made to: what becomes of the server.
    #[cold]
    pub(super) fn give_up(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        self.session.client.set_line(None);
        lease.server().line.pass();
        let (unclean, spoilt) = (self.is_unclean(), self.is_spoilt());
        self.untie();
        let Exchange { down, dialogue, course, .. } = &mut *self.exchange;
        let known = self.up.is_sent() && !self.up.is_mid_frame() && !down.is_mid_frame() && !spoilt;
        // While its parameters are under way they may be this client's or the last one's, and a cancel could hit them.
        if !known || dialogue.is_damaged() || dialogue.is_open() || dialogue.is_ours() || course.doomed {
            let why = "its client left in the middle";
            return if dialogue.is_busy() { tidy::end(lease, why) } else { lease.close(why) };
        }
        dialogue.abandon(&mut lease.server().memory);
        let reset = match self.session.mode {
            PoolMode::Session => Some(self.session.plan.settings.server_reset_query.clone()),
            _ if unclean => Some("DISCARD ALL".to_string()),
            _ => None,
        };
        if dialogue.is_at_rest() && reset.is_none() {
            return lease.give_back(self.exchange.course.times.now);
        }
        let aftermath = Aftermath {
            owed: dialogue.readies_owed(),
            running: dialogue.is_busy(),
            read: down.unjudged().to_vec(),
            reset,
            status: dialogue.status(),
        };
        tidy::recover(lease, aftermath);
    }

    /// Until when what runs for a client that has said Terminate keeps others from their turn.
    pub(super) fn last_request_until(&self) -> Option<Instant> {
        self.exchange.course.terminating.map(|since| since + LAST_REQUEST)
    }

    /// What a client has asked for before its Terminate runs to its end, as Postgres does it, so long as nobody waits for the server:
    /// an app whose requests have timed out leaves so, and would fill the pool with what nobody wants any more.
    #[cold]
    pub(super) fn finish_last_request(&mut self) -> Result<(), Farewell> {
        let now = self.exchange.course.times.now;
        if self.last_request_until().is_some_and(|until| until <= now) {
            if self.session.pool.gauges(now).waiting > 0 {
                return Err(Farewell::Terminated);
            }
            self.exchange.course.terminating = Some(now);
        }
        Ok(())
    }

    /// Terminate, or a drain, while the server waits for the client.
    pub(super) fn end_if_asked(&mut self) {
        let dialogue = &self.exchange.dialogue;
        if dialogue.is_busy() || self.exchange.course.ending.is_some() {
            return;
        }
        let drained = self.session.client.word() == Word::Drain && dialogue.is_at_rest();
        if self.exchange.course.terminating.is_some() {
            self.exchange.course.ending = Some(Farewell::Terminated);
        } else if drained {
            self.exchange.course.ending = Some(Farewell::told(shutdown()));
        }
    }
}
