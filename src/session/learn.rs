//! What a client is welcomed with: what a fresh server reports, and on top of it what the client asked for in its startup
//! packet, in the form that the server gives it. A server is asked only about what no client asked before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::greeting::Greeting;
use super::refusal::no_free_server;
use crate::pool::lease::Denied;
use crate::pool::lessons::{Setting, Welcome};
use crate::pool::parameters::{is_access, set_config};
use crate::pool::server::ErrandError;
use crate::pool::{Client, Lease, Pool};
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;

/// So long a login waits for a server where all that it wants is to hear whether what was known is still so.
const PATIENCE: Duration = Duration::from_secs(1);

/// The welcome of a client that greets like this; or what it is told instead.
pub(super) async fn welcome(
    pool: &Arc<Pool>,
    client: &Arc<Client>,
    greeting: &Greeting,
) -> Result<Arc<Welcome>, Complaint> {
    let known = pool.lessons().welcome(&greeting.settings);
    match known {
        Ok(welcome) => {
            if pool.is_lost() {
                Box::pin(find(pool, client)).await?;
            }
            Ok(welcome)
        }
        Err(unknown) => {
            // Boxed: it is rare, and needs more room than a login where nothing has to be asked.
            let learning = Box::pin(learn(pool, client, &unknown));
            let only_outdated = unknown.is_empty() && pool.lessons().fresh().is_some();
            match only_outdated {
                // Nobody is kept out because something may have changed.
                true => drop(timeout(PATIENCE, learning).await),
                false => learning.await?,
            }
            Ok(pool.lessons().as_known(&greeting.settings))
        }
    }
}

/// Sees whether a server can be had: a client that is let in while there is none would believe that it is connected.
async fn find(pool: &Arc<Pool>, client: &Arc<Client>) -> Result<(), Complaint> {
    let lease = pool.lease(client).await.map_err(|why| denied(pool, why))?;
    lease.give_back(Instant::now());
    Ok(())
}

/// Borrows a server and asks it.
async fn learn(pool: &Arc<Pool>, client: &Arc<Client>, unknown: &[Setting]) -> Result<(), Complaint> {
    let mut lease = fresh(pool, client).await?;
    match ask(pool, &mut lease, unknown).await {
        Ok(()) => {
            lease.give_back(Instant::now());
            Ok(())
        }
        Err(ErrandError::Lost) => {
            lease.close("lost while it was asked for a parameter");
            Err(Complaint::fatal(sqlstate::CONNECTION_FAILURE, "pgweir lost the server during the login"))
        }
        Err(ErrandError::Refused(body)) => {
            lease.give_back(Instant::now());
            Err(Complaint::of_server(&body))
        }
    }
}

/// A server as it starts: another client's encoding or DateStyle would have a part in what comes of it.
async fn fresh(pool: &Arc<Pool>, client: &Arc<Client>) -> Result<Lease, Complaint> {
    loop {
        let mut lease = pool.lease(client).await.map_err(|why| denied(pool, why))?;
        match lease.server().freshen().await {
            Ok(_) => return Ok(lease),
            Err(_) => lease.close("what a client had set on it cannot be undone"),
        }
    }
}

/// Sets each on the server and notes what it made of it.
async fn ask(pool: &Pool, lease: &mut Lease, unknown: &[Setting]) -> Result<(), ErrandError> {
    let server = lease.server();
    for (name, value) in unknown {
        let mut sql = "SELECT ".to_string();
        set_config(&mut sql, name, value);
        let before = server.memory.parameters.clone();
        if server.memory.parameters.reported(name).is_none() || is_access(name) {
            Arc::make_mut(&mut server.memory.parameters).set_quiet(name, value);
        }
        if let Err(error) = server.run(&sql).await {
            // What is refused is not set.
            server.memory.parameters = before;
            return Err(error);
        }
        pool.note(name, value, server);
    }
    Ok(())
}

fn denied(pool: &Pool, denied: Denied) -> Complaint {
    match denied {
        Denied::Failed(why) => (*why).clone().ending(),
        Denied::Late(waited) => {
            let waited = waited.as_millis();
            let message =
                format!("pgweir had no free server for the login within query_wait_timeout: it waited {waited} ms");
            no_free_server(pool, message).ending()
        }
        Denied::Told(_) => super::heed::shutdown(),
    }
}
