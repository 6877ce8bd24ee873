//! Whole manifests in, model or diagnostics out.

mod edit;
mod gates;
mod hostile;
mod mistakes;
mod model;
mod property;
mod references;
mod repository;
mod schema;
mod structure;
mod values;

use super::codes;
use super::{Loaded, load};
use crate::model::source::Tree;

/// A fleet with two transports and two services.
const FLEET: &str = "\
api_version: fleet/v1
name: acme
transports:
  lab: { kind: sandbox }
  sydney: { kind: ssm, region: ap-southeast-2 }
services:
  web: { timeout: 10m, variables: { port: 80, path: /srv } }
  cron: { template: job }
defaults: { transport: lab }
";

/// An environment of it.
const ENVIRONMENT: &str = "\
services: { web: 1.1.0, cron: 1.0.0 }
hosts:
  one: {}
";

const FLEET_FILE: &str = "fleet.yaml";
const DEV: &str = "environments/dev.yaml";

/// What is wrong, the file it is in, its text, and `line:column code` of each diagnostic, with the
/// path before it where it is another file's.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// A valid fleet with one environment, in which `files` replace or add some.
fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default()
        .with(FLEET_FILE, FLEET)
        .with(DEV, ENVIRONMENT)
        .with("templates/web/deploy.sh.hbs", "")
        .with("templates/job/deploy.sh.hbs", "");
    for (path, text) in files {
        tree = tree.with(path, text);
    }
    tree
}

#[test]
fn every_problem_is_found_in_its_place() {
    let mut failures = Vec::new();
    for (what, file, text, expected) in cases() {
        let tree = tree(&[(file, text)]);
        let found = places(&tree, &load(&tree));
        let own = format!("{file}:");
        let found: Vec<&str> = found
            .iter()
            .map(|place| place.strip_prefix(&own).unwrap_or(place))
            .collect();
        let mut sorted = expected.to_vec();
        sorted.sort_unstable();
        let mut found_sorted = found.clone();
        found_sorted.sort_unstable();
        if found_sorted != sorted {
            failures.push(format!(
                "{what}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_code_has_a_case() {
    let covered: Vec<&str> = cases()
        .flat_map(|(_, _, _, expected)| *expected)
        .chain(repository::COVERED)
        .chain(gates::COVERED)
        .filter_map(|place| place.rsplit(' ').next())
        .collect();
    let missing: Vec<&str> = codes::CODES
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| !covered.contains(code))
        .collect();
    assert_eq!(missing, [""; 0], "codes without a case");
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [
        structure::CASES,
        values::CASES,
        gates::CASES,
        references::CASES,
    ]
    .into_iter()
    .flatten()
}

/// `file:line:column code` of each diagnostic.
fn places(tree: &Tree, loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let bytes = tree.file(&diagnostic.file);
            let text = bytes.map(|bytes| String::from_utf8_lossy(bytes));
            let text = text.unwrap_or_default();
            let (line, column) =
                crate::model::diagnostic::line_column(&text, diagnostic.span.start);
            format!("{}:{line}:{column} {}", diagnostic.file, diagnostic.code)
        })
        .collect()
}
