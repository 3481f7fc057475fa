//! What an unknown key was meant to be: the same word in another section, PgBouncer's name for it, or a similar word.
//! Pure.

use super::layer::{KeyPath, quoted};
use super::listing::ANY;
use super::pgbouncer::renamed;

/// The known key that `unknown` was most likely meant to be; with the name of its database or user where it has one.
pub(super) fn nearest(unknown: &KeyPath, known: &[KeyPath]) -> Option<String> {
    let wanted = unknown.last();
    let pattern = with_any_name(unknown);
    let elsewhere = || known.iter().find(|path| path.last() == wanted).cloned();
    let beside = similar(&pattern, known.iter().filter(|path| path.parent() == pattern.parent()));
    let similar = beside.or_else(|| similar(&pattern, known.iter())).map(|path| with_name_of(unknown, path));
    let found =
        similar.or_else(elsewhere).map(|path| path.to_string()).or_else(|| renamed(wanted).map(str::to_owned))?;
    Some(found.replace(&quoted(ANY), ANY))
}

/// The word among `words` that is near enough to be meant.
pub(super) fn nearest_word<'a>(wanted: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = words.map(|word| (strsim::damerau_levenshtein(wanted, word), word));
    scored.filter(|(distance, _)| is_near(*distance, wanted)).min().map(|(_, word)| word)
}

fn similar<'a>(wanted: &KeyPath, known: impl Iterator<Item = &'a KeyPath>) -> Option<&'a KeyPath> {
    let text = wanted.to_string();
    let scored = known.map(|path| (strsim::damerau_levenshtein(&text, &path.to_string()), path));
    scored.filter(|(distance, _)| is_near(*distance, wanted.last())).min().map(|(_, path)| path)
}

/// A quarter of the letters may be wrong, and no more than four; otherwise it is another word.
fn is_near(distance: usize, word: &str) -> bool {
    distance <= 1 + (word.len() / 4).min(3)
}

fn with_any_name(path: &KeyPath) -> KeyPath {
    let mut pattern = path.clone();
    if let [section, name, ..] = pattern.0.as_mut_slice()
        && is_named(section)
    {
        *name = ANY.to_owned();
    }
    pattern
}

fn with_name_of(unknown: &KeyPath, known: &KeyPath) -> KeyPath {
    let mut named = known.clone();
    if let ([section, name, ..], [other, own, _, ..]) = (named.0.as_mut_slice(), unknown.0.as_slice())
        && is_named(section)
        && section == other
    {
        *name = own.clone();
    }
    named
}

fn is_named(section: &str) -> bool {
    matches!(section, "databases" | "users")
}

#[cfg(test)]
mod tests {
    use super::super::listing::known;
    use super::*;

    #[test]
    fn did_you_mean() {
        fn check(unknown: &str, expected: &str) {
            let path = KeyPath::of(&unknown.split('.').collect::<Vec<_>>());
            assert_eq!(nearest(&path, &known()).unwrap_or_default(), expected, "{unknown}");
        }
        check("pool.pool_sise", "pool.pool_size");
        check("pool.poolsize", "pool.pool_size");
        check("pol.pool_size", "pool.pool_size");
        check("listen.max_clients", "pool.max_clients");
        check("databases.app.hots", "databases.app.host");
        check("databases.app.pool_sizes", "databases.app.pool_size");
        check("databases.app.tls.mod", "databases.app.tls.mode");
        check("users.app.pasword", "users.app.password");
        check("pool.default_pool_size", "pool.pool_size");
        check("pgbouncer.listen_port", "listen.addr");
        check("databases.app.reserve_pool", "databases.<name>.reserve_pool_size");
        check("database.app.url", "databases.<name>.url");
        check("slow_query", "observe.slow_query");
        check("pool.colour", "");
    }
}
