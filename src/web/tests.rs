//! Real requests to a served router.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::config::{Observe, Parameters, PoolMode};
use crate::observe::analyst::Analyst;
use crate::observe::counters::{PoolMeter, PoolNumbers};
use crate::observe::pins::Pin;
use crate::observe::snapshot::{
    ClientCounts, ClientState, ClientView, PoolView, Readiness, Running, ServerCounts, Snapshot,
};
use crate::observe::who::Whos;

mod insight;
mod pages;

struct Site {
    addr: SocketAddr,
    snapshots: Arc<SnapshotCell>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Site {
    async fn open(clients: Vec<ClientView>) -> Site {
        Site::of(clients, &analyst(Arc::new(Whos::default()))).await
    }

    async fn of(clients: Vec<ClientView>, analyst: &Analyst) -> Site {
        let snapshots = Arc::new(SnapshotCell::new(Snapshot::starting(Timestamp::UNIX_EPOCH, "0.1.0")));
        let clients = ClientSource::new(move || clients.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let state = WebState { snapshots: Arc::clone(&snapshots), clients, insight: analyst.insight() };
        let serving = tokio::spawn(serve(listener, state, 64, async move { stopped.await.unwrap() }));
        Site { addr, snapshots, stop, serving }
    }

    fn show(&self, pools: Vec<PoolView>, ready: Readiness) {
        self.snapshots.set(Snapshot { pools, ready, ..Snapshot::starting(Timestamp::UNIX_EPOCH, "0.1.0") });
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_as("localhost", method, path).await
    }

    async fn ask_as(&self, host: &str, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    async fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.ask("GET", path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.head.contains("content-type: application/json"));
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn analyst(whos: Arc<Whos>) -> Analyst {
    analyst_since(whos, Timestamp::from_millisecond(1_795_341_600_000).unwrap())
}

fn analyst_since(whos: Arc<Whos>, epoch: Timestamp) -> Analyst {
    let observe = Observe { parameters: Parameters::Plain, ..Observe::default() };
    Analyst::new(whos, &observe, epoch)
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn pool(database: &str, user: &str) -> PoolView {
    let meter = PoolMeter::default();
    meter.queried(Duration::from_millis(4));
    meter.transacted(Duration::from_millis(5));
    meter.error(*b"57014");
    PoolView {
        database: database.into(),
        user: user.into(),
        pool_mode: PoolMode::Session,
        pool_size: 7,
        clients: ClientCounts { idle: 1, active: 2, waiting: 3, pinned: [1, 0, 0, 0, 0, 0, 0, 0] },
        servers: ServerCounts { idle: 4, active: 5, login: 6 },
        queued: 0,
        max_wait: Duration::ZERO,
        obstacle: None,
        numbers: PoolNumbers::merge([&meter]),
    }
}

fn client(id: u64, database: &str, application_name: &str) -> ClientView {
    ClientView {
        id,
        database: database.into(),
        user: "app".into(),
        application_name: application_name.into(),
        addr: "10.0.0.7:5000".into(),
        state: ClientState::Waiting,
        running: Running::Unknown,
        since: Timestamp::from_millisecond(1_795_341_600_120).ok(),
        running_since: None,
        pins: Pin::Temp.into(),
        connected_at: Timestamp::from_millisecond(1_795_341_600_120).unwrap(),
        queries: 8,
        transactions: 4,
        wait: Duration::from_micros(1_500),
        query: Duration::from_secs(2),
    }
}

#[tokio::test]
async fn under_the_name_of_another_nothing_is_told() {
    let site = Site::open(vec![]).await;
    for path in ["/", "/api/pools", "/metrics", "/nowhere"] {
        let answer = site.ask_as("evil.example:6433", "GET", path).await;
        assert_eq!((answer.status, answer.body.contains("by its address or as localhost")), (421, true), "{path}");
    }
    assert_eq!(site.ask_as("127.0.0.1:6433", "GET", "/api/pools").await.status, 200);
}

#[tokio::test]
async fn addresses() {
    let site = Site::open(Vec::new()).await;
    let check = async |method: &str, path: &str, status: u16, kind: &str, piece: &str| {
        let answer = site.ask(method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.head.contains(&format!("content-type: {kind}")), "{path}: {}", answer.head);
        assert!(answer.body.contains(piece), "{path}: {}", answer.body);
    };
    check("GET", "/", 200, "text/html; charset=utf-8", "href=\"/pools\"").await;
    check("GET", "/addresses", 200, "text/html; charset=utf-8", "href=\"/api/pools\"").await;
    check("GET", "/healthz", 200, "text/plain; charset=utf-8", "ok\n").await;
    check("HEAD", "/healthz", 200, "text/plain; charset=utf-8", "").await;
    check(
        "GET",
        "/metrics",
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        "pgweir_build_info{version=\"0.1.0\"} 1\n",
    )
    .await;
    check("GET", "/api/pools", 200, "application/json", "[]").await;
    check("GET", "/api/clients", 200, "application/json", "[]").await;
    for list in ["statements", "slow", "findings", "problems", "history"] {
        check("GET", &format!("/api/{list}"), 200, "application/json", "[]").await;
    }
    check("GET", "/favicon.ico", 404, "application/json", r#"{"error":""#).await;
    check("POST", "/api/pools", 405, "application/json", r#"{"error":""#).await;
}

#[tokio::test]
async fn each_address_on_the_page_exists() {
    let site = Site::open(Vec::new()).await;
    site.show(Vec::new(), Readiness::Ready);
    for link in page::ADDRESSES.split("href=\"").skip(1) {
        let path = link.split('"').next().unwrap();
        assert_eq!(site.ask("GET", path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn readiness() {
    let site = Site::open(Vec::new()).await;
    let answer = site.ask("GET", "/readyz").await;
    assert_eq!((answer.status, &*answer.body), (503, "starting\n"));
    site.show(Vec::new(), Readiness::CutOff("no server: connection refused".to_owned()));
    let answer = site.ask("GET", "/readyz").await;
    assert_eq!((answer.status, &*answer.body), (503, "no server: connection refused\n"));
    site.show(Vec::new(), Readiness::Ready);
    assert_eq!(site.ask("GET", "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_pool_as_json() {
    let site = Site::open(Vec::new()).await;
    site.show(vec![pool("shop", "app")], Readiness::Ready);
    let quantiles = |n: f64| json!({"p50": n, "p95": n, "p99": n, "max": n});
    let wanted = json!({
        "database": "shop", "user": "app", "pool_mode": "session", "pool_size": 7,
        "clients": {"idle": 1, "active": 2, "waiting": 3},
        "servers": {"idle": 4, "active": 5, "login": 6},
        "wait_ms": quantiles(0.0), "query_ms": quantiles(4.0),
        "queries": 1, "transactions": 1, "errors": 1,
    });
    let mut rows = site.rows("/api/pools").await;
    // The quantiles are within the histogram's error; the maximum is exact.
    for q in ["p50", "p95", "p99"] {
        let got = rows[0]["query_ms"][q].as_f64().unwrap();
        assert!((got - 4.0).abs() <= 0.12, "{got}");
        rows[0]["query_ms"][q] = json!(4.0);
    }
    assert_eq!(rows, [wanted]);
}

#[tokio::test]
async fn a_client_as_json() {
    let site = Site::open(vec![client(3, "shop", "web \"1\"\n")]).await;
    let wanted = json!({
        "id": 3, "database": "shop", "user": "app", "application_name": "web \"1\"\n", "addr": "10.0.0.7:5000",
        "state": "waiting", "state_since": "2026-11-22T10:00:00.120Z", "pinned": ["temp"], "connected_at": "2026-11-22T10:00:00.120Z", "queries": 8, "transactions": 4,
        "wait_ms": 1.5, "query_ms": 2000.0, "findings": [],
    });
    assert_eq!(site.rows("/api/clients").await, [wanted]);
}

#[tokio::test]
async fn filters() {
    let site = Site::open(vec![client(2, "shop", "web"), client(1, "shop", "a b"), client(3, "blog", "web")]).await;
    site.show(vec![pool("shop", "app"), pool("blog", "root"), pool("blog", "app")], Readiness::Ready);
    let check = async |path: &str, field: &str, wanted: Value| {
        let rows = site.rows(path).await;
        assert_eq!(Value::from(rows.iter().map(|row| row[field].clone()).collect::<Vec<_>>()), wanted, "{path}");
    };
    check("/api/pools", "database", json!(["blog", "blog", "shop"])).await;
    check("/api/pools?database=shop", "database", json!(["shop"])).await;
    check("/api/pools?user=app", "database", json!(["blog", "shop"])).await;
    check("/api/pools?user=app&limit=1", "database", json!(["blog"])).await;
    check("/api/pools?application_name=web", "user", json!(["app", "root", "app"])).await;
    check("/api/pools?database=nobody", "user", json!([])).await;
    check("/api/clients", "id", json!([1, 2, 3])).await;
    check("/api/clients?application_name=web", "id", json!([2, 3])).await;
    check("/api/clients?application_name=a%20b", "id", json!([1])).await;
    check("/api/clients?database=shop&user=app&application_name=web&limit=9", "id", json!([2])).await;
    check("/api/clients?database=&user=&application_name=&limit=", "id", json!([1, 2, 3])).await;
    check("/api/clients?limit=0", "id", json!([])).await;
    check("/api/clients?colour=red", "id", json!([1, 2, 3])).await;
}

#[tokio::test]
async fn a_wrong_filter_gets_a_sentence() {
    let site = Site::open(Vec::new()).await;
    let check = async |query: &str, piece: &str| {
        for path in ["/api/pools", "/api/clients"] {
            let answer = site.ask("GET", &format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
            let error: Value = serde_json::from_str(&answer.body).unwrap();
            assert!(error["error"].as_str().unwrap().contains(piece), "{query}: {error}");
        }
    };
    check("limit=many", "limit is a number of rows, 0 or more, not \"many\"").await;
    check("limit=-1", "not \"-1\"").await;
    check("limit=1.5", "not \"1.5\"").await;
    check("limit=99999999999999999999999", "limit").await;
    check("limit=1&limit=2", "limit").await;
    check("digest=xyz", "digest is up to 16 hexadecimal digits or \"all\", not \"xyz\"").await;
    check("digest=11112222333344445", "digest").await;
    check("reason=rows", "reason is \"slow\" or \"all\", not \"rows\"").await;
    check("range=1h", "range is \"15m\", \"6h\" or \"48h\", not \"1h\"").await;
    check("since=now", "since is in milliseconds since 1970, not \"now\"").await;
}

#[tokio::test]
async fn it_stops_when_told_even_with_a_connection_open() {
    let site = Site::open(Vec::new()).await;
    let _open = TcpStream::connect(site.addr).await.unwrap();
    assert_eq!(site.ask("GET", "/healthz").await.status, 200);
    site.stop.send(()).unwrap();
    site.serving.await.unwrap().unwrap();
}
