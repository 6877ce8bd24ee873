//! Only AWS knows hosts by tags.

use super::transports::settings;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile};
use crate::manifest::problems::Problems;
use crate::model::desired::TransportSettings;

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let settings = fleet.and_then(|fleet| settings(environment, fleet));
    if let (Some(TransportSettings::Sandbox), Some(discover)) =
        (settings, &environment.settings.discover)
    {
        problems.report(
            codes::DISCOVER_IN_SANDBOX,
            &discover.span,
            "a sandbox discovers no hosts",
            "name its hosts under `hosts`, or take another transport",
        );
    }
}
