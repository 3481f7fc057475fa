//! A request that needs no server: Parse of statements that some server of the pool has parsed before, then Sync. The
//! statement follows its client to whichever server runs it. Spares a client that prepares what others have prepared the
//! wait, and a driver that blocks while it prepares (pgbench) a deadlock with its own transactions. Pure.

use std::sync::{Arc, Mutex, PoisonError};

use super::statements::Statements;
use crate::net::Lane;
use crate::pool::catalog::{Catalog, Dialect, Statement};
use crate::protocol::frontend::{self, Parse};
use crate::protocol::{Frame, TransactionStatus, backend, encode};

/// Answers the request that starts the lane, if it is one of these: names it, takes it out of the lane. The answer.
pub fn answer(
    lane: &mut Lane,
    statements: &mut Option<Box<Statements>>,
    client: u32,
    catalog: &Mutex<Catalog>,
    dialect: impl FnOnce() -> Dialect,
) -> Option<Vec<u8>> {
    if lane.unjudged().first() != Some(&frontend::PARSE) {
        return None;
    }
    let (size, found) = find(lane.unjudged(), statements.as_deref(), catalog, dialect())?;
    let mut out = Vec::new();
    let statements = statements.get_or_insert_with(|| Box::new(Statements::new(client)));
    for (name, statement) in found {
        statements.adopt(name, statement);
        encode::bare(&mut out, backend::PARSED);
    }
    encode::ready(&mut out, TransactionStatus::Idle);
    lane.swallow(size);
    Some(out)
}

/// What is prepared under which name.
type Found = Vec<(Box<[u8]>, Arc<Statement>)>;

/// The bytes of the request, and what it prepares; `None` for any other request.
fn find(bytes: &[u8], own: Option<&Statements>, catalog: &Mutex<Catalog>, dialect: Dialect) -> Option<(usize, Found)> {
    let (mut at, mut found) = (0, Found::new());
    loop {
        let frame = Frame::read(&bytes[at..]).ok()??;
        let body = frame.whole()?;
        at += frame.size;
        match frame.tag {
            frontend::SYNC => return Some((at, found)),
            frontend::PARSE => found.push(find_one(Parse::read(body)?, &found, own, catalog, dialect)?),
            _ => return None,
        }
    }
}

fn find_one(
    parse: Parse<'_>,
    found: &Found,
    own: Option<&Statements>,
    catalog: &Mutex<Catalog>,
    dialect: Dialect,
) -> Option<(Box<[u8]>, Arc<Statement>)> {
    let taken = found.iter().any(|(name, _)| **name == *parse.name)
        || own.is_some_and(|own| own.names.contains_key(parse.name));
    if parse.name.is_empty() || taken {
        return None;
    }
    let known = catalog.lock().unwrap_or_else(PoisonError::into_inner).find(dialect, parse.definition)?;
    known.is_proven().then(|| (parse.name.into(), known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::parameters::Parameters;

    /// `P:name=text`, anything else by its tag alone. What was answered, by tags, and how many bytes are left.
    #[track_caller]
    fn check(words: &str, expected: &str, left: usize) {
        let catalog = Mutex::new(Catalog::default());
        let dialect = catalog.lock().unwrap().dialect(&Parameters::default());
        catalog.lock().unwrap().intern(dialect, b"known\0\0\0").prove();
        catalog.lock().unwrap().intern(dialect, b"failed\0\0\0");
        let (mut lane, mut statements) = (Lane::new(256), None);
        for word in words.split(' ') {
            let mut bytes = Vec::new();
            match word.strip_prefix("P:").and_then(|rest| rest.split_once('=')) {
                Some((name, text)) => {
                    encode::parse(&mut bytes, name.as_bytes(), &[text.as_bytes(), &[0, 0, 0]].concat());
                }
                None => encode::bare(&mut bytes, word.as_bytes()[0]),
            }
            lane.push(&bytes);
        }
        let out = answer(&mut lane, &mut statements, 1, &catalog, || dialect).unwrap_or_default();
        let mut said = String::new();
        let mut rest = &out[..];
        while let Ok(Some(frame)) = Frame::read(rest) {
            said.push(frame.tag as char);
            rest = &rest[frame.size..];
        }
        assert_eq!((said.as_str(), lane.unjudged().len()), (expected, left), "{words}");
    }

    #[test]
    fn only_what_a_server_has_parsed_and_only_with_its_sync() {
        check("P:a=known S", "1Z", 0);
        check("P:a=known P:b=known S", "11Z", 0);
        check("P:a=known S Q", "1Z", 5);
        check("P:a=known P:a=known S", "", 35);
        check("P:a=failed S", "", 21);
        check("P:a=other S", "", 20);
        check("P:=known S", "", 19);
        check("P:a=known H", "", 20);
        check("P:a=known E S", "", 25);
        check("S", "", 5);
    }
}
