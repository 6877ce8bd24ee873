//! What a service needs on its hosts: an artifact for their platform, and other services.

use std::collections::BTreeSet;

use crate::manifest::codes;
use crate::manifest::decode::{
    EnvironmentFile, FleetFile, HostEntry, ServiceDeclaration, ServiceEntry, Spanned, Wanted,
    did_you_mean,
};
use crate::manifest::problems::{Problems, shown};
use crate::model::id::{HostName, ServiceName, Version};
use crate::model::source::Tree;

pub(super) fn check_fleet(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    let Some(services) = &fleet.services else {
        return;
    };
    for (name, service) in services {
        for (required, range) in &service.requires {
            let span = &range.span;
            if !services.contains_key(required) {
                let known = services.keys().map(ServiceName::as_str);
                let help = did_you_mean(required.as_str(), known, "declare it under `services`");
                let message = format!("there is no service {}", shown(required.as_str()));
                problems.report(codes::UNKNOWN_SERVICE, span, message, help);
            } else if reaches(fleet, required, name) {
                problems.report(
                    codes::REQUIRES_CYCLE,
                    span,
                    format!(
                        "{} requires {}, which requires it",
                        shown(name.as_str()),
                        shown(required.as_str())
                    ),
                    "no order of the two would do: take one requirement out",
                );
            }
        }
    }
}

/// Whether `from` needs `to`, itself or through others.
fn reaches(fleet: &FleetFile, from: &ServiceName, to: &ServiceName) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(service) = next.pop() {
        if service == to {
            return true;
        }
        if seen.insert(service) {
            let declared = fleet.services.as_ref().and_then(|all| all.get(service));
            next.extend(declared.iter().flat_map(|service| service.requires.keys()));
        }
    }
    false
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let declared = fleet.and_then(|fleet| fleet.services.as_ref());
    let (true, Some(declared)) = (environment.is_sound, declared) else {
        return;
    };
    for (name, entry) in &environment.services {
        let Some(declaration) = declared.get(name) else {
            continue;
        };
        check_hash(name, entry, declaration, problems);
        for (host_name, host) in &environment.hosts {
            if runs(entry, host_name, host).is_some() {
                check_platform(name, declaration, host_name, host, problems);
                let known = |required: &ServiceName| declared.contains_key(required);
                let requires = declaration.requires.iter().filter(|(it, _)| known(it));
                check_requires(environment, name, requires, (host_name, host), problems);
            }
        }
    }
}

/// The version a service has on a host; none where it does not run there.
fn runs<'a>(
    entry: &'a ServiceEntry,
    name: &HostName,
    host: &'a HostEntry,
) -> Option<&'a ServiceEntry> {
    let is_selected = entry
        .select
        .as_ref()
        .is_none_or(|select| select.value.matches(name, &host.labels));
    (is_selected && entry.wanted != Some(Wanted::Absent)).then_some(entry)
}

fn check_hash(
    name: &ServiceName,
    entry: &ServiceEntry,
    declaration: &ServiceDeclaration,
    problems: &mut Problems,
) {
    match (&declaration.artifact, &entry.sha256) {
        (None, Some(hash)) => problems.report(
            codes::UNUSED_KEY,
            &hash.span,
            format!("service {} has no artifact to check", shown(name.as_str())),
            "add `artifact` to the service in fleet.yaml, or leave `sha256` out",
        ),
        (Some(_), None) if entry.wanted != Some(Wanted::Absent) => problems.warn(
            codes::NO_HASH,
            &entry.span,
            format!(
                "the artifact of {} has no sha256 here",
                shown(name.as_str())
            ),
            "every host must see what the first one saw; with `sha256` it is certain beforehand",
        ),
        _ => {}
    }
}

fn check_platform(
    name: &ServiceName,
    declaration: &ServiceDeclaration,
    host_name: &HostName,
    host: &HostEntry,
    problems: &mut Problems,
) {
    let Some(artifact) = &declaration.artifact else {
        return;
    };
    if !artifact.value.contains_key(&host.platform) {
        problems.report_lazily(codes::ARTIFACT_PLATFORM, &host.span, || {
            let message = format!(
                "service {} has no artifact for host {}, which is {}",
                shown(name.as_str()),
                shown(host_name.as_str()),
                host.platform.as_str()
            );
            let help = format!(
                "add `{}:` to its `artifact`, or give it a selector that leaves the host out",
                host.platform.as_str()
            );
            (message, help)
        });
    }
}

fn check_requires<'a>(
    environment: &EnvironmentFile,
    name: &ServiceName,
    requires: impl Iterator<Item = (&'a ServiceName, &'a Spanned<semver::VersionReq>)>,
    (host_name, host): (&HostName, &HostEntry),
    problems: &mut Problems,
) {
    for (required, range) in requires {
        let entry = environment
            .services
            .get(required)
            .and_then(|entry| runs(entry, host_name, host));
        let version = entry.and_then(|entry| version_on(entry, required, host));
        let message = match (entry, version) {
            (None, _) => format!(
                "service {} requires {}, which host {} does not run",
                shown(name.as_str()),
                shown(required.as_str()),
                shown(host_name.as_str())
            ),
            (Some(_), Some(version)) if !allows(&range.value, version) => format!(
                "service {} requires {} {}, and host {} has {version}",
                shown(name.as_str()),
                shown(required.as_str()),
                range.value,
                shown(host_name.as_str())
            ),
            _ => continue,
        };
        problems.report_lazily(codes::REQUIRES, &host.span, || {
            let help = "give the host both in versions that fit, or leave one out by a selector";
            (message, help.to_owned())
        });
    }
}

fn version_on<'a>(
    entry: &'a ServiceEntry,
    service: &ServiceName,
    host: &'a HostEntry,
) -> Option<&'a Version> {
    match (host.pins.get(service), &entry.wanted) {
        (Some(pin), _) => pin.value.as_ref(),
        (None, Some(Wanted::Version(version))) => Some(version),
        (None, _) => None,
    }
}

/// A version that is not semantic fits no range.
fn allows(range: &semver::VersionReq, version: &Version) -> bool {
    let text = version.as_str();
    semver::Version::parse(text.strip_prefix('v').unwrap_or(text))
        .is_ok_and(|version| range.matches(&version))
}
