//! Durations and sizes as people write them: `"200ms"`, `"10min"`, `"64KiB"`. Read and print; pure.
//!
//! A number without a unit is a mistake, because nobody can see whether 30 means seconds or milliseconds; 0 needs none.

use std::time::Duration;

/// A longer duration is a slip of the unit; "never" is written `"0s"`.
pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Units of time in microseconds, longest first: the printer takes the first that divides.
const TIMES: &[(&str, u64)] =
    &[("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// Units of size in bytes: those that the printer uses, largest first, then those that are only read.
const SIZES: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
];

/// Reads `"30s"`; the error says what would be right.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let micros = measure(text, TIMES, "us ms s min h d", "s")?;
    let duration = Duration::from_micros(micros);
    if duration > LONGEST { Err("at most 366d; \"0s\" means never".to_owned()) } else { Ok(duration) }
}

/// Reads `"64KiB"` into bytes; the error says what would be right.
pub fn parse_size(text: &str) -> Result<u64, String> {
    measure(text, SIZES, "B KiB MiB GiB KB MB GB", "KiB")
}

/// The shortest spelling that reads back as the same duration (whole microseconds): `"90s"`, `"10min"`, `"0s"`.
pub fn print_duration(duration: Duration) -> String {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if micros == 0 { "0s".to_owned() } else { print(micros, TIMES) }
}

/// The shortest spelling that reads back as the same size: `"64KiB"`, `"1000B"`.
pub fn print_size(bytes: u64) -> String {
    if bytes == 0 { "0B".to_owned() } else { print(bytes, SIZES) }
}

/// What a bare number should have been, like `which unit? "30s", for instance (us ms s min h d)`.
pub(super) fn missing_time_unit(number: i64) -> String {
    missing_unit(number, "us ms s min h d", "s")
}

fn measure(text: &str, units: &[(&str, u64)], names: &str, usual: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = (&text[..digits], text[digits..].trim_start());
    let wanted = || format!("a whole number and a unit ({names}), like \"30{usual}\"");
    if number.is_empty() {
        return Err(wanted());
    }
    let number: u64 = number.parse().map_err(|_| "a smaller number".to_owned())?;
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => number.checked_mul(*factor).ok_or_else(|| "a smaller number".to_owned()),
        None if !unit.is_empty() => Err(wanted()),
        None if number == 0 => Ok(0),
        None => Err(missing_unit(number, names, usual)),
    }
}

fn missing_unit(number: impl std::fmt::Display, names: &str, usual: &str) -> String {
    format!("which unit? \"{number}{usual}\", for instance ({names})")
}

fn print(number: u64, units: &[(&str, u64)]) -> String {
    let divides = |(_, factor): &&(&str, u64)| number.is_multiple_of(*factor);
    let (name, factor) = units.iter().find(divides).expect("a unit of 1 divides every number");
    format!("{}{name}", number / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        fn check(text: &str, expected: &str) {
            let got = parse_duration(text).map_or_else(|right| right, |duration| format!("{duration:?}"));
            assert!(got.starts_with(expected), "{text:?} gave {got:?}, not {expected:?}");
        }
        check("200ms", "200ms");
        check("30s", "30s");
        check("10min", "600s");
        check("1h", "3600s");
        check("1d", "86400s");
        check("100us", "100µs");
        check("0s", "0ns");
        check("0", "0ns");
        check(" 5 s ", "5s");
        check("30", "which unit? \"30s\", for instance (us ms s min h d)");
        check("5m", "a whole number and a unit (us ms s min h d), like \"30s\"");
        check("1.5s", "a whole number and a unit");
        check("-1s", "a whole number and a unit");
        check("soon", "a whole number and a unit");
        check("", "a whole number and a unit");
        check("367d", "at most 366d");
        check("99999999999999999999s", "a smaller number");
        check("9999999999999999d", "a smaller number");
    }

    #[test]
    fn sizes() {
        fn check(text: &str, expected: Result<u64, &str>) {
            match (parse_size(text), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text:?}"),
                (Err(got), Err(expected)) => assert!(got.starts_with(expected), "{text:?} gave {got:?}"),
                (got, _) => panic!("{text:?} gave {got:?}, not {expected:?}"),
            }
        }
        check("64KiB", Ok(65_536));
        check("1MiB", Ok(1_048_576));
        check("10MB", Ok(10_000_000));
        check("512B", Ok(512));
        check("1GiB", Ok(1 << 30));
        check("0", Ok(0));
        check("64", Err("which unit? \"64KiB\""));
        check("64K", Err("a whole number and a unit (B KiB MiB GiB KB MB GB)"));
        check("99999999999GiB", Err("a smaller number"));
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["200ms", "30s", "10min", "1h", "1d", "100us", "0s", "90s", "1500us"] {
            assert_eq!(print_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["64KiB", "1MiB", "512B", "1000B", "3GiB", "0B"] {
            assert_eq!(print_size(parse_size(text).unwrap()), text);
        }
    }
}
