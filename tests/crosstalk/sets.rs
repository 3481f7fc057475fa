//! Settings that are only their client's: set in every way, kept, undone, looked at.

use super::batch::{Batch, FORMS, Form, Reply, Statement, bind};
use super::client::Client;
use super::line::Outcome;
use super::model::{NAMES, ROLE};
use crate::support::wire;

impl Client {
    /// Shows all settings, and who the client is.
    pub fn look(&mut self) -> Statement {
        let mark = self.mark();
        let shown = NAMES.map(|name| format!("coalesce(current_setting('{name}', true), '')")).join(", ");
        let role = self.settings.visible(ROLE);
        let who = if role == "none" { "direct" } else { role };
        let row = format!("{mark}|{who}|{}", self.settings.row());
        self.row(format!("select '{mark}', current_user, {shown}"), row)
    }

    /// A value that only this client has, and has once, as it is shown: odd, so that its unit stays.
    fn value(&mut self, which: usize) -> String {
        self.version += 1;
        let (number, version) = (self.number, self.version);
        match which {
            0 => format!("it's {number}-{version}"),
            1 => format!("{}kB", 65 + 2 * (number * 500 + version % 500)),
            2 => format!("{}ms", 100_001 + 2 * (number * 1000 + version % 1000)),
            3 => format!("s{number}, v{version}"),
            4 => format!("c{number}-{version}"),
            5 => format!("<C{number}V{version}>-03:30"),
            _ => format!("c{number}"),
        }
    }

    /// SET, SET LOCAL, set_config, RESET: of one setting, within a transaction or not.
    fn change(&mut self, may_be_local: bool) -> Statement {
        let which = self.chance.below(NAMES.len());
        if self.chance.once_in(6) && (!self.settings.is_open() || !self.brought(which)) {
            self.settings.reset(which);
            return self.done(format!("reset {}", NAMES[which]), "RESET");
        }
        let (value, local) = (self.value(which), may_be_local && self.chance.once_in(3));
        match local {
            true => self.settings.set_local(which, &value),
            false => self.settings.set(which, &value),
        }
        if self.chance.once_in(3) {
            let quoted = value.replace('\'', "''");
            let sql = format!("select set_config('{}', '{quoted}', {local})", NAMES[which]);
            return self.row(sql, value);
        }
        let (name, quoted) = (NAMES[which], value.replace('\'', "''"));
        let extent = if local { "local " } else { ["", "session "][self.chance.below(2)] };
        let assigned = match which {
            3 => format!("{name} to {value}"),
            5 if self.chance.once_in(2) => format!("time zone '{quoted}'"),
            _ => format!("{name} = '{quoted}'"),
        };
        self.done(format!("set {extent}{assigned}"), "SET")
    }

    /// Whether the client started with a value of its own. Until it is at rest, RESET takes such a setting to what the server
    /// started with: known, and not looked at here.
    fn brought(&self, which: usize) -> bool {
        self.settings.origin(which) != self.world.defaults[which]
    }

    /// Outside of transactions, and a look that may be in another batch.
    pub async fn change_settings(&mut self) -> Outcome<()> {
        let change = match self.chance.below(12) {
            0 => {
                self.settings.reset_all();
                self.done("reset all", "RESET")
            }
            1 => {
                self.settings.discard();
                self.named = Default::default();
                self.done("discard all", "DISCARD ALL")
            }
            2 => return self.change_by_parameter().await,
            _ => self.change(false),
        };
        let form = if self.chance.once_in(2) { Form::Queries } else { Form::Extended };
        let resets = !change.sql.starts_with("se");
        let mut batch = Batch::of(&[change], form);
        if resets || self.chance.once_in(2) {
            self.exchange(std::mem::take(&mut batch)).await?;
        }
        batch.add(&[self.look()], form);
        self.exchange(batch).await
    }

    /// The value is not in the text.
    async fn change_by_parameter(&mut self) -> Outcome<()> {
        let which = self.chance.below(NAMES.len());
        let value = self.value(which);
        let sql = "select set_config($1, $2, false)";
        let mut batch = Batch::default();
        batch.say(&format!("{sql} of {} and {value}", NAMES[which]));
        batch.send(&[wire::parse("", sql), bind("", &[NAMES[which], &value]), wire::execute()].concat());
        batch.expect_all(&["1", "2"]);
        batch.expect_reply(&Reply::Row(value.clone()), false);
        batch.sync('I');
        self.settings.set(which, &value);
        self.exchange(batch).await?;
        let look = self.look();
        self.exchange(Batch::of(&[look], Form::Queries)).await
    }

    /// Some steps, committed or rolled back, in any number of batches; and a look.
    pub async fn transaction(&mut self) -> Outcome<()> {
        let form = FORMS[self.chance.below(FORMS.len())];
        self.settings.begin();
        let mut statements = vec![self.done("begin", "BEGIN")];
        for _ in 0..self.chance.between(1, 8) {
            let step = self.step();
            statements.push(step);
            if self.chance.once_in(3) {
                self.exchange(Batch::of(&std::mem::take(&mut statements), form)).await?;
            }
        }
        if self.chance.once_in(4) {
            let failing = self.failing();
            self.exchange(Batch::of(&[&statements[..], &[failing]].concat(), form)).await?;
            return self.after_failure(form).await;
        }
        let end = self.end();
        statements.push(end);
        self.exchange(Batch::of(&statements, form)).await?;
        let look = self.look();
        self.exchange(Batch::of(&[look], Form::Queries)).await
    }

    fn step(&mut self) -> Statement {
        match self.chance.below(8) {
            0 => self.ask(),
            1 => {
                self.settings.savepoint();
                self.done("savepoint p", "SAVEPOINT")
            }
            2 if self.settings.savepoints() > 0 => {
                self.settings.rollback_to();
                self.done("rollback to p", "ROLLBACK")
            }
            3 if self.settings.savepoints() > 0 => {
                self.settings.release();
                self.done("release p", "RELEASE")
            }
            4 => self.look(),
            _ => self.change(true),
        }
    }

    fn end(&mut self) -> Statement {
        match self.chance.once_in(3) {
            true => {
                self.settings.rollback();
                self.done("rollback", "ROLLBACK")
            }
            false => {
                self.settings.commit();
                self.done("commit", "COMMIT")
            }
        }
    }

    /// Back to the savepoint if there is one, or the end; which COMMIT is too.
    async fn after_failure(&mut self, form: Form) -> Outcome<()> {
        let mut statements = Vec::new();
        if self.settings.savepoints() > 0 && self.chance.once_in(2) {
            self.settings.rollback_to();
            statements.extend([self.done("rollback to p", "ROLLBACK"), self.look(), self.end()]);
        } else {
            self.settings.rollback();
            let sql = if self.chance.once_in(2) { "commit" } else { "rollback" };
            statements.push(self.done(sql, "ROLLBACK"));
        }
        statements.push(self.look());
        self.exchange(Batch::of(&statements, form)).await
    }

    /// Several statements in one Query or before one Sync are a transaction too.
    pub async fn implicit_transaction(&mut self) -> Outcome<()> {
        let form = if self.chance.once_in(2) { Form::Joined } else { Form::Piped };
        self.settings.begin();
        let mut statements = Vec::new();
        for _ in 0..self.chance.between(1, 4) {
            statements.push(self.change(true));
        }
        statements.push(self.look());
        if self.chance.once_in(3) {
            statements.push(self.failing());
            self.settings.rollback();
        } else {
            statements.push(self.ask());
            self.settings.commit();
        }
        statements.last_mut().into_iter().for_each(|last| last.status = 'I');
        self.exchange(Batch::of(&statements, form)).await?;
        let look = self.look();
        self.exchange(Batch::of(&[look], Form::Queries)).await
    }
}
