//! One statement, token by token: its shape's hash, its values, what it does. Whoever wants to see the pieces that the shape
//! is made of is told them (`facts`); for digests alone that costs nothing. Pure.

use super::cast::{pass_casts, typed};
use super::found::Found;
use super::hash::{self, chain};
use super::key::Key;
use super::list::{List, pass_escape};
use super::open::{Phase, first, stays, verb};
use super::{Digest, Kind, Reading, Statement, Traits, Value, shape};
use crate::sql::lexer::{Lexer, Token, ahead::is_operator, is_plain};
use crate::sql::literal::Literal;

mod longer;

/// A piece of a shape.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) enum Piece<'a> {
    /// A key word, or a name that needs no quotes, which then is `Plain`.
    Word(&'a [u8], Key),
    /// A name in quotes that it needs.
    Quoted(&'a [u8]),
    /// A name with escapes.
    Escaped(&'a [u8]),
    /// A value; whether it has a slot.
    Value(bool),
    /// A name that says nothing.
    Hidden,
    /// All between the parentheses of IN or the brackets of ARRAY, or all that follows VALUES.
    List(List),
    /// ANY's array, written out: stands for the value that it is elsewhere.
    AnyArray,
    /// `::`
    Cast,
    /// A number in a type.
    Modifier(&'a [u8]),
    Symbol(u8),
    Operator(&'a [u8]),
    /// A string or a name that does not end.
    Open,
}

/// Reads one statement; `None` where there is none any more. `trail` sees its pieces.
#[inline]
pub(in crate::sql) fn read<'a>(lexer: &mut Lexer<'a>, trail: impl FnMut(Piece<'a>)) -> Option<Statement<'a>> {
    while lexer.pass_symbol(b';') {}
    let begin = lexer.pass_space();
    if begin >= lexer.text().len() {
        return None;
    }
    let mut scan = Scan::new(lexer.clone(), trail);
    while let Some(token) = scan.lexer.next() {
        if matches!(token, Token::Symbol(b';')) && scan.depth == 0 && scan.atomic == 0 {
            break;
        }
        scan.token(token);
        scan.end = scan.lexer.position();
    }
    scan.finish();
    *lexer = scan.lexer.clone();
    (scan.end > 0).then(|| scan.statement(begin))
}

struct Scan<'a, T> {
    lexer: Lexer<'a>,
    trail: T,
    hash: u64,
    found: Found<'a>,
    phase: Phase,
    before: Before,
    /// The word before, where that was the last piece.
    last: Key,
    /// Parentheses.
    depth: u32,
    /// Bodies of BEGIN ATOMIC, and CASEs in them.
    atomic: u32,
    kind: Kind,
    traits: Traits,
    list: u32,
    names: Names,
    /// What an INSERT inserts was seen.
    source: bool,
    creates: bool,
    /// How deep the VALUES stand that are no list, and what BY names, and one more; 0 for none.
    rows: u32,
    by: u32,
    end: usize,
}

/// What the last piece means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It was one, or ended one.
    Operand,
    /// It was one, and a value.
    Value,
    /// It wants one.
    Expects,
    /// It is `<`, `>`, `<=`, `>=`, and wants one.
    Order,
    /// LIMIT, OFFSET, FETCH FIRST.
    Paging,
    /// ANY, and its parenthesis.
    Any,
    /// A point: what follows is a name.
    Point,
}

/// What a query asks about, as far as that makes it transparent.
#[derive(Debug, Clone, Copy, Default)]
struct Names {
    catalog: bool,
    session: bool,
    tables: bool,
}

impl<'a, T: FnMut(Piece<'a>)> Scan<'a, T> {
    #[inline]
    fn new(lexer: Lexer<'a>, trail: T) -> Scan<'a, T> {
        Scan {
            lexer,
            trail,
            hash: 0,
            found: Found::NONE,
            phase: Phase::Start,
            before: Before::Expects,
            last: Key::Plain,
            depth: 0,
            atomic: 0,
            kind: Kind::Other,
            traits: Traits::NONE,
            list: 0,
            names: Names::default(),
            source: false,
            creates: false,
            rows: 0,
            by: 0,
            end: 0,
        }
    }

    #[inline]
    fn token(&mut self, token: Token<'a>) {
        match token {
            Token::Word(word) => self.word(word),
            Token::Quoted(name) => self.quoted(name),
            Token::Escaped(name) => self.name(shape::escaped(name), Piece::Escaped(name)),
            Token::Text(literal) => self.text(literal),
            Token::Number(digits) if self.last == Key::By && self.names_a_column() => self.position(digits),
            Token::Number(digits) => self.value(Value::Number { negative: false, digits }),
            Token::Parameter(number) => self.value(Value::Parameter(number)),
            Token::Symbol(symbol) if is_operator(symbol) => self.operator(),
            Token::Symbol(symbol) => self.symbol(symbol),
        }
    }

    #[inline]
    fn put(&mut self, hash: u64, piece: Piece<'a>) {
        self.hash = chain(self.hash, hash);
        (self.trail)(piece);
    }

    #[inline]
    fn word(&mut self, word: &'a [u8]) {
        let end = self.lexer.position();
        let hash = hash::word(self.lexer.text(), end - word.len(), end);
        let key = self.meant(Key::of(hash));
        if self.phase != Phase::Body && self.opens(key, hash, word) {
            return;
        }
        if key == Key::Plain {
            self.name(hash, Piece::Word(word, key));
        } else {
            self.key_word(key, hash, word);
        }
    }

    /// Behind a point there are but names, and behind AS, but for what may stand there.
    #[inline]
    fn meant(&self, key: Key) -> Key {
        let is_name = match key {
            Key::Plain => false,
            Key::Catalog | Key::Session => false,
            _ if self.before == Before::Point => true,
            _ => self.last == Key::As && verb(key).is_none() && !matches!(key, Key::With | Key::Execute),
        };
        if is_name { Key::Plain } else { key }
    }

    #[inline]
    fn quoted(&mut self, name: &'a [u8]) {
        if !is_plain(name) {
            return self.name(shape::quoted(name), Piece::Quoted(name));
        }
        let end = self.lexer.position() - 1;
        let hash = hash::word(self.lexer.text(), end - name.len(), end);
        match Key::of(hash) {
            key if key.is_reserved() => self.name(shape::quoted(name), Piece::Quoted(name)),
            key => {
                self.names.catalog |= key == Key::Catalog;
                self.name(hash, Piece::Word(name, Key::Plain));
            }
        }
    }

    /// A name that is no key word.
    #[inline]
    fn name(&mut self, hash: u64, piece: Piece<'a>) {
        match self.phase {
            Phase::Name => {
                self.phase = Phase::Body;
                self.put(shape::HIDDEN, Piece::Hidden);
            }
            Phase::Names => self.put(shape::HIDDEN, Piece::Hidden),
            Phase::Given => self.put(shape::VALUE, Piece::Value(false)),
            Phase::Start => {
                self.phase = Phase::Body;
                self.put(hash, piece);
            }
            _ => self.put(hash, piece),
        }
        (self.before, self.last) = (Before::Operand, Key::Plain);
    }

    /// A word before the body; whether that is all to be said of it.
    fn opens(&mut self, key: Key, hash: u64, word: &'a [u8]) -> bool {
        match self.phase {
            Phase::Start => {
                (self.kind, self.phase) = first(key, self.depth);
                self.creates = key == Key::Create;
                self.traits = if matches!(key, Key::Fetch | Key::Move) { Traits::FETCH } else { Traits::NONE };
            }
            Phase::With(depth) if depth == self.depth => {
                if let Some(kind) = verb(key) {
                    (self.kind, self.phase) = (kind, Phase::Body);
                }
            }
            Phase::Name if key == Key::Transaction => self.phase = Phase::Body,
            Phase::Set if key == Key::To => self.phase = Phase::Given,
            Phase::Names if stays(key) => {}
            Phase::Name | Phase::Names => {
                self.name(hash, Piece::Word(word, key));
                return true;
            }
            _ => {}
        }
        false
    }

    fn key_word(&mut self, key: Key, hash: u64, word: &'a [u8]) {
        let last = self.last;
        match key {
            Key::Array if self.array(hash, word) => return,
            Key::Cast if self.cast() => return,
            key if key.is_type() => {
                if let Some(literal) = typed(&mut self.lexer, key) {
                    return self.value(Value::Text(literal));
                }
            }
            _ => {}
        }
        self.put(hash, Piece::Word(word, key));
        self.before = if key.expects() { Before::Expects } else { Before::Operand };
        self.last = key;
        // Behind these there is nothing any more that BY names.
        self.by *= u32::from(!matches!(key, Key::Limit | Key::Returning | Key::Select));
        match key {
            Key::Limit => self.before = Before::Paging,
            Key::Offset => {
                self.before = Before::Paging;
                self.trait_of(Traits::PAGED);
            }
            Key::First if last == Key::Fetch => self.before = Before::Paging,
            Key::Update | Key::Lock | Key::Stays if last == Key::For => self.trait_of(Traits::LOCKS),
            Key::Any => self.before = Before::Any,
            Key::Returning => self.trait_of(Traits::RETURNING),
            Key::By if self.may_order() => self.by = self.depth + 1,
            Key::Select => self.inserts(true),
            Key::Values => self.values(),
            Key::Catalog => self.names.catalog = true,
            Key::Session | Key::SessionReserved => self.names.session = true,
            Key::From => self.names.tables = true,
            Key::Atomic if self.creates && last == Key::Begin => self.atomic = self.atomic.saturating_add(1),
            Key::Case if self.atomic > 0 => self.atomic = self.atomic.saturating_add(1),
            Key::End if self.atomic > 0 => self.atomic -= 1,
            _ => {}
        }
    }

    fn trait_of(&mut self, found: Traits) {
        self.traits = self.traits.with(found);
    }

    #[inline]
    fn text(&mut self, literal: Literal<'a>) {
        pass_escape(&mut self.lexer, literal);
        self.value(Value::Text(literal));
    }

    #[inline]
    fn value(&mut self, value: Value<'a>) {
        let slot = self.before != Before::Paging && self.phase != Phase::Names;
        if self.before == Before::Order {
            self.trait_of(Traits::PAGED);
        }
        if self.phase == Phase::Start {
            self.phase = Phase::Body;
        }
        self.found.add(value, slot);
        self.put(shape::VALUE, Piece::Value(slot));
        self.valued();
    }

    /// Behind a value.
    #[inline]
    fn valued(&mut self) {
        (self.before, self.last) = (Before::Value, Key::Plain);
        pass_casts(&mut self.lexer);
    }

    #[inline]
    fn operator(&mut self) {
        let operator = self.lexer.operator();
        let signs = matches!(operator, b"-" | b"+") && !matches!(self.before, Before::Operand | Before::Value);
        if signs && let Some(digits) = self.lexer.pass_number() {
            return self.value(Value::Number { negative: operator == b"-", digits });
        }
        let orders = matches!(operator, b"<" | b">" | b"<=" | b">=");
        if orders && self.before == Before::Value {
            self.trait_of(Traits::PAGED);
        }
        self.phase = if self.phase == Phase::Set { Phase::Given } else { self.phase };
        self.put(shape::operator(operator), Piece::Operator(operator));
        // `*` may be an operand, but there is no sign behind it then.
        self.before = if orders { Before::Order } else { Before::Expects };
        self.last = Key::Plain;
    }

    #[inline]
    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b':' if self.lexer.text().get(self.lexer.position()) == Some(&b':') => return self.casts(),
            b'(' => self.opened(),
            b')' => {
                self.depth = self.depth.saturating_sub(1);
                self.by = if self.by > self.depth + 1 { 0 } else { self.by };
                self.before = Before::Operand;
            }
            b']' => self.before = Before::Operand,
            b'.' => self.before = Before::Point,
            b',' => {
                let next_row = self.rows == self.depth + 1 && self.before == Before::Operand;
                if next_row && self.kind == Kind::Insert {
                    self.trait_of(Traits::MANY_ROWS);
                }
                self.before = Before::Expects;
            }
            _ => self.before = Before::Expects,
        }
        let last = std::mem::replace(&mut self.last, Key::Plain);
        self.put(shape::symbol(symbol), Piece::Symbol(symbol));
        match symbol {
            b'(' if last == Key::In => self.members(),
            b',' if self.by == self.depth + 1 => self.last = Key::By,
            _ => {}
        }
    }

    fn opened(&mut self) {
        self.depth = self.depth.saturating_add(1);
        if !matches!(self.before, Before::Order | Before::Paging | Before::Any) {
            self.before = Before::Expects;
        }
    }

    fn finish(&mut self) {
        if self.lexer.is_open() {
            self.end = self.lexer.position();
            self.put(shape::OPEN, Piece::Open);
        }
        let asks = self.names.catalog || (self.names.session && !self.names.tables);
        if self.kind == Kind::Select && asks {
            self.kind = Kind::Transparent;
        }
    }

    fn statement(&self, begin: usize) -> Statement<'a> {
        let Found { values, slots, used, literals, .. } = self.found;
        let reading = Reading {
            digest: Digest(self.hash.max(1)),
            kind: self.kind,
            traits: self.traits,
            list: u16::try_from(self.list).unwrap_or(u16::MAX),
            slots,
            used,
        };
        Statement { reading, values, literals, begin, end: self.end }
    }
}
