//! Traffic as text: statements one after the other, separated by ` / `, and the words for what was found in it.
//!
//! `P:authors(id) 1..5` a SELECT that returns these rows (`1:7` has two columns; `(a_id=id)` is called so by AS) · `C:books.author_id 1..5` a SELECT for each
//! value · `U:` and `D:` an UPDATE, a DELETE for each · `I:books 5` five inserts of one row · `R:kv.k a a a` a SELECT for each,
//! whatever it returns · `W:nodes.id(parent_id) 9 8 7` each returns the next one · `B`, `K` BEGIN and COMMIT · `+1500` a pause in
//! milliseconds. Ahead of the letter `2>` names the connection; behind it `@5` runs on so many connections at once, `~` in a
//! pipeline, `%3` only each third value, `-` from the last to the first, `?` in no order, `!` on another connection each time.
//! Behind the name `;word` says more of the statement, and ` => 1 2 3` are rows that every execution of it returns, each value
//! behind the parameter's.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;

use crate::observe::nanos::Nanos;
use crate::observe::repeats::{Execution, Known, Repeats};
use crate::observe::report::{Capture, Column, Columns, Report, Span};
use crate::observe::who::{Host, Who, WhoId};
use crate::sql::digest::{Digest, Kind, Reading, SLOTS, Traits};
use crate::sql::facts::{Ask, Chosen, Compared, Condition, Facts, Renamed};

/// All that the tests know of shapes.
#[derive(Default)]
pub(super) struct Shapes(HashMap<Digest, Arc<Facts>>);

impl Shapes {
    /// Takes note of a shape that may be new.
    pub(super) fn learn(&mut self, digest: Digest, facts: impl FnOnce() -> Facts) {
        self.0.entry(digest).or_insert_with(|| Arc::new(facts()));
    }
}

impl Known for Shapes {
    fn facts(&self, digest: Digest) -> Option<Arc<Facts>> {
        self.0.get(&digest).cloned()
    }

    fn who(&self, id: WhoId) -> Option<Arc<Who>> {
        let (app, host) = (id.0 / 10, id.0 % 10);
        let name = |text: String| Arc::<str>::from(text);
        Some(Arc::new(Who {
            database: name("d".into()),
            user: name("u".into()),
            application_name: name(format!("app{app}")),
            host: Host::Ip([10, 0, 0, host as u8].into()),
        }))
    }
}

/// A process with its clock.
pub(super) struct World {
    pub(super) repeats: Repeats,
    pub(super) shapes: Shapes,
    pub(super) now: Nanos,
    pub(super) trace: Option<u64>,
    pub(super) who: WhoId,
    /// Clients in a transaction block.
    blocks: HashSet<u32>,
}

/// One statement as the text has it.
#[derive(Clone)]
struct Line<'a> {
    letter: char,
    client: u32,
    flags: &'a str,
    name: &'a str,
    words: Vec<&'a str>,
    values: Vec<String>,
    returns: Vec<String>,
}

/// When and where one execution runs.
#[derive(Clone, Copy)]
struct Place {
    client: u32,
    sent: Nanos,
    ended: Nanos,
}

const MS: Nanos = Nanos::from_millis(1);

impl World {
    pub(super) fn new(least: u32) -> World {
        let repeats = Repeats::new(least);
        let now = Nanos::from_secs(100);
        World { repeats, shapes: Shapes::default(), now, trace: None, who: WhoId(11), blocks: HashSet::new() }
    }

    /// Runs traffic.
    pub(super) fn run(&mut self, text: &str) {
        for part in text.split(" / ") {
            match part.strip_prefix('+') {
                Some(pause) => self.pause(pause.parse().unwrap()),
                None => self.line(&Line::read(part.trim())),
            }
        }
    }

    /// Time passes.
    pub(super) fn pause(&mut self, ms: u32) {
        let until = self.now + MS * ms;
        while self.now < until {
            self.now = (self.now + MS * 200).min(until);
            self.repeats.tick(self.now, self.at(), &self.shapes);
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + std::time::Duration::from(self.now)
    }

    fn line(&mut self, line: &Line<'_>) {
        match line.letter {
            'P' => {
                let place = self.next(line.client);
                self.execution(line, place, &[], &line.values);
            }
            'W' => self.walk(line),
            'I' => (0..line.values[0].parse().unwrap()).for_each(|n: u32| {
                let place = self.next(line.client);
                self.execution(line, place, &[format!("new{n}")], &[]);
            }),
            'B' | 'K' => {
                let place = self.next(line.client);
                self.blocks.insert(line.client);
                self.execution(line, place, &[], &[]);
                if line.letter == 'K' {
                    self.blocks.remove(&line.client);
                }
            }
            _ => self.each(line),
        }
    }

    fn walk(&mut self, line: &Line<'_>) {
        for pair in line.values.windows(2) {
            let place = self.next(line.client);
            self.execution(line, place, &pair[..1], &pair[1..]);
        }
    }

    /// An execution for each value.
    fn each(&mut self, line: &Line<'_>) {
        let begin = self.now;
        let number = |flag: char| {
            line.flags
                .split_once(flag)
                .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
        };
        let at_once: Option<u32> = number('@').map(|number| number.parse().unwrap());
        let mut places = Vec::new();
        for n in 0..line.values.len() as u32 {
            places.push(match at_once {
                Some(pool) => {
                    let sent = begin + MS * (n / pool) + Nanos::from_micros(u64::from(n % pool));
                    Place { client: line.client + n % pool, sent, ended: begin + MS * (n / pool + 1) }
                }
                None if line.flags.contains('~') => {
                    // Each begins when the one before it has ended.
                    Place { client: line.client, sent: begin + MS * n, ended: begin + MS * (n + 1) }
                }
                None if line.flags.contains('!') => self.next(line.client + n % 7),
                None => self.next(line.client),
            });
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        if at_once.is_some_and(|pool| pool > 1) || line.flags.contains('!') {
            // As the batches of two workers come: first one's, then the other's.
            order.sort_by_key(|at| (places[*at].client % 2, places[*at].ended));
        }
        for at in order {
            let value = &line.values[at..=at];
            let returns: Vec<String> = line.returns.iter().map(|row| format!("{}{row}", value[0])).collect();
            self.execution(line, places[at], value, &returns);
        }
        self.now = places.iter().map(|place| place.ended).max().unwrap_or(begin) + MS / 5;
    }

    fn next(&mut self, client: u32) -> Place {
        let place = Place { client, sent: self.now, ended: self.now + MS };
        self.now += MS + MS / 5;
        place
    }

    fn execution(&mut self, line: &Line<'_>, place: Place, values: &[String], rows: &[String]) {
        let reading = self.shape(line);
        let columns = line.columns();
        let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split(':').collect()).collect();
        let hashes: Vec<u32> = cells.iter().flatten().map(|cell| hash_of(cell)).collect();
        let dense = (0..columns.linkable.len()).filter(|at| is_dense(cells.iter().map(|row| row[*at])));
        let dense = dense.fold(0, |bits, at| bits | 1 << at);
        let capture = Capture { columns, rows: rows.len().min(64) as u32, hashes: Span::default(), dense };
        let hashes = &hashes[..hashes.len().min(64 * capture.columns.linkable.len())];
        let hashed: Vec<u32> = values.iter().map(|cell| hash_of(cell)).collect();
        let report = Report {
            reading,
            who: self.who,
            client: place.client,
            sent: place.sent,
            ended: place.ended,
            wait: Nanos::ZERO,
            query: place.ended - place.sent,
            text: Nanos::ZERO,
            drain: Nanos::ZERO,
            rows: if line.letter == 'P' || !rows.is_empty() { rows.len() as u64 } else { 1 },
            bytes: 0,
            sqlstate: if line.has("fails") { *b"40001" } else { [0; 5] },
            in_transaction: self.blocks.contains(&place.client) && line.letter != 'B',
            unsent: false,
            piped: line.flags.contains('~') && place.sent > self.now,
            parameters: hash_of(&values.join(",")),
            values: Span::default(),
            capture: Span::default(),
            note: Span::default(),
        };
        let seen = !rows.is_empty() && !line.has("unseen");
        let capture = seen.then_some((&capture, hashes));
        let execution =
            Execution { report: &report, values: &hashed, capture, trace: self.trace, route: Some("/authors") };
        self.repeats.see(&execution, &self.shapes);
    }

    fn shape(&mut self, line: &Line<'_>) -> Reading {
        let digest = Digest(hash(&format!("{}{}{:?}", line.letter, line.name, line.words)));
        self.shapes.learn(digest, || line.facts());
        let mut traits = Traits::NONE;
        let words =
            [("paged", Traits::PAGED), ("locks", Traits::LOCKS), ("fetch", Traits::FETCH), ("ok", Traits::ALLOWED)];
        words.iter().filter(|(word, _)| line.has(word)).for_each(|(_, add)| traits = traits.with(*add));
        let list = line.words.iter().find_map(|word| word.strip_prefix("list=")).map_or(0, |n| n.parse().unwrap());
        Reading { digest, kind: line.kind(), traits, list, slots: [1; SLOTS], used: 1 }
    }

    /// What was found, in words, sorted.
    pub(super) fn found(&self, kinds: &[&str]) -> String {
        let findings = self.repeats.findings().filter(|finding| kinds.contains(&finding.kind.as_str()));
        let mut found: Vec<String> = findings
            .map(|finding| {
                let column = finding.parent.as_ref().and_then(|parent| parent.column.clone());
                let sql = self.shapes.facts(finding.children[0]).unwrap().sql.clone();
                let words = [
                    finding.kind.as_str().to_owned(),
                    column.unwrap_or_default(),
                    sql,
                    format!("x{}", finding.executions),
                    finding.manner.as_str().to_owned(),
                ];
                words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" ")
            })
            .collect();
        found.sort();
        found.join(" / ")
    }
}

impl<'a> Line<'a> {
    fn read(part: &'a str) -> Line<'a> {
        let (client, part) = part.split_once('>').filter(|(c, _)| c.len() < 8).unwrap_or(("1", part));
        let (part, returns) = part.split_once(" => ").unwrap_or((part, ""));
        let (head, values) = part.split_once(' ').unwrap_or((part, ""));
        let (letter, name) = head.split_once(':').unwrap_or((head, ""));
        let (flags, mut words) = (&letter[1..], name.split(';'));
        let mut line = Line {
            letter: letter.chars().next().unwrap(),
            client: client.parse().unwrap(),
            flags,
            name: words.next().unwrap(),
            words: words.collect(),
            values: values.split_whitespace().flat_map(range).collect(),
            returns: returns.split_whitespace().flat_map(range).collect(),
        };
        line.order();
        line
    }

    fn order(&mut self) {
        if self.flags.contains('-') {
            self.values.reverse();
        }
        if self.flags.contains('%') {
            self.values = self.values.iter().step_by(3).cloned().collect();
        }
        if self.flags.contains('?') {
            self.values.sort_by_key(|value| hash(value).wrapping_mul(31) % 1009);
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    fn kind(&self) -> Kind {
        match self.letter {
            'U' => Kind::Update,
            'D' => Kind::Delete,
            'I' => Kind::Insert,
            'B' | 'K' => Kind::Transparent,
            _ => Kind::Select,
        }
    }

    /// `authors(id,name)` has two columns; a child's are its own.
    fn columns(&self) -> Arc<Columns> {
        let names = self.name.split_once('(').map_or("id", |(_, names)| names.trim_end_matches(')'));
        let oid = if self.has("uuid") { 2950 } else { 23 };
        let all: Box<[Column]> = names
            .split(',')
            .enumerate()
            .map(|(at, name)| name.split_once('=').map_or((at, name), |(label, _)| (at, label)))
            .map(|(at, name)| Column { name: name.into(), table: 1, attribute: at as i16 + 1, oid })
            .collect();
        let linkable = (0..all.len() as u16).collect();
        Arc::new(Columns { all, linkable })
    }

    fn facts(&self) -> Facts {
        let name = self.name.split('(').next().unwrap();
        let (table, column) = name.split_once('.').unwrap_or((name, ""));
        let mut facts = Facts { sql: name.to_owned(), kind: self.kind(), ..Facts::default() };
        facts.tables = [table].iter().filter(|table| !table.is_empty()).map(|table| (*table).to_owned()).collect();
        let mut chosen = Chosen { from: table.to_owned(), conditions: Vec::new() };
        if !column.is_empty() {
            let ask = Ask { column: column.to_owned(), slot: 0, number: 1, is_list: false };
            chosen.conditions.push(Condition { text: format!("{column} = $1"), ask: Some(ask) });
            let equal = !self.has("unequal");
            facts.compared[0] =
                Some(Compared { table: Some(table.to_owned()), column: column.to_owned(), equal, cast: false });
        }
        facts.chosen = Some(chosen);
        let columns = self.name.split_once('(').map_or("", |(_, names)| names.trim_end_matches(')'));
        let renamed = columns.split(',').filter_map(|name| name.split_once('='));
        facts.renamed = renamed
            .map(|(label, column)| Renamed {
                label: label.to_owned(),
                table: Some(table.to_owned()),
                column: column.to_owned(),
            })
            .collect();
        facts.limit = self.has("limit");
        facts.exists = self.has("exists");
        facts.aggregate = self.has("count").then(|| "COUNT".to_owned());
        facts.selected = if self.has("count") { vec!["count(*)".to_owned()] } else { Vec::new() };
        facts
    }
}

/// `1..25`, `u1..u25`, or the word itself.
fn range(word: &str) -> Vec<String> {
    let Some((from, to)) = word.split_once("..") else { return vec![word.to_owned()] };
    let letters: String = from.chars().take_while(|letter| !letter.is_ascii_digit()).collect();
    let number = |text: &str| text[letters.len()..].parse::<u32>().unwrap();
    (number(from)..=number(to)).map(|n| format!("{letters}{n}")).collect()
}

fn is_dense<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let numbers: Option<Vec<i64>> = cells.map(|cell| cell.parse().ok()).collect();
    let Some(numbers) = numbers else { return false };
    let (lowest, highest) = (numbers.iter().min().copied().unwrap_or(0), numbers.iter().max().copied().unwrap_or(0));
    (1..8 * numbers.len() as i64).contains(&(highest - lowest))
}

/// FNV, mixed well; 0 for nothing.
pub(super) fn hash(text: &str) -> u64 {
    if text.is_empty() || text == "null" {
        return 0;
    }
    let folded = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (folded ^ (folded >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) | 1 << 40
}

/// Of a value.
pub(super) fn hash_of(value: &str) -> u32 {
    hash(value) as u32
}
