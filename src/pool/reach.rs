//! Whether Postgres can be reached where no client has come yet and no user is fixed by whom a server could be opened: a connection is
//! made, and closed without a word.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::lock;
use crate::config::TlsMode;
use crate::net::dial::Address;

/// A database that nobody has asked for.
#[derive(Debug)]
pub struct Unvisited {
    /// Its name.
    pub database: String,
    /// Where it is.
    pub address: Arc<Address>,
    /// How long a connection may take; zero for ever.
    pub patience: Duration,
}

/// What was found, by address.
#[derive(Debug, Default)]
pub struct Reach(Mutex<HashMap<Where, Look>>);

/// What tells one address from another.
type Where = (String, Option<IpAddr>);

fn place(address: &Address) -> Where {
    (address.to_string(), address.hostaddr)
}

#[derive(Debug)]
enum Look {
    /// Somebody is looking; what was found before.
    UnderWay(Option<Found>),
    Over(Instant, Found),
}

/// Why not, if not.
type Found = Result<(), String>;

/// What could be reached is looked at again after this: each look costs Postgres a process.
const WELL: Duration = Duration::from_secs(10);

/// What could not, after this.
const NOT_WELL: Duration = Duration::from_millis(500);

impl Reach {
    /// Looks again where that is due, each on a task of its own.
    pub fn look(self: &Arc<Self>, unvisited: Vec<Unvisited>, now: Instant) {
        let mut looks = lock(&self.0);
        looks.retain(|known, _| unvisited.iter().any(|one| place(&one.address) == *known));
        for Unvisited { address, patience, .. } in unvisited {
            let before = match looks.remove(&place(&address)) {
                Some(look) if !look.is_due(now) => {
                    looks.insert(place(&address), look);
                    continue;
                }
                Some(Look::Over(_, found) | Look::UnderWay(Some(found))) => Some(found),
                Some(Look::UnderWay(None)) | None => None,
            };
            looks.insert(place(&address), Look::UnderWay(before));
            let reach = self.clone();
            tokio::spawn(async move {
                let found = dial(&address, patience).await;
                lock(&reach.0).insert(place(&address), Look::Over(Instant::now(), found));
            });
        }
    }

    /// What was found last; `None` if nobody has looked yet.
    pub fn found(&self, address: &Address) -> Option<Result<(), String>> {
        match lock(&self.0).get(&place(address))? {
            Look::UnderWay(before) => before.clone(),
            Look::Over(_, found) => Some(found.clone()),
        }
    }
}

impl Look {
    fn is_due(&self, now: Instant) -> bool {
        match self {
            Look::UnderWay(_) => false,
            Look::Over(at, found) => now.saturating_duration_since(*at) >= if found.is_ok() { WELL } else { NOT_WELL },
        }
    }
}

/// Each of a name's addresses, until one answers.
async fn dial(address: &Arc<Address>, patience: Duration) -> Found {
    let mut found = Err(String::new());
    for place in address.places(patience).await.map_err(|why| why.to_string())? {
        // TLS would be more than is needed to see whether somebody is there.
        let dialed = place.dial_as(TlsMode::Disable);
        let outcome = match patience.is_zero() {
            true => Ok(dialed.await),
            false => tokio::time::timeout(patience, dialed).await,
        };
        found = match outcome {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(why)) => Err(why.to_string()),
            Err(_) => Err(format!("{address} did not answer within {patience:?}")),
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsNegotiation;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn what_answers_and_what_does_not() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = [&there, &gone].map(|listener| listener.local_addr().unwrap().port());
        drop(gone);
        let [there_at, gone_at] = ports.map(|port| {
            let (host, tls_mode) = ("127.0.0.1".to_owned(), TlsMode::Disable);
            let negotiation = TlsNegotiation::Postgres;
            Arc::new(Address {
                host,
                hostaddr: None,
                port,
                tls_mode,
                negotiation,
                tls: None,
                tcp: Default::default(),
                names: Default::default(),
            })
        });
        let unvisited = || {
            let all = [&there_at, &gone_at].into_iter().cloned();
            let patience = Duration::from_secs(20);
            all.map(|address| Unvisited { database: "a".to_owned(), address, patience }).collect::<Vec<_>>()
        };
        let reach = Arc::new(Reach::default());
        assert!(reach.found(&there_at).is_none());
        reach.look(unvisited(), Instant::now());
        while reach.found(&there_at).is_none() || reach.found(&gone_at).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(reach.found(&there_at), Some(Ok(())));
        assert!(reach.found(&gone_at).unwrap().unwrap_err().contains("Connection refused"));
        // What is visited is looked at no more.
        reach.look(Vec::new(), Instant::now());
        assert!(reach.found(&gone_at).is_none());
    }
}
