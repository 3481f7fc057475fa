//! Clients by database, user and application, and those by pool. Addresses are not told apart here: a fleet of the same
//! application is one.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::observe::who::{Who, WhoId, Whos};

/// A group's number. 0 is of clients that are not told apart.
pub type GroupId = u32;

/// A pool's number. 0 is of clients that are not told apart.
pub type PoolId = u32;

/// One application of one pool.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name that it asked for.
    pub database: Arc<str>,
    /// The user that it logged in as.
    pub user: Arc<str>,
    /// What it says it is.
    pub application: Arc<str>,
    /// Of database and user.
    pub pool: PoolId,
}

/// What was counted for a pool beside its meters.
#[derive(Debug, Clone)]
pub struct PoolTotals {
    /// The name that its clients ask for.
    pub database: Arc<str>,
    /// The user that they log in as.
    pub user: Arc<str>,
    /// Statements that were slow by themselves or by the wait for a server.
    pub slow: u64,
    /// Nanoseconds that clients needed to take their results.
    pub drain: u64,
}

/// All of them. They are never given up, and are no more than [`Whos`] tells apart.
#[derive(Debug)]
pub struct Groups {
    of_who: Vec<GroupId>,
    groups: Vec<Group>,
    pools: Vec<PoolTotals>,
    by_name: HashMap<[Arc<str>; 3], GroupId>,
    pool_by_name: HashMap<[Arc<str>; 2], PoolId>,
}

/// Stands in `of_who` for one that was not met.
const UNMET: GroupId = GroupId::MAX;

impl Default for Groups {
    fn default() -> Groups {
        let other: Arc<str> = "other".into();
        let group = Group { database: other.clone(), user: other.clone(), application: other.clone(), pool: 0 };
        Groups {
            of_who: vec![0],
            groups: vec![group],
            pools: vec![totals(&other, &other)],
            by_name: HashMap::new(),
            pool_by_name: HashMap::new(),
        }
    }
}

fn totals(database: &Arc<str>, user: &Arc<str>) -> PoolTotals {
    PoolTotals { database: database.clone(), user: user.clone(), slow: 0, drain: 0 }
}

impl Groups {
    /// The group and pool of a client.
    #[inline]
    pub fn of(&mut self, who: WhoId, whos: &Whos) -> (GroupId, PoolId) {
        let group = match self.of_who.get(who.0 as usize) {
            Some(group) if *group != UNMET => *group,
            _ => self.meet(who, whos),
        };
        (group, self.groups[group as usize].pool)
    }

    #[cold]
    fn meet(&mut self, id: WhoId, whos: &Whos) -> GroupId {
        let Some(who) = whos.get(id) else { return 0 };
        let group = self.number(&who);
        let place = id.0 as usize;
        if self.of_who.len() <= place {
            self.of_who.resize(place + 1, UNMET);
        }
        self.of_who[place] = group;
        group
    }

    fn number(&mut self, who: &Who) -> GroupId {
        let name = [who.database.clone(), who.user.clone(), who.application_name.clone()];
        if let Some(group) = self.by_name.get(&name) {
            return *group;
        }
        let pool = self.pool_number(who);
        let group = self.groups.len() as GroupId;
        let [database, user, application] = name.clone();
        self.groups.push(Group { database, user, application, pool });
        self.by_name.insert(name, group);
        group
    }

    fn pool_number(&mut self, who: &Who) -> PoolId {
        let pools = &mut self.pools;
        *self.pool_by_name.entry([who.database.clone(), who.user.clone()]).or_insert_with(|| {
            pools.push(totals(&who.database, &who.user));
            pools.len() as PoolId - 1
        })
    }

    /// That group.
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id as usize]
    }

    /// That pool's totals.
    pub fn pool(&self, id: PoolId) -> &PoolTotals {
        &self.pools[id as usize]
    }

    /// The same, to be added to.
    #[inline]
    pub fn pool_mut(&mut self, id: PoolId) -> &mut PoolTotals {
        &mut self.pools[id as usize]
    }

    /// By its names.
    pub fn pool_of(&self, database: &Arc<str>, user: &Arc<str>) -> Option<&PoolTotals> {
        let id = self.pool_by_name.get(&[database.clone(), user.clone()])?;
        Some(self.pool(*id))
    }

    /// All pools, the first for clients that are not told apart.
    pub fn pools(&self) -> &[PoolTotals] {
        &self.pools
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::who::Host;

    #[test]
    fn addresses_are_one_and_pools_are_of_database_and_user() {
        let (whos, mut groups) = (Whos::default(), Groups::default());
        let mut check = |names: [&str; 3], host: u8, group: GroupId, pool: PoolId| {
            let [database, user, application_name] = names.map(Arc::from);
            let host = Host::Ip([10, 0, 0, host].into());
            let id = whos.number(Who { database, user, application_name, host });
            assert_eq!(groups.of(id, &whos), (group, pool), "{names:?}");
            assert_eq!(groups.of(id, &whos), (group, pool), "{names:?} again");
        };
        check(["d", "u", "web"], 1, 1, 1);
        check(["d", "u", "web"], 2, 1, 1);
        check(["d", "u", "job"], 1, 2, 1);
        check(["d", "v", "web"], 1, 3, 2);
        check(["d", "u", "web"], 3, 1, 1);
        assert_eq!(groups.of(WhoId(0), &whos), (0, 0));
        assert_eq!(groups.of(WhoId(99), &whos), (0, 0), "one that nobody numbered");
        assert_eq!(groups.pools().len(), 3);
    }
}
