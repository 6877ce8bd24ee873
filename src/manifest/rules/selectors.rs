//! A selector matches some host: one that matches none is a typing error in it or in a label.
//! Where hosts are discovered, nobody knows yet.

use super::misspelt::hosts_are_known;
use crate::manifest::codes;
use crate::manifest::decode::{CanaryKey, EnvironmentFile, FleetFile};
use crate::manifest::problems::{Problems, Span, shown};
use crate::model::selector::Selector;

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let discovers = environment.settings.discover.is_some()
        || fleet.is_some_and(|fleet| fleet.defaults.discover.is_some());
    if environment.hosts.is_empty() || discovers || !hosts_are_known(environment) {
        return;
    }
    let mut check = |selector: &Selector, span: &Span, whose: String| {
        let mut hosts = environment.hosts.iter();
        if !hosts.any(|(name, host)| selector.matches(name, &host.labels)) {
            problems.report(
                codes::SELECTS_NOTHING,
                span,
                format!("the selector of {whose} matches no host"),
                "compare it with the `labels` of the hosts",
            );
        }
    };
    for (name, service) in &environment.services {
        if let Some(select) = &service.select {
            let whose = format!("service {}", shown(name.as_str()));
            check(&select.value, &select.span, whose);
        }
    }
    let canary = environment.settings.rollout.canary.as_ref();
    if let Some(CanaryKey::Select { selector, span, .. }) = canary.map(|canary| &canary.value) {
        check(selector, span, "the canary".to_owned());
    }
}
