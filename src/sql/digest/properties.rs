//! What holds for all shapes: texts made of pieces, written in two ways.

use proptest::prelude::*;

use super::*;
use crate::sql::facts::facts;

/// Pieces of statements, one token each; in small letters.
const WORDS: &[&str] = &[
    "select",
    "insert",
    "into",
    "update",
    "delete",
    "from",
    "where",
    "and",
    "or",
    "not",
    "in",
    "any",
    "array",
    "values",
    "limit",
    "offset",
    "fetch",
    "first",
    "returning",
    "with",
    "as",
    "case",
    "end",
    "cast",
    "date",
    "interval",
    "timestamp",
    "double",
    "precision",
    "null",
    "true",
    "default",
    "for",
    "share",
    "set",
    "like",
    "between",
    "is",
    "distinct",
    "join",
    "on",
    "using",
    "begin",
    "savepoint",
    "close",
    "execute",
    "create",
    "atomic",
    "a",
    "b",
    "tab_le",
    "longer_than_eight",
    "pg_type",
    "int4",
    "text",
];

const SYMBOLS: &[&str] =
    &["=", "<", ">", "<>", "+", "*", "||", "->>", "::", ",", ",", ".", "(", ")", "[", "]", "(", ")"];

/// One token.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Word(&'static str),
    Quoted(&'static str),
    Symbol(&'static str),
    Value(u32),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(Part::Word),
        1 => prop::sample::select(&["A", "a b", "select", "é\"\""][..]).prop_map(Part::Quoted),
        5 => prop::sample::select(SYMBOLS).prop_map(Part::Symbol),
        4 => any::<u32>().prop_map(Part::Value),
    ]
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(part(), 1..25)
}

/// Without what means something else where a value is written in another way: two strings one behind the other are one, a
/// type's length is no value, and neither is what stands behind a type a cast; a sign is
/// part of a number only.
fn plain() -> impl Strategy<Value = Vec<Part>> {
    const TYPES: &[&str] = &["date", "interval", "timestamp", "double", "int4", "text"];
    let ends = |part: &Part| matches!(part, Part::Value(_) | Part::Symbol("[" | "(" | "."));
    parts().prop_map(move |mut parts| {
        parts.retain(|part| {
            !matches!(part, Part::Symbol("::" | "+")) && !matches!(part, Part::Word(word) if TYPES.contains(word))
        });
        let behind: Vec<bool> = parts.iter().skip(1).map(ends).chain([false]).collect();
        let kept = parts.into_iter().zip(behind).filter(|(part, behind)| !(*behind && matches!(part, Part::Value(_))));
        std::iter::once(Part::Word("b")).chain(kept.map(|(part, _)| part)).collect()
    })
}

/// Values that look like nothing else.
const MARK: &str = "5ec2e7";

/// The same statement in one of its many ways: `style` chooses case, space and literals.
fn write(parts: &[Part], mut style: u64) -> String {
    let mut text = String::new();
    for part in parts {
        style = style.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let chosen = (style >> 40) as usize;
        text.push_str([" ", "\n\t", " /* 'x /* y */ */ ", " -- z'\n", "  "][chosen % 5]);
        match part {
            Part::Word(word) if chosen & 64 == 0 => text.push_str(word),
            Part::Word(word) => text.push_str(&word.to_ascii_uppercase()),
            Part::Quoted(name) => text.push_str(&format!("\"{name}\"")),
            Part::Symbol(symbol) => text.push_str(symbol),
            Part::Value(number) => text.push_str(&literal(chosen / 128, *number)),
        }
    }
    text
}

fn literal(style: usize, number: u32) -> String {
    match style % 6 {
        0 => format!("'{MARK}{number}'"),
        1 => format!("E'\\'{MARK}'::text"),
        2 => format!("$x${MARK} ' $x$"),
        3 => format!("77{number}77.5"),
        4 => format!("'{MARK}''{number}'::numeric(10, 2)[]"),
        _ => format!("${}", number % 1000),
    }
}

/// Not split at their own `;`, which they have none of: whether parentheses and bodies are closed.
fn is_balanced(parts: &[Part]) -> bool {
    let mut depth = 0;
    for part in parts {
        match part {
            Part::Symbol("(") => depth += 1,
            Part::Symbol(")") => depth -= 1,
            Part::Word("create") => return false,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

fn digests(text: &str) -> Vec<Digest> {
    statements(text.as_bytes(), false).map(|statement| statement.reading.digest).collect()
}

fn reading(text: &str) -> Reading {
    let found: Vec<_> = statements(text.as_bytes(), false).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0].reading
}

/// What it is, without the numbers of its parameters.
fn known(reading: Reading) -> (Digest, Kind, Traits, u16, u8) {
    (reading.digest, reading.kind, reading.traits, reading.list, reading.used)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..200), backslash: bool) {
        let mut end = 0;
        for statement in statements(&text, backslash) {
            prop_assert!(end <= statement.begin && statement.begin < statement.end && statement.end <= text.len());
            prop_assert!(statement.reading.digest != Digest(0));
            end = statement.end;
            facts(&text, backslash, &statement.reading);
        }
    }

    #[test]
    fn however_it_is_written(parts in plain(), one: u64, other: u64) {
        prop_assert_eq!(known(reading(&write(&parts, one))), known(reading(&write(&parts, other))));
    }

    #[test]
    fn one_behind_the_other(one in plain(), other in plain(), style: u64) {
        if !is_balanced(&one) {
            return Ok(());
        }
        let (one, other) = (write(&one, style), write(&other, !style));
        let both = digests(&format!("{one}\n;{other}"));
        prop_assert_eq!(both, [digests(&one), digests(&other)].concat());
    }

    /// A word more, or another one, is another shape.
    #[test]
    fn another_token_is_another_shape(parts in plain(), at: prop::sample::Index, style: u64) {
        // A name that says nothing may be any.
        let names = ["savepoint", "close", "execute", "fetch"];
        prop_assume!(!parts.iter().any(|part| matches!(part, Part::Word(word) if names.contains(word))));
        let at = at.index(parts.len());
        let mut others = parts.clone();
        others.insert(at, Part::Word("another"));
        let mut changed = parts.clone();
        changed[at] = Part::Word("another");
        let own = reading(&write(&parts, style)).digest;
        let (longer, changed) = (reading(&write(&others, style)), reading(&write(&changed, style)));
        prop_assert_ne!(own, longer.digest);
        prop_assert_ne!(own, changed.digest);
    }

    #[test]
    fn no_value_is_shown(parts in parts(), style: u64, cut: prop::sample::Index) {
        let text = write(&parts, style);
        let cut = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        for text in [&text[..], &text[..cut]] {
            for statement in statements(text.as_bytes(), false) {
                let facts = facts(text.as_bytes(), false, &statement.reading);
                let shown = format!("{} {:?} {:?} {:?}", facts.sql, facts.tables, facts.selected, facts.compared);
                prop_assert!(!shown.contains(MARK) && !shown.contains("77"), "{text}\n{shown}");
                prop_assert_eq!(facts.kind, statement.reading.kind);
            }
        }
    }
}
