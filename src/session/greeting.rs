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
    /// Parameters for its session, those in `options` too, in order.
    pub settings: Vec<(String, String)>,
    /// Protocol options (`_pq_.…`) that we do not know.
    pub unknown: Vec<String>,
}

impl Greeting {
    /// Reads the packet's parameters.
    pub fn read(minor: u16, parameters: Vec<(String, String)>) -> Result<Greeting, Complaint> {
        let mut greeting =
            Greeting { minor, user: String::new(), database: String::new(), settings: Vec::new(), unknown: Vec::new() };
        for (name, value) in parameters {
            greeting.take(name, value)?;
        }
        if greeting.database.is_empty() {
            greeting.database.clone_from(&greeting.user);
        }
        Ok(greeting)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), Complaint> {
        match name.as_str() {
            "user" => self.user = value,
            "database" => self.database = value,
            "options" => self.settings.extend(startup::options(&value).map_err(|word| bad_option(&word))?),
            "replication" if is_off(&value) => {}
            "replication" => return Err(no_replication()),
            _ if name.starts_with("_pq_.") => self.unknown.push(name),
            _ => self.settings.push((name, value)),
        }
        Ok(())
    }

    /// The minor protocol version that is spoken with it.
    pub fn spoken_minor(&self) -> u16 {
        startup::spoken_minor(self.minor)
    }

    /// What it calls itself.
    pub fn application_name(&self) -> &str {
        let own = self.settings.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("application_name"));
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

fn no_replication() -> Complaint {
    Complaint::fatal(sqlstate::FEATURE_NOT_SUPPORTED, "pgweir does not pool replication connections yet")
        .hint("Connect to the server directly for replication.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        let pairs = words.split(';').filter_map(|pair| pair.split_once(':'));
        let said = match Greeting::read(0, pairs.map(|(name, value)| (name.into(), value.into())).collect()) {
            Ok(greeting) => {
                format!("{}@{} {:?} {:?}", greeting.user, greeting.database, greeting.settings, greeting.unknown)
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
        check("user:a;_pq_.new:1", r#"a@a [] ["_pq_.new"]"#);
        check("user:a;replication:database", "0A000");
        check("user:a;replication:off", "a@a [] []");
    }
}
