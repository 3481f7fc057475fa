//! Where the numbers of a plain text are: one statement without strings, quotes, parameters and comments, as many programs write
//! it. What is left is the same for all of its kind, so that whoever has read one knows the next. Pure.

/// So many numbers are told apart.
pub const NUMBERS: usize = 8;

/// A text's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skeleton {
    numbers: [(u32, u32); NUMBERS],
    count: usize,
}

impl Skeleton {
    /// From where to where each of them stands.
    pub fn numbers(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.numbers[..self.count].iter().map(|(begin, end)| (*begin as usize, *end as usize))
    }
}

/// A longer text is read as others are.
const LONGEST: usize = 1024;

/// `None` for any text that has to be read to be understood.
pub fn skeleton(text: &[u8]) -> Option<Skeleton> {
    let text = text.strip_suffix(b";").unwrap_or(text);
    if text.len() > LONGEST {
        return None;
    }
    let (mut found, mut at) = (Skeleton { numbers: [(0, 0); NUMBERS], count: 0 }, 0);
    loop {
        at = end_of_words(text, at);
        let Some(&byte) = text.get(at) else { break };
        match CLASSES[usize::from(byte)] {
            PLAIN => at += 1,
            LETTER => at = end_of_word(text, at),
            DIGIT => {
                let end = end_of_number(text, at)?;
                if may_name_a_column(text, at) {
                    return None;
                }
                *found.numbers.get_mut(found.count)? = (at as u32, end as u32);
                found.count += 1;
                at = end;
            }
            // What begins a comment, or a number such as `.5`.
            DOUBTFUL if !is_followed(text, at) => at += 1,
            _ => return None,
        }
    }
    Some(found)
}

/// Past letters and what is plain, eight at a time: to the next byte that is neither and not in a word.
fn end_of_words(text: &[u8], mut at: usize) -> usize {
    let is_special = |byte: &u8| CLASSES[usize::from(*byte)] > LETTER;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        if eight.iter().fold(false, |any, byte| any | is_special(byte)) {
            at += eight.iter().position(is_special).unwrap_or(0);
            break;
        }
        at += 8;
    }
    let inside = at.checked_sub(1).is_some_and(|before| CLASSES[usize::from(text[before])] == LETTER);
    if inside { end_of_word(text, at) } else { at }
}

fn end_of_word(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| matches!(CLASSES[usize::from(*byte)], LETTER | DIGIT)) {
        at += 1;
    }
    at
}

/// Of digits alone.
fn end_of_number(text: &[u8], mut at: usize) -> Option<usize> {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    let more = text.get(at).is_some_and(|byte| *byte == b'.' || CLASSES[usize::from(*byte)] == LETTER);
    (!more).then_some(at)
}

/// `order by 1`, `group by a, 2`: such a number is no value.
fn may_name_a_column(text: &[u8], at: usize) -> bool {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let end = text[..at].iter().rposition(|byte| !is_space(byte)).map_or(0, |last| last + 1);
    let before = &text[..end];
    match before.last() {
        Some(b',') => before.windows(4).any(|four| !is_letter(four[0]) && is_by(&four[1..3]) && !is_letter(four[3])),
        _ => before.len() >= 2 && is_by(&before[before.len() - 2..]),
    }
}

fn is_by(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"by")
}

fn is_letter(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == LETTER
}

/// `--`, `/*`, `.5`
fn is_followed(text: &[u8], at: usize) -> bool {
    match (text[at], text.get(at + 1)) {
        (b'-', Some(b'-')) | (b'/', Some(b'*')) => true,
        (b'.', Some(next)) => next.is_ascii_digit(),
        _ => false,
    }
}

const PLAIN: u8 = 0;
/// What may be in a name.
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const DOUBTFUL: u8 = 3;
/// Quotes, parameters, what separates statements.
const OTHER: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 128.. => LETTER,
            b'0'..=b'9' => DIGIT,
            b'-' | b'/' | b'.' => DOUBTFUL,
            b'\'' | b'"' | b'$' | b';' | b'\\' | b'`' | 0 => OTHER,
            _ => PLAIN,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::digest::statements;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&[&str]>) {
        let found = skeleton(text.as_bytes());
        let numbers = found.map(|found| found.numbers().map(|(begin, end)| &text[begin..end]).collect::<Vec<_>>());
        assert_eq!(numbers.as_deref(), expected, "{text}");
    }

    #[test]
    fn numbers_of_plain_texts() {
        check("select a1 from t_2 where id = 42 and b=-7 limit 10;", Some(&["42", "7", "10"]));
        check("select t.a from s.t", Some(&[]));
        check("select 1+2,3", Some(&["1", "2", "3"]));
        check("select é1, 5", Some(&["5"]));
        for text in [
            "select a from t order by 1",
            "select a from t group\tBY\n1",
            "select a from t order by a, 2",
            "'1'",
            "\"1\"",
            "$1",
            "1.5",
            ".5",
            "1e5",
            "0x1F",
            "1_000",
            "select 1; select 2",
            "-- 1",
            "/* 1 */ 2",
            "t.1",
            "1a",
        ] {
            check(text, None);
        }
        check("select 1,2,3,4,5,6,7,8,9", None);
    }

    /// With another number in place of each it reads the same.
    fn unchanged(text: &str, other: u32) -> Result<(), TestCaseError> {
        let Some(found) = skeleton(text.as_bytes()) else { return Ok(()) };
        let (mut changed, mut from) = (String::new(), 0);
        for (begin, end) in found.numbers() {
            changed += &text[from..begin];
            changed += &other.to_string();
            from = end;
        }
        changed += &text[from..];
        let read = |text: &str| statements(text.as_bytes(), false).map(|one| one.reading).collect::<Vec<_>>();
        prop_assert_eq!(read(text), read(&changed), "{} {}", text, changed);
        Ok(())
    }

    proptest! {
        #[test]
        fn other_numbers_make_no_other_shape(text in "[a-c1-9 =<>+*/(),.;'$_-]{0,30}", other in 1_u32..99_999) {
            unchanged(&text, other)?;
        }

        #[test]
        fn nor_where_something_is_ordered(text in "(select |by |\nBY\n|\\(by|by\x0b|a|b |, |,|1|2 |\\*|\\(|\\) |limit ){0,12}", other in 1_u32..99) {
            unchanged(&format!("select a from t {text}"), other)?;
        }
    }
}
