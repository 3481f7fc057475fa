//! The parameters that a client is welcomed with: what a fresh server reports, and on top of it what the client asked for
//! in its startup packet, in the form that the server gives it. A server is asked only about what no client asked before.

use std::sync::Arc;

use super::greeting::Greeting;
use crate::pool::lease::Denied;
use crate::pool::parameters::{Parameters, set_config};
use crate::pool::server::ErrandError;
use crate::pool::{Client, Learned, Lease, Pool};
use crate::protocol::encode::{Complaint, Severity};
use crate::protocol::sqlstate;

/// Postgres cuts names at this many bytes (NAMEDATALEN - 1), application_name too.
const LONGEST_NAME: usize = 63;

/// The parameters of a client that greets like this; or what it is told instead.
pub(super) async fn parameters(
    pool: &Arc<Pool>,
    client: &Arc<Client>,
    greeting: &Greeting,
) -> Result<Arc<Parameters>, Complaint> {
    let unknown: Vec<&(String, String)> =
        greeting.settings.iter().filter(|(name, value)| known(pool, name, value).is_none()).collect();
    if pool.fresh().is_none() || !unknown.is_empty() {
        let mut lease = pool.lease(client).await.map_err(denied)?;
        let asked = ask(pool, &mut lease, &unknown).await;
        match asked {
            Ok(()) => lease.give_back(std::time::Instant::now()),
            Err(ErrandError::Lost) => {
                lease.close("lost while it was asked for a parameter");
                return Err(Complaint::fatal(sqlstate::CONNECTION_FAILURE, "pgweir lost the server during the login"));
            }
            Err(ErrandError::Refused(body)) => {
                lease.give_back(std::time::Instant::now());
                return Err(Complaint::of_server(&body));
            }
        }
    }
    let fresh = pool.fresh().unwrap_or_default();
    Ok(compose(pool, fresh, greeting))
}

/// Sets each on the server and notes what it made of it.
async fn ask(pool: &Pool, lease: &mut Lease, unknown: &[&(String, String)]) -> Result<(), ErrandError> {
    let server = lease.server();
    for (name, value) in unknown {
        let mut sql = "SELECT ".to_string();
        set_config(&mut sql, name, value);
        server.run(&sql).await?;
        if server.memory.parameters.reported(name).is_none() {
            Arc::make_mut(&mut server.memory.parameters).set_quiet(name, value);
        }
        pool.note(name, value, server);
    }
    Ok(())
}

fn compose(pool: &Pool, fresh: Arc<Parameters>, greeting: &Greeting) -> Arc<Parameters> {
    if greeting.settings.is_empty() {
        return fresh;
    }
    let mut own = (*fresh).clone();
    for (name, value) in &greeting.settings {
        match known(pool, name, value) {
            Some(Learned::Reported(form)) => own.report(name, &form),
            Some(Learned::Quiet) => own.set_quiet(name, value),
            None => {}
        }
    }
    pool.share(own)
}

/// What a server makes of it, if that is known. An ordinary application_name stays as it is.
fn known(pool: &Pool, name: &str, value: &str) -> Option<Learned> {
    let ordinary = value.len() <= LONGEST_NAME && value.bytes().all(|byte| (32..127).contains(&byte));
    if name.eq_ignore_ascii_case("application_name") && ordinary {
        return Some(Learned::Reported(value.to_string()));
    }
    pool.learned(name, value)
}

fn denied(denied: Denied) -> Complaint {
    match denied {
        Denied::Failed(why) => Complaint { severity: Severity::Fatal, ..(*why).clone() },
        Denied::Late(waited) => Complaint::fatal(
            sqlstate::TOO_MANY_CONNECTIONS,
            format!(
                "pgweir had no free server for the login within query_wait_timeout: it waited {} ms",
                waited.as_millis()
            ),
        ),
        Denied::Told(_) => super::heed::shutdown(),
    }
}
