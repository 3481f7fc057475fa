//! How one goes who does not come in: it hears why, if there is something to hear, and that the connection ends.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use tracing::warn;

use super::Guest;
use crate::session::stay::LAST_WORDS;
use crate::session::turned::{self, Awaited, Turned};

impl Guest {
    /// Its time is up.
    pub(super) fn late(&self, limit: Duration) -> Turned {
        match &self.awaited {
            // It was being asked.
            Awaited::Proof if !self.talk.out.is_empty() => turned::late(&Awaited::Reading, limit, Instant::now()),
            awaited => turned::late(awaited, limit, Instant::now()),
        }
    }

    pub(super) async fn turn_away(mut self, turned: Turned) {
        self.part(&turned).await;
        let (reason, why) = match turned {
            Turned::Cancelled | Turned::Nobody => return,
            Turned::Gone(reason, why) | Turned::Away(reason, _, why) => (reason, why),
        };
        self.lobby.rejections.count(reason);
        warn!(
            event = "client_login_failed",
            database = self.database,
            user = self.user,
            addr = %self.from,
            reason = reason.as_str(),
            error = why
        );
    }

    /// TLS has a word for the end. One that is missing is an error to the other side: libpq says so of a cancel.
    async fn part(&mut self, turned: &Turned) {
        let Guest { talk, worker, .. } = self;
        if let Turned::Away(_, complaint, _) = turned {
            complaint.encode(&mut talk.out);
            let _ = worker.alarms.within(LAST_WORDS, pin!(talk.flush())).await;
        } else if !talk.stream.is_tls() {
            return;
        }
        let goodbye = poll_fn(|cx| talk.stream.poll_shutdown(cx));
        let _ = worker.alarms.within(LAST_WORDS, goodbye).await;
    }
}
