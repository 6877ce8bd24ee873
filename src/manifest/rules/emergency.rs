//! An emergency is about a service that the environment runs.

use super::misspelt::service_is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::ServiceName;

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let Some(emergency) = &environment.settings.emergency else {
        return;
    };
    let service = &emergency.service;
    if environment.services.contains_key(&service.value)
        || service_is_misspelt(&service.value, environment, fleet)
    {
        return;
    }
    let known = environment.services.keys().map(ServiceName::as_str);
    let otherwise = "it names one of the `services` of this environment";
    let help = did_you_mean(service.value.as_str(), known, otherwise);
    let message = format!(
        "this environment does not run service {}",
        shown(service.value.as_str())
    );
    problems.report(codes::UNKNOWN_SERVICE, &service.span, message, help);
}
