//! What a service needs on its hosts: an artifact for their platform, and other services.

use std::collections::BTreeSet;

use semver::VersionReq;

use super::misspelt::{is_misspelt, service_is_misspelt};
use crate::manifest::codes;
use crate::manifest::decode::{
    EnvironmentFile, FleetFile, HostEntry, ServiceDeclaration, ServiceEntry, Spanned, Wanted,
    did_you_mean,
};
use crate::manifest::problems::{Problems, Span, shown};
use crate::model::desired::Platform;
use crate::model::id::{HostName, ServiceName, Version, check_name};
use crate::model::source::Tree;

pub(super) fn check_fleet(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    let Some(services) = &fleet.services else {
        return;
    };
    for (name, service) in services {
        for (required, range) in &service.requires {
            let span = &range.span;
            let known = services.keys().map(ServiceName::as_str);
            if !services.contains_key(required) {
                if is_misspelt(required.as_str(), known.clone())
                    || check_name(required.as_str()).is_err()
                {
                    continue;
                }
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
    let Some(declared) = declared else { return };
    for (name, entry) in &environment.services {
        let Some(declaration) = declared.get(name) else {
            continue;
        };
        check_hash(environment, (name, entry), declaration, problems);
        let hosts = Hosts::of(environment, entry);
        check_platform(name, entry, declaration, &hosts, problems);
        for (required, range) in &declaration.requires {
            let is_reported = !declared.contains_key(required)
                || service_is_misspelt(required, environment, fleet);
            if !is_reported {
                let pair = ((name, entry), (required, &range.value));
                check_requires(environment, pair, &hosts, problems);
            }
        }
    }
}

/// The hosts that run a service for certain.
struct Hosts<'a>(Vec<(&'a HostName, &'a HostEntry)>);

impl<'a> Hosts<'a> {
    fn of(environment: &'a EnvironmentFile, entry: &ServiceEntry) -> Self {
        let hosts = environment.hosts.iter();
        Self(
            hosts
                .filter(|host| runs(entry, *host) == Some(true))
                .collect(),
        )
    }

    /// Those of them for which something is true: the first one's name, and how many others.
    fn told(&self, is_meant: impl Fn(&HostName, &HostEntry) -> bool) -> Option<String> {
        let mut found = self.0.iter().filter(|(name, host)| is_meant(name, host));
        let first = shown(found.next()?.0.as_str());
        Some(match found.count() {
            0 => format!("host {first}"),
            1 => format!("host {first} and one other"),
            others => format!("host {first} and {others} others"),
        })
    }
}

/// Whether a service runs on a host; none where what decides it could not be read.
fn runs(entry: &ServiceEntry, (name, host): (&HostName, &HostEntry)) -> Option<bool> {
    if entry.wanted == Some(Wanted::Absent) {
        return Some(false);
    }
    match &entry.select {
        None => (!entry.unread.has("select")).then_some(true),
        Some(_) if host.unread.has("labels") => None,
        Some(select) => Some(select.value.matches(name, &host.labels)),
    }
}

/// An artifact and a hash belong together, in the environment and at the pins of its hosts.
fn check_hash(
    environment: &EnvironmentFile,
    (name, entry): (&ServiceName, &ServiceEntry),
    declaration: &ServiceDeclaration,
    problems: &mut Problems,
) {
    let is_here = entry.wanted != Some(Wanted::Absent) && !entry.unread.has("sha256");
    let mut check = |span: &Span, hash: &Option<Spanned<String>>, wants_one: bool| {
        let service = shown(name.as_str());
        match (&declaration.artifact, hash) {
            (None, Some(hash)) if !declaration.unread.has("artifact") => problems.report(
                codes::UNUSED_KEY,
                &hash.span,
                format!("service {service} has no artifact to check"),
                "add `artifact` to the service in fleet.yaml, or leave `sha256` out",
            ),
            (Some(_), None) if wants_one => problems.warn(
                codes::NO_HASH,
                span,
                format!("the artifact of {service} has no sha256 here"),
                "every host must see what the first one saw; with `sha256` it is certain beforehand",
            ),
            _ => {}
        }
    };
    check(&entry.span, &entry.sha256, is_here);
    for host in environment.hosts.values() {
        if let Some(pin) = host.pins.get(name) {
            // The environment's hash is that of its own version.
            let is_other = match (&pin.version, &entry.wanted) {
                (Some(pinned), Some(Wanted::Version(version))) => pinned != version,
                _ => false,
            };
            check(
                &pin.span,
                &pin.sha256,
                is_other && !pin.unread.has("sha256"),
            );
        }
    }
}

/// One artifact that is missing is one problem, however many hosts want it.
fn check_platform(
    name: &ServiceName,
    entry: &ServiceEntry,
    declaration: &ServiceDeclaration,
    hosts: &Hosts<'_>,
    problems: &mut Problems,
) {
    let Some(artifact) = &declaration.artifact else {
        return;
    };
    for platform in [Platform::Linux, Platform::Windows] {
        if artifact.value.contains_key(&platform) {
            continue;
        }
        let lacks = |_: &HostName, host: &HostEntry| {
            host.platform == platform && !host.unread.has("platform")
        };
        if let Some(told) = hosts.told(lacks) {
            let (name, platform) = (shown(name.as_str()), platform.as_str());
            problems.report(
                codes::ARTIFACT_PLATFORM,
                &entry.span,
                format!("service {name} has no artifact for {platform}, which is what {told} runs"),
                format!(
                    "add `{platform}:` to its `artifact`, or give it a selector that leaves such hosts out"
                ),
            );
        }
    }
}

/// What a service needs, and another one gives or does not give, is one problem as well; a host
/// that pins what does not fit has one of its own.
fn check_requires(
    environment: &EnvironmentFile,
    pair: ((&ServiceName, &ServiceEntry), (&ServiceName, &VersionReq)),
    hosts: &Hosts<'_>,
    problems: &mut Problems,
) {
    let ((name, entry), (required, range)) = pair;
    let (service, needed) = (shown(name.as_str()), shown(required.as_str()));
    let given = environment.services.get(required);
    let lacks = |host_name: &HostName, host: &HostEntry| {
        given.is_none_or(|given| runs(given, (host_name, host)) == Some(false))
    };
    if let Some(told) = hosts.told(lacks) {
        problems.report(
            codes::REQUIRES,
            &entry.span,
            format!("service {service} requires {needed}, which {told} does not run"),
            "give the same hosts both by the selectors of the two",
        );
    }
    let Some(given) = given else { return };
    let help = "take versions that fit each other";
    let misfit = |version: &Version, told: &str| {
        format!("service {service} requires {needed} {range}, and {told} has {version}")
    };
    if let Some(Wanted::Version(version)) = &given.wanted
        && !version.fits(range)
    {
        let has_it = |host_name: &HostName, host: &HostEntry| {
            runs(given, (host_name, host)) == Some(true) && !host.pins.contains_key(required)
        };
        if let Some(told) = hosts.told(has_it) {
            problems.report(codes::REQUIRES, &entry.span, misfit(version, &told), help);
        }
    }
    for (host_name, host) in &hosts.0 {
        if runs(given, (host_name, host)) == Some(true)
            && let Some(pin) = host.pins.get(required)
            && let Some(version) = pin.version.as_ref().filter(|it| !it.fits(range))
        {
            problems.report_lazily(codes::REQUIRES, &pin.span, || {
                let host = format!("host {}", shown(host_name.as_str()));
                (misfit(version, &host), help.to_owned())
            });
        }
    }
}
