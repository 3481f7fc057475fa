//! The outermost select list. Pure.

use super::Renamed;
use super::name::{Path, is, name, says};
use super::outline::Outline;
use super::show::{show, values};
use crate::sql::digest::key::Key;
use crate::sql::digest::scan::Piece;

/// More items are left out.
const MOST: usize = 64;

/// A longer item is cut.
const LONGEST: usize = 256;

/// The list of the outermost SELECT, item by item; empty for other statements.
#[derive(Debug, Default)]
pub(super) struct Selected<'o, 'a> {
    items: Vec<Item<'o, 'a>>,
    /// There is a LIMIT or FETCH FIRST behind it.
    pub(super) limit: bool,
}

#[derive(Debug)]
struct Item<'o, 'a> {
    pieces: &'o [Piece<'a>],
    /// Where it begins.
    begin: usize,
    /// Values before it.
    before: u32,
}

impl<'o, 'a> Selected<'o, 'a> {
    pub(super) fn of(outline: &'o Outline<'a>) -> Selected<'o, 'a> {
        let pieces = &outline.pieces;
        let Some(verb) = verb(pieces) else { return Selected::default() };
        let mut selected = Selected { items: Vec::new(), limit: limits(&pieces[verb..]) };
        if is(pieces.get(verb), Key::Select) {
            selected.read(pieces, behind_distinct(pieces, verb + 1));
        }
        selected
    }

    fn read(&mut self, pieces: &'o [Piece<'a>], begin: usize) {
        let mut item = begin;
        let mut before = pieces[..begin].iter().map(|piece| values(*piece)).fold(0, u32::saturating_add);
        let mut depth = 0usize;
        for at in begin..=pieces.len() {
            let piece = pieces.get(at);
            let ends = depth == 0 && piece.is_none_or(ends_list);
            if ends || (depth == 0 && matches!(piece, Some(Piece::Symbol(b',')))) {
                if at > item && self.items.len() < MOST {
                    self.items.push(Item { pieces: &pieces[item..at], begin: item, before });
                }
                before = pieces[item..at].iter().map(|piece| values(*piece)).fold(before, u32::saturating_add);
                item = at + 1;
            }
            match piece {
                _ if ends => break,
                Some(Piece::Symbol(b'(' | b'[')) => depth += 1,
                Some(Piece::Symbol(b')' | b']')) => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// One of them is `*` or `table.*`.
    pub(super) fn star(&self) -> bool {
        let is = |item: &Item<'_, '_>| {
            matches!(item.pieces, [Piece::Operator(b"*")] | [.., Piece::Symbol(b'.'), Piece::Operator(b"*")])
        };
        self.items.iter().any(is)
    }

    /// The one aggregate that it is.
    pub(super) fn aggregate(&self) -> Option<String> {
        let [Item { pieces, .. }] = self.items.as_slice() else { return None };
        let function = name(*pieces.first()?).filter(|name| AGGREGATES.contains(&name.as_str()))?;
        if !matches!(pieces.get(1), Some(Piece::Symbol(b'('))) {
            return None;
        }
        let rest = &pieces[closing(pieces, 1)?..];
        let more =
            |piece: &Piece<'_>| matches!(piece, Piece::Operator(_) | Piece::Value(_)) || says(Some(piece), "over");
        (!rest.iter().any(more)).then(|| function.to_ascii_uppercase())
    }

    /// It asks whether there is something.
    pub(super) fn exists(&self) -> bool {
        let [Item { pieces, .. }] = self.items.as_slice() else { return false };
        let asked = &pieces[usize::from(says(pieces.first(), "not")).min(pieces.len())..];
        is(asked.first(), Key::Exists) || (self.limit && is_constant(pieces))
    }

    /// Columns under another name.
    pub(super) fn renamed(&self, outline: &Outline<'_>) -> Vec<Renamed> {
        self.items.iter().filter_map(|item| item.renamed(outline)).collect()
    }

    /// As they are written, without values.
    pub(super) fn shown(&self) -> Vec<String> {
        self.items.iter().map(|item| show(item.pieces, item.before, LONGEST)).collect()
    }
}

impl Item<'_, '_> {
    /// `table.column AS label`, `column label`.
    fn renamed(&self, outline: &Outline<'_>) -> Option<Renamed> {
        let path = Path::at(self.pieces, 0)?;
        let label = match &self.pieces[path.end..] {
            [label] => name(*label)?,
            [word, label] if is(Some(word), Key::As) => name(*label)?,
            _ => return None,
        };
        let table = outline.table_of(self.begin, path.qualifier());
        (label != path.last()).then(|| Renamed { label, table, column: path.last().to_owned() })
    }
}

/// Aggregates that a statement may be about.
const AGGREGATES: [&str; 14] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "bool_and",
    "bool_or",
    "every",
];

/// A value, perhaps with a name.
fn is_constant(pieces: &[Piece<'_>]) -> bool {
    let rest = match pieces {
        [Piece::Value(_), rest @ ..] => rest,
        [Piece::Symbol(b'('), Piece::Value(_), Piece::Symbol(b')'), rest @ ..] => rest,
        _ => return false,
    };
    match rest {
        [] => true,
        [alias] => name(*alias).is_some(),
        [first, alias] => is(Some(first), Key::As) && name(*alias).is_some(),
        _ => false,
    }
}

/// The verb of the whole: the first word, or the one behind WITH.
fn verb(pieces: &[Piece<'_>]) -> Option<usize> {
    let first = pieces.iter().position(|piece| !matches!(piece, Piece::Symbol(b'(')))?;
    if !is(pieces.get(first), Key::With) {
        return Some(first);
    }
    let verbs = [Key::Select, Key::Insert, Key::Update, Key::Delete, Key::Merge, Key::Values, Key::Table];
    let mut depth = 0usize;
    pieces
        .iter()
        .skip(first)
        .position(|piece| {
            match piece {
                Piece::Symbol(b'(') => depth += 1,
                Piece::Symbol(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && verbs.iter().any(|verb| is(Some(piece), *verb))
        })
        .map(|found| first + found)
}

/// Passes ALL, DISTINCT, DISTINCT ON (…).
fn behind_distinct(pieces: &[Piece<'_>], at: usize) -> usize {
    if is(pieces.get(at), Key::All) {
        return at + 1;
    }
    if !is(pieces.get(at), Key::Distinct) {
        return at;
    }
    if !is(pieces.get(at + 1), Key::On) {
        return at + 1;
    }
    closing(pieces, at + 2).unwrap_or(pieces.len())
}

/// Behind the parenthesis that closes the one there.
pub(super) fn closing(pieces: &[Piece<'_>], begin: usize) -> Option<usize> {
    let mut depth = 0usize;
    let found = pieces.get(begin..)?.iter().position(|piece| {
        match piece {
            Piece::Symbol(b'(') => depth += 1,
            Piece::Symbol(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    found.map(|found| begin + found + 1)
}

fn ends_list(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Symbol(b')' | b';') | Piece::Open => true,
        Piece::Word(_, key) => match key {
            Key::From | Key::Where | Key::Into | Key::Union | Key::Limit | Key::Offset | Key::Fetch | Key::For => true,
            _ => ["order", "group", "having", "window"].iter().any(|word| says(Some(piece), word)),
        },
        _ => false,
    }
}

/// LIMIT or FETCH FIRST, as deep as the verb; or in the parentheses that all of it stands in.
fn limits(pieces: &[Piece<'_>]) -> bool {
    let mut depth = 0i64;
    pieces.iter().any(|piece| {
        match piece {
            Piece::Symbol(b'(') => depth += 1,
            Piece::Symbol(b')') => depth -= 1,
            _ => {}
        }
        depth <= 0 && (is(Some(piece), Key::Limit) || is(Some(piece), Key::Fetch))
    })
}
