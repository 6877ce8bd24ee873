//! A service that no environment runs, and a fleet without environments, are probably unfinished.

use super::Checked;
use super::misspelt::service_is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::FleetFile;
use crate::manifest::problems::{Problems, shown};
use crate::model::id::check_name;

pub(super) fn check(fleet: &FleetFile, environments: &[Checked], problems: &mut Problems) {
    if environments.is_empty() {
        return problems.warn(
            codes::NO_ENVIRONMENTS,
            &(0..0),
            "the fleet has no environment",
            "add environments/<name>.yaml with hosts and services",
        );
    }
    let files: Option<Vec<_>> = environments
        .iter()
        .map(|environment| environment.file.as_ref())
        .collect();
    // An environment that could not be read may run anything.
    let (Some(files), Some(services)) = (files, &fleet.services) else {
        return;
    };
    for (name, service) in services {
        let may_be_run = files.iter().any(|file| {
            file.services.contains_key(name) || service_is_misspelt(name, file, Some(fleet))
        });
        if !may_be_run && check_name(name.as_str()).is_ok() {
            problems.warn(
                codes::UNUSED_SERVICE,
                &service.span,
                format!("no environment runs service {}", shown(name.as_str())),
                "give it a version under `services` of an environment, or delete it",
            );
        }
    }
}
