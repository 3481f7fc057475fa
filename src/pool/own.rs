//! A server outside the ledger, lent to nobody: one client's own, for replication, whose connections are of another kind and last
//! as long as their client; or the one that listens for all clients of a pool.
//!
//! It takes a place among `max_db_connections` and `max_user_connections`, which say what Postgres can bear, but none of
//! `pool_size`: otherwise a few that replicate would stop everybody else for good. It does not wait for a place.

use std::sync::Arc;
use std::time::Instant;

use tracing::{info, warn};

use super::cancel::Line;
use super::parameters::Parameters;
use super::{LimitOf, Pool, Quota, connect};
use crate::net::Stream;
use crate::protocol::encode::Complaint;

/// The server. Dropping it closes it.
#[derive(Debug)]
pub struct Own {
    /// Its bytes.
    pub stream: Stream,
    /// How to cancel what it runs.
    pub line: Arc<Line>,
    opened_at: Instant,
    purpose: &'static str,
    places: Places,
}

/// Why there is none.
#[derive(Debug)]
pub enum NoOwn {
    /// A limit on servers is reached.
    Full {
        /// Whose.
        whose: LimitOf,
        /// How many servers it allows.
        limit: usize,
    },
    /// It could not be opened; what the client is told, and what the log.
    Failed(Box<Complaint>, String),
}

/// Its places in the quotas, given back however it ends.
#[derive(Debug)]
struct Places(Arc<Pool>);

impl Places {
    /// One place in each quota; a server of this pool that rests makes room if there is none.
    fn take(pool: &Arc<Pool>) -> Result<Places, NoOwn> {
        let take = || Quota::take_both(&pool.servers);
        let taken = take().or_else(|full| if pool.make_room(Instant::now()) { take() } else { Err(full) });
        taken.map_err(|(whose, limit)| NoOwn::Full { whose, limit })?;
        pool.servers.iter().for_each(|quota| quota.begin_own());
        Ok(Places(pool.clone()))
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.0.servers.iter().for_each(|quota| {
            quota.end_own();
            quota.give();
        });
    }
}

impl Pool {
    /// Opens a server for one client of worker `home` alone, with these parameters after the database's own; and what it
    /// reported. `purpose` is for the log.
    pub async fn open_own(
        self: &Arc<Self>,
        home: usize,
        parameters: &[(String, String)],
        purpose: &'static str,
    ) -> Result<(Own, Parameters), NoOwn> {
        let places = Places::take(self)?;
        let (plan, began) = (self.plan(), Instant::now());
        let startup = [&plan.route.startup, parameters].concat();
        let opened = connect::open_with(&plan.route, &startup, &self.keys).await.map_err(|why| {
            self.meter(home).connect_failed();
            warn!(event = "server_connect_failed", database = %self.database, user = %self.user,
                addr = %plan.route.address, purpose, error = %why);
            NoOwn::Failed(Box::new(why.complaint(&plan.route, began, Instant::now())), why.to_string())
        })?;
        let opened_at = Instant::now();
        let took = opened_at.saturating_duration_since(began);
        self.meter(home).connected(took);
        info!(event = "server_connected", database = %self.database, user = %self.user, addr = %plan.route.address,
            process_id = opened.line.process_id, tls = opened.stream.is_tls(), purpose,
            ms = took.as_millis() as u64);
        Ok((Own { stream: opened.stream, line: opened.line, opened_at, purpose, places }, opened.parameters))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let pool = &self.places.0;
        let age = self.opened_at.elapsed().as_secs();
        info!(event = "server_closed", database = %pool.database, user = %pool.user, process_id = self.line.process_id,
            age_s = age, purpose = self.purpose, reason = "no longer needed, or it closed");
    }
}
