//! What a server may say, as far as a pooler must understand it. Pure.

use super::frame::cut_str;
use super::sqlstate::SqlState;

/// Authentication…
pub const AUTHENTICATION: u8 = b'R';
/// BackendKeyData
pub const KEY: u8 = b'K';
/// ParameterStatus
pub const PARAMETER_STATUS: u8 = b'S';
/// ReadyForQuery
pub const READY: u8 = b'Z';
/// ErrorResponse
pub const ERROR: u8 = b'E';
/// NoticeResponse
pub const NOTICE: u8 = b'N';
/// NotificationResponse
pub const NOTIFICATION: u8 = b'A';
/// CommandComplete
pub const COMPLETE: u8 = b'C';
/// EmptyQueryResponse
pub const EMPTY: u8 = b'I';
/// PortalSuspended
pub const SUSPENDED: u8 = b's';
/// ParseComplete
pub const PARSED: u8 = b'1';
/// BindComplete
pub const BOUND: u8 = b'2';
/// CloseComplete
pub const CLOSED: u8 = b'3';
/// RowDescription
pub const ROW_DESCRIPTION: u8 = b'T';
/// NoData
pub const NO_DATA: u8 = b'n';
/// ParameterDescription
pub const PARAMETER_DESCRIPTION: u8 = b't';
/// DataRow
pub const ROW: u8 = b'D';
/// CopyInResponse
pub const COPY_IN: u8 = b'G';
/// CopyOutResponse
pub const COPY_OUT: u8 = b'H';
/// CopyBothResponse
pub const COPY_BOTH: u8 = b'W';
/// CopyData
pub const COPY_DATA: u8 = b'd';
/// CopyDone
pub const COPY_DONE: u8 = b'c';
/// FunctionCallResponse
pub const FUNCTION_RESULT: u8 = b'V';
/// NegotiateProtocolVersion
pub const NEGOTIATE: u8 = b'v';

/// Whether a server may say this at all.
#[inline]
pub fn is_known(tag: u8) -> bool {
    KNOWN[usize::from(tag)]
}

const TAGS: &[u8] = b"RKSZENACIs123TntDGHWdcVv";

const KNOWN: [bool; 256] = {
    let (mut known, mut at) = ([false; 256], 0);
    while at < TAGS.len() {
        known[TAGS[at] as usize] = true;
        at += 1;
    }
    known
};

/// ParameterStatus: name and value.
pub fn parameter_status(body: &[u8]) -> Option<(&str, &str)> {
    let (name, rest) = cut_str(body)?;
    let (value, _) = cut_str(rest)?;
    Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
}

/// BackendKeyData: process id and the secret key, which may be longer than four bytes from protocol 3.2 on.
pub fn key_data(body: &[u8]) -> Option<(u32, &[u8])> {
    let (id, key) = body.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*id), key))
}

/// CommandComplete's tag.
pub fn command_tag(body: &[u8]) -> &[u8] {
    cut_str(body).map_or(body, |(tag, _)| tag)
}

/// One field of an ErrorResponse or NoticeResponse, by its letter.
///
/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>
pub fn error_field(body: &[u8], letter: u8) -> Option<&[u8]> {
    error_fields(body).find(|(found, _)| *found == letter).map(|(_, text)| text)
}

/// The fields of an ErrorResponse or NoticeResponse, in order.
pub fn error_fields(mut body: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&letter, rest) = body.split_first()?;
        let (text, after) = cut_str(rest)?;
        body = after;
        (letter != 0).then_some((letter, text))
    })
}

/// An ErrorResponse's SQLSTATE.
pub fn sqlstate(body: &[u8]) -> Option<SqlState> {
    error_field(body, b'C')?.try_into().ok()
}

/// Whether the server closes after this ErrorResponse.
pub fn is_fatal(body: &[u8]) -> bool {
    let severity = error_field(body, b'V').or_else(|| error_field(body, b'S'));
    matches!(severity, Some(b"FATAL" | b"PANIC"))
}

/// An ErrorResponse in one line, for a log: `FATAL 28P01: password authentication failed`.
pub fn error_line(body: &[u8]) -> String {
    let field = |letter| String::from_utf8_lossy(error_field(body, letter).unwrap_or(b"?")).into_owned();
    format!("{} {}: {}", field(b'S'), field(b'C'), field(b'M'))
}
