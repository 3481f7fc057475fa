//! One client: what it is, what it knows itself to have, how it sends and compares, and what it does when its server was
//! killed. What it does all day is in the files beside this one.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::asks::Named;
use super::batch::{Batch, Form, Reply, Statement, shown};
use super::chance::Chance;
use super::disturb::Progress;
use super::line::{Line, Outcome, Trouble, wrong};
use super::model::{NAMES, REPORTED, Settings, Values};

/// What all clients share.
#[derive(Debug)]
pub struct World {
    pub addr: SocketAddr,
    pub seed: u64,
    /// The settings of a session that has set nothing, as a direct connection shows them.
    pub defaults: Values,
    /// How many clients may be tied to servers at once: fewer than there are servers.
    pub ties: Semaphore,
    /// Channels and payloads for somebody else to notify.
    pub crier: mpsc::UnboundedSender<(String, String)>,
    pub progress: Progress,
}

#[derive(Debug)]
pub struct Client {
    pub number: usize,
    pub world: Arc<World>,
    pub chance: Chance,
    pub line: Line,
    pub settings: Settings,
    /// The statements that it has prepared as `s0`, `s1` and so on, like everybody.
    pub named: [Option<Named>; 6],
    /// No two statements ask for the same.
    pub version: usize,
    /// How many statements were answered.
    pub answered: usize,
    /// What it lost its servers in.
    pub losses: Vec<String>,
    /// The last statements.
    said: VecDeque<String>,
}

/// So many of the last statements are told of when one goes wrong.
const REMEMBERED: usize = 16;

impl Client {
    pub async fn login(number: usize, world: Arc<World>) -> Outcome<Client> {
        let (line, settings) = login(number, &world).await?;
        let chance = Chance::of(world.seed, number);
        let (named, said, losses) = (Default::default(), VecDeque::new(), Vec::new());
        Ok(Client { number, world, chance, line, settings, named, version: 0, answered: 0, losses, said })
    }

    /// Begins anew, as somebody who knows nothing.
    pub async fn reconnect(&mut self) -> Outcome<()> {
        (self.line, self.settings) = login(self.number, &self.world).await?;
        self.named = Default::default();
        self.said.push_back("-- reconnected".to_string());
        Ok(())
    }

    /// Works until so many statements were answered. The complaint if anything was not as it must be.
    pub async fn work(mut self, quota: usize) -> Result<Client, String> {
        while self.answered < quota {
            let before = self.answered;
            let outcome = self.turn().await;
            self.recover(outcome).await?;
            self.world.progress.made(self.answered - before);
        }
        Ok(self)
    }

    /// One more look when all is over; again where the last server that was killed is missed only now.
    pub async fn farewell(mut self) -> Result<Client, String> {
        loop {
            let outcome = self.look_around().await;
            let is_over = outcome.is_ok();
            self.recover(outcome).await?;
            if is_over {
                return Ok(self);
            }
        }
    }

    async fn look_around(&mut self) -> Outcome<()> {
        let statements = [self.ask(), self.look()];
        self.exchange(Batch::of(&statements, Form::Queries)).await?;
        self.named_once().await
    }

    async fn recover(&mut self, outcome: Outcome<()>) -> Result<(), String> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Trouble::Lost(why)) => {
                let during = self.said.back().cloned().unwrap_or_default();
                self.losses.push(format!("client {}: {why}, after {during}", self.number));
                self.reconnect().await.map_err(|trouble| self.complaint(trouble))
            }
            Err(trouble) => Err(self.complaint(trouble)),
        }
    }

    fn complaint(&self, trouble: Trouble) -> String {
        let said: Vec<&str> = self.said.iter().map(|text| &**text).collect();
        let (Trouble::Lost(why) | Trouble::Wrong(why)) = trouble;
        let (number, seed, line) = (self.number, self.world.seed, self.line.id);
        format!(
            "client {number} (pgweir's {line}, PGWEIR_SEED={seed}), statement {}: {why}\nbefore:\n  {}",
            self.answered,
            said.join("\n  ")
        )
    }

    /// What this turn brings: how often, and what.
    async fn turn(&mut self) -> Outcome<()> {
        let weights = [10, 30, 6, 20, 12, 8, 8, 3, 3, 2, 3, 1, 2, 1, 3];
        match self.chance.weighed(weights.into_iter()) {
            0 => self.ask_once().await,
            1 => self.ask_many().await,
            2 => self.named_once().await,
            3 => self.named_many().await,
            4 => self.change_settings().await,
            5 => self.transaction().await,
            6 => self.implicit_transaction().await,
            7 => self.lock().await,
            8 => self.keep_a_table().await,
            9 => self.listen().await,
            10 => self.copy().await,
            11 => self.time_out().await,
            12 => self.be_cancelled().await,
            13 => self.cancel_others().await,
            _ => self.leave().await,
        }
    }

    /// Sends all of it, and compares every reply.
    pub async fn exchange(&mut self, batch: Batch) -> Outcome<()> {
        self.line.send(&batch.bytes).await?;
        self.replies(&batch).await
    }

    pub async fn replies(&mut self, batch: &Batch) -> Outcome<()> {
        let mut status = String::new();
        let mut place = usize::MAX;
        for (said, expected) in &batch.expected {
            if *said != place {
                place = *said;
                self.remember(batch.said.get(place).map_or("", |text| text));
            }
            let message = self.line.message().await?;
            self.answered += usize::from(matches!(message.tag, b'C' | b'E'));
            status = shown(&message);
            if status != *expected {
                let came = if message.tag == b'E' { format!("{status} {}", message.text()) } else { status };
                return wrong(format!("expected `{expected}`, came `{came}`, of `{}`", batch.said[place]));
            }
        }
        if status == "Z I" || status == "Z T" { self.compare_told() } else { Ok(()) }
    }

    /// What it was told of its parameters is what they are, and nobody else's notification has come.
    fn compare_told(&mut self) -> Outcome<()> {
        for which in REPORTED {
            let (told, expected) = (self.line.told.get(NAMES[which]), self.settings.visible(which));
            if told.is_none_or(|told| told != expected) {
                return wrong(format!("was told that {} is {told:?}, and it is {expected:?}", NAMES[which]));
            }
        }
        let own = format!("c{}", self.number);
        match self.line.notified.iter().find(|(channel, _)| *channel != own) {
            Some(foreign) => wrong(format!("was notified of {foreign:?}")),
            None => Ok(()),
        }
    }

    pub fn remember(&mut self, text: &str) {
        while self.said.len() >= REMEMBERED {
            self.said.pop_front();
        }
        self.said.push_back(text.to_string());
    }

    /// A mark that nobody else has and that is used once.
    pub fn mark(&mut self) -> String {
        self.version += 1;
        format!("{}:{}", self.number, self.version)
    }

    pub fn status(&self) -> char {
        if self.settings.is_open() { 'T' } else { 'I' }
    }

    pub fn row(&self, sql: String, row: String) -> Statement {
        Statement { sql, reply: Reply::Row(row), status: self.status() }
    }

    pub fn done(&self, sql: impl Into<String>, tag: &'static str) -> Statement {
        Statement { sql: sql.into(), reply: Reply::Done(tag), status: self.status() }
    }

    pub async fn run(&mut self, sql: &str, tag: &'static str) -> Outcome<()> {
        let statement = self.done(sql, tag);
        self.exchange(Batch::of(&[statement], Form::Queries)).await
    }

    pub async fn see(&mut self, sql: &str, row: &str) -> Outcome<()> {
        let statement = self.row(sql.to_string(), row.to_string());
        self.exchange(Batch::of(&[statement], Form::Queries)).await
    }
}

/// A third of the clients bring nothing, a third settings of all kinds, a third one that is not reported.
async fn login(number: usize, world: &World) -> Outcome<(Line, Settings)> {
    let mut origin = world.defaults.clone();
    let options = format!("-c statement_timeout={}ms -c my.client=start{number}", 100_001 + 2 * number);
    let (name, zone, memory) =
        (format!("start{number}"), format!("<START{number}>-03:30"), format!("{}kB", 4097 + 2 * number));
    let mut parameters = BTreeMap::from([("user", "direct"), ("database", "app")]);
    match number % 3 {
        0 => {}
        1 => {
            parameters.extend([("application_name", &*name), ("TimeZone", &*zone), ("options", &*options)]);
            origin[0] = format!("start{number}");
            origin[2] = format!("{}ms", 100_001 + 2 * number);
            origin[4] = name.clone();
            origin[5] = zone.clone();
        }
        _ => {
            parameters.extend([("work_mem", &*memory)]);
            origin[1] = memory.clone();
        }
    }
    let parameters: Vec<(&str, &str)> = parameters.into_iter().collect();
    Ok((Line::login(world.addr, &parameters).await?, Settings::new(origin)))
}
