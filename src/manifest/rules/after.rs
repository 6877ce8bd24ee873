//! `after` names another environment of the fleet, and no environments wait for one another.

use std::collections::BTreeMap;

use super::Checked;
use crate::manifest::codes;
use crate::manifest::decode::{AfterKeys, FleetFile, did_you_mean};
use crate::manifest::problems::{Span, shown};
use crate::model::id::EnvironmentName;

pub(super) fn check(fleet: Option<&FleetFile>, environments: &mut [Checked]) {
    let default = fleet.and_then(|fleet| fleet.defaults.after.as_ref());
    let files = || {
        environments
            .iter()
            .map(|environment| environment.file.as_ref())
    };
    // A file that cannot be read may be the one that is meant.
    let complete = files().all(|file| file.is_some());
    let waits: BTreeMap<EnvironmentName, EnvironmentName> = files()
        .flatten()
        .filter_map(|file| {
            let after = file.settings.after.as_ref().or(default)?;
            Some((file.name.clone(), after.environment.value.clone()))
        })
        .collect();
    let names: Vec<EnvironmentName> = files().flatten().map(|file| file.name.clone()).collect();
    for environment in environments {
        let Some(file) = &environment.file else {
            continue;
        };
        let own = file.settings.after.as_ref();
        let Some(after) = own.or(default) else {
            continue;
        };
        let span = own.map_or(0..0, place);
        let target = &after.environment.value;
        if !names.contains(target) {
            if complete {
                let known = names.iter().map(EnvironmentName::as_str);
                let otherwise = "an environment is a file below environments/";
                let help = did_you_mean(target.as_str(), known, otherwise);
                let message = format!("there is no environment {}", shown(target.as_str()));
                environment
                    .problems
                    .report(codes::UNKNOWN_ENVIRONMENT, &span, message, help);
            }
        } else if leads_back(&file.name, &waits) {
            environment.problems.report(
                codes::AFTER_CYCLE,
                &span,
                format!(
                    "environment {} would wait for itself",
                    shown(file.name.as_str())
                ),
                "what one waits for must not wait for it: break the circle of `after`",
            );
        }
    }
}

fn place(after: &AfterKeys) -> Span {
    after.environment.span.clone()
}

fn leads_back(start: &EnvironmentName, waits: &BTreeMap<EnvironmentName, EnvironmentName>) -> bool {
    let mut at = start;
    // No path without repetition is longer.
    for _ in 0..waits.len() {
        match waits.get(at) {
            Some(next) if next == start => return true,
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}
