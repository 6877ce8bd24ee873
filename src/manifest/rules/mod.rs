//! What must fit together. A rule is a file with one function; each sees what the files say, with
//! places, and reports to the file that has to change. A rule keeps silent about what could not be
//! read, so that one mistake gives one error.

mod after;
mod approvals;
mod branches;
mod discovery;
mod emergency;
mod emptiness;
mod instances;
mod misspelt;
mod packages;
mod pins;
mod rollout;
mod selectors;
mod services;
mod shared_instances;
mod size;
mod templates;
mod transports;
mod unused;
mod window;

use super::decode::{EnvironmentFile, FleetFile};
use super::problems::Problems;
use crate::model::id::EnvironmentName;
use crate::model::source::Tree;

pub(super) use approvals::merged as approvals_of;
pub(super) use rollout::merged as rollout_of;
pub(super) use transports::{chosen, settings as transport_settings};
pub(super) use window::merged as window_of;

/// An environment's file and where its problems go.
pub(super) struct Checked {
    /// None for what is no environment and stands where they belong.
    pub(super) name: Option<EnvironmentName>,
    /// None if the file is no mapping at all, or too much.
    pub(super) file: Option<EnvironmentFile>,
    pub(super) problems: Problems,
}

type FleetRule = fn(&FleetFile, &Tree, &mut Problems);
type EnvironmentRule = fn(&EnvironmentFile, Option<&FleetFile>, &mut Problems);

const OF_FLEET: &[FleetRule] = &[
    branches::check,
    templates::check,
    transports::check_fleet,
    rollout::check_defaults,
    approvals::check_fleet,
    packages::check_fleet,
];

const OF_ENVIRONMENT: &[EnvironmentRule] = &[
    emptiness::check,
    services::check,
    transports::check,
    instances::check,
    selectors::check,
    pins::check,
    rollout::check,
    approvals::check,
    window::check,
    emergency::check,
    discovery::check,
    packages::check,
];

/// Applies every rule.
pub(super) fn check(
    tree: &Tree,
    fleet: Option<&FleetFile>,
    fleet_problems: &mut Problems,
    environments: &mut [Checked],
) {
    for environment in &mut *environments {
        environment.file = environment
            .file
            .take()
            .filter(|file| size::check(file, fleet, &mut environment.problems));
        if let Some(file) = &environment.file {
            for rule in OF_ENVIRONMENT {
                rule(file, fleet, &mut environment.problems);
            }
        }
    }
    shared_instances::check(environments);
    after::check(fleet, fleet_problems, environments);
    if let Some(fleet) = fleet {
        for rule in OF_FLEET {
            rule(fleet, tree, fleet_problems);
        }
        unused::check(fleet, environments, fleet_problems);
    }
}
