//! `/api/pools`: one row a pool, by database and user.

use serde::Serialize;

use super::WebState;
use super::answer::QuantilesMs;
use super::filter::Filter;
use crate::observe::snapshot::{ClientCounts, PoolView, ServerCounts, pool_mode_name};

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Pool> {
    let snapshot = state.snapshots.get();
    let mut pools: Vec<&PoolView> =
        snapshot.pools.iter().filter(|pool| filter.pool(&pool.database, &pool.user)).collect();
    pools.sort_by_key(|pool| (&pool.database, &pool.user));
    pools.into_iter().take(filter.limit()).map(Pool::from).collect()
}

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct Pool {
    database: String,
    user: String,
    pool_mode: &'static str,
    pool_size: usize,
    clients: Clients,
    servers: Servers,
    wait_ms: QuantilesMs,
    query_ms: QuantilesMs,
    queries: u64,
    transactions: u64,
    errors: u64,
}

#[derive(Debug, Serialize)]
struct Clients {
    idle: usize,
    active: usize,
    waiting: usize,
}

#[derive(Debug, Serialize)]
struct Servers {
    idle: usize,
    active: usize,
    login: usize,
}

impl From<&PoolView> for Pool {
    fn from(pool: &PoolView) -> Pool {
        let ClientCounts { idle, active, waiting, .. } = pool.clients;
        let clients = Clients { idle, active, waiting };
        let ServerCounts { idle, active, login } = pool.servers;
        Pool {
            database: pool.database.to_string(),
            user: pool.user.to_string(),
            pool_mode: pool_mode_name(pool.pool_mode),
            pool_size: pool.pool_size,
            clients,
            servers: Servers { idle, active, login },
            wait_ms: pool.numbers.wait.quantiles().into(),
            query_ms: pool.numbers.query.quantiles().into(),
            queries: pool.numbers.queries(),
            transactions: pool.numbers.transactions(),
            errors: pool.numbers.errors.total(),
        }
    }
}
