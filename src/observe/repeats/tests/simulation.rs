//! Much traffic in which there is nothing to find: independent requests over shared connections, lists and lookups of the
//! same tables, hot rows and cold ones.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::traffic::{Shapes, hash, hash_of};
use crate::observe::nanos::Nanos;
use crate::observe::repeats::{Execution, Repeats};
use crate::observe::report::{Capture, Column, Columns, Report, Span};
use crate::observe::who::WhoId;
use crate::sql::digest::{Digest, Kind, Reading, SLOTS, Traits};
use crate::sql::facts::{Compared, Facts};

/// A stream of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % sides
    }

    /// Low numbers more often.
    fn hot(&mut self, sides: u64) -> u64 {
        let (one, other) = (self.roll(sides), self.roll(sides));
        one * other / sides
    }
}

struct Traffic {
    dice: Dice,
    shapes: Shapes,
    repeats: Repeats,
    now: Nanos,
    /// Ids without gaps, whose hash is that of the number.
    dense: bool,
    columns: Arc<Columns>,
}

/// What one statement is.
struct Statement<'a> {
    name: &'a str,
    table: u64,
    kind: Kind,
    column: Option<&'a str>,
    value: u64,
    rows: Vec<[u64; 3]>,
}

const CONNECTIONS: u64 = 20;
const TABLES: u64 = 8;
const ROWS: u64 = 2_000;

impl Traffic {
    fn new(seed: u64, dense: bool) -> Traffic {
        let column = |name: &str| Column { name: name.into(), table: 1, attribute: 1, oid: 23 };
        let all: Box<[Column]> = ["id", "author_id", "status"].iter().map(|name| column(name)).collect();
        let columns = Arc::new(Columns { all, linkable: Box::new([0, 1, 2]) });
        let (shapes, repeats) = (Shapes::default(), Repeats::new(5));
        Traffic { dice: Dice(seed), shapes, repeats, now: Nanos::from_secs(10), dense, columns }
    }

    fn value(&self, table: u64, id: u64) -> u32 {
        if self.dense { hash_of(&id.to_string()) } else { hash_of(&format!("{table}:{id}")) }
    }

    /// One request: a few statements, each on any connection, or all on one.
    fn request(&mut self) -> u32 {
        let table = self.dice.roll(TABLES);
        let tied = (self.dice.roll(2) == 0).then(|| self.dice.roll(CONNECTIONS));
        let mut n = 0;
        let mut run = |traffic: &mut Traffic, statement: Statement<'_>| {
            let client = tied.unwrap_or_else(|| traffic.dice.roll(CONNECTIONS));
            traffic.run(client as u32 + 1, &statement);
            n += 1;
        };
        let user = self.dice.hot(50);
        run(
            self,
            Statement {
                name: "session",
                table: 0,
                kind: Kind::Select,
                column: Some("users.id"),
                value: user,
                rows: vec![],
            },
        );
        let id = self.dice.hot(ROWS);
        match self.dice.roll(10) {
            0 | 1 => {
                let first = if self.dice.roll(2) == 0 { 0 } else { self.dice.hot(ROWS) };
                let rows = (first..first + 25).map(|id| [id, id % 17, id % 4]).collect();
                run(self, Statement { name: "list", table, kind: Kind::Select, column: None, value: 0, rows });
            }
            2 => {
                let value = self.dice.roll(5);
                run(
                    self,
                    Statement { name: "count", table, kind: Kind::Select, column: Some("status"), value, rows: vec![] },
                );
            }
            3 => run(
                self,
                Statement { name: "update", table, kind: Kind::Update, column: Some("id"), value: id, rows: vec![] },
            ),
            4 => run(
                self,
                Statement { name: "insert", table, kind: Kind::Insert, column: None, value: id, rows: vec![] },
            ),
            5 => {
                let sides = [17, ROWS][self.dice.roll(2) as usize];
                let value = self.dice.hot(sides);
                let rows = (0..5).map(|n| [value + n * 17, value, n]).collect();
                // As often as not by what refers to a listed row.
                let reference = format!("t{table}_id");
                let column = ["author_id", &reference][self.dice.roll(2) as usize];
                run(self, Statement { name: "children", table, kind: Kind::Select, column: Some(column), value, rows });
            }
            _ => {
                let row = [id, id % 17, id % 4];
                run(
                    self,
                    Statement {
                        name: "lookup",
                        table,
                        kind: Kind::Select,
                        column: Some("id"),
                        value: id,
                        rows: vec![row],
                    },
                );
            }
        }
        n
    }

    fn run(&mut self, client: u32, statement: &Statement<'_>) {
        let digest = Digest(hash(&format!("{}{}{:?}", statement.name, statement.table, statement.column)));
        let table = format!("{}{}s", if statement.name == "children" { "c" } else { "t" }, statement.table);
        self.shapes.learn(digest, || facts(&table, statement));
        let values = [self.value(statement.table, statement.value)];
        let values = if statement.column.is_some() { &values[..] } else { &[] };
        let cells = statement.rows.iter().flatten();
        let hashes: Vec<u32> = cells.map(|cell| self.value(statement.table, *cell)).collect();
        let dense = if self.dense { 0b111 } else { 0 };
        let rows = statement.rows.len() as u32;
        let capture = Capture { columns: self.columns.clone(), rows, hashes: Span::default(), dense };
        let pause = self.dice.hot(4_000);
        self.now += Nanos::from_micros(if self.dice.roll(2_000) == 0 { 1_500_000 } else { pause });
        let took = Nanos::from_micros(200 + self.dice.hot(3_000));
        let slots = [1; SLOTS];
        let reading =
            Reading { digest, kind: statement.kind, traits: Traits::NONE, list: 0, slots, used: values.len() as u8 };
        let report = Report {
            reading,
            who: WhoId(11),
            client,
            sent: self.now,
            ended: self.now + took,
            wait: Nanos::ZERO,
            query: took,
            text: Nanos::ZERO,
            drain: Nanos::ZERO,
            rows: u64::from(rows.max(1)),
            bytes: 0,
            sqlstate: [0; 5],
            in_transaction: false,
            unsent: false,
            piped: false,
            parameters: values.first().copied().unwrap_or(0),
            values: Span::default(),
            capture: Span::default(),
            note: Span::default(),
        };
        let seen = (rows > 0).then_some((&capture, &hashes[..]));
        self.repeats.see(&Execution { report: &report, values, capture: seen, trace: None, route: None }, &self.shapes);
        if self.dice.roll(50) == 0 {
            self.repeats.tick(self.now, Timestamp::UNIX_EPOCH + Duration::from(self.now), &self.shapes);
        }
    }
}

fn facts(table: &str, statement: &Statement<'_>) -> Facts {
    let mut facts = Facts { sql: format!("{} {table}", statement.name), kind: statement.kind, ..Facts::default() };
    facts.tables = vec![table.to_owned()];
    facts.compared[0] = statement.column.map(|column| Compared {
        table: Some(table.to_owned()),
        column: column.to_owned(),
        equal: true,
        cast: false,
    });
    facts
}

fn nothing_is_found(statements: u32, seed: u64, dense: bool) {
    let mut traffic = Traffic::new(seed, dense);
    let mut n = 0;
    while n < statements {
        n += traffic.request();
    }
    let found = traffic.repeats.findings().filter(|finding| super::PROVED.contains(&finding.kind.as_str()));
    let words: Vec<String> =
        found.map(|finding| format!("{} ×{} {}", finding.proof, finding.occurrences, finding.executions)).collect();
    assert!(words.is_empty(), "{words:?}");
}

#[test]
fn clean_traffic() {
    nothing_is_found(50_000, 1, true);
    nothing_is_found(50_000, 2, false);
}

/// Some minutes without optimization.
#[test]
#[ignore = "for once in a while, with --release"]
fn much_clean_traffic() {
    for seed in 0..4 {
        nothing_is_found(1_000_000, seed, true);
        nothing_is_found(1_000_000, seed, false);
    }
}
