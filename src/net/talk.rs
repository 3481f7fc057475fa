//! Whole messages one after the other: how a login reads and writes, on either side. Not for queries: those move through
//! lanes without being held.

use std::future::poll_fn;
use std::io;

use super::Stream;
use crate::protocol::startup::{self, BadStartup, Startup};
use crate::protocol::{BadLength, Frame};

/// A login's messages are short; one longer than this is not part of one.
pub const MAX_LOGIN_MESSAGE: usize = 64 * 1024;

/// Read at a time while logging in.
const CHUNK: usize = 2048;

/// A stream with what was read ahead of it and what is to be written.
#[derive(Debug)]
pub struct Talk {
    /// The peer.
    pub stream: Stream,
    /// What [`Talk::flush`] will write.
    pub out: Vec<u8>,
    read: Vec<u8>,
    at: usize,
}

/// Why a login's conversation broke off.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TalkError {
    #[error("{0}")]
    Io(io::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("{0}")]
    Startup(#[from] BadStartup),
    #[error("{0}")]
    Length(#[from] BadLength),
    #[error("a message of {0} bytes in a login")]
    TooLong(usize),
}

impl From<io::Error> for TalkError {
    fn from(error: io::Error) -> TalkError {
        match error.kind() {
            // What rustls says of an end without a goodbye; whether there was one makes no difference in a login.
            io::ErrorKind::UnexpectedEof => TalkError::Closed,
            _ => TalkError::Io(error),
        }
    }
}

/// A whole message.
#[derive(Debug)]
pub struct Message {
    /// Its tag.
    pub tag: u8,
    /// Its body.
    pub body: Vec<u8>,
}

impl Talk {
    /// Begins with nothing read.
    pub fn new(stream: Stream) -> Talk {
        Talk { stream, out: Vec::new(), read: Vec::new(), at: 0 }
    }

    /// The next packet without a tag, or that there is none because a TLS handshake begins.
    pub async fn startup(&mut self) -> Result<Startup, TalkError> {
        loop {
            let rest = &self.read[self.at..];
            if startup::is_handshake(rest) {
                return Ok(Startup::Handshake);
            }
            if let Some(size) = startup::size(rest)?
                && let Some(packet) = rest.get(..size)
            {
                let startup = Startup::read(packet);
                self.at += size;
                return Ok(startup?);
            }
            self.read_more().await?;
        }
    }

    /// Whether the other side has not said a word.
    pub fn is_silent(&self) -> bool {
        self.read.is_empty()
    }

    /// The next message.
    pub async fn message(&mut self) -> Result<Message, TalkError> {
        loop {
            if let Some(frame) = Frame::read(&self.read[self.at..])? {
                if frame.size > MAX_LOGIN_MESSAGE {
                    return Err(TalkError::TooLong(frame.size));
                }
                if let Some(body) = frame.whole() {
                    let message = Message { tag: frame.tag, body: body.to_vec() };
                    self.at += frame.size;
                    return Ok(message);
                }
            }
            self.read_more().await?;
        }
    }

    /// One byte without a frame: the answer to SSLRequest.
    pub async fn byte(&mut self) -> Result<u8, TalkError> {
        if self.at == self.read.len() {
            self.read_more().await?;
        }
        self.at += 1;
        Ok(self.read[self.at - 1])
    }

    /// Looks at the first byte without taking it.
    pub async fn peek(&mut self) -> Result<u8, TalkError> {
        if self.at == self.read.len() {
            self.read_more().await?;
        }
        Ok(self.read[self.at])
    }

    /// Whether something was read that nobody has looked at.
    pub fn is_ahead(&self) -> bool {
        self.at < self.read.len()
    }

    /// Writes all of `out`.
    pub async fn flush(&mut self) -> Result<(), TalkError> {
        let Talk { stream, out, .. } = self;
        write_all(stream, out).await?;
        out.clear();
        Ok(())
    }

    /// The stream, and what was read beyond the login.
    pub fn into_parts(mut self) -> (Stream, Vec<u8>) {
        self.read.drain(..self.at);
        (self.stream, self.read)
    }

    async fn read_more(&mut self) -> Result<(), TalkError> {
        self.read.drain(..self.at);
        self.at = 0;
        let before = self.read.len();
        self.read.resize(before + CHUNK, 0);
        let Talk { stream, read, .. } = self;
        let got = poll_fn(|cx| stream.poll_read(cx, &mut read[before..])).await;
        self.read.truncate(before + got.as_ref().map_or(0, |count| *count));
        match got? {
            0 => Err(TalkError::Closed),
            _ => Ok(()),
        }
    }
}

/// Writes and flushes all of `bytes`.
pub async fn write_all(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|cx| stream.poll_write(cx, bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => bytes = &bytes[count..],
        }
    }
    poll_fn(|cx| stream.poll_flush(cx)).await
}
