//! The clean load: `clean URL dense|sparse STATEMENTS CONNECTIONS SEED`. Requests of many users that have nothing to do with
//! each other, over connections that they share; in none of them is a loop. What it must yield is: no finding.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod chance;
mod site;

use std::cell::Cell;
use std::time::Instant;

use futures_util::future::join_all;
use tokio_postgres::{Config, NoTls};

use chance::Chance;
use site::{Ids, Site, Visitor};

/// What it calls itself; all connections are one application.
const APPLICATION: &str = "clean";

/// Visitors for each connection: so many that hardly anybody comes twice before others have changed something.
const VISITORS: usize = 100;

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [url, ids, statements, connections, seed] = &given[..] else {
        panic!("clean URL dense|sparse STATEMENTS CONNECTIONS SEED")
    };
    let ids = if ids == "dense" { Ids::Dense } else { Ids::Sparse };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (statements, connections) = (statements.parse().unwrap(), connections.parse().unwrap());
    runtime.block_on(load(url, ids, statements, connections, seed.parse().unwrap()));
}

/// Half of the connections are each lent for a request at a time, the other half for a statement at a time.
async fn load(url: &str, ids: Ids, statements: usize, connections: usize, seed: u64) {
    let begin = Instant::now();
    let left = Cell::new(statements as i64);
    let half = (connections / 2).max(1);
    let (mut held, mut shared) = (Vec::new(), Vec::new());
    for number in 0..connections {
        let list = if number < half { &mut held } else { &mut shared };
        list.push(connect(url).await);
    }
    let alone = held.iter().enumerate().map(|(number, client)| {
        serve(Site::new(std::slice::from_ref(client), ids, &left), VISITORS, Chance::new(seed + number as u64))
    });
    let together = (0..half)
        .map(|number| serve(Site::new(&shared, ids, &left), VISITORS, Chance::new(seed + 1000 + number as u64)));
    tokio::join!(join_all(alone), join_all(together));
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{statements} statements, {connections} connections, {seconds:.0} s, {:.0}/s",
        statements as f64 / seconds
    );
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let mut config: Config = url.parse().unwrap();
    config.application_name(APPLICATION);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Requests of visitors, whoever comes next, until all statements are spent.
async fn serve(site: Site<'_>, visitors: usize, mut chance: Chance) {
    let mut visitors: Vec<Visitor> = (0..visitors).map(|_| Visitor::new(&mut chance)).collect();
    while site.open() {
        let visitor = chance.below(visitors.len());
        site.request(&mut visitors[visitor], &mut chance).await;
    }
}
