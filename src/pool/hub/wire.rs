//! The open connection that a pool listens with: what is said on it and what is heard. Not who listens (`hub`).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use super::LOOK;
use crate::net::talk;
use crate::pool::own::Own;
use crate::protocol::Frame;
use crate::protocol::encode::{self, Complaint};

/// A server that does not answer within this is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Read at a time.
const CHUNK: usize = 16 * 1024;

/// The open connection.
pub(super) struct Wire {
    own: Own,
    out: Vec<u8>,
    read: Vec<u8>,
    /// For each ReadyForQuery to come: the channels that are listened on then.
    pub(super) owed: VecDeque<Vec<String>>,
    pub(super) refused: Option<Complaint>,
}

impl Wire {
    pub(super) fn new(own: Own) -> Wire {
        Wire { own, out: Vec::new(), read: Vec::new(), owed: VecDeque::new(), refused: None }
    }

    /// A server that has said nothing for long is asked whether it lives: one that is cut off says nothing, too.
    pub(super) fn check(&mut self, silent: Duration, delay: Duration) -> io::Result<()> {
        match silent {
            _ if delay.is_zero() || silent < delay => Ok(()),
            _ if silent < delay + LOOK => {
                encode::query(&mut self.out, "");
                self.owed.push_back(Vec::new());
                Ok(())
            }
            _ if silent < delay + LOOK + PATIENCE => Ok(()),
            _ => Err(io::Error::other("it did not answer")),
        }
    }

    pub(super) fn listen(&mut self, channels: Vec<String>) {
        let sql: Vec<String> = channels.iter().map(|channel| format!("LISTEN {}", quoted(channel))).collect();
        encode::query(&mut self.out, &sql.join("; "));
        self.owed.push_back(channels);
    }

    pub(super) fn unlisten(&mut self, channels: &[Box<str>]) {
        if !channels.is_empty() {
            let sql: Vec<String> = channels.iter().map(|channel| format!("UNLISTEN {}", quoted(channel))).collect();
            encode::query(&mut self.out, &sql.join("; "));
            self.owed.push_back(Vec::new());
        }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            talk::write_all(&mut self.own.stream, &self.out).await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Reads some. Nothing is lost when this is dropped in the middle: it waits before it reads.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        let before = self.read.len();
        self.read.resize(before + CHUNK, 0);
        let Wire { own, read, .. } = self;
        let mut guard = Truncate { read, to: before };
        let count = poll_fn(|cx| own.stream.poll_read(cx, &mut guard.read[before..])).await?;
        guard.to = before + count;
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// The next whole message, its tag and all of it.
    pub(super) fn message(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let frame = Frame::read(&self.read).map_err(io::Error::other)?;
        let Some(frame) = frame.filter(|frame| frame.is_complete()) else { return Ok(None) };
        let (tag, size) = (frame.tag, frame.size);
        Ok(Some((tag, self.read.drain(..size).collect())))
    }
}

/// Takes back the room that a read did not fill, also one that was given up.
struct Truncate<'a> {
    read: &'a mut Vec<u8>,
    to: usize,
}

impl Drop for Truncate<'_> {
    fn drop(&mut self) {
        self.read.truncate(self.to);
    }
}

fn quoted(channel: &str) -> String {
    format!("\"{}\"", channel.replace('"', "\"\""))
}
