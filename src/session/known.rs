//! A request that needs no server. Parse of statements that some server of the pool has parsed before, then Sync: the
//! statement follows its client to whichever server runs it. Close, which outside a transaction nothing can come of but that
//! a name is forgotten; Sync alone. Spares a client that prepares what others have prepared, or closes what it has prepared,
//! the wait, and a driver that blocks meanwhile (pgbench; Go's database/sql, whose other goroutines wait for the same lock) a
//! deadlock with its own transactions. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use super::statements::Statements;
use crate::net::Lane;
use crate::pool::catalog::{Catalog, Dialect, Statement};
use crate::protocol::frontend::{self, Object, Parse};
use crate::protocol::{Frame, TransactionStatus, backend, encode};

/// What a message of such a request does.
enum Deed<'a> {
    /// Prepares what the pool knows.
    Prepare(&'a [u8], Arc<Statement>),
    /// Closes a statement. That there is none is no error.
    Close(&'a [u8]),
    /// The same of a portal, of which there is none.
    ClosePortal,
    Sync,
}

/// Answers the requests that start the lane, as far as they are such: does what they say, takes them out of the lane. The
/// answer to all of them.
pub fn answer(
    lane: &mut Lane,
    statements: &mut Option<Box<Statements>>,
    client: u32,
    catalog: &Mutex<Catalog>,
    mut dialect: impl FnMut() -> Dialect,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while let Some(size) = measure(lane.unjudged())
        && let Some(deeds) = read(&lane.unjudged()[..size], statements.as_deref(), catalog, &mut dialect)
    {
        deeds.into_iter().for_each(|deed| deed.run(statements, client, &mut out));
        lane.swallow(size);
    }
    (!out.is_empty()).then_some(out)
}

impl Deed<'_> {
    /// Does it, and says so.
    fn run(self, statements: &mut Option<Box<Statements>>, client: u32, out: &mut Vec<u8>) {
        match self {
            Deed::Prepare(name, statement) => {
                statements.get_or_insert_with(|| Box::new(Statements::new(client))).adopt(name.into(), statement);
                encode::bare(out, backend::PARSED);
            }
            Deed::Close(name) => {
                statements.iter_mut().for_each(|own| own.forget(name));
                encode::bare(out, backend::CLOSED);
            }
            Deed::ClosePortal => encode::bare(out, backend::CLOSED),
            Deed::Sync => encode::ready(out, TransactionStatus::Idle),
        }
    }
}

/// The bytes of the request; `None` where it has other messages, as most have, or asks with a Flush for what is parsed.
fn measure(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut parses) = (0, false);
    loop {
        let frame = Frame::read(&bytes[at..]).ok()??;
        let body = frame.whole()?;
        at += frame.size;
        match frame.tag {
            frontend::PARSE => parses = true,
            frontend::CLOSE => {}
            frontend::SYNC if body.is_empty() => return Some(at),
            frontend::FLUSH if body.is_empty() && !parses => return Some(at),
            _ => return None,
        }
    }
}

/// What it does; `None` where a server has to see it.
fn read<'a>(
    mut bytes: &'a [u8],
    own: Option<&Statements>,
    catalog: &Mutex<Catalog>,
    dialect: &mut impl FnMut() -> Dialect,
) -> Option<Vec<Deed<'a>>> {
    let mut deeds = Vec::new();
    while let Some(frame) = Frame::read(bytes).ok()? {
        match frame.tag {
            frontend::PARSE => {
                let parse = Parse::read(frame.body)?;
                if parse.name.is_empty() || is_taken(parse.name, &deeds, own) {
                    return None;
                }
                deeds.push(Deed::Prepare(parse.name, find(parse.definition, catalog, dialect())?));
            }
            frontend::CLOSE => deeds.push(match Object::read(frame.body)? {
                Object::Statement(name) => Deed::Close(name),
                Object::Portal(_) => Deed::ClosePortal,
            }),
            frontend::SYNC => deeds.push(Deed::Sync),
            _ => {}
        }
        bytes = &bytes[frame.size..];
    }
    Some(deeds)
}

/// Whether something has this name, after what was done before.
fn is_taken(name: &[u8], before: &[Deed<'_>], own: Option<&Statements>) -> bool {
    let last = before.iter().rev().find_map(|deed| match deed {
        Deed::Prepare(other, _) if *other == name => Some(true),
        Deed::Close(other) if *other == name => Some(false),
        _ => None,
    });
    last.unwrap_or_else(|| own.is_some_and(|own| own.names.contains_key(name)))
}

fn find(definition: &[u8], catalog: &Mutex<Catalog>, dialect: Dialect) -> Option<Arc<Statement>> {
    let known = catalog.lock().unwrap_or_else(PoisonError::into_inner).find(dialect, definition)?;
    known.is_proven().then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::parameters::Parameters;

    /// `P:name=text`; `C:name`, of a portal `c:name`; anything else by its tag alone, `+` behind it for a body. What was answered,
    /// by tags, how many bytes are left, and which names there are then of `own` and `other`, which were there; what is unnamed
    /// is `-`.
    #[track_caller]
    fn check(words: &str, expected: &str, left: usize, names: &str) {
        let catalog = Mutex::new(Catalog::default());
        let dialect = catalog.lock().unwrap().dialect(&Parameters::default());
        catalog.lock().unwrap().intern(dialect, b"known\0\0\0").prove();
        catalog.lock().unwrap().intern(dialect, b"failed\0\0\0");
        let (mut lane, mut own) = (Lane::new(256), Box::new(Statements::new(1)));
        own.keep_unnamed(b"x\0\0\0");
        for name in [b"own".as_slice(), b"other"] {
            own.adopt(name.into(), catalog.lock().unwrap().intern(dialect, b"x\0\0\0"));
        }
        words.split(' ').for_each(|word| lane.push(&encode_word(word)));
        let mut own = Some(own);
        let out = answer(&mut lane, &mut own, 1, &catalog, || dialect).unwrap_or_default();
        let mut said = String::new();
        let mut rest = &out[..];
        while let Ok(Some(frame)) = Frame::read(rest) {
            said.push(frame.tag as char);
            rest = &rest[frame.size..];
        }
        let own = own.unwrap();
        let mut there: Vec<_> = own.names.keys().map(|name| String::from_utf8_lossy(name)).collect();
        there.extend((own.stamp != 0 && !own.unnamed.is_empty()).then_some("-".into()));
        there.sort();
        assert_eq!((said.as_str(), lane.unjudged().len(), &*there.join(" ")), (expected, left, names), "{words}");
    }

    fn encode_word(word: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match word.split_once(':') {
            Some(("C", name)) => encode::on_statement(&mut out, frontend::CLOSE, name.as_bytes()),
            Some((_, text)) => match text.split_once('=') {
                Some((name, text)) => {
                    encode::parse(&mut out, name.as_bytes(), &[text.as_bytes(), &[0, 0, 0]].concat());
                }
                None => encode::message(&mut out, frontend::CLOSE, |out| {
                    out.push(b'P');
                    encode::cstr(out, text.as_bytes());
                }),
            },
            None => encode::message(&mut out, word.as_bytes()[0], |out| out.extend(&word.as_bytes()[1..])),
        }
        out
    }

    #[test]
    fn only_what_a_server_has_parsed_and_only_with_its_sync() {
        check("P:a=known S", "1Z", 0, "- a other own");
        check("P:a=known P:b=known S", "11Z", 0, "- a b other own");
        check("P:a=known S Q", "1Z", 5, "- a other own");
        for (words, left) in [
            ("P:a=known P:a=known S", 35),
            ("P:own=known S", 22),
            ("P:a=failed S", 21),
            ("P:a=other S", 20),
            ("P:=known S", 19),
            ("P:a=known H", 20),
            ("P:a=known E S", 25),
            ("P:a=known", 15),
            ("P:a=known S+", 21),
        ] {
            check(words, "", left, "- other own");
        }
    }

    #[test]
    fn what_is_closed_is_forgotten_and_nothing_else() {
        check("C:own S", "3Z", 0, "- other");
        check("C: S", "3Z", 0, "other own");
        check("C:none S", "3Z", 0, "- other own");
        check("C:pgweir_1 S", "3Z", 0, "- other own");
        check("c: S", "3Z", 0, "- other own");
        check("c:own S", "3Z", 0, "- other own");
        check("C:own C:other C: c: S Q", "3333Z", 5, "");
        check("C:own H", "3", 0, "- other");
        check("C:own H S", "3Z", 0, "- other");
        check("S", "Z", 0, "- other own");
        check("S C:own S C:other S P:own=known S Q", "Z3Z3Z1Z", 5, "- own");
        check("S P:a=failed S", "Z", 21, "- other own");
        check("C:own P:own=known S", "31Z", 0, "- other own");
        check("P:a=known C:a P:a=known C:a S", "1313Z", 0, "- other own");
        for (words, left) in [
            ("C:own", 10),
            ("C:own B S", 20),
            ("C:own Q", 15),
            ("C:own P:a=failed S", 31),
            ("C:own P:other=known S", 34),
            ("C S", 10),
            ("CXown S", 14),
            ("C:own S+", 16),
            ("S+", 6),
        ] {
            check(words, "", left, "- other own");
        }
    }
}
