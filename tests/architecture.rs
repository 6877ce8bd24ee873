//! Keeps the import rules of ARCHITECTURE.md: reads the sources, so it needs nothing of the crate.

use std::fs;
use std::path::{Path, PathBuf};

/// Which modules of the crate a module may name. One that is not listed here fails the test.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("manifest", &["model"]),
    ("render", &["model"]),
    ("plan", &["model"]),
    ("gate", &["model"]),
    ("host", &["model"]),
    ("transport", &["host", "model"]),
    ("sandbox", &["model"]),
    ("git", &["model"]),
    ("ledger", &["git", "model"]),
    ("rollout", &["gate", "ledger", "model", "plan", "transport"]),
    (
        "reconcile",
        &[
            "gate",
            "ledger",
            "manifest",
            "model",
            "plan",
            "render",
            "rollout",
            "transport",
        ],
    ),
    ("daemon", &["ledger", "model", "reconcile", "rollout"]),
    ("reporter", &["model"]),
    (
        "cli",
        &[
            "daemon",
            "gate",
            "git",
            "host",
            "ledger",
            "manifest",
            "model",
            "plan",
            "reconcile",
            "render",
            "reporter",
            "rollout",
            "sandbox",
            "transport",
        ],
    ),
];

/// Deciders: same input, same output.
const PURE: &[&str] = &["model", "manifest", "render", "plan", "gate", "reporter"];

/// What a pure module never names.
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::",
    "Timestamp::now",
    "Zoned::now",
    "fastrand::",
    "git2::",
    "aws_",
];

/// A crate, and the only places that name it: one seam each.
const ONLY: &[(&str, &[&str])] = &[
    ("aws_", &["transport/ssm"]),
    ("hyper_util::", &["transport/ssm"]),
    ("git2::", &["git"]),
    ("notify::", &["git"]),
    ("clap::", &["cli"]),
    ("handlebars::", &["render"]),
    ("tree_sitter", &["host/syntax"]),
    ("granit_parser::", &["manifest"]),
    ("ssh_key::", &["manifest"]),
    ("axum::", &["sandbox"]),
    ("annotate_snippets::", &["reporter"]),
    ("similar::", &["reporter"]),
    ("indicatif::", &["reporter", "cli"]),
    ("include_dir", &["cli"]),
    ("fastrand::", &["cli"]),
    ("signal_hook::", &["cli"]),
    ("tracing_subscriber::", &["cli"]),
    ("anyhow::", &["cli", "main.rs"]),
    ("SystemTime::now", &["cli"]),
    ("println!", &["cli", "main.rs"]),
    ("print!", &["cli", "main.rs"]),
    ("std::io::stdout", &["cli", "main.rs"]),
    ("std::io::stderr", &["cli", "main.rs"]),
];

/// These know the traits, not what stands behind them.
const TRAITS_ONLY: &[&str] = &["rollout", "daemon"];

/// What stands behind them.
const BEHIND_TRAITS: &[&str] = &["transport::ssm", "ledger::store", "ledger::memory"];

#[test]
fn modules_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.module.ends_with(".rs") {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == source.module) else {
            wrong.push(format!(
                "{}: module {} has no rule here",
                source.path, source.module
            ));
            continue;
        };
        for (number, line) in source.lines() {
            for imported in crate_modules(line) {
                if imported != source.module && !allowed.contains(&imported) {
                    wrong.push(format!(
                        "{}:{number}: {} imports {imported}",
                        source.path, source.module
                    ));
                }
            }
            if TRAITS_ONLY.contains(&source.module.as_str()) {
                wrong.extend(
                    BEHIND_TRAITS
                        .iter()
                        .filter(|name| line.contains(**name))
                        .map(|name| format!("{}:{number}: names {name}", source.path)),
                );
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| PURE.contains(&s.module.as_str()))
    {
        for (number, line) in source.lines() {
            for name in IMPURE.iter().filter(|name| line.contains(**name)) {
                wrong.push(format!(
                    "{}:{number}: {} names {name}",
                    source.path, source.module
                ));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn each_outside_crate_has_one_seam() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.lines() {
            for (name, homes) in ONLY {
                let at_home = homes.iter().any(|home| source.path.starts_with(home));
                if !at_home && names(line, name) {
                    wrong.push(format!(
                        "{}:{number}: names {name}, which belongs to {homes:?}",
                        source.path
                    ));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn each_module_says_what_it_is_for() {
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| format!("{}: does not begin with `//!`", source.path))
        .collect();
    assert_none(&wrong);
}

struct Source {
    /// From `src/`, with `/`.
    path: String,
    /// First part of the path: the module, or a file at the top.
    module: String,
    text: String,
}

impl Source {
    /// Numbered lines of code: no comments, and not the tests at the end of the file.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines
            .windows(2)
            .position(|pair| {
                pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ")
            })
            .unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(!files.is_empty(), "no sources below {}", root.display());
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let path = file
                .strip_prefix(&root)
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            let module = path.split('/').next().unwrap_or_default().to_owned();
            let text = fs::read_to_string(&file).expect("a source file");
            Source { path, module, text }
        })
        .collect()
}

/// All `.rs` files but those that hold tests only.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if name != "tests" {
                collect(&path, files);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            files.push(path);
        }
    }
}

/// Modules that a line names as `crate::x` or, in a grouped import, `crate::{x, y::Z}`.
fn crate_modules(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            for part in group.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    found.push(word(part.trim_start()));
                }
                depth += part.matches('{').count() as i32 - part.matches('}').count() as i32;
            }
        } else {
            found.push(word(rest));
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

/// Whether a line names `name` as a word of its own.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} broken rules:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
