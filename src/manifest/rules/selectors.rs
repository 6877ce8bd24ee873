//! A selector matches some host: one that matches none is a typing error in it or in a label.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile};
use crate::manifest::problems::{Problems, shown};

pub(super) fn check(environment: &EnvironmentFile, _: Option<&FleetFile>, problems: &mut Problems) {
    if !environment.is_sound || environment.hosts.is_empty() {
        return;
    }
    for (name, service) in &environment.services {
        let Some(select) = &service.select else {
            continue;
        };
        let mut hosts = environment.hosts.iter();
        if !hosts.any(|(name, host)| select.value.matches(name, &host.labels)) {
            problems.report(
                codes::SELECTS_NOTHING,
                &select.span,
                format!(
                    "the selector of service {} matches no host",
                    shown(name.as_str())
                ),
                "compare it with the `labels` of the hosts",
            );
        }
    }
}
