//! Messages that we write ourselves, each appended to a buffer that the caller gives. Pure.

use memchr::memchr;

use super::TransactionStatus;
use super::sqlstate::{CONNECTION_FAILURE, SqlState};
use super::{backend, frontend};

/// Appends a message: tag, length, whatever `body` appends.
pub fn message(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    untagged(out, body);
}

/// Appends a length and whatever `body` appends: a startup packet.
fn untagged(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = u32::try_from(out.len() - start).expect("we write no message of 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a string and its zero. A zero inside would end it early: it is cut there.
pub fn cstr(out: &mut Vec<u8>, text: &[u8]) {
    let end = memchr(0, text).unwrap_or(text.len());
    out.extend_from_slice(&text[..end]);
    out.push(0);
}

/// StartupMessage of protocol 3.0.
pub fn startup<'a>(out: &mut Vec<u8>, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) {
    untagged(out, |out| {
        out.extend(196_608_u32.to_be_bytes());
        for (name, value) in parameters {
            cstr(out, name.as_bytes());
            cstr(out, value.as_bytes());
        }
        out.push(0);
    });
}

/// SSLRequest.
pub fn ssl_request(out: &mut Vec<u8>) {
    untagged(out, |out| out.extend(80_877_103_u32.to_be_bytes()));
}

/// CancelRequest.
pub fn cancel_request(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    untagged(out, |out| {
        out.extend(80_877_102_u32.to_be_bytes());
        out.extend(process_id.to_be_bytes());
        out.extend(key);
    });
}

/// Query.
pub fn query(out: &mut Vec<u8>, sql: &str) {
    message(out, frontend::QUERY, |out| cstr(out, sql.as_bytes()));
}

/// Parse, its definition (query, types) as [`frontend::Parse`] cuts it.
pub fn parse(out: &mut Vec<u8>, name: &[u8], definition: &[u8]) {
    message(out, frontend::PARSE, |out| {
        cstr(out, name);
        out.extend(definition);
    });
}

/// Bind's header and names, for a message whose rest of `tail` bytes follows.
pub fn bind_front(out: &mut Vec<u8>, portal: &[u8], statement: &[u8], tail: usize) {
    let length = 4 + portal.len() + 1 + statement.len() + 1 + tail;
    out.push(frontend::BIND);
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    cstr(out, portal);
    cstr(out, statement);
}

/// Describe or Close of a statement.
pub fn on_statement(out: &mut Vec<u8>, tag: u8, name: &[u8]) {
    message(out, tag, |out| {
        out.push(b'S');
        cstr(out, name);
    });
}

/// Sync, Flush, Terminate, CopyDone, ParseComplete, CloseComplete: a message without a body.
pub fn bare(out: &mut Vec<u8>, tag: u8) {
    message(out, tag, |_| {});
}

/// ReadyForQuery.
pub fn ready(out: &mut Vec<u8>, status: TransactionStatus) {
    message(out, backend::READY, |out| out.push(status.byte()));
}

/// ParameterStatus.
pub fn parameter_status(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, backend::PARAMETER_STATUS, |out| {
        cstr(out, name.as_bytes());
        cstr(out, value.as_bytes());
    });
}

/// BackendKeyData.
pub fn key_data(out: &mut Vec<u8>, process_id: u32, key: &[u8]) {
    message(out, backend::KEY, |out| {
        out.extend(process_id.to_be_bytes());
        out.extend(key);
    });
}

/// NoticeResponse: a warning of ours.
pub fn warning(out: &mut Vec<u8>, text: &str) {
    message(out, backend::NOTICE, |out| {
        for (letter, field) in [(b'S', "WARNING"), (b'V', "WARNING"), (b'C', "01000"), (b'M', text)] {
            out.push(letter);
            cstr(out, field.as_bytes());
        }
        out.push(0);
    });
}

/// NegotiateProtocolVersion: the minor version that is spoken instead of the one asked for, and the options that we do not know.
pub fn negotiate(out: &mut Vec<u8>, minor: u16, unknown: &[&str]) {
    message(out, backend::NEGOTIATE, |out| {
        out.extend(((3_u32 << 16) | u32::from(minor)).to_be_bytes());
        out.extend((unknown.len() as u32).to_be_bytes());
        for name in unknown {
            cstr(out, name.as_bytes());
        }
    });
}

/// How bad an error of ours is: whether the session lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The statement fails.
    Error,
    /// The connection ends.
    Fatal,
}

/// An error of ours, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Whether the session lives on.
    pub severity: Severity,
    /// What kind.
    pub sqlstate: SqlState,
    /// One sentence: who, what.
    pub message: String,
    /// More of what was seen.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Complaint {
    /// The session ends with this.
    pub fn fatal(sqlstate: SqlState, message: impl Into<String>) -> Complaint {
        Complaint { severity: Severity::Fatal, sqlstate, message: message.into(), detail: None, hint: None }
    }

    /// The statement fails with this.
    pub fn error(sqlstate: SqlState, message: impl Into<String>) -> Complaint {
        Complaint { severity: Severity::Error, ..Complaint::fatal(sqlstate, message) }
    }

    /// A server's ErrorResponse, by its body, as the end of a login: its code and its words.
    pub fn of_server(body: &[u8]) -> Complaint {
        let text = |letter| backend::error_field(body, letter).map(|text| String::from_utf8_lossy(text).into_owned());
        let code = backend::sqlstate(body).unwrap_or(CONNECTION_FAILURE);
        let mut complaint = Complaint::fatal(code, text(b'M').unwrap_or_default());
        (complaint.detail, complaint.hint) = (text(b'D'), text(b'H'));
        complaint
    }

    /// The same, and the session ends with it.
    pub fn ending(self) -> Complaint {
        Complaint { severity: Severity::Fatal, ..self }
    }

    /// With a DETAIL.
    pub fn detail(mut self, text: impl Into<String>) -> Complaint {
        self.detail = Some(text.into());
        self
    }

    /// With a HINT.
    pub fn hint(mut self, text: impl Into<String>) -> Complaint {
        self.hint = Some(text.into());
        self
    }

    /// The SQLSTATE as text.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.sqlstate).unwrap_or("XX000")
    }

    /// Appends it as an ErrorResponse.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let severity = match self.severity {
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        };
        message(out, backend::ERROR, |out| {
            let mut field = |letter: u8, text: &[u8]| {
                out.push(letter);
                cstr(out, text);
            };
            field(b'S', severity.as_bytes());
            field(b'V', severity.as_bytes());
            field(b'C', &self.sqlstate);
            field(b'M', self.message.as_bytes());
            if let Some(detail) = &self.detail {
                field(b'D', detail.as_bytes());
            }
            if let Some(hint) = &self.hint {
                field(b'H', hint.as_bytes());
            }
            out.push(0);
        });
    }
}

/// Appends `text` as a string literal that means the same whatever `standard_conforming_strings` is.
pub fn literal(out: &mut String, text: &str) {
    if text.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

/// Appends `name` as a quoted identifier, each part between dots by itself: `"my"."setting"`.
pub fn setting_name(out: &mut String, name: &str) {
    for (index, part) in name.split('.').enumerate() {
        if index > 0 {
            out.push('.');
        }
        out.push('"');
        out.push_str(&part.replace('"', "\"\""));
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::*;

    #[test]
    fn messages_are_frames() {
        let mut out = Vec::new();
        query(&mut out, "select 1");
        bare(&mut out, frontend::SYNC);
        ready(&mut out, TransactionStatus::Open);
        Complaint::error(*b"53300", "full").detail("d").hint("h").encode(&mut out);
        let mut rest = &out[..];
        let mut tags = String::new();
        while let Ok(Some(frame)) = Frame::read(rest) {
            assert!(frame.is_complete());
            tags.push(frame.tag as char);
            rest = &rest[frame.size..];
        }
        assert_eq!((tags.as_str(), rest), ("QSZE", &b""[..]));
    }

    #[test]
    fn an_error_reads_back() {
        let mut out = Vec::new();
        Complaint::fatal(*b"28P01", "no").hint("try").encode(&mut out);
        let body = &out[5..];
        assert_eq!(backend::sqlstate(body), Some(*b"28P01"));
        assert_eq!(backend::error_field(body, b'H'), Some(&b"try"[..]));
        assert_eq!(backend::error_field(body, b'D'), None);
        assert_eq!(backend::error_line(body), "FATAL 28P01: no");
    }

    #[test]
    fn literals() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            literal(&mut out, text);
            assert_eq!(out, expected);
        };
        check("a", "'a'");
        check("it's", "'it''s'");
        check(r"\", r"E'\\'");
        check(r"'\", r"E'''\\'");
    }
}
