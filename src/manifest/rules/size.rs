//! What a few megabytes can multiply to is bounded: every service is looked at on every host, and
//! a host with variables of its own gets a copy of those it shares.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile};
use crate::manifest::problems::Problems;

/// 10,000 hosts with 200 services each.
const MOST_PAIRS: usize = 2_000_000;

/// 10,000 hosts with variables of their own and 1,000 that they share.
const MOST_COPIES: usize = 10_000_000;

/// Whether the environment is small enough to be looked at further.
pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) -> bool {
    let (services, hosts) = (&environment.services, &environment.hosts);
    let pairs = services.len().saturating_mul(hosts.len());
    let own = hosts.values().filter(|host| !host.variables.is_empty());
    let copies = own
        .count()
        .saturating_mul(shared_variables(environment, fleet));
    if pairs <= MOST_PAIRS && copies <= MOST_COPIES {
        return true;
    }
    let message = format!(
        "{} services on {} hosts are too many",
        services.len(),
        hosts.len()
    );
    problems.report(
        codes::TOO_MANY,
        environment.hosts_span.as_ref().unwrap_or(&(0..0)),
        message,
        "split the environment, or give hosts fewer variables of their own",
    );
    false
}

/// Variables of all services before those of hosts.
fn shared_variables(environment: &EnvironmentFile, fleet: Option<&FleetFile>) -> usize {
    let defaults = fleet.map_or(0, |fleet| fleet.defaults.variables.len());
    let common = defaults + environment.settings.variables.len();
    let of_services = environment.services.iter().map(|(name, service)| {
        let declared = fleet.and_then(|fleet| fleet.services.as_ref()?.get(name));
        common + service.variables.len() + declared.map_or(0, |service| service.variables.len())
    });
    of_services.fold(0, usize::saturating_add)
}
