//! What the README promises is held by tests that are there.

use std::fs;
use std::path::Path;

/// All text of the tests, Rust and Python.
fn all_tests(directory: &Path, found: &mut String) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            all_tests(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "py") {
            found.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[test]
fn every_test_that_the_readme_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("there is a README");
    let mut tests = String::new();
    all_tests(&root.join("integration"), &mut tests);
    let rows = readme.lines().filter(|line| line.starts_with("| ") && line.contains("test"));
    let named: Vec<&str> =
        rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|word| word.contains("test")).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        let there = root.join(name).exists() || tests.contains(&format!("def {name}("));
        assert!(there, "the README names {name}, which is no test");
    }
}
