//! What a client may say after its login, as far as a pooler must understand it. Pure.

use super::frame::{cut_str, cut_value};

/// Query
pub const QUERY: u8 = b'Q';
/// Parse
pub const PARSE: u8 = b'P';
/// Bind
pub const BIND: u8 = b'B';
/// Describe
pub const DESCRIBE: u8 = b'D';
/// Execute
pub const EXECUTE: u8 = b'E';
/// Close
pub const CLOSE: u8 = b'C';
/// Sync
pub const SYNC: u8 = b'S';
/// Flush
pub const FLUSH: u8 = b'H';
/// FunctionCall
pub const FUNCTION_CALL: u8 = b'F';
/// CopyData
pub const COPY_DATA: u8 = b'd';
/// CopyDone
pub const COPY_DONE: u8 = b'c';
/// CopyFail
pub const COPY_FAIL: u8 = b'f';
/// Terminate
pub const TERMINATE: u8 = b'X';
/// PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse: only in a login.
pub const PASSWORD: u8 = b'p';

/// Whether a session may say this at all.
pub fn is_known(tag: u8) -> bool {
    matches!(
        tag,
        QUERY
            | PARSE
            | BIND
            | DESCRIBE
            | EXECUTE
            | CLOSE
            | SYNC
            | FLUSH
            | FUNCTION_CALL
            | COPY_DATA
            | COPY_DONE
            | COPY_FAIL
            | TERMINATE
    )
}

/// Messages that Postgres refuses above this many bytes (PQ_SMALL_MESSAGE_LIMIT): they name something and no more.
pub const MAX_SMALL: usize = 10_000;

/// Whether Postgres holds messages of this kind to [`MAX_SMALL`].
pub fn is_small(tag: u8) -> bool {
    matches!(tag, DESCRIBE | EXECUTE | CLOSE | SYNC | FLUSH | COPY_DONE | TERMINATE)
}

/// Parse: a statement's name, and all the rest (query, parameter types) as one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Empty for the unnamed statement.
    pub name: &'a [u8],
    /// Query text with its zero, count and OIDs of the parameter types: what makes two statements the same.
    pub definition: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads the body of a whole message.
    pub fn read(body: &'a [u8]) -> Option<Parse<'a>> {
        let (name, definition) = cut_str(body)?;
        let (_, types) = cut_str(definition)?;
        let (count, oids) = types.split_first_chunk::<2>()?;
        (oids.len() == 4 * usize::from(u16::from_be_bytes(*count))).then_some(Parse { name, definition })
    }

    /// The query's text, without its zero.
    pub fn query(&self) -> &'a [u8] {
        cut_str(self.definition).map_or(self.definition, |(query, _)| query)
    }
}

/// Bind's front: the portal and the statement. What follows passes as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// Empty for the unnamed portal.
    pub portal: &'a [u8],
    /// Empty for the unnamed statement.
    pub statement: &'a [u8],
}

impl<'a> Bind<'a> {
    /// Reads the front of a body, `None` while both names are not there.
    pub fn read(body: &'a [u8]) -> Option<Bind<'a>> {
        let (portal, rest) = cut_str(body)?;
        let (statement, _) = cut_str(rest)?;
        Some(Bind { portal, statement })
    }

    /// A parameter's bytes as the whole body of the message has them; the first is 1. `None` if there is none, `Some(None)`
    /// for NULL.
    pub fn parameter(body: &'a [u8], number: u32) -> Option<Option<&'a [u8]>> {
        let mut rest = body.get(Bind::read(body)?.front()..)?;
        let (formats, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(2 * usize::from(u16::from_be_bytes(*formats))..)?;
        let (count, mut values) = rest.split_first_chunk::<2>()?;
        let mut value = None;
        for _ in 0..number.min(u32::from(u16::from_be_bytes(*count)) + 1) {
            let (bytes, after) = cut_value(values)?;
            (value, values) = (Some(bytes), after);
        }
        value
    }

    /// How many bytes of the body the two names take, zeroes included.
    pub fn front(&self) -> usize {
        self.portal.len() + self.statement.len() + 2
    }
}

/// What a Describe or Close names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// `S` and its name.
    Statement(&'a [u8]),
    /// `P` and its name.
    Portal(&'a [u8]),
}

impl<'a> Object<'a> {
    /// Reads the body of a whole Describe or Close.
    pub fn read(body: &'a [u8]) -> Option<Object<'a>> {
        let (kind, rest) = body.split_first()?;
        let (name, rest) = cut_str(rest)?;
        match (kind, rest) {
            (b'S', []) => Some(Object::Statement(name)),
            (b'P', []) => Some(Object::Portal(name)),
            _ => None,
        }
    }
}
