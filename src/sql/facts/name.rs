//! Names among pieces: `name`, `table.name`, `schema.table.name`. Pure.

use crate::sql::digest::key::Key;
use crate::sql::digest::scan::Piece;

/// The name that a piece is: in lower case unless it is in quotes.
pub(super) fn name(piece: Piece<'_>) -> Option<String> {
    match piece {
        Piece::Word(word, key) if !key.is_reserved() => Some(String::from_utf8_lossy(word).to_ascii_lowercase()),
        Piece::Quoted(name) | Piece::Escaped(name) => Some(String::from_utf8_lossy(name).replace("\"\"", "\"")),
        _ => None,
    }
}

/// Names with points between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// At least one.
    pub(super) names: Vec<String>,
    /// The first piece of it.
    pub(super) begin: usize,
    /// Behind it.
    pub(super) end: usize,
}

impl Path {
    /// The one that begins there.
    pub(super) fn at(pieces: &[Piece<'_>], begin: usize) -> Option<Path> {
        let mut names = vec![name(*pieces.get(begin)?)?];
        let mut end = begin + 1;
        while let (Some(Piece::Symbol(b'.')), Some(next)) = (pieces.get(end), pieces.get(end + 1)) {
            let Some(name) = name(*next) else { break };
            names.push(name);
            end += 2;
        }
        Some(Path { names, begin, end })
    }

    /// The one that ends before `end`; not more of it than a table and a column with their schema.
    pub(super) fn before(pieces: &[Piece<'_>], end: usize) -> Option<Path> {
        let mut begin = end.checked_sub(1)?;
        name(*pieces.get(begin)?)?;
        for _ in 0..3 {
            match begin.checked_sub(2) {
                Some(next) if matches!(pieces[next + 1], Piece::Symbol(b'.')) && name(pieces[next]).is_some() => {
                    begin = next;
                }
                _ => break,
            }
        }
        Path::at(pieces, begin).filter(|path| path.end == end)
    }

    /// The last name.
    pub(super) fn last(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The name before the last.
    pub(super) fn qualifier(&self) -> Option<&str> {
        self.names.len().checked_sub(2).map(|at| self.names[at].as_str())
    }
}

/// Whether a piece is this word.
pub(super) fn is(piece: Option<&Piece<'_>>, wanted: Key) -> bool {
    matches!(piece, Some(Piece::Word(_, key)) if *key == wanted)
}

/// Whether a piece is this word, of which nothing else depends.
pub(super) fn says(piece: Option<&Piece<'_>>, wanted: &str) -> bool {
    matches!(piece, Some(Piece::Word(word, _)) if word.eq_ignore_ascii_case(wanted.as_bytes()))
}
