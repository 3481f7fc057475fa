//! Whether a text calls a function that is none of those everybody knows, and so may change the session without saying so. A look at
//! bytes, not at tokens: what only looks like a call (in a string, a comment, the name of a table) counts as one. Pure.

use memchr::memchr_iter;

/// Whether `text` may call such a function.
pub(super) fn calls(text: &[u8]) -> bool {
    memchr_iter(b'(', text).any(|at| is_call(text[..at].trim_ascii_end()))
}

/// Whether the name at the end of this is called by the parenthesis behind it.
fn is_call(before: &[u8]) -> bool {
    if before.ends_with(b"*/") {
        return true;
    }
    if let Some(quoted) = before.strip_suffix(b"\"") {
        let begin = quoted.iter().rposition(|byte| *byte == b'"').unwrap_or(0);
        return !names_a_table(&quoted[..begin]);
    }
    let length = before.iter().rev().take_while(|byte| is_of_name(**byte)).count();
    let (rest, name) = before.split_at(before.len() - length);
    match name.first() {
        None => false,
        Some(first) if first.is_ascii_digit() || *first == b'$' => false,
        Some(_) if names_a_table(rest) => false,
        Some(_) => !is_known(name) || !is_of_postgres(rest),
    }
}

/// Whether a name that stands behind this has no schema, or Postgres' own.
fn is_of_postgres(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    before.strip_suffix(b".").is_none_or(|schema| schema.trim_ascii_end().to_ascii_lowercase().ends_with(b"pg_catalog"))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Behind these words stands the name of a table, and its columns in parentheses: INSERT INTO t (a, b).
const OF_TABLES: [&[u8]; 5] = [b"into", b"copy", b"table", b"exists", b"references"];

/// Whether a name stands behind one of those, also with its schema.
fn names_a_table(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let schema = before.strip_suffix(b".").map(|schema| {
        let length = schema.iter().rev().take_while(|byte| is_of_name(**byte) || **byte == b'"').count();
        schema[..schema.len() - length].trim_ascii_end()
    });
    let before = schema.unwrap_or(before);
    let ends =
        |word: &&[u8]| before.len() >= word.len() && before[before.len() - word.len()..].eq_ignore_ascii_case(word);
    OF_TABLES.iter().any(ends)
}

/// Postgres' own words and the functions that most programs call: what those change is known to `effects`. What begins with `pg_` is
/// Postgres' own as well.
fn is_known(name: &[u8]) -> bool {
    let mut lower = [0; LONGEST];
    let Some(lower) = lower.get_mut(..name.len()) else { return false };
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let begins = |prefix: &[u8]| lower.starts_with(prefix);
    begins(b"pg_") || begins(b"json") || KNOWN.binary_search(&&*lower).is_ok()
}

/// No name below is longer.
const LONGEST: usize = 24;

/// In order.
const KNOWN: [&[u8]; 183] = [
    b"abs",
    b"age",
    b"all",
    b"and",
    b"any",
    b"array",
    b"array_agg",
    b"array_append",
    b"array_length",
    b"array_position",
    b"array_remove",
    b"array_to_string",
    b"as",
    b"asc",
    b"avg",
    b"between",
    b"bit",
    b"bool_and",
    b"bool_or",
    b"btrim",
    b"by",
    b"case",
    b"cast",
    b"ceil",
    b"ceiling",
    b"char",
    b"char_length",
    b"character",
    b"check",
    b"coalesce",
    b"concat",
    b"concat_ws",
    b"conflict",
    b"count",
    b"cube",
    b"cume_dist",
    b"current_date",
    b"current_setting",
    b"current_timestamp",
    b"currval",
    b"date_part",
    b"date_trunc",
    b"daterange",
    b"decimal",
    b"decode",
    b"default",
    b"dense_rank",
    b"desc",
    b"distinct",
    b"do",
    b"else",
    b"encode",
    b"every",
    b"except",
    b"exists",
    b"extract",
    b"filter",
    b"first_value",
    b"float",
    b"floor",
    b"for",
    b"format",
    b"from",
    b"gen_random_uuid",
    b"generate_series",
    b"greatest",
    b"group",
    b"grouping",
    b"ilike",
    b"in",
    b"initcap",
    b"int4range",
    b"intersect",
    b"interval",
    b"is",
    b"join",
    b"key",
    b"lag",
    b"last_value",
    b"lastval",
    b"lateral",
    b"lead",
    b"least",
    b"left",
    b"length",
    b"like",
    b"limit",
    b"localtimestamp",
    b"lower",
    b"ltrim",
    b"make_date",
    b"make_interval",
    b"materialized",
    b"max",
    b"md5",
    b"min",
    b"mod",
    b"nextval",
    b"not",
    b"now",
    b"nth_value",
    b"ntile",
    b"nullif",
    b"numeric",
    b"octet_length",
    b"of",
    b"offset",
    b"on",
    b"or",
    b"over",
    b"overlay",
    b"partition",
    b"percent_rank",
    b"percentile_cont",
    b"percentile_disc",
    b"position",
    b"power",
    b"primary",
    b"random",
    b"rank",
    b"regexp_match",
    b"regexp_matches",
    b"regexp_replace",
    b"repeat",
    b"replace",
    b"returning",
    b"reverse",
    b"right",
    b"rollup",
    b"round",
    b"row",
    b"row_number",
    b"row_to_json",
    b"rtrim",
    b"select",
    b"set",
    b"set_config",
    b"sets",
    b"setval",
    b"sign",
    b"some",
    b"split_part",
    b"sqrt",
    b"starts_with",
    b"statement_timestamp",
    b"string_agg",
    b"string_to_array",
    b"strpos",
    b"substr",
    b"substring",
    b"sum",
    b"then",
    b"time",
    b"timestamp",
    b"timestamptz",
    b"to_char",
    b"to_date",
    b"to_json",
    b"to_jsonb",
    b"to_number",
    b"to_timestamp",
    b"to_tsquery",
    b"to_tsvector",
    b"translate",
    b"trim",
    b"trunc",
    b"tsrange",
    b"tstzrange",
    b"union",
    b"unique",
    b"unnest",
    b"update",
    b"upper",
    b"using",
    b"values",
    b"varchar",
    b"varying",
    b"when",
    b"where",
    b"width_bucket",
    b"with",
    b"within",
    b"xmlagg",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_knows_calls_nothing() {
        for text in [
            "select 1",
            "SELECT count(*), MAX (a) FROM t WHERE (a = 1 AND b IN (1, 2)) GROUP BY (a)",
            "insert into t (a, b) values ($1, lower($2)) on conflict (a) do update set b = coalesce(excluded.b, '')",
            "INSERT INTO \"public\".\"t\" (\"a\") VALUES ($1)",
            "insert into s.t(a) values (1)",
            "copy t (a, b) from stdin",
            "create table if not exists t (a int references u (a), b varchar(10))",
            "select json_build_object('a', 1), pg_sleep(1), $1(",
            "select ((1)), 'x'(",
            "select pg_catalog.lower('A'), PG_CATALOG . upper('a')",
        ] {
            assert!(!calls(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn everything_else_may() {
        for text in [
            "select enter(1)",
            "SELECT app.Enter (1)",
            "select \"Enter\"(1), count(*)",
            "call enter()",
            "select tenant.set(1)",
            "select enter/**/(1)",
            "select * from enter(1)",
            "insert into t (a) values (enter(1))",
            "select \u{e9}(1)",
            "select a_name_that_is_longer_than_any_that_is_known(1)",
        ] {
            assert!(calls(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_known_are_in_order() {
        assert!(KNOWN.is_sorted() && KNOWN.iter().all(|name| name.len() <= LONGEST));
    }
}
