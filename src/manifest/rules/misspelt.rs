//! One mistake in a name is one error: where a name that is missed stands with a mistake in it, that
//! was reported there, and what refers to it is not wrong as well.

use crate::manifest::decode::{EnvironmentFile, FleetFile, nearest};
use crate::model::id::{HostName, ServiceName, check_name};

/// Whether a name was probably meant by one that cannot be a name.
pub(super) fn is_misspelt<'a>(name: &str, written: impl IntoIterator<Item = &'a str>) -> bool {
    let wrong = written.into_iter().filter(|it| check_name(it).is_err());
    nearest(name, wrong).is_some()
}

/// The same of the services of an environment, where one that the fleet does not have is an error
/// of its own.
pub(super) fn service_is_misspelt(
    name: &ServiceName,
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
) -> bool {
    let declared = fleet.and_then(|fleet| fleet.services.as_ref());
    let is_reported = |it: &&ServiceName| {
        check_name(it.as_str()).is_err() || declared.is_some_and(|all| !all.contains_key(*it))
    };
    let reported = environment.services.keys().filter(is_reported);
    environment.settings.unread.has("services")
        || nearest(name.as_str(), reported.map(ServiceName::as_str)).is_some()
}

/// Whether every name and label of the environment's hosts could be read: only then does it mean
/// something that none of them matches.
pub(super) fn hosts_are_known(environment: &EnvironmentFile) -> bool {
    let can_be_matched = |name: &HostName| check_name(name.as_str()).is_ok();
    !environment.settings.unread.has("hosts")
        && environment
            .hosts
            .iter()
            .all(|(name, host)| can_be_matched(name) && !host.unread.has("labels"))
}
