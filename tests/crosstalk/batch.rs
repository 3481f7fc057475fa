//! What a client sends in one go, and every reply that it must get: messages and replies side by side.

use crate::support::wire::{self, Message, message};

/// One statement and what it must come to.
#[derive(Debug, Clone)]
pub struct Statement {
    pub sql: String,
    pub reply: Reply,
    /// The transaction's status after it, as ReadyForQuery says it.
    pub status: char,
}

#[derive(Debug, Clone)]
pub enum Reply {
    /// A command's tag.
    Done(&'static str),
    /// One row, its columns divided by `|`.
    Row(String),
    /// An SQLSTATE.
    Error(&'static str),
}

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each as a Query.
    Queries,
    /// All in one Query.
    Joined,
    /// Each as Parse, Bind, Describe, Execute, Sync.
    Extended,
    /// The same with one Sync for all.
    Piped,
}

pub const FORMS: [Form; 4] = [Form::Queries, Form::Joined, Form::Extended, Form::Piped];

/// Bytes to send, and the replies to them.
#[derive(Debug, Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    /// The texts that replies belong to.
    pub said: Vec<String>,
    /// Which of `said`, and the reply as `shown`.
    pub expected: Vec<(usize, String)>,
}

impl Batch {
    pub fn of(statements: &[Statement], form: Form) -> Batch {
        let mut batch = Batch::default();
        batch.add(statements, form);
        batch
    }

    pub fn add(&mut self, statements: &[Statement], form: Form) {
        let status = statements.last().map_or('I', |last| last.status);
        match form {
            Form::Queries => statements.iter().for_each(|one| self.joined(std::slice::from_ref(one), one.status)),
            Form::Joined => self.joined(statements, status),
            Form::Extended => statements.iter().for_each(|one| self.piped(std::slice::from_ref(one), one.status)),
            Form::Piped => self.piped(statements, status),
        }
    }

    fn joined(&mut self, statements: &[Statement], status: char) {
        let texts: Vec<&str> = statements.iter().map(|one| &*one.sql).collect();
        self.send(&wire::query(&texts.join("; ")));
        for statement in statements {
            self.say(&statement.sql);
            self.expect_reply(&statement.reply, true);
        }
        self.expect(format!("Z {status}"));
    }

    fn piped(&mut self, statements: &[Statement], status: char) {
        let mut failed = false;
        for Statement { sql, reply, .. } in statements {
            let portal = [wire::describe("P"), wire::execute()].concat();
            self.send(&[wire::parse("", sql), wire::bind("", ""), portal].concat());
            self.say(sql);
            if failed {
                continue;
            }
            self.expect_all(&["1", "2"]);
            if matches!(reply, Reply::Done(_)) {
                self.expect("n");
            }
            self.expect_reply(reply, true);
            failed = matches!(reply, Reply::Error(_));
        }
        self.sync(status);
    }

    pub fn sync(&mut self, status: char) {
        self.send(&wire::sync());
        self.expect(format!("Z {status}"));
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// What follows belongs to this text.
    pub fn say(&mut self, text: &str) {
        self.said.push(text.to_string());
    }

    pub fn expect(&mut self, reply: impl Into<String>) {
        self.expected.push((self.said.len().saturating_sub(1), reply.into()));
    }

    pub fn expect_all(&mut self, replies: &[&str]) {
        replies.iter().for_each(|reply| self.expect(*reply));
    }

    /// What comes of an Execute; a Query describes its row as well. What fails has one to describe, where it has been.
    pub fn expect_reply(&mut self, reply: &Reply, described: bool) {
        match reply {
            Reply::Done(tag) => self.expect(format!("C {tag}")),
            Reply::Error(code) => {
                self.describe(described);
                self.expect(format!("E {code}"));
            }
            Reply::Row(row) => {
                self.describe(described);
                self.expect(format!("D {row}"));
                self.expect("C SELECT 1");
            }
        }
    }

    fn describe(&mut self, described: bool) {
        if described {
            self.expect("T");
        }
    }
}

/// Bind of the unnamed portal with parameters as text.
pub fn bind(statement: &str, parameters: &[&str]) -> Vec<u8> {
    let count = (parameters.len() as u16).to_be_bytes();
    let mut body = [b"\0", statement.as_bytes(), &[0, 0, 0], &count].concat();
    for parameter in parameters {
        body.extend((parameter.len() as u32).to_be_bytes());
        body.extend(parameter.as_bytes());
    }
    body.extend([0, 0]);
    message(b'B', &body)
}

/// A reply as text: its tag, and what is to be compared of it.
pub fn shown(message: &Message) -> String {
    let tag = char::from(message.tag);
    match message.tag {
        b'D' => format!("D {}", row(&message.body)),
        b'E' => format!("E {}", message.field('C')),
        b'C' | b'Z' | b'd' => format!("{tag} {}", message.text()),
        _ => tag.to_string(),
    }
}

fn row(body: &[u8]) -> String {
    let (mut at, mut text) = (2, String::new());
    while let Some(size) = body.get(at..).and_then(|rest| rest.first_chunk()) {
        let size = i32::from_be_bytes(*size);
        let value = body.get(at + 4..).and_then(|rest| rest.get(..size.max(0) as usize)).unwrap_or_default();
        let divider = if at == 2 { "" } else { "|" };
        text.push_str(divider);
        text.push_str(&if size < 0 { "NULL".into() } else { String::from_utf8_lossy(value) });
        at += 4 + value.len();
    }
    text
}
