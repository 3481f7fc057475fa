//! An occurrence as a finding: its proof in words, its waterfall. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::Known;
use super::climb::Pair;
use super::cure::{Shapes, cure};
use super::occurrence::{From, Occurrence, Source};
use super::run::Order;
use crate::observe::finding::{Bar, Finding, FindingKind, Parent};
use crate::observe::nanos::Nanos;
use crate::observe::report::Column;

use crate::sql::facts::Facts;

/// All of a finding that one occurrence tells. `column`: the parent's, as voted.
pub(super) fn finding(seen: &Occurrence, column: Option<String>, known: &dyn Known) -> Finding {
    let parent_facts = seen.rows().and_then(|rows| known.facts(rows.digest));
    let child_facts = known.facts(seen.child);
    let proof = proof(seen, column.as_deref());
    let shapes = Shapes {
        parent: parent_facts.as_deref(),
        child: child_facts.as_deref(),
        column: column.as_deref(),
        slot: seen.slot(),
    };
    let fix = cure(seen.kind, &shapes);
    let parent = seen.rows().map(|rows| Parent { digest: rows.digest, rows: rows.total, column });
    Finding {
        id: 0,
        kind: seen.kind,
        who: seen.who,
        parent,
        children: vec![seen.child],
        siblings: Vec::new(),
        executions: seen.n,
        distinct_parameters: seen.distinct,
        occurrences: 1,
        wasted_each: seen.wasted.into(),
        wasted: seen.wasted.into(),
        wasted_an_hour: Duration::ZERO,
        proof,
        fix,
        manner: seen.pace.manner(),
        route: None,
        waterfall: waterfall(seen),
        first_seen: Timestamp::UNIX_EPOCH,
        last_seen: Timestamp::UNIX_EPOCH,
        resolved_at: None,
    }
}

/// The parent's column: with its table where that is certain.
pub(super) fn column(seen: &Occurrence, known: &dyn Known) -> Option<String> {
    let column = seen.column()?;
    let facts = known.facts(seen.rows()?.digest);
    Some(qualified(column, facts.as_deref()))
}

fn qualified(column: &Column, facts: Option<&Facts>) -> String {
    let Some(facts) = facts else { return column.name.to_string() };
    let (renamed, name) = facts.source(&column.name);
    let only = if let [table] = facts.tables.as_slice() { Some(table.as_str()) } else { None };
    match only.or(renamed) {
        Some(table) if column.table != 0 => format!("{table}.{name}"),
        _ => name.to_owned(),
    }
}

fn proof(seen: &Occurrence, column: Option<&str>) -> String {
    let (n, distinct) = (seen.n, seen.distinct);
    let took = millis(seen.pace.last - seen.pace.first);
    match (&seen.source, seen.kind) {
        (Source::Rows(from), _) => of_rows(from, column.unwrap_or("the parent's")),
        (Source::Doubt(_), _) => format!(
            "{n} executions with {distinct} different parameters within {took}, in the order of a result before them; whether they \
             came from it is not known"
        ),
        (Source::Itself(pair), _) => of_itself(n, pair),
        (Source::None, FindingKind::DuplicateRead) if distinct > 1 => format!(
            "{n} executions with {distinct} different parameters, each several times, within {took}, and no write in between"
        ),
        (Source::None, FindingKind::DuplicateRead) => {
            format!("{n} executions with the same parameters within {took}, and no write in between")
        }
        (Source::None, FindingKind::RowAtATimeInsert) => {
            format!("{n} inserts of one row each, one after the other, within {took}")
        }
        (Source::None, _) => format!(
            "{n} executions with up to {distinct} different parameters within {took}; where the values came from was not seen"
        ),
    }
}

fn of_rows(from: &From, column: &str) -> String {
    let proof = &from.proof;
    let order = match proof.order {
        Order::Forward => "in order",
        Order::Backward => "in reverse order",
        Order::All => "in no order",
    };
    let asked = from.asked.saturating_sub(from.beyond).max(proof.n);
    let parent = match from.results {
        1 => "the parent".to_owned(),
        results => format!("{results} executions of the parent"),
    };
    let first = format!("{} of {asked} parameters were {column} values returned by {parent}, {order}", proof.n);
    match from.beyond {
        0 => first,
        more => format!("{first}; {more} more ran beyond the {} rows that were looked at", from.rows.kept),
    }
}

fn of_itself(n: u32, pair: &Pair) -> String {
    let place = pair.columns.linkable.get(usize::from(pair.column));
    let column = place.and_then(|place| pair.columns.all.get(usize::from(*place)));
    let name = column.map_or("a column", |column| &column.name);
    format!("each of {} parameters was the {name} that the execution before it had returned", n.saturating_sub(1))
}

fn millis(time: Nanos) -> String {
    format!("{:.1} ms", time.0 as f64 / 1e6)
}

fn waterfall(seen: &Occurrence) -> Vec<Bar> {
    let begin = seen.rows().map_or(seen.pace.first, |rows| rows.sent.min(seen.pace.first));
    let parent = seen.rows().map(|rows| Bar {
        digest: rows.digest,
        begin: (rows.sent - begin).into(),
        wait: rows.wait.into(),
        query: (rows.ended - rows.sent).into(),
    });
    let later = Duration::from(seen.pace.first - begin);
    let children = seen.pace.spells.iter().map(|spell| Bar {
        digest: seen.child,
        begin: later + micros(spell.begin),
        wait: micros(spell.wait),
        query: micros(spell.query),
    });
    parent.into_iter().chain(children).collect()
}

fn micros(number: u32) -> Duration {
    Duration::from_micros(u64::from(number))
}
