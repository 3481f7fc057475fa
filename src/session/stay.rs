//! A client's stay, read from top to bottom: wait for a request, borrow a server, converse, give back; until it leaves.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tracing::info;

use super::detour::{Borrowed, Detour};
use super::farewell::Farewell;
use super::listen::Hearing;
use super::relay::Relay;
use super::request::{Request, says_goodbye, survey};
use super::statements::Statements;
use super::welcome::Place;
use super::worker::{UP_WIDE, Worker};
use crate::config::PoolMode;
use crate::net::{Lane, Stream, talk};
use crate::observe::counters::PoolMeter;
use crate::observe::nanos::Nanos;
use crate::observe::rejections::Rejections;
use crate::observe::snapshot::ClientState;
use crate::observe::who::WhoId;
use crate::pool::catalog::Dialect;
use crate::pool::client::Word;
use crate::pool::ending::Ending;
use crate::pool::lease::{Asked, Denied};
use crate::pool::parameters::Parameters;
use crate::pool::{Client, Lease, Plan, Pool, Quota, Roster, Waiting};

/// A client that is logged in.
#[derive(Debug)]
pub struct Session {
    pub(super) stream: Stream,
    pub(super) client: Arc<Client>,
    pub(super) pool: Arc<Pool>,
    pub(super) worker: Arc<Worker>,
    pub(super) plan: Arc<Plan>,
    /// That of the plan, but for one that would lose its prepared statements by it.
    pub(super) mode: PoolMode,
    /// The parameters that it believes to have.
    pub(super) parameters: Arc<Parameters>,
    /// Those that it started with, and goes back to with RESET.
    pub(super) origin: Arc<Parameters>,
    /// What its texts mean under these parameters, once that was needed.
    pub(super) dialect: Option<Dialect>,
    /// Whether backslashes are escapes in all its strings.
    pub(super) backslash: bool,
    /// Whether its search_path leads to temporary things.
    pub(super) temporary: bool,
    /// How many of its messages were looked at, as far as that matters.
    pub(super) looks: u8,
    /// Its prepared statements; most clients have none.
    pub(super) statements: Option<Box<Statements>>,
    /// What it has said and nobody has dealt with.
    pub(super) lane: Option<Box<Lane>>,
    /// What it hears through its pool.
    pub(super) hearing: Option<Box<Hearing>>,
    /// Database, user, application and address under one number.
    pub(super) who: WhoId,
    /// Its last request was of a kind that may wait unread.
    pub(super) direct: bool,
    /// When it last got what it asked for.
    pub(super) rested_at: Nanos,
    /// The process of the server that it had last.
    pub(super) last_server: u32,
    /// Takes it off all lists, however it ends.
    pub(super) stay: Stay,
}

/// A client's place on the lists that count it.
#[derive(Debug)]
pub struct Stay {
    pub(super) roster: Arc<Roster>,
    pub(super) rejections: Arc<Rejections>,
    quotas: [Arc<Quota>; 2],
    id: u32,
    /// Its place among the worker's clients and `max_clients`.
    pub(super) place: Option<Place>,
}

/// What a client that was at rest wants.
#[derive(Debug)]
pub(super) enum Wish {
    /// What this complete request says.
    Read(Box<Lane>),
    /// What lies in its socket.
    Unread,
    /// Nothing, but others have something for it.
    Mail,
}

/// A client that does not take our last words within this is not listening.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

impl Stay {
    /// Enters a client whose quotas have been taken.
    pub fn begin(client: &Arc<Client>, pool: &Pool, roster: Arc<Roster>, rejections: Arc<Rejections>) -> Stay {
        roster.enter(client.clone());
        Stay { roster, rejections, quotas: pool.clients.clone(), id: client.id, place: None }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.roster.leave(self.id);
        self.quotas.iter().for_each(|quota| quota.give());
    }
}

impl Session {
    /// This worker's numbers of this pool.
    #[inline]
    pub(super) fn meter(&self) -> &PoolMeter {
        self.pool.meter(self.worker.index)
    }

    /// The client calls itself something else.
    pub(super) fn renew_who(&mut self) {
        self.who = self.worker.observer.shared().whos.number(self.client.who());
    }

    /// From the first request to the last.
    pub async fn run(mut self: Box<Self>) {
        let Err(farewell) = self.stay().await;
        Box::pin(self.leave(farewell)).await;
    }

    async fn stay(&mut self) -> Result<std::convert::Infallible, Farewell> {
        loop {
            let wish = self.request().await?;
            let asked_at = Instant::now();
            let borrowed = match wish {
                Wish::Mail => Err(Box::new(Detour::Mail)),
                Wish::Unread => match self.borrow_unread(asked_at).await? {
                    Some(borrowed) => borrowed,
                    None => continue,
                },
                Wish::Read(up) => match self.needs_server(up) {
                    Ok(up) => self.borrow(up, asked_at).await?,
                    Err(detour) => Err(detour),
                },
            };
            match borrowed {
                Ok((up, lease)) => Relay::new(self, up, lease, asked_at).converse().await?,
                Err(detour) => self.take(detour).await?,
            }
        }
    }

    /// Rests until a request is complete. A client at rest holds no buffer.
    async fn request(&mut self) -> Result<Wish, Farewell> {
        self.client.set_state(ClientState::Idle);
        self.set_idle_deadline();
        let wish = poll_fn(|cx| self.poll_request(cx)).await?;
        self.client.set_deadline(0);
        Ok(wish)
    }

    /// From now on it is the client that is waited for.
    fn begin_rest(&mut self) {
        self.rested_at = self.worker.clock(Instant::now());
        self.set_idle_deadline();
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<Wish, Farewell>> {
        self.client.set_waker(cx.waker());
        self.renew_at_rest();
        if self.client.mail().is_some() {
            return Poll::Ready(Ok(Wish::Mail));
        }
        if self.client.word() == Word::None && self.can_wait_unread() {
            return Poll::Ready(Ok(Wish::Unread));
        }
        let mut lane = self.lane.take().unwrap_or_else(|| self.worker.lend_up());
        loop {
            if !lane.is_empty() {
                match survey(&mut lane) {
                    Request::Complete => {
                        self.direct = Session::is_direct(&lane);
                        return Poll::Ready(Ok(Wish::Read(lane)));
                    }
                    Request::Terminate => return Poll::Ready(Err(Farewell::Terminated)),
                    Request::Violation(why) => return Poll::Ready(Err(Farewell::violation(&why))),
                    Request::Incomplete => {}
                }
            }
            if self.client.word() != Word::None
                && let Some(farewell) = self.heed_at_rest()
            {
                return Poll::Ready(Err(farewell));
            }
            match self.poll_receive(cx, &mut lane, UP_WIDE) {
                Poll::Ready(received) => received?,
                Poll::Pending => {
                    self.keep_or_shelve(lane);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Receives something of the client's. If that fills the lane it grows to `most`.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut Lane,
        most: usize,
    ) -> Poll<Result<(), Farewell>> {
        match ready!(self.stream.poll_read(cx, lane.room())) {
            Ok(count @ 1..) => {
                lane.receive_wide(count, most);
                self.meter().client_received(count);
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Err(Farewell::Gone)),
        }
    }

    /// A server, or why there is none.
    pub(super) async fn borrow(&mut self, mut up: Box<Lane>, asked_at: Instant) -> Result<Borrowed, Farewell> {
        self.renew_plan();
        let mut waiting = match self.pool.ask(&self.client, asked_at) {
            Asked::Lease(lease) => return self.take_up_lease(Ok(lease), up, asked_at),
            Asked::Denied(denied) => return self.take_up_lease(Err(denied), up, asked_at),
            Asked::Waiting(waiting) => waiting,
        };
        self.client.set_state(ClientState::Waiting);
        let lease = poll_fn(|cx| self.poll_wait(cx, &mut waiting, &mut up)).await?;
        self.take_up_lease(lease, up, asked_at)
    }

    pub(super) fn take_up_lease(
        &mut self,
        lease: Result<Lease, Denied>,
        up: Box<Lane>,
        asked_at: Instant,
    ) -> Result<Borrowed, Farewell> {
        match lease {
            Ok(mut lease) => {
                self.client.set_state(ClientState::Active);
                match self.clearing(&mut lease, &up) {
                    None => Ok(Ok((up, lease))),
                    Some(what) => Ok(Err(Box::new(Detour::Clear(what, up, lease, asked_at)))),
                }
            }
            Err(denied) => {
                self.client.set_state(ClientState::Idle);
                self.note_wait(asked_at.elapsed());
                Ok(Err(Box::new(Detour::Refusal(self.denial(denied)?, up, asked_at))))
            }
        }
    }

    /// It has waited for so long, for a server or to be told that there is none.
    pub(super) fn note_wait(&self, waited: Duration) {
        self.meter().waited(waited);
        self.client.spent(waited, Duration::ZERO);
    }

    /// Waits for a server, and notices when the client goes away meanwhile.
    pub(super) fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        up: &mut Lane,
    ) -> Poll<Result<Result<Lease, Denied>, Farewell>> {
        if let Poll::Ready(lease) = waiting.poll_turn() {
            return Poll::Ready(Ok(lease));
        }
        while up.has_room() {
            match self.poll_receive(cx, up, 0) {
                Poll::Ready(Err(_)) if says_goodbye(up.unjudged()) => break,
                Poll::Ready(received) => received?,
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    pub(super) async fn say(&mut self, out: &mut Vec<u8>) -> Result<(), Farewell> {
        self.begin_rest();
        let mut sent = 0;
        poll_fn(|cx| match self.poll_say(cx, out, &mut sent) {
            Poll::Pending => {
                self.heed_meanwhile(cx, 0 < sent && sent < out.len()).map_or(Poll::Pending, |f| Poll::Ready(Err(f)))
            }
            ready => ready,
        })
        .await?;
        out.clear();
        Ok(())
    }

    fn poll_say(&mut self, cx: &mut Context<'_>, out: &[u8], sent: &mut usize) -> Poll<Result<(), Farewell>> {
        while *sent < out.len() {
            match ready!(self.stream.poll_write(cx, &out[*sent..])) {
                Ok(count @ 1..) => {
                    *sent += count;
                    self.meter().client_sent(count);
                }
                _ => return Poll::Ready(Err(Farewell::Gone)),
            }
        }
        self.stream.poll_flush(cx).map_err(|_| Farewell::Gone)
    }

    /// Reads what belongs to a request that has got its answer already.
    pub(super) async fn hear_out(&mut self, up: &mut Lane) -> Result<(), Farewell> {
        self.begin_rest();
        poll_fn(|cx| match self.poll_receive(cx, up, 0) {
            Poll::Pending => self.heed_meanwhile(cx, false).map_or(Poll::Pending, |f| Poll::Ready(Err(f))),
            ready => ready,
        })
        .await
    }

    /// A lane with something left in it stays with the session.
    pub(super) fn keep_or_shelve(&mut self, up: Box<Lane>) {
        match up.is_empty() {
            true => self.worker.take_up(up),
            false => self.lane = Some(up),
        }
    }

    async fn leave(mut self: Box<Self>, farewell: Farewell) {
        if self.stay.roster.logs_goodbyes() {
            info!(event = "client_gone", id = self.client.id, database = %self.client.database, user = %self.client.user,
            addr = %self.client.addr, reason = farewell.reason(), queries = self.client.queries.get(),
            sqlstate = farewell.ending().and_then(Ending::sqlstate), error = farewell.ending().map(Ending::text));
        }
        if let Farewell::Told(complaint) | Farewell::Cut(complaint) = &farewell {
            self.meter().error(complaint.sqlstate);
        }
        if let Farewell::Told(complaint) = &farewell {
            let mut out = Vec::new();
            complaint.encode(&mut out);
            let _ = self.worker.alarms.within(LAST_WORDS, pin!(talk::write_all(&mut self.stream, &out))).await;
        }
        // One that has gone by itself on a plain socket needs no goodbye.
        if self.stream.is_tls() || !matches!(farewell, Farewell::Terminated | Farewell::Gone) {
            let _ = self.worker.alarms.within(LAST_WORDS, poll_fn(|cx| self.stream.poll_shutdown(cx))).await;
        }
    }
}

/// What a client's texts mean; looked up once for as long as its parameters stay.
pub(super) fn dialect_of(known: &mut Option<Dialect>, pool: &Pool, parameters: &Parameters) -> Dialect {
    let ask = || pool.catalog.lock().unwrap_or_else(PoisonError::into_inner).dialect(parameters);
    *known.get_or_insert_with(ask)
}

#[cfg(test)]
#[path = "stay_tests.rs"]
mod tests;
