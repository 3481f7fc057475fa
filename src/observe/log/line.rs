//! How an event is written: one line, whatever its fields contain. Pure: the time is an argument.
//!
//! Text: `2026-11-22T10:00:00.123Z INFO client_login user=app addr=10.0.0.7:5000`.
//! JSON: `{"ts":"2026-11-22T10:00:00.123Z","level":"info","event":"client_login","user":"app","addr":"10.0.0.7:5000"}`.
//!
//! Fields one after the other whose names begin alike, `client.id` and `client.addr`, are one object in JSON. A field of bytes is
//! JSON already: a list, or an object.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug, Display, Write};

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::sql::fitting;

/// The two ways to write a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text { colour: bool },
    Json,
}

/// What stands first in a line, wherever it stood in the event.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) event: String,
    pub(super) message: String,
}

impl Head {
    /// An event without a name, one of the crates below us, is named after its module.
    pub(super) fn of(event: &Event<'_>) -> Head {
        let mut head = Head::default();
        event.record(&mut head);
        if head.event.is_empty() {
            head.event = event.metadata().target().to_owned();
        }
        head
    }
}

impl Visit for Head {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "event" => self.event = format!("{value:?}"),
            "message" => self.message = format!("{value:?}"),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => value.clone_into(&mut self.event),
            "message" => value.clone_into(&mut self.message),
            _ => {}
        }
    }
}

/// A line under way.
#[derive(Debug)]
pub(super) struct Line {
    form: Form,
    out: String,
    /// The object that is being written.
    object: String,
}

impl Line {
    /// Begins a line; an empty message is none.
    pub(super) fn new(form: Form, at: Timestamp, level: Level, event: &str, message: &str) -> Line {
        let mut line = Line { form, out: String::with_capacity(256), object: String::new() };
        match form {
            Form::Text { colour } => line.begin_text(at, level, event, message, colour),
            Form::Json => line.begin_json(at, level, event, message),
        }
        line
    }

    fn begin_text(&mut self, at: Timestamp, level: Level, event: &str, message: &str, colour: bool) {
        let (paint, plain) = if colour { (colour_of(level), "\x1b[0m") } else { ("", "") };
        write(&mut self.out, format_args!("{at:.3} {paint}{level}{plain} "));
        escape_text(&mut self.out, &cut(event));
        if !message.is_empty() {
            self.out.push_str(": ");
            escape_text(&mut self.out, &cut(message));
        }
    }

    fn begin_json(&mut self, at: Timestamp, level: Level, event: &str, message: &str) {
        let level = level.as_str().to_ascii_lowercase();
        write(&mut self.out, format_args!(r#"{{"ts":"{at:.3}","level":"{level}""#));
        self.text("event", event);
        if !message.is_empty() {
            self.text("message", message);
        }
    }

    /// A field that is text, from whatever source.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        let value = cut(value);
        match self.form {
            Form::Json => json_string(&mut self.out, &value),
            Form::Text { .. } if is_plain(&value) => self.out.push_str(&value),
            Form::Text { .. } => {
                self.out.push('"');
                escape_quoted(&mut self.out, &value);
                self.out.push('"');
            }
        }
    }

    /// A field whose text is the same in both forms: numbers and booleans.
    pub(super) fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        write(&mut self.out, format_args!("{value}"));
    }

    /// A field that is JSON already; what is none after all is text.
    fn json(&mut self, name: &str, value: &str) {
        match (serde_json::from_str(value), self.form) {
            (Err(_), _) => self.text(name, value),
            (Ok(value), Form::Text { .. }) => self.text(name, &in_words(&value)),
            (Ok(_), Form::Json) => {
                self.name(name);
                // Only in strings.
                value
                    .chars()
                    .for_each(|c| if is_hostile(c) { escape_json(&mut self.out, c) } else { self.out.push(c) });
            }
        }
    }

    /// The line, with its line break.
    pub(super) fn finish(mut self) -> String {
        self.enter("");
        self.out.push_str(if self.form == Form::Json { "}\n" } else { "\n" });
        self.out
    }

    fn name(&mut self, name: &str) {
        match self.form {
            Form::Text { .. } => write(&mut self.out, format_args!(" {name}=")),
            Form::Json => {
                let (object, name) = name.split_once('.').unwrap_or(("", name));
                if !self.enter(object) {
                    self.out.push(',');
                }
                json_string(&mut self.out, name);
                self.out.push(':');
            }
        }
    }

    /// Into an object, and out of the one before; whether its first field comes next.
    fn enter(&mut self, object: &str) -> bool {
        if self.object == object {
            return false;
        }
        if !self.object.is_empty() {
            self.out.push('}');
        }
        object.clone_into(&mut self.object);
        if object.is_empty() {
            return false;
        }
        self.out.push(',');
        json_string(&mut self.out, object);
        self.out.push_str(":{");
        true
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !in_head(field) {
            let mut text = Bounded(String::new());
            // The only error is that the field is longer than we write anyway.
            let _ = write!(text, "{value:?}");
            self.text(field.name(), &text.0);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !in_head(field) {
            self.text(field.name(), value);
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.json(field.name(), &String::from_utf8_lossy(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    /// JSON knows neither NaN nor infinities.
    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.form {
            Form::Json if !value.is_finite() => self.plain(field.name(), "null"),
            _ => self.plain(field.name(), value),
        }
    }
}

fn in_head(field: &Field) -> bool {
    matches!(field.name(), "event" | "message")
}

fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// One field's length in bytes. A statement or an error that is longer says no more to somebody who reads logs, and
/// collectors cut or drop lines from 16 KiB on.
const FIELD_MAX: usize = 8 * 1024;

fn cut(value: &str) -> Cow<'_, str> {
    if value.len() <= FIELD_MAX {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("{}…", fitting(value, FIELD_MAX)))
}

/// Collects what a `Debug` writes, until it is more than a line shows.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.push_str(piece);
        if self.0.len() > FIELD_MAX { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Needs no quotes in a text line: nobody could take it for two values or for the next field.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !is_hostile(c) && !matches!(c, '"' | '=' | '\\'))
}

/// Breaks a line or commands a terminal: controls (C1 too, a lone U+009B is an escape sequence), separators, and what
/// turns the direction of writing.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_text(out: &mut String, value: &str) {
    value.chars().for_each(|c| if is_hostile(c) { out.extend(c.escape_default()) } else { out.push(c) });
}

fn escape_quoted(out: &mut String, value: &str) {
    value.chars().for_each(|c| match c {
        '"' | '\\' => out.extend(['\\', c]),
        _ if is_hostile(c) => out.extend(c.escape_default()),
        _ => out.push(c),
    });
}

/// Everything hostile as `\uXXXX`, so that JSON on a terminal is as harmless as text.
fn json_string(out: &mut String, value: &str) {
    out.push('"');
    value.chars().for_each(|c| match c {
        '"' | '\\' => out.extend(['\\', c]),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if is_hostile(c) => escape_json(out, c),
        _ => out.push(c),
    });
    out.push('"');
}

/// All of them have at most four hexadecimal digits.
fn escape_json(out: &mut String, hostile: char) {
    write(out, format_args!("\\u{:04x}", u32::from(hostile)));
}

/// A list with commas, an object as `name=value`; of objects in a list what they say last.
fn in_words(value: &Value) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => joined(items.iter().map(|item| in_words(last_of(item))).collect()),
        Value::Object(fields) => {
            joined(fields.iter().map(|(name, value)| format!("{name}={}", in_words(value))).collect())
        }
        other => other.to_string(),
    }
}

fn last_of(item: &Value) -> &Value {
    item.as_object().and_then(|fields| fields.values().next_back()).unwrap_or(item)
}

fn write(out: &mut String, what: fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests;
