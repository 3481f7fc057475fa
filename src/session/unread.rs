//! A client whose pool is crowded waits with its request unread, in its socket: it is read when a server is there for it,
//! and so is still in the processor's cache when it is passed on. With a thousand clients in the queue that is a good part
//! of the work.
//!
//! Only where the client's last request needed a server whatever was in it (a Query, a Bind of what is prepared), and only
//! for so long: then it is read after all, for its client may have gone, or it may be one that needs no server (`known`).

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::detour::Borrowed;
use super::farewell::Farewell;
use super::request::{Request, says_goodbye, survey};
use super::stay::Session;
use super::worker::UP_WIDE;
use crate::net::Lane;
use crate::observe::snapshot::ClientState;
use crate::pool::lease::{Asked, Denied};
use crate::pool::tidy::LONGEST_UNREAD;
use crate::pool::{Lease, Waiting};
use crate::protocol::frontend;

/// How waiting with an unread request ends.
enum Turn {
    /// With a server, or the reason why there is none.
    Come(Result<Lease, Denied>),
    /// Not yet.
    Waits(Waiting),
}

impl Session {
    /// Whether the client has said something that can wait where it is.
    pub(super) fn can_wait_unread(&self) -> bool {
        self.direct
            && self.lane.is_none()
            && !self.stream.is_tls()
            && self.pool.is_crowded()
            && self.stream.has_spoken()
    }

    /// Whether a request is one that needs a server whatever is in it.
    pub(super) fn is_direct(up: &Lane) -> bool {
        matches!(up.unjudged().first(), Some(&(frontend::QUERY | frontend::BIND)))
    }

    /// A server, or why there is none, and then the request for it. `None` where it turns out to be of another kind, or not
    /// to be complete: then it is kept, and looked at as if nothing had been borrowed for it.
    pub(super) async fn borrow_unread(&mut self, asked_at: Instant) -> Result<Option<Borrowed>, Farewell> {
        self.renew_plan();
        let mut turn = match self.pool.ask(&self.client, asked_at) {
            Asked::Lease(lease) => Turn::Come(Ok(lease)),
            Asked::Denied(denied) => Turn::Come(Err(denied)),
            Asked::Waiting(waiting) => Turn::Waits(waiting),
        };
        if let Turn::Waits(waiting) = &mut turn {
            self.client.set_state(ClientState::Waiting);
            self.client.set_unread(true);
            let come = poll_fn(|_| poll_unread(waiting, asked_at)).await;
            self.client.set_unread(false);
            turn = come.map_or(turn, Turn::Come);
        }
        let mut up = match self.read_now() {
            Ok(Some(up)) => up,
            none => {
                turn.decline();
                return none.map(|_| None);
            }
        };
        let lease = match turn {
            Turn::Come(lease) => lease,
            Turn::Waits(mut waiting) => poll_fn(|cx| self.poll_wait(cx, &mut waiting, &mut up)).await?,
        };
        Ok(Some(self.take_up_lease(lease, up, asked_at)?))
    }

    /// Reads what lies in the socket: a complete request of the kind that was expected. Anything else is kept.
    fn read_now(&mut self) -> Result<Option<Box<Lane>>, Farewell> {
        let mut up = self.worker.lend_up();
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(received) = self.poll_receive(&mut cx, &mut up, UP_WIDE) {
            received?;
        }
        // What a client asked for that has gone since is not done for nobody, unless it said goodbye.
        if self.stream.has_ended() && !says_goodbye(up.unjudged()) {
            return Err(Farewell::Gone);
        }
        if Session::is_direct(&up) && self.wants_to_listen(&up).is_none() && survey(&mut up) == Request::Complete {
            return Ok(Some(up));
        }
        self.direct = false;
        self.keep_or_shelve(up);
        Ok(None)
    }
}

/// Whether its turn has come, or so much time has passed that it is to be read.
fn poll_unread(waiting: &mut Waiting, asked_at: Instant) -> Poll<Option<Result<Lease, Denied>>> {
    match waiting.poll_turn() {
        Poll::Ready(lease) => Poll::Ready(Some(lease)),
        Poll::Pending if asked_at.elapsed() >= LONGEST_UNREAD => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }
}

impl Turn {
    /// The server goes to the next, or the place in the queue is left.
    fn decline(self) {
        if let Turn::Come(Ok(lease)) = self {
            lease.give_back(Instant::now());
        }
    }
}

#[cfg(test)]
#[path = "unread_tests.rs"]
mod tests;
