//! Why a server ended, in its own words or the system's, for the log. Pure.

use std::io;

use crate::protocol::backend;
use crate::protocol::sqlstate::SqlState;

/// What is known of a server's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The server's own, if it has said anything.
    sqlstate: Option<SqlState>,
    text: String,
}

impl Ending {
    /// Of the body of an ErrorResponse, if a server ends with it. Its message alone: what stands beside it, detail, hint and
    /// context, can hold values.
    pub fn said(body: &[u8]) -> Option<Ending> {
        let message = backend::error_field(body, b'M').unwrap_or_default();
        let text = || String::from_utf8_lossy(message).into_owned();
        backend::is_fatal(body).then(|| Ending { sqlstate: backend::sqlstate(body), text: text() })
    }

    /// Of what the system says of the connection. What TLS says of one that just ends is for its programmers.
    pub fn broke(error: &io::Error) -> Option<Ending> {
        let tells = error.kind() != io::ErrorKind::UnexpectedEof;
        tells.then(|| Ending { sqlstate: None, text: error.to_string() })
    }

    /// What is known with this as well: what the server has said itself explains what the system says.
    pub(super) fn or_later(known: Option<Box<Ending>>, later: Option<Ending>) -> Option<Box<Ending>> {
        match (known, later) {
            (Some(known), Some(later)) if later.sqlstate.is_none() || known.sqlstate.is_some() => Some(known),
            (_, Some(later)) => Some(Box::new(later)),
            (known, None) => known,
        }
    }

    /// As text.
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_ref().and_then(|code| std::str::from_utf8(code).ok())
    }

    /// One sentence.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(severity: &str) -> Vec<u8> {
        format!("SX\0V{severity}\0C57P01\0Mtold to go\0Dwith a secret\0\0").into_bytes()
    }

    /// What is noted one after the other: a severity, or `!` and the kind of a broken connection.
    fn check(noted: &[&str], expected: &str) {
        let ending = noted.iter().fold(None, |known, noted| {
            let later = match *noted {
                "!reset" => Ending::broke(&io::Error::other("reset")),
                "!end" => Ending::broke(&io::ErrorKind::UnexpectedEof.into()),
                severity => Ending::said(&error(severity)),
            };
            Ending::or_later(known, later)
        });
        let shown = ending.map(|ending| format!("{} {}", ending.sqlstate().unwrap_or("-"), ending.text()));
        assert_eq!(shown.unwrap_or_default(), expected, "{noted:?}");
    }

    #[test]
    fn what_is_known() {
        check(&[], "");
        check(&["ERROR"], "");
        check(&["FATAL"], "57P01 told to go");
        check(&["PANIC"], "57P01 told to go");
        check(&["!reset"], "- reset");
        check(&["!end"], "");
        check(&["FATAL", "!reset"], "57P01 told to go");
        check(&["!reset", "FATAL"], "57P01 told to go");
        check(&["!end", "FATAL", "!end"], "57P01 told to go");
    }
}
