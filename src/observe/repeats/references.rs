//! Which columns refer to which, as each database declares it by its foreign keys, and the loops that wait to hear of it. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use super::link::Loop;
use super::names::{Agreement, bare};
use crate::observe::nanos::Nanos;
use crate::observe::who::Who;
use crate::sql::facts::Compared;

/// A column that refers to another by a foreign key. Names as the catalogue has them, tables without their schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table with the key.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The table that is referred to.
    pub other_table: String,
    /// And that one's column.
    pub other_column: String,
}

/// Those of all databases.
#[derive(Debug, Default)]
pub(super) struct References {
    databases: HashMap<Arc<str>, Declared>,
    waiting: VecDeque<Waiting>,
}

/// What one database declares.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// For each column that refers to others: which.
    to: HashMap<Place, Vec<Place>>,
    state: State,
}

/// A table and a column.
type Place = (String, String);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Unasked,
    /// Somebody was told to ask, then.
    Asking(Nanos),
    /// The answer came then.
    Told(Nanos),
}

/// A loop that names do not explain.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) ended: Box<Loop>,
    pub(super) route: Option<String>,
    who: Arc<Who>,
}

impl References {
    /// What is known of this database.
    pub(super) fn of(&self, database: &str) -> Option<&Declared> {
        self.databases.get(database)
    }

    /// A loop that would be one if its columns were declared to belong together. It is looked at again when that is known, or
    /// known anew.
    pub(super) fn wait(&mut self, ended: &Loop, route: Option<&str>, who: Arc<Who>, now: Nanos) {
        if self.databases.len() >= MOST_DATABASES && !self.databases.contains_key(&who.database) {
            return;
        }
        let declared = self.databases.entry(who.database.clone()).or_default();
        match declared.state {
            State::Told(at) if now < at + HOLDS => return,
            State::Told(_) => declared.state = State::Unasked,
            State::Unasked | State::Asking(_) => {}
        }
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { ended: Box::new(ended.clone()), route: route.map(str::to_owned), who });
    }

    /// Those who can ask for what has to be known, one for each database; again if no answer comes.
    pub(super) fn take_questions(&mut self, now: Nanos) -> Vec<Arc<Who>> {
        let mut asked = Vec::new();
        for waiting in &self.waiting {
            let Some(declared) = self.databases.get_mut(&waiting.who.database) else { continue };
            let due = match declared.state {
                State::Unasked => true,
                State::Asking(since) => now >= since + AGAIN,
                State::Told(_) => false,
            };
            if due {
                declared.state = State::Asking(now);
                asked.push(waiting.who.clone());
            }
        }
        asked
    }

    /// The answer; the loops that waited for it.
    pub(super) fn told(&mut self, database: &str, references: Vec<Reference>, now: Nanos) -> Vec<Waiting> {
        let mut to: HashMap<Place, Vec<Place>> = HashMap::new();
        for one in references {
            to.entry((one.table, one.column)).or_default().push((one.other_table, one.other_column));
        }
        self.databases.insert(database.into(), Declared { to, state: State::Told(now) });
        let (told, waiting): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|waiting| *waiting.who.database == *database);
        self.waiting = waiting;
        told.into()
    }
}

impl Declared {
    /// What foreign keys say of a column of a result whose statement reads `tables`, and the column that a value was compared
    /// with.
    pub(super) fn agreement(&self, tables: &[&str], column: &str, compared: &Compared) -> Agreement {
        let Some(table) = &compared.table else { return Agreement::None };
        let asked = (bare(table).to_owned(), compared.column.clone());
        let goals = self.goals(&asked);
        let of_one = |table: &&str| {
            let own = (bare(table).to_owned(), column.to_owned());
            let others = self.goals(&own);
            match () {
                () if own == asked => Agreement::None,
                () if goals.contains(&&own) || others.contains(&&asked) => Agreement::Reference,
                // Both refer to the same.
                () if others.iter().any(|goal| goals.contains(goal)) => Agreement::Same,
                () => Agreement::None,
            }
        };
        tables.iter().map(of_one).max().unwrap_or(Agreement::None)
    }

    /// Whether a column that a value was compared with refers to others.
    pub(super) fn refers(&self, compared: &Compared) -> bool {
        let table = compared.table.as_deref().map(bare).unwrap_or_default();
        self.to.contains_key(&(table.to_owned(), compared.column.clone()))
    }

    /// What a column refers to, and what that refers to in turn: a key may be one itself.
    fn goals<'a>(&'a self, place: &Place) -> Vec<&'a Place> {
        let mut goals: Vec<&Place> = self.to.get(place).into_iter().flatten().collect();
        let mut next = 0;
        while next < goals.len() && goals.len() < MOST_GOALS {
            let further = self.to.get(goals[next]).into_iter().flatten();
            let fresh: Vec<&Place> = further.filter(|goal| !goals.contains(goal)).collect();
            goals.extend(fresh);
            next += 1;
        }
        goals
    }
}

/// Databases of which it is known.
const MOST_DATABASES: usize = 256;

/// Loops that wait, a few kilobytes each; then the oldest goes.
const MOST_WAITING: usize = 32;

/// Columns that one leads to.
const MOST_GOALS: usize = 16;

/// Where no answer came, since no server rested or for another reason, it is asked again after this time.
const AGAIN: Nanos = Nanos::from_secs(2);

/// An answer holds for so long: a migration may declare more.
const HOLDS: Nanos = Nanos::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(keys: &str) -> Declared {
        let place = |text: &str| text.split_once('.').map(|(t, c)| (t.to_owned(), c.to_owned())).unwrap();
        let pairs = keys.split(' ').map(|key| key.split_once('>').unwrap());
        let references = pairs.map(|(from, to)| {
            let ((table, column), (other_table, other_column)) = (place(from), place(to));
            Reference { table, column, other_table, other_column }
        });
        let mut all = References::default();
        assert!(all.told("d", references.collect(), Nanos::ZERO).is_empty());
        all.databases.remove("d").unwrap()
    }

    #[test]
    fn keys_say_what_belongs_together() {
        use Agreement::*;
        let declared =
            declared("articles.author_id>users.id profiles.owner>users.id managers.id>staff.id staff.id>users.id");
        let check = |parent: &str, child: &str, expected| {
            let ((tables, column), (table, asked)) =
                (parent.rsplit_once('.').unwrap(), child.rsplit_once('.').unwrap());
            let tables: Vec<&str> = tables.split('+').collect();
            let compared = Compared { table: Some(table.into()), column: asked.into(), equal: true, cast: false };
            assert_eq!(declared.agreement(&tables, column, &compared), expected, "{parent} {child}");
        };
        check("articles.author_id", "users.id", Reference);
        check("users.id", "articles.author_id", Reference);
        check("public.users.id", "articles.author_id", Reference);
        check("comments+users.id", "articles.author_id", Reference);
        check("articles.author_id", "profiles.owner", Same);
        check("managers.id", "users.id", Reference);
        check("managers.id", "articles.author_id", Same);
        check("users.id", "users.id", None);
        check("articles.id", "users.id", None);
        check("users.id", "months.id", None);
    }
}
