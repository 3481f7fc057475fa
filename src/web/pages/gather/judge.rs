//! Of each statement the numbers that health is judged by: the last minute's, or where it ran too seldom for that the last five's.

use std::collections::HashSet;

use super::Known;
use super::vitals::{Lately, MINUTE_S, Recent, called, heaviest};
use crate::observe::health::{Does, StatementHealth};
use crate::observe::insight::Wanted;
use crate::observe::store::view::Row;
use crate::sql::digest::{Digest, Kind};
use crate::sql::facts::{Compared, Facts, written};

/// All that a statement is judged by beside itself.
pub(super) struct Judge {
    minute: Recent,
    longer: Recent,
    /// What looking up by value takes; 0: not known.
    lookup_ms: f64,
    /// Columns that are found quickly by themselves, and the database of each.
    indexed: HashSet<(String, String)>,
    healths: Vec<StatementHealth>,
}

impl Judge {
    /// As of now.
    pub(super) fn of(known: &Known) -> Judge {
        let since = |seconds: u32| Recent::since(known, 0, known.seconds().saturating_sub(seconds), &Wanted::default());
        let rows = heaviest(known, &Wanted::default());
        let (minute, longer) = (since(MINUTE_S), since(LATELY_S));
        let (indexed, healths) = (HashSet::new(), Vec::new());
        let mut judge = Judge { minute, longer, lookup_ms: 0.0, indexed, healths };
        judge.learn(&rows);
        judge.healths = rows.iter().filter_map(|row| judge.health(row)).collect();
        judge
    }

    /// The quicker quarter of those who look up by value have their indexes; a mean would be that of those who have not.
    fn learn(&mut self, rows: &[Row]) {
        let judged = |row| Some((row, self.health(row)?));
        let all: Vec<(&Row, StatementHealth)> = rows.iter().filter_map(judged).collect();
        // Of several columns nobody knows which it was, and the first row of many is found without an index.
        let alone = all.iter().filter(|(row, health)| health.is_quick_lookup() && asks_for_one_thing(row));
        let alone = alone.filter_map(|(_, health)| Some((health.database.clone(), only(&health.equal)?.clone())));
        self.indexed = alone.collect();
        let all = all.into_iter().map(|(_, health)| health).collect::<Vec<_>>();
        let mut times: Vec<f64> =
            all.iter().filter(|health| health.is_lookup()).map(|health| health.usual_ms).collect();
        times.sort_by(f64::total_cmp);
        if times.len() > 1 {
            self.lookup_ms = times[(times.len() - 1) / 4];
        }
    }

    /// The heaviest statements that ran.
    pub(super) fn statements(&self) -> &[StatementHealth] {
        &self.healths
    }

    /// How often it ran in the last minute; `None` where that is not known, of the many that are not among the heaviest.
    pub(super) fn calls_in_a_minute(&self, digest: Digest, database: &str, user: &str) -> Option<f64> {
        self.minute.of_statement(digest, database, user).map(|lately| lately.calls)
    }

    /// What takes most of a pool's time, where that may be time in which it waits for locks.
    pub(super) fn held_up(&self, database: &str, user: &str) -> Option<String> {
        let its = self.healths.iter().filter(|health| health.database == database && health.user == user);
        let all: f64 = its.clone().map(|health| health.busy).sum();
        let heaviest = its.max_by(|one, two| one.busy.total_cmp(&two.busy))?;
        (heaviest.busy * 2.0 >= all && heaviest.may_wait_for_locks()).then(|| heaviest.name.clone())
    }

    /// Of this one; `None` if it did not run.
    pub(super) fn health(&self, row: &Row) -> Option<StatementHealth> {
        let often = |lately: &&Lately| lately.calls >= OFTEN;
        let (recent, lately) = match self.minute.get(row).filter(often) {
            Some(lately) => (&self.minute, lately),
            None => (&self.longer, self.longer.get(row).filter(|lately| lately.calls > 0.0)?),
        };
        let (numbers, facts) = (&row.numbers, row.facts.as_deref());
        let sql = facts.map(|facts| facts.sql.to_ascii_lowercase()).unwrap_or_default();
        // Not those of all that there have been: a table grows.
        let [rows, bytes] = numbers.lately.map(f64::from);
        let mean_ms = lately.query_ms / lately.calls;
        let usually = |part: f64| lately.quantile(part, numbers.query.quantile(part).as_secs_f64() * 1e3).min(mean_ms);
        let equal = facts.map(equal).unwrap_or_default();
        let indexed = equal.iter().any(|column| self.indexed.contains(&(row.database.to_string(), column.clone())));
        Some(StatementHealth {
            digest: row.digest.to_string(),
            database: row.database.to_string(),
            user: row.user.to_string(),
            name: facts.map_or_else(|| format!("statement {}", row.digest), called),
            calls: lately.calls,
            recent: self.minute.get(row).map_or(0.0, |lately| lately.calls),
            mean_ms,
            usual_ms: usually(0.5),
            quick_ms: usually(0.1),
            share: recent.share(lately),
            busy: lately.query_ms / 1e3 / recent.seconds,
            rows,
            row_bytes: bytes / rows.max(1.0),
            does: facts.map(|facts| does(facts.kind, &sql)).unwrap_or_default(),
            tables: facts.map(|facts| facts.tables.clone()).unwrap_or_default(),
            equal,
            index: facts.filter(|_| !sql.contains(" or ")).and_then(index),
            indexed,
            aggregates: facts.is_some_and(|facts| facts.aggregate.is_some() || aggregates(&sql)),
            star: facts.is_some_and(|facts| facts.star),
            ordered: facts.is_some_and(|facts| facts.limit && sql.contains("order by")),
            hint: hint(&sql),
            lookup_ms: self.lookup_ms,
        })
    }
}

/// Whether it has one condition, and returns all that fulfils it.
fn asks_for_one_thing(row: &Row) -> bool {
    row.facts.as_deref().is_some_and(|facts| facts.compared.iter().flatten().count() == 1 && !facts.limit)
}

fn only<T>(all: &[T]) -> Option<&T> {
    if let [one] = all { Some(one) } else { None }
}

fn does(kind: Kind, sql: &str) -> Does {
    match kind {
        Kind::Select
            if [" for update", " for no key", " for share", " for key"].iter().any(|word| sql.contains(word)) =>
        {
            Does::Locks
        }
        Kind::Select => Does::Reads,
        Kind::Update | Kind::Delete | Kind::Merge => Does::Changes,
        Kind::Insert | Kind::Copy | Kind::Transparent | Kind::Other => Does::Other,
    }
}

/// Columns that an index would be of use for.
fn sought(facts: &Facts) -> impl Iterator<Item = &Compared> {
    facts.compared.iter().flatten().filter(|compared| compared.equal && !compared.cast)
}

fn equal(facts: &Facts) -> Vec<String> {
    let named = sought(facts).map(|compared| match &compared.table {
        Some(table) => format!("{}.{}", written(table), written(&compared.column)),
        None => written(&compared.column),
    });
    named.collect()
}

fn index(facts: &Facts) -> Option<String> {
    let table = sought(facts).next()?.table.as_deref()?;
    let named = |name: &&String| name.rsplit('.').next() == Some(table);
    let whole = facts.tables.iter().find(named).map_or(table, String::as_str);
    let mut columns: Vec<String> = Vec::new();
    for column in sought(facts).map(|compared| written(&compared.column)) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let one_table = sought(facts).all(|compared| compared.table.as_deref() == Some(table));
    one_table.then(|| format!("{} ({})", written(whole), columns.join(", ")))
}

fn aggregates(sql: &str) -> bool {
    ["group by", "count(", "sum(", "max(", "min(", "avg("].iter().any(|word| sql.contains(word))
}

/// What stands behind WHERE is why it is slow.
fn hint(sql: &str) -> Option<&'static str> {
    let (_, asked) = sql.split_once(" where ")?;
    let hints = [
        (" offset ", "OFFSET reads all that it skips: go on from the last key instead."),
        (
            "like $",
            "LIKE finds the middle of a text by an index of trigrams (pg_trgm), and its begin by text_pattern_ops.",
        ),
        ("lower(", "What it compares is an expression: that needs an index of its own, ON t (lower(c))."),
        ("upper(", "What it compares is an expression: that needs an index of its own, ON t (upper(c))."),
    ];
    hints.into_iter().find(|(word, _)| asked.contains(word)).map(|(_, hint)| hint)
}

/// The last minute is enough of what ran so often in it.
const OFTEN: f64 = 20.0;

/// Otherwise five.
const LATELY_S: u32 = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{digest::statements, facts::facts};

    fn of(text: &str) -> Facts {
        let reading = statements(text.as_bytes(), false).next().unwrap().reading;
        facts(text.as_bytes(), false, &reading)
    }

    #[test]
    fn indexes() {
        #[track_caller]
        fn check(text: &str, wanted: Option<&str>) {
            assert_eq!(index(&of(text)).as_deref(), wanted, "{text}");
        }
        check("select id from b.docs where slug = 'x'", Some("b.docs (slug)"));
        check("select 1 from \"Customer Events\" where \"userId\" = 5", Some("\"Customer Events\" (\"userId\")"));
        check("update lines set n = 2 where order_id = 5 and sku = 'x'", Some("lines (order_id, sku)"));
        check("select 1 from t where a = 1 and a = 2", Some("t (a)"));
        // What is cast has no use for one, nor what is of two tables.
        check("select 1 from t where a::text = 'x'", None);
        check("select 1 from t join u on u.id = t.u_id where t.a = 1 and u.b = 2", None);
        check("select 1 from t where a > 5", None);
    }

    #[test]
    fn what_texts_tell() {
        let kinds = |text: &str| (does(of(text).kind, text), aggregates(text), hint(text).map(|hint| &hint[..4]));
        assert_eq!(kinds("select a from t where b = 1"), (Does::Reads, false, None));
        assert_eq!(kinds("select a from t where b = 1 for update skip locked"), (Does::Locks, false, None));
        assert_eq!(kinds("delete from t where b = 1"), (Does::Changes, false, None));
        assert_eq!(kinds("insert into t values (1)"), (Does::Other, false, None));
        assert_eq!(kinds("select count(*) from t where lower(b) = $1"), (Does::Reads, true, Some("What")));
        assert_eq!(kinds("select lower(a) from t where b = $1"), (Does::Reads, false, None));
        assert_eq!(
            kinds("select a from t where b > $1 order by a limit 5 offset $2"),
            (Does::Reads, false, Some("OFFS"))
        );
        assert_eq!(kinds("select a from t where b like $1"), (Does::Reads, false, Some("LIKE")));
    }
}
