//! Which settings a text changes for the session, and to what. Pure.
//!
//! For texts of which `effects` says `SETTINGS`; it says nothing of those that are `OPAQUE`.

use super::key::Key;
use super::lexer::{Lexer, Token};
use super::meaning;
use super::set::{Scope, Target, follows, is};

mod call;
mod value;

use value::Form;

/// One setting changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In lower case, as settings are the same in any; `a.b` for those of applications. Empty where it cannot be read (then
    /// `to` is `Unread`) and where all are meant (`AllDefault`).
    pub name: String,
    /// What it becomes.
    pub to: To,
}

impl Change {
    /// The value that is written there.
    pub fn value(&self) -> Option<&str> {
        if let To::Value(value) = &self.to { Some(value) } else { None }
    }

    /// Whether the setting, or all, are what they are when a session starts.
    pub fn is_reset(&self) -> bool {
        matches!(self.to, To::Default | To::AllDefault)
    }

    /// Whether it makes no difference whether `earlier` was made before it. RESET ALL leaves the role as it is.
    pub fn covers(&self, earlier: &Change) -> bool {
        let stays = ["role", "session_authorization"].contains(&&*earlier.name);
        match self.to {
            To::AllDefault => !stays && (earlier.to == To::AllDefault || !earlier.name.is_empty()),
            _ => !self.name.is_empty() && self.name == earlier.name,
        }
    }

    /// The last of these that changes this setting.
    pub fn last_about<'a>(name: &str, changes: impl DoubleEndedIterator<Item = &'a Change>) -> Option<&'a Change> {
        changes.rev().find(|change| change.to == To::AllDefault || change.name.eq_ignore_ascii_case(name))
    }
}

/// What a setting becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// This: what `set_config(name, value, false)` makes the same of.
    Value(String),
    /// What it is when a session starts.
    Default,
    /// Not one setting but all are what they are when a session starts, except `role` and `session_authorization`.
    AllDefault,
    /// What is not written here, or not such that it can be read.
    Unread,
}

/// The parameter with this number: `None` if it is not known, `Some(None)` if it is NULL, else its text.
pub type Parameters<'a> = dyn Fn(u32) -> Option<Option<Vec<u8>>> + 'a;

/// The settings that `text` changes for the session, in this order: some may be there twice. `backslash`: whether
/// `standard_conforming_strings` is off.
///
/// A value in a text is in the client's encoding; one that is not UTF-8 is `Unread`.
pub fn changes(text: &[u8], backslash: bool, parameters: &Parameters<'_>) -> Vec<Change> {
    let wanted = Wanted::Session;
    Reader { lexer: Lexer::new(text, backslash), parameters, wanted, changes: Vec::new() }.read()
}

/// The settings on which it depends what texts mean (`meaning`) that `text` changes, for the session or until the transaction
/// ends; and all whose names cannot be read.
pub fn changes_of_meaning(text: &[u8], backslash: bool, parameters: &Parameters<'_>) -> Vec<Change> {
    let wanted = Wanted::Meaning;
    let mut changes = Reader { lexer: Lexer::new(text, backslash), parameters, wanted, changes: Vec::new() }.read();
    changes.retain(|change| change.name.is_empty() || meaning::depends_on(change.name.as_bytes()));
    changes
}

/// Which changes are of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those that outlive the transaction.
    Session,
    /// Those of texts' meaning, however long they last.
    Meaning,
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    parameters: &'a Parameters<'a>,
    wanted: Wanted,
    changes: Vec<Change>,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Change> {
        while let Some(first) = self.lexer.next() {
            self.statement(first);
        }
        self.changes
    }

    fn statement(&mut self, first: Token<'_>) {
        let Token::Word(word) = first else { return self.query(first) };
        let lexer = &mut self.lexer.clone();
        match Key::of(word) {
            Key::Set => self.set(lexer),
            Key::Reset => self.reset(lexer),
            Key::Discard => self.discard(lexer),
            _ => return self.query(first),
        }
        self.lexer.find(|token| *token == Token::Symbol(b';'));
    }

    /// Of these statements the lexer may be left anywhere, behind their end if they are wrong.
    fn set(&mut self, lexer: &mut Lexer<'_>) {
        let (scope, target) = Target::of_set(lexer);
        match target {
            _ if scope == Scope::Transaction && self.wanted == Wanted::Session => {}
            Target::Transient | Target::All => {}
            Target::Characteristics => self.changes.extend(value::characteristics(lexer)),
            Target::Named(first) => {
                let name = value::name(first, lexer);
                let form = Form::of(name.as_deref().unwrap_or_default());
                let to = if value::assigned(lexer) { value::list(lexer, form) } else { To::Unread };
                self.push(name, to);
            }
            Target::Zone if follows(lexer, "local") => self.push_own(target, To::Default),
            Target::Names if value::ended(lexer) => self.push_own(target, To::Default),
            Target::Schema => {
                let to = value::list(lexer, Form::Identifiers);
                self.push_own(target, to);
            }
            Target::Zone | Target::Authorization | Target::XmlOption | Target::Names | Target::Role => {
                let to = value::list(lexer, Form::Plain);
                self.push_own(target, to);
            }
        }
    }

    fn reset(&mut self, lexer: &mut Lexer<'_>) {
        match Target::of_reset(lexer) {
            Target::Transient => {}
            Target::All => self.changes.push(Change { name: String::new(), to: To::AllDefault }),
            Target::Named(first) => {
                let name = value::name(first, lexer);
                self.push(name, To::Default);
            }
            target => self.push_own(target, To::Default),
        }
    }

    /// DISCARD ALL has RESET ALL in it, and more.
    fn discard(&mut self, lexer: &mut Lexer<'_>) {
        if follows(lexer, "all") {
            self.push_own(Target::Authorization, To::Default);
            self.changes.push(Change { name: String::new(), to: To::AllDefault });
        }
    }

    /// One that has key words of its own.
    fn push_own(&mut self, target: Target<'_>, to: To) {
        let name = match target {
            Target::Zone => "timezone",
            Target::Authorization => "session_authorization",
            Target::XmlOption => "xmloption",
            Target::Names => "client_encoding",
            Target::Schema => "search_path",
            Target::Role => "role",
            Target::Transient | Target::All | Target::Characteristics | Target::Named(_) => return,
        };
        self.push(Some(name.to_owned()), to);
    }

    fn push(&mut self, name: Option<String>, to: To) {
        let Some(name) = name else {
            return self.changes.push(Change { name: String::new(), to: To::Unread });
        };
        let role = name == "session_authorization";
        self.changes.push(Change { name, to });
        if role {
            // Whoever becomes another plays no role.
            self.changes.push(Change { name: "role".to_owned(), to: To::Value("none".to_owned()) });
        }
    }
}

/// Whether a call of `set_config` may begin with this token.
fn is_set_config(token: Token<'_>) -> bool {
    match token {
        Token::Word(word) => Key::of(word) == Key::SetConfig,
        Token::Quoted(name) => Key::of_quoted(name) == Key::SetConfig,
        _ => false,
    }
}

/// Whether this token is a name that means `name`.
fn names(token: Token<'_>, name: &str) -> bool {
    match token {
        Token::Word(word) => is(word, name),
        Token::Quoted(quoted) => quoted == name.as_bytes(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
