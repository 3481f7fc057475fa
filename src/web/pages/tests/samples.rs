//! What pages could show on a bad day, for tests, and for looking at: `PGWEIR_PAGES=directory cargo test --lib pages::tests::samples` writes
//! them there, with what they load. `sql` stands for the statements' texts.

use std::f64::consts::TAU;

use jiff::{SignedDuration, Timestamp};

use crate::observe::advice::{Advice, Prediction, Verdict};
use crate::observe::finding::FindingKind;
use crate::observe::health::{Place, Problem, Severity, Suspicion};
use crate::observe::snapshot::ClientState;
use crate::web::pages::ask::Ask;
use crate::web::pages::chart::{Axis, Band, Run, Series};
use crate::web::pages::clients::{ClientRow, Clients, Crowd};
use crate::web::pages::findings::{FindingView, Findings};
use crate::web::pages::frame::Choices;
use crate::web::pages::overview::{Earlier, Number, Overview};
use crate::web::pages::parts::{SlowRow, Sql, Times};
use crate::web::pages::pool::PoolView;
use crate::web::pages::pools::{PoolRow, State};
use crate::web::pages::slow::SlowPage;
use crate::web::pages::statement::{Caller, StatementView};
use crate::web::pages::statements::{Badge, StatementRow, Statements};
use crate::web::pages::*;

const NOW: i64 = 1_795_341_600;
const AXIS: Axis = Axis { begin: NOW as u32 - 900, step: 5, count: 180 };

pub(super) const REAL: [&str; 6] = [
    "SELECT o.id, o.total_cents, o.created_at FROM orders AS o WHERE o.customer_id = $1 ORDER BY o.created_at DESC LIMIT $2",
    "SELECT i.id, i.order_id, i.product_id, i.quantity FROM items AS i WHERE i.order_id = $1",
    "SELECT * FROM posts WHERE slug = $1",
    "SELECT date_trunc($1, o.created_at) AS day, sum(o.total_cents) FROM orders AS o JOIN customers AS c ON c.id = \
     o.customer_id WHERE c.country = $2 AND o.created_at BETWEEN $3 AND $4 GROUP BY day ORDER BY day",
    "UPDATE inventory SET stock = stock - $1 WHERE product_id = $2 AND stock >= $1 RETURNING stock",
    "INSERT INTO events (id, kind, payload, created_at) VALUES ($1, $2, $3, $4)",
];

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn before(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn ask() -> Ask {
    Ask::default()
}

fn statement_text(sql: &[&str], n: usize) -> Sql {
    Sql {
        digest: format!("{:016x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1)),
        text: sql[n % sql.len()].to_owned(),
        database: "app".to_owned(),
        user: "orders".to_owned(),
    }
}

/// A curve with a hill in its second half.
fn curve(low: f64, high: f64) -> Vec<Option<f64>> {
    let value = |slot: usize| {
        let x = slot as f64 / 180.0;
        let hill = (-((x - 0.72) * 9.0).powi(2)).exp();
        low + (high - low) * hill + low * 0.25 * (x * TAU * 7.0).sin() * (x * TAU * 2.3).cos()
    };
    (0..180).map(|slot| (!(40..46).contains(&slot)).then(|| value(slot).max(0.0))).collect()
}

fn series(name: &'static str, class: &'static str, low: f64, high: f64) -> Series {
    Series { name, class, values: curve(low, high) }
}

fn trend(low: f64, high: f64) -> Vec<f64> {
    curve(low, high).chunks(6).map(|part| part.iter().flatten().copied().fold(0.0, f64::max)).collect()
}

fn time() -> Vec<Series> {
    vec![
        series("query", "s-query", 3.4, 8.0),
        series("wait", "s-wait", 0.05, 21.0),
        series("idle in transaction", "s-idle", 0.6, 3.1),
        series("drain", "s-drain", 0.2, 0.3),
    ]
}

fn problems(sql: &[&str]) -> Vec<Problem> {
    let problem = |severity, brief: &str, detail: &str, place| Problem {
        severity,
        brief: brief.to_owned(),
        detail: detail.to_owned(),
        place,
        weight: 1.0,
    };
    let Sql { digest, database, user, .. } = statement_text(sql, 2);
    vec![
        problem(
            Severity::Bad,
            "pool app/orders saturated for 6 min",
            "All 20 servers are held and 34 clients wait for one; 5 % waited longer than 412 ms in the last minute. The \
             pool's page says who holds them and whether more would help.",
            Place::Pool("app".into(), "orders".into()),
        ),
        problem(
            Severity::Warning,
            "N+1 in web at /orders",
            "27 of 27 parameters were orders.id values returned by the parent, in order",
            Place::Finding(7),
        ),
        problem(
            Severity::Warning,
            "an index on posts.slug may be missing",
            "SELECT posts by slug returns 1 row by value and takes 42 ms: look at its plan with EXPLAIN.",
            Place::Statement(digest, database, user),
        ),
    ]
}

fn numbers() -> Vec<Number> {
    let number = |name, value: &str, beside: &str, high: f64, is_bad| Number {
        name,
        value: value.to_owned(),
        beside: format!("highest {beside}"),
        href: "/statements".to_owned(),
        trend: trend(high / 4.0, high),
        is_bad,
    };
    vec![
        number("Queries/s", "1843", "2310", 40.0, false),
        number("p95 query", "8.2 ms", "31 ms", 30.0, false),
        number("p95 wait", "412 ms", "640 ms", 600.0, true),
        number("Waiting now", "34", "61", 60.0, true),
        number("Servers busy", "24 of 30", "24", 20.0, false),
    ]
}

fn slow_row(sql: &[&str], n: usize) -> SlowRow {
    let times = [
        Times { wait: 612.0, query: 41.0, drain: 0.2 },
        Times { wait: 0.4, query: 910.0, drain: 14.0 },
        Times { wait: 388.0, query: 122.0, drain: 0.1 },
        Times { wait: 0.2, query: 205.0, drain: 731.0 },
    ];
    SlowRow {
        at: before(3 + 11 * n as i64),
        sql: statement_text(sql, n),
        times: times[n % 4],
        rows: [1, 184_223, 27, 50_000][n % 4],
        bytes: [212, 9_120_433, 4_310, 48_000_000][n % 4],
        sqlstate: (n % 7 == 5).then(|| "57014".to_owned()),
        application: ["web", "report", "web", "export"][n % 4].to_owned(),
        addr: format!("10.0.3.{}:{}", 10 + n % 9, 41_000 + n * 37),
        reasons: if n % 4 == 3 { vec!["rows".to_owned(), "bytes".to_owned()] } else { Vec::new() },
        in_transaction: n.is_multiple_of(3),
        parameters: None,
        route: n.is_multiple_of(2).then(|| "/orders".to_owned()),
    }
}

fn pool_row(database: &str, user: &str, state: State) -> PoolRow {
    let is_full = state == State::Saturated;
    PoolRow {
        database: database.to_owned(),
        user: user.to_owned(),
        mode: "transaction",
        state,
        servers: if is_full { [20, 0, 0] } else { [4, 5, 1] },
        busy_most: if is_full { 20.0 } else { 9.0 },
        size: if is_full { 20 } else { 10 },
        clients: if is_full { [20, 34, 412] } else { [4, 0, 96] },
        waiting_most: if is_full { 61.0 } else { 2.0 },
        wait_ms: if is_full { [188.0, 412.0, 640.0, 1210.0] } else { [0.0, 0.04, 0.9, 4.1] },
        query_p95_ms: 8.2,
        queries: if is_full { 1620.0 } else { 223.0 },
        errors: if is_full { 0.4 } else { 0.0 },
        trend: if is_full { trend(1.0, 412.0) } else { trend(0.1, 0.9) },
    }
}

fn statement_row(sql: &[&str], n: usize) -> StatementRow {
    let share = 0.46 / (n as f64 + 1.0).powf(1.35);
    let badges = match n {
        1 => vec![Badge::Finding(7, "N+1")],
        2 => vec![Badge::Suspicion(Suspicion::MissingIndex), Badge::Suspicion(Suspicion::WideRows)],
        _ => Vec::new(),
    };
    let base = [6.1, 0.31, 42.0, 640.0, 1.2, 0.4][n % 6];
    StatementRow {
        sql: statement_text(sql, n),
        share: (n < 120).then_some(share),
        rate: 900.0 * share,
        calls: (4_000_000.0 * share) as u64,
        query_ms: [base * 0.4, base, base * 2.2],
        wait_p95_ms: [412.0, 380.0, 401.0][n % 3],
        rows: [20.0, 3.2, 1.0, 31.0, 1.0, 1.0][n % 6],
        bytes: [2_400.0, 180.0, 71_000.0, 1_900.0, 12.0, 0.0][n % 6],
        errors: if n % 6 == 4 { 118 } else { 0 },
        badges,
        trend: trend(base * 0.7, base * 1.6),
    }
}

fn finding(sql: &[&str], resolved: bool) -> FindingView {
    let runs = (0..28).map(|n| Run {
        name: statement_text(sql, usize::from(n > 0)).text,
        is_parent: n == 0,
        begin_ms: if n == 0 { 0.0 } else { 4.0 + f64::from(n) * 1.15 },
        wait_ms: if n % 6 == 3 { 0.5 } else { 0.0 },
        query_ms: if n == 0 { 3.1 } else { 0.42 },
    });
    FindingView {
        id: if resolved { 3 } else { 7 },
        kind: if resolved { FindingKind::DuplicateRead } else { FindingKind::NPlusOne },
        database: "app".into(),
        user: "orders".into(),
        application: "web".into(),
        route: Some("/orders".into()),
        parent: (!resolved).then(|| (statement_text(sql, 0), 27, Some("orders.id".into()))),
        children: vec![statement_text(sql, 1)],
        executions: 27,
        distinct: 27,
        manner: "sequential",
        occurrences: 1_822,
        wasted_ms: [24.1, 172_000.0, 43_900.0],
        proof: "27 of 27 parameters were orders.id values returned by the parent, in order".into(),
        fix: format!("{}\n\n-- one statement instead of 27: … WHERE i.order_id = ANY($1)", sql[1]),
        waterfall: if resolved { Vec::new() } else { runs.collect() },
        seen: [before(5_400), before(if resolved { 2_700 } else { 2 })],
        resolved: resolved.then(|| before(2_400)),
    }
}

fn client(n: usize) -> ClientRow {
    let state = [ClientState::Waiting, ClientState::Active, ClientState::Idle][(n / 4).min(2)];
    ClientRow {
        running: if n == 0 { "UPDATE accounts by id".to_owned() } else { String::new() },
        id: 1_000 + n as u64,
        addr: format!("10.0.3.{}:{}", 10 + n % 9, 41_000 + n * 37),
        application: ["web", "worker", "report", ""][n % 4].to_owned(),
        database: "app".into(),
        user: "orders".into(),
        state,
        since_ms: (n < 8).then_some(412.0 / (n as f64 + 1.0)),
        ties: if n % 9 == 5 { vec!["temp", "listen"] } else { Vec::new() },
        age_s: 40.0 + 311.0 * n as f64,
        queries: 40_112 / (n as u64 + 1),
        transactions: 9_912 / (n as u64 + 1),
        wait_ms: 81_212.0 / (n as f64 + 1.0),
        query_ms: 41_212.0,
        findings: usize::from(n.is_multiple_of(4)),
    }
}

fn choices() -> Choices {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Choices {
        databases: owned(&["app", "blog"]),
        users: owned(&["orders", "reader"]),
        applications: owned(&["", "export", "report", "web", "worker"]),
    }
}

fn advice() -> Advice {
    let prediction = |(change, size, wait_p99_ms): (i32, usize, f64)| Prediction { change, size, wait_p99_ms };
    Advice {
        arrivals: 1_612.0,
        hold_ms: 12.6,
        offered: 20.3,
        stretch: 12,
        verdict: Verdict::More { smallest: 26, gains: true },
        predictions: [(-25, 15, 31_000.0), (0, 20, 870.0), (25, 25, 6.2), (50, 30, 0.4)].map(prediction).to_vec(),
    }
}

fn bands() -> Vec<Band> {
    let names = ["> 2 s", "0.5–2 s", "0.1–0.5 s", "20–100 ms", "5–20 ms", "1–5 ms", "< 1 ms"];
    let hill = curve(0.0, 1.0);
    let count = |row: usize, slot: usize| {
        let level = hill[slot].unwrap_or(0.0) * 5.2;
        let near = (-((6 - row) as f64 - level).powi(2) / 1.4).exp();
        if near < 0.02 || hill[slot].is_none() { 0.0 } else { (near * 800.0).round() }
    };
    let band = |(row, name): (usize, &str)| Band {
        name: name.to_owned(),
        counts: (0..180).map(|slot| count(row, slot)).collect(),
    };
    names.into_iter().enumerate().map(band).collect()
}

fn pool_view() -> PoolView {
    PoolView {
        row: pool_row("app", "orders", State::Saturated),
        axis: AXIS,
        bands: bands(),
        use_of: vec![series("servers busy", "s-query", 9.0, 19.0), series("clients waiting", "s-wait", 0.2, 34.0)],
        waits: vec![
            series("p50", "s-p50", 0.1, 188.0),
            series("p95", "s-p95", 2.0, 412.0),
            series("p99", "s-p99", 6.0, 640.0),
        ],
        time: time(),
        advice: Some(advice()),
        kept_short: None,
        held_up: Some("UPDATE stock by id".to_owned()),
        waiting: (0..4).map(client).collect(),
        holding: (4..8).map(client).collect(),
    }
}

fn statement_view(sql: &[&str]) -> StatementView {
    let counts = [0, 0, 12, 190, 2_203, 9_811, 18_201, 7_100, 1_204, 311, 88, 12, 3, 1, 0, 0];
    let names =
        ["50 µs", "0.1", "0.2", "0.5", "1 ms", "2", "5", "10", "20", "50", "0.1 s", "0.2", "0.5", "1 s", "5 s", "more"];
    StatementView {
        row: statement_row(sql, 2),
        axis: AXIS,
        times: vec![series("mean", "s-p50", 18.0, 31.0), series("p95", "s-p95", 40.0, 66.0)],
        rate: vec![series("calls/s", "s-query", 31.0, 44.0)],
        bands: bands(),
        bars: names.iter().map(|name| (*name).to_owned()).zip(counts).collect(),
        split: Times { wait: 31.0, query: 18.5, drain: 0.0 },
        applications: vec![
            Caller { application: "web".into(), calls: 31_822, mean_ms: 18.2 },
            Caller { application: String::new(), calls: 211, mean_ms: 51.0 },
        ],
        errors: vec![("57014".into(), 7)],
        problem: problems(sql).pop(),
        findings: vec![finding(sql, false)],
        slow: (0..3).map(|n| slow_row(sql, n)).collect(),
        seen: [before(9_000), before(0)],
        tables: vec!["posts".into()],
        now: now(),
    }
}

fn overview_view(sql: &[&str]) -> Overview {
    Overview {
        problems: problems(sql),
        earlier: vec![Earlier {
            at: before(7_300),
            brief: "pool app/reader was saturated for 4 min, the longest of 3 times".to_owned(),
            detail: "5 % waited longer than 2.1 s".to_owned(),
            href: "/pool?range=6h&database=app&user=reader".to_owned(),
        }],
        numbers: numbers(),
        axis: AXIS,
        time: time(),
        slow: (0..6).map(|n| slow_row(sql, n)).collect(),
        has_traffic: true,
        now: now(),
    }
}

fn empty_overview() -> Overview {
    Overview {
        problems: Vec::new(),
        earlier: Vec::new(),
        numbers: Vec::new(),
        axis: AXIS,
        time: Vec::new(),
        slow: Vec::new(),
        has_traffic: false,
        now: now(),
    }
}

fn many_clients() -> Clients {
    let crowd = |(application, counts): (&str, [usize; 3])| Crowd {
        application: application.into(),
        database: "app".into(),
        user: "orders".into(),
        counts,
        findings: usize::from(application == "web"),
    };
    Clients {
        rows: (0..100).map(client).collect(),
        all: 5_000,
        crowds: [("web", [14, 31, 2_900]), ("worker", [4, 3, 1_200]), ("", [0, 0, 848])].map(crowd).to_vec(),
        choices: choices(),
    }
}

/// Every page, under the name of its file.
pub(super) fn all(sql: &[&str]) -> Vec<(&'static str, String)> {
    let ask = ask();
    let framed = |name: &'static str, tab: Tab, path: &'static str, body: Markup| {
        let frame = Frame {
            tab,
            path,
            title: name,
            ask: &ask,
            version: "0.1.0",
            now: now(),
            started: before(9_400),
            not_ready: None,
        };
        (name, document(&frame, &body))
    };
    let rows = |sql: &[&str]| (0..100).map(|n| statement_row(sql, n)).collect();
    let statements = Statements { rows: rows(sql), all: 9_990, choices: choices(), is_of_range: true };
    let slow =
        SlowPage { rows: (0..100).map(|n| slow_row(sql, n)).collect(), all: 2_000, choices: choices(), now: now() };
    let findings = Findings {
        open: vec![finding(sql, false)],
        resolved: vec![finding(sql, true)],
        more: 0,
        choices: choices(),
        now: now(),
    };
    let pools = [
        pool_row("app", "orders", State::Saturated),
        pool_row("app", "reader", State::Flowing),
        pool_row("blog", "reader", State::Idle),
    ];
    vec![
        framed("overview", Tab::Overview, "/", overview::page(&overview_view(sql), &ask)),
        framed("empty", Tab::Overview, "/", overview::page(&empty_overview(), &ask)),
        framed("pools", Tab::Pools, "/pools", pools::page(&pools, &ask)),
        framed("pool", Tab::Pools, "/pool", pool::page(&pool_view(), &ask)),
        framed("statements", Tab::Statements, "/statements", statements::page(&statements, &ask)),
        framed("statement", Tab::Statements, "/statement", statement::page(&statement_view(sql), &ask)),
        framed("slow", Tab::Slow, "/slow", slow::page(&slow, &ask)),
        framed("findings", Tab::Findings, "/findings", findings::page(&findings, &ask)),
        framed("clients", Tab::Clients, "/clients", clients::page(&many_clients(), &ask)),
    ]
}

#[test]
fn write_them() {
    let Ok(directory) = std::env::var("PGWEIR_PAGES") else { return };
    let directory = std::path::Path::new(&directory);
    for asset in [assets::STYLE, assets::SCRIPT, assets::ICON] {
        let path = directory.join(asset.address().trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, asset.text).unwrap();
    }
    for (name, html) in all(&REAL) {
        std::fs::write(directory.join(format!("{name}.html")), html).unwrap();
    }
}
