//! What takes more than a token: casts, and lists of values. Pure.

use super::{Before, Piece, Scan};
use crate::sql::digest::cast::{pass_cast, pass_casts, pass_type};
use crate::sql::digest::hash::{self, chain};
use crate::sql::digest::key::Key;
use crate::sql::digest::list::{List, Reader, Row};
use crate::sql::digest::open::Phase;
use crate::sql::digest::{Kind, Traits, Value, shape};
use crate::sql::lexer::{Token, ahead::is_operator};

impl<'a, T: FnMut(Piece<'a>)> Scan<'a, T> {
    /// Whether BY may have to do with columns here; in CREATE SEQUENCE it has not.
    pub(super) fn may_order(&self) -> bool {
        matches!(self.phase, Phase::With(_)) || !matches!(self.kind, Kind::Other | Kind::Transparent)
    }

    /// Whether the number just read is a column's, and no operand. Behind what is in parentheses with a BY of its own it is not seen
    /// to be one.
    #[cold]
    pub(super) fn names_a_column(&self) -> bool {
        let next = self.lexer.clone().pass_space();
        self.by > 0 && !self.lexer.text().get(next).is_some_and(|byte| is_operator(*byte) || *byte == b':')
    }

    /// A number that is a column's, as in `order by 2` or `group by 1, 2`.
    #[cold]
    pub(super) fn position(&mut self, digits: &'a [u8]) {
        self.put(shape::modifier(digits), Piece::Modifier(digits));
        (self.before, self.last) = (Before::Operand, Key::Plain);
    }

    /// Where an INSERT takes its rows from is seen.
    pub(super) fn inserts(&mut self, many: bool) {
        if self.kind == Kind::Insert && !self.source {
            self.source = true;
            self.traits = if many { self.traits.with(Traits::MANY_ROWS) } else { self.traits };
        }
    }

    /// `::` behind what is no value: the type is part of the shape, with its numbers.
    pub(super) fn casts(&mut self) {
        let begin = self.lexer.position() - 1;
        let mut ahead = self.lexer.clone();
        ahead.go_to(begin);
        let is_cast = pass_cast(&mut ahead);
        self.lexer.pass_symbol(b':');
        self.put(shape::CAST, Piece::Cast);
        while is_cast && self.lexer.ahead().len() > ahead.ahead().len() {
            match self.lexer.next() {
                Some(Token::Number(number)) => self.put(shape::modifier(number), Piece::Modifier(number)),
                Some(Token::Word(word)) => {
                    let end = self.lexer.position();
                    let hash = hash::word(self.lexer.text(), end - word.len(), end);
                    self.put(hash, Piece::Word(word, Key::Plain));
                }
                Some(Token::Quoted(name)) => self.quoted(name),
                Some(Token::Escaped(name)) => self.put(shape::escaped(name), Piece::Escaped(name)),
                Some(Token::Symbol(symbol)) => self.put(shape::symbol(symbol), Piece::Symbol(symbol)),
                _ => break,
            }
        }
        (self.before, self.last) = (Before::Operand, Key::Plain);
    }

    /// CAST(value AS type) is the value.
    pub(super) fn cast(&mut self) -> bool {
        let mut ahead = self.lexer.clone();
        if !ahead.pass_symbol(b'(') {
            return false;
        }
        let negative = ahead.pass_symbol(b'-');
        let value = match ahead.next() {
            Some(Token::Number(digits)) => Value::Number { negative, digits },
            Some(Token::Text(literal)) if !negative => Value::Text(literal),
            Some(Token::Parameter(number)) if !negative => Value::Parameter(number),
            _ => return false,
        };
        pass_casts(&mut ahead);
        let is_cast = ahead.pass_word(b"as") && pass_type(&mut ahead) && ahead.pass_symbol(b')');
        if is_cast {
            self.lexer = ahead;
            self.value(value);
        }
        is_cast
    }

    /// Behind `(` of an IN.
    pub(super) fn members(&mut self) {
        let mut reader = Reader::new(&self.lexer, &self.found, self.hash);
        if let Some(list) = reader.members(b')') {
            self.take(reader, list);
            self.depth -= 1;
            (self.before, self.last) = (Before::Operand, Key::Plain);
            self.put(shape::symbol(b')'), Piece::Symbol(b')'));
        }
    }

    /// At ARRAY: whether it is a list of values, which then is passed.
    pub(super) fn array(&mut self, hash: u64, word: &'a [u8]) -> bool {
        let (mut ahead, any) = (self.lexer.clone(), self.before == Before::Any);
        if !ahead.pass_symbol(b'[') {
            return false;
        }
        let before = if any { self.hash } else { chain(chain(self.hash, hash), shape::symbol(b'[')) };
        let mut reader = Reader::new(&ahead, &self.found, before);
        let Some(list) = reader.members(b']') else { return false };
        if any {
            (self.trail)(Piece::AnyArray);
            // The same as one value, whatever its members look like.
            reader.hash = chain(self.hash, shape::VALUE);
            self.take(reader, List { count: list.count, row: Row { width: 1, ..Row::default() } });
        } else {
            (self.trail)(Piece::Word(word, Key::Array));
            (self.trail)(Piece::Symbol(b'['));
            self.take(reader, list);
            self.put(shape::symbol(b']'), Piece::Symbol(b']'));
        }
        self.valued();
        true
    }

    /// Behind VALUES.
    pub(super) fn values(&mut self) {
        self.inserts(false);
        let mut reader = Reader::new(&self.lexer, &self.found, self.hash);
        match reader.rows() {
            Some(list) => {
                if list.count > 1 && self.kind == Kind::Insert {
                    self.trait_of(Traits::MANY_ROWS);
                }
                self.take(reader, list);
                (self.before, self.last) = (Before::Operand, Key::Plain);
            }
            None => self.rows = self.depth + 1,
        }
    }

    fn take(&mut self, reader: Reader<'a>, list: List) {
        self.list = self.list.max(list.count);
        (self.lexer, self.found, self.hash) = (reader.lexer, reader.found, reader.hash);
        (self.trail)(Piece::List(list));
    }
}
