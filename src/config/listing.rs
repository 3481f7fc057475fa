//! The keys as a list: which there are, what each is set to, what its default is. For `pgweir check`, for the console's
//! SHOW CONFIG, for "did you mean". Secrets are masked here, so no caller can forget to. Pure.

use super::Config;
use super::fields::{self, Visitor};
use super::layer::{KeyPath, quoted};
use super::value::Value;
use super::{Database, User};

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The full path, `pool.pool_size`.
    pub key: String,
    /// As TOML; a secret is `"***"`, what is not set `""`.
    pub value: String,
    /// Likewise, if nobody had set it; empty for a database or a user, which has no default.
    pub default: String,
}

/// Every key that is set or has a default, in the order of the reference.
pub fn settings(config: &Config) -> Vec<Setting> {
    let defaults = list(&Config::default());
    let default = |path| defaults.iter().find(|other| other.path == path).and_then(|item| item.value.clone());
    list(config)
        .into_iter()
        .filter_map(|item| {
            let key = item.path.to_string();
            let value = item.value?;
            Some(Setting { key, value, default: default(item.path).unwrap_or_default() })
        })
        .collect()
}

/// A key with its value; `None` if there is neither a value nor a default.
pub(super) struct Listed {
    pub(super) path: KeyPath,
    pub(super) value: Option<String>,
}

/// Every key that `config` has a place for.
pub(super) fn list(config: &Config) -> Vec<Listed> {
    let mut lister = Lister { section: KeyPath::default(), listed: Vec::new(), all: false };
    fields::visit(&mut lister, &mut config.clone());
    lister.listed
}

/// Stands for the name of any database or user in [`known`].
pub(super) const ANY: &str = "<name>";

/// Every key there is, with [`ANY`] for names.
pub(super) fn known() -> Vec<KeyPath> {
    let mut config = Config::default();
    config.databases.insert(ANY.to_owned(), Database::default());
    config.users.insert(ANY.to_owned(), User::default());
    let mut lister = Lister { section: KeyPath::default(), listed: Vec::new(), all: true };
    fields::visit(&mut lister, &mut config);
    lister.listed.into_iter().map(|item| item.path).collect()
}

struct Lister {
    section: KeyPath,
    listed: Vec<Listed>,
    /// Also what is not set.
    all: bool,
}

impl Lister {
    fn shown(&self, name: &str, value: Option<String>) -> Option<String> {
        let fixed = !matches!(self.section.0[0].as_str(), "databases" | "users");
        match value {
            Some(_) if name == "password" => Some(quoted("***")),
            None if fixed => Some(quoted("")),
            value => value,
        }
    }
}

impl Visitor for Lister {
    fn section(&mut self, path: KeyPath) {
        self.section = path;
    }

    fn key_if<V: Value>(&mut self, name: &str, field: &mut V, _: impl Fn(&V) -> Result<(), String>) {
        let value = self.shown(name, field.print());
        self.listed.push(Listed { path: self.section.child(name), value });
    }

    fn texts(&mut self, name: &str, field: &mut Vec<(String, String)>) {
        let section = self.section.child(name);
        for (key, text) in field.iter() {
            self.listed.push(Listed { path: section.child(key), value: Some(quoted(text)) });
        }
        if self.all {
            self.listed.push(Listed { path: section.child(ANY), value: None });
        }
    }

    fn enters(&mut self, _: &KeyPath) -> bool {
        self.all
    }
}
