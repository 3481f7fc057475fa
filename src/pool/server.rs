//! One server connection: its stream, what it remembers, when it is too old. Who holds it is the ledger's affair.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::cancel::Line;
use super::ending::Ending;
use super::memory::{Memory, Unnamed};
use super::parameters::OF_SERVERS;
use super::{Plan, Pool};
use crate::net::{Stream, talk};
use crate::protocol::frame::HEADER;
use crate::protocol::{Frame, TransactionStatus, backend, encode, frontend};

/// What an errand of ours reads at a time.
const CHUNK: usize = 4096;

/// A connection to Postgres that is logged in.
#[derive(Debug)]
pub struct Server {
    /// Its bytes.
    pub stream: Stream,
    /// What it remembers.
    pub memory: Memory,
    /// How to cancel what it runs.
    pub line: Arc<Line>,
    /// The worker whose runtime drives it.
    pub home: usize,
    /// Whose it is.
    pub pool: Arc<Pool>,
    /// What it was opened by; another plan's servers are closed when they come back.
    pub plan: Arc<Plan>,
    /// When it was last looked at for what its clients may have left on it.
    pub audited_at: Instant,
    /// The number of its pool's last hunt when it was looked at, or opened.
    pub hunt: u64,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it is too old.
    pub dies_at: Option<Instant>,
    /// How often its pool's servers had been retired before it was opened.
    pub retirements: u64,
    /// Why it ended, as far as it or the system has said.
    pub ending: Option<Box<Ending>>,
    /// Whom its sequences gave what they gave last.
    pub drawn: Drawn,
}

/// Whose all that is which the sequences of a session gave last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// They gave nothing yet.
    Nothing,
    /// This client's.
    By(u32),
    /// That of nobody knows whom.
    Unknown,
}

/// Takes the body of a DataRow.
type Row<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// What a server said to an errand of ours that failed.
#[derive(Debug, thiserror::Error)]
pub enum ErrandError {
    /// An ErrorResponse; its body.
    #[error("{}", backend::error_line(.0))]
    Refused(Vec<u8>),
    /// The connection broke, or what came is not the protocol.
    #[error("the connection to the server was lost")]
    Lost,
}

impl Server {
    /// Whether it has been opened by the plan that holds now, is not too old and has not been retired.
    pub fn is_current(&self, now: Instant) -> bool {
        !self.is_old(now) && !self.is_retired() && self.pool.keeps(&self.plan)
    }

    /// Why it is not current.
    pub(super) fn why_it_goes(&self, now: Instant) -> &'static str {
        match () {
            () if self.is_old(now) => "server_lifetime",
            () if self.is_retired() => "retired",
            () => "reconfigured",
        }
    }

    /// Whether it may have what was found on another one since it was looked at.
    #[inline]
    pub fn is_suspect(&self) -> bool {
        self.hunt != self.pool.hunt.number()
    }

    /// It may have something that nobody could find out.
    pub fn suspect(&mut self) {
        self.hunt = u64::MAX;
    }

    /// Whether its lifetime is over.
    pub fn is_old(&self, now: Instant) -> bool {
        self.dies_at.is_some_and(|at| now >= at)
    }

    /// Reads what the server said while it rested, if anything: parameters are noted, notices dropped. Whether it is
    /// still good. Asks the kernel only when the runtime has seen something.
    pub fn is_alive(&mut self) -> bool {
        if !self.stream.has_spoken() {
            return true;
        }
        let mut room = vec![0; CHUNK];
        let mut cx = Context::from_waker(Waker::noop());
        // To the end: a server that is told to stop at once says a last notice and closes.
        loop {
            match self.stream.poll_read(&mut cx, &mut room) {
                Poll::Pending => return true,
                Poll::Ready(Ok(count @ 1..)) if self.note(&room[..count]) => {}
                Poll::Ready(end) => {
                    self.ends(end.err().as_ref().and_then(Ending::broke));
                    return false;
                }
            }
        }
    }

    /// Notes why it ends.
    pub fn ends(&mut self, why: Option<Ending>) {
        self.ending = Ending::or_later(self.ending.take(), why);
    }

    fn note(&mut self, mut said: &[u8]) -> bool {
        while !said.is_empty() {
            let Ok(Some(frame)) = Frame::read(said) else { return false };
            let Some(body) = frame.whole() else { return false };
            match frame.tag {
                backend::PARAMETER_STATUS => self.report(body),
                backend::NOTICE | backend::NOTIFICATION => {}
                backend::ERROR => {
                    self.ends(Ending::said(body));
                    return false;
                }
                _ => return false,
            }
            said = &said[frame.size..];
        }
        true
    }

    /// Notes a ParameterStatus.
    pub fn report(&mut self, body: &[u8]) {
        if let Some((name, value)) = backend::parameter_status(body) {
            Arc::make_mut(&mut self.memory.parameters).report(name, value);
            if OF_SERVERS.contains(&name) && self.memory.parameters.quiet(name).is_none() {
                self.restarts(name, value);
            }
        }
    }

    /// What servers start with has changed: this is not a client's setting.
    pub fn restarts(&mut self, name: &str, value: &str) {
        self.memory.restarts(name, value);
        self.pool.lessons().changed(name, value);
    }

    /// Gives it the parameters of a fresh server again; the status, if that took a query.
    pub async fn freshen(&mut self) -> Result<Option<TransactionStatus>, ErrandError> {
        let Some(fresh) = self.pool.fresh() else { return Ok(None) };
        let mut status = None;
        for sql in self.memory.parameters.difference(&fresh) {
            status = Some(self.run(&sql).await?);
        }
        self.memory.parameters = fresh;
        Ok(status)
    }

    /// Runs SQL of ours to its end; the status that it leaves. Parameters that change are noted.
    pub async fn run(&mut self, sql: &str) -> Result<TransactionStatus, ErrandError> {
        self.ask(sql, &mut |_| ()).await
    }

    /// The same, with the bodies of the rows that it returns.
    pub async fn ask(&mut self, sql: &str, row: Row<'_>) -> Result<TransactionStatus, ErrandError> {
        let mut out = Vec::new();
        encode::query(&mut out, sql);
        self.memory.set_unnamed(Unnamed::None);
        talk::write_all(&mut self.stream, &out).await.map_err(|_| ErrandError::Lost)?;
        self.finish_with(1, Vec::new(), row).await
    }

    /// Whether it answers a Sync, within `patience`.
    pub async fn answers(&mut self, patience: Duration) -> bool {
        let mut out = Vec::new();
        encode::bare(&mut out, frontend::SYNC);
        let errand = async {
            talk::write_all(&mut self.stream, &out).await.map_err(|_| ErrandError::Lost)?;
            self.finish(1, Vec::new()).await
        };
        matches!(tokio::time::timeout(patience, errand).await, Ok(Ok(TransactionStatus::Idle)))
    }

    /// Reads, and drops, until `owed` ReadyForQuery have come; `read` is what was read already and not looked at.
    pub async fn finish(&mut self, owed: usize, read: Vec<u8>) -> Result<TransactionStatus, ErrandError> {
        self.finish_with(owed, read, &mut |_| ()).await
    }

    async fn finish_with(
        &mut self,
        owed: usize,
        mut read: Vec<u8>,
        row: Row<'_>,
    ) -> Result<TransactionStatus, ErrandError> {
        let (mut left, mut refused, mut status) = (owed, None, TransactionStatus::Idle);
        let mut skip = 0;
        loop {
            let mut at = skip.min(read.len());
            skip -= at;
            while let Some(frame) = Frame::read(&read[at..]).map_err(|_| ErrandError::Lost)? {
                let small = frame.size <= talk::MAX_LOGIN_MESSAGE;
                match frame.whole() {
                    None if small => break,
                    None => {
                        skip = frame.size - HEADER - frame.body.len();
                        at = read.len();
                        break;
                    }
                    Some(body) => match frame.tag {
                        backend::READY => {
                            left = left.saturating_sub(1);
                            status =
                                body.first().copied().and_then(TransactionStatus::read).ok_or(ErrandError::Lost)?;
                        }
                        backend::COMPLETE => drop(self.memory.see_complete(backend::command_tag(body))),
                        backend::ERROR => {
                            refused = Some(body.to_vec());
                            self.ends(Ending::said(body));
                        }
                        backend::ROW => row(body),
                        backend::PARAMETER_STATUS => {
                            let body = body.to_vec();
                            at += frame.size;
                            self.report(&body);
                            continue;
                        }
                        _ => {}
                    },
                }
                at += frame.size;
            }
            read.drain(..at);
            // A notice may follow ReadyForQuery, and only half of it have arrived.
            if left == 0 && skip == 0 && read.is_empty() {
                return refused.map_or(Ok(status), |body| Err(ErrandError::Refused(body)));
            }
            self.read_more(&mut read).await?;
        }
    }

    async fn read_more(&mut self, read: &mut Vec<u8>) -> Result<(), ErrandError> {
        let before = read.len();
        read.resize(before + CHUNK, 0);
        let got = poll_fn(|cx| self.stream.poll_read(cx, &mut read[before..])).await;
        self.ends(got.as_ref().err().and_then(Ending::broke));
        let count = got.unwrap_or(0);
        read.truncate(before + count);
        if count == 0 { Err(ErrandError::Lost) } else { Ok(()) }
    }

    /// Says nothing more, and drops what the server says until it closes.
    pub async fn hang_up(&mut self) {
        let _ = poll_fn(|cx| self.stream.poll_shutdown(cx)).await;
        let mut room = vec![0; CHUNK];
        while let Ok(1..) = poll_fn(|cx| self.stream.poll_read(cx, &mut room)).await {}
    }

    /// Says goodbye, as far as that goes without waiting.
    pub fn close(&mut self) {
        let mut out = Vec::new();
        encode::bare(&mut out, frontend::TERMINATE);
        let mut cx = Context::from_waker(Waker::noop());
        let _ = self.stream.poll_write(&mut cx, &out);
        let _ = self.stream.poll_shutdown(&mut cx);
    }
}
