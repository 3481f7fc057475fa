//! What a text may leave behind in the session that runs it. One pass over its tokens, no allocation. Pure.
//!
//! Statements are cut at every `;`, also inside parentheses and in bodies: what may stand there (rules, SQL functions) are
//! queries, which begin with none of the words that matter.

use super::calls::calls;
use super::defaults::is_of_sessions;
use super::key::Key;
use super::lexer::{Lexer, Token};
use super::literal::Literal;
use super::set::{Scope, Target, is_transient};
use super::set_config::{Argument, SetConfig};

mod bits;
mod block;
mod harmless;

pub use bits::Effects;
pub(super) use harmless::is_harmless;

/// What the statements of `text` may leave behind. `backslash`: whether `standard_conforming_strings` is off.
#[inline]
pub fn effects(text: &[u8], backslash: bool) -> Effects {
    if is_harmless(text) { Effects::NONE } else { read(text, backslash) }
}

/// The same, and whether it calls what nobody knows.
#[inline]
pub fn effects_and_calls(text: &[u8], backslash: bool) -> Effects {
    let found = effects(text, backslash);
    if calls(text) { found | Effects::CALLS } else { found }
}

/// The same, without the short way.
pub(super) fn read(text: &[u8], backslash: bool) -> Effects {
    let mut lexer = Lexer::new(text, backslash);
    let mut scan = Scan::default();
    while let Some(token) = lexer.next() {
        match token {
            Token::Word(word) => scan.step(Key::of(word), &lexer),
            Token::Quoted(name) => scan.step(Key::of_quoted(name), &lexer),
            Token::Escaped(_) => scan.step(Key::Escaped, &lexer),
            Token::Text(literal) => scan.text(literal, &lexer, backslash),
            Token::Symbol(b'(') => scan.step(Key::Open, &lexer),
            Token::Symbol(b')') => scan.step(Key::Close, &lexer),
            Token::Symbol(b'.') => scan.step(Key::Dot, &lexer),
            Token::Symbol(b';') => scan.end(),
            Token::Symbol(_) | Token::Number(_) | Token::Parameter(_) => scan.step(Key::Other, &lexer),
        }
    }
    scan.end();
    scan.found
}

/// The machine: a phase for each statement, and what came before.
#[derive(Debug, Default)]
struct Scan {
    found: Effects,
    phase: Phase,
    before: Key,
    temporary: Temporary,
    /// This statement has calls of `set_config` in others: they are read no more.
    nested: bool,
}

/// Where in a statement we are, as far as it changes what words mean.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Start,
    /// In a statement of which only calls and INTO matter.
    Query,
    /// Behind EXPLAIN, with so many parentheses open.
    Explain(u32),
    /// Behind UPDATE, before SET.
    Update,
    /// Behind CREATE, and words that may stand before TEMP.
    Creating,
    /// In the rest of a CREATE.
    Create,
    /// In a DECLARE, before its query.
    Declare,
    Do,
    Prepare,
    PrepareTransaction,
    Discard,
    /// In what runs nothing of what it names.
    Silent,
}

/// What a CREATE creates.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Temporary {
    #[default]
    No,
    Yes,
    /// ON COMMIT DROP
    UntilCommit,
}

impl Scan {
    #[inline]
    fn step(&mut self, key: Key, lexer: &Lexer<'_>) {
        match key {
            // Most tokens of most texts.
            Key::Other | Key::Dot | Key::Close | Key::Text if self.phase == Phase::Query => {}
            Key::Open if self.before == Key::Other && self.phase == Phase::Query => {}
            _ => self.matters(key, lexer),
        }
        self.before = match (self.before, key) {
            // `INSERT INTO temp` is about a table of that name.
            (Key::Insert, Key::Into) => Key::Other,
            (Key::Into, Key::Local) => Key::Into,
            _ => key,
        };
    }

    fn end(&mut self) {
        if self.temporary == Temporary::Yes {
            self.found |= Effects::TEMP;
        }
        *self = Scan { found: self.found, ..Scan::default() };
    }

    fn text(&mut self, literal: Literal<'_>, lexer: &Lexer<'_>, backslash: bool) {
        let key = match self.phase {
            Phase::Do if self.before == Key::Language => literal.plain().map_or(Key::Text, Key::of_quoted),
            Phase::Do => {
                self.found |= block::effects(literal, backslash);
                Key::Text
            }
            _ => Key::Text,
        };
        self.step(key, lexer);
    }

    fn matters(&mut self, key: Key, lexer: &Lexer<'_>) {
        if key == Key::Open && self.phase != Phase::Silent {
            self.call(lexer);
        }
        self.phase = match self.phase {
            Phase::Start => self.first(key, lexer),
            Phase::Query => self.query(key),
            Phase::Explain(depth) => self.explain(depth, key),
            Phase::Update => self.update(key),
            Phase::Creating => self.creating(key),
            Phase::Create => self.create(key),
            Phase::Declare => self.declare(key),
            Phase::Do => self.block(key),
            Phase::Prepare if key == Key::Transaction => Phase::PrepareTransaction,
            Phase::PrepareTransaction if key == Key::Text => Phase::Silent,
            Phase::Prepare | Phase::PrepareTransaction => self.find(Effects::PREPARE, Phase::Query),
            Phase::Discard => self.discard(key),
            Phase::Silent => Phase::Silent,
        };
    }

    fn find(&mut self, found: Effects, phase: Phase) -> Phase {
        self.found |= found;
        phase
    }

    /// The first word of a statement.
    fn first(&mut self, key: Key, lexer: &Lexer<'_>) -> Phase {
        match key {
            Key::Set => {
                let (scope, target) = Target::of_set(&mut lexer.clone());
                self.target(scope, target)
            }
            Key::Reset => self.target(Scope::Session, Target::of_reset(&mut lexer.clone())),
            Key::Alter => self.find(altered(lexer), Phase::Query),
            Key::Discard => Phase::Discard,
            Key::Drop => self.find(Effects::DROP | Effects::DEFINES, Phase::Silent),
            Key::CloseCursor => self.find(Effects::CLOSE, Phase::Silent),
            Key::Prepare => Phase::Prepare,
            Key::Deallocate => self.find(Effects::DEALLOCATE, Phase::Silent),
            Key::Listen => self.find(Effects::LISTEN, Phase::Silent),
            Key::Unlisten => self.find(Effects::UNLISTEN, Phase::Silent),
            Key::Load => self.find(Effects::LOAD, Phase::Silent),
            Key::Rollback | Key::Abort => self.find(Effects::ROLLBACK, Phase::Silent),
            Key::Grant | Key::Comment => Phase::Silent,
            Key::Do => Phase::Do,
            Key::Update => Phase::Update,
            Key::Explain => Phase::Explain(0),
            _ => self.explained(key),
        }
    }

    /// The first word of a statement, also of one behind EXPLAIN.
    fn explained(&mut self, key: Key) -> Phase {
        match key {
            Key::Create => self.find(Effects::DEFINES, Phase::Creating),
            Key::Declare => Phase::Declare,
            Key::Execute => self.find(Effects::OPAQUE, Phase::Query),
            _ => Phase::Query,
        }
    }

    fn explain(&mut self, depth: u32, key: Key) -> Phase {
        match key {
            Key::Open => Phase::Explain(depth.saturating_add(1)),
            Key::Close => Phase::Explain(depth.saturating_sub(1)),
            Key::Analyze | Key::Verbose => self.phase,
            _ if depth > 0 => self.phase,
            Key::Update => Phase::Update,
            _ => self.explained(key),
        }
    }

    fn target(&mut self, scope: Scope, target: Target<'_>) -> Phase {
        let found = match target {
            Target::Transient => Effects::NONE,
            _ if scope == Scope::Transaction => local(target),
            Target::All => Effects::RESET_ALL,
            _ => Effects::SETTINGS,
        };
        self.find(found, Phase::Silent)
    }

    fn query(&mut self, key: Key) -> Phase {
        match (self.before, key) {
            (Key::Into, Key::Temp | Key::PgTemp) => self.find(Effects::TEMP, Phase::Query),
            _ => Phase::Query,
        }
    }

    /// `UPDATE pg_settings` sets them.
    fn update(&mut self, key: Key) -> Phase {
        match key {
            Key::PgSettings => self.find(Effects::OPAQUE, Phase::Query),
            Key::Set => Phase::Query,
            _ => Phase::Update,
        }
    }

    fn creating(&mut self, key: Key) -> Phase {
        match key {
            Key::Replace | Key::Local => return Phase::Creating,
            Key::Temp => self.temporary = Temporary::Yes,
            _ => {}
        }
        Phase::Create
    }

    fn create(&mut self, key: Key) -> Phase {
        match (self.before, key) {
            (Key::PgTemp, Key::Dot) if self.temporary == Temporary::No => self.temporary = Temporary::Yes,
            (Key::Commit, Key::Drop) => self.temporary = Temporary::UntilCommit,
            // CREATE TABLE … AS EXECUTE
            (Key::As, Key::Execute) => self.found |= Effects::OPAQUE,
            _ => {}
        }
        Phase::Create
    }

    fn declare(&mut self, key: Key) -> Phase {
        match (self.before, key) {
            (Key::With, Key::Hold) => self.find(Effects::HOLD, Phase::Query),
            (_, Key::For) => Phase::Query,
            _ => Phase::Declare,
        }
    }

    /// What is said around the body of a DO.
    fn block(&mut self, key: Key) -> Phase {
        if self.before == Key::Language && key != Key::PlPgSql {
            self.found |= block::ANYTHING;
        }
        Phase::Do
    }

    fn discard(&mut self, key: Key) -> Phase {
        match key {
            Key::All => self.find(Effects::DISCARD_ALL, Phase::Silent),
            Key::Temp => self.find(Effects::DISCARD_TEMP, Phase::Silent),
            Key::Plans => self.find(Effects::DISCARD_OTHER, Phase::Silent),
            _ => Phase::Silent,
        }
    }

    /// At a `(`: what is called, if anything.
    fn call(&mut self, lexer: &Lexer<'_>) {
        let found = match self.before {
            Key::SetConfig => self.set_config(lexer),
            Key::Lock => Effects::LOCK,
            Key::Unlock => Effects::UNLOCK,
            Key::Currval => Effects::CURRVAL,
            Key::Opener => Effects::LOAD,
            // May be each of these.
            Key::Escaped => Effects::OPAQUE | Effects::LOCK | Effects::CURRVAL,
            _ => Effects::NONE,
        };
        self.found |= found;
    }

    fn set_config(&mut self, lexer: &Lexer<'_>) -> Effects {
        let read = if self.nested { None } else { SetConfig::read(&mut lexer.clone()) };
        let Some(call) = read else {
            self.nested = true;
            return Effects::OPAQUE | Effects::UNNAMED;
        };
        if call.local == Argument::Absent {
            return Effects::NONE;
        }
        if call.local.is_local() == Some(true) {
            return match call.name {
                Argument::Literal(name) => local(Target::Named(name.plain().unwrap_or_default())),
                _ => Effects::LOCAL,
            };
        }
        let named = match call.name {
            Argument::Parameter(_) => Effects::SETTINGS,
            Argument::Literal(name) if name.plain().is_some_and(is_transient) => return Effects::NONE,
            Argument::Literal(name) if name.is_string() => Effects::SETTINGS,
            _ => Effects::OPAQUE | Effects::UNNAMED,
        };
        if call.local.is_written() { named } else { named | Effects::OPAQUE }
    }
}

/// Of an ALTER.
fn altered(lexer: &Lexer<'_>) -> Effects {
    let defaults = if is_of_sessions(lexer.clone()) { Effects::DEFAULTS } else { Effects::NONE };
    Effects::DEFINES | defaults
}

/// Of what lasts until the transaction ends.
fn local(target: Target<'_>) -> Effects {
    if target.changes_meaning() { Effects::LOCAL } else { Effects::NONE }
}

#[cfg(test)]
mod tests;
