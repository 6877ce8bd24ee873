//! What README.md and docs tell people to type exists: every `fleet …` is tried against the
//! binary's own help, flags included.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const TEXTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "docs/exit-codes.md",
    "docs/json.md",
    "docs/permissions.md",
    "docs/pull-requests.md",
    "docs/sandbox.md",
];

#[test]
fn commands_in_the_documentation_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tried = 0;
    let mut wrong = BTreeSet::new();
    for text in TEXTS {
        let content =
            fs::read_to_string(root.join(text)).unwrap_or_else(|error| panic!("{text}: {error}"));
        for line in commands(&content) {
            tried += 1;
            if let Some(problem) = problem(&line) {
                wrong.insert(format!("{text}: `{line}`: {problem}"));
            }
        }
    }
    assert!(tried > 10, "found only {tried} commands");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `fleet …` in code: between backticks, after a prompt, and after `cargo run … --`.
fn commands(text: &str) -> BTreeSet<String> {
    let inline = text.split('`').skip(1).step_by(2);
    let lines = text
        .lines()
        .map(|line| line.trim_start().trim_start_matches("$ "));
    inline
        .chain(lines)
        .filter_map(|code| {
            let code = code.replace("cargo run --release -- ", "fleet ");
            let rest = code
                .strip_prefix("fleet ")?
                .split(['#', '|', '>', ';', '\n'])
                .next()?
                .trim()
                .to_owned();
            // Prose that begins with the name is no command.
            let first = rest.split(' ').next()?;
            let is_word =
                !first.is_empty() && first.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
            is_word.then_some(rest)
        })
        .filter(|rest| {
            !["run", "is", "fetches", "does"].contains(&rest.split(' ').next().unwrap_or_default())
        })
        .collect()
}

fn problem(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let named: Vec<&str> = match words.as_slice() {
        ["rollout", second, ..] => vec!["rollout", second.split('|').next().unwrap_or(second)],
        [first, ..] => vec![first],
        [] => return None,
    };
    let output = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .args(&named)
        .arg("--help")
        .output()
        .expect("fleet runs");
    if !output.status.success() {
        return Some("no such command".to_owned());
    }
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    words
        .iter()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| {
            word.split('=')
                .next()
                .unwrap_or(word)
                .trim_matches(|c: char| !(c.is_ascii_alphabetic() || c == '-'))
        })
        .find(|flag| !help.contains(flag))
        .map(|flag| format!("no flag {flag}"))
}

/// People of every tool ask for help in one of these two ways.
#[test]
fn help_is_the_same_asked_either_way() {
    let fleet = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fleet"))
            .args(arguments)
            .output()
            .expect("fleet runs");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(fleet(&["help"]), fleet(&["--help"]));
    assert_eq!(fleet(&["help", "plan"]), fleet(&["plan", "--help"]));
    assert_eq!(
        fleet(&["help", "rollout", "show"]),
        fleet(&["rollout", "show", "--help"])
    );
}
