//! Whatever comes, it ends well and takes no more than it may.

use proptest::prelude::*;

use super::*;
use crate::observe::nanos::Nanos;

fn statement() -> impl Strategy<Value = String> {
    let name = (0..30_u32).prop_map(|n| format!("t{n}"));
    let client = 1..4_u32;
    prop_oneof![
        (client.clone(), name.clone(), 1..100_u32)
            .prop_map(|(c, t, n)| format!("{c}>P:{t}(id,a,b) 1..{n}").replace("..1", "..2")),
        (client.clone(), name.clone(), 1..90_u32, 0..30_u32)
            .prop_map(|(c, t, from, n)| format!("{c}>C:{t}.id(id,a) {from}..{} => :1 :2 a:3", from + n)),
        (client.clone(), name.clone(), 1..30_u32).prop_map(|(c, t, n)| format!("{c}>C@3:{t}.id 1..{n}")),
        (client.clone(), name.clone(), 1..30_u32).prop_map(|(c, t, n)| format!("{c}>W:{t}.id(parent_id) 1..{n}")),
        (client.clone(), name, 1..30_u32).prop_map(|(c, t, n)| format!("{c}>I:{t} {n}")),
        (client, 0..3_u32).prop_map(|(c, n)| format!("{c}>{}", ["B", "K", "U:t1.id 4"][n as usize])),
        (0..3000_u32).prop_map(|pause| format!("+{pause}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_traffic(parts in prop::collection::vec(statement(), 1..60)) {
        let mut world = World::new(3);
        for part in &parts {
            world.run(&rows_of_three(part));
            prop_assert!(world.repeats.largest() <= 36 << 10, "{}", world.repeats.largest());
        }
        for finding in world.repeats.findings() {
            prop_assert!(finding.waterfall.len() <= 64 && finding.distinct_parameters <= finding.executions);
        }
        world.pause(10_000);
        prop_assert!(world.repeats.bytes() < 8 << 10, "{}", world.repeats.bytes());
    }
}

/// `P:t(id,a,b) 1..5` with three columns in each row.
fn rows_of_three(part: &str) -> String {
    let Some((head, range)) =
        part.split_once("P:").and_then(|(head, rest)| rest.split_once(' ').map(|split| (head, split)))
    else {
        return part.to_owned();
    };
    let (name, last) = (range.0, range.1.trim_start_matches("1..").parse::<u32>().unwrap());
    let rows: Vec<String> = (1..=last).map(|n| format!("{n}:{}:x{n}", n % 7)).collect();
    format!("{head}P:{name} {}", rows.join(" "))
}

#[test]
fn no_more_findings_than_are_kept() {
    let mut world = World::new(5);
    (0..1100).for_each(|n| world.run(&format!("P:a{n}(id) u1..u20 / C:b{n}.x u1..u20 / +1300")));
    assert_eq!(world.repeats.findings().count(), 1000);
}

#[test]
fn no_more_results_than_there_is_room_for() {
    let mut world = World::new(5);
    let rows: Vec<String> = (0..64).map(|n| format!("{n}:{n}:{n}:{n}:{n}:{n}:{n}:{n}")).collect();
    world.repeats.limit(1 << 20);
    for client in 0..1_000 {
        world.run(&format!("{client}>P:wide{}(a,b,c,d,e,f,g,h) {}", client % 8, rows.join(" ")));
        world.now = world.now - Nanos::from_micros(1150);
    }
    // So many fit, and what is in the queue for their group with them.
    assert!(world.repeats.left_out() > 500, "{}", world.repeats.left_out());
    world.pause(3000);
    assert!(world.repeats.bytes() < 64 << 10, "{}", world.repeats.bytes());
}

#[test]
fn the_worst_client() {
    let mut world = World::new(5);
    let rows: Vec<String> =
        (0..64).map(|n| ["a", "b", "c", "d", "e", "f", "g", "h"].map(|c| format!("{c}{n}")).join(":")).collect();
    for n in 0..12 {
        world.run(&format!("P:wide{n}(a,b,c,d,e,f,g,h) {}", rows.join(" ")));
    }
    for n in 0..12 {
        world.run(&format!("C:child{n}.x(up);uuid a0..a63 b0..b63 c0..c63 => n"));
        assert!(world.repeats.largest() <= 36 << 10, "{}", world.repeats.largest());
    }
}
