//! From what is written to a [`Config`]: command line over environment over file over default. Collects every mistake
//! instead of stopping at the first. Whether the values fit together is in `rules`. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use super::fields::{self, Visitor};
use super::layer::{KeyPath, Layer, Meant, Mistake, Source, Written};
use super::sources::Flags;
use super::url::ServerUrl;
use super::value::Value;
use super::{AuthType, Config, defaults, environment, file, listing, nearest, pgbouncer, print, rules};

/// All that configures, as arguments.
pub struct Input<'a> {
    /// The file's name and text.
    pub file: Option<(&'a str, &'a str)>,
    /// The environment.
    pub env: &'a [(String, String)],
    /// The command line.
    pub flags: &'a Flags,
    /// Cores that we may use.
    pub cores: usize,
    /// What stands at a path.
    pub look: &'a dyn Fn(&Path) -> Found,
}

/// What stands at a path.
pub enum Found {
    /// Something that can be read.
    File,
    /// A directory.
    Directory,
    /// Nothing that we can use, and why.
    Nothing(String),
}

/// A configuration without a mistake, and where each of its values came from.
pub struct Checked {
    /// As it will be used.
    pub config: Config,
    pub(super) layer: Layer,
}

impl Checked {
    /// The configuration as TOML, secrets masked, each value that was set with its source in a comment.
    pub fn to_toml(&self) -> String {
        print::toml(&self.config, &self.layer)
    }
}

/// Reads all sources, or says everything that is wrong with them, in the order of the lines.
pub fn check(input: &Input<'_>) -> Result<Checked, Vec<Mistake>> {
    let (checked, behind, mut mistakes) = read(input)?;
    rules::check(&checked, &behind, input.look, &mut mistakes);
    if mistakes.is_empty() {
        return Ok(checked);
    }
    Mistake::sort(&mut mistakes);
    Err(mistakes)
}

/// What DATABASE_URL, or `--database-url`, says.
pub(super) enum Behind {
    Unsaid,
    Wrong,
    Served(Served),
}

/// The Postgres behind us as DATABASE_URL names it.
pub(super) struct Served {
    /// The database's name for clients.
    pub(super) name: String,
    /// The user who may log in.
    user: Option<String>,
    pub(super) written: Written,
    /// Clients are let in without a password because the URL has none.
    pub(super) trusts: bool,
}

/// Everything as read, with the mistakes of single values. Only a file that is no TOML stops it.
pub(super) fn read(input: &Input<'_>) -> Result<(Checked, Behind, Vec<Mistake>), Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let known = listing::known();
    let mut layer = input.file.map_or_else(|| Ok(Layer::default()), |(name, text)| file::read(name, text))?;
    layer.lay_over(environment::read(input.env, &known, &layer, &mut mistakes));
    layer.lay_over(environment::read_flags(input.flags));
    let mut behind = serve_url(input, &mut layer, &mut mistakes);
    drop_outranked(&mut layer);

    let mut config = with_names(&layer);
    let mut reader = Reader { layer: &layer, section: KeyPath::default(), used: BTreeSet::new(), mistakes };
    fields::visit(&mut reader, &mut config);
    reader.complain_of_unknown(&known);
    let mistakes = reader.mistakes;

    if config.listen.workers == 0 || layer.get(&KeyPath::of(&["listen", "workers"])).is_none() {
        config.listen.workers = defaults::workers(input.cores);
    }
    if let Behind::Served(served) = &mut behind {
        admit(served, &mut config, &mut layer);
    }
    Ok((Checked { config, layer }, behind, mistakes))
}

/// The defaults, with a place for each database and user that is named.
fn with_names(layer: &Layer) -> Config {
    let mut config = Config::default();
    config.databases.extend(layer.names_under("databases").into_iter().map(|name| (name, Default::default())));
    config.users.extend(layer.names_under("users").into_iter().map(|name| (name, Default::default())));
    config
}

/// Makes DATABASE_URL the url of the database that it names.
fn serve_url(input: &Input<'_>, layer: &mut Layer, mistakes: &mut Vec<Mistake>) -> Behind {
    let Some(written) = database_url(input) else { return Behind::Unsaid };
    let (name, user) = match ServerUrl::read(&written.raw).and_then(named) {
        Ok(both) => both,
        Err(right) => {
            mistakes.push(Mistake::at(&KeyPath::of(&["url"]), &written, right));
            return Behind::Wrong;
        }
    };
    let database = KeyPath::of(&["databases", &name]);
    mistakes.extend(layer.insert(database.child("url"), written.clone()).err());
    Behind::Served(Served { name, user, written, trusts: false })
}

/// A URL says all at once: what the sources below it say of the same database is out of date. A single key over a URL replaces
/// that part of it.
fn drop_outranked(layer: &mut Layer) {
    for name in layer.names_under("databases") {
        let database = KeyPath::of(&["databases", &name]);
        let Some(rank) = layer.get(&database.child("url")).map(|url| url.source.rank()) else { continue };
        for part in PLACE.map(|part| database.child(part)) {
            if layer.get(&part).is_some_and(|below| below.source.rank() < rank) {
                layer.entries.remove(&part);
            }
        }
    }
}

/// The names of the database and of the user; libpq takes the one for the other.
fn named(url: ServerUrl) -> Result<(String, Option<String>), String> {
    let name = url.dbname.or_else(|| url.user.clone());
    let name = name.ok_or("a database in it: postgres://user:password@host:5432/database")?;
    Ok((name, url.user))
}

/// The keys of a database that its URL says all at once.
const PLACE: [&str; 5] = ["host", "port", "dbname", "user", "password"];

fn database_url(input: &Input<'_>) -> Option<Written> {
    let variable = input.env.iter().find(|(name, value)| name == environment::DATABASE_URL && !value.is_empty());
    let variable = variable.map(|(name, value)| Written::bare(value, Source::Environment(name.clone())));
    let flag = input.flags.database_url.as_ref();
    flag.map(|url| Written::bare(url, Source::Flag(environment::DATABASE_URL_FLAG))).or(variable)
}

/// Lets the URL's user log in with the URL's password. Without one, and without anybody else who has one, every client is
/// trusted, unless `auth_type` says otherwise.
fn admit(served: &mut Served, config: &mut Config, layer: &mut Layer) {
    let Some(database) = config.databases.get(&served.name) else { return };
    let password = database.password.clone();
    if let (Some(name), Some(password)) = (&served.user, &password) {
        let user = config.users.entry(name.clone()).or_default();
        if user.password.is_none() {
            user.password = Some(password.clone());
            layer.entries.insert(KeyPath::of(&["users", name, "password"]), served.written.clone());
        }
    }
    let decided = layer.get(&KeyPath::of(&["auth", "auth_type"])).is_some();
    let guarded = config.users.values().any(|user| user.password.is_some());
    if password.is_none() && !decided && !guarded {
        served.trusts = true;
        config.auth.auth_type = AuthType::Trust;
        layer.entries.insert(KeyPath::of(&["auth", "auth_type"]), served.written.clone());
        config.users.extend(served.user.clone().map(|name| (name, Default::default())));
    }
}

/// Puts what is written into its fields.
struct Reader<'a> {
    layer: &'a Layer,
    section: KeyPath,
    used: BTreeSet<KeyPath>,
    mistakes: Vec<Mistake>,
}

impl Visitor for Reader<'_> {
    fn section(&mut self, path: KeyPath) {
        self.section = path;
    }

    fn key_if<V: Value>(&mut self, name: &str, field: &mut V, fits: impl Fn(&V) -> Result<(), String>) {
        let path = self.section.child(name);
        let Some(written) = self.layer.get(&path) else { return };
        match V::read(&written.raw).and_then(|value| fits(&value).map(|()| value)) {
            Ok(value) => *field = value,
            Err(right) => self.mistakes.push(Mistake::at(&path, written, right)),
        }
        self.used.insert(path);
    }

    fn texts(&mut self, name: &str, field: &mut Vec<(String, String)>) {
        let section = self.section.child(name);
        let mut here: Vec<_> = self.layer.entries.iter().filter(|(path, _)| path.parent() == section).collect();
        here.sort_by(|a, b| a.1.source.cmp(&b.1.source));
        for (path, written) in here {
            match String::read(&written.raw) {
                Ok(text) => set_text(field, path.last(), text),
                Err(right) => self.mistakes.push(Mistake::at(path, written, right)),
            }
            self.used.insert(path.clone());
        }
    }

    fn enters(&mut self, section: &KeyPath) -> bool {
        self.layer.has_under(section)
    }
}

fn set_text(texts: &mut Vec<(String, String)>, name: &str, text: String) {
    texts.retain(|(other, _)| other != name);
    texts.push((name.to_owned(), text));
}

impl Reader<'_> {
    fn complain_of_unknown(&mut self, known: &[KeyPath]) {
        for (path, written) in self.layer.entries.iter().filter(|(path, _)| !self.used.contains(path)) {
            let section = known.iter().any(|key| key.is_under(path)) || matches_named(path);
            self.mistakes.push(match section {
                true => Mistake::at(path, written, format_args!("a section: [{path}]")),
                false => Mistake::unknown(path, written, meant(path, known)),
            });
        }
        for (path, source) in self.layer.sections.iter().filter(|(path, _)| !is_section(path, known)) {
            if !self.layer.has_under(path) {
                let right = did_you_mean_section(path, known);
                self.mistakes.push(Mistake::line(source, format_args!("[{path}]: {right}")));
            }
        }
    }
}

/// `databases = 1` and `databases.app = 1`, where a section has to stand.
fn matches_named(path: &KeyPath) -> bool {
    path.0.len() == 2 && matches!(path.0[0].as_str(), "databases" | "users")
}

fn is_section(path: &KeyPath, known: &[KeyPath]) -> bool {
    let fits = |part: &String, key: &String| part == key || key == listing::ANY;
    known.iter().any(|key| key.0.len() > path.0.len() && path.0.iter().zip(&key.0).all(|(part, key)| fits(part, key)))
}

fn meant(path: &KeyPath, known: &[KeyPath]) -> Meant {
    let nearest = || nearest::nearest(path, known).map_or(Meant::Nothing, Meant::Key);
    pgbouncer::advice(path.last()).map_or_else(nearest, Meant::Other)
}

fn did_you_mean_section(path: &KeyPath, known: &[KeyPath]) -> String {
    let sections = known.iter().map(|key| key.parent().to_string()).collect::<BTreeSet<_>>();
    match nearest::nearest_word(&path.to_string(), sections.iter().map(String::as_str)) {
        Some(meant) => format!("unknown section; did you mean [{meant}]?"),
        None => "unknown section".to_owned(),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
