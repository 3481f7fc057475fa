//! SQL cut into tokens as Postgres cuts it, without allocation. What tokens mean is for others. Pure.
//!
//! The rules: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>. Where versions differ (numbers with letters
//! behind them), it cuts such that no version's words are swallowed. The text's encoding must be one whose characters of
//! several bytes hold no ASCII bytes, as all server encodings are.

use memchr::{memchr, memchr2};

use super::literal::{Kind, Literal};

pub(super) mod ahead;
mod comments;

use comments::Comments;

/// A piece of SQL; its slices are parts of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A key word, or a name without quotes, as written.
    Word(&'a [u8]),
    /// What is inside `"…"`, doubled quotes as written.
    Quoted(&'a [u8]),
    /// What is inside `U&"…"`: a name whose escapes are not read here.
    Escaped(&'a [u8]),
    /// A string constant of any kind.
    Text(Literal<'a>),
    /// Without its sign.
    Number(&'a [u8]),
    /// `$1` is 1. A number too large is `u32::MAX`.
    Parameter(u32),
    /// Anything else, a byte a token: `::` is two.
    Symbol(u8),
}

/// The tokens of a text. White space and comments are skipped; what does not end (a string, a comment) ends the tokens.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a [u8],
    /// All before is done. May be past the end.
    at: usize,
    backslash: bool,
    /// A string or a name did not end.
    open: bool,
    comments: Comments,
}

impl<'a> Lexer<'a> {
    /// `backslash`: whether it is an escape in `'…'` as well (`standard_conforming_strings = off`).
    pub fn new(text: &'a [u8], backslash: bool) -> Lexer<'a> {
        Lexer { text, at: 0, backslash, open: false, comments: Comments::NONE }
    }

    /// How many bytes of the text are done: where the last token ended.
    pub fn position(&self) -> usize {
        self.at.min(self.text.len())
    }

    /// The next token, which stays.
    pub fn peek(&self) -> Option<Token<'a>> {
        self.clone().next()
    }

    #[inline]
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Whether the byte there is of one of these classes.
    #[inline]
    fn is(&self, ahead: usize, classes: u8) -> bool {
        self.byte(ahead).is_some_and(|byte| CLASSES[usize::from(byte)] & classes != 0)
    }

    /// Passes white space and comments; the byte behind them.
    #[inline]
    fn skip(&mut self) -> Option<u8> {
        self.at += usize::from(self.byte(0) == Some(b' '));
        match self.byte(0)? {
            first if first > b'/' => Some(first),
            _ => self.skip_more(),
        }
    }

    fn skip_more(&mut self) -> Option<u8> {
        loop {
            match self.byte(0)? {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b'-' if self.byte(1) == Some(b'-') => self.comment(line_end),
                b'/' if self.byte(1) == Some(b'*') => self.comment(comment_end),
                first => return Some(first),
            }
        }
    }

    fn comment(&mut self, end: fn(&[u8], usize) -> usize) {
        self.comments.note(self.at);
        self.at = end(self.text, self.at);
    }

    /// Passes bytes of these classes.
    #[inline]
    fn run(&mut self, classes: u8) -> &'a [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| CLASSES[usize::from(byte)] & classes == 0).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    #[inline]
    fn word(&mut self) -> Option<Token<'a>> {
        let word = self.run(LETTER | DIGIT | DOLLAR);
        match self.byte(0) {
            Some(b'\'' | b'&') if word.len() == 1 => self.prefixed(word),
            _ => Some(Token::Word(word)),
        }
    }

    /// A word of one letter in front of a quote or `&`.
    fn prefixed(&mut self, word: &'a [u8]) -> Option<Token<'a>> {
        match (word[0] | 0x20, self.byte(0), self.byte(1)) {
            (b'e', Some(b'\''), _) => self.constant(Kind::Escape),
            (b'n', Some(b'\''), _) => self.constant(Kind::National),
            (b'b', Some(b'\''), _) => self.constant(Kind::Bits),
            (b'x', Some(b'\''), _) => self.constant(Kind::Hex),
            (b'u', Some(b'&'), Some(b'\'')) => {
                self.at += 1;
                self.constant(Kind::Unicode)
            }
            (b'u', Some(b'&'), Some(b'"')) => {
                self.at += 1;
                self.quoted().map(Token::Escaped)
            }
            _ => Some(Token::Word(word)),
        }
    }

    /// At the opening quote.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let begin = self.at + 1;
        self.at = begin;
        // Names are short, and most are such as need no quotes.
        self.run(LETTER | DIGIT | DOLLAR);
        loop {
            self.find(b'"')?;
            match self.byte(1) {
                Some(b'"') => self.at += 2,
                _ => break,
            }
        }
        self.at += 1;
        self.text.get(begin..self.at - 1)
    }

    /// A string constant; at its opening quote.
    fn constant(&mut self, kind: Kind) -> Option<Token<'a>> {
        let begin = self.at + 1;
        let backslash = kind == Kind::Escape || (kind == Kind::National && self.backslash);
        let doubles = !matches!(kind, Kind::Bits | Kind::Hex);
        self.at = begin;
        loop {
            match backslash {
                true => self.find2(b'\'', b'\\')?,
                false => self.find(b'\'')?,
            }
            match (self.byte(0), self.byte(1)) {
                (Some(b'\\'), _) => self.at += 2,
                (_, Some(b'\'')) if doubles => self.at += 2,
                (_, behind) => match continuation(self.text, self.at + 1, behind) {
                    Some(next) => self.at = next,
                    None => break,
                },
            }
        }
        self.at += 1;
        Some(Token::Text(Literal { kind, raw: &self.text[begin..self.at - 1] }))
    }

    /// At a `$`.
    fn dollar(&mut self) -> Option<Token<'a>> {
        let begin = self.at;
        self.at += 1;
        if self.is(0, DIGIT) {
            return Some(self.parameter());
        }
        if self.is(0, LETTER) {
            self.run(LETTER | DIGIT);
        }
        if self.byte(0) != Some(b'$') {
            self.at = begin + 1;
            return Some(Token::Symbol(b'$'));
        }
        self.at += 1;
        self.dollar_quoted(&self.text[begin..self.at])
    }

    /// Behind the opening delimiter, which is `$` to `$`. Delimiters overlap by one byte at most, hence the time is linear.
    fn dollar_quoted(&mut self, delimiter: &[u8]) -> Option<Token<'a>> {
        let begin = self.at;
        loop {
            self.find(b'$')?;
            if self.text[self.at..].starts_with(delimiter) {
                break;
            }
            self.at += 1;
        }
        let raw = &self.text[begin..self.at];
        self.at += delimiter.len();
        Some(Token::Text(Literal { kind: Kind::Dollar, raw }))
    }

    fn parameter(&mut self) -> Token<'a> {
        let digits = self.run(DIGIT).iter().map(|digit| u32::from(digit - b'0'));
        Token::Parameter(digits.fold(0, |number, digit| number.saturating_mul(10).saturating_add(digit)))
    }

    /// At its first digit, or at the point before it.
    fn number(&mut self) -> Token<'a> {
        let begin = self.at;
        if !self.based() {
            self.digits(DIGIT);
            if self.byte(0) == Some(b'.') && self.byte(1) != Some(b'.') {
                self.at += 1;
                self.digits(DIGIT);
            }
            self.exponent();
        }
        Token::Number(&self.text[begin..self.at])
    }

    /// `0x1F`, `0o17`, `0b11`: not before version 16, where it was a number and a word behind it, which nobody wrote.
    fn based(&mut self) -> bool {
        let classes = match (self.byte(0), self.byte(1).map(|byte| byte | 0x20)) {
            (Some(b'0'), Some(b'x')) => DIGIT | HEX,
            (Some(b'0'), Some(b'o' | b'b')) => DIGIT,
            _ => return false,
        };
        let begin = self.at;
        self.at += 2;
        self.digits(classes);
        let found = self.at > begin + 2;
        self.at = if found { self.at } else { begin };
        found
    }

    /// Passes digits, with single `_` between them as from version 16.
    fn digits(&mut self, classes: u8) {
        self.run(classes);
        while self.byte(0) == Some(b'_') && self.is(1, classes) {
            self.at += 1;
            self.run(classes);
        }
    }

    fn exponent(&mut self) {
        let Some(b'e' | b'E') = self.byte(0) else { return };
        let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
        if self.is(1 + sign, DIGIT) {
            self.at += 1 + sign;
            self.digits(DIGIT);
        }
    }

    /// Goes to the next such byte; to the end if there is none.
    #[inline]
    fn find(&mut self, wanted: u8) -> Option<()> {
        if self.byte(0) == Some(wanted) {
            return Some(());
        }
        let found = memchr(wanted, self.text.get(self.at..).unwrap_or_default());
        self.go(found)
    }

    #[inline]
    fn find2(&mut self, one: u8, other: u8) -> Option<()> {
        let found = memchr2(one, other, self.text.get(self.at..).unwrap_or_default());
        self.go(found)
    }

    #[inline]
    fn go(&mut self, found: Option<usize>) -> Option<()> {
        self.at = found.map_or(self.text.len(), |found| self.at + found);
        self.open = found.is_none();
        found.map(|_| ())
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    #[inline]
    fn next(&mut self) -> Option<Token<'a>> {
        let first = self.skip()?;
        match CLASSES[usize::from(first)] {
            class if class & LETTER != 0 => return self.word(),
            class if class & DIGIT != 0 => return Some(self.number()),
            _ => {}
        }
        match first {
            b'\'' => self.constant(if self.backslash { Kind::Escape } else { Kind::Plain }),
            b'"' => self.quoted().map(Token::Quoted),
            b'$' => self.dollar(),
            b'.' if self.is(1, DIGIT) => Some(self.number()),
            _ => {
                self.at += 1;
                Some(Token::Symbol(first))
            }
        }
    }
}

/// Where the line ends that `at` is in.
fn line_end(text: &[u8], at: usize) -> usize {
    memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |found| at + found)
}

/// Behind the comment that begins at `at`, and those inside it.
fn comment_end(text: &[u8], at: usize) -> usize {
    let (mut at, mut depth) = (at + 2, 1usize);
    while depth > 0 {
        let Some(found) = text.get(at..).and_then(|rest| memchr2(b'*', b'/', rest)) else { return text.len() };
        at += found;
        match &text[at..] {
            [b'*', b'/', ..] => depth -= 1,
            [b'/', b'*', ..] => depth += 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    at
}

/// Behind the quote with which a constant goes on, if one does: white space with a new line in it may stand between, and
/// `--` comments. `at` is behind the closing quote, `behind` the byte there.
#[inline]
pub(super) fn continuation(text: &[u8], at: usize, behind: Option<u8>) -> Option<usize> {
    match behind {
        Some(b' ' | b'\t'..=b'\r' | b'-') => continued(text, at),
        _ => None,
    }
}

fn continued(text: &[u8], mut at: usize) -> Option<usize> {
    let mut new_line = false;
    loop {
        match text.get(at..)? {
            [b'\n' | b'\r', ..] => new_line = true,
            [b' ' | b'\t'..=b'\r', ..] => {}
            [b'-', b'-', ..] => {
                at = line_end(text, at);
                continue;
            }
            [b'\'', ..] if new_line => return Some(at + 1),
            _ => return None,
        }
        at += 1;
    }
}

/// Whether a name in quotes is the same as without, but for key words.
#[inline]
pub(super) fn is_plain(name: &[u8]) -> bool {
    let class = |byte: &u8| CLASSES[usize::from(*byte)];
    name.first().is_some_and(|first| class(first) & LETTER != 0)
        && name.iter().all(|byte| class(byte) & (LETTER | DIGIT | DOLLAR) != 0 && !byte.is_ascii_uppercase())
}

/// What a name may begin with; all bytes of characters beyond ASCII are.
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
/// May be in a name, but neither at its begin nor in the tag of a dollar quote.
const DOLLAR: u8 = 4;
/// A letter that is a hexadecimal digit.
const HEX: u8 = 8;

/// What each byte is, as bits.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

const fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'f' | b'A'..=b'F' => LETTER | HEX,
        b'g'..=b'z' | b'G'..=b'Z' | b'_' | 128.. => LETTER,
        b'0'..=b'9' => DIGIT,
        b'$' => DOLLAR,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
