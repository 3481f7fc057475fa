//! What to write instead: SQL and a sentence for each shape of loop, made of what is known of its statements. What the child
//! asks for beside the loop's value is in it, or is said to stay as it is. Pure.

use crate::observe::finding::FindingKind;
use crate::sql::digest::Kind;

mod shapes;
#[cfg(test)]
mod tests;

pub(super) use shapes::Shapes;

/// The cure.
pub(super) fn cure(kind: FindingKind, shapes: &Shapes<'_>) -> String {
    match kind {
        FindingKind::NPlusOne => n_plus_one(shapes),
        FindingKind::TreeWalk => tree_walk(shapes),
        FindingKind::DuplicateRead => {
            "Read it once and keep the result for as long as the request lasts, or cache it.".to_owned()
        }
        FindingKind::SuspectedLoop => batch(shapes),
        FindingKind::RowAtATimeInsert => inserts(shapes),
    }
}

fn n_plus_one(shapes: &Shapes<'_>) -> String {
    let Some(child) = shapes.child else { return batch(shapes) };
    match child.kind {
        Kind::Update => update(shapes),
        Kind::Delete => delete(shapes),
        _ if child.exists => exists(shapes),
        _ if child.aggregate.is_some() => aggregate(shapes),
        _ if child.limit && !shapes.is_key() => lateral(shapes),
        _ if shapes.is_deferred() => deferred(shapes),
        _ => join(shapes),
    }
}

fn join(shapes: &Shapes<'_>) -> String {
    let joined = match shapes.joined() {
        Some((parent, column)) => {
            let (table, asked, more, parents) = (shapes.table(), shapes.asked(), shapes.more(), shapes.parents());
            let conditions = if more.is_empty() && parents.is_empty() { "" } else { ", with all other conditions" };
            format!(
                "SELECT … FROM {parent} JOIN {table} ON {table}.{asked} = {column}{more}{parents}: both in one statement{conditions}. Or "
            )
        }
        None => String::new(),
    };
    format!("{joined}{} with the values of all rows: two statements in all{}.", select(shapes), shapes.note())
}

fn select(shapes: &Shapes<'_>) -> String {
    format!("SELECT {} FROM {} WHERE {}", shapes.list_with_own(), shapes.from(), shapes.any())
}

fn delete(shapes: &Shapes<'_>) -> String {
    format!("DELETE FROM {} WHERE {}: all rows at once{}.", shapes.from(), shapes.any(), shapes.note())
}

fn aggregate(shapes: &Shapes<'_>) -> String {
    let (own, list, from, any, note) = (shapes.own(), shapes.list(), shapes.from(), shapes.any(), shapes.note());
    format!(
        "SELECT {own}, {list} FROM {from} WHERE {any} GROUP BY {own}: one statement for all rows{note}; {}.",
        if shapes.counts() { "what is missing in it is zero" } else { "what is missing in it has none" }
    )
}

fn lateral(shapes: &Shapes<'_>) -> String {
    let unnested = || (format!("unnest(${}) AS p (id)", shapes.number()), "p.id".to_owned());
    let joined = shapes.joined();
    let parents = if joined.is_some() { shapes.parents() } else { "" };
    let (parent, value) = joined.unwrap_or_else(unnested);
    format!(
        "SELECT … FROM {parent} LEFT JOIN LATERAL (SELECT {} FROM {} WHERE {} ORDER BY … LIMIT …) AS c ON true{parents}: the first few of each row in one statement{}.",
        shapes.list(),
        shapes.from(),
        shapes.conditions(&format!("= {value}")),
        shapes.note()
    )
}

fn exists(shapes: &Shapes<'_>) -> String {
    let (from, own, note) = (shapes.from(), shapes.own(), shapes.note());
    match shapes.beside() {
        Some((parent, column)) => format!(
            "SELECT …, {}EXISTS (SELECT 1 FROM {from} WHERE {}) FROM {parent}{}: a semi-join in the first statement{note}.",
            if shapes.denies() { "NOT " } else { "" },
            shapes.conditions(&format!("= {column}")),
            shapes.parents()
        ),
        None => {
            let rest = if shapes.denies() { "; what is missing in it has none" } else { "" };
            format!("SELECT DISTINCT {own} FROM {from} WHERE {}: a semi-join for all rows{note}{rest}.", shapes.any())
        }
    }
}

fn update(shapes: &Shapes<'_>) -> String {
    let (table, asked, more, rest) = (shapes.table(), shapes.asked(), shapes.more(), shapes.rest());
    format!(
        "UPDATE {table} SET … = v.value FROM unnest($1, $2) AS v ({asked}, value) WHERE {table}.{asked} = v.{asked}{more}: all rows at once{rest}."
    )
}

fn deferred(shapes: &Shapes<'_>) -> String {
    let (list, table) = (shapes.bare_list(), shapes.table());
    format!(
        "Add {list} to the select list of the first statement, which reads {table} already; or {}{}.",
        select(shapes),
        shapes.note()
    )
}

fn tree_walk(shapes: &Shapes<'_>) -> String {
    let (table, asked, more) = (shapes.table(), shapes.asked(), shapes.more());
    format!(
        "WITH RECURSIVE walk AS (SELECT t.* FROM {table} AS t WHERE t.{asked} = $1{more} UNION ALL SELECT t.* FROM {table} AS t JOIN walk ON t.{asked} = walk.…{more}) SELECT {} FROM walk: all steps in one statement{}.",
        shapes.bare_list(),
        shapes.rest()
    )
}

fn batch(shapes: &Shapes<'_>) -> String {
    let kind = shapes.child.map(|child| child.kind).filter(|_| shapes.is_known());
    let all = match (kind, shapes.undecided()) {
        (None, None) => "… WHERE … = ANY($1).".to_owned(),
        (_, Some(conditions)) => format!("… WHERE {conditions}, with = ANY in place of = where the value differs."),
        (Some(Kind::Update), None) => update(shapes),
        (Some(Kind::Delete), None) => delete(shapes),
        (Some(_), None) => {
            let (own, from, any, note) = (shapes.own(), shapes.from(), shapes.any(), shapes.note());
            format!("SELECT {own}, … FROM {from} WHERE {any}{note}.")
        }
    };
    format!("If the values are known before the loop, ask for all at once: {all}")
}

fn inserts(shapes: &Shapes<'_>) -> String {
    let table = shapes.table();
    format!(
        "INSERT INTO {table} VALUES (…), (…), …: a few hundred rows a statement; or COPY {table} FROM STDIN for many."
    )
}
