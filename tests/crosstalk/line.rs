//! A client's connection: messages in and out, what it was told between them, and what has gone wrong with it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::wire::{self, Message};

/// Whoever gets no answer for so long gets none: a waiter was lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a client cannot go on.
#[derive(Debug)]
pub enum Trouble {
    /// Its server was lost, and said so or not: so it may be, once for each that was killed.
    Lost(String),
    /// So it must not be.
    Wrong(String),
}

pub type Outcome<T> = Result<T, Trouble>;

pub fn wrong<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Trouble::Wrong(why.into()))
}

/// A connection that is logged in.
#[derive(Debug)]
pub struct Line {
    socket: TcpStream,
    read: Vec<u8>,
    at: usize,
    pub id: u32,
    pub secret: Vec<u8>,
    /// What it was told of its parameters.
    pub told: BTreeMap<String, String>,
    /// Channel and payload.
    pub notified: VecDeque<(String, String)>,
}

/// SQLSTATEs with which a session ends because its server has: admin_shutdown, connection_failure.
const LOSSES: [&str; 2] = ["57P01", "08006"];

impl Line {
    /// Logs in with these parameters, without a password.
    pub async fn login(addr: SocketAddr, parameters: &[(&str, &str)]) -> Outcome<Line> {
        let socket = TcpStream::connect(addr).await.map_err(broken)?;
        socket.set_nodelay(true).map_err(broken)?;
        let (told, notified) = (BTreeMap::new(), VecDeque::new());
        let mut line = Line { socket, read: Vec::new(), at: 0, id: 0, secret: Vec::new(), told, notified };
        line.send(&wire::startup(parameters)).await?;
        loop {
            let message = line.message().await?;
            match message.tag {
                b'R' if message.body == [0; 4] => {}
                b'K' => {
                    line.id = message.body.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
                    line.secret = message.body[4..].to_vec();
                }
                b'Z' => return Ok(line),
                tag => return wrong(format!("at login {} {}", char::from(tag), message.text())),
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Outcome<()> {
        match timeout(PATIENCE, self.socket.write_all(bytes)).await {
            // What was said before the end is still there to read.
            Ok(_) => Ok(()),
            Err(_) => wrong(format!("{} bytes were not taken within {PATIENCE:?}", bytes.len())),
        }
    }

    /// Leaves without a goodbye; `abruptly` with a reset.
    pub async fn close(&mut self, abruptly: bool) {
        if abruptly {
            let _ = socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        } else {
            let _ = self.socket.shutdown().await;
        }
    }

    /// The next that is an answer; what is told between answers is noted.
    pub async fn message(&mut self) -> Outcome<Message> {
        loop {
            let message = self.any().await?;
            match message.tag {
                b'N' => {}
                b'S' => {
                    let (name, value) = two(&message.body);
                    self.told.insert(name, value);
                }
                b'A' => self.notified.push_back(two(message.body.get(4..).unwrap_or_default())),
                b'E' if matches!(&*message.field('V'), "FATAL" | "PANIC") => {
                    let text = message.text();
                    return match LOSSES.contains(&&*message.field('C')) {
                        true => Err(Trouble::Lost(text)),
                        false => wrong(format!("the session was ended: {text}")),
                    };
                }
                _ => return Ok(message),
            }
        }
    }

    /// Returns once it was notified.
    pub async fn notification(&mut self) -> Outcome<(String, String)> {
        loop {
            if let Some(notified) = self.notified.pop_front() {
                return Ok(notified);
            }
            let message = self.any().await?;
            match message.tag {
                b'A' => self.notified.push_back(two(message.body.get(4..).unwrap_or_default())),
                b'E' if LOSSES.contains(&&*message.field('C')) => return Err(Trouble::Lost(message.text())),
                tag => return wrong(format!("{} {} while it listened", char::from(tag), message.text())),
            }
        }
    }

    async fn any(&mut self) -> Outcome<Message> {
        loop {
            if let Some(message) = self.read_already() {
                return Ok(message);
            }
            self.read.drain(..std::mem::take(&mut self.at));
            self.read.reserve(16 * 1024);
            match timeout(PATIENCE, self.socket.read_buf(&mut self.read)).await {
                Ok(Ok(1..)) => {}
                Ok(Ok(_)) => return Err(Trouble::Lost("closed without a word".to_string())),
                Ok(Err(error)) => return Err(broken(error)),
                Err(_) => return wrong(format!("no answer within {PATIENCE:?}")),
            }
        }
    }

    fn read_already(&mut self) -> Option<Message> {
        let ahead = &self.read[self.at..];
        let size = 1 + u32::from_be_bytes(*ahead.get(1..)?.first_chunk()?) as usize;
        let message = Message { tag: ahead[0], body: ahead.get(5..size)?.to_vec() };
        self.at += size;
        Some(message)
    }
}

/// Asks that what this client runs be stopped; returns once that was taken.
pub async fn cancel(addr: SocketAddr, id: u32, secret: &[u8]) -> Outcome<()> {
    let mut socket = TcpStream::connect(addr).await.map_err(broken)?;
    let _ = socket.write_all(&wire::cancel_request(id, secret)).await;
    match timeout(PATIENCE, socket.read_to_end(&mut Vec::new())).await {
        Ok(_) => Ok(()),
        Err(_) => wrong(format!("a cancel was not taken within {PATIENCE:?}")),
    }
}

fn broken(error: std::io::Error) -> Trouble {
    Trouble::Lost(error.to_string())
}

/// Two texts that end with zeroes.
fn two(body: &[u8]) -> (String, String) {
    let mut texts = body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    (texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
}
