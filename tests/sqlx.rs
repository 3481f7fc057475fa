//! sqlx through pgweir to a real Postgres, TLS and SCRAM on both sides: a pool of twenty-four over two servers, statements
//! prepared and not, streams, transactions with savepoints, COPY, errors, its ping before each loan.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{Connection, Executor, PgConnection, Row, query, query_scalar};
use tokio::task::JoinSet;

use support::pgweir::{self, Pgweir};
use support::postgres::{self, Postgres};

/// Clients of one application, far more than there are servers.
const CLIENTS: u32 = 24;

/// pgweir with two servers for one role of a Postgres, and a full pool of sqlx before it.
struct Scene {
    pool: PgPool,
    options: PgConnectOptions,
    postgres: Arc<Postgres>,
    role: &'static str,
    _pgweir: Pgweir,
}

impl Scene {
    async fn new(role: &'static str) -> Scene {
        let postgres = postgres::shared();
        postgres.role(role);
        let pgweir = pgweir::start(&toml(&postgres, role), &[]);
        let options = PgConnectOptions::new_without_pgpass()
            .host("localhost")
            .port(pgweir.addr.port())
            .username(role)
            .password("secret")
            .database("app")
            .ssl_mode(PgSslMode::VerifyFull)
            .ssl_root_cert(&postgres.pair.cert);
        let pool = PgPoolOptions::new().min_connections(CLIENTS).max_connections(CLIENTS);
        let pool = pool.connect_with(options.clone()).await.unwrap();
        Scene { pool, options, postgres, role, _pgweir: pgweir }
    }

    /// Runs something for each client of the pool, all connected before the first begins.
    async fn at_once<F: Future<Output = ()> + Send + 'static>(&self, run: impl Fn(i64, PgPool) -> F) {
        let mut held = Vec::new();
        for _ in 0..CLIENTS {
            held.push(self.pool.acquire().await.unwrap());
        }
        drop(held);
        let mut running = JoinSet::new();
        for number in 0..i64::from(CLIENTS) {
            running.spawn(run(number, self.pool.clone()));
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
    }

    /// What every test ends with: never more than two servers.
    fn check_servers(&self) {
        let sessions = self.postgres.sessions(self.role);
        assert!((1..=2).contains(&sessions), "{sessions} servers");
    }
}

fn toml(postgres: &Postgres, role: &str) -> String {
    let (cert, key, port) = (postgres.pair.cert.display(), postgres.pair.key.display(), postgres.port);
    let verifier = postgres::verifier();
    format!(
        "[pool]\npool_size = 2\n\
         [tls.client]\nmode = \"require\"\ncert_file = \"{cert}\"\nkey_file = \"{key}\"\n\
         [tls.server]\nmode = \"verify-full\"\nca_file = \"{cert}\"\n\
         [users.{role}]\npassword = \"{verifier}\"\n\
         [databases.app]\nhost = \"127.0.0.1\"\nport = {port}\n"
    )
}

#[tokio::test]
async fn statements_of_many_clients() {
    let scene = Scene::new("sqlx_many").await;
    scene
        .at_once(|number, pool| async move {
            let mut client = pool.acquire().await.unwrap();
            let own = format!("select $1::int8 + {number}");
            for round in 0..20_i64 {
                let doubled: i64 =
                    query_scalar("select $1::int8 * 2").bind(round).fetch_one(&mut *client).await.unwrap();
                let added: i64 = query_scalar(&own).bind(round).fetch_one(&mut *client).await.unwrap();
                let once = query_scalar("select $1::int8 - 1").bind(round).persistent(false);
                let less: i64 = once.fetch_one(&mut *client).await.unwrap();
                let simple = client.fetch_all("select 7 as a; select 8 as a").await.unwrap();
                assert_eq!((doubled, added, less, simple.len()), (round * 2, round + number, round - 1, 2));
            }
        })
        .await;
    scene.check_servers();
}

#[tokio::test]
async fn more_statements_than_the_client_keeps() {
    let scene = Scene::new("sqlx_cache").await;
    let options = scene.options.clone().statement_cache_capacity(5);
    let mut client = PgConnection::connect_with(&options).await.unwrap();
    for round in 0..3_i64 {
        for number in 0..30_i64 {
            let sql = format!("select $1::int8 + {number}");
            let sum: i64 = query_scalar(&sql).bind(round).fetch_one(&mut client).await.unwrap();
            assert_eq!(sum, round + number);
        }
    }
    client.clear_cached_statements().await.unwrap();
    assert_eq!(query_scalar::<_, i64>("select 1::int8").fetch_one(&mut client).await.unwrap(), 1);
    client.close().await.unwrap();
    scene.check_servers();
}

#[tokio::test]
async fn transactions_with_savepoints() {
    let scene = Scene::new("sqlx_tx").await;
    scene.pool.execute("create table accounts (owner int8, amount int8)").await.unwrap();
    scene
        .at_once(|number, pool| async move {
            let insert = "insert into accounts values ($1, $2)";
            for round in 0..5 {
                let mut outer = pool.begin().await.unwrap();
                query(insert).bind(number).bind(1_i64).execute(&mut *outer).await.unwrap();
                let mut nested = outer.begin().await.unwrap();
                query(insert).bind(number).bind(1000_i64).execute(&mut *nested).await.unwrap();
                let failed = query("select 1 / $1::int8").bind(0_i64).execute(&mut *nested).await.unwrap_err();
                assert_eq!(failed.into_database_error().unwrap().code().unwrap(), "22012");
                nested.rollback().await.unwrap();
                match round % 2 {
                    0 => outer.commit().await.unwrap(),
                    // Dropped, and rolled back by sqlx before its next use.
                    _ => drop(outer),
                }
            }
        })
        .await;
    assert_eq!(scene.postgres.sql("select sum(amount) from sqlx_tx.accounts"), (CLIENTS * 3).to_string());
    scene.check_servers();
}

#[tokio::test]
async fn streams_read_to_their_end_and_left_early() {
    let scene = Scene::new("sqlx_stream").await;
    scene
        .at_once(|number, pool| async move {
            let sql = "select x + $1 as x from generate_series(1::int8, 1000) x";
            let all: Vec<_> = query_scalar::<_, i64>(sql).bind(number).fetch(&pool).try_collect().await.unwrap();
            assert_eq!(all, (number + 1..=number + 1000).collect::<Vec<_>>());
            let first = query(sql).bind(number).fetch(&pool).try_next().await.unwrap().unwrap();
            assert_eq!(first.get::<i64, _>("x"), number + 1);
            assert_eq!(query_scalar::<_, i64>("select $1::int8").bind(number).fetch_one(&pool).await.unwrap(), number);
        })
        .await;
    scene.check_servers();
}

#[tokio::test]
async fn copy_both_ways() {
    let scene = Scene::new("sqlx_copy").await;
    scene.pool.execute("create table lines (owner int8, number int4)").await.unwrap();
    scene
        .at_once(|number, pool| async move {
            let mut client = pool.acquire().await.unwrap();
            let mut copy = client.copy_in_raw("copy lines from stdin").await.unwrap();
            let text = (0..500).map(|line| format!("{number}\t{line}\n")).collect::<String>();
            copy.send(text.as_bytes()).await.unwrap();
            assert_eq!(copy.finish().await.unwrap(), 500);
            let own = format!("copy (select * from lines where owner = {number} order by number) to stdout");
            let out: Vec<_> = client.copy_out_raw(&own).await.unwrap().try_collect().await.unwrap();
            assert_eq!(out.concat(), text.as_bytes());
        })
        .await;
    scene.check_servers();
}

#[tokio::test]
async fn errors_and_servers_that_die() {
    let scene = Scene::new("sqlx_errors").await;
    for _ in 0..3 {
        let code = |error: sqlx::Error| error.into_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code(scene.pool.execute("selekt").await.unwrap_err()), "42601");
        assert_eq!(code(query("select * from nowhere").execute(&scene.pool).await.unwrap_err()), "42P01");
        scene
            .postgres
            .sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'sqlx_errors'");
        assert_eq!(query_scalar::<_, i64>("select $1::int8").bind(5_i64).fetch_one(&scene.pool).await.unwrap(), 5);
    }
    scene.check_servers();
}
