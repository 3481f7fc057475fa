//! What a page was asked for: time range, filters, order, which part of a long list. Wrong values count as not given: a page
//! is for people, who mend an address and do not read an error. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::observe::history::LEVELS;

/// The query of a page's address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Ask {
    /// A name of one of [`LEVELS`].
    pub(super) range: String,
    /// Only of this database.
    pub(super) database: String,
    /// Only of this user.
    pub(super) user: String,
    /// Only of this application.
    pub(super) application_name: String,
    /// Only what contains this.
    pub(super) text: String,
    /// Only clients that do this, or findings of this kind.
    pub(super) state: String,
    /// What a list begins with.
    pub(super) sort: String,
    /// A statement.
    pub(super) digest: String,
    /// The [`tag`] of a statement's pool, where an address shall be short.
    pub(super) pool: String,
    /// Why executions are listed: `wait`, `query`, `error`, `rows`, `bytes`, or `all`; else those that were slow.
    pub(super) reason: String,
    /// Which part of a long list; the first is 0.
    pub(super) page: String,
}

/// What stays as it is in the value of a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Rows of one part of a long list.
pub(super) const ROWS: usize = 100;

impl Ask {
    /// Its place in [`LEVELS`].
    pub(super) fn level(&self) -> usize {
        LEVELS.iter().position(|level| level.name == self.range).unwrap_or_default()
    }

    /// How long the range is, in seconds.
    pub(super) fn seconds(&self) -> u32 {
        let level = LEVELS[self.level()];
        level.step * level.points as u32
    }

    /// The range in words.
    pub(super) fn span(&self) -> &'static str {
        SPANS[self.level()]
    }

    /// Rows before the first that is shown.
    pub(super) fn skipped(&self) -> usize {
        self.page.parse::<usize>().unwrap_or_default().min(PAGES_MAX) * ROWS
    }

    /// Whether something narrows the list.
    pub(super) fn is_narrow(&self) -> bool {
        let filters = [&self.database, &self.user, &self.application_name, &self.text, &self.state, &self.reason];
        filters.iter().any(|filter| !filter.is_empty())
    }

    /// An address with all that was asked for, but for `changes`; the list begins anew unless they say where.
    pub(super) fn href(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let own = [
            ("range", &self.range),
            ("database", &self.database),
            ("user", &self.user),
            ("application_name", &self.application_name),
            ("text", &self.text),
            ("state", &self.state),
            ("sort", &self.sort),
            ("digest", &self.digest),
            ("pool", &self.pool),
            ("reason", &self.reason),
        ];
        let kept = own.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let pairs: Vec<(&str, &str)> = kept.map(|(name, value)| (name, &**value)).collect();
        address(path, pairs.iter().chain(changes))
    }

    /// An address of another list: of what was asked for only the time range stays.
    pub(super) fn to(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        address(path, [("range", &*self.range)].iter().chain(pairs))
    }
}

/// Stands for a pool in an address that is written ten times a row: six digits instead of two names of any length. Two pools of
/// one statement hardly ever have the same.
pub(super) fn tag(database: &str, user: &str) -> String {
    // FNV-1a, and a byte between the names that is in neither.
    let bytes = database.bytes().chain([0xff]).chain(user.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{:06x}", hash >> 8)
}

/// Nobody turns so many leaves.
const PAGES_MAX: usize = 10_000;

/// The ranges in words, in the order of [`LEVELS`].
pub(super) const SPANS: [&str; LEVELS.len()] = ["15 min", "6 h", "48 h"];

fn address<'p>(path: &str, pairs: impl Iterator<Item = &'p (&'p str, &'p str)>) -> String {
    let mut address = path.to_owned();
    for (number, (name, value)) in pairs.filter(|(_, value)| !value.is_empty()).enumerate() {
        address.push(if number == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.extend(utf8_percent_encode(value, PLAIN));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let ask = Ask { range: "6h".into(), database: "a b&c=\"<é".into(), page: "3".into(), ..Ask::default() };
        assert_eq!(ask.href("/slow", &[]), "/slow?range=6h&database=a%20b%26c%3D%22%3C%C3%A9");
        assert_eq!(ask.href("/slow", &[("database", ""), ("page", "4")]), "/slow?range=6h&page=4");
        assert_eq!(ask.to("/clients", &[("state", "waiting"), ("user", "")]), "/clients?range=6h&state=waiting");
        assert_eq!(Ask::default().to("/", &[]), "/");
    }

    #[test]
    fn tags_tell_pools_apart() {
        let check = |one: (&str, &str), two: (&str, &str)| assert_ne!(tag(one.0, one.1), tag(two.0, two.1));
        check(("app", "web"), ("appw", "eb"));
        check(("app", "web"), ("web", "app"));
        assert_eq!(tag("", "").len(), 6);
    }

    #[test]
    fn wrong_values_are_none() {
        let ask = |range: &str, page: &str| Ask { range: range.into(), page: page.into(), ..Ask::default() };
        let check = |range: &str, page: &str, seconds: u32, skipped: usize| {
            assert_eq!((ask(range, page).seconds(), ask(range, page).skipped()), (seconds, skipped), "{range} {page}");
        };
        check("", "", 900, 0);
        check("6h", "2", 21_600, 200);
        check("48h", "-1", 172_800, 0);
        check("a year", "18446744073709551615", 900, 1_000_000);
    }
}
