//! The repository itself: who may know whom, and how long files may be.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of daffi-core from the ground up: each may name only those before it.
const LAYERS: [&[&str]; 13] = [
    &["name"],
    &["error"],
    &["config"],
    &["identity"],
    &["wire"],
    &["transport", "callback"],
    &["hosted"],
    &["session"],
    &["controller", "node"],
    &["api"],
    &["datatypes"],
    &["testing"],
    &["lib"],
];

const FILE_LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn all_sources() -> Vec<PathBuf> {
    let directories = ["src", "daffi-core/src", "daffi-macros/src", "daffi-cli/src", "examples", "benches"];
    directories.iter().flat_map(|directory| sources(&root().join(directory))).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of the crate that a source names, outside its tests.
fn named_modules(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let after = code.split("crate::").skip(1);
    let first = after
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>());
    first.filter(|module| layer(module).is_some()).collect()
}

#[test]
fn a_module_names_only_modules_below_it() {
    let core = root().join("daffi-core/src");

    for path in sources(&core) {
        let inside = path.strip_prefix(&core).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let own = layer(module).unwrap_or_else(|| panic!("{module} has no place in the layers"));
        if module == "lib" || inside.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        for named in named_modules(&fs::read_to_string(&path).unwrap()) {
            let other = layer(&named).unwrap();
            let is_below = other < own || named == module;
            assert!(is_below, "{} names `{named}`, which is not below `{module}`", path.display());
        }
    }
}

#[test]
fn a_file_holds_one_concept_and_fits_five_hundred_lines() {
    for path in all_sources() {
        let name = path.to_str().unwrap();
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FILE_LINES_MAX, "{name} has {lines} lines");
    }
}

#[test]
fn the_sources_hold_nothing_to_be_done_later() {
    // Spelt in two parts so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["unimplemented", "!"].concat()];

    for path in all_sources() {
        let source = fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(!source.contains(mark), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn function_lengths_and_their_check_are_on() {
    let lints = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let clippy = fs::read_to_string(root().join(".clippy.toml")).unwrap();

    assert!(lints.contains("too_many_lines = \"warn\""));
    assert!(clippy.contains("too-many-lines-threshold = 70"));
    for package in ["Cargo.toml", "daffi-core/Cargo.toml", "daffi-macros/Cargo.toml", "daffi-cli/Cargo.toml"]
    {
        let manifest = fs::read_to_string(root().join(package)).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package} is not under the lints");
    }
}

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();

    for example in ["hello", "process1", "process2"] {
        let source = fs::read_to_string(root().join(format!("examples/{example}.rs"))).unwrap();
        assert!(source.lines().count() <= 25, "{example} is short");
        // The first lines are for the compiler, and comments at the end of a line may differ.
        let code = |line: &str| line.split(" // ").next().unwrap_or_default().trim_end().to_owned();
        let shown: Vec<String> = readme.lines().map(code).collect();
        for line in source.lines().skip(2).map(code).filter(|line| !line.is_empty()) {
            assert!(shown.contains(&line), "the README lacks a line of {example}: {line}");
        }
    }
}

#[test]
fn the_index_of_errors_is_that_of_the_source() {
    let path = root().join("docs/errors.md");
    let mut index = String::from(
        "# Errors\n\nEvery code that daffi reports, in Rust (`error.code()`), in logs and on the command line;\n\
         `daffi explain CODE` prints the same.\n",
    );
    for entry in daffi::CODES {
        let daffi::Explanation { code, exit, summary, cause, remedy } = entry;
        index += &format!("\n## {code}: {summary}\n\n{cause}\n\n**Remedy.** {remedy}\n\nExit code {exit}.\n");
    }

    if std::env::var_os("DAFFI_DOCS").is_some() {
        fs::write(&path, &index).unwrap();
    }

    assert_eq!(fs::read_to_string(&path).unwrap(), index, "DAFFI_DOCS=1 writes it anew");
}

/// A test that a promise of the guarantees names: `path::name`.
fn named_tests(promise: &str) -> Vec<(&str, &str)> {
    promise.split('`').filter_map(|word| word.split_once(".rs::").map(|_| word.split_once("::"))?).collect()
}

#[test]
fn each_guarantee_has_a_test_that_exists() {
    let guarantees = fs::read_to_string(root().join("docs/guarantees.md")).unwrap();
    let mut missing = Vec::new();

    for promise in guarantees.split("\n- ").skip(1) {
        let promise = promise.split("\n\n").next().unwrap_or_default();
        let tests = named_tests(promise);
        let is_open = ["*Not promised*", "*Not tested*", "PERIOD and BROADCAST"];
        if tests.is_empty() && !is_open.iter().any(|mark| promise.starts_with(mark)) {
            missing.push(promise.to_owned());
        }
        for (path, name) in tests {
            let source = fs::read_to_string(root().join(path)).unwrap_or_default();
            // Some are made by a macro that is told their names.
            if !source.contains(&format!("fn {name}(")) && !source.contains(&format!("\n    {name}: ")) {
                missing.push(format!("{path}::{name}"));
            }
        }
    }

    assert!(missing.is_empty(), "promises without a test, or tests that are not there: {missing:#?}");
}

#[test]
fn the_readme_lists_every_example() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();

    for path in sources(&root().join("examples")) {
        let example = path.file_stem().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("`{example}`")), "the README does not list `{example}`");
    }
}
