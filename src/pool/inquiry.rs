//! Asking a server what was left in its session: the question as SQL, and its answer. Pure.
//!
//! Everything is named in full, so that no search_path of the client's has a say in it.

use super::parameters::{Parameters, ROLE};
use crate::observe::pins::{Pin, Pins};
use crate::protocol::encode;
use crate::protocol::frame::cut_value;

/// What a server answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Settings that were asked for or that it lists: `None` for one that it does not know.
    settings: Vec<(String, Option<String>)>,
    /// Those of them that no server lists: their values can be had for next to nothing.
    customs: Vec<String>,
    /// How the server shows settings that are asked for whether they are set or not.
    usual: Vec<(String, String)>,
    /// Settings that the session's user may not set: somebody has.
    foreign: Vec<(String, String)>,
    /// Ties that are there.
    pins: Pins,
}

/// How a server shows a setting (name, value as a client wrote it), where that is known: `3s` for `3000`.
pub type Forms<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// Which settings are asked for beside those that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// None.
    None,
    /// Those that were set in the session and that a server lists: not those that only applications know.
    Listed,
    /// Of those too which a function of the database sets, as far as its text names them: takes a look at every function.
    InFunctions(Bodies),
}

/// Where functions have their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// In one place.
    Strings,
    /// Those in SQL may be parsed already, since Postgres 14: `BEGIN ATOMIC … END`, `RETURN …`.
    StringsAndParsed,
}

impl Bodies {
    /// Of the server that reports this.
    pub fn of(server: &Parameters) -> Bodies {
        let version = server.reported("server_version").unwrap_or_default();
        let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major >= 14) { Bodies::StringsAndParsed } else { Bodies::Strings }
    }

    fn column(self) -> &'static str {
        match self {
            Bodies::Strings => "prosrc",
            Bodies::StringsAndParsed => "COALESCE(pg_catalog.pg_get_function_sqlbody(oid), prosrc)",
        }
    }
}

/// The question: what settings of these names (and whether each is a guess), and which others, are, and what ties are there
/// among `pins`. Empty when nothing is asked.
///
/// Its rows have two columns: `=name` or `#name` and a value, NULL for one that is not set in the session, or `!` and the bit of
/// a tie, and how often it is there.
pub fn sql<'a>(names: impl Iterator<Item = (&'a str, bool)>, pins: Pins, others: Others) -> String {
    let counted = pins.iter().filter_map(|pin| Some((pin, count(pin)?)));
    let counts = counted.map(|(pin, count)| {
        format!("SELECT '!{}', (SELECT pg_catalog.count(*) FROM {count})::pg_catalog.text", pin as u8)
    });
    // No server lists it.
    let names = names.chain((others != Others::None).then_some((ROLE, false)));
    let listed = (others != Others::None).then(listed);
    let in_functions = if let Others::InFunctions(bodies) = others { Some(in_functions(bodies)) } else { None };
    named(names).into_iter().chain(counts).chain(listed).chain(in_functions).collect::<Vec<_>>().join(" UNION ALL ")
}

/// A guessed name is that of a setting which the client need not have: one that others have had is empty.
///
/// What was refused to a client is not set, whatever its value is: only what the session has set is of interest. Of settings that
/// the server does not list (those of applications, and `role`) nothing but their values is known.
fn named<'a>(names: impl Iterator<Item = (&'a str, bool)>) -> Option<String> {
    let mut rows = String::new();
    for (name, guessed) in names {
        rows.push_str(if rows.is_empty() { "(" } else { ", (" });
        encode::literal(&mut rows, name);
        let listed = !name.contains('.') && !name.eq_ignore_ascii_case(ROLE);
        rows.push_str(if listed { ", true" } else { ", false" });
        rows.push_str(if guessed { ", true)" } else { ", false)" });
    }
    (!rows.is_empty()).then(|| {
        format!(
            "SELECT pg_catalog.concat({KIND}, asked.name), CASE WHEN source OPERATOR(pg_catalog.=) 'session' \
             OR (source IS NULL AND NOT listed AND (NOT guessed \
             OR pg_catalog.current_setting(asked.name, true) OPERATOR(pg_catalog.<>) '')) \
             THEN pg_catalog.current_setting(asked.name, true) END \
             FROM (VALUES {rows}) AS asked(name, listed, guessed) LEFT JOIN pg_catalog.pg_settings AS s \
             ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower(asked.name)"
        )
    })
}

/// What a setting's name is marked with: `#` where its user may not set it. Somebody could, such as a function that runs as its
/// owner.
const KIND: &str = "CASE WHEN context OPERATOR(pg_catalog.<>) 'user' \
    AND pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'off' THEN '#' ELSE '=' END";

/// Without what is said of the transaction that has just ended: that is listed too.
fn listed() -> String {
    format!(
        "SELECT pg_catalog.concat({KIND}, name), pg_catalog.current_setting(name) FROM pg_catalog.pg_settings \
         WHERE source OPERATOR(pg_catalog.=) 'session' \
         AND name OPERATOR(pg_catalog.<>) ALL (ARRAY['transaction_isolation', 'transaction_read_only', 'transaction_deferrable'])"
    )
}

/// One that is not set any more is empty. Those that no server lists are marked.
fn in_functions(bodies: Bodies) -> String {
    let body = bodies.column();
    format!(
        "SELECT DISTINCT pg_catalog.concat(CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_settings AS s \
         WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) custom.name) THEN '=' ELSE '~' END, name), \
         pg_catalog.current_setting(name, true) \
         FROM (SELECT pg_catalog.lower(found[1]) AS name FROM pg_catalog.pg_proc, pg_catalog.regexp_matches({body}, \
         '(?:set_config[[:space:]]*[(][[:space:]]*''|[[:<:]]set[[:space:]]+(?:session[[:space:]]+)?)\
         ([[:alpha:]_][[:alnum:]_$]*[.][[:alnum:]_$.]+)', 'gi') AS matches(found) \
         WHERE pronamespace OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace) AS custom \
         WHERE pg_catalog.current_setting(name, true) OPERATOR(pg_catalog.<>) ''"
    )
}

/// The rows that are there because of a tie.
fn count(pin: Pin) -> Option<&'static str> {
    match pin {
        Pin::Lock => Some(
            "pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' \
             AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()",
        ),
        Pin::Temp => Some(
            "(SELECT relnamespace AS n FROM pg_catalog.pg_class UNION ALL SELECT pronamespace FROM pg_catalog.pg_proc \
             UNION ALL SELECT typnamespace FROM pg_catalog.pg_type) AS t \
             WHERE n OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()",
        ),
        Pin::Cursor => Some("pg_catalog.pg_cursors WHERE is_holdable"),
        Pin::Prepare => Some("pg_catalog.pg_prepared_statements WHERE from_sql"),
        Pin::Listen => Some("pg_catalog.pg_listening_channels()"),
        Pin::Load | Pin::Sequence | Pin::Setting => None,
    }
}

impl Answer {
    /// Whether the session has set nothing that was asked for, and has no ties.
    pub fn is_bare(&self) -> bool {
        self.settings.iter().all(|(_, value)| value.is_none()) && self.foreign.is_empty() && self.pins.is_empty()
    }

    /// How the server shows settings that are asked for whether they are set or not.
    pub fn take_usual(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.usual)
    }

    /// Finds out which of those the session has set: who is `known` to have set none of them has what `unset` says.
    pub fn judge_usual(&mut self, known: &Parameters, unset: &dyn Fn(&str) -> Option<String>) {
        let is_expected = |name: &str, value: &str| match known.quiet(name) {
            Some(own) => own == value,
            None => known.reported(name).is_some() || unset(name).is_none_or(|usual| usual == value),
        };
        let set = self.take_usual().into_iter().filter(|(name, value)| !is_expected(name, value));
        self.settings.extend(set.map(|(name, value)| (name, Some(value))));
    }

    /// Ties that are there, for a session that is known to have these settings: another that its user may not set can be set on
    /// no other server.
    pub fn pins(&self, known: &Parameters) -> Pins {
        let foreign = self.foreign.iter().any(|(name, _)| known.quiet(name).is_none());
        self.pins.with(Pin::Setting, foreign)
    }

    /// Settings that are carried: also those that the user may set after all, for the session has.
    pub fn carried<'a>(&'a self, known: &'a Parameters) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let settings = self.settings.iter().map(|(name, value)| (&**name, value.as_deref()));
        let foreign = self.foreign.iter().filter(|(name, _)| known.quiet(name).is_some());
        settings.chain(foreign.map(|(name, value)| (&**name, Some(&**value))))
    }

    /// What is there and not among what is `known`, in words; empty when that is nothing. A value that may be the known one in
    /// another form is no leak.
    pub fn leaks(&self, known: &Parameters, pins: Pins, forms: Forms<'_>) -> String {
        let pins = self.pins(known).without(pins);
        let settings = self.leaked(known, forms).into_iter();
        settings.chain(pins.iter().map(|pin| pin.as_str())).collect::<Vec<&str>>().join(", ")
    }

    /// Those of [`Answer::leaks`], if each is of a setting that no server lists.
    pub fn leaked_customs<'a>(&'a self, known: &'a Parameters, pins: Pins, forms: Forms<'_>) -> Option<Vec<&'a str>> {
        let leaked = self.leaked(known, forms);
        let customs = leaked.iter().all(|name| self.customs.iter().any(|custom| custom == name));
        (customs && self.pins(known).without(pins).is_empty()).then_some(leaked)
    }

    fn leaked<'a>(&'a self, known: &'a Parameters, forms: Forms<'_>) -> Vec<&'a str> {
        let unknown = |name: &str, value: &str| match known.quiet(name) {
            None => true,
            Some(own) => own != value && forms(name, own).is_some_and(|form| form != value),
        };
        let mut settings: Vec<&str> =
            self.unreported(known).filter(|(name, value)| unknown(name, value)).map(|(name, _)| name).collect();
        // Those that were asked for by name are listed, too.
        settings.sort_unstable();
        settings.dedup();
        settings
    }

    /// Settings that are known with another value than the one that is there, perhaps the same in another form: names, and those
    /// known values.
    pub fn unsure(&self, known: &Parameters) -> Vec<(String, String)> {
        let unsure = self.unreported(known).filter_map(|(name, value)| {
            let own = known.quiet(name).filter(|own| *own != value)?;
            Some((name.to_string(), own.to_string()))
        });
        unsure.collect()
    }

    /// Those that are set, and told of by no server.
    fn unreported<'a>(&'a self, known: &'a Parameters) -> impl Iterator<Item = (&'a str, &'a str)> {
        let set = self.settings.iter().filter_map(|(name, value)| Some((&**name, value.as_deref()?)));
        set.filter(|(name, value)| known.reported(name).is_none() && !(*name == ROLE && *value == "none"))
    }

    /// Takes the body of a DataRow. `None` if it is not one of the question's.
    pub fn row(&mut self, body: &[u8]) -> Option<()> {
        let rest = body.strip_prefix(&[0, 2])?;
        let (key, rest) = cut_value(rest)?;
        let (value, rest) = cut_value(rest)?;
        let (key, value) = (text(key?)?, value.map(text));
        match (key.split_at_checked(1)?, rest) {
            (("~", name), []) => {
                let set = value.flatten().filter(|value| !value.is_empty()).map(str::to_string);
                self.customs.push(name.to_string());
                self.settings.push((name.to_string(), set));
            }
            (("^", name), []) => self.usual.extend(value.flatten().map(|value| (name.to_string(), value.to_string()))),
            (("=", name), []) => self.settings.push((name.to_string(), value.flatten().map(str::to_string))),
            (("#", name), []) => match value.flatten() {
                Some(value) => self.foreign.push((name.to_string(), value.to_string())),
                None => self.settings.push((name.to_string(), None)),
            },
            (("!", pin), []) => {
                let pin = Pins::from_bits(pin.parse().ok()?);
                if value.flatten()? != "0" {
                    self.pins = self.pins | pin;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// The body of a DataRow with one column.
pub fn only(body: &[u8]) -> Option<&str> {
    let (value, rest) = cut_value(body.strip_prefix(&[0, 1])?)?;
    text(value?).filter(|_| rest.is_empty())
}

pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        let ask = |names: &[&'static str], pins, others| sql(names.iter().map(|name| (*name, false)), pins, others);
        let named = ask(&["work_mem", "a.o'k", "role"], Pins::NONE, Others::None);
        assert!(
            named.contains(
                "(VALUES ('work_mem', true, false), ('a.o''k', false, false), ('role', false, false)) AS asked"
            ),
            "{named}"
        );
        assert_eq!(
            ask(&[], Pin::Cursor.into(), Others::None),
            "SELECT '!4', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursors WHERE is_holdable)::pg_catalog.text"
        );
        let known = ask(&["x.known", "role"], Pins::NONE, Others::None);
        let listed = ask(&["x.known"], Pins::NONE, Others::Listed);
        assert_eq!(listed, format!("{known} UNION ALL {}", super::listed()));
        let role = ask(&["role"], Pins::NONE, Others::None);
        let everything = format!("{role} UNION ALL {} UNION ALL {}", super::listed(), in_functions(Bodies::Strings));
        assert_eq!(ask(&[], Pins::NONE, Others::InFunctions(Bodies::Strings)), everything);
        assert_eq!(ask(&[], Pin::Load.into(), Others::None), "");
    }

    #[test]
    fn functions_may_be_parsed_since_14() {
        for (version, bodies) in [
            ("13.9", Bodies::Strings),
            ("14.0", Bodies::StringsAndParsed),
            ("18beta1 (Debian)", Bodies::StringsAndParsed),
            ("9.6.24", Bodies::Strings),
            ("", Bodies::Strings),
        ] {
            let mut server = Parameters::default();
            server.report("server_version", version);
            assert_eq!(Bodies::of(&server), bodies, "{version}");
        }
    }

    #[test]
    fn answers() {
        let row = |key: &str, value: Option<&str>| {
            let mut body = vec![0, 2];
            body.extend((key.len() as u32).to_be_bytes());
            body.extend(key.bytes());
            body.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            body.extend(value.unwrap_or_default().bytes());
            body
        };
        let mut answer = Answer::default();
        assert_eq!(answer.row(&row("=a", Some("1"))), Some(()));
        assert_eq!(answer.row(&row("=b", None)), Some(()));
        assert_eq!(answer.row(&row("!1", Some("2"))), Some(()));
        assert_eq!(answer.row(&row("!2", Some("0"))), Some(()));
        let mut role = Answer::default();
        assert_eq!(role.row(&row("=role", Some("none"))), Some(()));
        assert_eq!(role.leaks(&Parameters::default(), Pins::NONE, &|_, _| None), "");
        assert_eq!(role.row(&row("=role", Some("x"))), Some(()));
        assert_eq!(role.leaks(&Parameters::default(), Pins::NONE, &|_, _| None), "role");
        assert_eq!(answer.row(&row("#log_statement", None)), Some(()));
        let unset = |name: &str| (name.to_string(), None);
        let settings = vec![("a".to_string(), Some("1".to_string())), unset("b"), unset("log_statement")];
        assert_eq!(answer, Answer { settings, pins: Pin::Lock.into(), ..Answer::default() });
        let mut known = Parameters::default();
        assert_eq!(answer.leaks(&known, Pins::NONE, &|_, _| None), "a, advisory_lock");
        known.set_quiet("a", "1");
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &|_, _| None), "");
        assert_eq!(answer.row(&row("#log_statement", Some("all"))), Some(()));
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &|_, _| None), "setting");
        known.set_quiet("log_statement", "all");
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &|_, _| None), "", "he may set it after all");
        // The same value in another form, as far as anybody knows.
        known.set_quiet("a", "one");
        let form = |form: &'static str| move |_: &str, own: &str| (own == "one").then(|| form.to_string());
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &|_, _| None), "");
        assert_eq!(answer.unsure(&known), [("a".to_string(), "one".to_string())]);
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &form("1")), "");
        assert_eq!(answer.leaks(&known, Pin::Lock.into(), &form("2")), "a");
        let mut custom = Answer::default();
        assert_eq!(custom.row(&row("~my.one", Some(""))), Some(()));
        assert_eq!(custom.row(&row("~my.other", Some("2"))), Some(()));
        assert_eq!(custom.leaks(&Parameters::default(), Pins::NONE, &|_, _| None), "my.other");
        let nothing = Parameters::default();
        let customs = |answer: &Answer| {
            let leaked = answer.leaked_customs(&nothing, Pins::NONE, &|_, _| None);
            leaked.map(|names| names.join(", "))
        };
        assert!(Answer::default().is_bare() && !custom.is_bare());
        assert_eq!(customs(&custom).as_deref(), Some("my.other"));
        assert_eq!(custom.row(&row("=work_mem", Some("2MB"))), Some(()));
        assert_eq!(customs(&custom), None);
        assert_eq!(only(b"\0\x01\0\0\0\x023s"), Some("3s"));
        assert!([&b""[..], b"\0\x01\xff\xff\xff\xff", b"\0\x01\0\0\0\x013s"].iter().all(|body| only(body).is_none()));
        for wrong in
            [&b""[..], b"\0\x02", b"\0\x01\0\0\0\0", b"\0\x02\0\0\0\x05=a", &[row("=a", None), vec![0]].concat()]
        {
            assert_eq!(answer.row(wrong), None);
        }
    }
}
