//! An environment runs services of the fleet.

use super::misspelt::is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::{ServiceName, check_name};

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let Some(services) = fleet.and_then(|fleet| fleet.services.as_ref()) else {
        return;
    };
    for (name, service) in &environment.services {
        // A name that cannot be one was reported where it stands.
        if services.contains_key(name) || check_name(name.as_str()).is_err() {
            continue;
        }
        if is_misspelt(name.as_str(), services.keys().map(ServiceName::as_str)) {
            continue;
        }
        problems.report_lazily(codes::UNKNOWN_SERVICE, &service.span, || {
            let known = services.keys().map(ServiceName::as_str);
            let declare = "declare it under `services` of fleet.yaml";
            (
                format!("there is no service {}", shown(name.as_str())),
                did_you_mean(name.as_str(), known, declare),
            )
        });
    }
}
