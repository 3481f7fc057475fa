//! What a client's texts mean while it has changed that and the change is not settled yet: in the middle of a transaction, until
//! it ends, or until its server has been asked. Pure.

use std::sync::{Mutex, PoisonError};

use crate::pool::catalog::{Catalog, Dialect};
use crate::pool::parameters::{Parameters, names_temporary};
use crate::sql::changes::Parameters as Values;
use crate::sql::database::wanted;
use crate::sql::{Change, Effects, To, changes_of_meaning};

/// What has been changed since all was settled.
#[derive(Debug, Default)]
pub struct Meaning {
    /// Settings, in lower case, and their values as written.
    changed: Vec<(String, String)>,
    /// What some are now is not known.
    unclear: bool,
    dialect: Option<Dialect>,
    bound: Bound,
    /// The database that what was sent last wants for itself.
    wanted: Option<Box<str>>,
}

/// What Executes may do: portals are not followed.
#[derive(Debug, Default)]
enum Bound {
    /// Nothing that matters here.
    #[default]
    Nothing,
    /// What was bound last does this.
    This(Step),
    /// One of those that were bound changes something.
    Any,
}

/// What a text does.
#[derive(Debug)]
struct Step {
    found: Effects,
    changes: Vec<Change>,
    wanted: Option<Box<str>>,
}

/// Effects that change what nobody can name.
const BLURRING: Effects = Effects::OPAQUE.union(Effects::RESET_ALL).union(Effects::DISCARD_ALL);

impl Step {
    /// Of a text that has these effects; `None` if they do not matter here.
    fn read(found: Effects, text: &[u8], backslash: bool, parameters: &Values<'_>) -> Option<Step> {
        let matters = found.intersects(Effects::MEANING | Effects::ROLLBACK);
        let wanted = if found.contains(Effects::DEFINES) { wanted(text, backslash) } else { None };
        matters.then(|| Step { found, changes: changes_of_meaning(text, backslash, parameters), wanted })
    }
}

impl Meaning {
    /// Nothing has been changed: the client's parameters tell all.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.changed.is_empty() && !self.unclear
    }

    /// A Query with these effects is on its way: those by which texts may mean something else behind it.
    pub fn query(&mut self, found: Effects, text: &[u8], backslash: bool) -> Effects {
        Step::read(found, text, backslash, &|_| None).map_or(Effects::NONE, |step| self.take(step))
    }

    /// A statement with these effects is bound.
    #[inline]
    pub fn bind(&mut self, found: Effects, text: &[u8], backslash: bool, parameters: &Values<'_>) {
        match (Step::read(found, text, backslash, parameters), &self.bound) {
            (None, Bound::Nothing | Bound::Any) => {}
            (Some(step), Bound::Nothing) => self.bound = Bound::This(step),
            _ => self.bound = Bound::Any,
        }
    }

    /// An Execute is on its way: effects by which texts may mean something else behind it.
    #[inline]
    pub fn execute(&mut self) -> Effects {
        match std::mem::take(&mut self.bound) {
            Bound::Nothing => Effects::NONE,
            Bound::This(step) => self.take(step),
            Bound::Any => {
                self.bound = Bound::Any;
                self.blur();
                Effects::MEANING
            }
        }
    }

    fn take(&mut self, Step { found, changes, wanted }: Step) -> Effects {
        self.wanted = wanted;
        // Where nothing has been changed there is nothing to undo.
        let found = if self.is_settled() { found.without(Effects::ROLLBACK) } else { found };
        self.note(changes);
        if found.intersects(BLURRING | Effects::ROLLBACK) {
            self.blur();
        }
        found
    }

    fn note(&mut self, changes: Vec<Change>) {
        self.dialect = None;
        for Change { name, to } in changes {
            self.changed.retain(|(other, _)| *other != name);
            match to {
                To::Value(value) => self.changed.push((name, value)),
                To::Default | To::AllDefault | To::Unread => self.unclear = true,
            }
        }
    }

    fn blur(&mut self) {
        (self.unclear, self.dialect) = (true, None);
    }

    /// The database that what was sent last wants for itself, told once.
    pub fn take_wanted(&mut self) -> Option<Box<str>> {
        self.wanted.take()
    }

    /// What the client's parameters say is all there is.
    #[inline]
    pub fn settle(&mut self) {
        if !self.is_settled() || !matches!(self.bound, Bound::Nothing) {
            *self = Meaning::default();
        }
    }

    /// Whether what is created without a schema may be temporary: whether the client's search_path leads there, unless that has
    /// been changed.
    pub fn leads_to_temporary(&self, settled: bool) -> bool {
        match self.changed.iter().find(|(name, _)| name == "search_path") {
            Some((_, value)) => names_temporary(value),
            None => settled || self.unclear,
        }
    }

    /// What its texts mean now.
    pub fn dialect(&mut self, parameters: &Parameters, catalog: &Mutex<Catalog>) -> Dialect {
        let Meaning { changed, unclear, dialect, .. } = self;
        *dialect.get_or_insert_with(|| {
            let mut catalog = catalog.lock().unwrap_or_else(PoisonError::into_inner);
            if *unclear { catalog.unknown_dialect() } else { catalog.dialect_but(parameters, changed) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::effects;

    /// What is bound and never executed has changed nothing; which of two is executed is not looked for.
    #[test]
    fn what_is_bound_changes_nothing_until_it_is_executed() {
        let mut meaning = Meaning::default();
        let bind = |meaning: &mut Meaning, text: &str| {
            meaning.bind(effects(text.as_bytes(), false), text.as_bytes(), false, &|_| None);
        };
        bind(&mut meaning, "select 1");
        assert_eq!(meaning.execute(), Effects::NONE);
        bind(&mut meaning, "set local role x");
        assert!(meaning.is_settled());
        assert_eq!(meaning.execute(), Effects::LOCAL);
        assert_eq!(meaning.changed, [("role".to_string(), "x".to_string())]);
        assert_eq!(meaning.execute(), Effects::NONE);
        bind(&mut meaning, "set local role y");
        bind(&mut meaning, "select 1");
        assert_eq!(meaning.execute(), Effects::MEANING);
        assert!(meaning.unclear);
        meaning.settle();
        assert_eq!(meaning.execute(), Effects::NONE);
        assert_eq!(meaning.query(Effects::ROLLBACK, b"rollback", false), Effects::NONE, "there is nothing to undo");
        assert_eq!(meaning.query(Effects::DEFINES, b"drop table t", false), Effects::DEFINES);
        assert_eq!(meaning.take_wanted(), None);
        bind(&mut meaning, "drop database d");
        assert_eq!(meaning.take_wanted(), None);
        assert_eq!(meaning.execute(), Effects::DEFINES | Effects::DROP);
        assert_eq!(meaning.take_wanted(), Some("d".into()));
        assert_eq!(meaning.take_wanted(), None);
        assert!(meaning.is_settled());
    }

    #[test]
    fn what_is_changed_is_another_meaning_until_it_is_settled() {
        let (catalog, parameters) = (Mutex::new(Catalog::default()), Parameters::default());
        let (mut one, mut other) = (Meaning::default(), Meaning::default());
        let dialect = |meaning: &mut Meaning| meaning.dialect(&parameters, &catalog);
        let change = |to| vec![Change { name: "search_path".to_string(), to }];
        let before = dialect(&mut one);
        one.note(change(To::Value("a".to_string())));
        other.note(change(To::Value("b".to_string())));
        assert_ne!(dialect(&mut one), before);
        assert_ne!(dialect(&mut one), dialect(&mut other));
        other.note(change(To::Value("a".to_string())));
        assert_eq!(dialect(&mut one), dialect(&mut other), "those who say the same mean the same");
        one.note(change(To::Default));
        other.blur();
        assert_ne!(dialect(&mut one), dialect(&mut other), "nobody shares what is not known");
        assert_eq!(dialect(&mut one), dialect(&mut one));
        one.settle();
        assert!(one.is_settled());
        assert_eq!(dialect(&mut one), before);
    }
}
