//! Who has a history, and who has to go.

use super::*;
use crate::config::PoolMode;
use crate::observe::counters::{PoolMeter, PoolNumbers};
use crate::observe::snapshot::{ClientCounts, ServerCounts};

/// As many pools as wanted, one letter each: `.` does nothing, `q` has run a statement, `s` holds a server, `w` is waited
/// for, ` ` is not there.
struct World {
    places: Places,
    meters: Vec<PoolMeter>,
    at: u32,
}

fn world() -> World {
    World { places: Places::default(), meters: Vec::new(), at: 1_795_341_600 }
}

impl World {
    fn second(&mut self, pools: &str) {
        self.at += 1;
        let mut views = Vec::new();
        for (number, does) in pools.chars().enumerate() {
            if self.meters.len() <= number {
                self.meters.push(PoolMeter::default());
            }
            if does == 'q' {
                self.meters[number].queried(Duration::from_micros(50));
            }
            let numbers = PoolNumbers::merge([&self.meters[number]]);
            views.extend((does != ' ').then(|| view(number, does, numbers)));
        }
        let seated = self.places.second(&views, self.at, |_| 0);
        seated.for_each(|(pool, view)| pool.second(view, 0, self.at, 1.0));
    }

    fn seconds(&mut self, count: u32, pools: &str) {
        (0..count).for_each(|_| self.second(pools));
    }

    /// Whether the pool of this number has a history.
    fn has(&self, number: usize) -> bool {
        self.places.pools().any(|pool| *pool.database == *number.to_string())
    }

    #[track_caller]
    fn check(&mut self, pools: &str, without: &[usize], refused: u64) {
        let before = self.places.refused();
        self.second(pools);
        let got: Vec<usize> = (0..self.meters.len()).filter(|number| !self.has(*number)).collect();
        assert_eq!((&*got, self.places.refused() - before), (without, refused), "{pools}");
    }
}

fn view(number: usize, does: char, numbers: PoolNumbers) -> PoolView {
    let count = |letter: char| usize::from(does == letter);
    PoolView {
        database: number.to_string().into(),
        user: "u".into(),
        pool_mode: PoolMode::Transaction,
        pool_size: 20,
        clients: ClientCounts { waiting: count('w'), ..ClientCounts::default() },
        servers: ServerCounts { active: count('s'), ..ServerCounts::default() },
        queued: 0,
        max_wait: Duration::ZERO,
        obstacle: None,
        numbers,
    }
}

const MOST: usize = POOLS_MAX;

/// So many pools that do nothing, but these.
fn idle(count: usize, but: &[(usize, char)]) -> String {
    let does = |number: usize| but.iter().find(|(one, _)| *one == number).map_or('.', |(_, does)| *does);
    (0..count).map(does).collect()
}

#[test]
fn places_are_given_by_use() {
    let mut world = world();
    world.check(&idle(MOST, &[(0, 'q')]), &[], 0);
    world.check(&idle(MOST + 1, &[]), &[MOST], 0);
    world.check(&idle(MOST + 1, &[(MOST, 'q')]), &[1], 0);
    world.check(&idle(MOST + 1, &[(MOST, 's')]), &[1], 0);
    world.check(&idle(MOST + 1, &[(1, 'w')]), &[2], 0);
    world.check(&idle(MOST + 3, &[(2, 's'), (MOST + 2, 'q')]), &[3, 4, MOST + 1], 0);
}

#[test]
fn who_was_in_use_longest_ago_goes_first() {
    let mut world = world();
    world.second(&"q".repeat(MOST));
    world.second(&("qq.".to_owned() + &"q".repeat(MOST - 3)));
    world.check(&idle(MOST + 1, &[(MOST, 'w')]), &[2], 0);
    world.check(&idle(MOST + 2, &[(MOST + 1, 'w')]), &[0, 2], 0);
}

#[test]
fn those_that_take_turns_do_not_end_each_others_history() {
    let mut world = world();
    world.second(&"q".repeat(MOST));
    world.check(&idle(MOST + 1, &[(MOST, 'q')]), &[MOST], 1);
    world.seconds(RESTED_S - 2, &idle(MOST + 1, &[]));
    world.check(&idle(MOST + 1, &[(MOST, 'q')]), &[0], 0);
}

#[test]
fn who_is_in_use_keeps_its_place() {
    for does in ["q", "s", "w"] {
        let mut world = world();
        world.seconds(100, &does.repeat(MOST));
        world.check(&(does.repeat(MOST) + "w"), &[MOST], 1);
        // Who has gone leaves it even to one that does nothing.
        world.check(&(" ".to_owned() + &does.repeat(MOST - 1) + "."), &[0], 0);
        world.check(&does.repeat(MOST + 1), &[0], 1);
    }
}

#[test]
fn whoever_has_lost_its_place_is_not_in_use_for_what_it_did_before() {
    let mut world = world();
    world.second(&"q".repeat(MOST));
    world.seconds(RESTED_S, &idle(MOST, &[]));
    world.check(&idle(MOST + 1, &[(MOST, 'q')]), &[0], 0);
    world.check(&idle(MOST + 1, &[]), &[0], 0);
}

#[test]
fn a_thousand_pools() {
    let mut world = world();
    world.second(&"q".repeat(MOST));
    world.seconds(3, &idle(1_000, &[]));
    let without: Vec<usize> = (1..2).chain(MOST..999).collect();
    world.check(&idle(1_000, &[(0, 's'), (999, 'w')]), &without, 0);
}
