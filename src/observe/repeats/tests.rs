//! Traffic as text, and what is found in it.

use crate::observe::finding::Finding;

mod bounds;
mod levels;
mod rules;
mod simulation;
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

/// Nothing is proved.
#[track_caller]
fn clean(traffic: &str) {
    check(traffic, "");
}

#[track_caller]
fn habit(traffic: &str, expected: &str) {
    assert_eq!(world(5, traffic).found(HABITS), expected, "{traffic}");
}

#[test]
fn forms_of_a_loop() {
    let has_many = "n_plus_one authors.id books.author_id x25 sequential";
    check("P:authors(id) 1..25 / C:books.author_id 1..25", has_many);
    check("P:authors(id) u1..u25 / C:books.owner u1..u25", "n_plus_one authors.id books.owner x25 sequential");
    check("P:authors(id) 1..5 / C:books.author_id 1..5", "n_plus_one authors.id books.author_id x5 sequential");
    // Belongs to, each foreign key as often as it comes, and once each.
    let books = "P:books(id,author_id) 11:1 12:1 13:2 14:3 15:3 16:3 17:4 18:5 19:5 20:5";
    let belongs_to = "n_plus_one books.author_id authors.id";
    check(&format!("{books} / C:authors.id 1 1 2 3 3 3 4 5 5 5"), &format!("{belongs_to} x10 sequential"));
    check(&format!("{books} / C:authors.id 1 2 3 4 5"), &format!("{belongs_to} x5 sequential"));
    check("P:authors(id) 1..25 / C:books.author_id;count 1..25", has_many);
    check("P:authors(id) 1..25 / C:books.author_id;exists 1..25", has_many);
    check("P:authors(id) 1..25 / C:authors.id 1..25", "n_plus_one authors.id authors.id x25 sequential");
    check("P:authors(id) 1..25 / U:authors.id 1..25", "n_plus_one authors.id authors.id x25 sequential");
    check("P:authors(id) 1..25 / D:books.author_id 1..25", has_many);
    check("P:authors(id) 1..25 / C:books.author_id;list=1 1..25", has_many);
    // An ORM has names of its own for the columns of a result.
    check("P:authors(authors_id=id) 1..25 / C:books.author_id 1..25", has_many);
    let renamed = "P:books(id1_0_=id,author2_0_=author_id) 11:1 12:1 13:2 14:3 15:3 16:3 17:4 18:5 19:5 20:5";
    check(&format!("{renamed} / C:authors.id 1 2 3 4 5"), &format!("{belongs_to} x5 sequential"));
}

#[test]
fn orders_of_a_loop() {
    let found = |n: u32| format!("n_plus_one authors.id books.author_id x{n} sequential");
    check("P:authors(id) 1..25 / C%3:books.author_id 1..25", &found(9));
    check("P:authors(id) 1..25 / C-:books.author_id 1..25", &found(25));
    check("P:authors(id) 1..25 / C?:books.author_id 1..25", &found(25));
    // A template that asks twice for each.
    check("P:authors(id) 1..5 / C:books.author_id 1 1 2 2 3 3 4 4 5 5", &found(10));
    // More rows than are looked at, whose children come in order, from the end, or anyhow.
    check("P:authors(id) 1..200 / C:books.author_id 1..200", &found(200));
    check("P:authors(id) 1..200 / C-:books.author_id 1..200", &found(200));
    check("P:authors(id) 1..200 / C?:books.author_id 1..200", &found(200));
    check("P:authors(id) 1..200 / C%3:books.author_id 1..200", &found(67));
}

#[test]
fn transactions_do_not_part_a_loop() {
    let rows: Vec<String> = (1..=25).map(|n| format!("B / C:books.author_id {n} / K")).collect();
    let loops = rows.join(" / ");
    check(&format!("P:authors(id) 1..25 / {loops}"), "n_plus_one authors.id books.author_id x25 sequential");
    check(&format!("B / P:authors(id) 1..25 / K / {loops}"), "n_plus_one authors.id books.author_id x25 sequential");
}

#[test]
fn several_children_and_their_children() {
    let row = |n: u32| format!("C:books.author_id {n} / C:prizes.author_id {n}");
    let rows: Vec<String> = (1..=25).map(row).collect();
    let both =
        "n_plus_one authors.id books.author_id x25 sequential / n_plus_one authors.id prizes.author_id x25 sequential";
    check(&format!("P:authors(id) 1..25 / {}", rows.join(" / ")), both);
    let world = world(5, &format!("P:authors(id) 1..25 / {}", rows.join(" / ")));
    let siblings: Vec<usize> = world.repeats.findings().map(|finding| finding.siblings.len()).collect();
    assert_eq!(siblings, [1, 1]);
    // Beside something that has nothing to do with the row, as a look at who may see it.
    let beside = |n: u32| format!("C:books.author_id {n} / R:rights.user_id 77");
    let rows: Vec<String> = (1..=5).map(beside).collect();
    check(&format!("P:authors(id) 1..5 / {}", rows.join(" / ")), "n_plus_one authors.id books.author_id x5 sequential");
    // What else has those values is not the parent, whichever is told first.
    let lists = "P:authors(id) 9 2 7 4 5 1 8 3 6 / P:books(id,author_id) 11:1 12:2 13:3 14:4 15:5 16:6 17:7 18:8 19:9";
    let belongs = "n_plus_one books.author_id authors.id x9 sequential";
    check(&format!("{lists} / C:authors.id 1..9"), belongs);
    check(&format!("{lists} / C:authors.id 1..9 / P:authors(id) 9 2 7 4 5 1 8 3 6"), belongs);
    // Two levels: three books for each author, a loop over them for each.
    let row = |n: u32| format!("C:books.author_id(id) {n} => x y z / C:reviews.book_id {n}x {n}y {n}z");
    let rows: Vec<String> = (1..=25).map(row).collect();
    let nested =
        "n_plus_one authors.id books.author_id(id) x25 sequential / n_plus_one books.id reviews.book_id x75 sequential";
    check(&format!("P:authors(id) 1..25 / {}", rows.join(" / ")), &nested.replace("(id)", ""));
}

#[test]
fn side_by_side() {
    let found = |manner: &str| format!("n_plus_one authors.id books.author_id x25 {manner}");
    check("P:authors(id) 1..25 / C@1:books.author_id 1..25", &found("sequential"));
    check("P:authors(id) 1..25 / C@5:books.author_id 1..25", &found("parallel"));
    check("P:authors(id) 1..25 / C@20:books.author_id 1..25", &found("parallel"));
    check("P:authors(id) 1..25 / C~:books.author_id 1..25", &found("pipelined"));
    // The first time, too, when nobody knows yet that they are several.
    for few in ["2>P:authors(id) 1..5 / 2>C@5:books.author_id 1..5", "2>P:authors(id) 1..5 / 2>C!:books.author_id 1..5"]
    {
        let mut world = World::new(5);
        world.run(&format!("{few} / +3000 / {few} / +3000"));
        assert_eq!(only(&world).occurrences, 2, "{few}");
    }
    // One after the other, each on the next connection of a pool.
    check("P:authors(id) 1..25 / C!:books.author_id 1..25", &found("sequential"));
    check("P:authors(id) 1..25 / C!%3:books.author_id 1..25", &found("sequential").replace("25", "9"));
}

#[test]
fn a_trace_tells_requests_apart() {
    let mut world = World::new(5);
    world.repeats.tick(world.now, jiff::Timestamp::UNIX_EPOCH, &world.shapes);
    // Two requests at once on the same connections: their group sees nothing that it could be sure of.
    let (one, other) = ("P:authors(id) u1..u9", "7>P:authors(id) u11..u19");
    for time in 0..3 {
        for (trace, part) in [(1, one), (2, other)] {
            world.trace = Some(trace + time * 10);
            world.run(part);
        }
        for n in 1..=9 {
            world.trace = Some(1 + time * 10);
            world.run(&format!("{}>C:books.author_id u{n}", n % 5 + 1));
            world.trace = Some(2 + time * 10);
            world.run(&format!("{}>C:books.author_id u1{n}", n % 5 + 1));
        }
        world.pause(3000);
    }
    assert_eq!(world.found(PROVED), "n_plus_one authors.id books.author_id x9 sequential");
}

#[test]
fn what_bears_a_trace_is_told_of_once() {
    let mut world = World::new(5);
    for trace in 1..=3 {
        world.trace = Some(trace);
        world.run("R:users.id 7 7 7 / 2>R:users.id 7 / +3000");
    }
    let times: Vec<u64> = world.repeats.findings().map(|finding| finding.occurrences).collect();
    assert_eq!((world.found(HABITS).as_str(), times), ("duplicate_read users.id x4 sequential", vec![3]));
    // One request repeats itself, however long it thinks in between; of a connection that is not known.
    for (trace, expected) in [(Some(1), "duplicate_read users.id x4 sequential"), (None, "")] {
        let mut world = World::new(5);
        for _ in 0..3 {
            world.trace = trace;
            world.run(&format!("{} / +3000", ["R:users.id 7"; 4].join(" / +200 / ")));
        }
        assert_eq!(world.found(HABITS), expected);
    }
}

#[test]
fn not_n_plus_one() {
    // Insert loops, polling, paging by key and by OFFSET, retries.
    clean("P:authors(id) 1..25 / I:books 25");
    clean("P:authors(id) 1..25 / R:jobs.author_id 7 7 7 7 7 7 7 7 7 7");
    clean("P:books(id);paged 1..20 / P:books(id);paged 21..40 / P:books(id);paged 41..60");
    let pages: Vec<String> = (1..=10).map(|n| format!("C:books.id(id);paged;unequal u{n} => a b c d e")).collect();
    clean(&pages.join(" / "));
    clean("P:books(id) u1..u20 / C:books.id;paged;unequal u1..u20");
    clean("P:books(id) u1..u20 / C:list;paged u1..u20");
    clean("P:authors(id) 1..25 / C:books.author_id;fails 1 1 1 1 1 1");
    clean("P:authors(id) 1..25 / C:books.author_id;fails 1..25");
    // One pooled connection serving many independent requests.
    let pairs: Vec<String> = (1..=30).map(|n| format!("C:sessions.id(user_id) s{n} => u / C:users.id s{n}u")).collect();
    clean(&pairs.join(" / "));
    // A list page, then lookups that have nothing to do with it.
    clean("P:authors(id) u1..u25 / C:books.author_id u101..u140");
    clean("P:authors(id) 1..25 / C:books.author_id 101..140");
    clean("P:authors(id) 1..25 / C:books.author_id 3 101 102 8 103 104 105 20 106 107 108 25");
    // Users who click on rows of a list, one by one, on a connection that is busy with other things.
    let clicks: Vec<String> = [3, 17, 8, 22, 1, 9, 12]
        .iter()
        .map(|n| format!("C:books.author_id {n} / +400 / R:x.k a / +400 / R:x.k b / +400"))
        .collect();
    clean(&format!("P:authors(id) 1..25 / {}", clicks.join(" / ")));
    // And people who go through a short menu, one after the other: in whatever order, or in its own.
    for order in [[3, 1, 5, 2, 4], [1, 2, 3, 4, 5]] {
        let clicks: Vec<String> = order.iter().map(|n| format!("C:products.category_id {n} / +300")).collect();
        clean(&format!("P:categories(id) 1..5 / {}", clicks.join(" / ")));
    }
    // An update of what is in a list by chance.
    clean("P:users(id) 1 4 6 9 11 15 16 20 22 25 / U:products.id 1 4 6 9 11 15 16 20 22 25");
    clean("P:orders(id) u1..u25 / C:orders.user_id 1..25");
    // Values from elsewhere.
    clean("R:kv.k k1..k100");
    clean("C:books.id u1..u50");
    let jobs: Vec<String> = (1..=20).map(|n| format!("B / P:jobs(id);locks;limit j{n} / U:jobs.id j{n} / K")).collect();
    clean(&jobs.join(" / "));
    // TPC-B.
    let tpcb = |n: u32| {
        format!(
            "B / U:accounts.aid {n} / C:accounts.aid {n} / U:tellers.tid {} / U:branches.bid 1 / I:history 1 / K",
            n % 10
        )
    };
    clean(&(0..50).map(|n| tpcb(n * 7919 % 1000)).collect::<Vec<_>>().join(" / "));
    // What is a batch already; cursors.
    clean("P:authors(id) 1..25 / C:books.author_id;list=25 1 2 3 4 5 6");
    clean("P:authors(id) 1..25 / C:cursor;fetch 1..25");
    // Different aggregates, one each.
    let counts: Vec<String> = (1..=12).map(|n| format!("C:t{n}.author_id;count 1")).collect();
    clean(&format!("P:authors(id) 1..25 / {}", counts.join(" / ")));
    // Small enums, and integers that are met by chance.
    let tickets = "P:tickets(id,status) t1:a t2:b t3:a t4:c t5:d t6:a t7:e t8:b t9:a t10:c t11:d t12:e";
    clean(&format!("{tickets} / C:tickets.status;count b a d c e"));
    clean(&format!("{tickets} / C:tickets.status;count a b c a b c a b c a"));
    clean("P:authors(id) 1..25 / C:sales.month 1..12");
    clean("P:authors(id) 1..25 / C:months.id 1..12");
    clean("P:ratings(id,stars) u1:1 u2:2 u3:3 u4:4 u5:5 / C:sales.month 1..5");
}

#[test]
fn what_is_allowed() {
    clean("P:authors(id);ok 1..25 / C:books.author_id 1..25");
    clean("P:authors(id) 1..25 / C:books.author_id;ok 1..25");
}

#[test]
fn walks() {
    check("W:nodes.id(parent_id) 9 42 7 15 3 1 88", "tree_walk nodes.id x6 sequential");
    check("W:nodes.id(up);uuid u9 u42 u7 u15 u3 u1 u88", "tree_walk nodes.id x6 sequential");
    clean("W:nodes.id(parent_id) 9 42 7 15 3 1");
    clean("W:bins.shelf(quantity) 9 42 7 15 3 1 88");
    clean("W:nodes.id(parent_id) 9 9 9 9 9 9 9 9");
    clean("W:nodes.id(up);uuid u1 u2 u1 u2 u1 u2 u1 u2 u1 u2");
}

#[test]
fn habits() {
    habit("R:users.id 7 7 7 7", "duplicate_read users.id x4 sequential");
    habit("R:users.id 7 7 / U:users.id 7 / R:users.id 7 7", "");
    habit("R:users.id 7 / +1500 / R:users.id 7 / +1500 / R:users.id 7", "");
    habit(&["R:users.id 7"; 20].join(" / +50 / "), "");
    habit(&["R:users.id 7 7 7"; 9].join(" / +50 / "), "duplicate_read users.id x3 sequential");
    habit("C:jobs.id;locks 1 1 1", "");
    habit("R: 1 1 1 1 1 1", "");
    habit("R:kv.k k1..k30", "suspected_loop kv.k x30 sequential");
    habit("R:kv.k k1..k9", "");
    habit("R:kv.k;list=9 k1..k30", "");
    // A loop is no less of one where its values are met in a list by chance.
    habit("P:authors(id) 1..30 / C:kids.parent 1..30", "suspected_loop kids.parent x30 sequential");
    let by_chance = world(5, "P:authors(id) 1..30 / C:kids.parent 1..30");
    assert_eq!(by_chance.repeats.findings().map(|finding| finding.occurrences).collect::<Vec<_>>(), [3]);
    habit("P:authors(id) 1..30 / C: 1..30", "suspected_loop x30 sequential");
    habit("P:authors(id) 1..30 / C:kids.parent 1..9", "");
    habit("P:authors(id) 1..25 / C:books.author_id 1..25", "");
    habit("I:books 30", "row_at_a_time_insert books x30 sequential");
    habit("I:books 9", "");
    // A request each, which does nothing else; or asks first who it is, and the same as all.
    habit(&["I:events 1"; 30].join(" / +60 / "), "");
    let requests: Vec<String> = (0..9).map(|n| format!("C:sessions.token t{n} / R:flags.name on")).collect();
    habit(&requests.join(" / "), "");
    // Many of whom each asks who it is, and then for what is its own, are no loop; two questions for each of a list are two.
    let pair = |n: u32, other: &str| format!("R:users.id u{n} / R:carts.user_id {other}{n}");
    let pairs = |other: &str| (0..30).map(|n| pair(n, other)).collect::<Vec<_>>().join(" / ");
    habit(&pairs("w"), "");
    habit(&pairs("u"), "suspected_loop carts.user_id x30 sequential / suspected_loop users.id x30 sequential");
    for all in ["R:kv.k k1..k30", "I:books 30"] {
        let world = world(5, all);
        assert_eq!(world.repeats.findings().map(|finding| finding.distinct_parameters).collect::<Vec<_>>(), [30]);
    }
    let mixed: Vec<String> = (0..30).map(|n| format!("U:a.id {n} / C:b.id {n} / I:history 1")).collect();
    assert!(!world(5, &mixed.join(" / ")).found(HABITS).contains("insert"));
}

/// An insert beside another write in each of many transactions is no loop; one without company is, and so is one in a single
/// transaction.
#[test]
fn inserts_in_transactions() {
    let each = |work: &str, expected: &str| habit(&vec![format!("B / {work} / K"); 30].join(" / "), expected);
    let inserts = "row_at_a_time_insert events x30 sequential";
    each("I:events 1", inserts);
    each("R: on / I:events 1", inserts);
    each("U:accounts.id 7 / I:events 1", "");
    each("I:events 1 / D:accounts.id 7", "");
    each("I:orders 1 / I:events 1", "");
    each("I:orders 1 / I:lines 3", "row_at_a_time_insert lines x90 sequential");
    let work = ["U:accounts.id 7 / I:events 1"; 30].join(" / ");
    habit(&format!("B / {work} / K"), inserts);
    habit(&work, inserts);
    // The company of some says nothing of the others.
    let some = "B / I:events 1 / K / B / I:events 1 / K / B / U:accounts.id 7 / I:events 1 / K";
    habit(&[some; 10].join(" / "), inserts);
}

#[test]
fn in_development_three_are_enough() {
    let found = |traffic: &str| world(3, traffic).found(PROVED);
    assert_eq!(
        found("P:authors(id) 1..3 / C:books.author_id 1..3"),
        "n_plus_one authors.id books.author_id x3 sequential"
    );
    assert_eq!(found("P:authors(id) 1..3 / C:books.author_id 1 2"), "");
}

fn only(world: &World) -> Finding {
    let found: Vec<&Finding> =
        world.repeats.findings().filter(|finding| PROVED.contains(&finding.kind.as_str())).collect();
    assert_eq!(found.len(), 1);
    found[0].clone()
}

#[test]
fn what_a_finding_says() {
    let finding = only(&world(5, "P:authors(id) 1..25 / C:books.author_id 1..25"));
    assert_eq!(finding.proof, "25 of 25 parameters were authors.id values returned by the parent, in order");
    assert_eq!(
        finding.fix,
        "SELECT … FROM authors JOIN books ON books.author_id = authors.id: both in one statement. Or SELECT \
         author_id, … FROM books WHERE author_id = ANY($1) with the values of all rows: two statements in all."
    );
    assert_eq!((finding.occurrences, finding.waterfall.len()), (3, 26));
    // 25 executions of 1 ms with 0.2 ms between them, less one.
    assert_eq!(finding.wasted_each.as_micros(), 28_800);
    assert_eq!(finding.wasted_an_hour, finding.wasted * 12);
    assert_eq!(finding.route.as_deref(), Some("/authors"));
    assert_eq!(finding.parent.unwrap().rows, 25);
    let finding = only(&world(5, "P:authors(id) 1..100 / C-:books.author_id 1..100"));
    assert_eq!(
        finding.proof,
        "64 of 64 parameters were authors.id values returned by the parent, in reverse order; 36 more ran beyond the 64 rows \
         that were looked at"
    );
}

/// Neither what others do on the connection afterwards nor the time between two loops is wasted by them.
#[test]
fn what_is_not_wasted() {
    let wasted = |traffic: &str| {
        let finding = only(&world(5, traffic));
        (finding.executions, finding.wasted_each.as_micros())
    };
    let (executions, alone) = wasted("P:authors(id) 1..25 / C:books.author_id 1..25");
    let after = "+400 / C:books.author_id 7 / +400 / C:books.author_id 9";
    assert_eq!(wasted(&format!("P:authors(id) 1..25 / C:books.author_id 1..25 / {after}")), (executions, alone));
    // Two loops of four milliseconds and more, nearly a second apart.
    let small = "P:authors(id) 1..4 / C:books.author_id 1..4";
    let (executions, both) = wasted(&format!("{small} / +800 / {small}"));
    assert!(executions == 8 && (5_000..12_000).contains(&both), "{executions} {both}");
}

/// A loop whose source is known is not suspected beside it, neither before nor after.
#[test]
fn what_is_found_is_not_suspected() {
    let mut world = World::new(5);
    world.run("C:books.author_id x1..x30 / +1500 / C:books.author_id x1..x30 / +1500");
    let kinds = |world: &World| world.repeats.findings().map(|finding| finding.kind.as_str()).collect::<Vec<_>>();
    assert_eq!(kinds(&world), ["suspected_loop"]);
    world.run("P:authors(id) u1..u30 / C:books.author_id u1..u30 / +1500");
    assert_eq!(kinds(&world), ["n_plus_one"]);
    world.run("C:books.author_id x1..x30 / +1500");
    assert_eq!(kinds(&world), ["n_plus_one"]);
}
