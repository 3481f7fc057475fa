//! Workers added up, errors bounded, the stated size.

use super::*;

#[test]
fn what_is_told_to_two_workers_is_added_up() {
    let (one, two) = (PoolMeter::default(), PoolMeter::default());
    let ms = Duration::from_millis;
    one.waited(ms(1));
    one.queried(ms(2));
    two.queried(ms(3));
    two.transacted(ms(5));
    one.connected(ms(7));
    one.connect_failed();
    two.connect_failed();
    two.logged_in(ms(11));
    one.client_received(1);
    two.client_received(2);
    one.client_sent(10);
    two.server_received(100);
    one.server_sent(1_000);
    one.error(*b"42P01");
    two.error(*b"42P01");
    two.error(*b"57014");

    let total = PoolNumbers::merge([&one, &two]);
    assert_eq!((total.queries(), total.transactions()), (2, 1));
    assert_eq!(total.query.sum(), ms(5));
    assert_eq!(total.query.max(), ms(3));
    assert_eq!((total.wait.count(), total.server_connect.count(), total.client_login.count()), (1, 1, 1));
    assert_eq!(total.connect_failures, 2);
    assert_eq!((total.client_received, total.client_sent), (3, 10));
    assert_eq!((total.server_received, total.server_sent), (100, 1_000));
    assert_eq!(total.errors.iter().collect::<Vec<_>>(), [("42P01", 2), ("57014", 1)]);
    assert_eq!(total.errors.total(), 3);
}

#[test]
fn errors_are_bounded_and_clean() {
    #[track_caller]
    fn check(codes: impl Iterator<Item = [u8; 5]>, own: usize, other: u64) {
        let meter = PoolMeter::default();
        codes.for_each(|code| meter.error(code));
        let errors = PoolNumbers::merge([&meter]).errors;
        assert_eq!((errors.by_sqlstate.len(), errors.other), (own, other));
    }
    let code = |n: u32| -> [u8; 5] { format!("{n:05}").into_bytes().try_into().unwrap() };
    check((0..64).map(code), 64, 0);
    check((0..100).map(code), 64, 36);
    check((0..100).map(|_| code(7)), 1, 0);
    check([*b"4\"}\n\xff", *b"lower", *b"     "].into_iter(), 0, 3);
}

#[test]
fn a_meter_stays_below_its_stated_size() {
    assert!(size_of::<PoolMeter>() <= 34 * 1024, "{}", size_of::<PoolMeter>());
}
