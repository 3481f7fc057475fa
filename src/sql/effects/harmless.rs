//! Most texts leave nothing behind, and most of those can be told by a few fast looks for what all others must have in them.
//! Never wrong about a text that it calls harmless; says of many others only that they must be read. Pure.

use memchr::memchr_iter;

/// How the names of functions end whose calls leave something behind, by their last letters: set_config, pg_advisory_lock and its
/// kin, currval, pg_backup_start, dblink_connect, those about replication.
const fn endings(last: u8) -> &'static [&'static [u8]] {
    match last.to_ascii_lowercase() {
        b'd' => &[b"shared"],
        b'g' => &[b"config"],
        b'k' => &[b"lock"],
        b'l' => &[b"_all", b"val"],
        b'p' => &[b"_backup", b"_setup"],
        b't' => &[b"_start", b"_connect", b"_slot"],
        b'u' => &[b"_connect_u"],
        _ => &[],
    }
}

/// Bytes that a text is looked at more closely for: in one pass, for most have few of them.
const CLOSER: [bool; 256] = {
    let (mut closer, mut at) = ([false; 256], 0);
    while at < LOOKED_AT.len() {
        closer[LOOKED_AT[at] as usize] = true;
        at += 1;
    }
    closer
};

const LOOKED_AT: &[u8] = b";&(-/mM";

/// Whether a text can be seen at once to leave nothing behind.
pub(in crate::sql) fn is_harmless(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b";").unwrap_or(text);
    begins_well(text) && looks_well(text)
}

fn looks_well(text: &[u8]) -> bool {
    let are_fine = |begin: usize, bytes: &[u8]| {
        bytes.iter().enumerate().all(|(at, byte)| !CLOSER[usize::from(*byte)] || is_fine(text, begin + at, *byte))
    };
    // Eight at a time: in most there is nothing.
    let nothing = |eight: &[u8; 8]| !eight.iter().fold(false, |any, byte| any | CLOSER[usize::from(*byte)]);
    let (chunks, rest) = text.as_chunks::<8>();
    chunks.iter().enumerate().all(|(chunk, eight)| nothing(eight) || are_fine(chunk * 8, eight))
        && are_fine(chunks.len() * 8, rest)
}

/// Whether a byte that is looked at more closely begins nothing that matters.
fn is_fine(text: &[u8], at: usize, byte: u8) -> bool {
    let next = text.get(at + 1).copied();
    match byte {
        b';' => false,
        b'&' => next != Some(b'"'),
        b'(' => calls_nothing(&text[..at]),
        b'-' => next != Some(b'-'),
        b'/' => next != Some(b'*'),
        // INTO TEMP, and whatever is in pg_temp.
        _ => !(at >= 2 && text[at - 2..at].eq_ignore_ascii_case(b"te") && matches!(next, Some(b'p' | b'P'))),
    }
}

/// Whether it is a statement that leaves something behind only by what it calls, or by INTO TEMP.
fn begins_well(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let length = text.iter().take(8).position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len().min(8));
    let (word, rest) = text.split_at(length);
    let expected: &[u8] = match (word.first().map(u8::to_ascii_lowercase), length) {
        (Some(b's'), 6) => b"select",
        (Some(b'i'), 6) => b"insert",
        (Some(b'u'), 6) => b"update",
        (Some(b'd'), 6) => b"delete",
        (Some(b'b'), 5) => b"begin",
        (Some(b'c'), 6) => b"commit",
        (Some(b'e'), 3) => b"end",
        (Some(b'w'), 4) => b"with",
        (Some(b'v'), 6) => b"values",
        (Some(b'f'), 5) => b"fetch",
        _ => return false,
    };
    word.eq_ignore_ascii_case(expected) && (expected != b"update" || !names_settings(rest))
}

/// `UPDATE pg_settings` sets them.
fn names_settings(text: &[u8]) -> bool {
    let names = |after: &[u8]| after.get(..8).is_some_and(|word| word.eq_ignore_ascii_case(b"settings"));
    memchr_iter(b'_', text).any(|at| names(&text[at + 1..]))
}

/// Whether what stands in front of a parenthesis is no function that leaves something behind.
fn calls_nothing(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let ends = |letters: &[u8]| {
        before.len() >= letters.len() && before[before.len() - letters.len()..].eq_ignore_ascii_case(letters)
    };
    match before.last() {
        Some(b'"') => false,
        Some(last) if last.is_ascii_alphabetic() => !endings(*last).iter().any(|letters| ends(letters)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(is_harmless(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn harmless() {
        check("SELECT abalance FROM pgbench_accounts WHERE aid = 1;", true);
        check("UPDATE pgbench_accounts SET abalance = abalance + -5 WHERE aid = 1;", true);
        check("  select count(*), max (a) from t where (a = 1 and b in (1, 2)) ; ", true);
        check("insert into t values ('(', 'x')", true);
        check("begin", true);
        check("END;", true);
    }

    #[test]
    fn to_be_read() {
        check("set a = 1", false);
        check("update t set app_settings = 1", false);
        check("select 1; set a = 1", false);
        check("select set_config('a', '1', false)", false);
        check("select pg_advisory_lock (1)", false);
        check("select PG_BACKUP_START('x')", false);
        check("select \"set_config\"('a', '1', false)", false);
        check("select set_config/**/('a', '1', false)", false);
        check("select set_config -- x\n ('a', '1', false)", false);
        check("select u&\"set\\005fconfig\"('a', '1', false)", false);
        check("select 1 into temp t", false);
        check("update pg_settings set setting = 1", false);
        check("update\"pg_settings\" set setting = 1", false);
        check("update only pg_settings set setting = 1", false);
        check("explain select 1", false);
        check("selects", false);
        check("", false);
    }
}
