//! Those who disturb: somebody kills servers, somebody has pgweir read its file again, somebody notifies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::batch::{Batch, bind};
use super::client::{Client, World};
use super::line::{Outcome, Trouble};
use crate::support::postgres::Postgres;
use crate::support::wire;

/// How many statements all clients have made; somebody is told of every so many.
#[derive(Debug)]
pub struct Progress {
    made: AtomicUsize,
    every: usize,
    told: UnboundedSender<Option<usize>>,
}

impl Progress {
    pub fn new(every: usize, told: UnboundedSender<Option<usize>>) -> Progress {
        Progress { made: AtomicUsize::new(0), every, told }
    }

    pub fn made(&self, count: usize) {
        let before = self.made.fetch_add(count, Relaxed);
        for mark in before / self.every..(before + count) / self.every {
            // At the end nobody listens any more.
            let _ = self.told.send(Some(mark));
        }
    }

    /// There will be no more.
    pub fn over(&self) {
        let _ = self.told.send(None);
    }
}

/// Ends one of pgweir's servers, from a direct connection: how many that were. Not the one that listens for all: what comes
/// while that is opened again is lost, as the listeners are told.
pub fn kill_one(postgres: &Postgres, which: u64) -> usize {
    let servers = "from pg_stat_activity where usename = 'direct' and application_name <> 'pgweir'";
    let sql = format!(
        "select count(pg_terminate_backend(pid)) from (select pid {servers} order by pid limit 1 \
         offset {which} % (select greatest(count(*), 1) {servers})) as one"
    );
    postgres.sql(&sql).parse().unwrap()
}

/// Notifies as it is asked to, until nobody can ask any more; through pgweir, and again when that failed.
pub async fn cry(
    world: Arc<World>,
    number: usize,
    mut asked: UnboundedReceiver<(String, String)>,
) -> Result<Client, String> {
    let mut crier = Client::login(number, world).await.map_err(|trouble| format!("{trouble:?}"))?;
    while let Some((channel, payload)) = asked.recv().await {
        if channel.is_empty() {
            break;
        }
        while let Err(trouble) = notify(&mut crier, &channel, &payload).await {
            let Trouble::Lost(why) = trouble else { return Err(format!("who notifies: {trouble:?}")) };
            crier.losses.push(format!("who notifies: {why}"));
            crier.reconnect().await.map_err(|trouble| format!("{trouble:?}"))?;
        }
    }
    Ok(crier)
}

async fn notify(crier: &mut Client, channel: &str, payload: &str) -> Outcome<()> {
    let mut batch = Batch::default();
    batch.say(&format!("notify {channel}, '{payload}'"));
    let call = [wire::parse("", "select pg_notify($1, $2)"), bind("", &[channel, payload]), wire::execute()];
    batch.send(&call.concat());
    batch.expect_all(&["1", "2", "D ", "C SELECT 1"]);
    batch.sync('I');
    crier.exchange(batch).await
}
