//! A Postgres that plays what it is told: it accepts, and says what the test has it say. For what a real one does not do on
//! command.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};

use socket2::SockRef;

use super::PATIENCE;
use super::wire::{self, Conn};

/// Where pgweir finds it.
#[derive(Debug)]
pub struct Peer {
    listener: TcpListener,
}

/// One connection of pgweir to it.
#[derive(Debug)]
pub struct Server {
    conn: Conn,
    /// The process id that it gave.
    pub id: u32,
    /// The key that it gave.
    pub secret: Vec<u8>,
}

/// What a server reports at a login, if the test says nothing else.
pub const REPORTED: [(&str, &str); 5] = [
    ("server_version", "17.0"),
    ("client_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
    ("application_name", ""),
];

impl Peer {
    pub fn new() -> Peer {
        Peer::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn on(listener: TcpListener) -> Peer {
        SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).unwrap();
        Peer { listener }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// The next connection that says something, of which nothing has been read.
    #[track_caller]
    pub fn accept(&self) -> Conn {
        let accept = || self.listener.accept().expect("pgweir connects").0;
        Conn::new(std::iter::repeat_with(accept).find(|socket| !is_a_look(socket)).unwrap())
    }

    /// Nobody wants to say anything.
    #[track_caller]
    pub fn expect_nobody(&self) {
        self.listener.set_nonblocking(true).unwrap();
        let accepted = loop {
            match self.listener.accept() {
                Ok((socket, _)) if is_a_look(&socket) => {}
                other => break other.map_err(|error| error.kind()),
            }
        };
        self.listener.set_nonblocking(false).unwrap();
        assert!(matches!(accepted, Err(ErrorKind::WouldBlock)), "pgweir has connected: {accepted:?}");
    }

    /// The next connection, logged in without a question.
    #[track_caller]
    pub fn serve(&self) -> Server {
        Server::welcome(self.accept())
    }

    /// The next connection is a CancelRequest: for which process, with which key. Closing it is what Postgres answers.
    #[track_caller]
    pub fn accept_cancel(&self) -> (Conn, u32, Vec<u8>) {
        let mut conn = self.accept();
        let packet = conn.packet();
        assert_eq!(packet[4..8], 80_877_102_u32.to_be_bytes(), "a CancelRequest");
        let id = u32::from_be_bytes(packet[8..12].try_into().unwrap());
        (conn, id, packet[12..].to_vec())
    }
}

/// Somebody wanted to see whether Postgres is there, and has gone without a word: pgweir does so where no client has come yet.
fn is_a_look(socket: &TcpStream) -> bool {
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    matches!(socket.peek(&mut [0]), Ok(0))
}

impl Server {
    /// Reads the StartupMessage and lets pgweir in.
    #[track_caller]
    pub fn welcome(conn: Conn) -> Server {
        let port = conn.socket.peer_addr().unwrap().port();
        Server::welcome_with(conn, (u32::from(port) * 7919).to_be_bytes().to_vec())
    }

    /// The same, with this key for cancels.
    #[track_caller]
    pub fn welcome_with(mut conn: Conn, secret: Vec<u8>) -> Server {
        let packet = conn.packet();
        assert_eq!(packet[4..8], 196_608_u32.to_be_bytes(), "a StartupMessage");
        Server::let_in(conn, secret)
    }

    /// Lets pgweir in, whose StartupMessage has been read.
    #[track_caller]
    pub fn let_in(mut conn: Conn, secret: Vec<u8>) -> Server {
        let port = conn.socket.peer_addr().unwrap().port();
        let id = u32::from(port);
        let reported = REPORTED.iter().map(|(name, value)| wire::parameter_status(name, value));
        let key = wire::message(b'K', &[&id.to_be_bytes(), &secret[..]].concat());
        let ok = wire::message(b'R', &[0; 4]);
        conn.send(&[ok, reported.collect::<Vec<_>>().concat(), key, wire::ready(b'I')].concat());
        Server { conn, id, secret }
    }

    /// Takes the connection out.
    pub fn into_conn(self) -> Conn {
        self.conn
    }

    /// A Query comes, and is answered with this.
    #[track_caller]
    pub fn answer(&mut self, sql: &str, reply: &[u8]) {
        assert_eq!(self.hear("Q"), sql);
        self.send(reply);
    }
}

impl Deref for Server {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
