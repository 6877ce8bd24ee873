//! A host behind SSM is an instance; a host of the sandbox is not: a real id there would be a
//! machine that somebody believes is deployed to.

use super::transports::settings;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile};
use crate::manifest::problems::{Problems, shown};
use crate::model::desired::TransportSettings;

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let settings = fleet.and_then(|fleet| settings(environment, fleet));
    for (name, host) in &environment.hosts {
        match (settings, &host.instance) {
            (Some(TransportSettings::Sandbox), Some(instance)) => problems.report(
                codes::INSTANCE_IN_SANDBOX,
                &instance.span,
                format!("host {} of a sandbox has an instance", shown(name.as_str())),
                "leave `instance` out: the sandbox invents it; or take another transport",
            ),
            (Some(TransportSettings::Ssm(_)), None) if !host.unread.has("instance") => {
                problems.report(
                    codes::INSTANCE_MISSING,
                    &host.span,
                    format!("host {} has no instance", shown(name.as_str())),
                    "add the id that SSM knows it by: `instance: i-0a1b2c3d4e5f60718`",
                );
            }
            _ => {}
        }
    }
}
