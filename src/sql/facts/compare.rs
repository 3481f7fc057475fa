//! The columns that values are compared with. Pure.

use super::name::{Path, is, says};
use super::outline::Outline;
use super::show::values;
use super::{Compared, SLOTS};
use crate::sql::digest::key::Key;
use crate::sql::digest::scan::Piece;

/// Operators that compare.
const COMPARES: [&[u8]; 17] = [
    b"=", b"<>", b"!=", b"<", b">", b"<=", b">=", b"~", b"~*", b"!~", b"!~*", b"~~", b"~~*", b"@>", b"<@", b"&&", b"?",
];

/// For each slot what its value is compared with.
pub(super) fn compared(outline: &Outline<'_>) -> [Option<Compared>; SLOTS] {
    let mut found = [const { None }; SLOTS];
    let mut slot = 0;
    for (at, piece) in outline.pieces.iter().enumerate() {
        let columns = match piece {
            Piece::Value(true) => vec![of_value(outline, at)],
            Piece::List(list) if list.row.is_tuple => of_rows(outline, at, values(*piece)),
            Piece::List(_) => vec![of_list(outline, at)],
            _ => continue,
        };
        for column in columns {
            if slot >= SLOTS {
                return found;
            }
            found[slot] = column;
            slot += 1;
        }
    }
    found
}

/// How many slots a piece has.
pub(super) fn slots(piece: Piece<'_>) -> usize {
    match piece {
        Piece::Value(true) => 1,
        Piece::List(list) if list.row.is_tuple => values(piece) as usize,
        Piece::List(_) => 1,
        _ => 0,
    }
}

fn of_value(outline: &Outline<'_>, at: usize) -> Option<Compared> {
    let pieces = &outline.pieces;
    if outline.is_assigned(at) {
        return None;
    }
    // `a = ($1)`
    let wrapped =
        at > 0 && matches!((&pieces[at - 1], pieces.get(at + 1)), (Piece::Symbol(b'('), Some(Piece::Symbol(b')'))));
    let (begin, end) = if wrapped { (at - 1, at + 2) } else { (at, at + 1) };
    if wrapped && begin > 0 && is(pieces.get(begin - 1), Key::Any) {
        return of_any(outline, begin - 1);
    }
    on_the_left(outline, begin, end).or_else(|| on_the_right(outline, begin, end))
}

/// `column = value`, `column LIKE value`, `column BETWEEN value AND value`.
fn on_the_left(outline: &Outline<'_>, begin: usize, end: usize) -> Option<Compared> {
    let pieces = &outline.pieces;
    let operator = begin.checked_sub(1)?;
    if matches!(pieces.get(end), Some(Piece::Operator(_))) {
        return None;
    }
    match pieces[operator] {
        Piece::Operator(found) if COMPARES.contains(&found) => before(outline, operator, found == b"="),
        Piece::Word(..) if ["like", "ilike", "between"].iter().any(|word| says(pieces.get(operator), word)) => {
            before(outline, operator - not_before(pieces, operator), false)
        }
        Piece::Word(..) if says(pieces.get(operator), "and") => {
            let between = operator.checked_sub(2).filter(|at| says(pieces.get(*at), "between"))?;
            before(outline, between - not_before(pieces, between), false)
        }
        _ => None,
    }
}

/// `value = column`
fn on_the_right(outline: &Outline<'_>, begin: usize, end: usize) -> Option<Compared> {
    let pieces = &outline.pieces;
    let first = begin.checked_sub(1).and_then(|before| pieces.get(before));
    match pieces.get(end)? {
        Piece::Operator(found) if COMPARES.contains(found) && !matches!(first, Some(Piece::Operator(_))) => {
            let path = Path::at(pieces, end + 1)?;
            let ends = !matches!(pieces.get(path.end), Some(Piece::Operator(_) | Piece::Symbol(b'(' | b'[')));
            ends.then(|| column(outline, &path, *found == b"="))
        }
        _ => None,
    }
}

/// `column = ANY (…)`; at ANY.
fn of_any(outline: &Outline<'_>, any: usize) -> Option<Compared> {
    match outline.pieces.get(any.checked_sub(1)?)? {
        Piece::Operator(operator) => before(outline, any - 1, *operator == b"="),
        _ => None,
    }
}

/// `column IN (…)`, `column = ANY (ARRAY[…])`.
fn of_list(outline: &Outline<'_>, at: usize) -> Option<Compared> {
    let pieces = &outline.pieces;
    if matches!(pieces.get(at.checked_sub(1)?)?, Piece::AnyArray) {
        return of_any(outline, at.checked_sub(3)?);
    }
    let found = at.checked_sub(2).filter(|at| is(pieces.get(*at), Key::In))?;
    let not = not_before(pieces, found);
    before(outline, found - not, not == 0)
}

/// `(column, column) IN ((…))`; so many columns at the most.
fn of_rows(outline: &Outline<'_>, at: usize, width: u32) -> Vec<Option<Compared>> {
    let width = (width as usize).min(SLOTS);
    let mut found = columns_of_rows(outline, at).unwrap_or_default();
    found.resize(width, None);
    found
}

fn columns_of_rows(outline: &Outline<'_>, at: usize) -> Option<Vec<Option<Compared>>> {
    let pieces = &outline.pieces;
    let found = at.checked_sub(2).filter(|at| is(pieces.get(*at), Key::In))?;
    let not = not_before(pieces, found);
    let close = (found - not).checked_sub(1).filter(|at| matches!(pieces[*at], Piece::Symbol(b')')))?;
    // Columns with their qualifiers, and commas between.
    let nearest = close.saturating_sub(8 * SLOTS);
    let open = (nearest..close).rev().find(|at| matches!(pieces[*at], Piece::Symbol(b'(')))?;
    let (mut columns, mut begin) = (Vec::new(), open + 1);
    while begin < close {
        let path = Path::at(pieces, begin)?;
        columns.push(Some(column(outline, &path, not == 0)));
        begin = path.end + 1;
    }
    Some(columns)
}

fn not_before(pieces: &[Piece<'_>], at: usize) -> usize {
    usize::from(at.checked_sub(1).is_some_and(|before| says(pieces.get(before), "not")))
}

/// The column that ends there, perhaps with a cast, unless it is part of an expression.
fn before(outline: &Outline<'_>, end: usize, equal: bool) -> Option<Compared> {
    let pieces = &outline.pieces;
    let cast = end.checked_sub(2).filter(|at| matches!(pieces[*at], Piece::Cast));
    let path = Path::before(pieces, cast.unwrap_or(end))?;
    let first = path.begin.checked_sub(1).and_then(|before| pieces.get(before));
    let alone = !matches!(first, Some(Piece::Operator(_) | Piece::Cast | Piece::Symbol(b'.')));
    alone.then(|| Compared { cast: cast.is_some(), ..column(outline, &path, equal) })
}

fn column(outline: &Outline<'_>, path: &Path, equal: bool) -> Compared {
    let table = outline.table_of(path.begin, path.qualifier());
    Compared { table, column: path.last().to_owned(), equal, cast: false }
}
