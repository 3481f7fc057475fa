//! Loops over what loops have returned, on several connections; what is one of them, and what are two.

use super::traffic::World;
use super::{check, only, world};

#[test]
fn children_of_children_side_by_side() {
    let all =
        |n: std::ops::RangeInclusive<u32>, each: &dyn Fn(u32) -> String| n.map(each).collect::<Vec<_>>().join(" ");
    let five = |n: u32| format!("u{n}a u{n}b u{n}c u{n}d u{n}e");
    let found = |n: u32| {
        format!(
            "n_plus_one authors.id books.author_id x{n} parallel / n_plus_one books.id reviews.book_id x{} parallel",
            n * 5
        )
    };
    // A level at a time, as resolvers do over an app's pool: all books of all authors, then all reviews of those.
    for (n, pool) in [(8, 3), (20, 10), (30, 20)] {
        let level = format!("P:authors(id) u1..u{n} / C@{pool}:books.author_id(id) u1..u{n} => a b c d e");
        let both = format!("{level} / C@{pool}:reviews.book_id {}", all(1..=n, &five));
        check(&both, &found(n));
        let world = world(5, &both);
        let proofs = world.repeats.findings().map(|finding| finding.proof.as_str());
        let wanted = format!("returned by {n} executions of the parent, in order");
        assert_eq!(proofs.filter(|proof| proof.ends_with(&wanted)).count(), 1);
    }
}

#[test]
fn loops_of_two_requests_are_two() {
    let mut world = World::new(5);
    for n in 1..=6 {
        // One of a list is opened, and gone over.
        world.run(&format!("P:kinds(id) k{n}1..k{n}4 / C:goods.kind_id(id) k{n}2 => a b c d e"));
        world.run(&format!("C:prices.good_id k{n}2a k{n}2b k{n}2c k{n}2d k{n}2e"));
    }
    world.pause(4000);
    let told = only(&world);
    assert_eq!((told.occurrences, told.executions), (6, 5));
}

#[test]
fn joined_loops_take_the_time_that_they_took() {
    let loops = |n: u32| {
        (1..=n).map(|a| {
            format!("C!:books.author_id(id) u{a} => a b c d e / C!:reviews.book_id u{a}a u{a}b u{a}c u{a}d u{a}e")
        })
    };
    let mut world = World::new(5);
    world.run("P:authors(id) u1..u30");
    loops(30).for_each(|one| world.run(&one));
    world.pause(4000);
    let reviews = world.repeats.findings().find(|finding| finding.executions == 150).unwrap();
    // Of 150 of one millisecond each, which end a fifth of one before the next begins, all but one.
    let wasted = reviews.wasted.as_secs_f64() * 1e3;
    assert!((140.0..=180.0).contains(&wasted), "{wasted}");
}

#[test]
fn what_a_connection_and_its_group_saw_is_counted_once() {
    let mut world = World::new(5);
    for n in 1..=12 {
        // The rest of each loop runs on another connection, so that each sees a part of it, and their group all.
        let (one, other) = (2 * n, 2 * n + 1);
        world.run(&format!("{one}>P:authors(id) u{n}1..u{n}9 / {one}>C:books.author_id u{n}1..u{n}6"));
        world.run(&format!("{other}>C:books.author_id u{n}7..u{n}9 / +20"));
    }
    world.pause(4000);
    assert_eq!(only(&world).occurrences, 12);
}
