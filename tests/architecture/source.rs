//! One source file: its text, and its code with comments and literals blanked out, line for line. No rule is in here.

use std::fs;
use std::path::Path;

/// A file's path from the top of the repository, its text, and its code.
pub(crate) struct Source {
    /// With slashes, from the top: `src/net/lane.rs`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same with spaces for everything in comments, strings and characters; newlines stay where they are.
    pub(crate) code: String,
}

/// A function with a body.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of its `fn`.
    pub(crate) line: usize,
    /// From its `fn` to its last brace.
    pub(crate) lines: usize,
}

impl Source {
    /// A file with this text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Source { path: path.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// The file at this path.
    pub(crate) fn read(path: &str) -> Self {
        let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        Source::new(path, &fs::read_to_string(&whole).unwrap_or_else(|why| panic!("{}: {why}", whole.display())))
    }

    /// All `.rs` files under a directory.
    pub(crate) fn all(directory: &str) -> Vec<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{directory}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                found.extend(Source::all(&path));
            } else if path.ends_with(".rs") {
                found.push(Source::read(&path));
            }
        }
        found
    }

    /// The module of `lib.rs` that it belongs to.
    pub(crate) fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// Whether it is a file of tests.
    pub(crate) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name == "tests.rs" || name.ends_with("_tests.rs") || self.path.contains("/tests/")
    }

    /// The code before the tests at its end.
    pub(crate) fn without_tests(&self) -> &str {
        self.code.split("#[cfg(test)]\nmod ").next().unwrap_or(&self.code)
    }

    /// The `//!` lines at its beginning.
    pub(crate) fn header(&self) -> String {
        self.text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
    }
}

/// The identifiers and keywords of a piece of code, with their lines.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(number, line)| words_of(line).map(move |word| (number + 1, word)))
}

fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// All functions with a body, nested ones too.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let starts = code
        .match_indices("fn ")
        .filter(|(at, _)| !code[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'));
    starts.filter_map(|(at, _)| function_at(code, at)).collect()
}

fn function_at(code: &str, at: usize) -> Option<Function> {
    let (_, name) = words(&code[at + "fn ".len()..]).next()?;
    let body = at + opening_brace(&code[at..])?;
    let end = body + closing_brace(&code[body..])?;
    let line = code[..at].matches('\n').count() + 1;
    Some(Function { name: name.to_owned(), line, lines: code[at..end].matches('\n').count() + 1 })
}

/// Where the body begins; `None` for a declaration without one. A `;` in brackets belongs to an array's type.
fn opening_brace(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing_brace(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Code without its comments and literals, which are spaces instead.
pub(crate) fn blank(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(letter) = rest.chars().next() {
        let in_word = code.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let skipped = literal(rest, in_word);
        let (taken, after) = rest.split_at(skipped.unwrap_or(letter.len_utf8()));
        match skipped {
            Some(_) => code.extend(taken.chars().map(|one| if one == '\n' { '\n' } else { ' ' })),
            None => code.push_str(taken),
        }
        rest = after;
    }
    code
}

/// How many bytes of comment or literal `rest` begins with.
fn literal(rest: &str, in_word: bool) -> Option<usize> {
    match rest.as_bytes() {
        [b'/', b'/', ..] => Some(rest.find('\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(rest.find("*/").map_or(rest.len(), |end| end + 2)),
        [b'"', ..] => Some(quoted(rest, '"')),
        [b'\'', ..] => character(rest),
        [b'r', b'"' | b'#', ..] if !in_word => raw(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !in_word => raw(rest, 2),
        _ => None,
    }
}

/// Up to the closing quote, past escaped ones.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// A character, and not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    let (_, first) = letters.next()?;
    let (at, second) = letters.next()?;
    match (first, second) {
        ('\\', _) => Some(quoted(rest, '\'')),
        (_, '\'') => Some(at + 1),
        _ => None,
    }
}

/// `r"…"` and `r#"…"#`, whose marks begin at `from`; `None` for `r#type`.
fn raw(rest: &str, from: usize) -> Option<usize> {
    let marks = rest[from..].bytes().take_while(|byte| *byte == b'#').count();
    let opening = from + marks;
    if rest.as_bytes().get(opening) != Some(&b'"') {
        return None;
    }
    let closing = format!("\"{}", "#".repeat(marks));
    let body = &rest[opening + 1..];
    Some(body.find(&closing).map_or(rest.len(), |end| opening + 1 + end + closing.len()))
}

#[test]
fn blanking() {
    for (text, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b\n */ c", "a     \n    c"),
        (r#"f("x\"y", z)"#, "f(      , z)"),
        ("g('x', '\\'', &'a str, b'{')", "g(   ,     , &'a str, b   )"),
        ("r#\"x\"y\"#; r#type; bar\"x\"", "        ; r#type; bar   "),
    ] {
        assert_eq!(blank(text), expected, "{text}");
    }
}
