//! Any text at all: the decoder answers, and what it points at is there.

use proptest::prelude::*;

use super::{DEV, FLEET_FILE, codes, load};
use crate::manifest::edit::{Release, set_version};
use crate::model::id::ServiceName;
use crate::model::source::Tree;

const FLEET: &str = "\
# é
api_version: fleet/v1
name: acme
git: { remote: none, branch: main }
transports: { lab: { kind: sandbox }, far: { kind: ssm, region: eu-west-1 } }
services:
  web: { timeout: 10m, variables: { port: 80, list: [a, \"b\"] } }
  cron: { template: job }
defaults: { transport: lab, rollout: { strategy: batch, batch: [1, 50%] } }
";

const ENVIRONMENT: &str = "\
services:
  web: &v 1.1.0   # now
  cron: { version: '2', select: \"role in (web,db),!old\", hold: ü }
variables: &vars
  site: sydney
  text: |
    a
     b
hosts:
  one: { labels: { role: web }, services: { web: 0.9.0 } }
  two: &two { platform: linux, variables: *vars, labels: { role: db } }
  three: *two
hold: >-
  folded
  text
rollout:
  max_failures: 1
  on_failure: rollback
";

/// What mutations put in: everything that means something to YAML or to the decoder.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    ":",
    ": ",
    "-",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    " #",
    "&a ",
    "*a",
    "*v",
    "*two",
    "*vars",
    "!",
    "!!str ",
    "|",
    ">",
    "'",
    "\"",
    "\\",
    "%",
    "@",
    "`",
    "---\n",
    "...\n",
    "~",
    "null",
    "<<: *two",
    "é",
    "\u{feff}",
    "\u{1F980}",
    "\0",
    "\u{85}",
    "1.10",
    "0123",
    "absent",
    "canary",
    "web",
    "services: ",
    "hosts: ",
    "x: 1\n",
];

#[derive(Clone, Debug)]
enum Mutation {
    Insert(usize, usize),
    Delete(usize, usize),
    Copy(usize, usize, usize),
    Truncate(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0..1_000_usize;
    prop_oneof![
        4 => (place.clone(), 0..PIECES.len()).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        2 => (place.clone(), 1..40_usize).prop_map(|(at, length)| Mutation::Delete(at, length)),
        2 => (place.clone(), place.clone(), 1..60_usize)
            .prop_map(|(from, to, length)| Mutation::Copy(from, to, length)),
        1 => place.prop_map(Mutation::Truncate),
    ]
}

fn mutate(text: &str, mutations: &[Mutation]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for mutation in mutations {
        let length = chars.len();
        let place = |at: usize| at * length / 1_000;
        match *mutation {
            Mutation::Insert(at, piece) => {
                let at = place(at);
                chars.splice(at..at, PIECES[piece].chars());
            }
            Mutation::Delete(at, count) => {
                let at = place(at);
                chars.drain(at..(at + count).min(length));
            }
            Mutation::Copy(from, to, count) => {
                let from = place(from);
                let part = chars[from..(from + count).min(length)].to_vec();
                let to = place(to);
                chars.splice(to..to, part);
            }
            Mutation::Truncate(at) => chars.truncate(place(at)),
        }
    }
    chars.into_iter().collect()
}

/// Loads both files and checks that every diagnostic points into its file.
fn check(fleet: &[u8], environment: &[u8]) -> Result<(), TestCaseError> {
    let tree = Tree::default()
        .with(FLEET_FILE, fleet)
        .with(DEV, environment)
        .with("templates/web/deploy.sh.hbs", "")
        .with("templates/job/deploy.sh.hbs", "");
    let loaded = load(&tree);
    for found in &loaded.diagnostics {
        prop_assert!(
            codes::CODES.iter().any(|(code, _)| *code == found.code),
            "{found:?}"
        );
        prop_assert!(!found.message.contains(char::is_control), "{found:?}");
        let bytes = tree.file(&found.file).cloned().unwrap_or_default();
        let spans =
            std::iter::once(&found.span).chain(found.related.as_ref().map(|(span, _)| span));
        for span in spans {
            prop_assert!(
                span.start <= span.end && span.end <= bytes.len(),
                "{found:?}"
            );
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert!(text.get(span.clone()).is_some(), "{found:?}");
            }
        }
    }
    let has_errors = |file: &str| {
        loaded
            .diagnostics
            .iter()
            .any(|found| &*found.file == file && found.code.starts_with('F'))
    };
    prop_assert_eq!(loaded.fleet.is_none(), has_errors(FLEET_FILE));
    prop_assert_eq!(loaded.invalid.contains("dev"), has_errors(DEV));
    if let Some(fleet) = &loaded.fleet {
        prop_assert_eq!(fleet.environments.contains_key("dev"), !has_errors(DEV));
    }
    Ok(())
}

#[test]
fn the_seeds_are_valid() {
    let tree = Tree::default()
        .with(FLEET_FILE, FLEET)
        .with(DEV, ENVIRONMENT)
        .with("templates/web/deploy.sh.hbs", "")
        .with("templates/job/deploy.sh.hbs", "");
    assert_eq!(load(&tree).diagnostics, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn mutated_manifests_never_panic_and_spans_are_inside(
        of_fleet in prop::collection::vec(mutation(), 0..6),
        of_environment in prop::collection::vec(mutation(), 0..6),
    ) {
        let fleet = mutate(FLEET, &of_fleet);
        let environment = mutate(ENVIRONMENT, &of_environment);
        check(fleet.as_bytes(), environment.as_bytes())?;
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes, &bytes)?;
    }

    #[test]
    fn an_edit_changes_the_version_and_no_other_byte(
        mutations in prop::collection::vec(mutation(), 0..5),
        version in "[a-z0-9]{1,3}(\\.[0-9]{1,2}){0,2}",
    ) {
        let before = mutate(ENVIRONMENT, &mutations);
        let release = Release { version: &version, sha256: None };
        let Ok(after) = set_version(&before, &ServiceName::new("cron"), release) else {
            return Ok(());
        };
        let prefix = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let rest = (before.len() - prefix).min(after.len() - prefix);
        let suffix = before.bytes().rev().zip(after.bytes().rev())
            .take(rest)
            .take_while(|(a, b)| a == b)
            .count();
        let written = &after[prefix..after.len() - suffix];
        prop_assert!(written.len() <= version.len() + 2, "{written:?}");
        // Setting it again finds it there.
        prop_assert_eq!(set_version(&after, &ServiceName::new("cron"), release), Ok(after));
    }
}
