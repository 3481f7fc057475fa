//! Calls of `set_config` in queries. Pure.
//!
//! Such a call is certain to be made, once and with what is written, only where it is a whole item of a SELECT that has a
//! list and nothing else; elsewhere its value is `Unread`.

use super::{Reader, To, Wanted, is_set_config, names};
use crate::sql::lexer::{Lexer, Token};
use crate::sql::set::{follows, is, is_transient};
use crate::sql::set_config::{Argument, SetConfig, truth};

/// Words that at the top of a SELECT may make it return no row, or many, or be another's part.
const CLAUSES: [&str; 13] = [
    "from",
    "where",
    "union",
    "intersect",
    "except",
    "group",
    "having",
    "window",
    "limit",
    "offset",
    "fetch",
    "for",
    "into",
];

/// Where in the list of a SELECT a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the begin of an item.
    Begin,
    /// Behind `pg_catalog` at the begin.
    Schema,
    /// Behind `pg_catalog.`
    Dot,
    Inside,
}

/// A statement so far.
#[derive(Debug)]
struct Query {
    place: Place,
    /// Parentheses open.
    depth: usize,
    /// It may be a SELECT that is only a list.
    only_list: bool,
    /// It has calls in calls: they are not read.
    nested: bool,
}

impl Reader<'_> {
    /// A statement that begins with `first`, to its end.
    pub(super) fn query(&mut self, first: Token<'_>) {
        let begin = self.changes.len();
        let mut query = Query::new(first);
        let mut next = Some(first);
        while let Some(token) = next.filter(|token| *token != Token::Symbol(b';')) {
            if is_set_config(token) && self.lexer.peek() == Some(Token::Symbol(b'(')) {
                self.lexer.next();
                self.call(&mut query);
            } else {
                query.pass(token);
            }
            next = self.lexer.next();
        }
        if !query.only_list {
            self.changes[begin..].iter_mut().for_each(|change| change.to = To::Unread);
        }
    }

    /// Behind the `(`.
    fn call(&mut self, query: &mut Query) {
        let mut ahead = self.lexer.clone();
        let call = if query.nested { None } else { SetConfig::read(&mut ahead) };
        let Some(call) = call else {
            query.nested = true;
            return query.pass(Token::Symbol(b'('));
        };
        let certain = query.depth == 0 && matches!(query.place, Place::Begin | Place::Dot) && item_ends(&ahead);
        query.place = Place::Inside;
        self.lexer = ahead;
        self.take(call, certain);
    }

    fn take(&mut self, call: SetConfig<'_>, certain: bool) {
        let local = self.local(call.local);
        let unwanted = local == Some(true) && self.wanted == Wanted::Session;
        if unwanted || call.local == Argument::Absent {
            return;
        }
        let name = match self.text(call.name) {
            Some(Some(name)) if is_transient(&name) => return,
            Some(Some(name)) => String::from_utf8(name).ok().map(|name| name.to_ascii_lowercase()),
            // NULL is an error; what is no literal has no name to be told here.
            Some(None) => return,
            None if matches!(call.name, Argument::Literal(_) | Argument::Parameter(_)) => None,
            None => return,
        };
        let value = self.text(call.value).filter(|_| certain && local.is_some());
        let to = match value {
            Some(None) => To::Default,
            Some(Some(value)) => String::from_utf8(value).map_or(To::Unread, To::Value),
            None => To::Unread,
        };
        self.push(name, to);
    }

    /// What an argument says, NULL being `Some(None)`.
    fn text(&self, argument: Argument<'_>) -> Option<Option<Vec<u8>>> {
        match argument {
            Argument::Literal(literal) => literal.value().map(Some),
            Argument::Parameter(number) => (self.parameters)(number),
            Argument::Null => Some(None),
            Argument::Absent | Argument::Boolean(_) | Argument::Other => None,
        }
    }

    fn local(&self, argument: Argument<'_>) -> Option<bool> {
        match argument {
            Argument::Parameter(number) => match (self.parameters)(number)? {
                Some(text) => truth(&text),
                None => Some(false),
            },
            written => written.is_local(),
        }
    }
}

impl Query {
    fn new(first: Token<'_>) -> Query {
        let select = matches!(first, Token::Word(word) if is(word, "select"));
        // The first token itself will be passed as if in an item.
        Query { place: Place::Inside, depth: 0, only_list: select, nested: false }
    }

    fn pass(&mut self, token: Token<'_>) {
        self.place = match (self.place, token) {
            (_, Token::Word(word)) if self.depth == 0 && is(word, "select") => Place::Begin,
            (_, Token::Symbol(b',')) if self.depth == 0 => Place::Begin,
            (Place::Begin, name) if names(name, "pg_catalog") => Place::Schema,
            (Place::Schema, Token::Symbol(b'.')) => Place::Dot,
            _ => Place::Inside,
        };
        match token {
            Token::Symbol(b'(') => self.depth += 1,
            Token::Symbol(b')') => self.depth = self.depth.saturating_sub(1),
            Token::Word(word) if self.depth == 0 && CLAUSES.iter().any(|clause| is(word, clause)) => {
                self.only_list = false
            }
            _ => {}
        }
    }
}

/// Whether nothing follows but a cast that changes nothing and a label.
fn item_ends(lexer: &Lexer<'_>) -> bool {
    let mut ahead = lexer.clone();
    while ahead.peek() == Some(Token::Symbol(b':')) {
        ahead.next();
    }
    follows(&mut ahead, "text");
    follows(&mut ahead, "as");
    if let Some(Token::Word(_) | Token::Quoted(_)) = ahead.peek() {
        ahead.next();
    }
    matches!(ahead.peek(), None | Some(Token::Symbol(b',' | b';')))
}
