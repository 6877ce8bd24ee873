//! What is read and checked, and what this version cannot act on. None of it is ignored: each of
//! these closes a gate of its environment. A feature that arrives takes its line out here.

use super::decode::{EnvironmentFile, FleetFile, Settings, Wanted};
use super::rules::transport_settings;
use crate::model::desired::{Environment, Platform, TransportSettings, Unsupported};
use crate::model::id::{ServiceName, TransportName};
use crate::model::plan::GateKind;
use crate::model::time::Seconds;

/// Everything of an environment that this version cannot act on.
pub(super) fn of(
    file: &EnvironmentFile,
    fleet: &FleetFile,
    environment: &Environment,
) -> Vec<Unsupported> {
    let mut found = Vec::new();
    let mut add = |gate: GateKind, key: &str| {
        found.push(Unsupported {
            gate,
            key: key.to_owned(),
        });
    };
    gates(environment, &mut add);
    let mut plain = |key: &str| add(GateKind::Unsupported, key);
    settings(file, fleet, environment, &mut plain);
    services(file, fleet, &mut plain);
    transport(file, fleet, &environment.transport, &mut plain);
    if !fleet.notifications.is_empty() {
        plain("notifications");
    }
    found
}

fn gates(environment: &Environment, add: &mut impl FnMut(GateKind, &str)) {
    let gates = &environment.gates;
    if gates.window.is_some() {
        add(GateKind::Window, "window");
    }
    if gates.after.is_some() {
        add(GateKind::After, "after");
    }
    if gates.approvals.required > 0 {
        add(GateKind::Approvals, "approvals.required");
    }
    // Who need not agree has to wait all the same.
    if gates.approvals.wait > Seconds(0) {
        add(GateKind::Approvals, "approvals.wait");
    }
    if gates.rollback.is_some() {
        add(GateKind::Unsupported, "rollback");
    }
    if gates.emergency.is_some() {
        add(GateKind::Unsupported, "emergency");
    }
}

fn settings(
    file: &EnvironmentFile,
    fleet: &FleetFile,
    environment: &Environment,
    add: &mut impl FnMut(&str),
) {
    if !environment.discover.is_empty() {
        add("discover");
    }
    let mut platforms = environment.hosts.values().map(|host| host.platform);
    if platforms.any(|platform| platform == Platform::Windows) {
        add("platform: windows");
    }
    let is_set = |set: fn(&Settings) -> bool| set(&file.settings) || set(&fleet.defaults);
    if is_set(|settings| settings.observe_every.is_some()) {
        add("observe_every");
    }
}

fn services(file: &EnvironmentFile, fleet: &FleetFile, add: &mut impl FnMut(&str)) {
    for (name, entry) in &file.services {
        // Nothing is downloaded to take a service away.
        if entry.wanted == Some(Wanted::Absent) {
            continue;
        }
        let declared = fleet.services.as_ref().and_then(|all| all.get(name));
        let found = [
            (declared.is_some_and(|it| it.artifact.is_some()), "artifact"),
            (entry.sha256.is_some() || is_hashed(file, name), "sha256"),
        ];
        for (is_set, key) in found {
            if is_set {
                add(&format!("services.{name}.{key}"));
            }
        }
    }
}

/// Whether a host pins the service with a hash.
fn is_hashed(file: &EnvironmentFile, service: &ServiceName) -> bool {
    let mut pins = file
        .hosts
        .values()
        .filter_map(|host| host.pins.get(service));
    pins.any(|pin| pin.sha256.is_some())
}

fn transport(
    file: &EnvironmentFile,
    fleet: &FleetFile,
    name: &TransportName,
    add: &mut impl FnMut(&str),
) {
    let Some(TransportSettings::Ssm(ssm)) = transport_settings(file, fleet) else {
        return;
    };
    let found = [
        (ssm.role.is_some(), "role_arn"),
        (ssm.storage.is_some(), "storage"),
        (!ssm.documents.is_empty(), "documents"),
    ];
    for (is_set, key) in found {
        if is_set {
            add(&format!("transports.{name}.{key}"));
        }
    }
}
