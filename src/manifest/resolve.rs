//! Files without errors → the model: defaults filled in, references followed, variables merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{EnvironmentFile, FleetFile, HostEntry, ServiceEntry, Wanted};
use super::later;
use super::rules::{approvals_of, chosen, rollout_of, transport_settings, window_of};
use crate::model::desired::{
    Assignment, Environment, Fleet, Host, NOTHING, Person, Platform, TransportSettings, Variables,
};
use crate::model::id::{
    FleetName, HostName, InstanceId, PersonName, ServiceName, TransportName, Version,
};
use crate::model::policy::{After, Emergency, GateRules};

/// The fleet without its environments; none if something of it is missing.
pub(super) fn fleet(file: &FleetFile) -> Option<Fleet> {
    Some(Fleet {
        name: file.name.clone()?,
        git: file.git.settings.clone(),
        transports: transports(file)?,
        hold: file.hold.clone(),
        people: people(file)?,
        notifications: file.notifications.clone(),
        environments: BTreeMap::new(),
    })
}

fn people(file: &FleetFile) -> Option<BTreeMap<PersonName, Person>> {
    let people = file.people.as_ref()?.iter();
    people
        .map(|(name, entry)| {
            let person = Person {
                key: entry.key.as_ref()?.value.clone(),
                emails: entry.emails.clone(),
            };
            Some((name.clone(), person))
        })
        .collect()
}

fn transports(file: &FleetFile) -> Option<BTreeMap<TransportName, TransportSettings>> {
    let transports = file.transports.as_ref()?.iter();
    transports
        .map(|(name, settings)| Some((name.clone(), settings.clone()?)))
        .collect()
}

/// An environment; none if something it needs is missing, which a rule has reported.
pub(super) fn environment(file: &EnvironmentFile, fleet: &FleetFile) -> Option<Environment> {
    let name = fleet.name.as_ref()?;
    let transport = chosen(file, fleet)?;
    let settings = transport_settings(file, fleet)?;
    let services = services(file, fleet)?;
    let hosts = file.hosts.iter().map(|(host_name, entry)| {
        let instance = instance(name, file, host_name, entry, settings)?;
        Some((
            host_name.clone(),
            host(host_name, entry, instance, &services)?,
        ))
    });
    let hosts = hosts.collect::<Option<_>>()?;
    let mut environment = Environment {
        hold: file.settings.hold.clone().or(fleet.defaults.hold.clone()),
        rollout: rollout_of(&file.settings.rollout, &fleet.defaults.rollout),
        gates: gates(file, fleet),
        drift: (file.settings.drift.or(fleet.defaults.drift)).unwrap_or_default(),
        absent: absent(file, &services),
        ..Environment::new(file.name.clone(), transport.clone(), hosts)
    };
    let discover = file.settings.discover.as_ref();
    if let Some(discover) = discover.or(fleet.defaults.discover.as_ref()) {
        environment.discover = discover.value.clone();
    }
    environment.unsupported = later::of(file, fleet, &environment);
    Some(environment)
}

/// Own keys win; `window` and `approvals` are taken key by key, so that nothing an environment
/// leaves out loosens what holds for all.
fn gates(file: &EnvironmentFile, fleet: &FleetFile) -> GateRules {
    let (own, defaults) = (&file.settings, &fleet.defaults);
    let after = own.after.as_ref().or(defaults.after.as_ref());
    let emergency = own.emergency.as_ref().or(defaults.emergency.as_ref());
    GateRules {
        window: window_of(own.window.as_ref(), defaults.window.as_ref()),
        after: after.map(|after| After {
            environment: after.environment.value.clone(),
            healthy_for: after.healthy_for,
        }),
        approvals: approvals_of(own.approvals.as_ref(), fleet),
        rollback: own.rollback.clone().or(defaults.rollback.clone()),
        emergency: emergency.map(|emergency| Emergency {
            service: emergency.service.value.clone(),
            version: emergency.version.clone(),
            reason: emergency.reason.clone(),
            expires: emergency.expires,
        }),
    }
}

fn instance(
    fleet: &FleetName,
    file: &EnvironmentFile,
    host: &HostName,
    entry: &HostEntry,
    settings: &TransportSettings,
) -> Option<InstanceId> {
    match settings {
        TransportSettings::Sandbox => Some(InstanceId::invent(fleet, &file.name, host)),
        TransportSettings::Ssm(_) => Some(entry.instance.as_ref()?.value.clone()),
    }
}

/// A service of an environment with everything that its hosts share.
struct Shared<'a> {
    entry: &'a ServiceEntry,
    assignment: Assignment,
    /// By platform, with the version still open.
    artifact: Option<&'a BTreeMap<Platform, String>>,
}

impl Shared<'_> {
    /// The same on one host.
    fn on(&self, host: &HostEntry) -> Assignment {
        let mut assignment = self.assignment.clone();
        assignment.artifact = self.artifact(host, &assignment.version);
        if !host.variables.is_empty() {
            let layers = [&*assignment.shared_variables, &host.variables];
            assignment.variables = Arc::new(layered(layers));
        }
        assignment
    }

    fn artifact(&self, host: &HostEntry, version: &Version) -> Option<String> {
        let address = self.artifact?.get(&host.platform)?;
        Some(address.replace("{{version}}", version.as_str()))
    }
}

fn services<'a>(
    file: &'a EnvironmentFile,
    fleet: &'a FleetFile,
) -> Option<BTreeMap<&'a ServiceName, Shared<'a>>> {
    let declared = fleet.services.as_ref()?;
    let services = file.services.iter().map(|(name, entry)| {
        let declaration = declared.get(name)?;
        let version = match entry.wanted.as_ref()? {
            Wanted::Version(version) => version.clone(),
            Wanted::Absent => Version::new(NOTHING),
        };
        let variables = Arc::new(layered([
            &declaration.variables,
            &fleet.defaults.variables,
            &file.settings.variables,
            &entry.variables,
        ]));
        let requires = declaration.requires.iter();
        let requires = requires.map(|(service, range)| (service.clone(), range.value.clone()));
        let template = declaration.template.value.clone();
        let assignment = Assignment {
            hold: entry.hold.clone(),
            sha256: entry.sha256.as_ref().map(|hash| hash.value.clone()),
            redeploy: entry.redeploy.clone(),
            requires: Arc::new(requires.collect()),
            variables: Arc::clone(&variables),
            shared_variables: variables,
            ..Assignment::new(version, template, declaration.timeout)
        };
        let shared = Shared {
            entry,
            assignment,
            artifact: declaration.artifact.as_ref().map(|it| &it.value),
        };
        Some((name, shared))
    });
    services.collect()
}

/// Services that are to go, by host.
fn absent(
    file: &EnvironmentFile,
    services: &BTreeMap<&ServiceName, Shared<'_>>,
) -> BTreeMap<HostName, BTreeMap<ServiceName, Assignment>> {
    let mut absent: BTreeMap<HostName, BTreeMap<ServiceName, Assignment>> = BTreeMap::new();
    for (service, shared) in services {
        if shared.assignment.to().is_some() {
            continue;
        }
        for (name, host) in &file.hosts {
            if selects(shared.entry, name, host) {
                let services = absent.entry(name.clone()).or_default();
                services.insert((*service).clone(), shared.on(host));
            }
        }
    }
    absent
}

/// Whether a service of an environment is about a host.
fn selects(service: &ServiceEntry, name: &HostName, host: &HostEntry) -> bool {
    let select = service.select.as_ref();
    select.is_none_or(|select| select.value.matches(name, &host.labels))
}

fn host(
    name: &HostName,
    entry: &HostEntry,
    instance: InstanceId,
    services: &BTreeMap<&ServiceName, Shared<'_>>,
) -> Option<Host> {
    let mut assignments = BTreeMap::new();
    for (service, shared) in services {
        if shared.assignment.to().is_none() || !selects(shared.entry, name, entry) {
            continue;
        }
        let mut assignment = shared.on(entry);
        if let Some(pin) = entry.pins.get(*service) {
            let version = pin.version.clone()?;
            let hash = pin.sha256.as_ref().map(|hash| hash.value.clone());
            // A hash is that of one version's artifact.
            let is_the_same = version == assignment.version;
            let shared = assignment.sha256.take().filter(|_| is_the_same);
            assignment.sha256 = hash.or(shared);
            assignment.version = version;
            assignment.pinned = true;
        }
        assignment.artifact = shared.artifact(entry, &assignment.version);
        assignments.insert((*service).clone(), assignment);
    }
    Some(Host {
        name: name.clone(),
        instance,
        platform: entry.platform,
        labels: entry.labels.clone(),
        hold: entry.hold.clone(),
        services: assignments,
    })
}

/// Later layers win, each key replaced whole.
fn layered<'a>(layers: impl IntoIterator<Item = &'a Variables>) -> Variables {
    let mut merged = Variables::new();
    for layer in layers {
        for (name, value) in layer {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}
