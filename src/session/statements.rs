//! A client's prepared statements in transaction mode: its own names for what the pool knows under one name, and the
//! changes of them that are not settled yet. What messages say about them is `desk`'s. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use super::described::Described;
use super::owed::Settled;
use crate::observe::lore::Lore;
use crate::pool::catalog::{Statement, effects_of};
use crate::pool::memory::StatementId;
use crate::protocol::frame::cut_str;
use crate::sql::Effects;

/// An unnamed statement's text is kept up to this, for a Bind in a later round trip; a longer one stays where it was parsed.
/// An INSERT of as many rows as a Bind has places for parameters (65,535) is shorter.
pub(super) const MAX_UNNAMED: usize = 1024 * 1024;

/// And up to this once it was bound: most drivers bind what they have parsed in the same round trip, and never again.
const MAX_BOUND: usize = 16 * 1024;

/// One client's names.
#[derive(Debug, Default)]
pub struct Statements {
    pub(super) names: HashMap<Box<[u8]>, Arc<Statement>>,
    /// Changes that are not settled yet, oldest first.
    journal: VecDeque<Change>,
    pub(super) deallocating: VecDeque<Box<[u8]>>,
    /// Names that were dropped, or stand for something else than before, while what was sent with one of them may be under way.
    former: HashMap<Box<[u8]>, Arc<Statement>>,
    /// What was bound last drops prepared statements when it is executed.
    pub(super) drop_is_bound: bool,
    /// What the client is just being told of its statements.
    pub(super) described: Option<Box<Described>>,
    /// The portal that was bound last, and its statement, where nobody knows yet what that is.
    pub(super) bound: Option<(Box<[u8]>, Arc<Statement>)>,
    /// What running those that it has prepared under a name may leave behind, or find: of all that there have been.
    pub(super) named: Effects,
    pub(super) unnamed: Vec<u8>,
    /// What was learned of the unnamed statement by looking on.
    pub(super) unnamed_lore: Lore,
    /// And of named ones, where their client has a server of its own and the pool knows nothing of them.
    pub(super) lores: HashMap<Box<[u8]>, Lore>,
    /// What running the unnamed statement may leave behind.
    pub(super) effects: Effects,
    /// The unnamed statement's stamp, 0 for none; its text may have been too long to be kept.
    pub(super) stamp: u64,
    stamps: u64,
}

/// What a name meant before and means from then on, and in which batch it was changed.
#[derive(Debug)]
struct Change {
    name: Box<[u8]>,
    before: Option<Arc<Statement>>,
    after: Option<Arc<Statement>>,
    batch: u32,
}

/// Named statements of a client with a server of its own that are told apart.
const MOST_LORES: usize = 1000;

/// With more changes under way than this, nobody looks whether a name is among them.
const MOST_LOOKED_AT: usize = 256;

impl Statements {
    /// For the client with this number.
    pub fn new(client: u32) -> Statements {
        Statements { stamps: u64::from(client) << 32, ..Statements::default() }
    }

    /// What was learned of a statement that the pool does not know.
    pub(super) fn lore(&self, name: &[u8]) -> Option<&Lore> {
        if name.is_empty() { Some(&self.unnamed_lore) } else { self.lores.get(name) }
    }

    /// The same, to be written; `None` where there are too many of them.
    pub(super) fn lore_mut(&mut self, name: &[u8]) -> Option<&mut Lore> {
        match name {
            b"" => Some(&mut self.unnamed_lore),
            name if self.lores.len() < MOST_LORES || self.lores.contains_key(name) => {
                Some(self.lores.entry(name.into()).or_default())
            }
            _ => None,
        }
    }

    /// Takes note of how changes turned out.
    pub fn settle(&mut self, settled: Settled) {
        match settled {
            Settled::Kept(count) => {
                let oldest = self.oldest(count);
                self.journal.drain(..oldest).filter_map(|change| change.after).for_each(|statement| statement.prove());
            }
            Settled::Undone(count) => {
                let undone: Vec<_> = self.journal.drain(..self.oldest(count)).collect();
                for change in undone.into_iter().rev() {
                    self.put(change.name, change.before);
                }
            }
            Settled::UnnamedSkipped => self.drop_unnamed(),
            Settled::AllDropped => {
                let Statements { names, journal, former, .. } = self;
                let dropped = |name: &[u8]| journal.iter().all(|change| *change.name != *name);
                let dropped: HashMap<_, _> = names.extract_if(|name, _| dropped(name)).collect();
                // Not more than there were names, however long the pipeline is.
                if !dropped.is_empty() {
                    *former = dropped;
                }
            }
            Settled::Deallocated => {
                if let Some(name) = self.deallocating.pop_front() {
                    self.names.remove(&name);
                }
            }
        }
    }

    fn oldest(&self, count: u32) -> usize {
        (count as usize).min(self.journal.len())
    }

    /// The client is told that what it calls by these names is out of date: from now on they mean `renewed`, unless it may have
    /// been told for good what that was.
    pub fn renew(&mut self, stale: StatementId, renewed: impl FnOnce(&Statement) -> Arc<Statement>) {
        let is_stale = |known: &&mut Arc<Statement>| known.id == stale && !known.is_described_for_good();
        let mut known = self.names.values_mut().filter(is_stale).peekable();
        if let Some(first) = known.peek() {
            let renewed = renewed(first);
            known.for_each(|known| *known = renewed.clone());
        }
    }

    /// One is sent in place of another.
    pub(super) fn stand_in(&mut self, statement: &Statement, substitute: &Arc<Statement>) {
        let name = self.names.iter().find(|(_, known)| known.id == statement.id).map(|(name, _)| name.clone());
        self.former.extend(name.map(|name| (name, substitute.clone())));
    }

    /// What the client calls, or called when it sent what is being answered, the statement with this name on the servers.
    pub fn client_name(&self, on_server: &[u8]) -> Option<&[u8]> {
        let before = self.journal.iter().filter_map(|change| Some((&change.name, change.before.as_ref()?)));
        let mut all = self.names.iter().chain(before).chain(&self.former);
        all.find(|(_, statement)| *statement.name == *on_server).map(|(name, _)| &**name)
    }

    /// Nothing is under way; `told`: an error was the client's, and the server skips to its Sync.
    #[inline]
    pub(super) fn rest(&mut self, told: bool) {
        if !self.former.is_empty() {
            self.former = HashMap::new();
        }
        self.described.take_if(|described| described.rest(told));
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What the client calls by this name, as far as that is known.
    pub(super) fn text_of(&self, name: &[u8]) -> Option<&[u8]> {
        match name {
            b"" => cut_str(&self.unnamed).map(|(text, _)| text),
            name => self.names.get(name).map(|known| known.query()),
        }
    }

    /// Whether it has prepared a LISTEN or UNLISTEN under a name: what may be done by the pool's ear instead.
    pub(super) fn listens(&self) -> bool {
        self.named.intersects(Effects::LISTEN.union(Effects::UNLISTEN))
    }

    fn put(&mut self, name: Box<[u8]>, statement: Option<Arc<Statement>>) -> Option<Arc<Statement>> {
        match statement {
            Some(statement) => self.names.insert(name, statement),
            None => self.names.remove(&name),
        }
    }

    /// The client has prepared what the pool knows.
    pub(super) fn adopt(&mut self, name: Box<[u8]>, statement: Arc<Statement>) -> Option<Arc<Statement>> {
        self.named = self.named.union(statement.effects);
        self.names.insert(name, statement)
    }

    pub(super) fn change(&mut self, name: &[u8], statement: Option<Arc<Statement>>, batch: u32) {
        let before = match statement.clone() {
            Some(statement) => self.adopt(name.into(), statement),
            None => self.names.remove(name),
        };
        self.journal.push_back(Change { name: name.into(), before, after: statement, batch });
    }

    /// Closed where no server has to hear of it.
    pub(super) fn forget(&mut self, name: &[u8]) {
        match name {
            b"" => self.drop_unnamed(),
            name => drop(self.names.remove(name)),
        }
    }

    /// Whether an earlier batch has changed this name, and may yet turn out not to have. A change by this very batch is in
    /// no doubt: what fails takes with it all that follows up to the Sync.
    pub(super) fn is_in_doubt(&self, name: &[u8], batch: u32) -> bool {
        let mut earlier = self.journal.iter().take_while(|change| change.batch != batch);
        earlier.by_ref().take(MOST_LOOKED_AT).any(|change| *change.name == *name) || earlier.next().is_some()
    }

    pub(super) fn keep_unnamed(&mut self, definition: &[u8]) -> u64 {
        // Programs send the same text again and again.
        if *self.unnamed != *definition {
            self.unnamed.clear();
            self.unnamed.shrink_to(MAX_BOUND);
            self.unnamed.extend_from_slice(definition);
            self.effects = effects_of(definition);
        }
        self.new_stamp()
    }

    pub(super) fn new_stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamp = self.stamps;
        self.stamp
    }

    /// Whether the unnamed statement was too long to be kept, and lives only on the server that has parsed it.
    pub(super) fn is_unnamed_elsewhere(&self) -> bool {
        self.stamp != 0 && self.unnamed.is_empty()
    }

    /// The unnamed statement was bound on the server that has it: a client at rest holds no long text, unless running it once
    /// more must be watched.
    pub(super) fn bind_unnamed(&mut self) {
        if self.unnamed.len() > MAX_BOUND && self.effects.without(Effects::CALLS).is_empty() {
            self.unnamed = Vec::new();
        }
    }

    pub(super) fn drop_unnamed(&mut self) {
        self.unnamed.clear();
        self.unnamed.shrink_to(MAX_BOUND);
        self.effects = Effects::NONE;
        self.stamp = 0;
    }
}

/// Whether a Query may be one that drops prepared statements: `DEALLOCATE …` or `DISCARD …`.
pub(super) fn may_drop(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins(b"deallocate") || begins(b"discard")
}

/// Whether it is worth while to look for a DEALLOCATE at the begin of this text.
pub(super) fn may_deallocate(text: &[u8]) -> bool {
    text.trim_ascii_start().first().is_some_and(|first| first.eq_ignore_ascii_case(&b'd'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::catalog::{Catalog, Description};
    use crate::pool::parameters::Parameters;

    #[test]
    fn what_is_out_of_date_is_renewed_under_all_its_names() {
        let (mut statements, mut catalog) = (Statements::new(0), Catalog::default());
        let dialect = catalog.dialect(&Parameters::default());
        for (name, text) in [(b"a", b"x"), (b"b", b"x"), (b"c", b"y")] {
            statements.change(name, Some(catalog.intern(dialect, text)), 0);
        }
        catalog.redefine();
        statements.renew(1, |old| catalog.intern(dialect, &old.definition));
        let ids = |statements: &Statements| [b"a", b"b", b"c"].map(|name| statements.names[&name[..]].id);
        assert_eq!(ids(&statements), [3, 3, 2]);
        statements.renew(7, |_| unreachable!());
        statements.names[&b"c"[..]].describe(Description { parameters: Some(Box::default()), columns: Box::default() });
        statements.renew(2, |_| unreachable!());
        assert_eq!(ids(&statements), [3, 3, 2]);
    }

    #[test]
    fn what_stands_in_is_called_as_what_it_stands_in_for() {
        let (mut statements, mut catalog) = (Statements::new(0), Catalog::default());
        let dialect = catalog.dialect(&Parameters::default());
        statements.change(b"a", Some(catalog.intern(dialect, b"x")), 0);
        let other = catalog.own(dialect, b"x");
        assert_eq!(statements.client_name(&other.name), None);
        statements.stand_in(&statements.names[&b"a"[..]].clone(), &other);
        assert_eq!(statements.client_name(&other.name), Some(&b"a"[..]));
    }

    #[test]
    fn the_clients_own_name_is_found_again() {
        let mut statements = Statements::new(0);
        let mut catalog = Catalog::default();
        let dialect = catalog.dialect(&Parameters::default());
        statements.change(b"mine", Some(catalog.intern(dialect, b"x")), 0);
        assert_eq!(statements.client_name(b"pgweir_1"), Some(&b"mine"[..]));
        assert_eq!(statements.client_name(b"pgweir_2"), None);
        statements.change(b"mine", None, 0);
        assert_eq!(statements.client_name(b"pgweir_1"), Some(&b"mine"[..]), "closed, but that is not settled");
        statements.settle(Settled::Kept(2));
        assert_eq!(statements.client_name(b"pgweir_1"), None);
    }
}
