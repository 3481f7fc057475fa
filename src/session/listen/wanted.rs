//! What nothing but LISTEN and UNLISTEN asks for, and what Postgres would answer. Pure.

use super::super::owed::Owed;
use super::super::statements::Statements;
use crate::protocol::encode;
use crate::protocol::frame::{HEADER, cut_str};
use crate::protocol::frontend::{self, Bind, Object, Parse};
use crate::protocol::{Frame, TransactionStatus, backend};
use crate::sql::Listen;

/// A request that is nothing but LISTEN or UNLISTEN.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::session) struct Wanted {
    /// Its statements; one, unless it is a Query.
    pub(super) what: Vec<Listen>,
    /// Bytes of the request.
    pub(super) size: usize,
    /// What its messages are owed, in order.
    pub(super) owed: Vec<Owed>,
}

/// A text with more statements is left to a server: each of them is held against all channels.
const MOST: usize = 64;

/// Looks whether a complete request is one of these, of a client that has these statements. Pure.
pub(super) fn wanted(bytes: &[u8], own: Option<&Statements>) -> Option<Wanted> {
    match *bytes.first()? {
        frontend::QUERY if bytes.get(HEADER..).is_some_and(begins) => simple(bytes),
        frontend::PARSE => extended(bytes, own),
        frontend::BIND => extended(bytes, own.filter(|own| own.listens())),
        _ => None,
    }
}

/// Whether a text, the first of what lies in `bytes`, may be one of the two: almost none goes further.
fn begins(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'l' | b'L' | b'u' | b'U' | b';' | b'/' | b'-' | b' ' | b'\t' | b'\n' | b'\r'))
}

fn simple(bytes: &[u8]) -> Option<Wanted> {
    let frame = Frame::read(bytes).ok()??;
    let (text, _) = cut_str(frame.whole()?)?;
    let what = Listen::read(text).filter(|what| what.len() <= MOST)?;
    Some(Wanted { what, size: frame.size, owed: vec![Owed::Query] })
}

/// The only statement of a text: of several Postgres prepares none.
fn lone(text: &[u8]) -> Option<Vec<Listen>> {
    Listen::read(text).filter(|what| what.len() == 1)
}

/// Parse, perhaps Describe, and Bind of what was parsed, or Bind of a statement that the client has; perhaps Describe of the portal;
/// Execute, Sync.
fn extended(bytes: &[u8], own: Option<&Statements>) -> Option<Wanted> {
    let (mut at, mut what, mut owed, mut parsed) = (0, None, Vec::new(), &b""[..]);
    loop {
        let frame = Frame::read(&bytes[at..]).ok()??;
        let body = frame.whole()?;
        at += frame.size;
        match frame.tag {
            frontend::PARSE if owed.is_empty() => {
                let (name, text) = cut_str(body)?;
                // One that is taken is refused.
                let is_taken = || own.is_some_and(|own| own.names.contains_key(name));
                if !begins(text) || is_taken() {
                    return None;
                }
                (parsed, what) = (name, Some(lone(Parse::read(body)?.query())?));
            }
            frontend::DESCRIBE if owed == [Owed::Parse(None)] => {
                matches!(Object::read(body), Some(Object::Statement(name)) if name == parsed).then_some(())?;
            }
            frontend::BIND if !owed.contains(&Owed::Bind(None)) => {
                let bind = Bind::read(body).filter(|bind| bind.portal.is_empty())?;
                match &what {
                    Some(_) => (bind.statement == parsed).then_some(())?,
                    None => what = Some(lone(own?.names.get(bind.statement)?.query())?),
                }
            }
            frontend::DESCRIBE if owed.last() == Some(&Owed::Bind(None)) && body == b"P\0" => {}
            frontend::EXECUTE if is_bound(&owed) && body.starts_with(&[0]) => {}
            frontend::SYNC if owed.last() == Some(&Owed::Execute) => {
                owed.push(Owed::Sync);
                return Some(Wanted { what: what?, size: at, owed });
            }
            _ => return None,
        }
        owed.extend(Owed::by(frame.tag));
    }
}

/// Bound, and not executed yet.
fn is_bound(owed: &[Owed]) -> bool {
    owed.contains(&Owed::Bind(None)) && !owed.contains(&Owed::Execute)
}

impl Wanted {
    /// What Postgres would answer.
    pub(super) fn answer(&self) -> Vec<u8> {
        let (mut out, mut bound) = (Vec::new(), false);
        for owed in &self.owed {
            match owed {
                Owed::Parse(_) => encode::bare(&mut out, backend::PARSED),
                Owed::Bind(_) => {
                    encode::bare(&mut out, backend::BOUND);
                    bound = true;
                }
                Owed::Describe(_) => {
                    if !bound {
                        encode::message(&mut out, backend::PARAMETER_DESCRIPTION, |out| out.extend([0, 0]));
                    }
                    encode::bare(&mut out, backend::NO_DATA);
                }
                Owed::Execute | Owed::Query => self.what.iter().for_each(|what| complete(&mut out, what)),
                _ => {}
            }
        }
        encode::ready(&mut out, TransactionStatus::Idle);
        out
    }
}

fn complete(out: &mut Vec<u8>, what: &Listen) {
    let tag: &[u8] = if matches!(what, Listen::On(_)) { b"LISTEN" } else { b"UNLISTEN" };
    encode::message(out, backend::COMPLETE, |out| encode::cstr(out, tag));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::catalog::Catalog;
    use crate::pool::parameters::Parameters;

    /// `Q:TEXT`, `P:TEXT` of the unnamed statement and `p:TEXT` of one called `m`, `B`, `M`, or `N` of the one called `l`, which is
    /// `listen a`, `D` of the portal, `U` of the unnamed statement, `W` of `m`, `E`, `S`; what is owed, by the letters of the answer.
    #[track_caller]
    fn check(words: &str, expected: &str) {
        let mut bytes = Vec::new();
        for word in words.split('|') {
            match word.split_once(':') {
                Some(("Q", text)) => encode::query(&mut bytes, text),
                Some((way, text)) => {
                    let name: &[u8] = if way == "p" { b"m" } else { b"" };
                    encode::parse(&mut bytes, name, &[text.as_bytes(), &[0; 3]].concat());
                }
                None => {
                    let (tag, body): (u8, &[u8]) = match word {
                        "B" => (b'B', &[0; 8]),
                        "M" => (b'B', b"\0m\0\0\0\0\0\0\0"),
                        "N" => (b'B', b"\0l\0\0\0\0\0\0\0"),
                        "D" => (b'D', b"P\0"),
                        "U" => (b'D', b"S\0"),
                        "W" => (b'D', b"Sm\0"),
                        "E" => (b'E', &[0; 5]),
                        other => (other.as_bytes()[0], b""),
                    };
                    encode::message(&mut bytes, tag, |out| out.extend(body));
                }
            }
        }
        let (mut own, mut catalog) = (Statements::new(0), Catalog::default());
        let dialect = catalog.dialect(&Parameters::default());
        own.change(b"l", Some(catalog.intern(dialect, b"listen a\0\0\0")), 0);
        let wanted = wanted(&bytes, Some(&own));
        let answer = wanted.as_ref().map(Wanted::answer).unwrap_or_default();
        let (mut said, mut rest) = (String::new(), &answer[..]);
        while let Ok(Some(frame)) = Frame::read(rest) {
            said.push(char::from(frame.tag));
            rest = &rest[frame.size..];
        }
        assert_eq!(said, expected, "{words}");
    }

    #[test]
    fn one_answer_to_each() {
        let what = Listen::read(b"listen a; unlisten a").unwrap();
        let answer = Wanted { what, size: 0, owed: vec![Owed::Query] }.answer();
        assert_eq!(answer, b"C\0\0\0\x0bLISTEN\0C\0\0\0\x0dUNLISTEN\0Z\0\0\0\x05I");
    }

    #[test]
    fn requests() {
        check("Q:listen a", "CZ");
        check("Q: UNLISTEN *;", "CZ");
        check("Q:listen a; select 1", "");
        check("Q:LISTEN \"jobs:insert\"; LISTEN \"worker:migrate\";", "CCZ");
        check("Q:;listen a;;unlisten b; /* c */ unlisten *;", "CCCZ");
        check("P:listen a; listen b|B|E|S", "");
        check("P:listen a;|B|E|S", "12CZ");
        check(&format!("Q:{}", "listen a;".repeat(MOST)), &format!("{}Z", "C".repeat(MOST)));
        check(&format!("Q:{}", "listen a;".repeat(MOST + 1)), "");
        check("Q:select 1", "");
        check("P:listen a|B|E|S", "12CZ");
        check("P:listen a|B|D|E|S", "12nCZ");
        check("P:listen a|B|S", "");
        check("P:listen a|S", "");
        check("P:listen a|B|E|E|S", "");
        check("P:select 1|B|E|S", "");
        check("P:listen a|B|E", "");
        check("N|E|S", "2CZ");
        check("N|D|E|S", "2nCZ");
        check("N|S", "");
        check("N|E|E|S", "");
        check("N|N|E|S", "");
        check("B|E|S", "");
        check("P:listen a|N|E|S", "");
        // As postgres.js does, with and without names.
        check("p:listen a|W|M|E|S", "1tn2CZ");
        check("P:listen a|U|B|E|S", "1tn2CZ");
        check("p:listen a|M|D|E|S", "12nCZ");
        check("p:listen a|W|B|E|S", "");
        check("p:listen a|U|M|E|S", "");
        check("p:listen a|W|W|M|E|S", "");
        check("p:listen a|W|S", "");
        check("p:select 1|W|M|E|S", "");
    }
}
