//! The protocol as the tests speak it, written anew so that a mistake of ours is not made twice: messages as bytes, and a
//! connection that reads and writes them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustls::ClientConnection;

use super::PATIENCE;

/// A message with a tag.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A packet without a tag: a length, a code, the rest.
pub fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = (rest.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(code.to_be_bytes());
    bytes.extend(rest);
    bytes
}

fn cstr(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// StartupMessage of protocol 3.0.
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    startup_of(0, parameters)
}

/// StartupMessage of protocol 3 with this minor version.
pub fn startup_of(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let pairs = parameters.iter().map(|(name, value)| [cstr(name), cstr(value)].concat());
    packet(196_608 + u32::from(minor), &[pairs.collect::<Vec<_>>().concat(), vec![0]].concat())
}

/// CancelRequest.
pub fn cancel_request(id: u32, secret: &[u8]) -> Vec<u8> {
    packet(80_877_102, &[&id.to_be_bytes(), secret].concat())
}

/// SSLRequest.
pub fn ssl_request() -> Vec<u8> {
    packet(80_877_103, b"")
}

/// PasswordMessage.
pub fn password(text: &str) -> Vec<u8> {
    message(b'p', &cstr(text))
}

/// Query.
pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &cstr(sql))
}

/// Parse, with no parameter types.
pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[cstr(name), cstr(sql), vec![0, 0]].concat())
}

/// Bind, with no parameters, results as text.
pub fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[cstr(portal), cstr(statement), vec![0; 6]].concat())
}

/// Describe; `what` is `S` or `P` and a name.
pub fn describe(what: &str) -> Vec<u8> {
    message(b'D', &cstr(what))
}

/// Execute of the unnamed portal, all rows.
pub fn execute() -> Vec<u8> {
    message(b'E', &[0; 5])
}

/// Sync.
pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// Parse, Bind, Describe, Execute, Sync of the unnamed statement.
pub fn extended(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", ""), describe("P"), execute(), sync()].concat()
}

/// ReadyForQuery.
pub fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// CommandComplete.
pub fn complete(tag: &str) -> Vec<u8> {
    message(b'C', &cstr(tag))
}

/// CommandComplete and ReadyForQuery: all that a statement without rows says.
pub fn done(tag: &str, status: u8) -> Vec<u8> {
    [complete(tag), ready(status)].concat()
}

/// RowDescription of one text column.
pub fn description() -> Vec<u8> {
    let column = [&cstr("a")[..], &[0; 6], &25_u32.to_be_bytes(), &[0xff; 6], &[0; 2]].concat();
    message(b'T', &[&[0, 1], &column[..]].concat())
}

/// DataRow of one column.
pub fn row(value: &[u8]) -> Vec<u8> {
    message(b'D', &[&[0, 1], &(value.len() as u32).to_be_bytes()[..], value].concat())
}

/// All that `select` of one row says.
pub fn one_row(value: &[u8]) -> Vec<u8> {
    [description(), row(value), done("SELECT 1", b'I')].concat()
}

/// ParameterStatus.
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    message(b'S', &[cstr(name), cstr(value)].concat())
}

/// ErrorResponse.
pub fn error(severity: &str, code: &str, text: &str) -> Vec<u8> {
    message(b'E', &fields(severity, code, text))
}

/// NoticeResponse.
pub fn notice(text: &str) -> Vec<u8> {
    message(b'N', &fields("NOTICE", "00000", text))
}

fn fields(severity: &str, code: &str, text: &str) -> Vec<u8> {
    let parts = [('S', severity), ('V', severity), ('C', code), ('M', text)];
    let fields = parts.iter().map(|(letter, text)| cstr(&format!("{letter}{text}")));
    [fields.collect::<Vec<_>>().concat(), vec![0]].concat()
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Message {
    /// Its body as text, zeroes as blanks.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).replace('\0', " ").trim_end().to_string()
    }

    /// One field of an ErrorResponse.
    pub fn field(&self, letter: char) -> String {
        let mut fields = self.body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        fields.find_map(|field| field.strip_prefix(letter).map(str::to_string)).unwrap_or_default()
    }

    /// As bytes again.
    pub fn bytes(&self) -> Vec<u8> {
        message(self.tag, &self.body)
    }
}

/// A connection, from either end.
#[derive(Debug)]
pub struct Conn {
    pub socket: TcpStream,
    /// Once TLS is spoken.
    tls: Option<Box<ClientConnection>>,
    read: Vec<u8>,
    /// Where in `read` the next message begins.
    at: usize,
}

impl Conn {
    pub fn new(socket: TcpStream) -> Conn {
        socket.set_nonblocking(false).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Conn { socket, tls: None, read: Vec::new(), at: 0 }
    }

    /// From here on in TLS, whose handshake is over.
    pub fn secured(mut self, tls: ClientConnection) -> Conn {
        self.tls = Some(Box::new(tls));
        self
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let sent = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.socket).write_all(bytes),
            None => self.socket.write_all(bytes),
        };
        sent.expect("the peer takes what is sent");
    }

    /// What was read and not looked at.
    fn ahead(&self) -> &[u8] {
        &self.read[self.at..]
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.at += count;
        self.read[self.at - count..self.at].to_vec()
    }

    /// The next message; `None` when the peer has closed.
    pub fn message(&mut self) -> Option<Message> {
        self.try_message().unwrap_or_else(|error| panic!("nothing came within {PATIENCE:?}: {error}"))
    }

    /// The same, for whom silence is no surprise.
    pub fn try_message(&mut self) -> io::Result<Option<Message>> {
        loop {
            if let Some(length) = self.ahead().get(1..5) {
                let size = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.ahead().len() >= size {
                    let bytes = self.take(size);
                    return Ok(Some(Message { tag: bytes[0], body: bytes[5..].to_vec() }));
                }
            }
            if self.try_read_more()? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next packet without a tag.
    pub fn packet(&mut self) -> Vec<u8> {
        loop {
            if let Some(length) = self.ahead().first_chunk() {
                let size = u32::from_be_bytes(*length) as usize;
                if self.ahead().len() >= size {
                    return self.take(size);
                }
            }
            assert!(self.read_more() > 0, "closed before a packet was whole");
        }
    }

    /// Reads messages with exactly these tags, as `"T D C Z"`.
    #[track_caller]
    pub fn expect(&mut self, tags: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        for tag in tags.split_whitespace() {
            let got = self.message();
            if got.as_ref().is_none_or(|got| got.tag != tag.as_bytes()[0]) {
                let so_far: String = messages.iter().map(|message: &Message| char::from(message.tag)).collect();
                let got = got.map_or("the end".to_string(), |got| format!("{} {}", char::from(got.tag), got.text()));
                panic!("{got:?} instead of {tag}, after {so_far:?} of {tags:?}");
            }
            messages.extend(got);
        }
        messages
    }

    /// Reads messages with exactly these tags; the body of the last as text.
    #[track_caller]
    pub fn hear(&mut self, tags: &str) -> String {
        self.expect(tags).last().map(Message::text).unwrap_or_default()
    }

    /// One read from the kernel, and exactly these messages in it.
    #[track_caller]
    pub fn expect_in_one_read(&mut self, tags: &str) -> Vec<Message> {
        assert!(self.ahead().is_empty(), "something was read before");
        assert!(self.read_more() > 0, "closed before {tags:?}");
        let messages = self.expect_here(tags);
        assert!(self.ahead().is_empty(), "more than {tags:?} was read");
        messages
    }

    #[track_caller]
    fn expect_here(&mut self, tags: &str) -> Vec<Message> {
        let before = self.ahead().len();
        let messages = self.expect(tags);
        let size: usize = messages.iter().map(|message| message.body.len() + 5).sum();
        assert!(size <= before, "{tags:?} took more than one read");
        messages
    }

    /// An ErrorResponse with this severity and SQLSTATE comes next.
    #[track_caller]
    pub fn expect_error(&mut self, severity: &str, code: &str) -> Message {
        let message = self.expect("E").remove(0);
        assert_eq!((message.field('V'), message.field('C')), (severity.into(), code.into()), "{}", message.text());
        message
    }

    /// The peer closes, with nothing more to say.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        if let Some(message) = self.message() {
            panic!("{} instead of the end: {}", char::from(message.tag), message.text());
        }
    }

    /// All that comes until the peer closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.read_more() > 0 {}
        self.take(self.ahead().len())
    }

    /// Nothing has arrived.
    #[track_caller]
    pub fn expect_silence(&mut self) {
        assert!(self.ahead().is_empty(), "something was read: {:?}", self.ahead());
        self.socket.set_nonblocking(true).unwrap();
        let peeked = self.socket.peek(&mut [0; 1]);
        self.socket.set_nonblocking(false).unwrap();
        assert_eq!(peeked.map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    }

    /// Reads into `room`, past the messages: for large ones.
    pub fn read_raw(&mut self, room: &mut [u8]) -> usize {
        if self.ahead().is_empty() {
            return self.socket.read(room).unwrap();
        }
        let count = room.len().min(self.ahead().len());
        room[..count].copy_from_slice(&self.take(count));
        count
    }

    /// Says that nothing more will be sent, and closes.
    pub fn close(self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Breaks off: the other side reads that the connection was reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// Another hold on the same socket, for a thread that only writes.
    pub fn writer(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// How many bytes one read brought; a broken connection has ended too.
    fn read_more(&mut self) -> usize {
        self.try_read_more().unwrap_or_else(|error| panic!("nothing came within {PATIENCE:?}: {error}"))
    }

    fn try_read_more(&mut self) -> io::Result<usize> {
        self.read.drain(..std::mem::take(&mut self.at));
        let before = self.read.len();
        self.read.resize(before + 64 * 1024, 0);
        let got = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.socket).read(&mut self.read[before..]),
            None => self.socket.read(&mut self.read[before..]),
        };
        let got = match got {
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => Ok(0),
            got => got,
        };
        self.read.truncate(before + got.as_ref().unwrap_or(&0));
        got
    }
}
