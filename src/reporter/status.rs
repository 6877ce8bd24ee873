//! Desired beside observed: `fleet.status/1`, and text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::event::{state_tone, words};
use super::fold;
use super::plan::{Desired, because};
use super::text::{Palette, Tone, ago, columns, plural, to_json};
use crate::model::desired::Environment;
use crate::model::id::{
    EnvironmentName, FleetName, HostName, InstanceId, PlanId, Revision, RolloutId, ServiceName,
    Version,
};
use crate::model::ledger::{EnvironmentLedger, RolloutRecord, RolloutState};
use crate::model::observed::{HostRecord, ServiceState};
use crate::model::plan::{EnvironmentPlan, Gate, Held, HeldReason};
use crate::model::time::Timestamp;

/// `format` of the document.
pub const STATUS_FORMAT: &str = "fleet.status/1";

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// [`STATUS_FORMAT`].
    pub format: &'static str,
    /// The fleet.
    pub fleet: FleetName,
    /// The desired commit.
    pub revision: Option<Revision>,
    /// The ledger's commit; null before the first.
    pub ledger_revision: Option<Revision>,
    /// By name.
    pub environments: Vec<EnvironmentStatus>,
}

/// One environment.
#[derive(Clone, Debug, Serialize)]
pub struct EnvironmentStatus {
    /// Its name.
    pub name: EnvironmentName,
    /// In one word.
    pub state: EnvironmentState,
    /// What a plan made now would be; null where it is invalid.
    pub plan_id: Option<PlanId>,
    /// The open rollout.
    pub rollout: Option<RolloutRecord>,
    /// Those that are set.
    pub gates: Vec<Gate>,
    /// By name.
    pub hosts: Vec<HostStatus>,
}

/// An environment in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentState {
    /// Every host runs what it should, or is held on purpose.
    InSync,
    /// A plan made now has changes.
    Pending,
    /// A rollout waits at a gate.
    Waiting,
    /// A rollout is under way.
    Rolling,
    /// A rollout was stopped.
    Paused,
    /// Something is blocked or unknown.
    Blocked,
    /// Its manifest has errors.
    Invalid,
}

impl EnvironmentState {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Rolling => "rolling",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::InSync => Tone::Good,
            Self::Pending | Self::Waiting | Self::Rolling => Tone::Held,
            Self::Paused | Self::Blocked | Self::Invalid => Tone::Bad,
        }
    }
}

/// One host.
#[derive(Clone, Debug, Serialize)]
pub struct HostStatus {
    /// Its name.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// By name.
    pub services: Vec<ServiceStatus>,
}

/// One service on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceStatus {
    /// Its name.
    pub service: ServiceName,
    /// What git says; null where it left the manifest.
    pub desired: Option<Version>,
    /// What the host said last.
    pub version: Option<Version>,
    /// What the last word on it was; null before the first.
    pub state: Option<ServiceState>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The rollout that brought it here.
    pub rollout: Option<RolloutId>,
    /// Why it is not changed.
    pub held: Option<HeldStatus>,
}

/// Why a service on a host is not changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct HeldStatus {
    /// In one word.
    pub reason: HeldReason,
    /// In words.
    pub message: String,
    /// When it is looked at again.
    pub until: Option<Timestamp>,
}

impl EnvironmentStatus {
    /// Of an environment, the plan made for it now, and what the ledger has.
    pub fn new(
        environment: &Environment,
        plan: &EnvironmentPlan,
        ledger: &EnvironmentLedger,
    ) -> Self {
        let held: BTreeMap<_, _> = plan
            .held
            .iter()
            .map(|held| ((&held.host, &held.service), held))
            .collect();
        let mut hosts: Vec<HostStatus> = environment
            .hosts
            .values()
            .map(|host| {
                // Another instance is another machine: what is recorded says nothing of it.
                let record = ledger
                    .hosts
                    .get(&host.name)
                    .filter(|record| record.instance == host.instance)
                    .map(Arc::as_ref);
                let desired = host
                    .services
                    .iter()
                    .map(|(name, assignment)| (name, &assignment.version))
                    .collect();
                HostStatus {
                    host: host.name.clone(),
                    instance: host.instance.clone(),
                    services: services(&desired, record, |service| {
                        held.get(&(&host.name, service)).copied()
                    }),
                }
            })
            .collect();
        hosts.extend(left(ledger, |host| !environment.hosts.contains_key(host)));
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        Self {
            name: environment.name.clone(),
            state: state(plan, ledger),
            plan_id: Some(plan.plan_id.clone()),
            rollout: ledger.open.as_ref().map(|open| open.record.clone()),
            gates: plan.gates.clone(),
            hosts,
        }
    }

    /// Of an environment whose manifest has errors: what the ledger has.
    pub fn invalid(name: EnvironmentName, ledger: &EnvironmentLedger) -> Self {
        Self {
            name,
            state: EnvironmentState::Invalid,
            plan_id: None,
            rollout: ledger.open.as_ref().map(|open| open.record.clone()),
            gates: Vec::new(),
            hosts: left(ledger, |_| true).collect(),
        }
    }
}

fn state(plan: &EnvironmentPlan, ledger: &EnvironmentLedger) -> EnvironmentState {
    let open = ledger.open.as_ref().map(|open| open.record.state);
    match open {
        Some(RolloutState::Waiting) => EnvironmentState::Waiting,
        Some(RolloutState::Paused) => EnvironmentState::Paused,
        Some(state) if !state.is_over() => EnvironmentState::Rolling,
        _ if !plan.changes.is_empty() => EnvironmentState::Pending,
        _ if plan
            .held
            .iter()
            .any(|held| matches!(held.reason, HeldReason::Blocked | HeldReason::Unknown)) =>
        {
            EnvironmentState::Blocked
        }
        // What a hold keeps is meant to stay; anything else is still to come.
        _ if plan.held.iter().any(|held| held.reason != HeldReason::Hold) => {
            EnvironmentState::Pending
        }
        _ => EnvironmentState::InSync,
    }
}

/// Hosts of the ledger that the manifest no longer has, or does not say anything of.
fn left(
    ledger: &EnvironmentLedger,
    is_left: impl Fn(&HostName) -> bool,
) -> impl Iterator<Item = HostStatus> {
    ledger
        .hosts
        .iter()
        .filter(move |(host, _)| is_left(host))
        .map(|(host, record)| HostStatus {
            host: host.clone(),
            instance: record.instance.clone(),
            services: services(&BTreeMap::new(), Some(record), |_| None),
        })
}

fn services<'a>(
    desired: &BTreeMap<&'a ServiceName, &'a Version>,
    record: Option<&'a HostRecord>,
    held: impl Fn(&ServiceName) -> Option<&'a Held>,
) -> Vec<ServiceStatus> {
    let recorded = record.map(|record| &record.services);
    let names: BTreeSet<&ServiceName> = desired
        .keys()
        .copied()
        .chain(recorded.into_iter().flat_map(BTreeMap::keys))
        .collect();
    names
        .into_iter()
        .map(|name| {
            let record = recorded.and_then(|services| services.get(name));
            ServiceStatus {
                service: name.clone(),
                desired: desired.get(name).map(|version| (*version).clone()),
                version: record.and_then(|record| record.version.clone()),
                state: record.map(|record| record.state),
                since: record.map(|record| record.since),
                rollout: record.and_then(|record| record.rollout.clone()),
                held: held(name).map(|held| HeldStatus {
                    reason: held.reason,
                    message: held.message.clone(),
                    until: held.until,
                }),
            }
        })
        .collect()
}

/// The document, on one line.
pub fn json(status: &Status) -> String {
    to_json(status)
}

/// A block per environment; hosts that are alike share a row.
pub fn text(status: &Status, desired: &Desired, palette: Palette, now: Timestamp) -> String {
    let mut out = vec![format!(
        "{}  desired {}",
        palette.paint(Tone::Strong, status.fleet.as_str()),
        desired.text(now)
    )];
    for environment in &status.environments {
        out.push(String::new());
        out.push(format!(
            "{}  {}   {}",
            palette.paint(Tone::Strong, environment.name.as_str()),
            palette.paint(environment.state.tone(), environment.state.as_str()),
            plural(environment.hosts.len(), "host")
        ));
        if let Some(rollout) = &environment.rollout {
            out.push(open_rollout(rollout, palette));
        }
        // What the rollout has just been said to wait for is not said twice.
        let said = environment.rollout.as_ref().map(|open| &open.reason);
        let closed = environment.gates.iter().filter(|gate| !gate.open);
        for gate in closed.filter(|gate| Some(&gate.reason) != said) {
            out.push(format!(
                "  gate {} closed, {}",
                gate.kind.as_str(),
                gate.reason
            ));
        }
        out.extend(rows(environment, palette, now));
    }
    out.into_iter().map(|line| line + "\n").collect()
}

fn open_rollout(rollout: &RolloutRecord, palette: Palette) -> String {
    let because = if rollout.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", rollout.reason)
    };
    format!(
        "  rollout {} {}{because} ({} of {} done)",
        rollout.id,
        palette.paint(state_tone(rollout.state), &words(rollout.state.as_str())),
        rollout.completed,
        plural(rollout.total, "host")
    )
}

fn rows(environment: &EnvironmentStatus, palette: Palette, now: Timestamp) -> Vec<String> {
    let services = environment.hosts.iter().flat_map(|host| {
        host.services
            .iter()
            .map(move |service| (&host.host, service))
    });
    // Hosts of one wave end seconds apart: the time does not tell them apart.
    let groups = fold::by_key(services, |(_, s)| {
        let held = s.held.as_ref().map(|held| (held.reason, &held.message));
        (
            &s.service, &s.desired, &s.version, s.state, &s.rollout, held,
        )
    });
    if groups.is_empty() {
        return Vec::new();
    }
    let heading = ["host", "service", "desired", "runs", "state", "since"];
    let mut rows = vec![heading.map(|word| (Tone::Faint, word.to_owned())).to_vec()];
    rows.extend(groups.into_iter().map(
        |((service, desired, version, state, _, held), members)| {
            let hosts: Vec<&HostName> = members.iter().map(|(host, _)| *host).collect();
            let since = members.iter().filter_map(|(_, s)| s.since).max();
            let as_desired = desired.is_none() || desired == version;
            let state = state.map_or("new", ServiceState::as_str);
            let mut row = vec![
                (Tone::Plain, fold::hosts(&hosts)),
                (Tone::Plain, service.to_string()),
                (Tone::Plain, word(desired.as_ref(), "-")),
                (
                    if as_desired { Tone::Plain } else { Tone::Held },
                    word(version.as_ref(), "none"),
                ),
                (service_tone(state), words(state)),
                (
                    Tone::Faint,
                    since.map(|since| ago(since, now)).unwrap_or_default(),
                ),
            ];
            if let Some((reason, message)) = held {
                row.push((Tone::Held, because(reason, message)));
            }
            row
        },
    ));
    columns(&rows, palette)
        .into_iter()
        .map(|line| format!("  {line}"))
        .collect()
}

fn word(version: Option<&Version>, without: &str) -> String {
    version.map_or(without, Version::as_str).to_owned()
}

fn service_tone(state: &str) -> Tone {
    match state {
        "healthy" | "adopted" => Tone::Good,
        "rolled_back" | "failed" | "drifted" | "unknown" => Tone::Bad,
        _ => Tone::Faint,
    }
}
