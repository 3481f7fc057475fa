//! What is asked after a statement that is known to set settings of the application, and nothing else so far: those, and what
//! functions usually set beside them. Such values can be had for next to nothing, as long as it is known what they are where
//! nobody has set them. Pure.

use super::parameters::{Parameters, ROLE};
use crate::protocol::encode;

/// Settings that functions set for those who call them: what names mean, what may be seen, how long things may take.
pub const USUAL: [&str; 7] = [
    "search_path",
    "row_security",
    "session_replication_role",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "work_mem",
];

/// The question: the rows are `~name` and the value for settings of these names that no server lists, `=role`, and `^name` and how
/// the server shows it for the usual ones.
pub fn sql<'a>(names: impl Iterator<Item = &'a str>) -> String {
    values(names.map(|name| ("~", name)).chain([("=", ROLE)]).chain(USUAL.map(|name| ("^", name))))
}

/// The same without the usual ones.
pub fn customs<'a>(names: impl Iterator<Item = &'a str>) -> String {
    values(names.map(|name| ("~", name)))
}

fn values<'a>(asked: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let rows = asked.map(|(kind, name)| {
        let mut row = "(".to_string();
        encode::literal(&mut row, &format!("{kind}{name}"));
        row.push_str(", pg_catalog.current_setting(");
        encode::literal(&mut row, name);
        row.push_str(", true))");
        row
    });
    format!("VALUES {}", rows.collect::<Vec<_>>().join(", "))
}

/// A part of the question after everything: the usual ones where the session has not set them, NULL where it has.
pub fn unset() -> String {
    format!(
        "SELECT pg_catalog.concat('^', name), CASE WHEN source OPERATOR(pg_catalog.<>) 'session' \
         THEN pg_catalog.current_setting(name) END \
         FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY ('{{{}}}')",
        USUAL.join(",")
    )
}

/// Whether it can be judged what a client has of all of them: `unset` says how a setting is shown that nobody has set.
pub fn can_be_judged(known: &Parameters, unset: impl Fn(&str) -> bool) -> bool {
    USUAL.iter().all(|name| known.quiet(name).is_some() || known.reported(name).is_some() || unset(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        assert_eq!(customs(["a.b"].into_iter()), "VALUES ('~a.b', pg_catalog.current_setting('a.b', true))");
        let asked = sql(["my.one", "my.o'k"].into_iter());
        let begin = "VALUES ('~my.one', pg_catalog.current_setting('my.one', true)), \
            ('~my.o''k', pg_catalog.current_setting('my.o''k', true)), ('=role', pg_catalog.current_setting('role', true)), \
            ('^search_path', pg_catalog.current_setting('search_path', true)), ";
        assert!(asked.starts_with(begin), "{asked}");
        assert!(unset().ends_with(
            "ANY ('{search_path,row_security,session_replication_role,statement_timeout,lock_timeout,\
            idle_in_transaction_session_timeout,work_mem}')"
        ));
    }

    #[test]
    fn what_can_be_judged() {
        let mut known = Parameters::default();
        assert!(can_be_judged(&known, |_| true) && !can_be_judged(&known, |name| name != "search_path"));
        known.set_quiet("search_path", "x");
        assert!(can_be_judged(&known, |name| name != "search_path"));
    }
}
