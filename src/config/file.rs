//! The TOML file as written: its text becomes a [`Layer`] of values, each with its line. Which keys exist and what they
//! may say is not known here (`fields`, `check`). Pure: the text is an argument.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layer::{KeyPath, Layer, Mistake, Raw, Source, Written};

/// Reads the whole file, or says every line that is not TOML.
pub(super) fn read(name: &str, text: &str) -> Result<Layer, Vec<Mistake>> {
    let file = File { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| file.syntax(error)).collect());
    }
    let mut layer = Layer { file: Some(name.to_owned()), ..Layer::default() };
    file.table(&KeyPath::default(), table.get_ref(), &mut layer);
    Ok(layer)
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn table(&self, at: &KeyPath, table: &DeTable<'_>, layer: &mut Layer) {
        for (key, value) in table {
            let path = at.child(key.get_ref());
            let source = self.source(key.span().start);
            match value.get_ref() {
                DeValue::Table(table) => {
                    layer.sections.insert(path.clone(), source);
                    self.table(&path, table, layer);
                }
                _ => {
                    layer.entries.insert(path, self.written(value, source));
                }
            }
        }
    }

    fn written(&self, value: &Spanned<DeValue<'_>>, source: Source) -> Written {
        let as_written = self.text.get(value.span()).unwrap_or_default().to_owned();
        Written { raw: raw(value.get_ref()), as_written, source }
    }

    fn syntax(&self, error: &toml::de::Error) -> Mistake {
        let span = error.span().unwrap_or_default();
        let source = self.source(span.start);
        let named = match error.message() {
            "duplicate key" => self.text.get(span).map(|key| format!(" {key}: it stands further up already")),
            _ => None,
        };
        let message = error.message().replace('\n', ", ");
        Mistake::line(&source, format_args!("not TOML: {message}{}", named.unwrap_or_default()))
    }

    fn source(&self, offset: usize) -> Source {
        let before = self.text.as_bytes().iter().take(offset);
        Source::File { name: self.name.to_owned(), line: 1 + before.filter(|b| **b == b'\n').count() }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other, Raw::Whole),
        DeValue::Boolean(truth) => Raw::Truth(*truth),
        DeValue::Array(list) => Raw::List(list.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Raw::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let lines: Vec<String> = match read("f", text) {
            Ok(layer) => layer.entries.iter().map(|(path, w)| format!("{} {path} {:?}", w.source, w.raw)).collect(),
            Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(lines.join(" | "), expected, "{text}");
    }

    #[test]
    fn every_value_with_its_line() {
        check("", "");
        check("[pool]\n\npool_size = 1_0", "f:3 pool.pool_size Whole(10)");
        check("a.b = true\nc = ['x', 1]", "f:1 a.b Truth(true) | f:2 c List([Text(\"x\"), Whole(1)])");
        check("[databases.\"*\"]\nhost = 'db'", "f:2 databases.\"*\".host Text(\"db\")");
        check("m = 0o17\nx = 1.5", "f:1 m Whole(15) | f:2 x Other");
        check("[d.a]\ntls = { mode = \"off\" }", "f:2 d.a.tls.mode Text(\"off\")");
    }

    #[test]
    fn every_line_that_is_not_toml() {
        check("[pool\nx = 1", "f:1: not TOML: unclosed table, expected `]`");
        check("x = 1\nx = 2", "f:2: not TOML: duplicate key x: it stands further up already");
        check("[a]\n[b]\n[a]", "f:3: not TOML: duplicate key a: it stands further up already");
        check("[u]\nx.y = 'se'\nx.y = 'cret'", "f:3: not TOML: duplicate key y: it stands further up already");
        let both = read("f", "a = \nb = 1\nc = [\n").unwrap_err();
        assert!(both.len() >= 2, "{both:?}");
    }
}
