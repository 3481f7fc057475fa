//! Where the pieces of a statement stand: which SELECT they belong to, which tables that one names, what is assigned. Pure.

use std::collections::HashSet;

use super::name::{Path, is, name, says};
use crate::sql::digest::key::Key;
use crate::sql::digest::scan::Piece;

/// A statement's pieces and what is said of them.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// For each piece the query it belongs to.
    scopes_of: Vec<u32>,
    /// Whether it stands in SET.
    assigned: Vec<bool>,
    scopes: Vec<Scope>,
    /// What WITH names, and windows.
    named: HashSet<String>,
}

/// A query: SELECT, or another verb.
#[derive(Debug, Default)]
struct Scope {
    /// The one around it. The outermost is its own.
    parent: u32,
    sources: Vec<Source>,
}

/// What a query reads or writes.
#[derive(Debug)]
struct Source {
    /// How its columns are called.
    alias: String,
    /// As written, with its schema; none for a function and for a query in parentheses.
    table: Option<Vec<String>>,
}

/// What is known inside a pair of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    scope: u32,
    clause: Clause,
    /// A table may come next.
    wants: bool,
    /// It has a verb of its own.
    verb: Option<Key>,
}

/// Where in a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Clause {
    #[default]
    Other,
    From,
    Set,
}

/// Deeper parentheses are like the last that are not.
const DEEPEST: usize = 256;

/// Of one query so many tables are told apart.
const MOST_SOURCES: usize = 128;

impl<'a> Outline<'a> {
    pub(super) fn of(pieces: Vec<Piece<'a>>) -> Outline<'a> {
        let named = named(&pieces);
        let scopes = vec![Scope::default()];
        let mut outline = Outline { named, scopes, pieces, ..Outline::default() };
        outline.walk();
        outline
    }

    fn walk(&mut self) {
        let (mut levels, mut level, mut beyond) = (Vec::new(), Level::default(), 0usize);
        let mut at = 0;
        while at < self.pieces.len() {
            let begin = at;
            at += 1;
            match self.pieces[begin] {
                Piece::Symbol(b'(') if levels.len() < DEEPEST => {
                    levels.push(level);
                    level = Level { clause: level.inside(), verb: None, ..level };
                }
                Piece::Symbol(b'(') => beyond += 1,
                Piece::Symbol(b')') if beyond > 0 => beyond -= 1,
                Piece::Symbol(b')') => {
                    level = levels.pop().unwrap_or(level);
                    if level.wants {
                        at = self.source(level, None, begin + 1);
                        level.wants = false;
                    }
                }
                Piece::Symbol(b',') => level.wants = level.clause == Clause::From,
                Piece::Word(_, key) if !(level.wants && name(self.pieces[begin]).is_some()) => {
                    let parent = levels.last().map_or(0, |level| level.scope);
                    self.word(&mut level, parent, key, begin);
                }
                _ if level.wants => {
                    if let Some(path) = Path::at(&self.pieces, begin) {
                        at = self.table(&mut level, path);
                    }
                }
                _ => {}
            }
            self.scopes_of.resize(at, level.scope);
            self.assigned.resize(at, level.clause == Clause::Set);
        }
    }

    fn word(&mut self, level: &mut Level, parent: u32, key: Key, at: usize) {
        let last = at.checked_sub(1).and_then(|last| self.pieces.get(last));
        let conditional = is(last, Key::For) || says(last, "do") || says(last, "then") || says(last, "key");
        match key {
            Key::Select | Key::Delete | Key::Insert | Key::Merge | Key::Update if !conditional => {
                self.scopes.push(Scope { parent, ..Scope::default() });
                *level = Level { scope: self.scopes.len() as u32 - 1, verb: Some(key), ..Level::default() };
                level.wants = key == Key::Update;
            }
            Key::Copy | Key::Table if at == 0 => level.wants = true,
            Key::From if level.verb.is_some() && !is(last, Key::Distinct) => {
                (level.clause, level.wants) = (Clause::From, true);
            }
            Key::Join => level.wants = true,
            Key::Into => level.wants = true,
            Key::Using if matches!(level.verb, Some(Key::Delete | Key::Merge)) => {
                (level.clause, level.wants) = (Clause::From, true);
            }
            Key::Set => (level.clause, level.wants) = (Clause::Set, false),
            Key::Where | Key::Returning | Key::Union | Key::Limit | Key::Values | Key::On => {
                (level.clause, level.wants) = (if key == Key::On { level.clause } else { Clause::Other }, false);
            }
            Key::Only => {}
            Key::Reserved if says(self.pieces.get(at), "lateral") => {}
            Key::Reserved | Key::Expects if level.clause != Clause::From => level.wants = false,
            _ => {}
        }
    }

    /// A table where one may be; behind its alias.
    fn table(&mut self, level: &mut Level, path: Path) -> usize {
        level.wants = false;
        let calls = matches!(self.pieces.get(path.end), Some(Piece::Symbol(b'(')));
        if calls && level.clause == Clause::From {
            return path.end;
        }
        let end = path.end;
        self.source(*level, Some(path.names), end)
    }

    /// A source, with the alias that may stand at `at`; behind that.
    fn source(&mut self, level: Level, table: Option<Vec<String>>, at: usize) -> usize {
        let begin = at + usize::from(is(self.pieces.get(at), Key::As));
        let is_set = is(self.pieces.get(begin), Key::Set);
        let alias = self.pieces.get(begin).filter(|_| !is_set).and_then(|piece| name(*piece));
        let end = if alias.is_some() { begin + 1 } else { at };
        let own = || table.as_ref().and_then(|names| names.last().cloned());
        let alias = alias.or_else(own);
        let sources = &mut self.scopes[level.scope as usize].sources;
        if let Some(alias) = alias.filter(|_| sources.len() < MOST_SOURCES) {
            sources.push(Source { alias, table });
        }
        end
    }

    /// All tables, in order, each once.
    pub(super) fn tables(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let sources = self.scopes.iter().flat_map(|scope| &scope.sources);
        let tables = sources.filter_map(|source| source.table.as_ref());
        let real =
            tables.filter(|names| names.len() > 1 || !names.first().is_some_and(|name| self.named.contains(name)));
        real.map(|names| names.join(".")).filter(|table| seen.insert(table.clone())).collect()
    }

    /// Whether what stands there is assigned, not compared.
    pub(super) fn is_assigned(&self, at: usize) -> bool {
        self.assigned.get(at).copied().unwrap_or(false)
    }

    /// The table that a column is of which stands there; by its qualifier, if it has one.
    pub(super) fn table_of(&self, at: usize, qualifier: Option<&str>) -> Option<String> {
        let mut scope = self.scopes_of.get(at).copied().unwrap_or(0);
        let Some(qualifier) = qualifier else { return self.only(scope) };
        for _ in 0..DEEPEST {
            let found = &self.scopes[scope as usize];
            if let Some(source) = found.sources.iter().find(|source| source.alias == qualifier) {
                return source.table.as_ref().and_then(|names| names.last().cloned());
            }
            if scope == found.parent {
                break;
            }
            scope = found.parent;
        }
        Some(qualifier.to_owned())
    }

    /// The table of a query that has but one.
    fn only(&self, scope: u32) -> Option<String> {
        match self.scopes[scope as usize].sources.as_slice() {
            [source] => source.table.as_ref().and_then(|names| names.last().cloned()),
            _ => None,
        }
    }
}

impl Level {
    /// What parentheses in it are in.
    fn inside(&self) -> Clause {
        match self.clause {
            Clause::From if self.wants => Clause::From,
            Clause::Set => Clause::Set,
            _ => Clause::Other,
        }
    }
}

/// Names in front of `AS (`, their columns between.
fn named(pieces: &[Piece<'_>]) -> HashSet<String> {
    let mut opened: Vec<usize> = Vec::new();
    let (mut found, mut group) = (HashSet::new(), None);
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Symbol(b'(') => opened.push(at),
            Piece::Symbol(b')') => group = opened.pop().map(|begin| (begin, at)),
            Piece::Word(_, Key::As) if begins_query(pieces, at + 1) => {
                let end = group.filter(|(_, end)| end + 1 == at).map_or(at, |(begin, _)| begin);
                found.extend(end.checked_sub(1).and_then(|last| name(pieces[last])));
            }
            _ => {}
        }
    }
    found
}

fn begins_query(pieces: &[Piece<'_>], mut at: usize) -> bool {
    at += usize::from(says(pieces.get(at), "not"));
    at += usize::from(says(pieces.get(at), "materialized"));
    matches!(pieces.get(at), Some(Piece::Symbol(b'(')))
}
