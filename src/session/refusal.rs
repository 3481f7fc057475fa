//! A request that gets no server: what the client is told, and the rest of what it says skipped, as Postgres would skip it.

use std::time::Instant;

use super::farewell::Farewell;
use super::heed::shutdown;
use super::stay::Session;
use crate::net::Lane;
use crate::observe::rejections::Reason;
use crate::pool::client::Word;
use crate::pool::lease::Denied;
use crate::pool::{Full, Gauges, Pool};
use crate::protocol::encode::{self, Complaint, Severity};
use crate::protocol::{TransactionStatus, frontend, sqlstate};

fn advice(limit: &str) -> String {
    format!("Shorten transactions, raise {limit}, or raise query_wait_timeout.")
}

/// No server came free for whoever says so: what they were all doing, and what can be done.
pub(super) fn no_free_server(pool: &Pool, message: String) -> Complaint {
    let gauges = pool.gauges(Instant::now());
    let hint = match gauges {
        Gauges { paused: true, .. } => "Send pgweir USR2 when servers may be lent again.".to_string(),
        Gauges { full: Some(full @ Full { key, .. }), .. } if full.is_all_own() => {
            format!(
                "Raise {key}: what listens for the clients of a pool, and each client that replicates, takes a place of it."
            )
        }
        Gauges { full: Some(Full { key, .. }), .. } => advice(key),
        Gauges { .. } => advice("pool_size"),
    };
    Complaint::error(sqlstate::TOO_MANY_CONNECTIONS, message).detail(standing(pool, &gauges)).hint(hint)
}

/// What a pool's servers do, and what keeps it from having more.
pub(super) fn standing(pool: &Pool, gauges: &Gauges) -> String {
    format!(
        "Pool of database \"{}\" and user \"{}\": {} servers busy, {} idle, {} connecting, of pool_size {}; \
         {} more clients wait.{}",
        pool.database,
        pool.user,
        gauges.lent,
        gauges.idle,
        gauges.opening,
        pool.plan().settings.pool_size,
        gauges.waiting,
        gauges.obstacle().map_or(String::new(), |why| format!(" {why}."))
    )
}

impl Session {
    /// Why its request fails, or why it leaves.
    #[cold]
    pub(super) fn denial(&self, denied: Denied) -> Result<Complaint, Farewell> {
        let complaint = match denied {
            Denied::Late(waited) => {
                self.stay.rejections.count(Reason::Timeout);
                let waited = waited.as_millis();
                let message =
                    format!("pgweir had no free server within query_wait_timeout: this statement waited {waited} ms");
                no_free_server(&self.pool, message)
            }
            Denied::Failed(why) => {
                self.stay.rejections.count(Reason::ServerUnavailable);
                if self.is_fresh() {
                    return Err(Farewell::told((*why).clone().ending()));
                }
                Complaint { severity: Severity::Error, ..(*why).clone() }
            }
            Denied::Told(Word::Drain | Word::Leave) => return Err(Farewell::told(shutdown())),
            Denied::Told(_) => {
                self.client.unsay();
                Complaint::error(sqlstate::QUERY_CANCELED, "canceling statement due to user request")
                    .detail("It was still waiting for a server in pgweir's pool.")
            }
        };
        self.meter().error(complaint.sqlstate);
        Ok(complaint)
    }

    /// Whether nothing has been done for the client yet. Where there is no Postgres its connection has failed, as it would have
    /// without us: what a driver says first makes a connection what its program takes it for.
    pub(super) fn is_fresh(&self) -> bool {
        self.client.queries.get() == 0
    }

    /// Answers a request without a server: an error at once, for the client may not say Sync before it has heard it;
    /// everything up to its end skipped, ReadyForQuery.
    pub(super) async fn refuse(&mut self, mut up: Box<Lane>, complaint: Complaint) -> Result<(), Farewell> {
        let mut out = Vec::new();
        complaint.encode(&mut out);
        self.say(&mut out).await?;
        let mut extended = false;
        loop {
            while let Some(frame) = up.frame().map_err(|bad| Farewell::violation(&bad.to_string()))? {
                let (tag, size) = (frame.tag, frame.size);
                if tag == frontend::TERMINATE {
                    return Err(Farewell::Terminated);
                }
                up.swallow(size);
                extended |= !matches!(tag, frontend::QUERY | frontend::FUNCTION_CALL | frontend::SYNC);
                if tag == frontend::SYNC || !extended {
                    encode::ready(&mut out, TransactionStatus::Idle);
                    self.say(&mut out).await?;
                    self.keep_or_shelve(up);
                    return Ok(());
                }
            }
            self.hear_out(&mut up).await?;
        }
    }
}
