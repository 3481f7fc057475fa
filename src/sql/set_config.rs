//! The arguments of one call of `set_config`. Pure.
//!
//! <https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET>

use super::key::Key;
use super::lexer::{Lexer, Token};
use super::literal::Literal;
use super::set::is;

/// `set_config(name, value, local)`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetConfig<'a> {
    pub(super) name: Argument<'a>,
    pub(super) value: Argument<'a>,
    pub(super) local: Argument<'a>,
}

/// An argument; also with a cast behind it that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    Absent,
    Literal(Literal<'a>),
    Parameter(u32),
    Boolean(bool),
    Null,
    /// An expression.
    Other,
}

impl<'a> SetConfig<'a> {
    /// The lexer is behind the `(`, and will be behind the `)`; what never ends, ends with the statement.
    ///
    /// `None` as soon as there is another call inside: who then asks no more in this statement reads every text in a time
    /// that grows with its length alone, however deep calls are in calls.
    pub(super) fn read(lexer: &mut Lexer<'a>) -> Option<SetConfig<'a>> {
        let mut arguments = [Argument::Absent; 3];
        for argument in &mut arguments {
            let more;
            (*argument, more) = Argument::read(lexer)?;
            if !more {
                break;
            }
        }
        let [name, value, local] = arguments;
        Some(SetConfig { name, value, local })
    }
}

impl<'a> Argument<'a> {
    /// Also whether another follows.
    fn read(lexer: &mut Lexer<'a>) -> Option<(Argument<'a>, bool)> {
        let (mut argument, mut cast, mut depth) = (Argument::Absent, Cast::None, 0usize);
        loop {
            let before = lexer.clone();
            let token = lexer.next();
            match token {
                Some(Token::Symbol(b',')) if depth == 0 => return Some((argument, true)),
                Some(Token::Symbol(b')')) if depth == 0 => return Some((argument, false)),
                None | Some(Token::Symbol(b';')) => {
                    *lexer = before;
                    return Some((argument, false));
                }
                Some(Token::Word(word)) if Key::of(word) == Key::SetConfig => return None,
                Some(Token::Quoted(word)) if Key::of_quoted(word) == Key::SetConfig => return None,
                Some(Token::Symbol(b'(' | b'[')) => depth += 1,
                Some(Token::Symbol(b')' | b']')) => depth = depth.saturating_sub(1),
                Some(_) => {}
            }
            (argument, cast) = token.map_or((argument, cast), |token| argument.with(cast, token));
        }
    }

    /// With one token more.
    fn with(self, cast: Cast, token: Token<'a>) -> (Argument<'a>, Cast) {
        let cast = match (self, cast, token) {
            (Argument::Absent, _, first) => return (Argument::of(first), Cast::None),
            (Argument::Other, ..) => return (self, cast),
            (_, Cast::None, Token::Symbol(b':')) => Cast::Colon,
            (_, Cast::Colon, Token::Symbol(b':')) => Cast::Colons,
            (_, Cast::Colons, Token::Word(name)) if is_harmless(name) => Cast::Done,
            _ => return (Argument::Other, Cast::None),
        };
        (self, cast)
    }

    fn of(token: Token<'a>) -> Argument<'a> {
        match token {
            Token::Text(literal) => Argument::Literal(literal),
            Token::Parameter(number) => Argument::Parameter(number),
            Token::Word(word) if is(word, "true") => Argument::Boolean(true),
            Token::Word(word) if is(word, "false") => Argument::Boolean(false),
            Token::Word(word) if is(word, "null") => Argument::Null,
            _ => Argument::Other,
        }
    }

    /// Whether what it will be is written here.
    pub(super) fn is_written(&self) -> bool {
        matches!(self, Argument::Boolean(_) | Argument::Null | Argument::Literal(_))
    }

    /// As the third argument: whether the change ends with the transaction. `None` if that is not written here.
    pub(super) fn is_local(&self) -> Option<bool> {
        match self {
            Argument::Boolean(value) => Some(*value),
            Argument::Null => Some(false),
            Argument::Literal(literal) => truth(literal.plain()?),
            _ => None,
        }
    }
}

/// How much of `::text` there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cast {
    None,
    Colon,
    Colons,
    Done,
}

/// Types to which a cast changes nothing that matters to `set_config`.
fn is_harmless(name: &[u8]) -> bool {
    ["text", "varchar", "bool", "boolean"].iter().any(|harmless| is(name, harmless))
}

/// As Postgres reads a boolean: what can be meant by no other, in any case.
/// <https://www.postgresql.org/docs/current/datatype-boolean.html>
pub(super) fn truth(text: &[u8]) -> Option<bool> {
    let text = text.trim_ascii();
    let begins = |whole: &str, least: usize| {
        text.len() >= least && whole.as_bytes().get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text))
    };
    match () {
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == b"1" => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == b"0" => Some(false),
        _ => None,
    }
}
