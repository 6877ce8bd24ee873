//! YAML → model. Reads manifests like source code: every problem of every file in one go, each
//! with its place, a stable code and what to do about it.
//!
//! Text goes through three stages: `tree` says what stands where, `decode` says what a file
//! means by itself, `rules` say what must fit together; `resolve` makes the model of what is
//! left without errors. [`edit`] changes a file byte-exactly through the same tree. All of it is
//! pure: the caller has read the files, from a commit or the work tree.

mod codes;
mod decode;
pub mod edit;
mod later;
mod problems;
mod resolve;
mod rules;
pub mod schema;
mod source;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::desired::Fleet;
use crate::model::diagnostic::{self, Diagnostic};
use crate::model::id::EnvironmentName;
use crate::model::source::Tree;

use decode::{EnvironmentFile, FleetFile};
use problems::Problems;
use rules::Checked;

pub use codes::CODES;

#[cfg(test)]
mod tests;

/// What the manifests of a tree say.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Present if `fleet.yaml` is valid; its environments are those that are valid themselves.
    pub fleet: Option<Fleet>,
    /// Every problem, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// Environments whose file has errors.
    pub invalid: BTreeSet<EnvironmentName>,
}

/// Reads `fleet.yaml` and `environments/*.yaml`.
pub fn load(tree: &Tree) -> Loaded {
    let mut fleet_problems = Problems::new(&Arc::from(source::FLEET));
    let fleet_file = source::fleet_text(tree, &mut fleet_problems)
        .and_then(|text| tree::parse(text, &mut fleet_problems))
        .and_then(|document| FleetFile::decode(document.root(), &mut fleet_problems));

    let mut environments: Vec<Checked> = source::environments(tree)
        .into_iter()
        .map(decode_environment)
        .collect();
    rules::check(
        tree,
        fleet_file.as_ref(),
        &mut fleet_problems,
        &mut environments,
    );

    let valid_fleet = fleet_file.as_ref().filter(|_| fleet_problems.errors() == 0);
    let mut fleet = valid_fleet.and_then(resolve::fleet);
    let mut invalid = BTreeSet::new();
    let mut diagnostics = fleet_problems.into_diagnostics();
    diagnostics.extend(source::template_folder(tree));
    for checked in environments {
        let file = checked.file.filter(|_| checked.problems.errors() == 0);
        diagnostics.extend(checked.problems.into_diagnostics());
        let environment = match (&file, &fleet_file) {
            (Some(file), Some(fleet_file)) if fleet.is_some() => {
                resolve::environment(file, fleet_file)
            }
            (Some(_), _) => continue,
            (None, _) => None,
        };
        match (checked.name, environment, &mut fleet) {
            (Some(name), Some(environment), Some(fleet)) => {
                fleet.environments.insert(name, environment);
            }
            (Some(name), ..) => {
                invalid.insert(name);
            }
            (None, ..) => {}
        }
    }
    if let Some(fleet) = &mut fleet {
        // The same environment may have a second file that is wrong.
        fleet.environments.retain(|name, _| !invalid.contains(name));
    }
    diagnostic::sort(&mut diagnostics);
    Loaded {
        fleet,
        diagnostics,
        invalid,
    }
}

fn decode_environment(source: source::EnvironmentSource<'_>) -> Checked {
    let mut problems = source.problems;
    let file = source
        .text
        .and_then(|text| tree::parse(text, &mut problems))
        .zip(source.name.as_ref())
        .and_then(|(document, name)| {
            EnvironmentFile::decode(name, &source.path, document.root(), &mut problems)
        });
    Checked {
        name: source.name,
        file,
        problems,
    }
}
