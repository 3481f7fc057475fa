//! Questions that only their client can answer: in every form that the protocol has, one by one and many at once.

use super::batch::{Batch, Form, Reply, Statement, bind};
use super::client::Client;
use super::line::Outcome;
use crate::support::wire;

/// A statement that the client has prepared.
#[derive(Debug, Clone)]
pub enum Named {
    /// The same text for everybody.
    Shared,
    /// With this mark in it.
    Own(String),
}

impl Named {
    fn sql(&self) -> String {
        match self {
            Named::Shared => "select $1::text || '!'".to_string(),
            Named::Own(mark) => format!("select $1::text || '/{mark}'"),
        }
    }

    fn answer(&self, parameter: &str) -> Reply {
        match self {
            Named::Shared => Reply::Row(format!("{parameter}!")),
            Named::Own(mark) => Reply::Row(format!("{parameter}/{mark}")),
        }
    }
}

/// So many statements are sent at once at the most; all in all they are a few packets.
const MANY: usize = 50;

impl Client {
    pub fn ask(&mut self) -> Statement {
        let mark = self.mark();
        self.row(format!("select '{mark}'"), mark)
    }

    /// One that fails when it is executed.
    pub fn failing(&mut self) -> Statement {
        let mark = self.mark();
        let status = if self.settings.is_open() { 'E' } else { 'I' };
        // A constant would be found out while it is planned, before there is a row to describe.
        let sql = format!("select '{mark}', 1 / (n - 1) from pg_catalog.generate_series(1, 1) as n");
        Statement { sql, reply: Reply::Error("22012"), status }
    }

    pub async fn ask_once(&mut self) -> Outcome<()> {
        let statement = self.ask();
        let form = if self.chance.once_in(2) { Form::Queries } else { Form::Extended };
        self.exchange(Batch::of(&[statement], form)).await
    }

    pub async fn ask_many(&mut self) -> Outcome<()> {
        let count = self.chance.between(2, MANY);
        let statements: Vec<Statement> = (0..count).map(|_| self.ask()).collect();
        let form = [Form::Joined, Form::Joined, Form::Joined, Form::Queries, Form::Piped][self.chance.below(5)];
        self.exchange(Batch::of(&statements, form)).await
    }

    /// Prepares, uses, closes, or asks for what is not there.
    pub async fn named_once(&mut self) -> Outcome<()> {
        let place = self.chance.below(self.named.len());
        let name = format!("s{place}");
        let mut batch = Batch::default();
        match (self.named[place].is_some(), self.chance.below(6)) {
            (true, 0) => {
                batch.say(&format!("close {name}"));
                batch.send(&wire::message(b'C', format!("S{name}\0").as_bytes()));
                batch.expect("3");
                self.named[place] = None;
            }
            (true, 1) => {
                batch.add(&[self.done(format!("deallocate {name}"), "DEALLOCATE")], Form::Queries);
                self.named[place] = None;
                return self.exchange(batch).await;
            }
            (true, 2) => self.refused(&mut batch, wire::parse(&name, "select 1"), &name, "42P05"),
            (false, 0) => self.refused(&mut batch, bind(&name, &["x"]), &name, "26000"),
            (false, 1) => return self.unnamed().await,
            _ => {
                self.prepare(&mut batch, place);
                self.execute(&mut batch, place);
            }
        }
        batch.sync('I');
        self.exchange(batch).await
    }

    fn refused(&mut self, batch: &mut Batch, message: Vec<u8>, name: &str, code: &'static str) {
        batch.say(&format!("{name} is refused"));
        batch.send(&message);
        batch.expect_reply(&Reply::Error(code), false);
    }

    /// Parsed in one round trip, executed in the next.
    async fn unnamed(&mut self) -> Outcome<()> {
        let own = Named::Own(self.mark());
        let mut batch = Batch::default();
        batch.say(&own.sql());
        batch.send(&[wire::parse("", &own.sql()), wire::describe("S")].concat());
        batch.expect_all(&["1", "t", "T"]);
        batch.sync('I');
        self.exchange(batch).await?;
        for _ in 0..2 {
            let (mut batch, parameter) = (Batch::default(), self.mark());
            batch.say(&format!("unnamed {} of {parameter}", own.sql()));
            batch.send(&[bind("", &[&parameter]), wire::execute()].concat());
            batch.expect("2");
            batch.expect_reply(&own.answer(&parameter), false);
            batch.sync('I');
            self.exchange(batch).await?;
        }
        Ok(())
    }

    fn prepare(&mut self, batch: &mut Batch, place: usize) {
        if self.named[place].is_none() {
            let named = if self.chance.once_in(3) { Named::Shared } else { Named::Own(self.mark()) };
            batch.say(&format!("prepare s{place}: {}", named.sql()));
            batch.send(&wire::parse(&format!("s{place}"), &named.sql()));
            batch.expect("1");
            self.named[place] = Some(named);
        }
    }

    fn execute(&mut self, batch: &mut Batch, place: usize) {
        let Some(named) = self.named[place].clone() else { return };
        let parameter = self.mark();
        batch.say(&format!("execute s{place} of {parameter}: {}", named.sql()));
        batch.send(&[bind(&format!("s{place}"), &[&parameter]), wire::execute()].concat());
        batch.expect("2");
        batch.expect_reply(&named.answer(&parameter), false);
    }

    /// A pipeline; some have a mistake in it, after which all is skipped.
    pub async fn named_many(&mut self) -> Outcome<()> {
        let mut batch = Batch::default();
        let (count, synced) = (self.chance.between(2, MANY), self.chance.once_in(4));
        for _ in 0..count {
            let place = self.chance.below(self.named.len());
            self.prepare(&mut batch, place);
            self.execute(&mut batch, place);
            if synced {
                batch.sync('I');
            }
        }
        if self.chance.once_in(4) {
            batch.say("select $1::int4 of no number");
            batch.send(&[wire::parse("", "select $1::int4"), bind("", &["x"]), wire::execute()].concat());
            batch.expect_all(&["1", "E 22P02"]);
            batch.send(&[bind("s0", &["skipped"]), wire::execute(), wire::parse("s0", "select 1")].concat());
        }
        batch.sync('I');
        self.exchange(batch).await
    }

    /// Rows of its own in and out.
    pub async fn copy(&mut self) -> Outcome<()> {
        let (mark, count) = (self.mark(), self.chance.between(1, 300));
        let sql = format!("copy (select '{mark}-' || n from generate_series(1, {count}) as n) to stdout");
        let mut batch = Batch::default();
        batch.say(&sql);
        batch.send(&wire::query(&sql));
        batch.expect("H");
        (1..=count).for_each(|n| batch.expect(format!("d {mark}-{n}")));
        batch.expect_all(&["c", &format!("C COPY {count}"), "Z I"]);
        self.exchange(batch).await?;
        self.copy_in(count).await
    }

    async fn copy_in(&mut self, count: usize) -> Outcome<()> {
        self.settings.begin();
        self.run("begin", "BEGIN").await?;
        self.run("create temp table pg_temp.lines (line text) on commit drop", "CREATE TABLE").await?;
        let (mark, mut batch) = (self.mark(), Batch::default());
        batch.say(&format!("copy {count} lines of {mark} from stdin"));
        batch.send(&wire::query("copy pg_temp.lines from stdin"));
        (0..count).for_each(|_| batch.send(&wire::message(b'd', format!("{mark}\n").as_bytes())));
        batch.send(&wire::message(b'c', b""));
        batch.expect_all(&["G", &format!("C COPY {count}"), "Z T"]);
        self.exchange(batch).await?;
        self.see("select count(*), min(line), max(line) from pg_temp.lines", &format!("{count}|{mark}|{mark}")).await?;
        self.settings.commit();
        self.run("commit", "COMMIT").await
    }
}
