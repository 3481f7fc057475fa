//! When a pattern becomes a finding, when it is logged, when it is over.

use super::*;
use crate::observe::nanos::Nanos;
use crate::observe::repeats::Reference;

/// What is found and logged after each of several times of the same traffic.
#[track_caller]
fn each(traffic: &str, expected: &[(usize, usize)]) {
    let mut world = World::new(5);
    for (time, expected) in expected.iter().enumerate() {
        world.run(traffic);
        world.pause(3000);
        let found = world.repeats.findings().filter(|finding| PROVED.contains(&finding.kind.as_str())).count();
        let logged = world.repeats.take_alerts().len();
        assert_eq!((found, logged), *expected, "{traffic}, time {time}");
    }
}

#[test]
fn a_finding_after_two_or_one_that_is_long() {
    each("P:authors(id) 1..25 / C:books.author_id 1..25", &[(1, 0), (1, 0), (1, 1), (1, 0), (1, 0)]);
    each("P:authors(id) 1..5 / C:books.author_id 1..5", &[(0, 0), (1, 0), (1, 0), (1, 0)]);
    each("R:kv.k k1..k30", &[(0, 0); 5]);
}

#[test]
fn logged_once_an_hour() {
    let mut world = World::new(5);
    let mut logged = Vec::new();
    for minute in 0..130 {
        world.run("P:authors(id) 1..25 / C:books.author_id 1..25");
        world.pause(60_000);
        logged.extend(world.repeats.take_alerts().iter().map(|_| minute));
    }
    assert_eq!(logged, [2, 62, 122]);
}

#[test]
fn applications_are_told_apart_and_their_addresses_are_not() {
    let mut world = World::new(5);
    for who in [11, 12, 21] {
        world.who = crate::observe::who::WhoId(who);
        world.run("P:authors(id) 1..25 / C:books.author_id 1..25 / +3000");
    }
    let mut times: Vec<u64> = world.repeats.findings().map(|finding| finding.occurrences).collect();
    times.sort_unstable();
    assert_eq!((times, world.repeats.totals()), (vec![1, 2], [3, 0, 0, 0, 0]));
}

#[test]
fn connections_of_hosts_that_are_not_told_apart_are_not_one_program() {
    for (who, wanted) in [(11, 1), (10_000, 1), (10_001, 0), (0, 0)] {
        let mut world = World::new(5);
        world.who = crate::observe::who::WhoId(who);
        world.run("P:authors(id) 1..25 / C@5:books.author_id 1..25 / +3000");
        assert_eq!(world.repeats.findings().count(), wanted, "{who}");
    }
}

#[test]
fn over_when_its_parent_runs_without_it() {
    let mut world = World::new(5);
    world.run("P:authors(id) 1..25 / C:books.author_id 1..25 / +3000");
    let resolved = |world: &World| only(world).resolved_at.is_some();
    for _ in 0..250 {
        world.run("P:authors(id) 1..25 / +3000");
    }
    assert!(!resolved(&world));
    world.now += Nanos::from_secs(24 * 3600);
    world.run("P:authors(id) 1..25 / +3000");
    assert!(resolved(&world));
    world.run("P:authors(id) 1..25 / C:books.author_id 1..25 / +3000");
    assert!(!resolved(&world));
}

#[test]
fn rows_that_nobody_looked_at_are_asked_for() {
    let mut world = World::new(5);
    world.run("P:authors(id);unseen 1..25 / C:books.author_id 1 2");
    assert!(world.repeats.take_rearm().is_empty());
    world.run("C:books.author_id 3");
    assert_eq!(world.repeats.take_rearm().len(), 1);
    // What may be one of several connections says so too, but they are looked at already.
    world.run("C:books.author_id 4..25 / +3000");
    assert_eq!((world.repeats.take_rearm().len(), world.found(PROVED)), (0, String::new()));
    // By a pool of connections, each of which runs few.
    world.run("P:authors(id);unseen 1..25 / C@20:books.author_id 1..25 / +3000");
    assert_eq!(world.repeats.take_rearm().len(), 1);
}

#[test]
fn a_burst_takes_nothing_with_it() {
    let mut world = World::new(5);
    world.run("P:authors(id) 1..64 / C:books.author_id 1..64 / 2>P:authors(id) 1..64");
    assert!(world.repeats.bytes() > 1000);
    world.pause(3000);
    assert!(world.repeats.bytes() < 4000, "{}", world.repeats.bytes());
}

#[test]
fn foreign_keys_say_what_names_do_not() {
    let traffic = "P:articles(id,author_id) 1:7 2:8 3:9 4:10 5:11 6:12 / C:users.id 7..12 / +3000";
    let mut world = World::new(5);
    world.run(traffic);
    world.run("P:articles(id) 1..6 / C:months.id 1..6 / +3000");
    let asked = world.repeats.take_questions();
    assert_eq!(asked.iter().map(|who| &*who.database).collect::<Vec<_>>(), ["d"]);
    assert!(world.repeats.take_questions().is_empty(), "it has been asked");
    world.pause(3000);
    assert_eq!(world.repeats.take_questions().len(), 1, "no answer came");
    let key = [["articles", "author_id"], ["users", "id"]].map(|pair| pair.map(str::to_owned));
    let [[table, column], [other_table, other_column]] = key;
    let references = vec![Reference { table, column, other_table, other_column }];
    world.repeats.declare("d", references, &world.shapes);
    assert_eq!(world.found(PROVED), "", "once is not enough");
    // The one before it counts, though nothing was known then.
    world.run(traffic);
    assert_eq!(world.found(PROVED), "n_plus_one articles.author_id users.id x6 sequential");
    assert!(world.repeats.take_questions().is_empty(), "it is known");
    world.pause(300_000);
    world.run("P:articles(id) 1..6 / C:months.id 1..6 / +3000");
    assert_eq!(world.repeats.take_questions().len(), 1, "it may have changed");
}
