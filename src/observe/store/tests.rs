//! No call is lost, whatever is folded; bounds hold under a million shapes; the slow ring's order.

use std::sync::Arc;

use jiff::Timestamp;

use super::groups::Group;
use super::slow::{BYTES, PARAMETERS_BYTES_MAX, ROWS, Reasons, SLOW_MAX, Slow, SlowRing, cut_parameters};
use super::statement::{OTHER_STATES, SQLSTATES_MAX};
use super::*;
use crate::observe::insight::Wanted;
use crate::observe::nanos::Nanos;
use crate::observe::report::Span;
use crate::observe::shapes::{FACTS_BYTES_MAX, SHAPES_MAX};
use crate::observe::who::{Host, Who};
use crate::sql::digest::{Kind, Reading};
use crate::sql::facts::Facts;

fn report(digest: u64, who: WhoId, at: u64) -> Report {
    let none = Span::default();
    Report {
        reading: Reading { digest: Digest(digest), kind: Kind::Select, ..Reading::default() },
        who,
        client: 1,
        sent: Nanos::ZERO,
        ended: Nanos::from_micros(at),
        wait: Nanos::ZERO,
        query: Nanos::from_micros(1 + at % 1_000),
        text: Nanos::ZERO,
        drain: Nanos(2),
        rows: 1,
        bytes: 10,
        sqlstate: [0; 5],
        in_transaction: false,
        unsent: false,
        piped: false,
        parameters: 0,
        values: none,
        capture: none,
        note: none,
    }
}

fn who(application: &str) -> Who {
    Who { database: "d".into(), user: "u".into(), application_name: application.into(), host: Host::Unix }
}

#[derive(Default)]
struct Bench {
    store: Store,
    whos: Whos,
    shapes: Shapes,
    heavy: Heavy,
}

impl Bench {
    fn see(&mut self, report: &Report) {
        let beside = &mut Beside { whos: &self.whos, shapes: &mut self.shapes, heavy: &mut self.heavy };
        self.store.see(report, beside);
    }

    /// Calls and chunks counted anew.
    #[track_caller]
    fn check(&self, calls: u64) {
        let all = || self.store.statements.values();
        assert_eq!(all().map(|statement| statement.calls).sum::<u64>(), calls, "calls");
        assert_eq!(all().map(Statement::chunks).sum::<usize>(), self.store.chunks, "chunks");
        assert!(self.store.len() <= STATEMENTS_MAX && self.shapes.len() <= SHAPES_MAX, "entries");
        assert!(self.shapes.bytes() <= FACTS_BYTES_MAX + 64 * 1024, "bytes of facts");
        for key in self.store.statements.keys().filter(|key| key.digest != OTHER) {
            assert!(self.shapes.contains(key.digest), "{key:?} has no shape");
        }
    }
}

#[test]
fn a_million_shapes_lose_no_call() {
    let mut bench = Bench::default();
    let web = bench.whos.number(who("web"));
    for n in 1..=1_000_000 {
        bench.see(&report(n, web, n));
    }
    bench.check(1_000_000);
    let rows = bench.store.rows(&bench.shapes, &Wanted::default());
    let other = rows.iter().find(|row| row.digest == OTHER).unwrap();
    assert_eq!(other.numbers.calls, bench.store.folded());
    assert!(other.numbers.calls > 980_000);
    assert_eq!((other.numbers.rows, other.numbers.bytes), (other.numbers.calls, other.numbers.calls * 10));
    assert!((rows.iter().map(|row| row.share).sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn a_statement_that_is_used_stays() {
    let mut bench = Bench::default();
    let web = bench.whos.number(who("web"));
    for n in 1..=100_000 {
        bench.see(&report(n, web, n));
        if n % 100 == 0 {
            bench.see(&report(7, web, n));
        }
    }
    bench.check(101_000);
    let wanted = Wanted { digest: Some(Digest(7)), ..Wanted::default() };
    assert_eq!(bench.store.rows(&bench.shapes, &wanted)[0].numbers.calls, 1_001);
}

#[test]
fn too_many_applications_of_few_shapes() {
    let mut bench = Bench::default();
    let applications: Vec<WhoId> = (0..5_000).map(|n| bench.whos.number(who(&format!("job {n}")))).collect();
    let mut calls = 0;
    for shape in 1..=20 {
        for application in &applications {
            calls += 1;
            bench.see(&report(shape, *application, calls));
        }
    }
    bench.check(calls);
    assert_eq!(bench.shapes.len(), 20, "no shape had to go");
}

#[test]
fn wide_histograms_have_a_bound_of_their_own() {
    let mut bench = Bench::default();
    let web = bench.whos.number(who("web"));
    let mut calls = 0;
    for shape in 1..=5_000 {
        for power in 10..36 {
            calls += 1;
            let nanos = Nanos(1 << power);
            bench.see(&Report { query: nanos, wait: nanos, ..report(shape, web, calls) });
        }
    }
    bench.check(calls);
    assert!(bench.store.chunks() <= CHUNKS_MAX + 2 * crate::observe::sparse::CHUNKS_MAX);
}

#[test]
fn what_is_known_of_shapes_has_a_bound_in_bytes() {
    let mut bench = Bench::default();
    let web = bench.whos.number(who("web"));
    for n in 1..=5_000 {
        bench.see(&report(n, web, n));
        bench.shapes.learn(Digest(n), Facts { sql: "x".repeat(8_000), ..Facts::default() });
        bench.store.make_room(&mut bench.shapes);
    }
    bench.check(5_000);
}

#[test]
fn rows() {
    let mut bench = Bench::default();
    let [web, job] = ["web", "job"].map(|name| bench.whos.number(who(name)));
    let ms = Nanos::from_millis;
    for (digest, who, query) in [(1, web, 10), (1, job, 20), (2, web, 70)] {
        bench.see(&Report { query: ms(query), wait: ms(1), ..report(digest, who, query) });
    }
    let check = |wanted: Wanted, expected: &[(u64, u64, &str, f64)]| {
        let rows = bench.store.rows(&bench.shapes, &wanted);
        let got = rows.iter().map(|row| (row.digest.0, row.numbers.calls, row.applications.join(","), row.share));
        let expected =
            expected.iter().map(|(digest, calls, names, share)| (*digest, *calls, (*names).to_owned(), *share));
        assert_eq!(got.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{wanted:?}");
    };
    let any = Wanted::default;
    check(any(), &[(2, 1, "web", 0.7), (1, 2, "job,web", 0.3)]);
    check(Wanted { limit: 1, ..any() }, &[(2, 1, "web", 0.7)]);
    check(Wanted { application_name: Some("job".into()), ..any() }, &[(1, 1, "job", 1.0)]);
    check(Wanted { digest: Some(Digest(1)), ..any() }, &[(1, 2, "job,web", 1.0)]);
    check(Wanted { database: Some("d".into()), user: Some("v".into()), ..any() }, &[]);
}

#[test]
fn a_part_of_the_rows_by_rank() {
    let mut bench = Bench::default();
    let (web, job) = (bench.whos.number(who("web")), bench.whos.number(who("job")));
    // Digest n runs n times in one application, and the third also ten times in another.
    let runs = (1..=5).map(|digest| (digest, web, digest)).chain([(3, job, 10)]);
    runs.for_each(|(digest, who, times)| (0..times).for_each(|at| bench.see(&report(digest, who, at))));
    #[track_caller]
    fn check(bench: &Bench, part: std::ops::Range<usize>, rank: impl Fn(u64, u64) -> Option<u64>, wanted: &[u64]) {
        let rank = |one: &view::Choice<'_>| rank(one.digest.0, one.numbers.calls);
        let (rows, all) = bench.store.ranked(&bench.shapes, &Wanted::default(), rank, part);
        let digests: Vec<u64> = rows.iter().map(|row| row.digest.0).collect();
        assert_eq!((&digests[..], all), (&wanted[1..], wanted[0] as usize));
    }
    check(&bench, 0..9, |_, calls| Some(calls), &[5, 3, 5, 4, 2, 1]);
    check(&bench, 1..3, |_, calls| Some(calls), &[5, 5, 4]);
    check(&bench, 4..9, |_, calls| Some(calls), &[5, 1]);
    check(&bench, 9..99, |_, calls| Some(calls), &[5]);
    check(&bench, 0..9, |digest, _| (digest != 4).then_some(digest), &[4, 5, 3, 2, 1]);
    check(&bench, 0..9, |_, _| Some(0), &[5, 1, 2, 3, 4, 5]);
    let (rows, _) = bench.store.ranked(&bench.shapes, &Wanted::default(), |one| Some(one.numbers.calls), 0..1);
    assert_eq!((rows[0].numbers.calls, rows[0].applications.len()), (13, 2));
}

#[test]
fn errors_by_sqlstate_are_few() {
    let mut statement = Statement::new(NO_SLOT);
    let state = |n: u8| [b'2', b'3', b'0', b'0' + n / 10, b'0' + n % 10];
    for n in (0..40).chain(0..40) {
        statement.count(&Report { sqlstate: state(n), ..report(1, WhoId(0), 1) }, 1);
    }
    assert_eq!(statement.errors.len(), SQLSTATES_MAX);
    let count = |wanted| statement.errors.iter().find(|(state, _)| *state == wanted).map(|(_, count)| *count);
    assert_eq!((count(state(0)), count(OTHER_STATES)), (Some(2), Some(2 * (40 - SQLSTATES_MAX as u64 + 1))));
}

#[test]
fn why_an_execution_is_kept() {
    let ms = Nanos::from_millis;
    let check = |change: &dyn Fn(&mut Report), names: &[&str], is_slow: bool| {
        let mut report = report(1, WhoId(0), 1);
        change(&mut report);
        let reasons = Reasons::of(&report, ms(200));
        assert_eq!(
            (reasons.names(), reasons.is_slow(), reasons.is_empty()),
            (names.to_vec(), is_slow, names.is_empty())
        );
    };
    check(&|_| {}, &[], false);
    check(&|report| report.query = ms(200), &[], false);
    check(&|report| report.query = ms(201), &["query"], true);
    check(&|report| report.wait = ms(201), &["wait"], true);
    check(&|report| (report.query, report.wait) = (ms(300), ms(300)), &["query", "wait"], true);
    check(&|report| report.drain = ms(9_000), &[], false);
    check(&|report| report.sqlstate = *b"23505", &["error"], false);
    check(&|report| report.rows = ROWS, &["rows"], false);
    check(&|report| (report.rows, report.bytes) = (ROWS - 1, BYTES), &["bytes"], false);
}

fn slow(query: u64, sqlstate: [u8; 5], database: &str) -> Slow {
    let report = Report { query: Nanos::from_millis(query), sqlstate, ..report(1, WhoId(0), 1) };
    let group = Group { database: database.into(), user: "u".into(), application: "web".into(), pool: 0 };
    Slow {
        number: 0,
        time: Timestamp::UNIX_EPOCH,
        reasons: Reasons::of(&report, Nanos::from_millis(200)),
        digest: report.reading.digest,
        facts: None,
        group,
        client: 1,
        addr: "h".into(),
        wait: report.wait.into(),
        query: report.query.into(),
        text: None,
        drain: report.drain.into(),
        rows: 0,
        bytes: 0,
        sqlstate,
        in_transaction: false,
        parameters: None,
        tags: Box::default(),
    }
}

#[test]
fn the_newest_slow_ones_first() {
    let mut ring = SlowRing::default();
    ring.keep(slow(300, [0; 5], "a"));
    ring.keep(slow(1, *b"23505", "a"));
    ring.keep(slow(301, [0; 5], "b"));
    ring.keep(slow(302, *b"57014", "a"));
    let check = |wanted: Wanted, all: bool, numbers: &[u64]| {
        let got: Vec<u64> = ring.list(&wanted, all).iter().map(|entry| entry.number).collect();
        assert_eq!(got, numbers, "{wanted:?} {all}");
    };
    check(Wanted::default(), false, &[3, 2, 0]);
    check(Wanted::default(), true, &[3, 2, 1, 0]);
    check(Wanted { limit: 2, ..Wanted::default() }, true, &[3, 2]);
    check(Wanted { database: Some("a".into()), ..Wanted::default() }, false, &[3, 0]);
    check(Wanted { digest: Some(Digest(2)), ..Wanted::default() }, true, &[]);
}

#[test]
fn a_flood_of_errors_leaves_the_slow_ones() {
    let mut ring = SlowRing::default();
    (0..10).for_each(|_| drop(ring.keep(slow(300, [0; 5], "a"))));
    (0..10_000).for_each(|_| drop(ring.keep(slow(1, *b"23505", "a"))));
    assert_eq!(ring.list(&Wanted::default(), false).len(), 10);
    assert_eq!(ring.list(&Wanted::default(), true).len(), 10 + SLOW_MAX);
    (0..10_000).for_each(|_| drop(ring.keep(slow(300, [0; 5], "a"))));
    let list = ring.list(&Wanted::default(), false);
    assert_eq!((list.len(), list[0].number, list[SLOW_MAX - 1].number), (SLOW_MAX, 20_009, 20_010 - SLOW_MAX as u64));
}

#[test]
fn values_are_cut() {
    let check = |values: &[Option<&str>], kept: usize, longest: usize| {
        let values: Vec<Option<Box<str>>> = values.iter().map(|value| value.map(Box::from)).collect();
        let cut = cut_parameters(&values);
        let lengths = cut.iter().flatten().map(|value| value.len());
        assert_eq!((cut.len(), lengths.max().unwrap_or_default()), (kept, longest));
    };
    check(&[], 0, 0);
    check(&[Some("7"), None], 2, 1);
    let long = "ä".repeat(PARAMETERS_BYTES_MAX);
    check(&[Some(&long), Some("7")], 1, PARAMETERS_BYTES_MAX - 16 + '…'.len_utf8());
    check(&[None; 500], PARAMETERS_BYTES_MAX / 16, 0);
}

#[test]
fn the_history_is_given_to_the_heaviest() {
    let mut bench = Bench::default();
    let web = bench.whos.number(who("web"));
    let slots = crate::observe::history::heavy::SLOTS_MAX as u64;
    for n in 1..=slots + 50 {
        bench.see(&Report { query: Nanos::from_micros(5), ..report(n, web, n) });
    }
    let heavy = slots + 50;
    bench.see(&Report { query: Nanos::from_secs(5), ..report(heavy, web, heavy) });
    let pool = bench.store.pool_of(web, &bench.whos);
    assert_eq!(bench.heavy.find(Digest(heavy), pool), NO_SLOT, "all places were taken");
    bench.store.choose(&mut bench.heavy);
    assert_ne!(bench.heavy.find(Digest(heavy), pool), NO_SLOT);
    assert_eq!(bench.heavy.slots().len() as u64, slots);
    for key in bench.store.statements.keys() {
        let slot = bench.store.statements[key].slot;
        assert_eq!(slot, bench.heavy.find(key.digest, pool));
        assert!(slot == NO_SLOT || bench.heavy.slots()[usize::from(slot)].digest == key.digest);
    }
}

#[test]
fn an_entry_is_as_big_as_is_stated() {
    let entry = size_of::<(Key, Statement)>();
    assert!(entry <= 330, "{entry}");
    let _: Arc<str> = "".into();
}

#[test]
fn what_one_execution_returns_of_late() {
    let mut statement = Statement::new(NO_SLOT);
    let mut run = |rows: u64, times: usize| {
        let report = Report { rows, bytes: rows * 10, ..report(1, WhoId::default(), 1) };
        for _ in 0..times {
            statement.count(&report, 1);
        }
        statement.lately.map(f32::round)
    };
    assert_eq!(run(4, 1), [4.0, 40.0]);
    assert_eq!(run(6, 1), [5.0, 50.0]);
    assert_eq!(run(5, 20_000), [5.0, 50.0]);
    let [rows, bytes] = run(30_000, 200);
    assert!(rows > 28_000.0 && bytes > 280_000.0, "{rows} {bytes}");
    let (mut all, other) = (Statement { calls: 30, lately: [1.0, 8.0], ..Statement::new(NO_SLOT) }, statement);
    all.merge(&Statement { calls: 10, lately: [5.0, 16.0], ..other });
    assert_eq!(all.lately, [2.0, 10.0]);
}
