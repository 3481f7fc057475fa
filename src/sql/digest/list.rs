//! Lists of values, whose length is not part of a shape: `IN (1, 2)`, `VALUES (1, 2), (3, 4)`, `ARRAY[1, 2]`. One that holds a
//! column or an expression is none. Pure.

use super::Value;
use super::cast::{pass_casts, typed};
use super::found::Found;
use super::hash::chain;
use super::key::Key;
use super::shape;
use crate::sql::lexer::{Lexer, Token};
use crate::sql::literal::Literal;

/// Tuples of arrays of arrays are read, deeper ones are no list.
const DEEPEST: u32 = 3;

/// What a list is.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) struct List {
    /// Its members: values, rows.
    pub(in crate::sql) count: u32,
    /// Its first member.
    pub(in crate::sql) row: Row,
}

/// A member of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::sql) struct Row {
    /// It stands in parentheses.
    pub(in crate::sql) is_tuple: bool,
    /// Its values, and DEFAULTs.
    pub(in crate::sql) width: u32,
    /// Which of the first 64 are DEFAULT.
    pub(in crate::sql) defaults: u64,
}

/// A reader of one list; what it finds holds only if it says so in the end.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) found: Found<'a>,
    /// The shape's hash, with the first member in it.
    pub(super) hash: u64,
    row: Row,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lexer: &Lexer<'a>, found: &Found<'a>, hash: u64) -> Reader<'a> {
        Reader { lexer: lexer.clone(), found: *found, hash, row: Row::default() }
    }

    /// Behind `(` of an IN, or `[` of an ARRAY, up to behind its end.
    pub(super) fn members(&mut self, close: u8) -> Option<List> {
        let count = self.until(close, true, false, 0)?;
        if count == 0 {
            // There may be some the next time.
            self.add(Value::Parameter(0), true);
        }
        Some(List { count, row: self.row })
    }

    /// Behind VALUES.
    pub(super) fn rows(&mut self) -> Option<List> {
        let mut count = 0u32;
        loop {
            let first = count == 0;
            if !self.lexer.pass_symbol(b'(') {
                return None;
            }
            self.symbol(b'(', first);
            self.row.is_tuple |= first;
            self.until(b')', first, first, 1)?;
            self.symbol(b')', first);
            count = count.saturating_add(1);
            if !self.lexer.pass_symbol(b',') {
                return Some(List { count, row: self.row });
            }
        }
    }

    /// Members to the end, and how many. `first`: whether the first is part of the shape; `all`: whether they all are.
    fn until(&mut self, close: u8, first: bool, all: bool, depth: u32) -> Option<u32> {
        let mut count = 0u32;
        loop {
            let token = self.lexer.next()?;
            if count == 0 && token == Token::Symbol(close) {
                return Some(0);
            }
            self.member(token, all || (first && count == 0), depth)?;
            count = count.saturating_add(1);
            match self.lexer.next()? {
                Token::Symbol(b',') => {}
                Token::Symbol(symbol) if symbol == close => return Some(count),
                _ => return None,
            }
        }
    }

    fn member(&mut self, token: Token<'a>, shown: bool, depth: u32) -> Option<()> {
        match token {
            Token::Text(literal) => self.text(literal, shown),
            Token::Number(digits) => self.add(Value::Number { negative: false, digits }, shown),
            Token::Parameter(number) => self.add(Value::Parameter(number), shown),
            Token::Symbol(sign @ (b'-' | b'+')) => {
                let digits = self.lexer.pass_number()?;
                self.add(Value::Number { negative: sign == b'-', digits }, shown);
            }
            Token::Word(word) => self.word(word, shown, depth)?,
            Token::Symbol(b'(') if depth < DEEPEST => {
                self.row.is_tuple |= shown;
                self.symbol(b'(', shown);
                self.until(b')', shown, shown, depth + 1)?;
                self.symbol(b')', shown);
            }
            Token::Symbol(b'[') if depth < DEEPEST => self.array(shown, depth)?,
            _ => return None,
        }
        pass_casts(&mut self.lexer);
        Some(())
    }

    fn word(&mut self, word: &[u8], shown: bool, depth: u32) -> Option<()> {
        match Key::of_word(word) {
            Key::Constant => {
                self.found.add_word(word, shown);
                self.show(shown);
            }
            Key::Default if shown => {
                self.row.defaults |= 1u64.checked_shl(self.row.width).unwrap_or(0);
                self.row.width += 1;
                self.hash = chain(self.hash, shape::DEFAULT);
            }
            Key::Default => {}
            Key::Array if depth < DEEPEST && self.lexer.pass_symbol(b'[') => self.array(shown, depth)?,
            key if key.is_type() => {
                let literal = typed(&mut self.lexer, key)?;
                self.text(literal, shown);
            }
            _ => return None,
        }
        Some(())
    }

    /// Behind `[`: one value, whatever its length.
    fn array(&mut self, shown: bool, depth: u32) -> Option<()> {
        let width = self.row.width;
        let count = self.until(b']', shown, false, depth + 1)?;
        if count == 0 {
            self.add(Value::Parameter(0), shown);
        }
        self.row.width = width + u32::from(shown);
        Some(())
    }

    fn text(&mut self, literal: Literal<'a>, shown: bool) {
        pass_escape(&mut self.lexer, literal);
        self.add(Value::Text(literal), shown);
    }

    fn add(&mut self, value: Value<'a>, shown: bool) {
        self.found.add(value, shown);
        self.show(shown);
    }

    fn show(&mut self, shown: bool) {
        if shown {
            self.hash = chain(self.hash, shape::VALUE);
            self.row.width += 1;
        }
    }

    fn symbol(&mut self, symbol: u8, shown: bool) {
        if shown {
            self.hash = chain(self.hash, shape::symbol(symbol));
        }
    }
}

/// Passes UESCAPE with its string behind `U&'…'`.
pub(super) fn pass_escape(lexer: &mut Lexer<'_>, literal: Literal<'_>) {
    if literal.kind == crate::sql::Kind::Unicode && lexer.pass_word(b"uescape") {
        lexer.pass_if(|token| matches!(token, Token::Text(_)));
    }
}
