//! LISTEN and UNLISTEN of a client that holds no server: its pool listens for it, on one connection for all. Elsewhere (in a
//! transaction, among other statements) LISTEN runs on the client's own server, and ties it there.

use std::pin::pin;
use std::sync::{Arc, PoisonError};

use super::farewell::Farewell;
use super::owed::Owed;
use super::statements::Statements;
use super::stay::{Session, dialect_of};
use crate::config::PoolMode;
use crate::net::Lane;
use crate::pool::mail::Mailbox;
use crate::pool::{Client, Pool};
use crate::protocol::encode::{self, Complaint};
use crate::protocol::frame::{HEADER, cut_str};
use crate::protocol::frontend::{self, Bind, Object, Parse};
use crate::protocol::{Frame, TransactionStatus, backend, sqlstate};
use crate::sql::Listen;

/// What a client hears through its pool. Dropped, it hears nothing.
#[derive(Debug)]
pub(super) struct Hearing {
    pool: Arc<Pool>,
    client: Arc<Client>,
    channels: Vec<String>,
}

impl Hearing {
    /// Those of the letters that the client still wants: of a channel that it has left some may be on their way.
    fn wanted(&self, letters: &[u8]) -> Vec<u8> {
        let (mut wanted, mut rest) = (Vec::new(), letters);
        while let Ok(Some(frame)) = Frame::read(rest) {
            let channel = frame.body.get(4..).and_then(cut_str).map(|(channel, _)| channel);
            let named = |channel: &[u8]| self.channels.iter().any(|own| own.as_bytes() == channel);
            if frame.tag != backend::NOTIFICATION || channel.is_some_and(named) {
                wanted.extend_from_slice(&rest[..frame.size]);
            }
            rest = &rest[frame.size..];
        }
        wanted
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.pool.hub.unlisten(self.client.id, None);
    }
}

/// A request that is nothing but LISTEN or UNLISTEN.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    what: Listen,
    /// Bytes of the request.
    size: usize,
    /// What its messages are owed, in order.
    owed: Vec<Owed>,
}

/// Looks whether a complete request is one of these, of a client that has these statements. Pure.
fn wanted(bytes: &[u8], own: Option<&Statements>) -> Option<Wanted> {
    match *bytes.first()? {
        frontend::QUERY if bytes.get(HEADER..).is_some_and(begins) => simple(bytes),
        frontend::PARSE => extended(bytes, own),
        frontend::BIND => extended(bytes, own.filter(|own| own.listens())),
        _ => None,
    }
}

/// Whether a text, the first of what lies in `bytes`, may be one of the two: almost none goes further.
fn begins(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'l' | b'L' | b'u' | b'U' | b'/' | b'-' | b' ' | b'\t' | b'\n' | b'\r'))
}

fn simple(bytes: &[u8]) -> Option<Wanted> {
    let frame = Frame::read(bytes).ok()??;
    let (text, _) = cut_str(frame.whole()?)?;
    let what = Listen::read(text)?;
    Some(Wanted { what, size: frame.size, owed: vec![Owed::Query] })
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
                (parsed, what) = (name, Some(Listen::read(Parse::read(body)?.query())?));
            }
            frontend::DESCRIBE if owed == [Owed::Parse(None)] => {
                matches!(Object::read(body), Some(Object::Statement(name)) if name == parsed).then_some(())?;
            }
            frontend::BIND if !owed.contains(&Owed::Bind(None)) => {
                let bind = Bind::read(body).filter(|bind| bind.portal.is_empty())?;
                match &what {
                    Some(_) => (bind.statement == parsed).then_some(())?,
                    None => what = Some(Listen::read(own?.names.get(bind.statement)?.query())?),
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
    fn answer(&self) -> Vec<u8> {
        let (mut out, mut bound) = (Vec::new(), false);
        let tag: &[u8] = if matches!(self.what, Listen::On(_)) { b"LISTEN" } else { b"UNLISTEN" };
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
                Owed::Execute | Owed::Query => {
                    encode::message(&mut out, backend::COMPLETE, |out| encode::cstr(out, tag));
                }
                _ => {}
            }
        }
        encode::ready(&mut out, TransactionStatus::Idle);
        out
    }
}

impl Session {
    /// What the request that has come wants of the pool's ear, if that is all it wants.
    #[inline]
    pub(super) fn wants_to_listen(&self, up: &Lane) -> Option<Wanted> {
        let wanted = wanted(up.unjudged(), self.statements.as_deref())?;
        let off = !matches!(wanted.what, Listen::On(_));
        // Letters are in UTF-8. What is not heard through the pool cannot be heard no more.
        let served = self.parameters.reported("client_encoding") == Some("UTF8") && (!off || self.hearing.is_some());
        (served && self.mode != PoolMode::Session).then_some(wanted)
    }

    /// Does it.
    pub(super) async fn listen(&mut self, mut up: Box<Lane>, wanted: Wanted) -> Result<(), Farewell> {
        let answer = wanted.answer();
        if let Err(complaint) = self.hear(&wanted).await {
            return match complaint.sqlstate == sqlstate::CONNECTION_FAILURE && self.is_fresh() {
                true => Err(Farewell::told(complaint.ending())),
                false => self.refuse(up, complaint).await,
            };
        }
        self.note_statement(&up, &wanted);
        up.swallow(wanted.size);
        self.keep_or_shelve(up);
        self.client.queries.add(1);
        self.say(&mut { answer }).await
    }

    async fn hear(&mut self, wanted: &Wanted) -> Result<(), Complaint> {
        match &wanted.what {
            Listen::On(channel) => self.hear_on(channel).await?,
            off => self.hear_no_more(off),
        }
        Ok(())
    }

    /// The client counts as a listener before it is one: when it goes, or waits in vain, the pool is told that it is none.
    async fn hear_on(&mut self, channel: &str) -> Result<(), Complaint> {
        let patience = self.plan.settings.query_wait_timeout;
        let (pool, client) = (self.pool.clone(), self.client.clone());
        let hearing = self.hearing.get_or_insert_with(|| Box::new(Hearing { pool, client, channels: Vec::new() }));
        let known = hearing.channels.iter().any(|own| own == channel);
        if !known {
            hearing.channels.push(channel.to_owned());
        }
        let heard = self.pool.hub.listen(&self.pool, &self.client, channel.to_owned());
        let heard = self.worker.alarms.within(patience, pin!(heard)).await.unwrap_or_else(|| Err(late(patience)));
        if heard.is_err() && !known {
            self.hear_no_more(&Listen::Off(channel.to_owned()));
        }
        heard
    }

    /// UNLISTEN, here or on the client's own server.
    pub(super) fn hear_no_more(&mut self, what: &Listen) {
        match (what, &mut self.hearing) {
            (Listen::Off(channel), Some(hearing)) => {
                hearing.channels.retain(|own| own != channel);
                self.pool.hub.unlisten(self.client.id, Some(channel.clone()));
                if hearing.channels.is_empty() {
                    self.hearing = None;
                }
            }
            (Listen::AllOff, Some(_)) => self.hearing = None,
            _ => {}
        }
    }

    /// What others have for the client, and it wants.
    pub(super) fn letters(&self) -> Result<Vec<u8>, Farewell> {
        let letters = self.client.mail().map_or(Ok(Vec::new()), Mailbox::take);
        let letters = letters.map_err(|_| Farewell::told(overflow()))?;
        Ok(self.hearing.as_ref().map_or(Vec::new(), |hearing| hearing.wanted(&letters)))
    }

    /// A Query ends the unnamed statement, a Parse of it is another; a named one is known to the pool.
    fn note_statement(&mut self, up: &Lane, wanted: &Wanted) {
        let parse = match wanted.owed.first() {
            Some(Owed::Parse(_)) => up.frame().ok().flatten().and_then(|frame| Parse::read(frame.body)),
            Some(Owed::Bind(_)) => return,
            _ => None,
        };
        let Some(Parse { name, definition }) = parse else {
            return self.statements.iter_mut().for_each(|statements| statements.drop_unnamed());
        };
        let id = self.client.id;
        let statements = self.statements.get_or_insert_with(|| Box::new(Statements::new(id)));
        if name.is_empty() {
            statements.keep_unnamed(definition);
        } else {
            let dialect = dialect_of(&mut self.dialect, &self.pool, &self.parameters);
            let mut catalog = self.pool.catalog.lock().unwrap_or_else(PoisonError::into_inner);
            statements.adopt(name.into(), catalog.intern(dialect, definition));
        }
    }

    /// Sends what others have for the client.
    pub(super) async fn deliver(&mut self) -> Result<(), Farewell> {
        let mut letters = self.letters()?;
        self.say(&mut letters).await
    }
}

fn late(patience: std::time::Duration) -> Complaint {
    Complaint::error(
        sqlstate::TOO_MANY_CONNECTIONS,
        format!("pgweir had no server to listen with within query_wait_timeout ({patience:?})"),
    )
}

fn overflow() -> Complaint {
    Complaint::fatal(
        sqlstate::CONFIGURATION_LIMIT_EXCEEDED,
        "pgweir closed the connection: its client did not take its notifications, and there is room for no more",
    )
    .hint("Read from connections that listen, or say UNLISTEN.")
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
    fn requests() {
        check("Q:listen a", "CZ");
        check("Q: UNLISTEN *;", "CZ");
        check("Q:listen a; select 1", "");
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
