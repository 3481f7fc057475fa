//! A sample of the servers that come back is looked at for what no client's statement told of: settings made, locks taken,
//! tables created by functions. It is removed before anyone else has the server, and told; then all servers of the pool are looked
//! at, each before it is lent again, and every release for a while, to find the statement that does it (`hunt`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::inquiry::{self, Answer, Bodies, Others};
use super::lease::{discard, put_back};
use super::parameters::set_config;
use super::server::ErrandError;
use super::{Lease, Pool, Server, lock, usual};
use crate::observe::pins::Pins;

/// A server that does not answer within this is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something that is another after each change of a column, a table or a view of somebody's. Temporary ones do not count: programs
/// make and drop them all day.
const TABLES: &str = "SELECT pg_catalog.concat_ws('/', pg_catalog.count(*), pg_catalog.sum(a.xmin::pg_catalog.text::pg_catalog.int8)) \
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
    WHERE a.attrelid OPERATOR(pg_catalog.>=) '16384'::pg_catalog.oid AND c.relpersistence OPERATOR(pg_catalog.<>) 't' \
    AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,p,f}'::pg_catalog.\"char\"[])";

/// Gives a clean server back, perhaps by way of a look at it.
pub fn give_back(mut lease: Lease, now: Instant) {
    let server = lease.server();
    let interval = server.plan.settings.server_audit_interval;
    let is_due = || server.is_suspect() || now.saturating_duration_since(server.audited_at) >= interval;
    if interval.is_zero() || !is_due() {
        return lease.give_back(now);
    }
    sample(lease, now);
}

#[cold]
fn sample(mut lease: Lease, now: Instant) {
    let server = lease.server();
    server.audited_at = now;
    let (pool, home) = (server.pool.clone(), server.home);
    pool.homes[home].runtime.clone().spawn(async move {
        match look(lease.server()).await {
            Some(found) => {
                lease.give_back(Instant::now());
                if found {
                    sample_resting(&pool);
                }
            }
            None => lease.close(BLIND),
        }
    });
}

/// What one server had, others may have as well.
fn sample_resting(pool: &Arc<Pool>) {
    let suspects = lock(&pool.ledger).borrow_where(|server| server.is_suspect());
    for (mut server, since) in suspects {
        let (pool, home) = (pool.clone(), server.home);
        pool.homes[home].runtime.clone().spawn(async move {
            match look(&mut server).await {
                Some(_) => put_back(server, since, Instant::now()),
                None => discard(server, BLIND),
            }
        });
    }
}

/// Why a server goes.
const BLIND: &str = "it could not be looked at";

/// Looks at a server, and removes what it finds: whether there was anything. `None` if that cannot be known.
async fn look(server: &mut Server) -> Option<bool> {
    let found = tokio::time::timeout(PATIENCE, clear(server)).await.ok()?.ok()?;
    server.hunt = server.pool.hunt.number();
    Some(found)
}

async fn clear(server: &mut Server) -> Result<bool, ErrandError> {
    see_tables(server).await?;
    let (mut answer, mut read) = (Answer::default(), true);
    let everything = Others::InFunctions(Bodies::of(&server.memory.parameters));
    let sql = format!("{} UNION ALL {}", inquiry::sql(std::iter::empty(), Pins::ALL, everything), usual::unset());
    server.ask(&sql, &mut |row| read &= answer.row(row).is_some()).await?;
    let (pool, known) = (server.pool.clone(), server.memory.parameters.clone());
    for (name, value) in answer.take_usual() {
        pool.lessons().learn_unset(name, value);
    }
    // By this server: how it shows a value may depend on its search_path.
    for (name, value) in answer.unsure(&known) {
        learn(server, &name, &value).await?;
    }
    let form = |name: &str, value: &str| pool.lessons().form(name, value);
    let leaks = answer.leaks(&known, Pins::NONE, &form);
    if leaks.is_empty() && read {
        return Ok(false);
    }
    warn!(event = "session_leak", database = %pool.database, user = %pool.user, process_id = server.line.process_id,
        left = leaks, message = "a client left this on its server without a statement that says so; it was removed, and every \
        transaction is looked at until it is found out which does it, for a minute at most");
    pool.hunt.begin(Instant::now());
    server.run("DISCARD ALL").await?;
    server.memory.forget_statements();
    server.freshen().await.map(|_| true)
}

/// Notices tables that were altered past us, or by a function: clients that prepare a text from then on get what it means now. Postgres
/// finds the types of a statement's parameters once, when it is parsed.
async fn see_tables(server: &mut Server) -> Result<(), ErrandError> {
    let (pool, now) = (server.pool.clone(), Instant::now());
    let interval = server.plan.settings.server_audit_interval;
    if !lock(&pool.catalog).wants_to_see(now, interval) {
        return Ok(());
    }
    let mut tables = None;
    match server.ask(TABLES, &mut |row| tables = inquiry::only(row).map(str::to_string)).await {
        // Its user may not look, or not for so long.
        Ok(_) | Err(ErrandError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    let (tables, took) = (tables.unwrap_or_default(), now.elapsed());
    lock(&pool.catalog).see(now, took, &tables);
    Ok(())
}

/// How the server shows a value that a client has set: in Postgres' own units, and its own words for yes and no.
async fn learn(server: &mut Server, name: &str, value: &str) -> Result<(), ErrandError> {
    let (mut sql, mut form) = ("SELECT ".to_string(), None);
    set_config(&mut sql, name, value);
    match server.ask(&sql, &mut |row| form = inquiry::only(row).map(str::to_string)).await {
        // It has taken it before.
        Ok(_) | Err(ErrandError::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    form.into_iter().for_each(|form| server.pool.lessons().learn_form(name, value, form));
    Ok(())
}
