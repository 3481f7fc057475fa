//! What the analyst keeps, asked for by HTTP.

use std::net::{IpAddr, Ipv4Addr};

use super::super::findings::Finding;
use super::*;
use crate::observe::finding::{self, Bar, FindingKind, Manner};
use crate::observe::insight::FindingView;
use crate::observe::nanos::Nanos;
use crate::observe::report::{Batch, NewText, Note, Report, Span};
use crate::observe::who::{Host, Who, WhoId};
use crate::sql::digest::{Digest, Kind, Reading};
use crate::sql::facts::Facts;

const HOST: Host = Host::Ip(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7)));

/// A site whose analyst knows three statements of two databases.
async fn site() -> (Site, Analyst) {
    let whos = Arc::new(Whos::default());
    let number = |database: &str, application: &str| {
        let [database, user, application_name] = [database, "app", application].map(Arc::from);
        whos.number(Who { database, user, application_name, host: HOST })
    };
    let (web, job, blog) = (number("shop", "web"), number("shop", "job"), number("blog", "web"));
    let analyst = analyst(whos.clone());
    let note = Note { addr: "10.0.0.7:5000".into(), parameters: Some([Some("7".into()), None].into()) };
    let reading = Reading { digest: Digest(0xa1), kind: Kind::Select, ..Reading::default() };
    analyst.take(&Batch {
        reports: vec![
            report(0xa1, web, 8),
            Report { note: Span { begin: 0, count: 1 }, ..report(0xa1, job, 292) },
            Report { wait: Nanos::from_millis(250), ..report(0xb2, blog, 100) },
            Report { sqlstate: *b"23505", ..report(0xc3, web, 1) },
        ],
        notes: vec![note],
        texts: vec![NewText { reading, text: b"select $1".as_slice().into(), backslash: false }],
        ..Batch::default()
    });
    analyst.close();
    analyst.read_texts();
    (Site::of(vec![client(1, "shop", "web")], &analyst).await, analyst)
}

pub(super) fn report(digest: u64, who: WhoId, query: u64) -> Report {
    let none = Span::default();
    Report {
        reading: Reading { digest: Digest(digest), kind: Kind::Select, ..Reading::default() },
        who,
        client: 9,
        sent: Nanos::ZERO,
        ended: Nanos::from_millis(120),
        wait: Nanos::ZERO,
        query: Nanos::from_millis(query),
        text: Nanos::ZERO,
        drain: Nanos::from_millis(3),
        rows: 2,
        bytes: 100,
        sqlstate: [0; 5],
        in_transaction: true,
        unsent: false,
        piped: false,
        parameters: 0,
        values: none,
        capture: none,
        note: none,
    }
}

#[tokio::test]
async fn a_statement_as_json() {
    let (site, _analyst) = site().await;
    let mut rows = site.rows("/api/statements?database=shop&limit=1").await;
    for (times, quantile, wanted) in [("query_ms", "p50", 8.0), ("query_ms", "p95", 292.0), ("query_ms", "p99", 292.0)]
    {
        let got = rows[0][times][quantile].as_f64().unwrap();
        assert!((got - wanted).abs() <= 0.03 * wanted, "{got} {wanted}");
        rows[0][times][quantile] = json!(wanted);
    }
    rows[0]["sql"].take();
    let zeros = json!({"mean": 0.0, "p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0});
    let wanted = json!({
        "digest": "00000000000000a1", "sql": null, "kind": "select", "tables": [],
        "database": "shop", "user": "app", "applications": ["job", "web"],
        "calls": 2, "errors": 0, "errors_by_sqlstate": {}, "rows": 4, "bytes": 200,
        "total_ms": 300.0, "wait_total_ms": 0.0, "share": 0.996678,
        "query_ms": {"mean": 150.0, "p50": 8.0, "p95": 292.0, "p99": 292.0, "max": 292.0}, "wait_ms": zeros,
        "first_seen": "2026-11-22T10:00:00.120Z", "last_seen": "2026-11-22T10:00:00.120Z",
        "example": {"time": "2026-11-22T10:00:00.120Z", "query_ms": 292.0, "parameters": ["7", null]},
    });
    assert_eq!(rows, [wanted]);
}

#[tokio::test]
async fn a_slow_one_as_json() {
    let (site, _analyst) = site().await;
    let mut rows = site.rows("/api/slow?application_name=job").await;
    rows[0]["sql"].take();
    let wanted = json!({
        "time": "2026-11-22T10:00:00.120Z", "reason": ["query"], "digest": "00000000000000a1", "sql": null,
        "database": "shop", "user": "app",
        "client": {"id": 9, "addr": "10.0.0.7:5000", "application_name": "job"},
        "wait_ms": 0.0, "query_ms": 292.0, "drain_ms": 3.0, "total_ms": 295.0, "rows": 2, "bytes": 100,
        "sqlstate": null, "in_transaction": true, "parameters": ["7", null], "tags": {},
    });
    assert_eq!(rows, [wanted]);
}

#[tokio::test]
async fn rows_that_are_wanted() {
    let (site, _analyst) = site().await;
    let check = async |path: &str, wanted: &[u64]| {
        let digests: Vec<Value> = site.rows(path).await.iter().map(|row| row["digest"].clone()).collect();
        assert_eq!(digests, wanted.iter().map(|digest| json!(format!("{digest:016x}"))).collect::<Vec<_>>(), "{path}");
    };
    check("/api/statements", &[0xa1, 0xb2, 0xc3]).await;
    check("/api/statements?application_name=web", &[0xb2, 0xa1, 0xc3]).await;
    check("/api/statements?digest=b2", &[0xb2]).await;
    check("/api/statements?digest=all&limit=2", &[0xa1, 0xb2]).await;
    check("/api/statements?user=nobody", &[]).await;
    check("/api/slow", &[0xb2, 0xa1]).await;
    check("/api/slow?reason=slow&limit=1", &[0xb2]).await;
    check("/api/slow?reason=all", &[0xc3, 0xb2, 0xa1]).await;
    check("/api/slow?reason=all&database=shop", &[0xc3, 0xa1]).await;
    check("/api/slow?digest=a1", &[0xa1]).await;
}

#[tokio::test]
async fn history_as_json() {
    let (site, analyst) = site().await;
    let at = |second: i64| Timestamp::from_second(1_795_341_600 + second).unwrap();
    let picture = |second| Snapshot {
        pools: vec![pool("shop", "app")],
        taken_at: at(second),
        uptime: Duration::from_secs(second.unsigned_abs() + 1),
        ..Snapshot::starting(at(-1), "0.1.0")
    };
    (0..3).for_each(|second| analyst.second(&picture(second)));
    let series = site.rows("/api/history").await;
    let get = |name: &str| series.iter().find(|series| series["name"] == name).unwrap();
    let wanted = json!({
        "name": "queries_per_second", "labels": {"database": "shop", "user": "app"}, "step_ms": 1000,
        "points": [[1_795_341_600_000_u64, 1.0], [1_795_341_601_000_u64, 0.0], [1_795_341_602_000_u64, 0.0]],
    });
    assert_eq!(*get("queries_per_second"), wanted);
    let names: Vec<&str> = series.iter().map(|series| series["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.len() == 27, "{names:?}");
    let first = |name: &str| get(name)["points"][0][1].as_f64().unwrap();
    assert_eq!(["clients_waiting", "servers_idle", "pool_size_max"].map(first), [3.0, 4.0, 7.0]);
    assert_eq!((first("query_ms_max"), first("drain_ms_per_second")), (4.0, 9.0));
    let check = async |path: &str, count: usize, points: usize, step: u64| {
        let series = site.rows(path).await;
        assert_eq!(series.len(), count, "{path}");
        let shapes = series.iter().map(|series| (series["points"].as_array().unwrap().len(), &series["step_ms"]));
        shapes.for_each(|shape| assert_eq!(shape, (points, &json!(step)), "{path}"));
    };
    check("/api/history?range=6h", 27, 1, 10_000).await;
    check("/api/history?range=48h&limit=5", 5, 1, 60_000).await;
    check("/api/history?since=1795341601000", 27, 2, 1_000).await;
    check("/api/history?database=blog", 0, 0, 0).await;
    check("/api/history?digest=a1", 3, 1, 1_000).await;
    check("/api/history?digest=all&database=shop", 6, 1, 1_000).await;
    check("/api/history?digest=ff", 0, 0, 0).await;
    let series = site.rows("/api/history?digest=a1&range=48h").await;
    let calls = json!([[1_795_341_600_000_u64, 0.667]]);
    assert_eq!((&series[0]["name"], &series[0]["points"]), (&json!("statement_calls_per_second"), &calls), "2 in 3 s");
}

#[tokio::test]
async fn metrics_name_no_sql() {
    let (site, _analyst) = site().await;
    let text = site.ask("GET", "/metrics").await.body;
    let check = |line: &str| assert!(text.lines().any(|l| l == line), "{line} not in\n{text}");
    check(r#"pgweir_statement_calls_total{database="shop",user="app",digest="00000000000000a1"} 2"#);
    check(r#"pgweir_statement_seconds_total{database="shop",user="app",digest="00000000000000a1"} 0.3"#);
    check(r#"pgweir_slow_queries_total{database="blog",user="app"} 1"#);
    check("pgweir_insight_shapes 3");
    assert!(!text.contains("select"));
}

#[test]
fn a_finding_as_json() {
    let (ms, at) = (Duration::from_millis, |ms: i64| Timestamp::from_millisecond(1_795_341_600_000 + ms).unwrap());
    let [database, user, application_name] = ["shop", "app", "web"].map(Arc::from);
    let bar = Bar { digest: Digest(0xb2), begin: ms(3), wait: ms(0), query: ms(1) };
    let finding = finding::Finding {
        id: 4,
        kind: FindingKind::NPlusOne,
        who: WhoId(1),
        parent: Some(finding::Parent { digest: Digest(0xa1), rows: 27, column: Some("authors.id".to_owned()) }),
        children: vec![Digest(0xb2)],
        siblings: vec![Digest(0xc3)],
        executions: 27,
        distinct_parameters: 26,
        occurrences: 3,
        wasted_each: ms(20),
        wasted: ms(60),
        wasted_an_hour: ms(600),
        proof: "27 of 27".to_owned(),
        fix: "JOIN".to_owned(),
        manner: Manner::Sequential,
        route: Some("/authors".to_owned()),
        waterfall: vec![bar],
        first_seen: at(0),
        last_seen: at(120),
        resolved_at: None,
    };
    let facts = |sql: &str| Some(Arc::new(Facts { sql: sql.to_owned(), ..Facts::default() }));
    let view = FindingView {
        finding,
        who: Some(Arc::new(Who { database, user, application_name, host: HOST })),
        parent: facts("SELECT a"),
        children: vec![facts("SELECT b")],
    };
    let wanted = json!({
        "id": 4, "kind": "n_plus_one", "database": "shop", "user": "app", "application_name": "web", "host": "10.0.0.7",
        "route": "/authors",
        "parent": {"digest": "00000000000000a1", "sql": "SELECT a", "rows": 27, "column": "authors.id"},
        "children": [{"digest": "00000000000000b2", "sql": "SELECT b"}],
        "siblings": ["00000000000000c3"],
        "executions": 27, "distinct_parameters": 26, "occurrences": 3,
        "wasted_ms": 60.0, "wasted_each_ms": 20.0, "wasted_an_hour_ms": 600.0, "manner": "sequential",
        "proof": "27 of 27", "fix": "JOIN",
        "waterfall": [{"digest": "00000000000000b2", "begin_ms": 3.0, "wait_ms": 0.0, "query_ms": 1.0}],
        "first_seen": "2026-11-22T10:00:00.000Z", "last_seen": "2026-11-22T10:00:00.120Z", "resolved_at": null,
    });
    assert_eq!(serde_json::to_value(Finding::from(&view)).unwrap(), wanted);
}
