//! What ties a client to its server, or may: advisory locks, temporary tables, channels. Of each its own, of the same name
//! where that is possible, and given back or not.

use super::client::Client;
use super::line::{Outcome, Trouble, wrong};

/// The locks of this session.
const OWN_LOCKS: &str = "select coalesce(string_agg(objid::text, ' ' order by objid), '') from pg_catalog.pg_locks \
                         where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid()";

impl Client {
    /// Leaves those that it may be tied with: once in a while without giving back what it has.
    async fn leave_tied(&mut self) -> Outcome<bool> {
        if !self.chance.once_in(5) {
            return Ok(false);
        }
        let abruptly = self.chance.once_in(2);
        self.leave_now(abruptly).await?;
        Ok(true)
    }

    /// Gives back all that there is, and what it has set and prepared with it.
    async fn discard_all(&mut self) -> Outcome<()> {
        self.settings.discard();
        self.named = Default::default();
        self.run("discard all", "DISCARD ALL").await
    }

    pub async fn lock(&mut self) -> Outcome<()> {
        let world = self.world.clone();
        let _tie = world.ties.acquire().await.map_err(|error| Trouble::Wrong(error.to_string()))?;
        let key = self.number;
        let (take, taken) = match self.chance.below(3) {
            0 => (format!("select pg_advisory_lock({key})"), ""),
            1 => (format!("select pg_advisory_lock_shared({key})"), ""),
            _ => (format!("select pg_try_advisory_lock({key})"), "t"),
        };
        let shared = take.contains("shared");
        self.see(&take, taken).await?;
        self.see(OWN_LOCKS, &key.to_string()).await?;
        match self.chance.below(3) {
            0 => self.ask_once().await?,
            1 => self.transaction().await?,
            _ => self.named_once().await?,
        }
        self.see(OWN_LOCKS, &key.to_string()).await?;
        if self.leave_tied().await? {
            return Ok(());
        }
        match (shared, self.chance.below(4)) {
            (_, 3) => self.discard_all().await?,
            (_, 0) => self.see("select pg_advisory_unlock_all()", "").await?,
            (true, _) => self.see(&format!("select pg_advisory_unlock_shared({key})"), "t").await?,
            (false, _) => self.see(&format!("select pg_advisory_unlock({key})"), "t").await?,
        }
        self.see(OWN_LOCKS, "").await
    }

    pub async fn keep_a_table(&mut self) -> Outcome<()> {
        let world = self.world.clone();
        let _tie = world.ties.acquire().await.map_err(|error| Trouble::Wrong(error.to_string()))?;
        let mark = self.mark();
        let (create, tag) = match self.chance.below(2) {
            0 => (format!("create temp table mine as select '{mark}'::text as mark"), "SELECT 1"),
            _ => (format!("select '{mark}'::text as mark into temporary mine"), "SELECT 1"),
        };
        self.run(&create, tag).await?;
        for _ in 0..self.chance.between(1, 3) {
            self.see("select mark from pg_temp.mine", &mark).await?;
        }
        if self.leave_tied().await? {
            return Ok(());
        }
        match self.chance.below(4) {
            3 => self.discard_all().await?,
            0 => self.run("discard temp", "DISCARD TEMP").await?,
            _ => self.run("drop table pg_temp.mine", "DROP TABLE").await?,
        }
        self.see("select to_regclass('pg_temp.mine') is null", "t").await
    }

    /// Somebody else notifies, several times; nothing of it is lost, and nothing comes before or after.
    pub async fn listen(&mut self) -> Outcome<()> {
        let world = self.world.clone();
        let _tie = world.ties.acquire().await.map_err(|error| Trouble::Wrong(error.to_string()))?;
        let channel = format!("c{}", self.number);
        self.run(&format!("listen {channel}"), "LISTEN").await?;
        for _ in 0..self.chance.between(1, 3) {
            let payload = self.mark();
            let sent = world.crier.send((channel.clone(), payload.clone()));
            sent.map_err(|error| Trouble::Wrong(error.to_string()))?;
            self.remember(&format!("-- waits for {payload} at {channel}"));
            match self.chance.below(4) {
                0 => self.ask_once().await?,
                1 => self.transaction().await?,
                _ => {}
            }
            self.hear(&channel, &payload).await?;
        }
        if self.leave_tied().await? {
            return Ok(());
        }
        let unlisten = ["unlisten *".to_string(), format!("unlisten {channel}"), "discard all".to_string()];
        let unlisten = &unlisten[self.chance.below(3)];
        match &**unlisten {
            "discard all" => self.discard_all().await?,
            _ => self.run(unlisten, "UNLISTEN").await?,
        }
        self.line.notified.clear();
        self.ask_once().await?;
        match self.line.notified.pop_front() {
            Some(late) => wrong(format!("was notified of {late:?} after {unlisten}")),
            None => Ok(()),
        }
    }

    /// What was asked for before comes once more if whoever notifies lost its server, or this client did.
    async fn hear(&mut self, channel: &str, payload: &str) -> Outcome<()> {
        loop {
            let (heard_at, heard) = self.line.notification().await?;
            let own = heard.split_once(':').is_some_and(|(number, _)| number == self.number.to_string());
            match heard_at == channel && own {
                true if heard == payload => return Ok(()),
                true => {}
                false => return wrong(format!("was notified of {heard} at {heard_at}, and waited for {payload}")),
            }
        }
    }
}
