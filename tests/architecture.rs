//! The rules of the house that a compiler does not know: who may use whom, what is pure, what each file says of itself,
//! how long things are. Reads sources as text; a rule is a function from a source to complaints, and each is shown to
//! fail on a bad sample at the end.

#![allow(clippy::unwrap_used)]

#[path = "architecture/source.rs"]
mod source;

use source::{Source, functions, words};

/// A longer function is two thoughts.
const LONGEST_FUNCTION: usize = 70;

/// A longer file is two ideas.
const LONGEST_FILE: usize = 400;

/// Pure whether they say so or not; a directory stands for all that is in it. Others are pure if their header says `Pure.`
const PURE: &[&str] = &[
    "src/protocol",
    "src/sql",
    "src/auth",
    "src/config",
    "src/observe/repeats",
    "src/net/lane",
    "src/pool/ledger",
    "src/pool/memory",
    "src/session/dialogue",
    "src/session/statements",
];

/// What makes a result depend on more than the arguments.
const IMPURE: &[&str] = &["tokio", "async", "await", "rand", "getrandom", "mio", "socket2"];

/// The clocks.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];

/// Types that can change behind a shared reference.
const MUTABLE_INSIDE: &[&str] =
    &["Cell", "RefCell", "OnceCell", "LazyCell", "UnsafeCell", "Mutex", "RwLock", "Once", "OnceLock", "LazyLock"];

type Rule = fn(&Source) -> Vec<String>;

#[test]
fn a_module_uses_only_modules_above_it() {
    let library = Source::read("src/lib.rs");
    let order = order(&library);
    assert!(order.len() > 5, "lib.rs declares {order:?}");
    let complaints = Source::all("src").iter().flat_map(|source| upward(source, &order)).collect();
    none(complaints);
}

#[test]
fn pure_files_are_pure() {
    holds("src", impurities);
}

#[test]
fn every_file_says_what_it_is() {
    holds("src", silent);
    holds("tests", silent);
}

#[test]
fn nothing_global_changes() {
    holds("src", mutable_statics);
}

#[test]
fn functions_are_short() {
    holds("src", long_functions);
}

#[test]
fn files_are_short() {
    holds("src", long_file);
}

fn holds(directory: &str, rule: Rule) {
    none(Source::all(directory).iter().flat_map(rule).collect());
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The modules of `lib.rs` in the order in which they are declared.
fn order(library: &Source) -> Vec<String> {
    let declarations = library.code.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    });
    declarations.collect()
}

fn upward(source: &Source, order: &[String]) -> Vec<String> {
    let Some(own) = order.iter().position(|module| *module == source.module()) else { return Vec::new() };
    let used = uses_of_crate(&source.code);
    let above = used.into_iter().filter(|(_, module)| order.iter().position(|other| other == module) > Some(own));
    let complaint = |(line, module)| {
        format!("{}:{line}: `{}` uses `{module}`, which is declared below it", source.path, order[own])
    };
    above.map(complaint).collect()
}

/// The first name after each `crate::`, also of each branch of `crate::{…}`, with its line.
fn uses_of_crate(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => branches(group),
            None => words(rest).next().map(|(_, word)| word.to_owned()).into_iter().collect(),
        };
        found.extend(names.into_iter().map(|name| (line, name)));
    }
    found
}

/// The first name of each branch of a `{…}` whose brace is already open.
fn branches(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut begin) = (Vec::new(), 0usize, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(words(&group[begin..at]).next());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(words(&group[begin..at]).next());
                begin = at + 1;
            }
            _ => {}
        }
    }
    names.into_iter().map(|(_, name)| name.to_owned()).collect()
}

fn impurities(source: &Source) -> Vec<String> {
    if !is_pure(source) || source.is_test() {
        return Vec::new();
    }
    let code = source.without_tests();
    let named = words(code).filter(|(_, word)| IMPURE.contains(word)).map(|(line, word)| (line, word.to_owned()));
    let clocks = CLOCKS.iter().flat_map(|clock| code.match_indices(clock));
    let read = clocks.map(|(at, clock)| (code[..at].matches('\n').count() + 1, clock.to_owned()));
    named.chain(read).map(|(line, what)| format!("{}:{line}: is pure, but names `{what}`", source.path)).collect()
}

fn is_pure(source: &Source) -> bool {
    let listed =
        |pure: &&str| source.path.strip_prefix(*pure).is_some_and(|rest| rest.starts_with('/') || rest == ".rs");
    PURE.iter().any(listed) || source.header().contains("Pure.")
}

fn silent(source: &Source) -> Vec<String> {
    let speaks = source.text.starts_with("//! ");
    if speaks { Vec::new() } else { vec![format!("{}: does not open with `//!`", source.path)] }
}

fn mutable_statics(source: &Source) -> Vec<String> {
    let (mut complaints, mut excused) = (Vec::new(), false);
    for (number, line) in source.code.lines().enumerate() {
        let place = format!("{}:{}", source.path, number + 1);
        match static_of(line) {
            Some(declared) if !excused && changes(declared) => {
                complaints.push(format!("{place}: a static that changes: {}", line.trim()))
            }
            _ => {}
        }
        excused = line.contains("#[global_allocator]");
    }
    complaints
}

/// What follows `static` where a line declares one, and not where it says `'static`.
fn static_of(line: &str) -> Option<&str> {
    let at = line.find("static ")?;
    let alone = !line[..at].ends_with(|letter: char| letter == '\'' || letter.is_alphanumeric() || letter == '_');
    alone.then(|| &line[at + "static ".len()..])
}

fn changes(declared: &str) -> bool {
    let declared = declared.split('=').next().unwrap_or(declared);
    words(declared).any(|(_, word)| word == "mut" || word.starts_with("Atomic") || MUTABLE_INSIDE.contains(&word))
}

fn long_functions(source: &Source) -> Vec<String> {
    let long = functions(&source.code).into_iter().filter(|function| function.lines > LONGEST_FUNCTION);
    long.map(|function| format!("{}:{}: `{}` has {} lines", source.path, function.line, function.name, function.lines))
        .collect()
}

fn long_file(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines <= LONGEST_FILE || source.is_test() {
        Vec::new()
    } else {
        vec![format!("{}: has {lines} lines", source.path)]
    }
}

/// Each rule complains of a bad sample and not of a good one.
mod rules_can_fail {
    use super::*;

    fn check(rule: impl Fn(&Source) -> Vec<String>, path: &str, text: &str, complaints: usize) {
        let found = rule(&Source::new(path, text));
        assert_eq!(found.len(), complaints, "{text}\n{found:?}");
    }

    #[test]
    fn direction() {
        let library =
            Source::new("src/lib.rs", "//! x\npub mod protocol;\n/// y\nmod pool;\npub(crate) mod session;\n");
        let order = order(&library);
        assert_eq!(order, ["protocol", "pool", "session"]);
        let rule = |source: &Source| upward(source, &order);
        check(rule, "src/pool/ledger.rs", "use crate::session::Dialogue;", 1);
        check(rule, "src/pool.rs", "fn x() { crate::session::f() }", 1);
        check(rule, "src/pool/mod.rs", "use crate::{protocol::{a, session}, session::{b, c}};", 1);
        check(rule, "src/pool/ledger.rs", "use crate::{\n    protocol::Frame,\n    pool::x,\n};", 0);
        check(rule, "src/session/relay.rs", "use crate::pool::Lease;", 0);
        check(rule, "src/pool/ledger.rs", "// crate::session::Dialogue\nlet x = \"crate::session::\";", 0);
        check(rule, "src/main.rs", "use crate::session::Dialogue;", 0);
    }

    #[test]
    fn purity() {
        check(impurities, "src/net/lane.rs", "use tokio::io;", 1);
        check(impurities, "src/net/lane.rs", "async fn x() {}", 1);
        check(impurities, "src/protocol/frame.rs", "let now = Instant::now();", 1);
        check(impurities, "src/pool/expire.rs", "//! What is too old. Pure.\nlet x = rand::random();", 1);
        check(impurities, "src/pool/expire.rs", "//! What is too old.\nlet x = rand::random();", 0);
        check(impurities, "src/net/lanes.rs", "use tokio::io;", 0);
        check(impurities, "src/net/lane.rs", "/// Unlike tokio's.\nlet random = brand::operand;", 0);
        check(impurities, "src/auth/scram/tests.rs", "let now = Instant::now();", 0);
        check(impurities, "src/auth/md5.rs", "fn x() {}\n#[cfg(test)]\nmod tests {\n use rand::x;\n}", 0);
    }

    #[test]
    fn headers() {
        check(silent, "src/a.rs", "fn x() {}", 1);
        check(silent, "src/a.rs", "// a comment\nfn x() {}", 1);
        check(silent, "src/a.rs", "//! What it is.\nfn x() {}", 0);
    }

    #[test]
    fn statics() {
        check(mutable_statics, "src/a.rs", "static mut X: u8 = 0;", 1);
        check(mutable_statics, "src/a.rs", "pub static X: AtomicU64 = AtomicU64::new(0);", 1);
        check(
            mutable_statics,
            "src/a.rs",
            "thread_local! {\n    static X: RefCell<u8> = const { RefCell::new(0) };\n}",
            1,
        );
        check(mutable_statics, "src/a.rs", "pub(crate) static X: std::sync::OnceLock<u8> = OnceLock::new();", 1);
        check(mutable_statics, "src/a.rs", "static NAMES: &[&str] = &[\"Mutex\"];\nfn x(y: &'static Mutex<u8>) {}", 0);
        check(
            mutable_statics,
            "src/main.rs",
            "#[global_allocator]\nstatic ALLOCATOR: Counting<AtomicU64> = Counting::new();",
            0,
        );
    }

    #[test]
    fn lengths() {
        let long = format!("fn long(x: [u8; 3]) -> u8 {{\n{}}}\n", "    step(\"}}}}\");\n".repeat(69));
        let short = format!("fn short() {{\n{}}}\nfn other();\n", "    step('{', \"\\\"{\"); // {\n".repeat(68));
        check(long_functions, "src/a.rs", &long, 1);
        check(long_functions, "src/a.rs", &format!("{short}{short}"), 0);
        check(long_functions, "src/a.rs", &format!("impl X {{\n    pub async {long}}}\n{short}"), 1);
        check(long_file, "src/a.rs", &"//! x\n".repeat(401), 1);
        check(long_file, "src/a.rs", &"//! x\n".repeat(400), 0);
        check(long_file, "src/a/tests.rs", &"//! x\n".repeat(401), 0);
    }
}
