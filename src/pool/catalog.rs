//! Every statement that the clients of one pool have prepared: one entry and one name for each definition, however many
//! clients prepared it. Not what a server has (`memory`), not what a client calls it (`session::statements`). Pure.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hashbrown::HashTable;

use super::memory::StatementId;
use crate::protocol::frame::cut_str;
use crate::sql::{Effects, effects};

/// A statement as it is known on all servers of a pool.
#[derive(Debug)]
pub struct Statement {
    /// Its number.
    pub id: StatementId,
    /// Its name on the servers.
    pub name: Box<[u8]>,
    /// What it is: query, zero, parameter types, as in Parse.
    pub definition: Box<[u8]>,
    /// What running it may leave behind in a session.
    pub effects: Effects,
    proven: AtomicBool,
}

/// What running a statement may leave behind, by its definition; whatever backslashes mean.
pub fn effects_of(definition: &[u8]) -> Effects {
    let text = cut_str(definition).map_or(definition, |(text, _)| text);
    let plain = effects(text, false);
    if text.contains(&b'\\') { plain | effects(text, true) } else { plain }
}

impl Statement {
    /// Its text.
    pub fn query(&self) -> &[u8] {
        cut_str(&self.definition).map_or(&self.definition, |(text, _)| text)
    }

    /// A server has parsed it.
    pub fn prove(&self) {
        self.proven.store(true, Relaxed);
    }

    /// Whether a server has parsed it, for whichever client.
    pub fn is_proven(&self) -> bool {
        self.proven.load(Relaxed)
    }
}

/// What every name of ours starts with.
pub const PREFIX: &str = "pgweir_";

/// The name of a statement on the servers.
pub fn server_name(id: StatementId) -> Box<[u8]> {
    format!("{PREFIX}{id}").into_bytes().into()
}

/// Below this many entries nobody looks for unused ones.
const SWEEP_FROM: usize = 256;

/// The statements of one pool. Hashed with a key of the process, compared in full.
#[derive(Debug)]
pub struct Catalog {
    known: HashTable<Arc<Statement>>,
    hasher: RandomState,
    last: StatementId,
    sweep_at: usize,
}

impl Default for Catalog {
    fn default() -> Catalog {
        Catalog { known: HashTable::new(), hasher: RandomState::new(), last: 0, sweep_at: SWEEP_FROM }
    }
}

impl Catalog {
    /// The statement with this definition, if it is known.
    pub fn find(&self, definition: &[u8]) -> Option<Arc<Statement>> {
        let hash = self.hasher.hash_one(definition);
        self.known.find(hash, |statement| *statement.definition == *definition).cloned()
    }

    /// The statement with this definition, new if it was not known.
    pub fn intern(&mut self, definition: &[u8]) -> Arc<Statement> {
        let hash = self.hasher.hash_one(definition);
        if let Some(known) = self.known.find(hash, |statement| *statement.definition == *definition) {
            return known.clone();
        }
        self.sweep();
        self.last += 1;
        let (id, name) = (self.last, server_name(self.last));
        let (effects, proven) = (effects_of(definition), AtomicBool::new(false));
        let statement = Arc::new(Statement { id, name, definition: definition.into(), effects, proven });
        let hasher = &self.hasher;
        self.known.insert_unique(hash, statement.clone(), |statement| hasher.hash_one(&*statement.definition));
        statement
    }

    /// Forgets what no client uses any more, whenever the table has doubled.
    fn sweep(&mut self) {
        if self.known.len() < self.sweep_at {
            return;
        }
        self.known.retain(|statement| Arc::strong_count(statement) > 1);
        self.sweep_at = (self.known.len() * 2).max(SWEEP_FROM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_a_definition() {
        let mut catalog = Catalog::default();
        let (a, b, c) = (catalog.intern(b"a"), catalog.intern(b"b"), catalog.intern(b"a"));
        assert_eq!((a.id, b.id, c.id), (1, 2, 1));
        assert_eq!(&*b.name, b"pgweir_2");
    }

    #[test]
    fn unused_entries_go() {
        let mut catalog = Catalog::default();
        let kept = catalog.intern(b"kept");
        for n in 0..10_000_u32 {
            catalog.intern(&n.to_be_bytes());
        }
        assert!(catalog.known.len() <= 2 * SWEEP_FROM);
        assert_eq!(catalog.intern(b"kept").id, kept.id);
    }
}
