//! Settings that a client has changed, entered into what it and its server are known to have. Pure.
//!
//! What a server reports needs no entering: its ParameterStatus is exact, whatever the cause. But a setting that goes back
//! to what it was when the session started, goes back to what the *client* started with, which need not be what the server
//! did.

use crate::pool::parameters::{Parameters, is_access};
use crate::sql::{Change, To};

/// Who becomes somebody else keeps it through RESET ALL.
const KEPT: &str = "role";

/// And goes on being reported.
const STAYING: [&str; 2] = ["session_authorization", "is_superuser"];

/// A client with its server.
pub struct Carry<'a> {
    /// What the client has.
    pub client: &'a mut Parameters,
    /// What the server has.
    pub server: &'a mut Parameters,
    /// What the client started with.
    pub origin: &'a Parameters,
}

impl Carry<'_> {
    /// A change that is certain.
    pub fn apply(&mut self, change: &Change) {
        match &change.to {
            To::Value(value) => {
                self.follow(&change.name);
                self.learn(&change.name, Some(value));
            }
            To::Default => self.restart(&change.name),
            To::AllDefault => self.restart_all(),
            To::Unread => {}
        }
    }

    /// The server says that the session has set this value; `None` if it has set none.
    pub fn learn(&mut self, name: &str, value: Option<&str>) {
        if self.server.reported(name).is_some() && !is_access(name) {
            return;
        }
        match value {
            Some("none") if name == KEPT => self.unset(name),
            Some(value) => {
                self.client.set_quiet(name, value);
                self.server.set_quiet(name, value);
            }
            None => self.restart(name),
        }
    }

    /// A reported setting that was set after it went back to its start: the client has again what its server reports.
    fn follow(&mut self, name: &str) {
        if let Some(value) = self.server.reported(name) {
            self.client.report(name, value);
        }
    }

    fn unset(&mut self, name: &str) {
        self.client.unset_quiet(name);
        self.server.unset_quiet(name);
    }

    fn restart(&mut self, name: &str) {
        if self.server.reported(name).is_some() {
            if let Some(value) = self.origin.reported(name) {
                self.client.report(name, value);
            }
            if !is_access(name) {
                return;
            }
        }
        self.unset(name);
        if let Some(value) = self.origin.quiet(name) {
            self.client.set_quiet(name, value);
        }
    }

    fn restart_all(&mut self) {
        let role = self.client.quiet(KEPT).map(str::to_string);
        let own = STAYING.map(|name| self.client.reported(name).map(str::to_string));
        *self.client = self.origin.clone();
        self.server.forget_quiet();
        if let Some(role) = role {
            self.learn(KEPT, Some(&role));
        }
        for (name, own) in STAYING.iter().zip(own) {
            own.into_iter().for_each(|own| self.client.report(name, &own));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Reported=value quiet=value`, as in the tests of parameters.
    fn parse(text: &str) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, value) in text.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            match name.starts_with(|c: char| c.is_uppercase()) {
                true => parameters.report(name, value),
                false => parameters.set_quiet(name, value),
            }
        }
        parameters
    }

    /// Both have `before`; `changes` are `name=value`, `name` for its default, `*` for all.
    #[track_caller]
    fn check(origin: &str, before: &str, changes: &str, client: &str, server: &str) {
        let (origin, mut own, mut there) = (parse(origin), parse(before), parse(before));
        let mut carry = Carry { client: &mut own, server: &mut there, origin: &origin };
        for word in changes.split_whitespace() {
            let (name, to) = match word.split_once('=') {
                Some((name, value)) => (name, To::Value(value.to_string())),
                None if word == "*" => ("", To::AllDefault),
                None => (word, To::Default),
            };
            carry.apply(&Change { name: name.to_string(), to });
        }
        assert_eq!((&own, &there), (&parse(client), &parse(server)), "{before} {changes}");
    }

    #[test]
    fn changes() {
        check("", "", "a=1", "a=1", "a=1");
        check("", "a=1", "a=2 b=3", "a=2 b=3", "a=2 b=3");
        check("", "a=1", "a", "", "");
        check("a=0", "a=1", "a", "a=0", "");
        check("", "Zone=x", "zone=y", "Zone=x", "Zone=x");
        check("Zone=w", "Zone=x", "zone", "Zone=w", "Zone=x");
        check("Zone=w", "Zone=x", "zone zone=x", "Zone=x", "Zone=x");
        check("Zone=w", "Zone=x", "zone=x zone", "Zone=w", "Zone=x");
        check("Zone=w a=0", "Zone=x", "* zone=x", "Zone=x a=0", "Zone=x");
        check("", "a=1 b=2", "*", "", "");
        check("a=0 Zone=w", "a=1 b=2 Zone=x", "* b=3", "a=0 b=3 Zone=w", "b=3 Zone=x");
        check("", "", "role=x", "role=x", "role=x");
        check("", "role=x a=1", "*", "role=x", "role=x");
        let (own, other) = ("Session_authorization=me Is_superuser=on", "Session_authorization=x Is_superuser=off");
        check(own, &format!("{other} a=1"), "*", other, other);
        check("", "role=x", "role=none", "", "");
        let (free, set) = (
            "Default_transaction_read_only=off",
            "Default_transaction_read_only=off default_transaction_read_only=off",
        );
        check(free, free, "default_transaction_read_only=off", set, set);
        check(free, set, "default_transaction_read_only", free, free);
        check(set, free, "default_transaction_read_only", set, free);
    }

    #[test]
    fn what_the_server_says() {
        let (mut own, mut there) = (parse("a=1 b=2"), parse("a=1 b=2"));
        let mut carry = Carry { client: &mut own, server: &mut there, origin: &parse("") };
        carry.learn("a", Some("9"));
        carry.learn("b", None);
        assert_eq!((own, there), (parse("a=9"), parse("a=9")));
    }
}
