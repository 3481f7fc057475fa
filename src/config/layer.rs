//! What one source says, or several laid over each other: keys, values as written, and where each stands. Knows neither
//! which keys exist (`fields`) nor what they mean (`check`). Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::mask::mask;

/// Where a value was written. A later one in this order wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A line of the configuration file.
    File {
        /// The file as it was named to us.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// An option of the command line, with its dashes.
    Flag(&'static str),
}

impl Source {
    /// Sources of one rank are of one kind: of two of them, neither wins.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Source::File { .. } => 0,
            Source::Environment(_) => 1,
            Source::Flag(_) => 2,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File { name, line } => write!(f, "{name}:{line}"),
            Source::Environment(name) => write!(f, "environment {name}"),
            Source::Flag(name) => f.write_str(name),
        }
    }
}

/// A key's full path, `pool.pool_size` or `databases.app.url`. Shown as TOML writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct KeyPath(pub(super) Vec<String>);

impl KeyPath {
    pub(super) fn of(parts: &[&str]) -> KeyPath {
        KeyPath(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    pub(super) fn child(&self, name: &str) -> KeyPath {
        let mut parts = self.0.clone();
        parts.push(name.to_owned());
        KeyPath(parts)
    }

    pub(super) fn parent(&self) -> KeyPath {
        KeyPath(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    pub(super) fn is_under(&self, section: &KeyPath) -> bool {
        self.0.len() > section.0.len() && self.0.starts_with(&section.0)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            let bare = !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if bare { write!(f, "{dot}{part}")? } else { write!(f, "{dot}{}", quoted(part))? }
        }
        Ok(())
    }
}

/// A text as TOML writes it, always on one line.
pub(super) fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// A value before anyone asked what it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// From the environment or the command line: no quotes, so it may still be anything.
    Bare(String),
    Text(String),
    Whole(i64),
    Truth(bool),
    List(Vec<Raw>),
    /// A kind of value that no key takes: a fraction, a date.
    Other,
}

/// A value with where and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) raw: Raw,
    /// With its quotes, and shortened; not yet masked.
    pub(super) as_written: String,
    pub(super) source: Source,
}

impl Raw {
    /// Whether nothing stands there.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Raw::Bare(text) | Raw::Text(text) if text.is_empty())
    }
}

impl Written {
    pub(super) fn bare(text: &str, source: Source) -> Written {
        Written { raw: Raw::Bare(text.to_owned()), as_written: format!("\"{text}\""), source }
    }
}

/// All that one source says, or all sources together.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    /// The file's name, for complaints about what it lacks.
    pub(super) file: Option<String>,
    pub(super) entries: BTreeMap<KeyPath, Written>,
    /// Sections as they were opened, also those without a key.
    pub(super) sections: BTreeMap<KeyPath, Source>,
}

impl Layer {
    pub(super) fn get(&self, path: &KeyPath) -> Option<&Written> {
        self.entries.get(path)
    }

    /// Adds one value; a second one for the same key from the same kind of source is a mistake.
    pub(super) fn insert(&mut self, path: KeyPath, written: Written) -> Result<(), Mistake> {
        match self.entries.get(&path) {
            Some(other) if other.source.rank() == written.source.rank() => {
                let right = format!("says the same as {}; keep one of them", other.source);
                Err(Mistake::at(&path, &written, right))
            }
            Some(other) if other.source > written.source => Ok(()),
            _ => {
                self.entries.insert(path, written);
                Ok(())
            }
        }
    }

    /// What `above` says wins.
    pub(super) fn lay_over(&mut self, above: Layer) {
        self.entries.extend(above.entries);
        self.sections.extend(above.sections);
    }

    /// The names directly under a section, like those of the databases.
    pub(super) fn names_under(&self, section: &str) -> Vec<String> {
        let top = KeyPath::of(&[section]);
        let paths = self.entries.keys().chain(self.sections.keys()).filter(|path| path.is_under(&top));
        let mut names: Vec<String> = paths.map(|path| path.0[1].clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether anything is said of a key below `section`.
    pub(super) fn has_under(&self, section: &KeyPath) -> bool {
        self.entries.keys().any(|path| path.is_under(section))
    }

    /// Where a value comes from, or a section's first. What a URL says of a database comes from where the URL is.
    pub(super) fn source_of(&self, path: &KeyPath) -> Option<&Source> {
        let url = || match path.0.as_slice() {
            [databases, name, ..] if databases == "databases" => self.get(&KeyPath::of(&[databases, name, "url"])),
            _ => None,
        };
        let first = || self.entries.iter().find(|(key, _)| key.is_under(path)).map(|(_, written)| written);
        self.get(path).or_else(url).or_else(first).map(|written| &written.source)
    }
}

/// One line to the operator: which source, which key, what it says, what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Sorts by where the mistake stands; what has no place comes last.
    place: Option<Source>,
    unplaced: bool,
    text: String,
}

impl Mistake {
    /// About a value: `pgweir.toml:2 pool.pool_size = "x": a whole number`.
    pub(super) fn at(path: &KeyPath, written: &Written, right: impl fmt::Display) -> Mistake {
        let value = shown(path, &written.as_written);
        let text = match &written.source {
            source @ Source::File { .. } => format!("{source} {path} = {value}: {right}"),
            source => format!("{source} = {value}: {right}"),
        };
        Mistake::placed(&written.source, text)
    }

    /// About a key that does not exist. Where it was meant for a password, so was its value.
    pub(super) fn unknown(path: &KeyPath, written: &Written, meant: Meant) -> Mistake {
        let meant_for_secret = matches!(&meant, Meant::Key(key) if key.ends_with("password"));
        let right = match meant {
            Meant::Key(key) => format!("unknown key; did you mean {key}?"),
            Meant::Other(advice) => format!("unknown key; {advice}"),
            Meant::Nothing => "unknown key".to_owned(),
        };
        let of_users = path.last().starts_with("auth_") || path.last() == "userlist";
        let secret = meant_for_secret || of_users || path.is_under(&KeyPath::of(&["users"]));
        let is_text = !matches!(written.raw, Raw::Whole(_) | Raw::Truth(_));
        match secret && is_text {
            true => Mistake::at(path, &Written { as_written: HIDDEN.to_owned(), ..written.clone() }, right),
            false => Mistake::at(path, written, right),
        }
    }

    /// About a key that nobody set.
    pub(super) fn unset(file: Option<&str>, path: &KeyPath, right: impl fmt::Display) -> Mistake {
        let file = file.map(|name| format!("{name} ")).unwrap_or_default();
        Mistake::unplaced(format!("{file}{path}: {right}"))
    }

    /// About the line as a whole.
    pub(super) fn line(source: &Source, text: impl fmt::Display) -> Mistake {
        Mistake::placed(source, format!("{source}: {text}"))
    }

    /// About nothing that is written anywhere.
    pub fn unplaced(text: String) -> Mistake {
        Mistake { place: None, unplaced: true, text }
    }

    fn placed(source: &Source, text: String) -> Mistake {
        Mistake { place: Some(source.clone()), unplaced: false, text }
    }

    /// In the order of a reader: the file from top to bottom, the environment, the command line, the rest.
    pub(super) fn sort(mistakes: &mut Vec<Mistake>) {
        mistakes.sort_by(|a, b| (a.unplaced, a).cmp(&(b.unplaced, b)));
        mistakes.dedup();
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a value contains.
        for c in self.text.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {}

/// What an unknown key was most likely meant to be.
pub(super) enum Meant {
    /// This key.
    Key(String),
    /// Something for which there is no key: what to do about it.
    Other(&'static str),
    Nothing,
}

/// A longer value is cut in a complaint: the line is for reading.
const LONGEST_SHOWN: usize = 120;

/// In place of a value that is not shown.
const HIDDEN: &str = "\"***\"";

/// The value as a complaint may show it: short and without secrets.
fn shown(path: &KeyPath, as_written: &str) -> String {
    let text = if hides(path) { HIDDEN.to_owned() } else { mask(as_written) };
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Whether what stands there may be a password and nothing else: its own key, one below it, or a user in one text.
fn hides(path: &KeyPath) -> bool {
    let [first, rest @ ..] = path.0.as_slice() else { return false };
    let is_user = rest.len() == 1 && first == "users";
    is_user || path.last() == "password" || rest.iter().skip(1).any(|part| part == "password")
}
