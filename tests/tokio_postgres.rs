//! A real driver through pgweir to a real Postgres, TLS and SCRAM on both sides: forty connections over two servers,
//! prepared statements, transactions, pipelines, portals, COPY, cancels, errors.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::task::JoinSet;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, ToStatement};

use support::pgweir::{self, Pgweir};
use support::postgres::{self, Postgres};
use support::tls::MakeTls;

/// pgweir with two servers for one role of a Postgres.
struct Scene {
    pgweir: Pgweir,
    postgres: Arc<Postgres>,
    role: &'static str,
    tls: MakeTls,
}

impl Scene {
    fn new(role: &'static str) -> Scene {
        let postgres = postgres::shared();
        postgres.role(role);
        let pgweir = pgweir::start(&toml(&postgres, role, 2), &[]);
        let tls = MakeTls(postgres.pair.client_config());
        Scene { pgweir, postgres, role, tls }
    }

    async fn connect(&self) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.pgweir.addr.port()).ssl_mode(SslMode::Require);
        config.user(self.role).password("secret").dbname("app");
        let (client, connection) = config.connect(self.tls.clone()).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn connect_many(&self, count: usize) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(self.connect().await);
        }
        clients
    }
}

/// Neither the file nor pgweir knows the password: what the client proves is passed on to the server.
fn toml(postgres: &Postgres, role: &str, pool_size: usize) -> String {
    let (cert, key, port) = (postgres.pair.cert.display(), postgres.pair.key.display(), postgres.port);
    let verifier = postgres::verifier();
    format!(
        "[pool]\npool_size = {pool_size}\n\
         [tls.client]\nmode = \"require\"\ncert_file = \"{cert}\"\nkey_file = \"{key}\"\n\
         [tls.server]\nmode = \"verify-full\"\nca_file = \"{cert}\"\n\
         [users.{role}]\npassword = \"{verifier}\"\n\
         [databases.app]\nhost = \"127.0.0.1\"\nport = {port}\n"
    )
}

/// A statement of one number for one number.
async fn ask<S: ToStatement + ?Sized>(client: &Client, statement: &S, number: i64) -> Result<i64, Error> {
    Ok(client.query_one(statement, &[&number]).await?.get(0))
}

/// Clients of one application, far more than there are servers.
const CLIENTS: usize = 40;

/// Runs something for each client, all at once.
async fn at_once<F: Future<Output = ()> + Send + 'static>(clients: Vec<Client>, run: impl Fn(usize, Client) -> F) {
    let mut running = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        running.spawn(run(number, client));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn forty_clients_share_two_servers() {
    let scene = Scene::new("forty");
    let clients = scene.connect_many(CLIENTS).await;
    at_once(clients, |number, client| async move {
        let number = number as i64;
        let doubled = client.prepare("select $1::int8 * 2").await.unwrap();
        // The same for all, and one that only this client has.
        let own = client.prepare(&format!("select $1::int8 + {number}")).await.unwrap();
        for round in 0..20 {
            assert_eq!(ask(&client, &doubled, round).await.unwrap(), round * 2);
            assert_eq!(ask(&client, &own, round).await.unwrap(), round + number);
            let simple = client.simple_query("select 7 as a; select 8 as a").await.unwrap();
            assert_eq!(simple.len(), 6);
        }
    })
    .await;
    assert!(scene.postgres.sessions("forty") <= 2);
}

#[tokio::test]
async fn transactions_of_many_clients_stay_apart() {
    let scene = Scene::new("transactor");
    let clients = scene.connect_many(CLIENTS).await;
    clients[0].batch_execute("create table accounts (owner int8, amount int8)").await.unwrap();
    at_once(clients, |number, mut client| async move {
        for round in 0..5_i64 {
            let mut transaction = client.transaction().await.unwrap();
            let insert = transaction.prepare("insert into accounts values ($1, $2)").await.unwrap();
            transaction.execute(&insert, &[&(number as i64), &1_i64]).await.unwrap();
            let savepoint = transaction.savepoint("a").await.unwrap();
            savepoint.execute(&insert, &[&(number as i64), &1000_i64]).await.unwrap();
            savepoint.rollback().await.unwrap();
            let sum = "select sum(amount)::int8 from accounts where owner = $1";
            let mine = transaction.query_one(sum, &[&(number as i64)]).await.unwrap();
            assert_eq!(mine.get::<_, i64>(0), (round + 3) / 2);
            match round % 2 {
                0 => transaction.commit().await.unwrap(),
                _ => transaction.rollback().await.unwrap(),
            }
        }
    })
    .await;
    assert_eq!(scene.postgres.sql("select sum(amount) from transactor.accounts"), (CLIENTS * 3).to_string());
}

#[tokio::test]
async fn a_pipeline_on_one_connection() {
    let scene = Scene::new("pipeliner");
    let clients = scene.connect_many(4).await;
    at_once(clients, |_, client| async move {
        let add = client.prepare("select $1::int8 + 1").await.unwrap();
        for round in 0..20_i64 {
            let (a, b, c, d, e) = tokio::try_join!(
                ask(&client, &add, round),
                ask(&client, "select $1::int8 * 3", round),
                client.simple_query("select 1"),
                ask(&client, &add, round + 10),
                ask(&client, "select count(*) from generate_series(1, $1::int8)", round),
            )
            .unwrap();
            assert_eq!((a, b, c.len(), d, e), (round + 1, round * 3, 3, round + 11, round));
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_in_a_pipeline_spares_the_others() {
    let scene = Scene::new("erring");
    let client = scene.connect().await;
    let add = client.prepare("select $1::int8 + 1").await.unwrap();
    let (a, b, c) = tokio::join!(ask(&client, &add, 1), ask(&client, "select 1 / $1::int8", 0), ask(&client, &add, 2),);
    assert_eq!(a.unwrap(), 2);
    assert_eq!(b.unwrap_err().code(), Some(&SqlState::DIVISION_BY_ZERO));
    assert_eq!(c.unwrap(), 3);
}

#[tokio::test]
async fn errors_are_postgres_own() {
    let scene = Scene::new("mistaken");
    let mut client = scene.connect().await;
    let code = |error: Error| error.code().cloned().unwrap();
    assert_eq!(code(client.simple_query("selekt 1").await.unwrap_err()), SqlState::SYNTAX_ERROR);
    let missing = client.prepare("select * from nowhere").await.err().unwrap();
    assert_eq!(missing.as_db_error().unwrap().message(), "relation \"nowhere\" does not exist");
    assert_eq!(code(missing), SqlState::UNDEFINED_TABLE);
    let transaction = client.transaction().await.unwrap();
    let divided = transaction.query_one("select 1 / $1::int8", &[&0_i64]).await.unwrap_err();
    assert_eq!(code(divided), SqlState::DIVISION_BY_ZERO);
    assert_eq!(code(transaction.simple_query("select 1").await.unwrap_err()), SqlState::IN_FAILED_SQL_TRANSACTION);
    transaction.rollback().await.unwrap();
    assert_eq!(ask(&client, "select $1::int8", 5).await.unwrap(), 5);
}

#[tokio::test]
async fn copy_both_ways() {
    let scene = Scene::new("copier");
    let clients = scene.connect_many(6).await;
    clients[0].batch_execute("create table lines (owner int8, line text)").await.unwrap();
    at_once(clients, |number, client| async move {
        let sink = client.copy_in("copy lines from stdin").await.unwrap();
        let mut sink = Box::pin(sink);
        for line in 0..2000 {
            sink.send(Bytes::from(format!("{number}\tline {line} {}\n", "x".repeat(50)))).await.unwrap();
        }
        assert_eq!(sink.as_mut().finish().await.unwrap(), 2000);
        let copy = format!("copy (select line from lines where owner = {number}) to stdout");
        let out: Vec<_> = client.copy_out(&copy).await.unwrap().try_collect().await.unwrap();
        let text = out.concat();
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 2000);
        let mut refused = Box::pin(client.copy_in("copy lines from stdin").await.unwrap());
        refused.send(Bytes::from("not a number\tx\n")).await.unwrap();
        let error = refused.as_mut().finish().await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INVALID_TEXT_REPRESENTATION));
        assert_eq!(ask(&client, "select $1::int8", 1).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_cancel_stops_its_own_query_only() {
    let scene = Scene::new("canceller");
    let (sleeper, other) = (scene.connect().await, scene.connect().await);
    let token = sleeper.cancel_token();
    // Asleep, and not just parsed: a cancel between the two would stop nothing.
    let busy = "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and wait_event = 'PgSleep'";
    let cancel = async {
        while scene.postgres.sql(busy) == "0" {
            tokio::task::yield_now().await;
        }
        token.cancel_query(scene.tls.clone()).await.unwrap();
    };
    let (slept, (), answered) = tokio::join!(
        sleeper.query("select pg_sleep(600)", &[]),
        cancel,
        ask(&other, "select $1::int8 from pg_sleep(0.2)", 1),
    );
    let stopped = slept.unwrap_err();
    assert_eq!(stopped.as_db_error().unwrap().message(), "canceling statement due to user request");
    assert_eq!(answered.unwrap(), 1);
    for client in [&sleeper, &other] {
        assert_eq!(ask(client, "select $1::int8", 2).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn prepared_statements_survive_their_servers() {
    let scene = Scene::new("survivor");
    let client = scene.connect().await;
    let add = client.prepare("select $1::int8 + 1").await.unwrap();
    let check = async |number: i64| {
        assert_eq!(ask(&client, &add, number).await.unwrap(), number + 1);
    };
    check(1).await;
    scene.postgres.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'survivor'");
    check(2).await;
    for (number, pool_size) in [(3, 1), (4, 3), (5, 2)] {
        scene.pgweir.reload(&toml(&scene.postgres, "survivor", pool_size));
        check(number).await;
        assert!(scene.postgres.sessions("survivor") <= pool_size);
    }
}

#[tokio::test]
async fn portals_live_as_long_as_their_transaction() {
    let scene = Scene::new("reader");
    let clients = scene.connect_many(6).await;
    at_once(clients, |number, mut client| async move {
        let series = client.prepare("select generate_series(1, $1::int4)").await.unwrap();
        let transaction = client.transaction().await.unwrap();
        let portal = transaction.bind(&series, &[&(100 + number as i32)]).await.unwrap();
        let mut sizes = Vec::new();
        loop {
            let rows = transaction.query_portal(&portal, 30).await.unwrap();
            sizes.push(rows.len());
            if rows.len() < 30 {
                break;
            }
        }
        assert_eq!(sizes, [30, 30, 30, 10 + number]);
        let rows = transaction.query_raw(&series, [&50_i32]).await.unwrap();
        assert_eq!(rows.count().await, 50);
        transaction.commit().await.unwrap();
    })
    .await;
}
