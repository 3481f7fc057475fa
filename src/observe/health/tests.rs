//! Numbers and the sentences that they make.

use super::*;

fn pool() -> PoolHealth {
    PoolHealth { database: "app".into(), user: "orders".into(), size: 20, queries: 6_000.0, ..PoolHealth::default() }
}

fn finding(name: &str, application: &str, route: Option<&str>, wasted_an_hour_ms: f64) -> FindingHealth {
    let (name, application, route) = (name.into(), application.into(), route.map(str::to_owned));
    FindingHealth {
        id: 1,
        name,
        application,
        route,
        wasted_an_hour_ms,
        proof: "27 of 27".into(),
        subject: "SELECT x".into(),
        ..FindingHealth::default()
    }
}

fn lookup() -> StatementHealth {
    StatementHealth {
        name: "SELECT posts by slug".into(),
        calls: 900.0,
        recent: 900.0,
        mean_ms: 42.0,
        usual_ms: 42.0,
        quick_ms: 40.0,
        rows: 1.0,
        row_bytes: 80.0,
        does: Does::Reads,
        tables: vec!["posts".into()],
        equal: vec!["posts.slug".into()],
        index: Some("posts (slug)".into()),
        ..StatementHealth::default()
    }
}

#[test]
fn one_that_always_fails() {
    #[track_caller]
    fn check(code: &str, failed: f64, calls: f64, wanted: Option<&str>) {
        let (name, code) = ("SELECT gone by id".into(), code.into());
        let failing = vec![FailingHealth { name, code, failed, calls, ..FailingHealth::default() }];
        let wanted = wanted
            .map_or("No problems.".into(), |part| format!("1 problem: SELECT gone by id fails {part} of the time"));
        assert_eq!(sentence(&problems(&Vitals { failing, ..Vitals::default() }), 2), wanted);
    }
    check("42703", 15.0, 15.0, Some("100 %"));
    check("42703", 15.0, 60.0, None);
    check("42703", 3.0, 3.0, None);
    // What is there already is daily business; what nobody means to have is not.
    check("23505", 15.0, 60.0, None);
    check("40001", 15.0, 60.0, None);
    for code in ["57014", "40P01", "55P03", "53200", "XX001"] {
        check(code, 15.0, 60.0, Some("25 %"));
        check(code, 15.0, 600.0, Some("2 %"));
        check(code, 15.0, 6_000.0, None);
        check(code, 4.0, 6.0, None);
    }
}

#[test]
fn trifles_are_no_headlines() {
    #[track_caller]
    fn check(executions: u32, wasted_each_ms: f64, wasted_an_hour_ms: f64, wanted: &str) {
        let trifle = FindingHealth { executions, wasted_each_ms, ..finding("N+1", "web", None, wasted_an_hour_ms) };
        assert_eq!(sentence(&problems(&Vitals { findings: vec![trifle], ..Vitals::default() }), 2), wanted);
    }
    let told = "1 problem: N+1 in web (SELECT x)";
    check(6, 5.5, 132.0, "No problems.");
    check(27, 5.5, 132.0, told);
    check(6, 25.0, 600.0, told);
    check(6, 5.5, 40_000.0, told);
}

#[test]
fn sentences() {
    #[track_caller]
    fn check(vitals: Vitals, wanted: &str) {
        assert_eq!(sentence(&problems(&vitals), 2), wanted);
    }
    let pools = |pool| Vitals { pools: vec![pool], ..Vitals::default() };
    let full = PoolHealth { saturated_s: 360.0, wait_p95_ms: 250.0, waiting: 3, held: 20, open: 20, ..pool() };
    check(Vitals::default(), "No problems.");
    check(pools(pool()), "No problems.");
    check(pools(full.clone()), "1 problem: pool app/orders saturated for 6 min");
    check(pools(PoolHealth { saturated_s: 75.0, ..full.clone() }), "1 problem: pool app/orders saturated for 75 s");
    check(pools(PoolHealth { saturated_s: 9e3, ..full.clone() }), "1 problem: pool app/orders saturated for 2 h");
    check(pools(PoolHealth { saturated_s: 3.0, ..full.clone() }), "No problems.");
    check(pools(PoolHealth { wait_p95_ms: 4.0, ..full.clone() }), "No problems.");
    // Nobody has come to the end of its wait yet; the pool has just been filled, or cannot be.
    let stuck = PoolHealth { waiting: 11, max_wait_ms: 25e3, held: 20, ..pool() };
    check(pools(PoolHealth { saturated_s: 26.0, ..stuck.clone() }), "1 problem: pool app/orders saturated for 26 s");
    check(pools(stuck), "1 problem: clients of app/orders wait for a server for 25 s");
    let failure = Some(("23505".into(), "INSERT items".into(), "00ab".into()));
    let failing = &problems(&pools(PoolHealth { errors: 120.0, failure, ..pool() }))[0];
    assert_eq!(failing.detail, "120 of 6000 in the last minute ended in an error, most of them 23505 of INSERT items.");
    assert_eq!(failing.place, Place::Statement("00ab".into(), "app".into(), "orders".into()));
    check(
        pools(PoolHealth { errors: 129.0, queries: 78.0, ..pool() }),
        "1 problem: 100 % of the statements of app/orders fail",
    );
    let still = |ready| Vitals { ready, ..pools(PoolHealth { waiting: 6, ..pool() }) };
    check(still(Readiness::Untried("app".into())), "No problems.");
    check(still(Readiness::Paused), "1 problem: pgweir is paused");
    assert_eq!(problems(&still(Readiness::Paused))[0].detail, "Send it USR2 to go on. 6 clients wait for a server.");
    check(still(Readiness::CutOff("app 08006: refused.".into())), "1 problem: no server can be had for a database");
    let away = |reason, n| Vitals { turned_away: vec![(reason, n), (Reason::Draining, 99)], ..Vitals::default() };
    check(away(Reason::MaxClients, 8546), "1 problem: 8546 clients or statements turned away in the last minute");
    check(away(Reason::Login, 4), "No problems.");
    check(pools(PoolHealth { errors: 4.0, ..pool() }), "No problems.");
    check(pools(PoolHealth { errors: 59.0, ..pool() }), "No problems.");
    check(pools(PoolHealth { errors: 120.0, ..pool() }), "1 problem: 2 % of the statements of app/orders fail");
    let idle = PoolHealth { idle_share: 0.8, busy: 10.0, ..pool() };
    check(pools(idle.clone()), "1 problem: idle transactions hold 8 servers of app/orders");
    check(pools(PoolHealth { busy: 1.0, ..idle }), "No problems.");
    let one = finding("N+1", "web", Some("/orders"), 9e4);
    check(
        Vitals { pools: vec![full.clone()], findings: vec![one.clone()], ..Vitals::default() },
        "2 problems: pool app/orders saturated for 6 min; N+1 in web at /orders",
    );
    let read = finding("duplicate reads", "", None, 7e3);
    check(
        Vitals { findings: vec![read.clone()], ..Vitals::default() },
        "1 problem: duplicate reads in an unnamed application (SELECT x)",
    );
    let read = FindingHealth { subject: String::new(), application: "web".into(), ..read };
    check(Vitals { findings: vec![read], ..Vitals::default() }, "1 problem: duplicate reads in web");
    check(
        Vitals {
            pools: vec![full],
            findings: vec![finding("duplicate read", "", None, 8e4), one],
            statements: vec![lookup()],
            ..Vitals::default()
        },
        "4 problems: pool app/orders saturated for 6 min; N+1 in web at /orders; and 2 more",
    );
}

#[test]
fn what_keeps_a_pool_short() {
    #[track_caller]
    fn check(pool: PoolHealth, brief: &str, detail: &str) {
        let told = &problems(&Vitals { pools: vec![pool], ..Vitals::default() })[0];
        assert_eq!((&*told.brief, &*told.detail), (brief, detail));
    }
    let obstacle = Some("max_db_connections is 1, and so many are open".to_owned());
    let short = PoolHealth { held: 1, open: 1, obstacle, ..pool() };
    check(
        PoolHealth { waiting: 11, max_wait_ms: 25e3, ..short.clone() },
        "clients of app/orders wait for a server for 25 s",
        "Why: max_db_connections is 1, and so many are open. 11 clients wait for a server, and 1 of 20 servers are held; \
         the first has waited for 25.0 s. A larger pool_size would change nothing.",
    );
    // Nobody waits for long, and it goes on.
    let lasts = PoolHealth { saturated_s: 20.0, wait_p95_ms: 250.0, waiting: 3, ..short };
    check(
        lasts.clone(),
        "pool app/orders saturated for 20 s with 1 of its 20 servers",
        "Why: max_db_connections is 1, and so many are open. 3 clients wait for a server, and 1 of 20 servers are held; \
         5 % waited longer than 250 ms in the last minute. A larger pool_size would change nothing.",
    );
    // It has as many as it may have.
    check(
        PoolHealth { held: 20, open: 20, ..lasts },
        "pool app/orders saturated for 20 s",
        "Why: max_db_connections is 1, and so many are open. All 20 servers are held and 3 clients wait for one; 5 % \
         waited longer than 250 ms in the last minute.",
    );
}

#[test]
fn of_one_statement() {
    #[track_caller]
    fn check(statement: StatementHealth, wanted: Option<&str>) {
        assert_eq!(of_statement(&statement).map(|problem| problem.brief).as_deref(), wanted);
    }
    check(StatementHealth::default(), None);
    check(lookup(), Some("an index on posts.slug may be missing"));
    let takes = |ms| StatementHealth { mean_ms: ms, usual_ms: ms, quick_ms: ms, ..lookup() };
    check(takes(0.4), None);
    check(StatementHealth { lookup_ms: 20.0, ..lookup() }, None);
    check(takes(3.0), None);
    check(StatementHealth { lookup_ms: 0.2, ..takes(3.0) }, Some("an index on posts.slug may be missing"));
    // None of them has one.
    check(StatementHealth { lookup_ms: 120.0, ..takes(140.0) }, Some("an index on posts.slug may be missing"));
    // Most are quick, or the quickest: those are locks, or disks. Or somebody finds by that column quickly.
    check(StatementHealth { usual_ms: 1.0, ..lookup() }, None);
    check(StatementHealth { quick_ms: 0.5, ..lookup() }, None);
    check(StatementHealth { indexed: true, ..lookup() }, None);
    check(StatementHealth { does: Does::Locks, ..lookup() }, None);
    let joined =
        StatementHealth { indexed: true, tables: vec!["posts".into(), "users".into()], index: None, ..lookup() };
    check(joined.clone(), Some("SELECT posts by slug may lack an index"));
    let detail = |statement: StatementHealth| of_statement(&statement).unwrap().detail;
    assert!(detail(joined).ends_with("It says which of posts, users is read whole."));
    let ordered = detail(StatementHealth { ordered: true, ..lookup() });
    assert!(
        ordered.ends_with("CREATE INDEX CONCURRENTLY ON posts (slug); Put the column of its ORDER BY behind."),
        "{ordered}"
    );
    let changes = StatementHealth { does: Does::Changes, ..lookup() };
    check(changes.clone(), Some("an index on posts.slug may be missing"));
    // Several at once: each waits for the others.
    check(StatementHealth { busy: 6.8, ..changes.clone() }, Some("SELECT posts by slug waits for locks"));
    check(StatementHealth { busy: 6.8, ..lookup() }, Some("an index on posts.slug may be missing"));
    check(StatementHealth { busy: 6.8, usual_ms: 1.0, ..changes.clone() }, None);
    assert!(
        detail(changes).contains("changes 1 row by value and takes 42 ms; where it does not wait for a lock, look")
    );
    check(StatementHealth { calls: 3.0, ..lookup() }, None);
    check(StatementHealth { rows: 400.0, ..lookup() }, None);
    check(StatementHealth { aggregates: true, ..lookup() }, None);
    check(StatementHealth { equal: Vec::new(), ..lookup() }, None);
    check(StatementHealth { does: Does::Other, ..lookup() }, None);
    let wide = StatementHealth { rows: 20.0, row_bytes: 65_536.0, star: true, ..takes(1.0) };
    check(wide.clone(), Some("wide rows: SELECT posts by slug fetches 64 KiB a row"));
    check(StatementHealth { star: false, ..wide.clone() }, None);
    check(StatementHealth { row_bytes: 100.0, ..wide.clone() }, None);
    // A document is fetched whole.
    check(StatementHealth { rows: 1.0, ..wide }, None);
    let many = StatementHealth { rows: 20_000.0, share: 0.4, busy: 0.3, ..takes(30.0) };
    check(many.clone(), Some("many rows: SELECT posts by slug fetches 20000 a call"));
    check(StatementHealth { share: 0.1, ..many.clone() }, None);
    check(StatementHealth { calls: 1.0, ..many }, None);
}

#[test]
fn what_takes_most_of_the_time() {
    #[track_caller]
    fn check(statement: StatementHealth, wanted: Option<&str>) {
        assert_eq!(of_statement(&statement).map(|problem| problem.brief).as_deref(), wanted);
    }
    let detail = |statement: StatementHealth| of_statement(&statement).unwrap().detail;
    let report = StatementHealth { share: 0.72, busy: 4.5, mean_ms: 900.0, equal: Vec::new(), ..lookup() };
    check(report.clone(), Some("SELECT posts by slug takes 72 % of the time"));
    check(StatementHealth { busy: 0.05, ..report.clone() }, None);
    // Nearly all of the time is of one that takes not so long.
    let one = StatementHealth { share: 0.97, busy: 0.4, mean_ms: 30.0, ..report };
    check(one.clone(), Some("SELECT posts by slug takes 97 % of the time"));
    check(StatementHealth { mean_ms: 2.0, ..one.clone() }, None);
    // Once, or not any more.
    check(StatementHealth { calls: 1.0, mean_ms: 65e3, ..one.clone() }, None);
    check(StatementHealth { recent: 0.0, ..one.clone() }, None);
    assert!(detail(StatementHealth { hint: Some("Hint."), usual_ms: 30.0, ..one.clone() }).ends_with("with it. Hint."));
    assert!(detail(StatementHealth { usual_ms: 1.0, ..one.clone() }).contains("Most take far less"));
    let few = StatementHealth { calls: 4.0, usual_ms: 1.0, ..one.clone() };
    let long = StatementHealth { mean_ms: 65e3, usual_ms: 4_500.0, ..one.clone() };
    assert!([few, long].into_iter().all(|unknown| !detail(unknown).contains("Most take far less")));
    let waits = StatementHealth { does: Does::Locks, equal: lookup().equal, usual_ms: 30.0, ..one };
    assert!(
        detail(waits).ends_with("Or it waits for a lock: make the transactions that change the same rows shorter.")
    );
}

#[test]
fn saturation_ends_with_calm() {
    #[track_caller]
    fn check(waiting: &[f64], now: f64, wanted: f64) {
        let steps = waiting.iter().enumerate();
        let steps: Vec<Step> = steps
            .map(|(at, waiting)| Step { at: at as f64, span: 1.0, waiting: *waiting, busy: 20.0, size: 20.0 })
            .collect();
        assert_eq!(saturated_for(&steps, now), wanted, "{waiting:?}");
    }
    let times = |waiting: f64, n: usize| vec![waiting; n];
    check(&[], 0.0, 0.0);
    check(&times(0.0, 60), 60.0, 0.0);
    check(&times(3.0, 60), 60.0, 60.0);
    check(&[times(0.0, 30), times(3.0, 30)].concat(), 60.0, 30.0);
    check(&[times(3.0, 30), times(0.0, 30)].concat(), 60.0, 0.0);
    check(&[times(3.0, 30), times(0.0, 5), times(3.0, 25)].concat(), 60.0, 60.0);
    check(&[times(3.0, 30), times(0.0, 15), times(3.0, 15)].concat(), 60.0, 15.0);
    check(&times(3.0, 60), 600.0, 0.0);
    let idle: Vec<Step> =
        (0..9).map(|at| Step { at: f64::from(at), span: 1.0, waiting: 9.0, busy: 2.0, size: 20.0 }).collect();
    assert_eq!(saturated_for(&idle, 9.0), 0.0, "they wait for a Postgres that is gone, not for a server");
}

#[test]
fn what_is_over() {
    // Seconds with clients that wait for a pool of ten, or not: begin and end of each spell.
    #[track_caller]
    fn check(seconds: &str, wanted: &[(f64, f64)]) {
        let step = |(at, sign): (usize, char)| {
            let (waiting, busy) = match sign {
                'x' => (3.0, 10.0),
                'b' => (0.0, 10.0),
                _ => (0.0, 1.0),
            };
            Step { at: at as f64, span: 1.0, waiting, busy, size: 10.0 }
        };
        let steps: Vec<Step> = seconds.chars().enumerate().filter(|(_, sign)| *sign != ' ').map(step).collect();
        let got: Vec<(f64, f64)> = spells(&steps).iter().map(|spell| (spell.begin, spell.end)).collect();
        assert_eq!(got, wanted, "{seconds}");
    }
    check("", &[]);
    check("..bb..", &[]);
    check(".xxx..", &[(1.0, 4.0)]);
    check(".xxx...xx", &[(1.0, 9.0)]);
    check("x............xx", &[(0.0, 1.0), (13.0, 15.0)]);
    check("x            x", &[(0.0, 1.0), (13.0, 14.0)]);
    let told = |seconds, wait| worth_telling(&Spell { begin: 100.0, end: 100.0 + seconds }, wait);
    assert_eq!([told(60.0, 250.0), told(3.0, 250.0), told(60.0, 4.0)], [true, false, false]);
}
