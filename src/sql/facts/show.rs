//! Pieces of a statement as a text for people: one line, no values. Pure.

use crate::sql::digest::key::Key;
use crate::sql::digest::list::List;
use crate::sql::digest::scan::Piece;
use crate::sql::fitting;

/// Of a row's values so many are shown.
const WIDEST: u32 = 64;

/// Longer numbers in types are no lengths.
const LONGEST_MODIFIER: usize = 4;

/// The pieces with `$1`, … for their values, `before` of which stand before; cut behind `longest` bytes.
pub(super) fn show(pieces: &[Piece<'_>], before: u32, longest: usize) -> String {
    let mut text = Text { shown: String::new(), values: before, last: None, into: false };
    for piece in pieces {
        text.piece(*piece);
        if text.shown.len() > longest {
            text.shown.truncate(fitting(&text.shown, longest).len());
            text.shown.push('…');
            break;
        }
    }
    text.shown
}

/// How many values a piece shows.
pub(super) fn values(piece: Piece<'_>) -> u32 {
    match piece {
        Piece::Value(_) => 1,
        Piece::List(list) => list.row.width.saturating_sub(list.row.defaults.count_ones()),
        _ => 0,
    }
}

struct Text<'a> {
    shown: String,
    values: u32,
    last: Option<Piece<'a>>,
    /// Behind INTO, up to the end of the table's name.
    into: bool,
}

impl<'a> Text<'a> {
    fn piece(&mut self, piece: Piece<'a>) {
        if let Piece::AnyArray = piece {
            self.step(piece);
            return;
        }
        if !self.joins(piece) {
            self.shown.push(' ');
        }
        match piece {
            Piece::Word(word, _) => self.bytes(word),
            Piece::Quoted(name) => self.quoted("\"", name),
            Piece::Escaped(name) => self.quoted("U&\"", name),
            Piece::Value(_) => self.value(),
            Piece::List(list) => self.list(list),
            Piece::Hidden => self.shown.push('_'),
            Piece::AnyArray => {}
            Piece::Cast => self.shown.push_str("::"),
            Piece::Modifier(number) if number.len() <= LONGEST_MODIFIER => self.bytes(number),
            Piece::Modifier(_) | Piece::Open => self.shown.push('…'),
            Piece::Symbol(symbol) => self.bytes(&[symbol]),
            Piece::Operator(operator) => self.bytes(operator),
        }
        self.step(piece);
    }

    fn step(&mut self, piece: Piece<'a>) {
        self.into = match piece {
            Piece::Word(_, key) => key == Key::Into || (self.into && !key.is_reserved()),
            Piece::Quoted(_) | Piece::Escaped(_) | Piece::Symbol(b'.') => self.into,
            _ => false,
        };
        self.last = Some(piece);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.shown.push_str(&String::from_utf8_lossy(bytes));
    }

    fn quoted(&mut self, quote: &str, name: &[u8]) {
        self.shown.push_str(quote);
        self.bytes(name);
        self.shown.push('"');
    }

    fn value(&mut self) {
        self.values = self.values.saturating_add(1);
        self.shown.push('$');
        self.shown.push_str(&self.values.to_string());
    }

    /// Its first member, and that there may be more.
    fn list(&mut self, list: List) {
        let rows = matches!(self.last, Some(Piece::Word(_, Key::Values)));
        let any = matches!(self.last, Some(Piece::AnyArray));
        if list.row.is_tuple {
            self.shown.push('(');
        }
        for at in 0..list.row.width.min(WIDEST) {
            if at > 0 {
                self.shown.push_str(", ");
            }
            match list.row.defaults >> at & 1 {
                1 => self.shown.push_str("DEFAULT"),
                _ => self.value(),
            }
        }
        if list.row.width > WIDEST {
            self.shown.push_str(", …");
            self.values = self.values.saturating_add(list.row.width - WIDEST);
        }
        if list.row.is_tuple {
            self.shown.push(')');
        }
        if !any && (!rows || list.count > 1) {
            self.shown.push_str(", …");
        }
    }

    /// Whether no space stands between the last piece and this one.
    fn joins(&self, piece: Piece<'_>) -> bool {
        let Some(last) = self.last else { return true };
        let opens = matches!(last, Piece::Symbol(b'(' | b'.' | b'[') | Piece::Cast | Piece::AnyArray);
        let closes = matches!(piece, Piece::Symbol(b')' | b',' | b'.' | b'[' | b']' | b';') | Piece::Cast);
        // f(a := 1)
        let assigns = matches!((last, piece), (Piece::Symbol(b':'), Piece::Operator(b"=")));
        opens || closes || assigns || (matches!(piece, Piece::Symbol(b'(')) && self.calls(last))
    }

    /// Whether a parenthesis behind that is the one of a call, or of a type.
    fn calls(&self, last: Piece<'_>) -> bool {
        match last {
            Piece::Word(word, Key::Reserved) => is_function(word),
            Piece::Word(_, key) => !self.into && matches!(key, Key::Plain | Key::Session | Key::Cast) || is_type(key),
            Piece::Quoted(_) => !self.into,
            _ => false,
        }
    }
}

fn is_type(key: Key) -> bool {
    matches!(key, Key::Type | Key::TypeReserved | Key::Char | Key::Time)
}

fn is_function(word: &[u8]) -> bool {
    const FUNCTIONS: [&str; 11] = [
        "coalesce",
        "extract",
        "greatest",
        "least",
        "normalize",
        "nullif",
        "overlay",
        "position",
        "substring",
        "treat",
        "trim",
    ];
    FUNCTIONS.iter().any(|function| word.eq_ignore_ascii_case(function.as_bytes()))
}
