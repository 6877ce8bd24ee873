//! A selector matches some host: one that matches none is a typing error in it or in a label.
//! Where hosts are discovered, nobody knows yet.

use std::collections::BTreeSet;

use super::misspelt::hosts_are_known;
use crate::manifest::codes;
use crate::manifest::decode::{CanaryKey, EnvironmentFile, FleetFile, nearest};
use crate::manifest::problems::{Problems, Span, shown};
use crate::model::id::HostName;
use crate::model::selector::{Requirement, Selector};

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
            problems.report_lazily(codes::SELECTS_NOTHING, span, || {
                let message = format!("the selector of {whose} matches no host");
                (message, help(selector, environment))
            });
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

/// What was perhaps meant by the first word that no host has.
fn help(selector: &Selector, environment: &EnvironmentFile) -> String {
    let mut requirements = selector.requirements.iter();
    requirements
        .find_map(|requirement| match requirement {
            Requirement::In(key, values) => {
                let known = values_of(key, environment);
                if known.is_empty() {
                    return nearest(key, keys(environment));
                }
                let mut unknown = values
                    .iter()
                    .filter(|value| !known.contains(value.as_str()));
                unknown.find_map(|value| nearest(value, known.iter().copied()))
            }
            Requirement::Exists(key) if values_of(key, environment).is_empty() => {
                nearest(key, keys(environment))
            }
            _ => None,
        })
        .map_or_else(
            || "compare it with the `labels` of the hosts".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        )
}

/// What hosts say for a label; their names are one, too.
fn values_of<'a>(key: &str, environment: &'a EnvironmentFile) -> BTreeSet<&'a str> {
    if key == "name" {
        return environment.hosts.keys().map(HostName::as_str).collect();
    }
    let hosts = environment.hosts.values();
    hosts
        .filter_map(|host| host.labels.get(key).map(String::as_str))
        .collect()
}

fn keys(environment: &EnvironmentFile) -> BTreeSet<&str> {
    let hosts = environment.hosts.values();
    let labels = hosts.flat_map(|host| host.labels.keys().map(String::as_str));
    labels.chain(["name"]).collect()
}
