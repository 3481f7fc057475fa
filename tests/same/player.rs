//! Plays a script to a server and writes down what each client was told.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::owing::Owing;
use super::script::{Act, Script};
use crate::support::wire::{Conn, Message, password, startup};

/// Tables of a script have other OIDs each time.
const FIRST_OF_OURS: u32 = 16_384;

/// Where a script is played.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) addr: SocketAddr,
    pub(crate) user: String,
    pub(crate) database: String,
    /// For a server that wants one.
    pub(crate) password: Option<&'static str>,
    /// A server that says nothing for so long has forgotten a reply.
    pub(crate) patience: Duration,
}

/// What one client was told, a line for each message.
pub(crate) type Told = Vec<String>;

/// One client.
struct Player {
    conn: Conn,
    /// What it will send in one write: all up to where it waits.
    ahead: Vec<u8>,
    owing: Owing,
    told: Told,
    /// The connection has ended, or nothing came any more.
    gone: bool,
}

/// What each client was told; or why this is no script: somebody would wait for ever, such as for the one server
/// while another has a transaction open there.
pub(crate) fn play(place: &Place, script: &Script) -> Result<Vec<Told>, String> {
    let mut players: Vec<Player> = (0..script.clients()).map(|client| login(place, script.login(client))).collect();
    let mut turn = 0;
    for line in &script.lines {
        if turn != line.client {
            players[turn].yields()?;
        }
        turn = line.client;
        players[turn].act(&line.act)?;
    }
    if players.iter().any(|player| !player.gone && !player.owing.can_wait()) {
        return Err("a client ends with what neither Flush nor Sync has asked for".to_string());
    }
    // In this order: who is in a transaction goes first.
    players.get_mut(turn).into_iter().for_each(Player::leave);
    players.iter_mut().for_each(Player::leave);
    Ok(players.into_iter().map(|player| player.told).collect())
}

fn login(place: &Place, parameters: &[(String, String)]) -> Player {
    let mut conn = Conn::new(TcpStream::connect(place.addr).unwrap());
    conn.socket.set_read_timeout(Some(place.patience)).unwrap();
    let names = [("user", &*place.user), ("database", &*place.database)];
    let pairs = parameters.iter().map(|(name, value)| (&**name, &**value));
    conn.send(&startup(&names.into_iter().chain(pairs).collect::<Vec<_>>()));
    place.password.into_iter().for_each(|text| conn.send(&password(text)));
    let mut player = Player { conn, ahead: Vec::new(), owing: Owing::default(), told: Vec::new(), gone: false };
    while player.hear().is_some_and(|tag| tag != b'Z') {}
    player
}

impl Player {
    fn act(&mut self, act: &Act) -> Result<(), String> {
        match act {
            Act::Login(_) => {}
            Act::Send(bytes) => self.send(bytes),
            Act::Leave => self.leave(),
            Act::Wait if self.owing.can_wait() => self.wait(),
            Act::Wait => return Err("a client waits for what neither Flush nor Sync has asked for".to_string()),
        }
        Ok(())
    }

    fn wait(&mut self) {
        self.flush();
        while !self.gone && self.owing.is_owed() && self.hear().is_some() {}
    }

    /// Another client may have the server.
    fn yields(&mut self) -> Result<(), String> {
        self.flush();
        match self.gone || self.owing.is_at_rest() {
            true => Ok(()),
            false => Err("a client speaks while another is in the middle of something".to_string()),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.owing.send(bytes[0]);
        self.ahead.extend(bytes);
    }

    fn flush(&mut self) {
        // Whoever has been thrown out will read that.
        let _ = self.conn.socket.write_all(&std::mem::take(&mut self.ahead));
    }

    /// Says goodbye and hears what there is, to the end.
    fn leave(&mut self) {
        if self.gone {
            return;
        }
        self.ahead.extend(b"X\0\0\0\x04");
        self.flush();
        while self.hear().is_some() {}
    }

    /// The next message's tag; `None` at the end, and when nothing comes.
    fn hear(&mut self) -> Option<u8> {
        match self.conn.try_message() {
            Ok(Some(mut message)) => {
                self.owing.receive(message.tag, &message.body);
                self.told.extend(normal(&mut message));
                Some(message.tag)
            }
            Ok(None) => {
                self.gone = true;
                None
            }
            Err(error) => {
                self.gone = true;
                self.told.push(format!("silence: {error}"));
                None
            }
        }
    }
}

/// The message as a line. What differs from one session of Postgres' to the next is left out: the key for cancels, the
/// process that notifies, the OIDs of tables that were made for this script, the line that refuses in a failed transaction; and how the password was asked for.
fn normal(message: &mut Message) -> Option<String> {
    match message.tag {
        b'K' | b'R' => return None,
        b'A' => message.body[..4].fill(0),
        b'T' => hide_tables(&mut message.body),
        b'E' if message.field('C') == "25P02" => hide_place(&mut message.body),
        b'E' if message.field('R') == "RevalidateCachedQuery" => hide_line(&mut message.body),
        _ => {}
    }
    Some(format!("{} {}", char::from(message.tag), message.body.escape_ascii()))
}

/// In a failed transaction a Bind is refused; where the server lacks its statement, the Parse in front of it is, in the same
/// words, from another line of Postgres.
fn hide_place(body: &mut Vec<u8>) {
    if let Some(file) = body.windows(2).position(|two| two == b"\0F") {
        body.truncate(file);
    }
}

/// Which line of Postgres' source says it is known to Postgres alone.
fn hide_line(body: &mut Vec<u8>) {
    if let Some(start) = body.windows(2).position(|two| two == b"\0L") {
        let length = body[start + 1..].iter().position(|byte| *byte == 0).unwrap_or_default();
        body.drain(start..start + 1 + length);
    }
}

fn hide_tables(body: &mut [u8]) {
    let mut at = 2;
    while let Some(end) = body[at..].iter().position(|byte| *byte == 0) {
        at += end + 1;
        if let Some(oid) = body.get_mut(at..at + 4).filter(|oid| **oid >= FIRST_OF_OURS.to_be_bytes()[..]) {
            oid.fill(0xff);
        }
        at += 18;
        if at >= body.len() {
            break;
        }
    }
}
