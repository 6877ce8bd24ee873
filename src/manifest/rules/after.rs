//! `after` names another environment of the fleet, and no environments wait for one another.

use std::collections::BTreeMap;

use super::Checked;
use crate::manifest::codes;
use crate::manifest::decode::{AfterKeys, FleetFile, did_you_mean, nearest};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::{EnvironmentName, check_environment_name};

pub(super) fn check(
    fleet: Option<&FleetFile>,
    fleet_problems: &mut Problems,
    environments: &mut [Checked],
) {
    let default = fleet.and_then(|fleet| fleet.defaults.after.as_ref());
    let names: Vec<EnvironmentName> = environments
        .iter()
        .filter_map(|environment| environment.name.clone())
        .collect();
    if let Some(after) = default {
        check_known(after, &names, fleet_problems);
    }
    let waits: BTreeMap<EnvironmentName, EnvironmentName> = environments
        .iter()
        .filter_map(|environment| {
            let file = environment.file.as_ref()?;
            let own = &file.settings;
            let after = own.after.as_ref().or(default)?;
            (!own.unread.has("after")).then(|| (file.name.clone(), after.environment.value.clone()))
        })
        .collect();
    for environment in environments {
        let Some(file) = &environment.file else {
            continue;
        };
        let own = file.settings.after.as_ref();
        if let Some(after) = own {
            check_known(after, &names, &mut environment.problems);
        }
        if leads_back(&file.name, &waits) {
            environment.problems.report(
                codes::AFTER_CYCLE,
                &own.map_or(0..0, |after| after.environment.span.clone()),
                format!(
                    "environment {} would wait for itself",
                    shown(file.name.as_str())
                ),
                "what one waits for must not wait for it: break the circle of `after`",
            );
        }
    }
}

/// Environments are known by the names of their files, whatever is in them.
fn check_known(after: &AfterKeys, names: &[EnvironmentName], problems: &mut Problems) {
    let target = &after.environment.value;
    let all = || names.iter().map(EnvironmentName::as_str);
    let wrong = all().filter(|name| check_environment_name(name).is_err());
    if names.contains(target) || nearest(target.as_str(), wrong).is_some() {
        return;
    }
    let otherwise = "an environment is a file below environments/";
    let help = did_you_mean(target.as_str(), all(), otherwise);
    let message = format!("there is no environment {}", shown(target.as_str()));
    let span = &after.environment.span;
    problems.report(codes::UNKNOWN_ENVIRONMENT, span, message, help);
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
