//! The text against the rules of Prometheus' format, and the numbers in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;
use crate::config::PoolMode;
use crate::observe::analyst::Dropped;
use crate::observe::counters::{PoolMeter, PoolNumbers};
use crate::observe::insight::Heaviest;
use crate::observe::rejections::{Reason, Rejections};
use crate::observe::snapshot::{ClientCounts, Readiness, ServerCounts};
use crate::observe::store::groups::PoolTotals;
use crate::sql::digest::Digest;

fn pool(database: &str, meter: &PoolMeter) -> PoolView {
    PoolView {
        database: database.into(),
        user: "app".into(),
        pool_mode: PoolMode::Transaction,
        pool_size: 20,
        clients: ClientCounts { idle: 1, active: 2, waiting: 3, pinned: [1, 0, 0, 0, 0, 0, 0, 0] },
        servers: ServerCounts { idle: 4, active: 5, login: 6 },
        queued: 0,
        max_wait: Duration::from_millis(1500),
        obstacle: None,
        numbers: PoolNumbers::merge([meter]),
    }
}

fn page(pools: Vec<PoolView>) -> String {
    let rejections = Rejections::default();
    rejections.count(Reason::MaxClients);
    let starting = Snapshot::starting(Timestamp::UNIX_EPOCH, "1.2.3");
    let snapshot = Snapshot { pools, rejections: rejections.totals(), ready: Readiness::Ready, ..starting };
    let process = Process { resident_bytes: Some(1024), open_fds: Some(9), max_fds: None, cpu_seconds: Some(1.5) };
    text(Arc::new(snapshot), process, insight())
}

fn insight() -> Totals {
    let pool = |database: &str, slow| PoolTotals { database: database.into(), user: "app".into(), slow, drain: 0 };
    let heaviest =
        Heaviest { digest: Digest(0xabc), database: "shop".into(), user: "app".into(), calls: 3, seconds: 1.5 };
    Totals {
        dropped: Dropped { texts: 4, who: 9, ..Dropped::default() },
        shapes: 12,
        pools: vec![pool("other", 0), pool("shop", 2), pool("blog", 0)],
        findings: [1, 0, 0, 0, 0],
        heaviest: vec![heaviest],
    }
}

fn busy() -> PoolMeter {
    let meter = PoolMeter::default();
    [1, 2, 3, 40, 70_000].into_iter().for_each(|n| meter.queried(Duration::from_millis(n)));
    meter.waited(Duration::ZERO);
    meter.connect_failed();
    meter.transacted(Duration::from_millis(6));
    meter.client_received(100);
    meter.client_sent(200);
    meter.server_received(300);
    meter.server_sent(400);
    meter.error(*b"42P01");
    meter
}

/// A sample's name, its labels as written, its value.
fn sample(line: &str) -> (&str, &str, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) =
        series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.strip_suffix('}').unwrap()));
    (name, labels, value.parse().unwrap())
}

/// Each family: HELP, TYPE, then all its samples, whose names fit the type; no series twice.
fn families(text: &str) -> BTreeMap<&str, &str> {
    let (mut families, mut series) = (BTreeMap::new(), BTreeSet::new());
    let mut current = ("", "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, sentence) = help.split_once(' ').unwrap();
            assert!(sentence.ends_with('.'), "{line}");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(families.insert(name, kind).is_none(), "{name} twice");
            current = (name, kind);
        } else {
            let (name, labels, _) = sample(line);
            let suffixes: &[&str] = if current.1 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.iter().any(|suffix| name == format!("{}{suffix}", current.0)), "{line} in {current:?}");
            assert_eq!(current.1 == "counter", name.ends_with("_total"), "{line}");
            assert!(series.insert((name, labels)), "{line} twice");
        }
    }
    families
}

#[test]
fn the_families_of_the_contract_in_valid_text() {
    let text = page(vec![pool("shop", &busy()), pool("blog", &PoolMeter::default())]);
    let found: BTreeSet<String> = families(&text).into_iter().map(|(name, kind)| format!("{kind} {name}")).collect();
    let wanted = [
        ("gauge", "clients servers pinned pool_size pool_waiting pool_max_wait_seconds build_info"),
        ("gauge", "process_resident_memory_bytes process_open_fds process_max_fds"),
        (
            "histogram",
            "pool_wait_seconds query_seconds transaction_seconds server_connect_seconds client_login_seconds",
        ),
        (
            "counter",
            "queries_total transactions_total client_bytes_total server_bytes_total errors_total rejected_total",
        ),
        ("counter", "server_connect_failures_total"),
        ("counter", "process_cpu_seconds_total slow_queries_total findings_total insight_dropped_total"),
        ("counter", "statement_seconds_total statement_calls_total"),
        ("gauge", "insight_shapes"),
    ];
    let wanted: BTreeSet<String> = wanted
        .into_iter()
        .flat_map(|(kind, names)| names.split(' ').map(move |name| format!("{kind} pgweir_{name}")))
        .collect();
    assert_eq!(found, wanted);
    families(&page(Vec::new()));
}

#[test]
fn samples() {
    let text = page(vec![pool("shop", &busy())]);
    let check = |line: &str| assert!(text.lines().any(|l| l == line), "{line} not in\n{text}");
    let of_pool = |name: &str, more: &str, value: &str| {
        check(&format!(r#"pgweir_{name}{{database="shop",user="app"{more}}} {value}"#));
    };
    of_pool("clients", r#",state="idle""#, "1");
    of_pool("clients", r#",state="waiting""#, "3");
    of_pool("servers", r#",state="login""#, "6");
    of_pool("pool_size", "", "20");
    of_pool("pool_waiting", "", "3");
    of_pool("pool_max_wait_seconds", "", "1.5");
    of_pool("queries_total", "", "5");
    of_pool("transactions_total", "", "1");
    of_pool("server_connect_failures_total", "", "1");
    of_pool("client_bytes_total", r#",direction="in""#, "100");
    of_pool("client_bytes_total", r#",direction="out""#, "200");
    of_pool("server_bytes_total", r#",direction="in""#, "300");
    of_pool("server_bytes_total", r#",direction="out""#, "400");
    of_pool("errors_total", r#",sqlstate="42P01""#, "1");
    of_pool("query_seconds_count", "", "5");
    of_pool("query_seconds_sum", "", "70.046");
    check(r#"pgweir_query_seconds_bucket{le="0.0025",database="shop",user="app"} 2"#);
    check(r#"pgweir_query_seconds_bucket{le="60.0",database="shop",user="app"} 4"#);
    check(r#"pgweir_query_seconds_bucket{le="+Inf",database="shop",user="app"} 5"#);
    check(r#"pgweir_rejected_total{reason="max_clients"} 1"#);
    check(r#"pgweir_rejected_total{reason="login"} 0"#);
    of_pool("slow_queries_total", "", "2");
    of_pool("statement_seconds_total", r#",digest="0000000000000abc""#, "1.5");
    of_pool("statement_calls_total", r#",digest="0000000000000abc""#, "3");
    check(r#"pgweir_slow_queries_total{database="blog",user="app"} 0"#);
    check(r#"pgweir_findings_total{kind="n_plus_one"} 1"#);
    check(r#"pgweir_findings_total{kind="tree_walk"} 0"#);
    check(r#"pgweir_insight_dropped_total{what="texts"} 4"#);
    check(r#"pgweir_insight_dropped_total{what="who"} 9"#);
    check("pgweir_insight_shapes 12");
    assert!(!text.contains(r#"database="other""#), "nothing is told of nobody");
    check(r#"pgweir_build_info{version="1.2.3"} 1"#);
    check("pgweir_process_cpu_seconds_total 1.5");
    assert!(!text.contains("\npgweir_process_max_fds "), "an unlimited number has no sample");
}

#[test]
fn buckets_only_grow_up_to_the_count() {
    let text = page(vec![pool("shop", &busy())]);
    let buckets: Vec<f64> =
        text.lines().filter(|l| l.starts_with("pgweir_query_seconds_bucket")).map(|l| sample(l).2).collect();
    assert_eq!(buckets.len(), BOUNDS.len() + 1);
    assert!(buckets.is_sorted());
    assert!(BOUNDS.is_sorted());
}

#[test]
fn a_hostile_name_stays_inside_its_label() {
    let text = page(vec![pool("a\"} 1\n\\", &busy())]);
    assert!(text.contains(r#"pgweir_pool_size{database="a\"} 1\n\\",user="app"} 20"#), "{text}");
    families(&text);
}
