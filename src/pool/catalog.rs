//! Every statement that the clients of one pool have prepared: one entry and one name for each definition, however many
//! clients prepared it. Not what a server has (`memory`), not what a client calls it (`session::statements`). Pure.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashTable;
use memchr::memchr;

use super::memory::StatementId;
use super::parameters::Parameters;
use crate::observe::lore::Lore;
use crate::protocol::frame::cut_str;
use crate::sql::{Effects, effects, effects_and_calls, meaning};

/// A statement as it is known on all servers of a pool.
#[derive(Debug)]
pub struct Statement {
    /// Its number.
    pub id: StatementId,
    /// Its name on the servers.
    pub name: Box<[u8]>,
    /// What it is: query, zero, parameter types, as in Parse.
    pub definition: Box<[u8]>,
    /// What it was parsed under, and when.
    pub dialect: Dialect,
    era: u64,
    /// What running it may leave behind in a session.
    pub effects: Effects,
    proven: AtomicBool,
    lore: Mutex<Lore>,
    /// What its clients were told of it.
    description: OnceLock<Description>,
}

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The types of its parameters, a ParameterDescription's body; `None` where its portal was described.
    pub parameters: Option<Box<[u8]>>,
    /// What Postgres compares of its columns; empty where it returns no rows.
    pub columns: Box<[u8]>,
}

/// What running a statement may leave behind, by its definition; whatever backslashes mean.
pub fn effects_of(definition: &[u8]) -> Effects {
    let text = cut_str(definition).map_or(definition, |(text, _)| text);
    let plain = effects_and_calls(text, false);
    if memchr(b'\\', text).is_some() { plain | effects(text, true) } else { plain }
}

/// The types that a Parse declares are known from the begin.
fn lore_of(definition: &[u8]) -> Lore {
    let types = cut_str(definition).map_or(&b""[..], |(_, types)| types);
    Lore { types: oids(types).collect(), ..Lore::default() }
}

/// The types of a Parse or a ParameterDescription: a count of two bytes, then four bytes each.
pub fn oids(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (list, _) = bytes.get(2..).unwrap_or_default().as_chunks::<4>();
    list.iter().map(|oid| u32::from_be_bytes(*oid))
}

impl Statement {
    fn is(&self, dialect: Dialect, era: u64, definition: &[u8]) -> bool {
        self.dialect == dialect && self.era == era && *self.definition == *definition
    }

    /// Its text.
    pub fn query(&self) -> &[u8] {
        cut_str(&self.definition).map_or(&self.definition, |(text, _)| text)
    }

    /// What was learned of it by looking on. Held for a moment only.
    pub fn lore(&self) -> MutexGuard<'_, Lore> {
        self.lore.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server has parsed it.
    pub fn prove(&self) {
        self.proven.store(true, Relaxed);
    }

    /// Whether it is known what its clients were told of it.
    pub fn is_described(&self) -> bool {
        self.description.get().is_some()
    }

    /// Whether they asked for it by its name, and keep what they were told: who asks by a portal asks again and again.
    pub fn is_described_for_good(&self) -> bool {
        self.description.get().is_some_and(|told| told.parameters.is_some())
    }

    /// They are told this.
    pub fn describe(&self, description: Description) {
        let _ = self.description.set(description);
    }

    /// What it is, with the types of the parameters that its clients were told of: those stay, whatever becomes of tables.
    pub fn told_definition(&self) -> Cow<'_, [u8]> {
        match self.description.get().and_then(|told| told.parameters.as_deref()) {
            Some(types) => Cow::Owned([self.query(), b"\0", types].concat()),
            None => Cow::Borrowed(&self.definition),
        }
    }

    /// Whether it is what its clients were told.
    pub fn still_is(&self, now: &Description) -> bool {
        self.description.get().is_none_or(|told| {
            told.columns == now.columns && (told.parameters.is_none() || told.parameters == now.parameters)
        })
    }

    /// Whether it is what a client that prepares its text now would get.
    pub fn is_of(&self, era: u64) -> bool {
        self.era == era
    }

    /// Whether a server has parsed it, for whichever client.
    pub fn is_proven(&self) -> bool {
        self.proven.load(Relaxed)
    }
}

/// The settings under which a text is parsed, as far as they change what it means (`meaning::SETTINGS`): two clients share a
/// statement only where these are the same for both. A hash with a key of the pool's; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect(NonZeroU64);

/// What every name of ours starts with.
pub const PREFIX: &str = "pgweir_";

/// The name of a statement on the servers.
pub fn server_name(id: StatementId) -> Box<[u8]> {
    format!("{PREFIX}{id}").into_bytes().into()
}

/// A look at all tables is taken so seldom that it costs the server no more than this part of its time.
const SELDOM: u32 = 100;

/// Below this many entries nobody looks for unused ones.
const SWEEP_FROM: usize = 256;

/// A text may have megabytes.
const SWEEP_BYTES: usize = 8 << 20;

/// Less is kept for who may want it again.
const LARGE: usize = 1 << 20;

/// The statements of one pool. Hashed with a key of the process, compared in full.
#[derive(Debug)]
pub struct Catalog {
    known: HashTable<Arc<Statement>>,
    hasher: RandomState,
    last: StatementId,
    sweep_at: usize,
    /// Bytes of definitions that came since the last sweep.
    fresh: usize,
    /// Grows with each change of what texts mean, as far as we see them. What is parsed from then on is another statement than
    /// what was parsed before; whoever has that one still has it, as in a session of its own.
    era: u64,
    /// Dialects that are nobody else's.
    unknown: u64,
    /// How the tables were when they were looked at last, and when that is to be done again.
    tables: Option<Box<str>>,
    look_at: Option<Instant>,
}

impl Default for Catalog {
    fn default() -> Catalog {
        let (known, hasher) = (HashTable::new(), RandomState::new());
        Catalog {
            known,
            hasher,
            last: 0,
            sweep_at: SWEEP_FROM,
            fresh: 0,
            era: 0,
            unknown: 0,
            tables: None,
            look_at: None,
        }
    }
}

impl Catalog {
    /// What texts mean under these parameters.
    pub fn dialect(&self, parameters: &Parameters) -> Dialect {
        self.dialect_but(parameters, &[])
    }

    /// The same, where some settings have other values: names in lower case.
    pub fn dialect_but(&self, parameters: &Parameters, others: &[(String, String)]) -> Dialect {
        let other = |name: &str| others.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let values = meaning::SETTINGS.map(|name| match other(name) {
            Some((_, value)) => Some(value.as_str()),
            None => parameters.quiet(name).or_else(|| parameters.reported(name)),
        });
        Dialect(NonZeroU64::new(self.hasher.hash_one(values)).unwrap_or(NonZeroU64::MIN))
    }

    /// Settings that nobody knows: nothing that is parsed under them is anybody else's.
    pub fn unknown_dialect(&mut self) -> Dialect {
        self.unknown += 1;
        Dialect(NonZeroU64::new(self.hasher.hash_one(("unknown", self.unknown))).unwrap_or(NonZeroU64::MIN))
    }

    /// Something has changed that texts refer to: what they meant so far they may mean no more.
    pub fn redefine(&mut self) {
        self.era += 1;
    }

    /// How often that has happened.
    pub fn era(&self) -> u64 {
        self.era
    }

    /// Whether it is time to look for tables that were altered where nobody saw it: there are statements, and nobody has looked
    /// for so long. Whoever is told so looks.
    pub fn wants_to_see(&mut self, now: Instant, interval: Duration) -> bool {
        let due = !self.known.is_empty() && self.look_at.is_none_or(|due| now >= due);
        if due {
            self.look_at = Some(now + interval);
        }
        due
    }

    /// What stands for all tables as they are, found in so long; another than the last time, and texts may mean something else.
    /// What was before the first look nobody knows.
    pub fn see(&mut self, now: Instant, took: Duration, tables: &str) {
        if self.tables.as_deref() != Some(tables) {
            self.redefine();
            self.tables = Some(tables.into());
        }
        self.look_at = self.look_at.max(Some(now + took * SELDOM));
    }

    /// The statement with this definition, if it is known.
    pub fn find(&self, dialect: Dialect, definition: &[u8]) -> Option<Arc<Statement>> {
        let hash = self.hasher.hash_one((dialect, self.era, definition));
        self.known.find(hash, |statement| statement.is(dialect, self.era, definition)).cloned()
    }

    /// The statement with this definition, new if it was not known.
    pub fn intern(&mut self, dialect: Dialect, definition: &[u8]) -> Arc<Statement> {
        if let Some(known) = self.find(dialect, definition) {
            return known;
        }
        self.fresh += definition.len();
        if self.known.len() >= self.sweep_at || self.fresh >= SWEEP_BYTES {
            self.sweep();
        }
        let hash = self.hasher.hash_one((dialect, self.era, definition));
        let statement = self.own(dialect, definition);
        let hasher = &self.hasher;
        self.known.insert_unique(hash, statement.clone(), |statement| {
            hasher.hash_one((statement.dialect, statement.era, &*statement.definition))
        });
        statement
    }

    /// A statement that is not shared.
    pub fn own(&mut self, dialect: Dialect, definition: &[u8]) -> Arc<Statement> {
        self.last += 1;
        let (id, name) = (self.last, server_name(self.last));
        let (effects, proven, lore) = (effects_of(definition), AtomicBool::new(false), Mutex::new(lore_of(definition)));
        let (definition, era, description) = (definition.into(), self.era, OnceLock::new());
        Arc::new(Statement { id, name, definition, dialect, era, effects, proven, lore, description })
    }

    /// Forgets what no client uses any more.
    fn sweep(&mut self) {
        self.known.retain(|statement| Arc::strong_count(statement) > 1);
        (self.sweep_at, self.fresh) = ((self.known.len() * 2).max(SWEEP_FROM), 0);
    }

    /// Once a second: so much that nobody uses goes also where nothing new comes.
    pub fn tidy(&mut self) {
        let unused = self.known.iter().filter(|statement| Arc::strong_count(statement) == 1);
        if unused.map(|statement| statement.definition.len()).sum::<usize>() >= LARGE {
            self.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_a_definition() {
        let mut catalog = Catalog::default();
        let here = catalog.dialect(&Parameters::default());
        let mut german = Parameters::default();
        german.report("DateStyle", "German");
        let there = catalog.dialect(&german);
        let mut id = |dialect, definition: &[u8]| catalog.intern(dialect, definition).id;
        assert_eq!((id(here, b"a"), id(here, b"b"), id(here, b"a"), id(there, b"a"), id(there, b"a")), (1, 2, 1, 3, 3));
        let b = catalog.intern(here, b"b");
        assert_eq!(&*b.name, b"pgweir_2");
    }

    #[test]
    fn another_schema_or_another_time_is_another_statement() {
        let mut catalog = Catalog::default();
        let here = catalog.dialect(&Parameters::default());
        for name in ["search_path", "role", "array_nulls"] {
            let mut parameters = Parameters::default();
            parameters.set_quiet(name, "tenant");
            assert_ne!(catalog.dialect(&parameters), here, "{name}");
            let other = [(name.to_string(), "tenant".to_string())];
            assert_eq!(catalog.dialect(&parameters), catalog.dialect_but(&Parameters::default(), &other), "{name}");
        }
        assert_ne!(catalog.unknown_dialect(), catalog.unknown_dialect());
        let before = catalog.intern(here, b"a");
        catalog.redefine();
        assert!(catalog.find(here, b"a").is_none());
        let after = catalog.intern(here, b"a");
        assert_eq!((before.id, after.id, catalog.intern(here, b"a").id), (1, 2, 2));
    }

    #[test]
    fn tables_that_were_altered_where_nobody_saw_it() {
        let (mut catalog, now, interval) = (Catalog::default(), Instant::now(), Duration::from_secs(10));
        let here = catalog.dialect(&Parameters::default());
        assert!(!catalog.wants_to_see(now, interval), "nothing is prepared");
        let mut id = catalog.intern(here, b"a").id;
        let mut check = |catalog: &mut Catalog, tables: &str, is_another: bool| {
            catalog.see(now, Duration::ZERO, tables);
            let before = std::mem::replace(&mut id, catalog.intern(here, b"a").id);
            assert_eq!(before != id, is_another, "{tables}");
        };
        assert!(catalog.wants_to_see(now, interval) && !catalog.wants_to_see(now, interval));
        check(&mut catalog, "as they are", true);
        check(&mut catalog, "as they are", false);
        check(&mut catalog, "altered", true);
        let next = now + interval;
        assert!(catalog.wants_to_see(next, interval));
        catalog.see(next, Duration::from_millis(500), "altered");
        assert!(!catalog.wants_to_see(next + interval, interval), "it costs too much");
        assert!(catalog.wants_to_see(next + Duration::from_secs(50), interval));
    }

    #[test]
    fn unused_entries_go() {
        let mut catalog = Catalog::default();
        let here = catalog.dialect(&Parameters::default());
        let kept = catalog.intern(here, b"kept");
        for n in 0..10_000_u32 {
            catalog.intern(here, &n.to_be_bytes());
        }
        assert!(catalog.known.len() <= 2 * SWEEP_FROM);
        // Long ones at once, and without another coming.
        let long = |n: u8| vec![n; SWEEP_BYTES / 4];
        (0..100).for_each(|n| drop(catalog.intern(here, &long(n))));
        assert!(catalog.known.iter().map(|known| known.definition.len()).sum::<usize>() <= 2 * SWEEP_BYTES);
        let used = catalog.intern(here, &long(200));
        catalog.tidy();
        let left: usize = catalog.known.iter().map(|known| known.definition.len()).sum();
        assert_eq!(left, used.definition.len() + kept.definition.len());
        assert_eq!(catalog.intern(here, b"kept").id, kept.id);
    }
}
