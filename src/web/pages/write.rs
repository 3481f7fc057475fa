//! How numbers, durations and times are written on a page: short, and no more exact than they are. Pure.

use jiff::Timestamp;

/// A duration in milliseconds: `0`, `0.35 ms`, `4.1 ms`, `250 ms`, `2.4 s`, `6 min`, `3 h`.
pub(super) fn ms(ms: f64) -> String {
    match ms {
        ms if !ms.is_finite() => "∞".to_owned(),
        ms if ms <= 0.0 => "0 ms".to_owned(),
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 9_950.0 => format!("{:.1} s", ms / 1e3),
        ms => seconds(ms / 1e3),
    }
}

/// A duration in seconds: `45 s`, `6 min`, `3 h`, `2 days`.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 119.5 => format!("{s:.0} s"),
        s if s < 7_170.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// A number of things: `0`, `0.04`, `3.5`, `950`, `12.3k`, `4.5M`.
pub(super) fn count(n: f64) -> String {
    match n.abs() {
        0.0 => "0".to_owned(),
        a if a < 0.095 => format!("{n:.2}"),
        a if a < 9.95 => trim(format!("{n:.1}")),
        a if a < 9_999.5 => format!("{n:.0}"),
        a if a < 99_950.0 => format!("{:.1}k", n / 1e3),
        a if a < 999_500.0 => format!("{:.0}k", n / 1e3),
        a if a < 999.5e6 => format!("{:.1}M", n / 1e6),
        _ => format!("{:.1}G", n / 1e9),
    }
}

fn trim(text: String) -> String {
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// `812 B`, `4.1 KiB`, `35 MiB`.
pub(super) fn bytes(n: f64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 999.5 {
        return format!("{n:.0} B");
    }
    let (mut n, mut unit) = (n / 1024.0, 0);
    while n >= 999.5 && unit + 1 < UNITS.len() {
        (n, unit) = (n / 1024.0, unit + 1);
    }
    if n < 9.95 { format!("{n:.1} {}", UNITS[unit]) } else { format!("{n:.0} {}", UNITS[unit]) }
}

/// A part of a whole, 0 to 1: `0 %`, `0.4 %`, `37 %`.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 0.1 => "<0.1 %".to_owned(),
        p if p < 9.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// How long ago: `just now`, `45 s ago`.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = (now.as_millisecond() - at.as_millisecond()) as f64 / 1e3;
    if passed < 2.0 { "just now".to_owned() } else { format!("{} ago", seconds(passed)) }
}

/// A time of day in UTC, with its day where the range is longer than one: `17:45:10`, `17:45`, `Nov 25 17:45`.
pub(super) fn clock(at: u32, range_s: u32) -> String {
    let Ok(at) = Timestamp::from_second(i64::from(at)) else { return String::new() };
    let shape = match range_s {
        range if range <= 3_600 => "%H:%M:%S",
        range if range <= 86_400 => "%H:%M",
        _ => "%b %d %H:%M",
    };
    at.strftime(shape).to_string()
}

/// A time of day to the millisecond, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%H:%M:%S%.3f").to_string()
}

/// RFC 3339, for `datetime`.
pub(super) fn datetime(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_no_more_exact_than_they_are() {
        #[track_caller]
        fn check(write: fn(f64) -> String, lines: &[(f64, &str)]) {
            lines.iter().for_each(|(n, wanted)| assert_eq!(write(*n), *wanted, "{n}"));
        }
        check(ms, &[(0.0, "0 ms"), (0.351, "0.35 ms"), (4.14, "4.1 ms"), (9.96, "10 ms"), (250.4, "250 ms")]);
        check(ms, &[(999.7, "1.0 s"), (2_440.0, "2.4 s"), (12_000.0, "12 s"), (360e3, "6 min"), (f64::INFINITY, "∞")]);
        check(seconds, &[(45.0, "45 s"), (120.0, "2 min"), (10_800.0, "3 h"), (2e5, "2 days"), (-1.0, "0 s")]);
        check(count, &[(0.0, "0"), (0.04, "0.04"), (3.0, "3"), (3.46, "3.5"), (950.0, "950"), (1234.0, "1234")]);
        check(count, &[(12_345.0, "12.3k"), (345_678.0, "346k"), (4.5e6, "4.5M"), (7.2e9, "7.2G")]);
        check(bytes, &[(0.0, "0 B"), (812.0, "812 B"), (4_200.0, "4.1 KiB"), (65_536.0, "64 KiB"), (36.7e6, "35 MiB")]);
        check(percent, &[(0.0, "0 %"), (0.0001, "<0.1 %"), (0.004, "0.4 %"), (0.372, "37 %"), (1.0, "100 %")]);
    }

    #[test]
    fn times() {
        let at = 1_795_341_645;
        assert_eq!([900, 21_600, 172_800].map(|range| clock(at, range)), ["10:00:45", "10:00", "Nov 22 10:00"]);
        let from = |at: i64| Timestamp::from_second(at).unwrap();
        let check = |then: i64, wanted: &str| assert_eq!(ago(from(then), from(1_000_000)), wanted);
        check(1_000_000, "just now");
        check(1_000_005, "just now");
        check(999_955, "45 s ago");
        check(999_000, "17 min ago");
    }
}
