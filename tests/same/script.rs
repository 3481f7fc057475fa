//! What clients say, as lines of text: one message of the protocol each. Read here, and nowhere understood.
//!
//! | line | message |
//! |---|---|
//! | `a: login DateStyle=German` | the startup packet's parameters, before anything else of this client |
//! | `a: Q select 1` | Query |
//! | `a: P s1 select $1::int` | Parse; `-` is the unnamed statement |
//! | `a: B p1 s1 5 null` | Bind: portal, statement, values as text |
//! | `a: D S s1`, `a: C P p1` | Describe and Close of a statement or a portal |
//! | `a: E p1 2` | Execute: portal, most rows |
//! | `a: F 177 2 3` | FunctionCall: OID, arguments as text |
//! | `a: d one\n`, `a: c`, `a: f why` | CopyData, CopyDone, CopyFail |
//! | `a: H`, `a: S` | Flush, Sync |
//! | `a: X` | Terminate; reads to the end |
//! | `a: wait` | reads until nothing is owed |
//!
//! `\n` and `\t` are what they are elsewhere, `{x*70000}` is that many `x`.

use std::fmt;

use crate::support::wire::{self, message};

/// Lines in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Counted from 0: `a` is the first.
    pub(crate) client: usize,
    pub(crate) act: Act,
    text: String,
}

/// What a client does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Names and values for its startup packet.
    Login(Vec<(String, String)>),
    /// Sends a message.
    Send(Vec<u8>),
    /// Reads what is owed.
    Wait,
    /// Says goodbye and reads to the end.
    Leave,
}

impl Script {
    /// Blank lines and those that start with `#` are nothing.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Script {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Script { lines: lines.map(Line::read).collect() }
    }

    /// How many clients it takes.
    pub(crate) fn clients(&self) -> usize {
        self.lines.iter().map(|line| line.client + 1).max().unwrap_or(0)
    }

    /// What this client logs in with.
    pub(crate) fn login(&self, client: usize) -> &[(String, String)] {
        let mut own = self.lines.iter().filter(|line| line.client == client);
        match own.next() {
            Some(Line { act: Act::Login(parameters), .. }) => parameters,
            _ => &[],
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "        {}", line.text))
    }
}

impl Line {
    #[track_caller]
    pub(crate) fn read(text: &str) -> Line {
        let (who, what) = text.split_once(": ").unwrap_or_else(|| panic!("no client: {text:?}"));
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        let act = match verb {
            "login" => Act::Login(pairs(rest)),
            "wait" => Act::Wait,
            "X" => Act::Leave,
            _ => Act::Send(said(verb, &expand(rest)).unwrap_or_else(|| panic!("not a message: {text:?}"))),
        };
        Line { client: usize::from(who.as_bytes()[0] - b'a'), act, text: text.to_string() }
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    text.split(' ').filter_map(pair).collect()
}

fn said(verb: &str, rest: &str) -> Option<Vec<u8>> {
    let mut words = rest.split(' ');
    let mut name = || words.next().map(|word| word.trim_start_matches('-'));
    Some(match verb {
        "Q" => wire::query(rest),
        "P" => {
            let (statement, sql) = rest.split_once(' ').unwrap_or((rest, ""));
            wire::parse(statement.trim_start_matches('-'), sql)
        }
        "B" => {
            let (portal, statement) = (name()?, name()?);
            let front = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0"].concat();
            message(b'B', &[front, values(&words.collect::<Vec<_>>()), vec![0, 0]].concat())
        }
        "D" | "C" => message(verb.as_bytes()[0], &[name()?.as_bytes(), name()?.as_bytes(), b"\0"].concat()),
        "E" => {
            let portal = [name()?.as_bytes(), b"\0"].concat();
            message(b'E', &[&portal[..], &name()?.parse::<u32>().ok()?.to_be_bytes()].concat())
        }
        "F" => {
            let oid = name()?.parse::<u32>().ok()?.to_be_bytes();
            message(b'F', &[&oid[..], &values(&words.collect::<Vec<_>>()), &[0, 0]].concat())
        }
        "d" => message(b'd', rest.as_bytes()),
        "f" => message(b'f', &[rest.as_bytes(), b"\0"].concat()),
        "c" | "H" | "S" => message(verb.as_bytes()[0], b""),
        _ => return None,
    })
}

/// No formats, which makes all of them text; then the values.
fn values(words: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend((words.len() as u16).to_be_bytes());
    for word in words {
        match *word {
            "null" => bytes.extend(u32::MAX.to_be_bytes()),
            word => {
                bytes.extend((word.len() as u32).to_be_bytes());
                bytes.extend(word.as_bytes());
            }
        }
    }
    bytes
}

fn expand(text: &str) -> String {
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    let Some((before, rest)) = text.split_once('{') else { return text };
    let (what, after) = rest.split_once('}').expect("a brace ends");
    let (what, count) = what.split_once('*').expect("a count in braces");
    [before, &what.repeat(count.parse().expect("a number")), after].concat()
}
