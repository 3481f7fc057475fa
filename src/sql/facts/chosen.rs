//! Which rows a statement is about: what stands behind its FROM, and its WHERE, condition by condition. Pure.

use super::Compared;
use super::compare::slots;
use super::name::{Path, is};
use super::outline::Outline;
use super::selected::closing;
use super::show::{show, values};
use crate::sql::digest::key::Key;
use crate::sql::digest::scan::Piece;

/// Where rows are, and what they have to meet: all of it, as it is written, without values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chosen {
    /// What stands behind FROM, or UPDATE, with its aliases.
    pub from: String,
    /// What stands behind WHERE, with AND between them.
    pub conditions: Vec<Condition>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As it is written.
    pub text: String,
    /// The column and the value, if it is nothing but their equality.
    pub ask: Option<Ask>,
}

/// `column = $2`, `$2 = column`, `column IN ($2)`, `column = ANY ($2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The column as it is written, with its qualifier.
    pub column: String,
    /// The value's slot.
    pub slot: usize,
    /// And its number in the text that is shown.
    pub number: u32,
    /// It may be one of a list already.
    pub is_list: bool,
}

/// All of it may be so long, and so many conditions.
const LONGEST: usize = 400;
const MOST: usize = 16;

/// Parentheses around conditions that are looked into.
const DEEPEST: usize = 16;

/// Of a SELECT, UPDATE or DELETE of one query whose rows depend on nothing else; `None` where they do, or may.
pub(super) fn chosen(outline: &Outline<'_>, compared: &[Option<Compared>]) -> Option<Chosen> {
    let pieces = &outline.pieces;
    let (from, condition) = clauses(pieces)?;
    let before = |at: usize| pieces[..at].iter().map(|piece| values(*piece)).fold(0, u32::saturating_add);
    let text = |range: Range| show(&pieces[range.0..range.1], before(range.0), LONGEST);
    let ranges = condition.map(|range| split(pieces, range, DEEPEST)).unwrap_or_default();
    if ranges.len() > MOST {
        return None;
    }
    let condition = |range: &Range| Condition {
        text: text(*range),
        ask: ask(pieces, *range, compared).map(|(value, ask)| Ask { number: before(value).saturating_add(1), ..ask }),
    };
    let chosen = Chosen { from: text(from), conditions: ranges.iter().map(condition).collect() };
    let long = chosen.from.len() + chosen.conditions.iter().map(|condition| condition.text.len()).sum::<usize>();
    (long <= LONGEST).then_some(chosen)
}

/// Pieces from one up to before another.
type Range = (usize, usize);

/// What stands behind FROM and WHERE.
fn clauses(pieces: &[Piece<'_>]) -> Option<(Range, Option<Range>)> {
    let (verb, end) = query(pieces)?;
    let (updates, deletes) = (is(pieces.get(verb), Key::Update), is(pieces.get(verb), Key::Delete));
    let (mut from, mut to, mut condition) = (updates.then_some(verb + 1), None, None);
    let (mut depth, mut at) = (0usize, verb + 1);
    while at < end {
        let last = pieces.get(at - 1);
        match pieces[at] {
            Piece::Open => return None,
            Piece::Symbol(b'(' | b'[') => depth += 1,
            Piece::Symbol(b')' | b']') => depth = depth.checked_sub(1)?,
            Piece::Symbol(b';') => break,
            Piece::Word(word, key) if depth == 0 => match key {
                Key::From if is(last, Key::Distinct) => {}
                Key::From if from.is_none() && to.is_none() => from = Some(at + 1),
                Key::Set if updates && to.is_none() => to = Some(at),
                Key::Where if condition.is_none() => (to, condition) = (to.or(Some(at)), Some(at + 1)),
                Key::Distinct if at == verb + 1 => return None,
                // What locks its rows, or leaves some out, is not all in its conditions.
                Key::From | Key::Union | Key::Set | Key::Where | Key::For | Key::Offset => return None,
                Key::Using if deletes => return None,
                Key::Expects | Key::Reserved if is_one_of(word, &["group", "having", "window"]) => return None,
                Key::Reserved if is_one_of(word, &["order"]) => break,
                Key::Limit | Key::Fetch | Key::Returning => break,
                _ => {}
            },
            _ => {}
        }
        at += 1;
    }
    Some(((from?, to.unwrap_or(at)), condition.map(|begin| (begin, at))))
}

/// The verb of the statement, and its end; of `SELECT EXISTS (SELECT …)` those in the parentheses.
fn query(pieces: &[Piece<'_>]) -> Option<Range> {
    let selects = is(pieces.first(), Key::Select);
    if selects && is(pieces.get(1), Key::Exists) && is(pieces.get(3), Key::Select) {
        let end = closing(pieces, 2)?;
        let more =
            pieces[end..].iter().any(|piece| matches!(piece, Piece::Word(_, Key::From | Key::Where | Key::Union)));
        return (!more).then_some((3, end - 1));
    }
    let known = selects || is(pieces.first(), Key::Update) || is(pieces.first(), Key::Delete);
    known.then_some((0, pieces.len()))
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// What AND joins, also in parentheses around all of it.
fn split(pieces: &[Piece<'_>], range: Range, deepest: usize) -> Vec<Range> {
    let (begin, end) = range;
    let opens =
        matches!(pieces[begin..end].first(), Some(Piece::Symbol(b'('))) && !is(pieces.get(begin + 1), Key::Select);
    let wrapped = opens && closing(&pieces[..end], begin) == Some(end);
    let inner = if wrapped { (begin + 1, end - 1) } else { range };
    match joined(pieces, inner) {
        Some(parts) if deepest > 0 && (wrapped || parts.len() > 1) => {
            parts.into_iter().flat_map(|part| split(pieces, part, deepest - 1)).collect()
        }
        _ => vec![range],
    }
}

/// What stands between ANDs; `None` where there is an OR.
fn joined(pieces: &[Piece<'_>], (begin, end): Range) -> Option<Vec<Range>> {
    let (mut parts, mut part, mut depth, mut between) = (Vec::new(), begin, 0usize, false);
    for (at, piece) in pieces.iter().enumerate().take(end).skip(begin) {
        match *piece {
            Piece::Symbol(b'(' | b'[') | Piece::Word(_, Key::Case) => depth += 1,
            Piece::Symbol(b')' | b']') | Piece::Word(_, Key::End) => depth = depth.saturating_sub(1),
            Piece::Word(word, Key::Expects) if depth == 0 => match word {
                _ if is_one_of(word, &["or"]) => return None,
                _ if is_one_of(word, &["between"]) => between = true,
                _ if is_one_of(word, &["and"]) && !std::mem::take(&mut between) => {
                    parts.push((part, at));
                    part = at + 1;
                }
                _ => {}
            },
            _ => {}
        }
    }
    parts.push((part, end));
    Some(parts)
}

/// The equality that a condition is; at whose value the number is left to the caller.
fn ask(pieces: &[Piece<'_>], (begin, end): Range, compared: &[Option<Compared>]) -> Option<(usize, Ask)> {
    let condition = &pieces[begin..end];
    let (value, column, is_list) = sides(condition)?;
    let slot = pieces[..begin + value].iter().map(|piece| slots(*piece)).sum::<usize>();
    let equal = compared.get(slot)?.as_ref()?.equal;
    let path = Path::at(pieces, begin + column.0)?;
    let alone = path.end == begin + column.1 || matches!(pieces.get(path.end), Some(Piece::Cast));
    let column = show(&condition[column.0..column.1], 0, LONGEST);
    (equal && alone).then(|| (begin + value, Ask { column, slot, number: 0, is_list }))
}

/// The value of a condition, the pieces of what it is compared with, and whether it is a list.
fn sides(condition: &[Piece<'_>]) -> Option<(usize, Range, bool)> {
    if let [Piece::Value(true), Piece::Operator(b"="), ..] = condition {
        return Some((0, (2, condition.len()), false));
    }
    let wrapped = matches!(condition.last(), Some(Piece::Symbol(b')')));
    let value = condition.len().checked_sub(1 + usize::from(wrapped))?;
    let has_many = match condition[value] {
        Piece::Value(true) => false,
        Piece::List(list) if !list.row.is_tuple => true,
        _ => return None,
    };
    let array = value.checked_sub(1).is_some_and(|at| matches!(condition[at], Piece::AnyArray));
    let open = value.checked_sub(usize::from(wrapped) + usize::from(array))?;
    match &condition[..open] {
        [column @ .., Piece::Operator(b"="), Piece::Word(_, Key::Any)] if wrapped => {
            Some((value, (0, column.len()), true))
        }
        [column @ .., Piece::Operator(b"=")] if !has_many => Some((value, (0, column.len()), false)),
        [column @ .., Piece::Word(_, Key::In)] if has_many => Some((value, (0, column.len()), true)),
        _ => None,
    }
}
