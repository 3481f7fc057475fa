//! The first packet of a connection, which has no tag: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest. Pure.

use super::frame::cut_str;
use super::sqlstate::{self, SqlState};

/// A longer startup packet is not from a Postgres client; Postgres uses the same bound (MAX_STARTUP_PACKET_LENGTH).
pub const MAX_STARTUP: usize = 10_000;

const SSL_REQUEST: u32 = (1234 << 16) | 5679;
const GSSENC_REQUEST: u32 = (1234 << 16) | 5680;
const CANCEL_REQUEST: u32 = (1234 << 16) | 5678;

/// The newest protocol we speak, 3.2: like 3.0, but with longer keys for cancels.
const NEWEST_MINOR: u16 = 2;

/// Clients of protocol 3.0 have room for this many bytes of a cancel key, and no more.
const SHORT_KEY: usize = 4;

/// What later ones get; Postgres' own are as long.
const LONG_KEY: usize = 32;

/// No cancel key is longer than this.
///
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html#PROTOCOL-MESSAGE-FORMATS-BACKENDKEYDATA>
pub const LONGEST_KEY: usize = 256;

/// The minor version that is spoken with a client that asks for this one: never a newer one than it asks for, and never 3.1,
/// which no Postgres speaks, for old poolers claimed to.
///
/// <https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-VERSIONS>
pub fn spoken_minor(asked: u16) -> u16 {
    if asked < NEWEST_MINOR { 0 } else { NEWEST_MINOR }
}

/// How long a cancel key is in this minor version, as we make it.
pub fn key_length(minor: u16) -> usize {
    if minor < NEWEST_MINOR { SHORT_KEY } else { LONG_KEY }
}

/// The first byte of a TLS handshake. A packet that begins with it would be far longer than any may be.
const TLS_HANDSHAKE: u8 = 0x16;

/// The packet, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// The client would like TLS.
    Ssl,
    /// The client would like GSSAPI encryption.
    GssEnc,
    /// No packet: a TLS handshake begins, without a request for it. Nothing of it has been taken.
    Handshake,
    /// Stop what the client with this key runs.
    Cancel {
        /// What we called its process id.
        process_id: u32,
        /// The key that we gave it.
        key: Vec<u8>,
    },
    /// A session begins.
    Session {
        /// The minor protocol version that it asks for.
        minor: u16,
        /// `user`, `database` and whatever else, in order.
        parameters: Vec<(String, String)>,
    },
}

/// Why a first packet is refused; the sentence is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum BadStartup {
    #[error("invalid length of startup packet")]
    Length,
    #[error("invalid startup packet layout: expected terminator as last byte")]
    Layout,
    #[error("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2")]
    Version { major: u16, minor: u16 },
    #[error("a startup packet's strings must be UTF-8")]
    Encoding,
    #[error("no PostgreSQL user name specified in startup packet")]
    NoUser,
}

impl BadStartup {
    /// The code that Postgres has for it.
    pub fn sqlstate(self) -> SqlState {
        match self {
            BadStartup::Version { .. } => sqlstate::FEATURE_NOT_SUPPORTED,
            BadStartup::NoUser => sqlstate::INVALID_AUTHORIZATION,
            BadStartup::Length | BadStartup::Layout | BadStartup::Encoding => sqlstate::PROTOCOL_VIOLATION,
        }
    }
}

/// Whether a TLS handshake begins where a packet would be.
///
/// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>
pub fn is_handshake(bytes: &[u8]) -> bool {
    bytes.first() == Some(&TLS_HANDSHAKE)
}

/// The packet's whole length, once its length word is there.
pub fn size(bytes: &[u8]) -> Result<Option<usize>, BadStartup> {
    let Some(word) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*word) as usize;
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(BadStartup::Length);
    }
    Ok(Some(length))
}

impl Startup {
    /// Reads a whole packet, its length word included.
    pub fn read(packet: &[u8]) -> Result<Startup, BadStartup> {
        let (code, body) = packet.get(4..).and_then(<[u8]>::split_first_chunk::<4>).ok_or(BadStartup::Length)?;
        match u32::from_be_bytes(*code) {
            SSL_REQUEST => Ok(Startup::Ssl),
            GSSENC_REQUEST => Ok(Startup::GssEnc),
            CANCEL_REQUEST => Ok(read_cancel(body)),
            version => read_session(version, body),
        }
    }
}

/// A cancel is never answered, so one that is cut short is one for nobody.
fn read_cancel(body: &[u8]) -> Startup {
    let (id, key) = body.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    Startup::Cancel { process_id: u32::from_be_bytes(*id), key: key.to_vec() }
}

fn read_session(version: u32, body: &[u8]) -> Result<Startup, BadStartup> {
    let (major, minor) = ((version >> 16) as u16, version as u16);
    if major != 3 {
        return Err(BadStartup::Version { major, minor });
    }
    let parameters = read_parameters(body)?;
    // The last one counts, as in Postgres.
    let user = parameters.iter().rfind(|(name, _)| name == "user");
    if user.is_none_or(|(_, user)| user.is_empty()) {
        return Err(BadStartup::NoUser);
    }
    Ok(Startup::Session { minor, parameters })
}

/// Pairs of strings, then one more zero, which is the last byte.
fn read_parameters(mut rest: &[u8]) -> Result<Vec<(String, String)>, BadStartup> {
    let mut parameters = Vec::new();
    loop {
        let (name, after) = cut_str(rest).ok_or(BadStartup::Layout)?;
        if name.is_empty() {
            return if after.is_empty() { Ok(parameters) } else { Err(BadStartup::Layout) };
        }
        let (value, after) = cut_str(after).ok_or(BadStartup::Layout)?;
        parameters.push((text(name)?, text(value)?));
        rest = after;
    }
}

fn text(bytes: &[u8]) -> Result<String, BadStartup> {
    String::from_utf8(bytes.to_vec()).map_err(|_| BadStartup::Encoding)
}

/// The settings in a startup packet's `options`: `-c name=value`, `-cname=value`, `--name=value`, with backslash as the
/// escape, as the server splits them. `Err` has the word that is none of these.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS>
pub fn options(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut settings = Vec::new();
    let mut words = split_options(text).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.as_str(), word.strip_prefix("-c"), word.strip_prefix("--")) {
            ("-c", ..) => words.next().unwrap_or_default(),
            (_, Some(setting), _) | (_, None, Some(setting)) => setting.to_string(),
            _ => return Err(word),
        };
        let (name, value) = setting.split_once('=').ok_or(word)?;
        settings.push((name.trim().replace('-', "_"), value.to_string()));
    }
    Ok(settings)
}

fn split_options(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(code: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = (8 + body.len() as u32).to_be_bytes().to_vec();
        bytes.extend(code.to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[track_caller]
    fn check(code: u32, body: &[u8], expected: &str) {
        let said = match Startup::read(&packet(code, body)) {
            Ok(Startup::Session { minor, parameters }) => format!("3.{minor} {parameters:?}"),
            Ok(other) => format!("{other:?}"),
            Err(bad) => format!("{bad:?}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn packets() {
        check(80877103, b"", "Ssl");
        check(80877104, b"", "GssEnc");
        check(80877102, b"\0\0\0\x07key1", "Cancel { process_id: 7, key: [107, 101, 121, 49] }");
        check(80877102, b"\0\0", "Cancel { process_id: 0, key: [] }");
        check(196608, b"user\0a\0database\0b\0\0", r#"3.0 [("user", "a"), ("database", "b")]"#);
        check(196610, b"user\0a\0\0", r#"3.2 [("user", "a")]"#);
        check(196608, b"user\0a\0", "Layout");
        check(196608, b"user\0a\0\0x", "Layout");
        check(196608, b"user\0a", "Layout");
        check(196608, b"user\0\0\0", "NoUser");
        check(196608, b"\0", "NoUser");
        check(196608, b"user\0a\0user\0\0\0", "NoUser");
        check(196608, b"user\0\0user\0a\0\0", r#"3.0 [("user", ""), ("user", "a")]"#);
        check(196608, b"", "Layout");
        check(196608, b"user\0\xff\0\0", "Encoding");
        check(131072, b"user\0a\0\0", "Version { major: 2, minor: 0 }");
    }

    #[test]
    fn sizes() {
        for (length, expected) in
            [(0, Err(BadStartup::Length)), (7, Err(BadStartup::Length)), (8, Ok(Some(8))), (10_000, Ok(Some(10_000)))]
        {
            assert_eq!(size(&u32::to_be_bytes(length)), expected);
        }
        assert_eq!(size(&[0, 0, 0]), Ok(None));
        assert!(is_handshake(b"\x16") && size(b"\x16\0\0\0").is_err());
        assert!(!is_handshake(b"") && !is_handshake(b"\0\x16"));
        assert_eq!(size(&u32::to_be_bytes(10_001)), Err(BadStartup::Length));
        assert_eq!(size(&u32::to_be_bytes(u32::MAX)), Err(BadStartup::Length));
    }

    #[test]
    fn versions() {
        for (asked, spoken, key) in [(0, 0, 4), (1, 0, 4), (2, 2, 32), (3, 2, 32), (9999, 2, 32), (u16::MAX, 2, 32)] {
            assert_eq!((spoken_minor(asked), key_length(spoken_minor(asked))), (spoken, key), "3.{asked}");
        }
    }

    #[test]
    fn option_words() {
        let check = |text: &str, expected: &str| assert_eq!(format!("{:?}", options(text)), expected, "{text}");
        check("-c a=b", r#"Ok([("a", "b")])"#);
        check(" -ca=b  --c-d=e ", r#"Ok([("a", "b"), ("c_d", "e")])"#);
        check(r"-c search_path=a\ b\\c", r#"Ok([("search_path", "a b\\c")])"#);
        check("-c", r#"Err("-c")"#);
        check("-e", r#"Err("-e")"#);
        check("", "Ok([])");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Startup::read(&bytes);
            let _ = size(&bytes);
        }
    }
}
