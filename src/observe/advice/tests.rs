//! Pools of known load, and what they should be told.

use super::*;

/// `n` equal seconds.
fn steady(n: usize, served: f32, hold_ms: f32, waiting: f32) -> Vec<Second> {
    vec![Second { served, hold_ms, waiting }; n]
}

fn advice(seconds: &[Second], size: usize, idle_share: f32) -> Option<Advice> {
    advise(&Recorded { seconds, size, clients: usize::MAX, idle_share, statements: &[], spread: [0.0; 4] })
}

#[test]
fn verdicts() {
    #[track_caller]
    fn check(seconds: &[Second], size: usize, idle_share: f32, offered: f64, sizes: std::ops::RangeInclusive<usize>) {
        let advice = advice(seconds, size, idle_share).unwrap();
        assert!((advice.offered - offered).abs() <= offered * 0.01, "{advice:?}");
        let (told, more) = match advice.verdict {
            Verdict::Enough { smallest } => (smallest, false),
            Verdict::More { smallest, .. } => (smallest, true),
            Verdict::NotMore(_) => panic!("{advice:?}"),
        };
        assert!(sizes.contains(&told), "{advice:?}");
        assert_eq!(more, told > size, "{advice:?}");
    }
    // 100 a second of 10 ms each: one server would be busy all the time, three or four make the queue short.
    check(&steady(60, 100.0, 10.0, 0.0), 20, 0.0, 1.0, 2..=4);
    // 1,000 a second of 10 ms: ten are needed for the work, a few more against bunching.
    check(&steady(60, 1000.0, 10.0, 0.0), 20, 0.0, 10.0, 11..=16);
    check(&steady(60, 1000.0, 10.0, 0.0), 8, 0.0, 10.0, 11..=16);
    // A closed crowd: eight are served at a time, and forty always wait.
    check(&steady(60, 800.0, 10.0, 40.0), 8, 0.0, 8.0, 9..=16);
    // The busiest time is played, as far as it can be.
    let mut long = steady(300, 100.0, 10.0, 0.0);
    long.extend(steady(60, 1000.0, 10.0, 0.0));
    long.extend(steady(300, 100.0, 10.0, 0.0));
    check(&long, 20, 0.0, 10.0, 11..=16);
}

#[test]
fn more_does_not_always_help() {
    #[track_caller]
    fn check(seconds: &[Second], idle_share: f32, is_right: fn(Reason) -> bool) {
        let Verdict::NotMore(reason) = advice(seconds, 8, idle_share).unwrap().verdict else { panic!("more helps") };
        assert!(is_right(reason), "{reason:?}");
    }
    let full = steady(60, 800.0, 10.0, 40.0);
    check(&full, 0.7, |reason| matches!(reason, Reason::IdleInTransaction { share } if share > 0.69));
    let hopeless = steady(60, 90.0, 1e6, 400.0);
    check(&hopeless, 0.0, |reason| reason == Reason::Endless);
}

#[test]
fn a_statement_that_slows_down_with_company() {
    #[track_caller]
    fn check(parts: &[(f64, f64)], wanted: &str) {
        let moment = |(busy, each): &(f64, f64)| Moment { busy: *busy, calls: 10.0, query_ms: each * 10.0 };
        let moments: Vec<Moment> = parts.iter().flat_map(|part| vec![moment(part); 30]).collect();
        let seconds = steady(60, 800.0, 10.0, 40.0);
        let statements = [vec![Moment::default(); 90], moments];
        let (statements, clients) = (&statements[..], usize::MAX);
        let recorded = Recorded { seconds: &seconds, size: 8, clients, idle_share: 0.0, statements, spread: [0.0; 4] };
        let told = match advise(&recorded).unwrap().verdict {
            Verdict::NotMore(Reason::HoldsGrow { from_ms, to_ms }) => format!("{from_ms} to {to_ms} ms"),
            Verdict::More { gains: true, .. } => "gains".to_owned(),
            Verdict::More { gains: false, .. } => "not known".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(told, wanted, "{parts:?}");
    }
    check(&[], "not known");
    check(&[(4.0, 10.0), (8.0, 20.0)], "10 to 20 ms");
    check(&[(2.0, 5.0), (4.0, 10.0), (8.0, 20.0)], "10 to 20 ms");
    check(&[(4.0, 10.0), (8.0, 12.0)], "gains");
    // As many at all times.
    check(&[(8.0, 40.0), (8.0, 40.0), (8.0, 40.0)], "not known");
    check(&[(7.0, 10.0), (8.0, 40.0)], "not known");
    // Two cores: a second client gains, and what comes beyond waits.
    check(&[(1.0, 15.0), (2.0, 16.0), (20.0, 157.0)], "15.5 to 157 ms");
    check(&[(1.0, 15.0), (8.0, 62.0), (20.0, 157.0)], "62 to 157 ms");
    // However seldom it is calm, or full.
    check(&[(2.0, 16.0), (20.0, 157.0), (20.0, 157.0), (20.0, 157.0), (20.0, 157.0)], "16 to 157 ms");
    check(&[(2.0, 16.0), (2.0, 16.0), (2.0, 16.0), (2.0, 16.0), (20.0, 157.0)], "16 to 157 ms");
    // Cores enough, for more than were ever busy.
    check(&[(2.0, 10.0), (10.0, 11.0), (20.0, 13.0)], "gains");
}

#[test]
fn no_more_servers_than_clients() {
    #[track_caller]
    fn check(size: usize, clients: usize, wanted: Verdict) {
        // Those of a pool of 20 who come again as soon as they have been served.
        let seconds = steady(60, 126.0, 157.0, 20.0);
        let recorded =
            Recorded { seconds: &seconds, size, clients, idle_share: 0.0, statements: &[], spread: [0.0; 4] };
        let advice = advise(&recorded).unwrap();
        assert_eq!(advice.verdict, wanted, "{size} {clients}");
        assert!(advice.predictions.iter().all(|one| one.size < clients || one.wait_p99_ms == 0.0), "{advice:?}");
    }
    check(20, 25, Verdict::More { smallest: 25, gains: false });
    check(24, 22, Verdict::Enough { smallest: 22 });
    check(44, 26, Verdict::Enough { smallest: 26 });
}

#[test]
fn too_little_says_nothing() {
    assert_eq!(advice(&[], 20, 0.0), None);
    assert_eq!(advice(&steady(60, 0.4, 10.0, 0.0), 20, 0.0), None);
    assert_eq!(advice(&steady(60, 100.0, 10.0, 0.0), 0, 0.0), None);
}

#[test]
fn more_servers_never_wait_longer() {
    let seconds = steady(60, 1000.0, 10.0, 0.0);
    let advice = advise(&Recorded {
        seconds: &seconds,
        size: 10,
        clients: usize::MAX,
        idle_share: 0.0,
        statements: &[],
        spread: [6.0, 30.0, 80.0, 200.0],
    });
    let predictions = advice.unwrap().predictions;
    let sizes: Vec<(i32, usize)> = predictions.iter().map(|p| (p.change, p.size)).collect();
    assert_eq!(sizes, [(-25, 7), (0, 10), (25, 13), (50, 15)]);
    assert!(predictions.is_sorted_by(|one, two| one.wait_p99_ms >= two.wait_p99_ms), "{predictions:?}");
    assert!(predictions[0].wait_p99_ms > 1000.0, "seven cannot do the work of ten: {predictions:?}");
}

#[test]
fn holds_keep_their_mean_whatever_their_spread() {
    let mut chance = Chance::default();
    for spread in [[0.0; 4], [1.0, 1.0, 1.0, 1.0], [5.0, 40.0, 90.0, 400.0], [4.0, 3.0, 2.0, 1.0]] {
        let shape = Shape::of(spread);
        let mean = (0..20_000).map(|_| shape.hold(10.0, chance.next())).sum::<f64>() / 20_000.0;
        assert!((mean - 10.0).abs() < 0.5, "{spread:?}: {mean}");
    }
}

#[test]
fn first_come_first_served() {
    #[track_caller]
    fn check(servers: usize, times: &[(f64, f64)], wanted: f64) {
        let asks: Vec<Ask> = times.iter().map(|(at, hold)| Ask { at: *at, hold: *hold }).collect();
        assert_eq!(wait_p99(&asks, servers), wanted, "{servers} {times:?}");
    }
    check(1, &[], 0.0);
    check(1, &[(0.0, 10.0)], 0.0);
    check(1, &[(0.0, 10.0), (1.0, 10.0), (100.0, 1.0)], 0.0);
    let bunch: Vec<(f64, f64)> = (0..101).map(|_| (0.0, 10.0)).collect();
    check(1, &bunch, 990.0);
    check(101, &bunch, 0.0);
    check(10, &bunch, 90.0);
}
