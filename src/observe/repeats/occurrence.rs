//! Something that was seen once, by whichever rule: what a finding is made of. Pure.

use std::sync::Arc;

use hashbrown::HashSet;

use super::climb::Pair;
use super::habit::{BREATH, SUSPECTED, Seen, VALUES};
use super::link::{Loop, Pace};
use super::names::{Agreement, agreement, descends};
use super::references::Declared;
use super::rows::Rows;
use super::run::{Needs, Order, Proof};
use crate::observe::finding::FindingKind;
use crate::observe::nanos::Nanos;
use crate::observe::report::Column;
use crate::observe::who::WhoId;
use crate::sql::digest::{Digest, Kind};
use crate::sql::facts::{Compared, Facts};

/// Seen once.
#[derive(Debug, Clone)]
pub(super) struct Occurrence {
    pub(super) kind: FindingKind,
    pub(super) child: Digest,
    pub(super) who: WhoId,
    pub(super) n: u32,
    pub(super) distinct: u32,
    pub(super) wasted: Nanos,
    pub(super) pace: Pace,
    pub(super) source: Source,
}

/// Where the values came from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Nobody knows, or nowhere.
    None,
    /// Another statement's rows.
    Rows(From),
    /// Perhaps the result with this number.
    Doubt(u64),
    /// The statement's own last row.
    Itself(Pair),
}

/// Another statement's rows.
#[derive(Debug, Clone)]
pub(super) struct From {
    pub(super) rows: Arc<Rows>,
    pub(super) proof: Proof,
    pub(super) asked: u32,
    pub(super) beyond: u32,
    /// Rows of so many results of that statement, of which this is the first.
    pub(super) results: u32,
}

impl Occurrence {
    /// Of a loop, if names do not speak against it.
    pub(super) fn of_loop(
        ended: &Loop,
        parent: Option<&Facts>,
        child: Option<&Facts>,
        bonds: Bonds<'_>,
    ) -> Option<Occurrence> {
        let rated = ended.proofs.iter().filter_map(|proof| {
            let grade = grade(ended, proof, parent, child, bonds)?;
            Some((grade, proof))
        });
        // What is compared, not what is assigned: an ORM writes the whole row back.
        let (_, proof) = rated.max_by_key(|((agreed, equal), proof)| {
            (*equal, proof.n, *agreed, proof.order != Order::All, u8::MAX - proof.column)
        })?;
        let from = From {
            rows: ended.rows.clone(),
            proof: *proof,
            asked: ended.asked,
            beyond: ended.beyond,
            results: ended.results,
        };
        Some(Occurrence {
            kind: FindingKind::NPlusOne,
            child: ended.child,
            who: ended.who,
            n: ended.n,
            distinct: proof.distinct,
            wasted: ended.pace.wasted(),
            pace: ended.pace.clone(),
            source: Source::Rows(from),
        })
    }

    /// Of a loop in the order of rows that its values are in by chance, as far as names tell: they came from somewhere.
    pub(super) fn of_doubt(ended: &Loop, child: Option<&Facts>) -> Option<Occurrence> {
        let in_order = |proof: &&Proof| proof.order != Order::All && !is_other(ended, compared(proof, child));
        let proof = ended.proofs.iter().find(in_order)?;
        let quick = ended.pace.last - ended.pace.first <= BREATH * ended.n;
        let many = ended.n >= SUSPECTED && proof.distinct as usize >= VALUES;
        (quick && many).then(|| Occurrence {
            kind: FindingKind::SuspectedLoop,
            child: ended.child,
            who: ended.who,
            n: ended.n,
            distinct: proof.distinct,
            wasted: ended.pace.share(ended.n - 1),
            pace: ended.pace.clone(),
            source: Source::Doubt(ended.rows.serial),
        })
    }

    /// Of a habit, if it can be one of this shape.
    pub(super) fn of_habit(seen: Seen, facts: Option<&Facts>) -> Option<Occurrence> {
        match (seen.kind, facts) {
            // `SELECT 1`, a sequence, a lock: there is nothing to read once.
            (FindingKind::DuplicateRead, Some(facts)) if facts.tables.is_empty() => return None,
            (FindingKind::TreeWalk, facts) if !walks(seen.pair.as_ref()?, facts) => return None,
            _ => {}
        }
        Some(Occurrence {
            kind: seen.kind,
            child: seen.digest,
            who: seen.who,
            n: seen.n,
            distinct: seen.distinct,
            wasted: seen.wasted,
            pace: seen.pace,
            source: seen.pair.map_or(Source::None, Source::Itself),
        })
    }

    /// The statement that was looped over.
    pub(super) fn rows(&self) -> Option<&Arc<Rows>> {
        match &self.source {
            Source::Rows(from) => Some(&from.rows),
            Source::None | Source::Doubt(_) | Source::Itself(_) => None,
        }
    }

    /// The number of the result that was looped over, or may have been.
    pub(super) fn serial(&self) -> Option<u64> {
        match &self.source {
            Source::Rows(from) => Some(from.rows.serial),
            Source::Doubt(serial) => Some(*serial),
            Source::None | Source::Itself(_) => None,
        }
    }

    /// How its values followed each other in the parent's rows.
    pub(super) fn order(&self) -> Option<Order> {
        match &self.source {
            Source::Rows(from) => Some(from.proof.order),
            Source::None | Source::Doubt(_) | Source::Itself(_) => None,
        }
    }

    /// The column of the parent, and what the child compares it with.
    pub(super) fn column(&self) -> Option<&Column> {
        let Source::Rows(from) = &self.source else { return None };
        let columns = &from.rows.columns;
        columns.all.get(usize::from(*columns.linkable.get(usize::from(from.proof.column))?))
    }

    /// The slot of the child that the value went to.
    pub(super) fn slot(&self) -> Option<usize> {
        match &self.source {
            Source::Rows(from) => Some(usize::from(from.proof.slot)),
            Source::Itself(pair) => Some(usize::from(pair.slot)),
            Source::None | Source::Doubt(_) => None,
        }
    }

    /// A name for the pair of columns, where values alone have proved that they belong together.
    pub(super) fn pair(&self, parent: Option<&Facts>, child: Option<&Facts>) -> Option<String> {
        let Source::Rows(from) = &self.source else { return None };
        let compared = child?.compared.get(self.slot()?)?.as_ref()?;
        let (_, name) = source(parent, &self.column()?.name);
        (from.proof.needs == Needs::Nothing).then(|| pair_name(name, compared)).flatten()
    }
}

/// What is known of columns beside their names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bonds<'a> {
    /// Pairs that values have proved to belong together.
    pub(super) pairs: &'a HashSet<String>,
    /// What the database declares, once that is known.
    pub(super) declared: Option<&'a Declared>,
}

/// Whether all that a loop lacks is that its columns are known to belong together.
pub(super) fn is_in_doubt(ended: &Loop, child: Option<&Facts>) -> bool {
    ended.proofs.iter().any(|proof| {
        let compared = compared(proof, child);
        proof.needs != Needs::Nothing && compared.is_some_and(|c| c.table.is_some()) && !is_other(ended, compared)
    })
}

type Grade = (Agreement, bool);

fn grade(
    ended: &Loop,
    proof: &Proof,
    parent: Option<&Facts>,
    child: Option<&Facts>,
    bonds: Bonds<'_>,
) -> Option<Grade> {
    let compared = compared(proof, child);
    let assigned = compared.is_none() && child.is_some_and(|child| child.kind == Kind::Update);
    if assigned || is_other(ended, compared) {
        return None;
    }
    let columns = &ended.rows.columns;
    let label = &columns.all.get(usize::from(*columns.linkable.get(usize::from(proof.column))?))?.name;
    let (table, name) = source(parent, label);
    let all = parent.iter().flat_map(|parent| &parent.tables).map(String::as_str);
    let tables: Vec<&str> = table.map_or_else(|| all.collect(), |table| vec![table]);
    let agreed = compared.map_or(Agreement::None, |compared| bonds.agreement(&tables, name, compared));
    let known = || compared.and_then(|compared| pair_name(name, compared)).is_some_and(|p| bonds.pairs.contains(&p));
    let enough = match proof.needs {
        Needs::Nothing => true,
        Needs::Name => agreed != Agreement::None || known(),
        Needs::Reference => agreed == Agreement::Reference || known(),
    };
    enough.then_some((agreed, compared.is_some_and(|compared| compared.equal)))
}

impl Bonds<'_> {
    fn agreement(&self, tables: &[&str], column: &str, compared: &Compared) -> Agreement {
        let declared = self.declared.map_or(Agreement::None, |all| all.agreement(tables, column, compared));
        // What refers to something that is declared refers to nothing else.
        let named = match self.declared.is_some_and(|all| all.refers(compared)) {
            true => Agreement::None,
            false => agreement(tables, column, compared),
        };
        declared.max(named)
    }
}

fn compared<'a>(proof: &Proof, child: Option<&'a Facts>) -> Option<&'a Compared> {
    child.and_then(|child| child.compared.get(usize::from(proof.slot))?.as_ref())
}

/// Whether the value is not asked for, but for what is before or behind it.
fn is_other(ended: &Loop, compared: Option<&Compared>) -> bool {
    let equal = compared.is_some_and(|compared| compared.equal);
    let pages = ended.paged && (!equal || ended.rows.digest == ended.child);
    compared.is_some_and(|compared| !compared.equal) || pages
}

/// What a column of a result is: its table, where that is certain, and its name there.
fn source<'a>(facts: Option<&'a Facts>, label: &'a str) -> (Option<&'a str>, &'a str) {
    facts.map_or((None, label), |facts| facts.source(label))
}

fn pair_name(column: &str, compared: &Compared) -> Option<String> {
    Some(format!("{}.{}<{column}", compared.table.as_ref()?, compared.column))
}

/// Integers can meet by chance: then the column has to be called after the one that it leads to.
fn walks(pair: &Pair, facts: Option<&Facts>) -> bool {
    let column =
        pair.columns.linkable.get(usize::from(pair.column)).and_then(|at| pair.columns.all.get(usize::from(*at)));
    let compared = facts.and_then(|facts| facts.compared.get(usize::from(pair.slot))?.as_ref());
    match (column, compared) {
        (Some(_), Some(compared)) if !compared.equal => false,
        (Some(column), compared) if INTEGERS.contains(&column.oid) => {
            compared.is_some_and(|compared| descends(&column.name, &compared.column))
        }
        (column, _) => column.is_some(),
    }
}

/// OIDs of bigint, smallint and integer.
const INTEGERS: [u32; 3] = [20, 21, 23];
