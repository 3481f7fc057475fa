//! Database, user, application and address of clients, each combination under a number of its own.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

/// A combination's number. 0 stands for all that came when there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WhoId(pub u32);

/// One combination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Who {
    /// The name that it asked for.
    pub database: Arc<str>,
    /// The user that it logged in as.
    pub user: Arc<str>,
    /// What it says it is.
    pub application_name: Arc<str>,
    /// Its address without a port, or `unix`.
    pub host: Arc<str>,
}

/// More combinations are not told apart: application names are the clients' to choose, and some put a number into them.
const MOST: usize = 10_000;

/// All combinations so far. Numbers are never given up.
#[derive(Debug, Default)]
pub struct Whos(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_who: HashMap<Arc<Who>, WhoId>,
    by_id: Vec<Arc<Who>>,
}

impl Whos {
    /// This combination's number.
    pub fn number(&self, who: Who) -> WhoId {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = table.by_who.get(&who) {
            return *id;
        }
        if table.by_id.len() >= MOST {
            return WhoId(0);
        }
        let who = Arc::new(who);
        table.by_id.push(who.clone());
        let id = WhoId(table.by_id.len() as u32);
        table.by_who.insert(who, id);
        id
    }

    /// The combination with this number; `None` for 0.
    pub fn get(&self, id: WhoId) -> Option<Arc<Who>> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (id.0 as usize).checked_sub(1).and_then(|at| table.by_id.get(at)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(application: &str) -> Who {
        Who { database: "d".into(), user: "u".into(), application_name: application.into(), host: "h".into() }
    }

    #[test]
    fn one_number_each_and_none_beyond_the_bound() {
        let whos = Whos::default();
        let first = whos.number(who("a"));
        assert_eq!((first, whos.number(who("b")), whos.number(who("a"))), (WhoId(1), WhoId(2), first));
        assert_eq!(*whos.get(first).unwrap(), who("a"));
        for n in 0..MOST {
            whos.number(who(&n.to_string()));
        }
        assert_eq!(whos.number(who("one more")), WhoId(0));
        assert_eq!(whos.get(WhoId(0)), None);
    }
}
