//! Where the configuration comes from, kept so that it can be read again on HUP. The only file of this module that asks the
//! system: it reads the file, looks whether named files exist, counts cores. What it all means is in `check`.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::check::{Checked, Found, Input, check};
use super::layer::Mistake;
use super::{Config, environment};

/// The options of the command line, unchecked.
#[derive(Clone, Default)]
pub struct Flags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--database-url`; may contain a password.
    pub database_url: Option<String>,
    /// `--listen`, several addresses with commas.
    pub listen: Option<String>,
    /// `--http`
    pub http: Option<String>,
    /// `--workers`
    pub workers: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
}

/// Everything that configures: the command line, the environment, a file. Holds secrets, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Sources {
    /// The command line.
    pub flags: Flags,
    /// The environment; only what concerns us is looked at.
    pub env: Vec<(String, String)>,
    /// Names of variables that concern us and are not UTF-8.
    pub unreadable: Vec<String>,
    /// Cores that we may use.
    pub cores: usize,
}

impl Sources {
    /// The command line given, with this process' environment and cores.
    pub fn of_process(flags: Flags) -> Sources {
        let (mut env, mut unreadable) = (Vec::new(), Vec::new());
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        for (name, value) in named.filter(|(name, _)| environment::is_ours(name)) {
            match value.into_string() {
                Ok(value) => env.push((name, value)),
                Err(_) => unreadable.push(name),
            }
        }
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        Sources { flags, env, unreadable, cores }
    }

    /// The file, if there is one: `--config`, or else PGWEIR_CONFIG.
    pub fn config_file(&self) -> Option<PathBuf> {
        let variable = self.env.iter().find(|(name, value)| name == environment::CONFIG && !value.is_empty());
        self.flags.config.clone().or_else(|| variable.map(|(_, value)| value.into()))
    }

    /// Reads everything again. Either all of it is right, or every mistake comes back.
    pub fn load(&self) -> Result<Config, Vec<Mistake>> {
        self.checked().map(|checked| checked.config)
    }

    /// Like [`Sources::load`], and remembers where each value came from.
    pub fn checked(&self) -> Result<Checked, Vec<Mistake>> {
        let unreadable = |name: &String| {
            Mistake::unplaced(format!("environment {name}: UTF-8, and in a URL %XX for each byte of another encoding"))
        };
        if !self.unreadable.is_empty() {
            return Err(self.unreadable.iter().map(unreadable).collect());
        }
        let file = self.config_file().map(|path| read(&path)).transpose().map_err(|mistake| vec![mistake])?;
        let file = file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        check(&Input { file, env: &self.env, flags: &self.flags, cores: self.cores, look: &look })
    }
}

/// A longer file is not a configuration; the bound keeps a wrong path from filling the memory.
const LONGEST_FILE: u64 = 16 << 20;

fn read(path: &Path) -> Result<(String, String), Mistake> {
    let name = path.display().to_string();
    let about = |why: String| Mistake::unplaced(format!("{name}: {why}"));
    let size = fs::metadata(path).map_err(|error| about(format!("cannot be read: {error}")))?.len();
    if size > LONGEST_FILE {
        return Err(about(format!("{size} bytes long; a configuration has at most {LONGEST_FILE}")));
    }
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => about("not UTF-8, as TOML has to be".to_owned()),
        _ => about(format!("cannot be read: {error}")),
    })?;
    Ok((name, text))
}

fn look(path: &Path) -> Found {
    let opened = File::open(path).and_then(|file| file.metadata());
    match opened {
        Ok(found) if found.is_dir() => Found::Directory,
        Ok(_) => Found::File,
        Err(error) if error.kind() == ErrorKind::NotFound => Found::Nothing("does not exist".to_owned()),
        Err(error) => Found::Nothing(format!("cannot be read: {error}")),
    }
}
