//! Clients that break off: by a cancel, by a timeout, by leaving in the middle of anything.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::batch::{Batch, Form, Reply, Statement, shown};
use super::client::Client;
use super::line::{Outcome, cancel, wrong};
use super::model::STATEMENT_TIMEOUT;
use crate::support::wire;

impl Client {
    pub async fn time_out(&mut self) -> Outcome<()> {
        let limit = format!("{}ms", 11 + 2 * self.chance.below(10));
        self.settings.begin();
        let mut statements = vec![self.done("begin", "BEGIN")];
        self.settings.set_local(STATEMENT_TIMEOUT, &limit);
        statements.push(self.done(format!("set local statement_timeout = '{limit}'"), "SET"));
        let sql = format!("select pg_sleep(600), {}", self.number);
        statements.push(Statement { sql, reply: Reply::Error("57014"), status: 'E' });
        self.settings.rollback();
        statements.extend([self.done("rollback", "ROLLBACK"), self.look()]);
        let mut batch = Batch::of(&statements, Form::Queries);
        // It may be stopped before it has a row to describe.
        batch.expected.retain(|(_, expected)| expected != "T");
        self.line.send(&batch.bytes).await?;
        self.replies_but(&batch).await
    }

    /// Stops what it runs itself, or what it waits for; or it asks for that when nothing or hardly anything runs.
    pub async fn be_cancelled(&mut self) -> Outcome<()> {
        let (addr, id, secret) = (self.world.addr, self.line.id, self.line.secret.clone());
        match self.chance.below(3) {
            0 => cancel(addr, id, &secret).await?,
            1 => {
                let mark = self.mark();
                self.line.send(&wire::query(&format!("select '{mark}'"))).await?;
                cancel(addr, id, &secret).await?;
                self.answer_or_cancel(&mark).await?;
            }
            _ => {
                let sql = format!("select pg_sleep(600), {}", self.number);
                let statement = Statement { sql, reply: Reply::Error("57014"), status: 'I' };
                self.until_it_ends(Batch::of(&[statement], Form::Extended)).await?;
            }
        }
        let statements = [self.ask(), self.look()];
        self.exchange(Batch::of(&statements, Form::Queries)).await
    }

    /// Cancels again and again: one may have come before what it was for.
    async fn until_it_ends(&mut self, mut batch: Batch) -> Outcome<()> {
        let (addr, id, secret) = (self.world.addr, self.line.id, self.line.secret.clone());
        // Where it waits for a server, it is stopped before it was parsed.
        batch.expected.retain(|(_, expected)| expected.starts_with(['E', 'Z']));
        self.line.send(&batch.bytes).await?;
        let ended = AtomicBool::new(false);
        let read = async {
            let outcome = self.replies_but(&batch).await;
            ended.store(true, Relaxed);
            outcome
        };
        let stop = async {
            while !ended.load(Relaxed) {
                cancel(addr, id, &secret).await?;
            }
            Ok(())
        };
        let (read, stop) = tokio::join!(read, stop);
        read.and(stop)
    }

    /// The replies that are expected, and others only where they come of parsing.
    async fn replies_but(&mut self, batch: &Batch) -> Outcome<()> {
        self.remember(&batch.said.join("; "));
        for (_, expected) in &batch.expected {
            loop {
                let message = self.line.message().await?;
                let came = shown(&message);
                self.answered += usize::from(matches!(message.tag, b'C' | b'E'));
                match came == *expected {
                    true => break,
                    false if matches!(message.tag, b'1' | b'2' | b'T') => {}
                    false => return wrong(format!("expected `{expected}`, came `{came}` {}", message.text())),
                }
            }
        }
        Ok(())
    }

    async fn answer_or_cancel(&mut self, mark: &str) -> Outcome<()> {
        self.remember(&format!("select '{mark}' and a cancel"));
        let mut came = Vec::new();
        while came.last().is_none_or(|last: &String| !last.starts_with('Z')) {
            came.push(shown(&self.line.message().await?));
        }
        self.answered += 1;
        came.retain(|reply| reply != "T");
        match came.join(", ") {
            all if all == format!("D {mark}, C SELECT 1, Z I") || all == "E 57014, Z I" => Ok(()),
            all if all == format!("D {mark}, E 57014, Z I") => Ok(()),
            all => wrong(format!("expected {mark} or a cancel, came {all}")),
        }
    }

    /// With keys that are nobody's: nothing comes of it.
    pub async fn cancel_others(&mut self) -> Outcome<()> {
        let (addr, own) = (self.world.addr, self.line.secret.len());
        for _ in 0..3 {
            let id = match self.chance.below(2) {
                0 => self.line.id.wrapping_add(self.chance.below(50) as u32).wrapping_sub(25),
                _ => self.chance.next() as u32,
            };
            let secret: Vec<u8> = (0..own).map(|_| self.chance.next() as u8).collect();
            cancel(addr, id, &secret).await?;
        }
        let own: Vec<u8> = self.line.secret.iter().map(|byte| byte ^ 1).collect();
        cancel(addr, self.line.id, &own).await?;
        self.ask_once().await
    }

    /// In the middle of something, and comes back as somebody who knows nothing.
    pub async fn leave(&mut self) -> Outcome<()> {
        let (mark, abruptly) = (self.mark(), self.chance.once_in(2));
        let set = format!("set my.client = 'left {mark}'; set timezone = '<LEFT{}>-01:00'", self.number);
        let query = |sql: &str| wire::query(sql);
        let half = |sql: &str| wire::query(sql)[..10].to_vec();
        let many = |sql: &str| wire::extended(sql).repeat(50);
        let begun = [query("begin"), query(&set)].concat();
        let (what, bytes) = match self.chance.below(11) {
            0 => ("half a Query", half(&set)),
            1 => ("a transaction", [begun, query("select 1")].concat()),
            2 => (
                "a COPY in",
                [
                    query("create temp table left_here (line text)"),
                    query("copy left_here from stdin"),
                    wire::message(b'd', b"x\n"),
                ]
                .concat(),
            ),
            3 => (
                "a COPY in of a transaction",
                [
                    begun,
                    query("create temp table left_here (line text) on commit drop"),
                    query("copy left_here from stdin"),
                    half(&set),
                ]
                .concat(),
            ),
            4 => (
                "a COPY out",
                query("copy (select n, repeat('x', 100) from generate_series(1, 100000) as n) to stdout"),
            ),
            5 => ("a pipeline", many(&format!("select 'left {mark}'"))),
            6 => (
                "a pipeline with half a message",
                [many(&format!("select set_config('my.client', 'left {mark}', false)")), half(&set)].concat(),
            ),
            7 => ("a statement", query(&format!("select 'left {mark}'"))),
            8 => ("a long statement", query("select pg_sleep(600)")),
            9 => (
                "a pipeline without Sync",
                [
                    wire::parse("left", "select 'left'"),
                    wire::bind("", "left"),
                    wire::execute(),
                    wire::message(b'H', b""),
                ]
                .concat(),
            ),
            _ => ("a transaction, with a goodbye", [begun, wire::message(b'X', b"")].concat()),
        };
        self.remember(&format!("-- leaves in the middle of {what}"));
        self.line.send(&bytes).await?;
        if self.chance.once_in(2)
            && matches!(bytes[0], b'Q' | b'P')
            && what != "half a Query"
            && what != "a long statement"
        {
            // It runs: something of it has been answered.
            let first = self.line.message().await?;
            if first.tag == b'E' {
                return wrong(format!("came {}, in the middle of {what}", first.text()));
            }
        }
        self.leave_now(abruptly).await
    }

    pub async fn leave_now(&mut self, abruptly: bool) -> Outcome<()> {
        self.line.close(abruptly).await;
        self.reconnect().await
    }
}
