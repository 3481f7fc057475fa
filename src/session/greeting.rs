//! A StartupMessage, understood: who, which database, which parameters. Pure.

use crate::protocol::encode::Complaint;
use crate::protocol::{sqlstate, startup};

/// What a client wants to be and to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The minor protocol version that it asks for.
    pub minor: u16,
    /// Whom it wants to log in as.
    pub user: String,
    /// Which database it asks for.
    pub database: String,
    /// Parameters for its session: those in `options` first, for any that has a name of its own wins; each kind in order.
    pub settings: Vec<(String, String)>,
    /// For a client that wants to replicate, all its parameters as they came, `replication` too: its own server judges
    /// them, and `settings` is empty.
    pub replication: Option<Vec<(String, String)>>,
    /// Protocol options (`_pq_.…`) that we do not know.
    pub unknown: Vec<String>,
}

impl Greeting {
    /// Reads the packet's parameters.
    pub fn read(minor: u16, parameters: Vec<(String, String)>) -> Result<Greeting, Complaint> {
        let replicates = parameters.iter().any(|(name, value)| name == "replication" && !is_off(value));
        let mut greeting = Greeting {
            minor,
            user: String::new(),
            database: String::new(),
            settings: Vec::new(),
            replication: replicates.then(Vec::new),
            unknown: Vec::new(),
        };
        let mut options = Vec::new();
        for (name, value) in parameters {
            match name.as_str() {
                // As in Postgres the last one counts.
                "options" if !replicates => options = startup::options(&value).map_err(|word| bad_option(&word))?,
                _ => greeting.take(name, value),
            }
        }
        greeting.settings.splice(..0, options);
        if greeting.database.is_empty() {
            greeting.database.clone_from(&greeting.user);
        }
        Ok(greeting)
    }

    fn take(&mut self, name: String, value: String) {
        match name.as_str() {
            "user" => self.user = value,
            "database" => self.database = value,
            _ if name.starts_with("_pq_.") => self.unknown.push(name),
            _ if self.replication.is_some() => self.replication.get_or_insert_default().push((name, value)),
            "replication" => {}
            _ => self.settings.push((name, value)),
        }
    }

    /// Whether it wants to replicate the whole cluster, where the database's name means nothing.
    pub fn is_physical(&self) -> bool {
        let of_database = |(name, value): &(String, String)| name == "replication" && value == "database";
        self.replication.as_ref().is_some_and(|parameters| !parameters.iter().any(of_database))
    }

    /// The minor protocol version that is spoken with it.
    pub fn spoken_minor(&self) -> u16 {
        startup::spoken_minor(self.minor)
    }

    /// What it calls itself.
    pub fn application_name(&self) -> &str {
        let all = self.settings.iter().chain(self.replication.iter().flatten());
        let own = all.rev().find(|(name, _)| name.eq_ignore_ascii_case("application_name"));
        own.map_or("", |(_, value)| value)
    }
}

fn is_off(value: &str) -> bool {
    ["", "0", "f", "false", "off", "n", "no"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

fn bad_option(word: &str) -> Complaint {
    Complaint::fatal(
        sqlstate::PROTOCOL_VIOLATION,
        format!("pgweir does not understand {word:?} in the startup options"),
    )
    .hint("Settings are written -c name=value or --name=value.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        let pairs = words.split(';').filter_map(|pair| pair.split_once(':'));
        let said = match Greeting::read(0, pairs.map(|(name, value)| (name.into(), value.into())).collect()) {
            Ok(greeting) => {
                let Greeting { user, database, settings, unknown, .. } = &greeting;
                let kind = if greeting.is_physical() { "physical" } else { "logical" };
                let replication = greeting.replication.as_ref().map(|own| format!(" {kind} {own:?}"));
                format!("{user}@{database} {settings:?} {unknown:?}{}", replication.unwrap_or_default())
            }
            Err(complaint) => complaint.code().to_string(),
        };
        assert_eq!(said, expected, "{words}");
    }

    #[test]
    fn greetings() {
        check("user:a", "a@a [] []");
        check("user:a;database:b;x:1", r#"a@b [("x", "1")] []"#);
        check("user:a;options:-c x=1 --y-z=2", r#"a@a [("x", "1"), ("y_z", "2")] []"#);
        check("user:a;options:-z", "08P01");
        for words in ["x:1;options:-c x=2 -c y=3;z:4", "options:-c x=2 -c y=3;x:1;z:4"] {
            check(&format!("user:a;{words}"), r#"a@a [("x", "2"), ("y", "3"), ("x", "1"), ("z", "4")] []"#);
        }
        check("user:a;options:-c x=1;options:-c y=2", r#"a@a [("y", "2")] []"#);
        check("user:a;_pq_.new:1", r#"a@a [] ["_pq_.new"]"#);
        for off in ["off", "false", "0", "no", ""] {
            check(&format!("user:a;replication:{off};x:1"), r#"a@a [("x", "1")] []"#);
        }
        let all = r#"[("x", "1"), ("replication", "database"), ("options", "-z")]"#;
        let words = "x:1;user:a;replication:database;_pq_.new:1;options:-z;database:b";
        check(words, &format!(r#"a@b [] ["_pq_.new"] logical {all}"#));
        for on in ["on", "true", "1", "yes", "DATABASE", "nonsense"] {
            check(&format!("user:a;replication:{on}"), &format!(r#"a@a [] [] physical [("replication", "{on}")]"#));
        }
    }
}
