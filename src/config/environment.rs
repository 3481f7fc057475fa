//! What the environment and the command line say, as [`Layer`]s: which variable or option stands for which key. Pure: both
//! are arguments.

use super::layer::{KeyPath, Layer, Mistake, Source, Written};
use super::listing::ANY;
use super::nearest::nearest_word;
use super::sources::Flags;

/// The Postgres behind us, in the environment.
pub(super) const DATABASE_URL: &str = "DATABASE_URL";

/// The Postgres behind us, on the command line.
pub(super) const DATABASE_URL_FLAG: &str = "--database-url";

/// Names the configuration file.
pub(super) const CONFIG: &str = "PGWEIR_CONFIG";

const PREFIX: &str = "PGWEIR_";

/// Short names of the keys that most people set. (PGWEIR_LOG_FORMAT and PGWEIR_LOG_LEVEL are the keys' own names.)
const SHORT: &[(&str, [&str; 2])] =
    &[("LISTEN", ["listen", "addr"]), ("HTTP", ["listen", "http"]), ("WORKERS", ["listen", "workers"])];

/// Whether a variable is ours to read.
pub(super) fn is_ours(variable: &str) -> bool {
    variable == DATABASE_URL || variable.starts_with(PREFIX)
}

/// Reads all our variables. `known` are all keys; `below` names the databases and users that the file has.
pub(super) fn read(env: &[(String, String)], known: &[KeyPath], below: &Layer, mistakes: &mut Vec<Mistake>) -> Layer {
    let mut layer = Layer::default();
    for (variable, value) in env {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        // An empty variable is how a compose file or a chart says "not set".
        if value.is_empty() || variable == CONFIG {
            continue;
        }
        let source = Source::Environment(variable.clone());
        let outcome = match key_of(name, known, below) {
            Some(path) => layer.insert(path, Written::bare(value, source)),
            None if is_kubernetes(name, value) => Ok(()),
            None => Err(Mistake::line(&source, unknown(name, known))),
        };
        mistakes.extend(outcome.err());
    }
    layer
}

/// The options of the command line that stand for a key.
pub(super) fn read_flags(flags: &Flags) -> Layer {
    let mut layer = Layer::default();
    let mut set = |flag: &'static str, path: [&str; 2], value: &Option<String>| {
        if let Some(value) = value {
            layer.entries.insert(KeyPath::of(&path), Written::bare(value, Source::Flag(flag)));
        }
    };
    set("--listen", ["listen", "addr"], &flags.listen);
    set("--http", ["listen", "http"], &flags.http);
    set("--workers", ["listen", "workers"], &flags.workers);
    set("--log-format", ["log", "format"], &flags.log_format);
    set("--log-level", ["log", "level"], &flags.log_level);
    layer
}

/// `POOL_POOL_SIZE` is `pool.pool_size`, `DATABASES_APP_URL` is `databases.app.url`.
fn key_of(name: &str, known: &[KeyPath], below: &Layer) -> Option<KeyPath> {
    let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, path)| KeyPath::of(path));
    let fixed = || known.iter().find(|path| variable_of(path) == name && !path.0.iter().any(|part| part == ANY));
    short.or_else(|| fixed().cloned()).or_else(|| named(name, known, below))
}

fn named(name: &str, known: &[KeyPath], below: &Layer) -> Option<KeyPath> {
    let section = ["databases", "users"].into_iter().find(|section| name.starts_with(&upper(section)))?;
    let rest = name[section.len()..].strip_prefix('_')?;
    if let Some((database, parameter)) = rest.split_once("_STARTUP_").filter(|_| section == "databases") {
        let database = section_name(section, database, below);
        return Some(KeyPath::of(&[section, &database, "startup", &parameter.to_lowercase()]));
    }
    let keys = known.iter().filter(|path| path.0[0] == section).map(|path| &path.0[2..]);
    let ends = keys.filter_map(|key| Some((rest.strip_suffix(&format!("_{}", upper(&key.join("_"))))?, key)));
    // APP_MIN_POOL_SIZE also ends in POOL_SIZE: a name that the file has is meant; else the longest key, so the shortest name.
    let names = below.names_under(section);
    let is_new = |own: &str| !names.iter().any(|name| upper(name) == own);
    let (own, key) = ends.filter(|(own, _)| !own.is_empty()).min_by_key(|(own, _)| (is_new(own), own.len()))?;
    let mut path = KeyPath::of(&[section, &section_name(section, own, below)]);
    path.0.extend_from_slice(key);
    Some(path)
}

/// A name as the file has it, where `my-app` stands in a variable as `MY_APP`; in small letters if the file has none.
fn section_name(section: &str, variable: &str, below: &Layer) -> String {
    let same = |name: &String| upper(name) == variable;
    below.names_under(section).into_iter().find(same).unwrap_or_else(|| variable.to_lowercase())
}

fn variable_of(path: &KeyPath) -> String {
    upper(&path.0.join("_"))
}

fn upper(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Kubernetes and Docker put PGWEIR_SERVICE_HOST, PGWEIR_PORT_6432_TCP and their like into every container beside a
/// service that is called pgweir.
fn is_kubernetes(name: &str, value: &str) -> bool {
    let name = format!("_{name}");
    let link = value.starts_with("tcp://") || value.starts_with("udp://");
    let of_port = name.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    name.contains("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || of_port || (link && name.ends_with("_PORT"))
}

fn unknown(name: &str, known: &[KeyPath]) -> String {
    let all: Vec<String> = known.iter().filter_map(|path| candidate(name, path)).collect();
    let words = all.iter().map(String::as_str).chain(SHORT.iter().map(|(short, _)| *short)).chain(["CONFIG"]);
    let without_section = || all.iter().find(|word| word.ends_with(&format!("_{name}"))).map(String::as_str);
    match nearest_word(name, words).or_else(without_section) {
        Some(word) => format!("unknown variable; did you mean {PREFIX}{word}?"),
        None => format!("unknown variable; {PREFIX}<SECTION>_<KEY> sets a key of the file"),
    }
}

/// The variable of a key; that of a database or a user with the name that `name` has in its place.
fn candidate(name: &str, path: &KeyPath) -> Option<String> {
    let [section, any, key @ ..] = path.0.as_slice() else { return None };
    if any != ANY {
        return Some(variable_of(path));
    }
    let (key, words) = (upper(&key.join("_")), name.split('_').collect::<Vec<_>>());
    let own = words.len().checked_sub(1 + key.split('_').count()).filter(|own| *own > 0)?;
    Some(format!("{}_{}_{key}", upper(section), words[1..=own].join("_")))
}

#[cfg(test)]
mod tests {
    use super::super::listing::known;
    use super::*;

    fn check(variable: &str, expected: &str) {
        check_value(variable, "v", expected);
    }

    fn check_value(variable: &str, value: &str, expected: &str) {
        let mut below = Layer::default();
        for name in ["My-App", "App_Min"] {
            below.sections.insert(KeyPath::of(&["databases", name]), Source::Flag("-"));
        }
        let mut mistakes = Vec::new();
        let layer = read(&[(variable.to_owned(), value.to_owned())], &known(), &below, &mut mistakes);
        let keys = layer.entries.keys().map(ToString::to_string);
        let got: Vec<String> = keys.chain(mistakes.iter().map(ToString::to_string)).collect();
        assert_eq!(got.join(" | "), expected, "{variable}");
    }

    #[test]
    fn which_key_a_variable_sets() {
        check("PGWEIR_POOL_POOL_SIZE", "pool.pool_size");
        check("PGWEIR_OBSERVE_SLOW_QUERY", "observe.slow_query");
        check("PGWEIR_LISTEN", "listen.addr");
        check("PGWEIR_LISTEN_ADDR", "listen.addr");
        check("PGWEIR_HTTP", "listen.http");
        check("PGWEIR_WORKERS", "listen.workers");
        check("PGWEIR_LOG_LEVEL", "log.level");
        check("PGWEIR_TLS_CLIENT_MODE", "tls.client.mode");
        check("PGWEIR_DATABASES_APP_URL", "databases.app.url");
        check("PGWEIR_DATABASES_MY_APP_URL", "databases.My-App.url");
        check("PGWEIR_DATABASES_OTHER_APP_POOL_SIZE", "databases.other_app.pool_size");
        check("PGWEIR_DATABASES_APP_MIN_POOL_SIZE", "databases.App_Min.pool_size");
        check("PGWEIR_DATABASES_OTHER_MIN_POOL_SIZE", "databases.other.min_pool_size");
        check("PGWEIR_DATABASES_MY_APP_MIN_POOL_SIZE", "databases.My-App.min_pool_size");
        check("PGWEIR_DATABASES_APP_MIN_MIN_POOL_SIZE", "databases.App_Min.min_pool_size");
        check("PGWEIR_DATABASES_APP_PORT", "databases.app.port");
        check("PGWEIR_DATABASES_APP_TLS_MODE", "databases.app.tls.mode");
        check("PGWEIR_DATABASES_APP_STARTUP_WORK_MEM", "databases.app.startup.work_mem");
        check("PGWEIR_USERS_APP_PASSWORD", "users.app.password");
        check("HOME", "");
        check("PGWEIR_CONFIG", "");
        check_value("PGWEIR_POOL_POOL_SIZE", "", "");
    }

    #[test]
    fn what_is_unknown_is_named() {
        check(
            "PGWEIR_POOL_POOL_SISE",
            "environment PGWEIR_POOL_POOL_SISE: unknown variable; did you mean PGWEIR_POOL_POOL_SIZE?",
        );
        check("PGWEIR_WORKER", "environment PGWEIR_WORKER: unknown variable; did you mean PGWEIR_WORKERS?");
        check(
            "PGWEIR_COLOUR",
            "environment PGWEIR_COLOUR: unknown variable; PGWEIR_<SECTION>_<KEY> sets a key of the file",
        );
    }

    #[test]
    fn kubernetes_says_other_things() {
        check_value("PGWEIR_SERVICE_HOST", "10.0.0.1", "");
        check_value("PGWEIR_SERVICE_PORT_POSTGRES", "6432", "");
        check_value("PGWEIR_PORT", "tcp://10.0.0.1:6432", "");
        check_value("PGWEIR_PORT_6432_TCP_ADDR", "10.0.0.1", "");
        check_value("PGWEIR_POOL_SERVICE_HOST", "10.0.0.1", "");
        check_value("PGWEIR_POOL_PORT", "tcp://10.0.0.1:6432", "");
    }
}
