//! Scripts by chance: two or three clients, a few dozen messages each, mistakes everywhere. The same seed is the same script.

use std::collections::HashMap;

use super::script::{Line, Script};
use super::texts::{
    BOUNDS, DDL, DEALLOCATE_AMONG_OTHERS, DROPS, LOGINS, LOGINS_ARE_RESET, PARSED_UNDER, PARSED_UNDER_PARAMETERS,
    PORTALS, REPORTED, STATEMENTS, TABLES_CHANGE, TEXTS, TWO_NAMES_FOR_ONE_TEXT, UNNAMED_AFTER_ERRORS, UNREPORTED,
    UNREPORTED_SETTINGS, VALUES,
};

/// A small generator of numbers: splitmix64. <https://prng.di.unimi.it/splitmix64.c>
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[self.below(of.len())]
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Each client may say so much.
const LINES_EACH: usize = 25;

/// Where a client's turn ends at a line whose number is a multiple of this, it prepares for its next one. pgweir takes a
/// moment each time to let another client go on.
const PREPARED_AHEAD: usize = 16;

/// Writes one script.
struct Writer {
    dice: Dice,
    lines: Vec<String>,
    client: char,
    /// A transaction may be open.
    open: bool,
    /// Somebody has logged in with parameters.
    greeted: bool,
    /// The unnamed statement has been parsed in this batch.
    parsed: bool,
    /// Which client has parsed which text under which name.
    named: HashMap<(char, &'static str), &'static str>,
    /// What each client has prepared without a Sync, and not executed.
    ahead: HashMap<char, usize>,
}

/// The script of a seed.
pub(crate) fn script(seed: u64) -> Script {
    let mut writer = Writer::new(seed);
    let clients = 2 + writer.dice.below(2);
    writer.log_in(clients);
    let most = clients * (8 + writer.dice.below(LINES_EACH - 8));
    while writer.lines.len() < most {
        writer.client = char::from(b'a' + writer.dice.below(clients) as u8);
        writer.turn();
    }
    Script { lines: writer.lines.iter().map(|line| Line::read(line)).collect() }
}

impl Writer {
    fn new(seed: u64) -> Writer {
        Writer {
            dice: Dice(seed),
            lines: Vec::new(),
            client: 'a',
            open: false,
            greeted: false,
            parsed: false,
            named: HashMap::new(),
            ahead: HashMap::new(),
        }
    }

    fn say(&mut self, what: &str) {
        self.lines.push(format!("{}: {what}", self.client));
    }

    fn log_in(&mut self, clients: usize) {
        for client in 0..clients {
            if self.dice.once_in(4) {
                self.client = char::from(b'a' + client as u8);
                self.greeted = true;
                let parameters = self.dice.one(LOGINS);
                self.say(&format!("login {parameters}"));
            }
        }
    }

    /// One client speaks, until no transaction is open.
    fn turn(&mut self) {
        self.open = false;
        if let Some(number) = self.ahead.remove(&self.client) {
            [&format!("B - ahead{number} 5"), "E - 0", "S"].iter().for_each(|line| self.say(line));
        }
        for _ in 0..=self.dice.below(3) {
            self.request();
            if self.dice.once_in(2) {
                self.say("wait");
            }
        }
        if self.open {
            let end = self.dice.one(&["Q commit", "Q rollback", "Q end"]);
            self.say(end);
        }
        self.say("wait");
        if self.lines.len().is_multiple_of(PREPARED_AHEAD) {
            self.prepare_ahead();
        }
    }

    /// For the next turn. Others have the server meanwhile.
    fn prepare_ahead(&mut self) {
        let number = self.lines.len();
        let name = format!("ahead{number}");
        let parse = format!("P {name} select {number} + $1::int as {name}");
        [&parse, &format!("D S {name}"), "H", "wait"].iter().for_each(|line| self.say(line));
        self.ahead.insert(self.client, number);
    }

    fn request(&mut self) {
        match self.dice.below(16) {
            0..=2 => self.simple(),
            3..=8 => self.batch(),
            9 => self.whole_extended(),
            10 => self.copy_in(),
            11 => self.copy_in_by_messages(),
            12 => self.in_transaction(),
            13 => {
                let most = if self.greeted && !LOGINS_ARE_RESET { 5 } else { DROPS.len() };
                let sql = self.dice.one(&DROPS[..most]);
                self.say(&format!("Q {sql}"));
            }
            14 => self.call(),
            _ => self.nothing_much(),
        }
    }

    /// A statement; `$1` is no good in a Query, which is a mistake like any other.
    fn text(&mut self) -> &'static str {
        let text = self.any_text();
        let resets = ["reset", "discard all", "default"].iter().any(|word| text.contains(word));
        if resets && self.greeted && !LOGINS_ARE_RESET { "select 'not reset'" } else { text }
    }

    fn any_text(&mut self) -> &'static str {
        let kind = self.dice.below(20);
        if matches!(kind, 0 | 1) {
            self.open = true;
        }
        match kind {
            0 | 1 => self.dice.one(BOUNDS),
            2..=5 => self.dice.one(REPORTED),
            6..=8 if UNREPORTED_SETTINGS => self.dice.one(UNREPORTED),
            9 if TABLES_CHANGE => self.dice.one(DDL),
            10 if PARSED_UNDER_PARAMETERS => self.dice.one(PARSED_UNDER),
            11 => self.dice.one(DROPS),
            _ => self.dice.one(TEXTS),
        }
    }

    fn simple(&mut self) {
        let count = 1 + self.dice.below(2) * self.dice.below(3);
        let mut texts: Vec<_> = (0..count).map(|_| self.text().replace("$1", "2")).collect();
        if count > 1 && !DEALLOCATE_AMONG_OTHERS {
            texts.retain(|text| !text.starts_with("deallocate") || text.ends_with("all"));
        }
        self.say(&format!("Q {}", texts.join("; ")));
    }

    fn whole_extended(&mut self) {
        let text = self.text();
        let value = if text.contains("$1") { self.dice.one(VALUES) } else { "" };
        self.say(&format!("P - {text}"));
        self.say(format!("B - - {value}").trim_end());
        ["D P -", "E - 0", "S"].iter().for_each(|line| self.say(line));
    }

    /// Any messages, with Syncs in between, and a Sync.
    fn batch(&mut self) {
        self.parsed = false;
        for _ in 0..1 + self.dice.below(7) {
            self.message();
        }
        self.say("S");
    }

    fn message(&mut self) {
        let (statement, portal) = (self.dice.one(STATEMENTS), self.dice.one(PORTALS));
        let known = if statement == "-" && !self.parsed && !UNNAMED_AFTER_ERRORS { "s1" } else { statement };
        match self.dice.below(14) {
            0..=3 => {
                let text = self.text();
                self.parse(statement, text);
            }
            4..=6 => {
                let value = if self.dice.once_in(2) { self.dice.one(VALUES) } else { "" };
                self.say(format!("B {portal} {known} {value}").trim_end());
            }
            7 | 8 => {
                let most = self.dice.one(&["0", "0", "0", "1", "2"]);
                self.say(&format!("E {portal} {most}"));
            }
            9 => {
                let what = if self.dice.once_in(2) { format!("S {known}") } else { format!("P {portal}") };
                self.say(&format!("D {what}"));
            }
            10 => {
                let what = if self.dice.once_in(3) { format!("P {portal}") } else { format!("S {statement}") };
                self.say(&format!("C {what}"));
            }
            11 => {
                self.say("S");
                self.parsed = false;
            }
            12 => self.say("H"),
            _ => {
                self.say("H");
                self.say("wait");
            }
        }
    }

    fn parse(&mut self, statement: &'static str, text: &'static str) {
        self.parsed |= statement == "-";
        let first =
            if statement == "-" { statement } else { self.named.entry((self.client, text)).or_insert(statement) };
        match first == statement || TWO_NAMES_FOR_ONE_TEXT {
            true => self.say(&format!("P {statement} {text}")),
            false => self.say(&format!("P {statement} select 'only {statement}'")),
        }
    }

    fn copy_in(&mut self) {
        let start = self.dice.one(&["copy items from stdin", "copy lines from stdin", "copy nowhere from stdin"]);
        self.say(&format!("Q {start}"));
        if self.dice.once_in(2) {
            self.say("wait");
        }
        self.copied();
    }

    fn copy_in_by_messages(&mut self) {
        let start = self.dice.one(&["copy items from stdin", "copy lines from stdin", "copy nowhere from stdin"]);
        [&format!("P - {start}"), "B - -", "E - 0"].iter().for_each(|line| self.say(line));
        match self.dice.below(4) {
            0 => self.say("S"),
            1 => {
                self.say("H");
                self.say("wait");
            }
            _ => {}
        }
        self.copied();
        self.say("S");
    }

    fn copied(&mut self) {
        for _ in 0..self.dice.below(3) {
            let line = self.dice.one(&["4\\tfour\\n", "5\\tfive\\n", "x\\ty\\n", "one\\n", "half"]);
            self.say(&format!("d {line}"));
        }
        let end = self.dice.one(&["c", "c", "c", "f changed my mind"]);
        self.say(end);
    }

    fn in_transaction(&mut self) {
        self.say("Q begin");
        self.open = true;
        for _ in 0..1 + self.dice.below(3) {
            match self.dice.below(4) {
                0 => self.simple(),
                1 => self.whole_extended(),
                _ => self.batch(),
            }
        }
    }

    /// int4pl of two numbers, of too few, and of none; no such function.
    fn call(&mut self) {
        let call = self.dice.one(&["F 177 2 3", "F 177 2", "F 177 2 null", "F 1 1"]);
        self.say(call);
    }

    /// What is hardly ever said.
    fn nothing_much(&mut self) {
        match self.dice.below(4) {
            0 => self.say("H"),
            1 => self.say("c"),
            2 => self.say("d late\\n"),
            _ => return self.say("S"),
        }
        self.say("Q");
    }
}
