//! Every environment reaches its hosts through one transport that exists. One that is the only
//! one needs no mention; among several nothing is guessed.

use super::misspelt::is_misspelt;
use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, Spanned, did_you_mean};
use crate::manifest::problems::{Problems, shown};
use crate::model::desired::TransportSettings;
use crate::model::id::TransportName;
use crate::model::source::Tree;

/// The transport of an environment, if one is settled.
pub(in crate::manifest) fn chosen<'a>(
    environment: &'a EnvironmentFile,
    fleet: &'a FleetFile,
) -> Option<&'a TransportName> {
    let written = environment.settings.transport.as_ref();
    let written = written.or(fleet.defaults.transport.as_ref());
    let transports = fleet.transports.as_ref()?;
    match written {
        Some(written) => Some(&written.value),
        None if transports.len() == 1 => transports.keys().next(),
        None => None,
    }
}

/// The settings of that transport, if they are sound.
pub(in crate::manifest) fn settings<'a>(
    environment: &'a EnvironmentFile,
    fleet: &'a FleetFile,
) -> Option<&'a TransportSettings> {
    let name = chosen(environment, fleet)?;
    fleet.transports.as_ref()?.get(name)?.as_ref()
}

pub(super) fn check_fleet(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    if fleet.transports.as_ref().is_some_and(|all| all.is_empty()) {
        problems.report(
            codes::NO_TRANSPORTS,
            &fleet.transports_span,
            "there is no transport",
            "add one, such as `lab: { kind: sandbox }`",
        );
    }
    if let Some(transport) = &fleet.defaults.transport {
        check_known(transport, fleet, problems);
    }
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    let Some(fleet) = fleet else { return };
    if let Some(transport) = &environment.settings.transport {
        check_known(transport, fleet, problems);
    } else if chosen(environment, fleet).is_none()
        && ![&environment.settings, &fleet.defaults]
            .iter()
            .any(|settings| settings.unread.has("transport"))
        && let Some(transports) = &fleet.transports
        && !transports.is_empty()
    {
        let names: Vec<&str> = transports.keys().map(TransportName::as_str).collect();
        problems.report(
            codes::TRANSPORT_CHOICE,
            &(0..0),
            format!(
                "environment {} names no transport",
                shown(environment.name.as_str())
            ),
            format!(
                "add `transport:` here or to the `defaults` of fleet.yaml; there are {}",
                names.join(", ")
            ),
        );
    }
}

fn check_known(transport: &Spanned<TransportName>, fleet: &FleetFile, problems: &mut Problems) {
    let Some(transports) = &fleet.transports else {
        return;
    };
    let name = transport.value.as_str();
    if transports.contains_key(name) {
        return;
    }
    let known = || transports.keys().map(TransportName::as_str);
    if is_misspelt(name, known()) {
        return;
    }
    let help = did_you_mean(name, known(), "declare it under `transports` of fleet.yaml");
    let message = format!("there is no transport {}", shown(name));
    problems.report(codes::UNKNOWN_TRANSPORT, &transport.span, message, help);
}
