//! Files without errors → the model: defaults filled in, references followed, variables merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{EnvironmentFile, FleetFile, HostEntry, ServiceEntry};
use super::rules::{chosen, merged};
use crate::model::desired::{Assignment, Environment, Fleet, Host, TransportSettings, Variables};
use crate::model::id::{FleetName, HostName, InstanceId, ServiceName, TransportName};

/// The fleet without its environments; none if something of it is missing.
pub(super) fn fleet(file: &FleetFile) -> Option<Fleet> {
    Some(Fleet {
        name: file.name.clone()?,
        git: file.git.settings.clone(),
        transports: transports(file)?,
        hold: file.hold.clone(),
        environments: BTreeMap::new(),
    })
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
    let settings = fleet.transports.as_ref()?.get(transport)?.as_ref()?;
    let services = services(file, fleet)?;
    let hosts = file.hosts.iter().map(|(host_name, entry)| {
        let instance = instance(name, file, host_name, entry, settings)?;
        Some((
            host_name.clone(),
            host(host_name, entry, instance, &services)?,
        ))
    });
    Some(Environment {
        name: file.name.clone(),
        transport: transport.clone(),
        hold: file.settings.hold.clone().or(fleet.defaults.hold.clone()),
        rollout: merged(&file.settings.rollout, &fleet.defaults.rollout),
        hosts: hosts.collect::<Option<_>>()?,
    })
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
        TransportSettings::Ssm { .. } => Some(entry.instance.as_ref()?.value.clone()),
    }
}

/// A service of an environment with everything that its hosts share.
struct Shared<'a> {
    entry: &'a ServiceEntry,
    assignment: Assignment,
}

fn services<'a>(
    file: &'a EnvironmentFile,
    fleet: &'a FleetFile,
) -> Option<BTreeMap<&'a ServiceName, Shared<'a>>> {
    let declared = fleet.services.as_ref()?;
    let services = file.services.iter().map(|(name, entry)| {
        let declaration = declared.get(name)?;
        let variables = Arc::new(layered([
            &declaration.variables,
            &fleet.defaults.variables,
            &file.settings.variables,
            &entry.variables,
        ]));
        let assignment = Assignment {
            version: entry.version.clone()?,
            pinned: false,
            hold: entry.hold.clone(),
            template: declaration.template.value.clone(),
            timeout: declaration.timeout,
            variables: Arc::clone(&variables),
            shared_variables: variables,
        };
        Some((name, Shared { entry, assignment }))
    });
    services.collect()
}

fn host(
    name: &HostName,
    entry: &HostEntry,
    instance: InstanceId,
    services: &BTreeMap<&ServiceName, Shared<'_>>,
) -> Option<Host> {
    let mut assignments = BTreeMap::new();
    for (service, shared) in services {
        let select = shared.entry.select.as_ref();
        if !select.is_none_or(|select| select.value.matches(name, &entry.labels)) {
            continue;
        }
        let mut assignment = shared.assignment.clone();
        if let Some(pin) = entry.pins.get(*service) {
            assignment.version = pin.value.clone()?;
            assignment.pinned = true;
        }
        if !entry.variables.is_empty() {
            let layers = [&*assignment.shared_variables, &entry.variables];
            assignment.variables = Arc::new(layered(layers));
        }
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
