//! Hundreds of clients over a few servers, at least a million statements, and not one of them sees what is another's: no
//! answer, no setting, no lock, no table, no notification, no cancel. Each knows what a connection of its own would show it,
//! and compares everything; meanwhile servers are killed, clients leave in the middle, the file is read again.
//!
//! `PGWEIR_STATEMENTS` says how many statements, `PGWEIR_SEED` which; who does what is the same for the same seed, and when,
//! is not.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

#[path = "crosstalk/asks.rs"]
mod asks;
#[path = "crosstalk/batch.rs"]
mod batch;
#[path = "crosstalk/chance.rs"]
mod chance;
#[path = "crosstalk/client.rs"]
mod client;
#[path = "crosstalk/disturb.rs"]
mod disturb;
#[path = "crosstalk/leaves.rs"]
mod leaves;
#[path = "crosstalk/line.rs"]
mod line;
#[path = "crosstalk/model.rs"]
mod model;
#[path = "crosstalk/sets.rs"]
mod sets;
#[path = "crosstalk/ties.rs"]
mod ties;

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};

use chance::Chance;
use client::{Client, World};
use disturb::{Progress, cry, kill_one};
use model::NAMES;
use support::pgweir::{self, Pgweir};
use support::postgres::{self, Postgres};
use support::{PATIENCE, http};

const CLIENTS: usize = 300;

const SERVERS: usize = 8;

/// For a while there are fewer.
const FEWER: usize = 6;

/// How many servers are killed.
const KILLS: usize = 40;

const STATEMENTS: usize = 1_000_000;

#[tokio::test]
async fn nobody_sees_what_is_anothers() {
    let (statements, seed) = (setting("PGWEIR_STATEMENTS", STATEMENTS), setting("PGWEIR_SEED", 1));
    let postgres = prepare();
    let pgweir = Arc::new(pgweir::start(&toml(&postgres, SERVERS), &[("PGWEIR_LISTEN_WORKERS", "2")]));
    let (told, marks) = mpsc::unbounded_channel();
    let (crier, asked) = mpsc::unbounded_channel();
    let progress = Progress::new((statements / KILLS).max(1), told);
    let (addr, defaults, ties) = (pgweir.addr, defaults(&postgres), Semaphore::new(FEWER / 2));
    let world = Arc::new(World { addr, seed: seed as u64, defaults, ties, crier, progress });

    let disturber =
        tokio::spawn(disturb(postgres.clone(), pgweir.clone(), marks, Chance::of(seed as u64, CLIENTS + 1)));
    let who_notifies = tokio::spawn(cry(world.clone(), CLIENTS, asked));
    let clients = all(connect(&world).await, |client| client.work(statements.div_ceil(CLIENTS))).await;
    world.progress.over();
    world.crier.send(Default::default()).unwrap();
    let killed = disturber.await.unwrap();
    let who_notifies = who_notifies.await.unwrap().unwrap_or_else(|complaint| panic!("{complaint}"));
    let clients = all(clients, Client::farewell).await;

    let answered: usize = clients.iter().map(|client| client.answered).sum();
    let losses: Vec<&String> = clients.iter().chain([&who_notifies]).flat_map(|client| &client.losses).collect();
    eprintln!("{answered} statements, {killed} servers killed, {} clients lost theirs", losses.len());
    assert!(answered >= statements && losses.len() <= killed, "{killed} were killed, and lost: {losses:#?}");
    spawn_blocking(move || at_rest(&postgres, &pgweir)).await.unwrap();
    drop((clients, who_notifies));
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// A role for pgweir, who may be any of the clients' roles.
fn prepare() -> Arc<Postgres> {
    let postgres = postgres::shared();
    postgres.role("direct");
    let roles = (0..=CLIENTS).map(|number| format!("create role c{number} role direct;"));
    postgres.sql(&roles.collect::<String>());
    postgres
}

/// Without TLS and passwords on the way: that is tested elsewhere, and takes time.
fn toml(postgres: &Postgres, servers: usize) -> String {
    format!(
        "[pool]\npool_size = {servers}\n[auth]\nauth_type = \"trust\"\n[tls.server]\nmode = \"disable\"\n\
         [databases.app]\nhost = \"127.0.0.1\"\nport = {}\nuser = \"direct\"\npassword = \"secret\"\n",
        postgres.port
    )
}

/// What a connection of its own shows to somebody who has set nothing.
fn defaults(postgres: &Postgres) -> model::Values {
    NAMES.map(|name| match name {
        "application_name" => String::new(),
        _ => postgres.sql(&format!("select coalesce(current_setting('{name}', true), '')")),
    })
}

async fn connect(world: &Arc<World>) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = Client::login(number, world.clone()).await;
        clients.push(client.unwrap_or_else(|trouble| panic!("client {number} cannot log in: {trouble:?}")));
    }
    clients
}

/// Runs this for every client, all at once; the first complaint ends it.
async fn all<F>(clients: Vec<Client>, run: impl Fn(Client) -> F) -> Vec<Client>
where
    F: Future<Output = Result<Client, String>> + Send + 'static,
{
    let (mut running, mut done) = (JoinSet::new(), Vec::new());
    for client in clients {
        running.spawn(run(client));
    }
    while let Some(ended) = running.join_next().await {
        done.push(ended.unwrap().unwrap_or_else(|complaint| panic!("{complaint}")));
    }
    done
}

/// Kills a server at every mark, and has the file read again at some; how many it has killed.
async fn disturb(
    postgres: Arc<Postgres>,
    pgweir: Arc<Pgweir>,
    mut marks: mpsc::UnboundedReceiver<Option<usize>>,
    mut chance: Chance,
) -> usize {
    let mut killed = 0;
    while let Some(Some(mark)) = marks.recv().await {
        let (postgres, pgweir, which) = (postgres.clone(), pgweir.clone(), chance.next() >> 33);
        let run = move || {
            match mark * 3 / KILLS {
                _ if mark % (KILLS / 4) != 0 => {}
                1 => pgweir.reload(&toml(&postgres, FEWER)),
                _ => pgweir.reload(&toml(&postgres, SERVERS)),
            }
            kill_one(&postgres, which)
        };
        killed += spawn_blocking(run).await.unwrap();
    }
    killed
}

/// Nobody waits, nothing runs, nothing is left: as pgweir says, and as Postgres does.
fn at_rest(postgres: &Postgres, pgweir: &Pgweir) {
    becomes("pgweir at rest", || {
        let pools = http::json(pgweir.http, "/api/pools");
        let pool = pools.as_array().and_then(|pools| pools.iter().find(|pool| pool["user"] == "direct")).unwrap();
        let (clients, servers) = (&pool["clients"], &pool["servers"]);
        let none = [&clients["active"], &clients["waiting"], &servers["active"], &servers["login"]];
        let few = servers["idle"].as_u64().is_some_and(|idle| idle <= SERVERS as u64);
        if few && none.iter().all(|count| **count == 0) { Ok(()) } else { Err(pool.to_string()) }
    });
    becomes("only servers that pgweir may have", || {
        let servers = postgres.sql(
            "select pid, state, query from pg_stat_activity where usename = 'direct' and application_name <> 'pgweir'",
        );
        if servers.lines().count() <= SERVERS { Ok(()) } else { Err(servers) }
    });
    let left = [
        ("no lock left", "select pid, objid from pg_locks where locktype = 'advisory'"),
        (
            "no transaction left",
            "select state, query from pg_stat_activity where usename = 'direct' and state <> 'idle'",
        ),
        ("no temporary table left", "select oid, relname from pg_class where relpersistence = 't' and relkind = 'r'"),
    ];
    for (what, sql) in left {
        becomes(what, || Some(postgres.sql(sql)).filter(|rows| !rows.is_empty()).map_or(Ok(()), Err));
    }
}

/// Looks again until it is so: Postgres ends a session some time after its connection was closed.
fn becomes(what: &str, look: impl Fn() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(instead) = look() {
        assert!(begun.elapsed() < PATIENCE, "not {what}: {instead}");
        thread::yield_now();
    }
}
