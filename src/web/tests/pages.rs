//! The dashboard, asked for by HTTP: the policy, what is not there, and much of everything.

use super::insight::report;
use super::*;
use crate::observe::history::POOLS_MAX;
use crate::observe::report::{Batch, NewText, Report};
use crate::observe::who::{Host, Who, WhoId};
use crate::sql::digest::{Digest, Kind, Reading};

const PAGES: [&str; 6] = ["/", "/pools", "/statements", "/slow", "/findings", "/clients"];

#[tokio::test]
async fn every_answer_has_the_policy() {
    let site = Site::open(Vec::new()).await;
    for path in PAGES.into_iter().chain(["/api/pools", "/metrics", "/addresses", "/nowhere", "/statement?digest=1"]) {
        let head = site.ask("GET", path).await.head;
        for piece in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(piece), "{path}: {piece} is not in {head}");
        }
    }
}

#[tokio::test]
async fn pages_of_what_is_not_there() {
    let site = Site::open(Vec::new()).await;
    let check = async |path: &str, status: u16, piece: &str| {
        let answer = site.ask("GET", path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains(piece), "{path}: {}", answer.body);
    };
    check("/", 200, "Nobody has asked anything yet.").await;
    check("/pools", 200, "No pool yet.").await;
    check("/statements", 200, "No statement has run yet.").await;
    check("/statements?text=x", 200, "No statement matches.").await;
    check("/slow", 200, "Nothing was slow.").await;
    check("/findings", 200, "Nothing found.").await;
    check("/clients", 200, "No client is connected.").await;
    check("/pool?database=none&user=none", 404, "Not here").await;
    check("/statement", 404, "Not here").await;
    check("/statement?digest=zzz", 404, "Not here").await;
    check("/statements?range=a+year&page=-3&sort=%3Cb%3E&limit=1&limit=2", 200, "No statement").await;
    check("/assets/0/style.css", 404, "").await;
}

#[tokio::test]
async fn assets_may_be_kept_for_ever() {
    let site = Site::open(Vec::new()).await;
    let page = site.ask("GET", "/").await.body;
    let addresses: Vec<&str> = page.split("=\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(addresses.len(), 3, "{page}");
    for address in addresses {
        let answer = site.ask("GET", &format!("/assets/{address}")).await;
        assert_eq!(answer.status, 200, "{address}");
        assert!(answer.head.contains("cache-control: public, max-age=31536000, immutable"), "{}", answer.head);
    }
}

/// An analyst that knows `shapes` statements, each with a text that tries to be HTML.
fn much(shapes: u64, epoch: Timestamp) -> Analyst {
    let whos = Arc::new(Whos::default());
    let who = |application: u64| {
        let application = format!("web-{application}");
        let [database, user, application_name] = ["shop", "app", &application].map(Arc::from);
        whos.number(Who { database, user, application_name, host: Host::Unix })
    };
    let whose: Vec<WhoId> = (0..20).map(who).collect();
    let analyst = analyst_since(whos.clone(), epoch);
    for first in (1..=shapes).step_by(500) {
        let digests = first..(first + 500).min(shapes + 1);
        let reading = |digest| Reading { digest: Digest(digest), kind: Kind::Select, ..Reading::default() };
        let sql = |digest| {
            format!(
                "select '<script>', a{digest} \"</code>\" from \"<i>t{digest}\" where {} = $1",
                "long_column_name_".repeat(12)
            )
        };
        let text =
            |digest| NewText { reading: reading(digest), text: sql(digest).into_bytes().into(), backslash: false };
        let report =
            |digest| Report { reading: reading(digest), ..report(digest, whose[digest as usize % 20], digest % 900) };
        analyst.take(&Batch {
            reports: digests.clone().map(report).collect(),
            texts: digests.map(text).collect(),
            ..Batch::default()
        });
    }
    analyst.close();
    analyst.read_texts();
    analyst
}

#[tokio::test]
async fn much_of_everything() {
    let analyst = much(10_000, Timestamp::from_second(1_795_341_600).unwrap());
    let clients = (0..5_000).map(|id| client(id, "shop", &format!("web-{}", id % 20))).collect();
    let site = Site::of(clients, &analyst).await;
    site.show(vec![pool("shop", "app")], Readiness::Ready);
    analyst.second(&site.snapshots.get());
    let more = [
        "/pool?database=shop&user=app",
        "/statement?digest=270f",
        "/statements?sort=p95&page=7",
        "/clients?page=49",
        "/statements?text=t99",
    ];
    for path in PAGES.into_iter().chain(more) {
        let answer = site.ask("GET", path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.len() < 190 << 10, "{path}: {} bytes", answer.body.len());
        assert!(!answer.body.contains("<script>") && !answer.body.contains("<i>"), "{path}");
    }
    let list = site.ask("GET", "/statements").await.body;
    assert!(list.contains("1–100 of ") && list.contains("page=1"), "it says how many there are, and where");
    let clients = site.ask("GET", "/clients?state=waiting").await.body;
    assert!(clients.contains("1–100 of 5000"), "{clients}");
}

#[tokio::test]
async fn clients_that_wait_for_a_pool_without_a_history() {
    let analyst = much(1, Timestamp::now());
    let site = Site::of(Vec::new(), &analyst).await;
    let mut pools: Vec<PoolView> = (0..=POOLS_MAX).map(|number| pool(&format!("d{number}"), "app")).collect();
    pools[POOLS_MAX].max_wait = Duration::from_secs(2);
    site.show(pools, Readiness::Ready);
    analyst.second(&site.snapshots.get());
    let wanted = format!("clients of d{POOLS_MAX}/app wait for a server for 2 s");
    for path in ["/", "/api/problems"] {
        let body = site.ask("GET", path).await.body;
        assert!(body.contains(&wanted), "{path}: {body}");
    }
}

/// A whole minute, so that it fills the steps that it lies in.
fn an_hour_before_now() -> i64 {
    (Timestamp::now().as_second() - 3_660) / 60 * 60
}

/// A minute in which thirty clients wait, then an hour in which nothing happens.
fn an_hour_ago(analyst: &Analyst) -> Snapshot {
    let (meter, begin) = (PoolMeter::default(), an_hour_before_now());
    let picture = |second: i64, waiting: usize| {
        let at = |second| Timestamp::from_second(begin + second).unwrap();
        let clients = ClientCounts { waiting, ..ClientCounts::default() };
        let servers = ServerCounts { active: if waiting > 0 { 7 } else { 0 }, ..ServerCounts::default() };
        let view = PoolView { clients, servers, numbers: PoolNumbers::merge([&meter]), ..pool("shop", "app") };
        let uptime = Duration::from_secs(second.unsigned_abs() + 1);
        Snapshot {
            pools: vec![view],
            taken_at: at(second),
            uptime,
            ready: Readiness::Ready,
            ..Snapshot::starting(at(-1), "1")
        }
    };
    for second in 0..60 {
        meter.waited(Duration::from_secs(3));
        meter.queried(Duration::from_millis(700));
        analyst.second(&picture(second, 30));
    }
    (60..3_660).for_each(|second| analyst.second(&picture(second, 0)));
    picture(3_660, 0)
}

#[tokio::test]
async fn an_hour_later_it_is_still_there() {
    // Some of them ran for longer than 200 ms.
    let analyst = much(300, Timestamp::from_second(an_hour_before_now()).unwrap());
    let (site, now) = (Site::of(Vec::new(), &analyst).await, an_hour_ago(&analyst));
    site.snapshots.set(now);
    let check = async |path: &str, piece: &str, expected: bool| {
        let body = site.ask("GET", path).await.body;
        assert_eq!(body.contains(piece), expected, "{path}: {piece}: {body}");
    };
    check("/?range=6h", "highest 30", true).await;
    check("/?range=15m", "highest 30", false).await;
    // The sentence, whatever the range is, and the way to where it can be seen.
    for range in ["", "?range=15m", "?range=6h", "?range=48h"] {
        check(&format!("/{range}"), "No problems now.", true).await;
        check(&format!("/{range}"), "pool shop/app was saturated for 60 s", true).await;
        check(&format!("/{range}"), " min ago", true).await;
        check(&format!("/{range}"), "5 % waited longer than 3.0 s", true).await;
    }
    check("/", "href=\"/pool?range=6h&amp;database=shop&amp;user=app\"", true).await;
    check("/pool?database=shop&user=app&range=6h", "p99 <b>", true).await;
    check("/api/history?range=6h", ",30.0]", true).await;
    check("/api/history?range=15m", ",30.0]", false).await;
    check("/statements?range=6h", "t2", true).await;
    check("/slow?range=6h", "t299", true).await;
    check("/slow?range=15m", "t299", false).await;
}
