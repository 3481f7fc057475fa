//! A client that replicates, with a server of its own: bytes pass both ways until either side closes. Nobody looks into
//! them: COPY goes both ways at once here, and neither pins, limits of time nor prepared statements mean anything.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tracing::info;

use super::heed::shutdown;
use super::stay::{LAST_WORDS, Stay};
use super::worker::Worker;
use crate::net::{Stream, talk};
use crate::observe::snapshot::ClientState;
use crate::pool::client::Word;
use crate::pool::own::Own;
use crate::pool::{Client, Pool};
use crate::protocol::frame::HEADER;

/// Room for one direction: a message of WAL is up to 128 KiB, and passes in pieces.
const ROOM: usize = 64 * 1024;

/// A client that is logged in and replicates.
#[derive(Debug)]
pub struct Replication {
    stream: Stream,
    own: Own,
    /// From the client; `None` once the server takes nothing more, whose last words are still to come.
    up: Option<Flow>,
    down: Flow,
    client: Arc<Client>,
    pool: Arc<Pool>,
    worker: Arc<Worker>,
    stay: Stay,
}

/// One direction.
#[derive(Debug)]
struct Flow {
    bytes: Vec<u8>,
    /// What was read and not yet written lies from here ...
    at: usize,
    /// ... to here.
    end: usize,
    edge: Edge,
}

/// How far the message has come that passes: 0 of its header and nothing left of it between two messages.
#[derive(Debug, Default)]
struct Edge {
    header: [u8; HEADER],
    seen: usize,
    left: usize,
}

/// Why a direction has come to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Whoever speaks has closed, and all that it said has been written.
    Closed,
    /// Whoever listens takes nothing more.
    Deaf,
}

impl Replication {
    /// Between this client and its server; `ahead` is what the client said beyond its login.
    pub(super) fn new(
        (stream, ahead): (Stream, Vec<u8>),
        own: Own,
        client: Arc<Client>,
        pool: Arc<Pool>,
        worker: Arc<Worker>,
        stay: Stay,
    ) -> Replication {
        client.set_line(Some(own.line.clone()));
        client.set_state(ClientState::Active);
        Replication { stream, own, up: Some(Flow::new(ahead)), down: Flow::new(Vec::new()), client, pool, worker, stay }
    }

    /// Until either side closes, or we do.
    pub async fn run(mut self: Box<Self>) {
        let why = poll_fn(|cx| self.poll(cx)).await;
        self.explain().await;
        let Replication { stream, own, client, worker, stay, .. } = &mut *self;
        client.set_line(None);
        if stay.roster.logs_goodbyes() {
            info!(event = "client_gone", id = client.id, database = %client.database, user = %client.user,
                addr = %client.addr, reason = why, replication = true);
        }
        for stream in [stream, &mut own.stream] {
            let _ = worker.alarms.within(LAST_WORDS, poll_fn(|cx| stream.poll_shutdown(cx))).await;
        }
    }

    /// Says why we close, if it is we who do, and the client is not in the middle of a message.
    async fn explain(&mut self) {
        if !self.must_leave() || !self.down.is_between() {
            return;
        }
        let (complaint, mut out) = (shutdown(), Vec::new());
        complaint.encode(&mut out);
        self.pool.meter(self.worker.index).error(complaint.sqlstate);
        let _ = self.worker.alarms.within(LAST_WORDS, pin!(talk::write_all(&mut self.stream, &out))).await;
    }

    /// It has no transaction at whose end it could leave, so it does at once.
    fn must_leave(&self) -> bool {
        matches!(self.client.word(), Word::Drain | Word::Leave)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        self.client.set_waker(cx.waker());
        if self.must_leave() {
            return Poll::Ready("shutting down");
        }
        let meter = self.pool.meter(self.worker.index);
        if let Some(up) = &mut self.up {
            let (read, sent) = (|count| meter.client_received(count), |count| meter.server_sent(count));
            match up.poll(cx, &mut self.stream, &mut self.own.stream, read, sent) {
                Poll::Ready(End::Closed) => return Poll::Ready("the client closed"),
                Poll::Ready(End::Deaf) => self.up = None,
                Poll::Pending => {}
            }
        }
        let (read, sent) = (|count| meter.server_received(count), |count| meter.client_sent(count));
        match ready!(self.down.poll(cx, &mut self.own.stream, &mut self.stream, read, sent)) {
            End::Closed => Poll::Ready("the server closed"),
            End::Deaf => Poll::Ready("connection lost"),
        }
    }
}

impl Flow {
    /// With something to be written already.
    fn new(mut bytes: Vec<u8>) -> Flow {
        let end = bytes.len();
        bytes.resize(ROOM.max(end), 0);
        Flow { bytes, at: 0, end, edge: Edge::default() }
    }

    /// Whether whole messages have been written, and no part of another.
    fn is_between(&self) -> bool {
        self.at == self.end && self.edge.is_between()
    }

    /// Moves what can be moved now; reads nothing more before all of it is written.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
        read: impl Fn(usize),
        sent: impl Fn(usize),
    ) -> Poll<End> {
        loop {
            if ready!(self.poll_out(cx, to, &sent)).is_err() {
                return Poll::Ready(End::Deaf);
            }
            match ready!(from.poll_read(cx, &mut self.bytes)) {
                Ok(count @ 1..) => {
                    read(count);
                    (self.at, self.end) = (0, count);
                }
                _ => return Poll::Ready(End::Closed),
            }
        }
    }

    /// Writes what is there; TLS may hold it back, so it is pushed out, which costs nothing when there is nothing.
    fn poll_out(&mut self, cx: &mut Context<'_>, to: &mut Stream, sent: impl Fn(usize)) -> Poll<io::Result<()>> {
        while self.at < self.end {
            match ready!(to.poll_write(cx, &self.bytes[self.at..self.end]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    sent(count);
                    self.edge.pass(&self.bytes[self.at..self.at + count]);
                    self.at += count;
                }
            }
        }
        to.poll_flush(cx)
    }
}

impl Edge {
    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            (self.left, bytes) = (self.left - skipped, &bytes[skipped..]);
            let more = (HEADER - self.seen).min(bytes.len());
            self.header[self.seen..self.seen + more].copy_from_slice(&bytes[..more]);
            (self.seen, bytes) = (self.seen + more, &bytes[more..]);
            if self.seen == HEADER {
                let [_, length @ ..] = self.header;
                (self.seen, self.left) = (0, (u32::from_be_bytes(length) as usize).saturating_sub(4));
            }
        }
    }

    fn is_between(&self) -> bool {
        self.seen == 0 && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_found_however_the_bytes_are_cut() {
        let said = b"d\0\0\0\x06abZ\0\0\0\x05Ic\0\0\0\x04d\0\0\0\x05x";
        let edges = [0, 7, 13, 18, 24];
        for size in 1..=said.len() {
            let (mut edge, mut at) = (Edge::default(), 0);
            for piece in said.chunks(size) {
                edge.pass(piece);
                at += piece.len();
                assert_eq!(edge.is_between(), edges.contains(&at), "{at} in pieces of {size}");
            }
        }
        let mut lost = Edge::default();
        lost.pass(&[0; 1000]);
        lost.pass(b"d\xff\xff\xff\xff");
        assert!(!lost.is_between());
    }
}
