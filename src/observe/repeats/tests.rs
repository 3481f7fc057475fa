//! Traffic as text, and what is found in it.

use super::*;

mod traffic;

use traffic::World;

/// What is proved by values.
const PROVED: &[&str] = &["n_plus_one", "tree_walk"];

/// And what is not.
const HABITS: &[&str] = &["duplicate_read", "suspected_loop", "row_at_a_time_insert"];

/// The traffic comes three times, with a rest between.
fn world(least: u32, traffic: &str) -> World {
    let mut world = World::new(least);
    for _ in 0..3 {
        world.run(traffic);
        world.pause(3000);
    }
    world
}

#[track_caller]
fn check(traffic: &str, expected: &str) {
    assert_eq!(world(5, traffic).found(PROVED), expected, "{traffic}");
}

/// Nothing is proved, and nothing logged.
#[track_caller]
fn clean(traffic: &str) {
    let mut world = world(5, traffic);
    assert_eq!(world.found(PROVED), "", "{traffic}");
    assert!(world.repeats.take_alerts().is_empty(), "{traffic}");
}

#[track_caller]
fn habit(traffic: &str, expected: &str) {
    assert_eq!(world(5, traffic).found(HABITS), expected, "{traffic}");
}

#[test]
fn a_loop_over_a_result() {
    check("P:authors(id) 1..25 / C:books.author_id 1..25", "n_plus_one authors.id books.author_id x25 sequential");
    check("P:authors(id) u1..u25 / C:books.owner u1..u25", "n_plus_one authors.id books.owner x25 sequential");
    check("P:authors(id) 1..5 / C:books.author_id 1..5", "n_plus_one authors.id books.author_id x5 sequential");
    check("P:authors(id) 1..4 / C:books.author_id 1..4", "");
}
