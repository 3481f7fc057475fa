//! Batches in, what is kept and shown out.

use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::*;
use crate::config::{Observe, Parameters};
use crate::observe::insight::Wanted;
use crate::observe::nanos::Nanos;
use crate::observe::report::{NewText, Note, Span};
use crate::observe::who::{Host, Who, WhoId};
use crate::sql::digest::{Kind, Reading};

const EPOCH: i64 = 1_795_341_600;

fn observe(slow_query: u64) -> Observe {
    Observe { slow_query: Duration::from_millis(slow_query), parameters: Parameters::Plain, ..Observe::default() }
}

struct Bench {
    analyst: Analyst,
    web: WhoId,
}

fn bench() -> Bench {
    let whos = Arc::new(Whos::default());
    let [database, user, application_name] = ["shop", "app", "web"].map(Arc::from);
    let host = Host::Ip([10, 0, 0, 7].into());
    let web = whos.number(Who { database, user, application_name, host });
    Bench { analyst: Analyst::new(whos, &observe(200), Timestamp::from_second(EPOCH).unwrap()), web }
}

impl Bench {
    fn report(&self, digest: u64, query: u64) -> Report {
        Report {
            reading: Reading { digest: Digest(digest), kind: Kind::Select, ..Reading::default() },
            who: self.web,
            client: 9,
            sent: Nanos::from_secs(1),
            ended: Nanos::from_secs(2),
            wait: Nanos::ZERO,
            query: Nanos::from_millis(query),
            text: Nanos::ZERO,
            drain: Nanos::ZERO,
            rows: 1,
            bytes: 10,
            sqlstate: [0; 5],
            in_transaction: true,
            unsent: false,
            piped: false,
            parameters: 0,
            values: Span::default(),
            capture: Span::default(),
            note: Span::default(),
        }
    }

    fn take(&self, reports: Vec<Report>) {
        self.analyst.take(&Batch { reports, ..Batch::default() });
    }

    fn slow(&self, all: bool) -> Vec<Arc<Slow>> {
        self.analyst.insight().slow(&Wanted::default(), all).into_iter().map(|view| view.slow).collect()
    }
}

fn text(digest: u64) -> NewText {
    let reading = Reading { digest: Digest(digest), ..Reading::default() };
    NewText { reading, text: b"select 1".as_slice().into(), backslash: false }
}

#[test]
fn what_is_slow_is_kept_with_all_that_is_known_of_it() {
    let bench = bench();
    let note = Note { addr: "10.0.0.7:5000".into(), parameters: Some([Some("7".into()), None].into()) };
    let slow = Report { note: Span { begin: 0, count: 1 }, drain: Nanos::from_millis(5), ..bench.report(1, 300) };
    let failed = Report { sqlstate: *b"23505", ..bench.report(1, 1) };
    bench.analyst.take(&Batch {
        reports: vec![bench.report(1, 2), slow, failed],
        notes: vec![note],
        ..Batch::default()
    });
    let list = bench.slow(true);
    assert_eq!(list.iter().map(|slow| slow.reasons.names()).collect::<Vec<_>>(), [["error"], ["query"]]);
    let (failed, slow) = (&list[0], &list[1]);
    assert_eq!((failed.sqlstate(), &*failed.addr, failed.parameters.is_none()), (Some("23505"), "10.0.0.7", true));
    assert_eq!((slow.sqlstate(), &*slow.addr, slow.client), (None, "10.0.0.7:5000", 9));
    assert_eq!(slow.total(), Duration::from_millis(305));
    assert_eq!(slow.time, Timestamp::from_second(EPOCH + 2).unwrap());
    assert_eq!(slow.parameters.as_deref().unwrap()[..], [Some("7".into()), None]);
    let rows = bench.analyst.insight().statements(&Wanted::default());
    assert_eq!((rows.len(), rows[0].numbers.calls, rows[0].errors().len()), (1, 3, 1));
    assert_eq!(rows[0].example().unwrap().query, Duration::from_millis(300));
    let totals = bench.analyst.insight().totals();
    assert_eq!(totals.pools.iter().map(|pool| (pool.slow, pool.drain)).collect::<Vec<_>>(), [(0, 0), (1, 5_000_000)]);
    assert_eq!((totals.heaviest.len(), totals.heaviest[0].calls), (1, 3));
}

#[test]
fn a_new_threshold_holds_from_the_next_batch() {
    let bench = bench();
    bench.take(vec![bench.report(1, 50)]);
    assert_eq!(bench.slow(false).len(), 0);
    bench.analyst.insight().reload(&observe(20));
    bench.take(vec![bench.report(1, 50)]);
    bench.analyst.insight().reload(&observe(100));
    bench.take(vec![bench.report(1, 50)]);
    assert_eq!(bench.slow(false).len(), 1);
}

#[test]
fn a_new_database_is_seen_when_a_flood_of_addresses_has_passed() {
    let bench = bench();
    let from = |host: u32, database: &str| {
        let [database, user, application_name] = [database, "app", "job 7"].map(Arc::from);
        bench.analyst.shared.whos.number(Who {
            database,
            user,
            application_name,
            host: Host::Ip(host.to_be_bytes().into()),
        })
    };
    (0..20_000).for_each(|host| _ = from(host, "shop"));
    let before = bench.analyst.insight().totals().dropped.who;
    bench.take(vec![Report { who: from(7, "blog"), ..bench.report(1, 300) }]);
    let wanted = Wanted { database: Some("blog".into()), application_name: Some("job 7".into()), ..Wanted::default() };
    let slow = bench.analyst.insight().slow(&wanted, false);
    assert_eq!((slow.len(), &*slow[0].slow.addr), (1, "other"));
    assert_eq!((before, bench.analyst.insight().totals().dropped.who), (10_001, 10_002));
}

#[test]
fn each_shape_is_read_once() {
    let bench = bench();
    let texts = vec![text(1), text(1), text(2)];
    bench.analyst.take(&Batch { texts, reports: vec![bench.report(1, 1)], ..Batch::default() });
    let insight = bench.analyst.insight();
    assert!(insight.facts(Digest(1)).is_none(), "nobody has read it yet");
    bench.analyst.close();
    bench.analyst.read_texts();
    let known = [1, 2, 3].map(|digest| insight.facts(Digest(digest)).is_some());
    assert_eq!(known, [true, true, false]);
    assert_eq!((insight.totals().shapes, insight.totals().dropped), (2, Dropped::default()));
    assert_eq!(insight.forgotten(), 0);
}

#[test]
fn too_many_texts_are_dropped_counted_and_asked_for_again() {
    let bench = bench();
    bench.analyst.take(&Batch { texts: (1..=5_000).map(text).collect(), dropped: 3, ..Batch::default() });
    let insight = bench.analyst.insight();
    let dropped = insight.totals().dropped;
    assert_eq!((dropped.reports, dropped.texts > 0), (3, true));
    assert_eq!(insight.forgotten(), 1, "workers should tell them again");
    bench.analyst.close();
    bench.analyst.read_texts();
    assert!(insight.facts(Digest(5_000)).is_none());
    bench.analyst.take(&Batch { texts: vec![text(5_000)], ..Batch::default() });
    bench.analyst.read_texts();
    assert!(insight.facts(Digest(5_000)).is_some());
}

#[test]
fn texts_alone_fill_nothing() {
    let bench = bench();
    for begin in 0..30 {
        let texts = (begin * 1_000..(begin + 1) * 1_000).map(text).collect();
        bench.analyst.take(&Batch { texts, ..Batch::default() });
    }
    let totals = bench.analyst.insight().totals();
    assert!(totals.shapes <= crate::observe::shapes::SHAPES_MAX, "{}", totals.shapes);
    assert!(bench.analyst.insight().forgotten() > 0);
}

#[test]
fn clients_that_are_not_told_apart() {
    let bench = bench();
    bench.take(vec![Report { who: WhoId(0), ..bench.report(1, 300) }]);
    let rows = bench.analyst.insight().statements(&Wanted::default());
    assert_eq!((&*rows[0].database, &*rows[0].user), ("other", "other"));
    assert_eq!(&*bench.slow(false)[0].addr, "");
}

/// Notes the fields of each event.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Subscriber for &'static Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0 += &format!("{}={} ", field.name(), String::from_utf8_lossy(value));
    }
}

#[test]
fn the_line_of_a_slow_one() {
    let (ear, bench): (&'static Ear, Bench) = (Box::leak(Box::default()), bench());
    let note = Note { addr: "10.0.0.7:5000".into(), parameters: Some([Some("it's".into()), None].into()) };
    let slow = Report { note: Span { begin: 0, count: 1 }, sqlstate: *b"57014", ..bench.report(0xa1, 300) };
    let failed = Report { sqlstate: *b"23505", ..bench.report(0xa1, 1) };
    let batch = Batch { reports: vec![slow, failed], notes: vec![note], ..Batch::default() };
    tracing::subscriber::with_default(ear, || bench.analyst.take(&batch));
    let wanted = concat!(
        r#"event="slow_query" reason=["query","error"] time=2026-11-22T10:00:02.000Z digest=00000000000000a1 "#,
        r#"sql="00000000000000a1" database="shop" user="app" client.id=9 client.addr="10.0.0.7:5000" client.application_name="web" "#,
        r#"wait_ms=0.0 query_ms=300.0 drain_ms=0.0 total_ms=300.0 rows=1 bytes=10 sqlstate="57014" in_transaction=true "#,
        r#"parameters=["it's",null] tags={} "#,
    );
    assert_eq!(*ear.0.lock().unwrap(), [wanted], "what was not slow has no line");
}

#[test]
fn times_are_those_of_the_clock_as_it_was_set() {
    let (bench, second) = (bench(), |at: i64| Timestamp::from_second(at).unwrap());
    let moment = Nanos::from_secs(20);
    bench.analyst.look_at_clock(Nanos::from_secs(10), second(EPOCH + 11));
    assert_eq!(bench.analyst.insight().time(moment.0), second(EPOCH + 20));
    bench.analyst.look_at_clock(Nanos::from_secs(10), second(EPOCH + 10 - 3_600));
    assert_eq!(bench.analyst.insight().time(moment.0), second(EPOCH + 20 - 3_600));
}
