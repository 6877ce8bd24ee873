//! An environment has hosts. Without services it is odd but harmless: the last one may just have
//! been taken out.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile};
use crate::manifest::problems::{Problems, shown};

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let unread = &environment.settings.unread;
    let discovers = environment.settings.discover.is_some()
        || unread.has("discover")
        || fleet.is_some_and(|fleet| {
            fleet.defaults.discover.is_some() || fleet.defaults.unread.has("discover")
        });
    let name = shown(environment.name.as_str());
    if environment.hosts.is_empty() && !discovers && !unread.has("hosts") {
        problems.report(
            codes::NO_HOSTS,
            environment.hosts_span.as_ref().unwrap_or(&(0..0)),
            format!("environment {name} has no hosts"),
            "add `hosts`, or `discover` for those that AWS knows by tags, or delete the file",
        );
    }
    if environment.services.is_empty() && !unread.has("services") {
        problems.warn(
            codes::NO_SERVICES,
            environment.services_span.as_ref().unwrap_or(&(0..0)),
            format!("environment {name} runs no service"),
            "add `services` with a version for each",
        );
    }
}
