//! Mistakes put into valid manifests, one, ten or a hundred to a file: each is found on its line,
//! once, and nothing else is.
//!
//! What makes a file unreadable from some place on, such as an open bracket, is left to the table of
//! `structure`: nothing behind it can be judged.

mod consequences;
mod environment;
mod fleet;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use environment::environment;
use fleet::fleet;

use super::{DEV, FLEET_FILE, load};
use crate::model::diagnostic::line_column;
use crate::model::source::Tree;

/// A line of a manifest, and what somebody could have written there.
struct Line {
    right: String,
    wrong: Vec<Wrong>,
}

/// A mistake, perhaps of several lines.
#[derive(Clone)]
struct Wrong {
    text: String,
    code: &'static str,
    /// On which of its lines it is seen.
    line: usize,
    /// What it makes unknowable, and what must be known to see it.
    evidence: Option<Evidence>,
}

/// Where one mistake hides another for good reason: which hosts a selector matches, nobody can say
/// while a label is unreadable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    SpoilsLabels,
    NeedsLabels,
    SpoilsTransport,
    NeedsTransport,
}

impl Evidence {
    const fn opposite(self) -> Self {
        match self {
            Self::SpoilsLabels => Self::NeedsLabels,
            Self::NeedsLabels => Self::SpoilsLabels,
            Self::SpoilsTransport => Self::NeedsTransport,
            Self::NeedsTransport => Self::SpoilsTransport,
        }
    }
}

/// Services of the fleet; the environment has them all.
const SERVICES: usize = 30;

/// The lines of one manifest.
#[derive(Default)]
struct Manifest(Vec<Line>);

impl Manifest {
    /// A line, and the part of it that mistakes replace: `(what, instead, code)`.
    fn line(&mut self, right: impl Into<String>, mistakes: &[(&str, &str, &'static str)]) {
        let right = right.into();
        let wrong = mistakes.iter().map(|(part, instead, code)| {
            assert!(right.contains(part), "{part} is no part of {right}");
            Wrong {
                text: right.replacen(part, instead, 1),
                code,
                line: 0,
                evidence: None,
            }
        });
        let wrong = wrong.collect();
        self.0.push(Line { right, wrong });
    }

    /// A mistake that is another line below the last one.
    fn and(&mut self, added: impl AsRef<str>, code: &'static str) {
        let last = self.0.last_mut().expect("a line");
        last.wrong.push(Wrong {
            text: format!("{}\n{}", last.right, added.as_ref()),
            code,
            line: 1,
            evidence: None,
        });
    }

    /// A mistake of the last line that has to do with evidence.
    fn evident(&mut self, part: &str, instead: &str, code: &'static str, evidence: Evidence) {
        let last = self.0.last_mut().expect("a line");
        assert!(
            last.right.contains(part),
            "{part} is no part of {}",
            last.right
        );
        last.wrong.push(Wrong {
            text: last.right.replacen(part, instead, 1),
            code,
            line: 0,
            evidence: Some(evidence),
        });
    }

    fn right(&self) -> String {
        self.0
            .iter()
            .map(|line| format!("{}\n", line.right))
            .collect()
    }

    /// Which lines can be wrong.
    fn places(&self) -> Vec<usize> {
        let places = self.0.iter().enumerate();
        places
            .filter(|(_, line)| !line.wrong.is_empty())
            .map(|(place, _)| place)
            .collect()
    }

    /// The text with mistakes in it, and the line and code of each.
    fn with(
        &self,
        mistakes: &[(usize, Index)],
        evidence: &mut BTreeSet<Evidence>,
    ) -> (String, Vec<(usize, &'static str)>) {
        let mut text = String::new();
        let mut expected = Vec::new();
        for (place, line) in self.0.iter().enumerate() {
            let mistake = mistakes.iter().find(|(at, _)| *at == place);
            let wrong = mistake.map(|(_, choice)| choice.get(&line.wrong));
            let is_seen = |wrong: &&Wrong| {
                let other = wrong.evidence.map(Evidence::opposite);
                other.is_none_or(|other| !evidence.contains(&other))
            };
            match wrong.filter(is_seen) {
                Some(wrong) => {
                    evidence.extend(wrong.evidence);
                    let above = text.lines().count();
                    expected.push((above + wrong.line + 1, wrong.code));
                    text += &wrong.text;
                }
                None => text += &line.right,
            }
            text.push('\n');
        }
        (text, expected)
    }
}

/// `file:line code` of every diagnostic.
fn found(fleet: &str, environment: &str) -> Vec<String> {
    let tree = Tree::default()
        .with(FLEET_FILE, fleet)
        .with(DEV, environment)
        .with("environments/staging.yaml", STAGING)
        .with("templates/base/deploy.sh.hbs", "");
    let mut found: Vec<String> = load(&tree)
        .diagnostics
        .iter()
        .map(|it| {
            let text = String::from_utf8_lossy(tree.file(&it.file).expect("a file"));
            let (line, _) = line_column(&text, it.span.start);
            let source = text.lines().nth(line - 1).unwrap_or_default();
            format!("{}:{line} {}: {source}", it.file, it.code)
        })
        .collect();
    found.sort_unstable();
    found
}

const STAGING: &str = "transport: lab\nservices: { base: 1.0.0 }\nhosts: { stage: {} }\n";

fn places(file: &str, text: &str, mistakes: &[(usize, &str)]) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let place = |(line, code): &(usize, &str)| format!("{file}:{line} {code}: {}", lines[line - 1]);
    mistakes.iter().map(place).collect()
}

#[test]
fn without_a_mistake_nothing_is_found() {
    assert_eq!(found(&fleet().right(), &environment().right()), [""; 0]);
}

#[test]
fn each_mistake_alone_is_found() {
    let (fleet, environment) = (fleet(), environment());
    let mut failures = Vec::new();
    for (is_fleet, manifest) in [(true, &fleet), (false, &environment)] {
        for place in manifest.places() {
            for wrong in &manifest.0[place].wrong {
                let mut text = String::new();
                for (at, line) in manifest.0.iter().enumerate() {
                    text += if at == place {
                        &wrong.text
                    } else {
                        &line.right
                    };
                    text.push('\n');
                }
                let line = place + wrong.line + 1;
                let (file, found) = if is_fleet {
                    (FLEET_FILE, found(&text, &environment.right()))
                } else {
                    (DEV, found(&fleet.right(), &text))
                };
                let expected = places(file, &text, &[(line, wrong.code)]);
                if found != expected {
                    failures.push(format!("expected {expected:#?}\nfound {found:#?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Lines of `fleet.yaml` and of an environment, each with a choice among its mistakes.
#[derive(Clone)]
struct Mistakes([Vec<(usize, Index)>; 2]);

impl std::fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A failure names the lines that it is about.
        write!(f, "{} and {} mistakes", self.0[0].len(), self.0[1].len())
    }
}

/// As many of them in each file as asked for.
fn mistakes(count: usize) -> impl Strategy<Value = Mistakes> {
    let of = move |manifest: Manifest| {
        let places = manifest.places();
        assert!(places.len() >= count, "only {} places", places.len());
        let choices = prop::collection::vec(any::<Index>(), count);
        (subsequence(places, count), choices)
            .prop_map(|(places, choices)| places.into_iter().zip(choices).collect())
    };
    (of(fleet()), of(environment())).prop_map(|(fleet, environment)| Mistakes([fleet, environment]))
}

fn all_found_none_invented(Mistakes(of): &Mistakes) -> Result<(), TestCaseError> {
    let mut evidence = BTreeSet::new();
    let (fleet, in_fleet) = fleet().with(&of[0], &mut evidence);
    let (environment, in_environment) = environment().with(&of[1], &mut evidence);
    let mut expected = places(FLEET_FILE, &fleet, &in_fleet);
    expected.extend(places(DEV, &environment, &in_environment));
    expected.sort_unstable();
    let found = found(&fleet, &environment);
    let missed: Vec<_> = expected.iter().filter(|it| !found.contains(it)).collect();
    let invented: Vec<_> = found.iter().filter(|it| !expected.contains(it)).collect();
    prop_assert!(
        missed.is_empty() && invented.is_empty(),
        "missed {missed:#?}\ninvented {invented:#?}"
    );
    prop_assert_eq!(found.len(), expected.len(), "each is said once");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_mistake_is_found(of in mistakes(1)) {
        all_found_none_invented(&of)?;
    }

    #[test]
    fn ten_mistakes_are_found(of in mistakes(10)) {
        all_found_none_invented(&of)?;
    }

    #[test]
    fn a_hundred_mistakes_are_found(of in mistakes(100)) {
        all_found_none_invented(&of)?;
    }
}
