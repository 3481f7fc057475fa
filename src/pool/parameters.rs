//! Run-time parameters of a session, and what must be said to a server so that it has them. Pure.
//!
//! Two kinds: those that a server reports by ParameterStatus, whose value is therefore always known, and quiet ones, which
//! a client set at its start and the server does not report.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::protocol::encode;

/// Names and values, in the order in which a server reports them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Parameters {
    reported: Vec<Setting>,
    quiet: Vec<Setting>,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Setting {
    name: Arc<str>,
    value: Arc<str>,
}

/// Reported, but not for a client to set. <https://www.postgresql.org/docs/current/runtime-config-preset.html>
///
/// Not `session_authorization`: a superuser may have set it, and the next client must not have it.
const FIXED: [&str; 5] = ["server_version", "server_encoding", "integer_datetimes", "is_superuser", "in_hot_standby"];

/// Whether transactions may write, where nobody has said: an operator may change that for all at any time, with a reload. What a
/// client has set is therefore kept among the quiet ones, though it is reported.
pub const ACCESS: &str = "default_transaction_read_only";

/// Reported, and changed by the server alone unless a text says so.
pub const OF_SERVERS: [&str; 2] = [ACCESS, "in_hot_standby"];

/// Who the session is: reported, and changed by superusers only.
const AUTHORIZATION: &str = "session_authorization";

/// In whose place it acts: not reported, not listed, and not reset by RESET ALL.
pub(super) const ROLE: &str = "role";

/// How texts and values are encoded on their way.
const ENCODING: &str = "client_encoding";

/// Where names are looked for, and what is created goes.
const SEARCH_PATH: &str = "search_path";

/// Whether a search_path has the schema of temporary things in it, by whichever name.
pub fn names_temporary(search_path: &str) -> bool {
    search_path.as_bytes().windows(7).any(|word| word.eq_ignore_ascii_case(b"pg_temp"))
}

impl Parameters {
    /// The value of a reported parameter. Names are compared as Postgres does, without regard to case.
    pub fn reported(&self, name: &str) -> Option<&str> {
        find(&self.reported, name).map(|setting| &*setting.value)
    }

    /// Whether backslashes are escapes in all strings.
    pub fn reads_backslashes(&self) -> bool {
        self.reported("standard_conforming_strings") == Some("off")
    }

    /// Whether what is created without a schema may be temporary: where search_path leads to `pg_temp`.
    pub fn leads_to_temporary(&self) -> bool {
        self.quiet(SEARCH_PATH).or_else(|| self.reported(SEARCH_PATH)).is_some_and(names_temporary)
    }

    /// All that is reported: name, value.
    pub fn all_reported(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reported.iter().map(|setting| (&*setting.name, &*setting.value))
    }

    /// The server reported this.
    pub fn report(&mut self, name: &str, value: &str) {
        put(&mut self.reported, name, value);
    }

    /// The value of one that is set and not reported.
    pub fn quiet(&self, name: &str) -> Option<&str> {
        find(&self.quiet, name).map(|setting| &*setting.value)
    }

    /// The names of those that are set and not reported.
    pub fn all_quiet(&self) -> impl Iterator<Item = &str> {
        self.quiet.iter().map(|setting| &*setting.name)
    }

    /// The client no longer has it set.
    pub fn unset_quiet(&mut self, name: &str) {
        self.quiet.retain(|setting| !setting.name.eq_ignore_ascii_case(name));
    }

    /// The client set this, which the server does not report.
    pub fn set_quiet(&mut self, name: &str, value: &str) {
        put(&mut self.quiet, name, value);
    }

    /// The server has reset all; what it reports it will tell.
    pub fn forget_quiet(&mut self) {
        self.quiet.clear();
    }

    /// The Queries that make a session with `self` into one with `wanted`, none where there is no difference. Where one is refused
    /// (there is no such role any more, an object that is named has been dropped, somebody cancels), what the client sent behind it
    /// must not be run as somebody else: it finds a transaction that has failed.
    pub fn difference(&self, wanted: &Parameters) -> Vec<String> {
        let mut sql = String::new();
        self.resets(wanted, &mut sql);
        let changed = differing(&self.reported, &wanted.reported).filter(|setting| {
            let name = &setting.name;
            find(&self.reported, name).is_some() && !is_fixed(name) && !is_access(name)
        });
        let quiet = differing(&self.quiet, &wanted.quiet);
        let mut settings: Vec<&Setting> = changed.chain(quiet).collect();
        // Who one is comes last: somebody else may not be allowed to set the rest.
        settings.sort_by_key(|setting| rank(&setting.name));
        // Postgres reads a text in the encoding that was there before it.
        let is_encoding = |setting: &&Setting| setting.name.eq_ignore_ascii_case(ENCODING);
        let (first, rest): (Vec<&Setting>, Vec<&Setting>) = settings.into_iter().partition(is_encoding);
        let set = |settings: &[&Setting]| set_all(settings.iter().map(|one| (&*one.name, &*one.value)));
        sql.extend(set(&rest));
        match (set(&first), sql.is_empty()) {
            (None, true) => Vec::new(),
            (None, false) => vec![whole(&sql)],
            (Some(encoding), true) => vec![whole(&encoding)],
            (Some(encoding), false) => vec![whole(&encoding), whole(&sql)],
        }
    }

    /// What all values take.
    pub(super) fn bytes(&self) -> usize {
        self.reported.iter().chain(&self.quiet).map(|setting| setting.value.len()).sum()
    }

    /// In whose place the session acts.
    fn role(&self) -> Option<&str> {
        self.quiet(ROLE)
    }

    /// Who the session is.
    fn own(&self) -> Option<&str> {
        self.reported(AUTHORIZATION)
    }

    /// Back to whoever logged in, if the session is somebody else; RESET for each quiet parameter that is set and not wanted.
    fn resets(&self, wanted: &Parameters, sql: &mut String) {
        if self.own() != wanted.own() {
            sql.push_str("RESET SESSION AUTHORIZATION; ");
        }
        if self.role().is_some() && self.role() != wanted.role() {
            sql.push_str("RESET ROLE; ");
        }
        let wanted = Index::of(&wanted.quiet);
        for setting in &self.quiet {
            if wanted.find(&setting.name).is_none() && rank(&setting.name) == 0 {
                reset(sql, &setting.name);
            }
        }
    }
}

/// As one transaction, whatever those of the session are like by default: a deferrable one would wait for others.
pub(super) fn whole(sql: &str) -> String {
    format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}; COMMIT", sql.trim_end_matches("; "))
}

pub(super) fn reset(sql: &mut String, name: &str) {
    sql.push_str("RESET ");
    encode::setting_name(sql, name);
    sql.push_str("; ");
}

/// A SELECT that sets these parameters for the session, of very many several; `None` where there are none.
pub fn set_all<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut sql = String::new();
    for (number, (name, value)) in settings.into_iter().enumerate() {
        sql.push_str(match number {
            0 => "SELECT ",
            // A list of 1,664 is the longest that Postgres takes.
            number if number % 1_000 == 0 => "; SELECT ",
            _ => ", ",
        });
        set_config(&mut sql, name, value);
    }
    (!sql.is_empty()).then_some(sql)
}

/// A call that sets one parameter for the session. Not `SET`, which would take a list like a search_path for one name.
pub fn set_config(sql: &mut String, name: &str, value: &str) {
    sql.push_str("pg_catalog.set_config(");
    encode::literal(sql, name);
    sql.push_str(", ");
    encode::literal(sql, value);
    sql.push_str(", false)");
}

/// The order in which parameters are set.
pub(super) fn rank(name: &str) -> u8 {
    match name {
        _ if name.eq_ignore_ascii_case(AUTHORIZATION) => 1,
        _ if name.eq_ignore_ascii_case(ROLE) => 2,
        _ => 0,
    }
}

/// Whether it is [`ACCESS`].
pub fn is_access(name: &str) -> bool {
    name.eq_ignore_ascii_case(ACCESS)
}

pub(super) fn is_fixed(name: &str) -> bool {
    FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name))
}

fn find<'a>(settings: &'a [Setting], name: &str) -> Option<&'a Setting> {
    settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

fn put(settings: &mut Vec<Setting>, name: &str, value: &str) {
    match settings.iter_mut().find(|setting| setting.name.eq_ignore_ascii_case(name)) {
        // Else who changes one of many large ones would have all of them twice.
        Some(setting) if *setting.value == *value => {}
        Some(setting) => setting.value = value.into(),
        None => settings.push(Setting { name: name.into(), value: value.into() }),
    }
}

/// What `wanted` has with another value than `present`, or alone.
fn differing<'a>(present: &'a [Setting], wanted: &'a [Setting]) -> impl Iterator<Item = &'a Setting> {
    let present = Index::of(present);
    wanted.iter().filter(move |setting| present.find(&setting.name).is_none_or(|other| other.value != setting.value))
}

/// A list that all names of another are looked up in: a long one by a table, for a client can make it as long as it likes.
enum Index<'a> {
    Short(&'a [Setting]),
    Long(HashMap<String, &'a Setting>),
}

/// More than most clients have, reported ones included.
const LONG: usize = 40;

impl<'a> Index<'a> {
    fn of(settings: &'a [Setting]) -> Index<'a> {
        if settings.len() <= LONG {
            return Index::Short(settings);
        }
        Index::Long(settings.iter().map(|setting| (setting.name.to_ascii_lowercase(), setting)).collect())
    }

    fn find(&self, name: &str) -> Option<&'a Setting> {
        match self {
            Index::Short(settings) => find(settings, name),
            Index::Long(table) => table.get(&name.to_ascii_lowercase()).copied(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `A=x b=y`: upper case is reported, lower case is quiet.
    pub(in crate::pool) fn parse(text: &str) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, value) in text.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            if name.starts_with(|c: char| c.is_uppercase()) || is_fixed(name) {
                parameters.report(name, value);
            } else {
                parameters.set_quiet(name, value);
            }
        }
        parameters
    }

    #[track_caller]
    fn check(present: &str, wanted: &str, expected: &str) {
        let sql = parse(present).difference(&parse(wanted));
        let within: Vec<String> = expected.split(" / ").filter(|sql| !sql.is_empty()).map(whole).collect();
        assert_eq!(
            sql.join(" / ").replace("pg_catalog.set_config", "set"),
            within.join(" / "),
            "{present} -> {wanted}"
        );
    }

    #[test]
    fn differences() {
        check("", "", "");
        check("A=1 B=2", "A=1 B=2", "");
        check("A=1 B=2", "A=1 B=3", "SELECT set('B', '3', false)");
        check("A=1", "a=1", "SELECT set('a', '1', false)");
        check("A=1 B=2", "A=5 B=6", "SELECT set('A', '5', false), set('B', '6', false)");
        check("A=1 q=2", "A=1", r#"RESET "q""#);
        check("A=1 q=2", "A=1 q=2", "");
        check("q=2", "q=3 r=4", "SELECT set('q', '3', false), set('r', '4', false)");
        check("my.q=2", "A=1 r=o'k", r#"RESET "my"."q"; SELECT set('r', 'o''k', false)"#);
        check("A=1", "B=1", "");
        check("server_version=14 A=1", "server_version=15 A=1", "");
        check(
            "Session_authorization=a A=1",
            "Session_authorization=b A=2",
            "RESET SESSION AUTHORIZATION; SELECT set('A', '2', false), set('Session_authorization', 'b', false)",
        );
        check("role=x", "q=1", "RESET ROLE; SELECT set('q', '1', false)");
        check("q=1", "role=x", r#"RESET "q"; SELECT set('role', 'x', false)"#);
        check("role=x", "role=y q=1", "RESET ROLE; SELECT set('q', '1', false), set('role', 'y', false)");
        check("role=x", "role=x", "");
        // What follows is read in the new encoding.
        let (latin, utf) = ("Client_encoding=LATIN1 q=1", "Client_encoding=UTF8 role=x");
        check(
            latin,
            utf,
            r#"SELECT set('Client_encoding', 'UTF8', false) / RESET "q"; SELECT set('role', 'x', false)"#,
        );
        // Reported, and the operator's until somebody sets it.
        let (off, on) = ("Default_transaction_read_only=off", "Default_transaction_read_only=on");
        check(on, off, "");
        let (set, reset) =
            (format!("{off} default_transaction_read_only=off"), "RESET \"default_transaction_read_only\"");
        check(on, &set, "SELECT set('default_transaction_read_only', 'off', false)");
        check(&set, off, reset);
    }

    #[test]
    fn long_lists_are_as_short_ones() {
        let list = |values: &dyn Fn(usize) -> usize| {
            (0..2 * LONG).map(|n| format!("my.s{n}={} ", values(n))).collect::<String>()
        };
        let (one, other) = (list(&|n| n), list(&|n| if n == 7 { 0 } else { n }));
        check(&one, &one.to_lowercase(), "");
        check(&one, &other, "SELECT set('my.s7', '0', false)");
        check(&other, &(one.clone() + "q=1"), "SELECT set('my.s7', '7', false), set('q', '1', false)");
        check(&(one.clone() + "q=1"), &one, r#"RESET "q""#);
        let mut upper = parse(&one);
        upper.set_quiet("MY.S3", "4");
        assert_eq!(upper.difference(&parse(&one)).len(), 1);
    }

    #[test]
    fn what_is_created_may_be_temporary() {
        assert!(!parse("A=1 search_path=public").leads_to_temporary());
        assert!(parse("A=1 search_path=public,PG_TEMP").leads_to_temporary());
        assert!(parse("Search_path=pg_temp_3").leads_to_temporary());
    }

    #[test]
    fn names_have_no_case() {
        let mut parameters = parse("DateStyle=ISO");
        parameters.report("datestyle", "German");
        assert_eq!(parameters.reported("DATESTYLE"), Some("German"));
        assert_eq!(parameters.all_reported().collect::<Vec<_>>(), [("DateStyle", "German")]);
    }

    #[test]
    fn what_stays_is_shared() {
        let mut one = parse("my.text=long my.other=1");
        let before = one.clone();
        one.set_quiet("my.text", "long");
        one.set_quiet("my.other", "2");
        let value = |parameters: &Parameters| find(&parameters.quiet, "my.text").unwrap().value.as_ptr();
        assert_eq!(value(&one), value(&before));
    }

    #[test]
    fn more_than_one_list_holds() {
        let names: Vec<String> = (0..2_500).map(|n| format!("my.s{n}")).collect();
        let sql = set_all(names.iter().map(|name| (name.as_str(), "1"))).unwrap();
        assert_eq!((sql.matches("; SELECT ").count(), sql.matches("set_config").count()), (2, 2_500));
    }
}
