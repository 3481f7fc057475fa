//! A client that sends bytes and reads messages, and does nothing by itself.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};

use super::wire::{self, Conn, Message};

/// A client that is logged in.
#[derive(Debug)]
pub struct Client {
    conn: Conn,
    /// The process id that it was told.
    pub id: u32,
    /// Its key for cancels.
    pub secret: Vec<u8>,
    /// The parameters that it was told last.
    pub parameters: BTreeMap<String, String>,
}

/// A socket to pgweir on which nothing has been said.
pub fn connect(addr: SocketAddr) -> Conn {
    Conn::new(TcpStream::connect(addr).unwrap())
}

/// A socket on which a StartupMessage for the database `app` has been sent.
pub fn start(addr: SocketAddr, user: &str) -> Conn {
    let mut conn = connect(addr);
    conn.send(&wire::startup(&[("user", user), ("database", "app")]));
    conn
}

impl Client {
    /// Logs in without a password.
    #[track_caller]
    pub fn login(addr: SocketAddr) -> Client {
        Client::welcome(start(addr, "app"))
    }

    /// Reads from AuthenticationOk to ReadyForQuery.
    #[track_caller]
    pub fn welcome(conn: Conn) -> Client {
        Client::try_welcome(conn).unwrap_or_else(|error| panic!("not let in: {}", error.text()))
    }

    /// Reads from AuthenticationOk to ReadyForQuery, or to an ErrorResponse.
    #[track_caller]
    pub fn try_welcome(mut conn: Conn) -> Result<Client, Message> {
        assert_eq!(conn.expect("R")[0].body, [0; 4], "AuthenticationOk");
        let (mut id, mut secret, mut parameters) = (0, Vec::new(), BTreeMap::new());
        loop {
            let message = conn.message().expect("a welcome ends with ReadyForQuery");
            match message.tag {
                b'S' => {
                    let text = message.text();
                    let (name, value) = text.split_once(' ').unwrap_or((&text, ""));
                    parameters.insert(name.to_string(), value.to_string());
                }
                b'K' => {
                    id = u32::from_be_bytes(message.body[..4].try_into().unwrap());
                    secret = message.body[4..].to_vec();
                }
                b'Z' => return Ok(Client { conn, id, secret, parameters }),
                b'E' => return Err(message),
                tag => panic!("{} in a welcome: {}", char::from(tag), message.text()),
            }
        }
    }

    /// Asks, over a connection of its own, that what it runs be stopped; returns once pgweir has closed that connection.
    pub fn cancel(&self, addr: SocketAddr) {
        cancel_with(addr, self.id, &self.secret);
    }

    /// Takes the connection out.
    pub fn into_conn(self) -> Conn {
        self.conn
    }
}

/// Sends a CancelRequest and returns once it was taken, which is when the connection is closed.
pub fn cancel_with(addr: SocketAddr, id: u32, secret: &[u8]) {
    let mut conn = connect(addr);
    conn.send(&wire::cancel_request(id, secret));
    conn.expect_closed();
}

impl Deref for Client {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
