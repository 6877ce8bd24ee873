//! The pure planner: what would change, and why does the rest not.
//!
//! It owns the comparison of desired and recorded state and the cut into waves. It must not ask
//! whether a host can be reached, and it sends nothing: every choice is made here, none when a
//! rollout runs.

mod actions;
mod canary;
mod digests;
mod held;
mod narrow;
mod requires;
#[cfg(test)]
mod tests;
mod waves;

use std::collections::BTreeSet;

use crate::model::bundle::Digests;
use crate::model::desired::{Assignment, Environment, Host};
use crate::model::id::{FleetName, HostName, ServiceName};
use crate::model::ledger::EnvironmentLedger;
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::plan::{Change, EnvironmentPlan, Gate, Held, HeldReason, Summary, Unchanged};
use crate::model::policy::Policy;
use crate::model::time::Timestamp;

use canary::First;
pub use digests::DigestTable;
pub use narrow::Narrow;
use waves::Order;

/// Everything a plan depends on.
#[derive(Clone, Copy)]
pub struct PlanInput<'a> {
    /// The fleet's name.
    pub fleet: &'a FleetName,
    /// `hold` of the fleet.
    pub fleet_hold: Option<&'a str>,
    /// What git says.
    pub environment: &'a Environment,
    /// What was recorded.
    pub ledger: &'a EnvironmentLedger,
    /// Of every service on every host of the environment.
    pub digests: &'a DigestTable,
    /// What must be open before a wave starts.
    pub gates: &'a [Gate],
    /// For `until`s and the seven days of what was deferred.
    pub now: Timestamp,
    /// Leaves out what does not match.
    pub narrow: &'a Narrow,
    /// Deferred hosts that are back: with some, the plan is their deferred changes alone.
    pub returning: Option<&'a BTreeSet<HostName>>,
}

/// Makes the plan of one environment and the policy that stands in its id.
pub fn plan(input: &PlanInput<'_>) -> (EnvironmentPlan, Policy) {
    let holds = [input.fleet_hold, input.environment.hold.as_deref()];
    let holds = holds.into_iter().flatten().map(str::to_owned);
    let policy = Policy {
        gates: input.environment.gates.clone(),
        ..Policy::new(input.environment.rollout.clone(), holds)
    };
    let mut rows = Rows::default();
    let mut troubled = BTreeSet::new();
    for host in input.environment.hosts.values() {
        if input.narrow.skips_host(host) {
            continue;
        }
        plan_host(input, host, &mut rows, &mut troubled);
    }
    if let Some(returning) = input.returning {
        rows.changes
            .retain(|change| change.returning && returning.contains(&change.change.host));
    }
    let mut changes: Vec<Change> = rows.changes.into_iter().map(|row| row.change).collect();
    let first = canary::first(input, &changes, &rows.unchanged);
    if let First::Nobody(message) = &first {
        let held = changes.drain(..);
        rows.held
            .extend(held.map(|change| canary::held(change, message)));
        rows.held
            .sort_by(|a, b| (&a.host, &a.service).cmp(&(&b.host, &b.service)));
    }
    let order = Order {
        first: &first,
        troubled: &troubled,
        returning: input.returning.is_some(),
    };
    let waves = waves::cut(&mut changes, &order, &policy.rollout);
    let plan_id =
        EnvironmentPlan::compute_id(input.fleet, &input.environment.name, &policy, &changes);
    let plan = EnvironmentPlan {
        name: input.environment.name.clone(),
        plan_id,
        summary: Summary {
            change: changes.len(),
            unchanged: rows.unchanged.len(),
            held: rows.held.len(),
        },
        gates: input.gates.to_vec(),
        waves,
        changes,
        held: rows.held,
        warnings: warnings(&rows.unchanged),
        unchanged: rows.unchanged,
    };
    (plan, policy)
}

/// A change, and whether it was held as deferred until its host came back.
struct Row {
    change: Change,
    returning: bool,
}

#[derive(Default)]
struct Rows {
    changes: Vec<Row>,
    held: Vec<Held>,
    unchanged: Vec<Unchanged>,
}

/// One service on one host with everything that is known of it.
struct Subject<'a> {
    host: &'a Host,
    service: &'a ServiceName,
    assignment: &'a Assignment,
    digests: &'a Digests,
    /// What counts of what was recorded: not of another instance, not of a released service.
    recorded: Option<&'a ServiceRecord>,
    /// Something is recorded for this instance.
    known_host: bool,
    /// A service of this host waits for an answer.
    unknown_host: bool,
}

fn plan_host<'a>(
    input: &PlanInput<'a>,
    host: &'a Host,
    rows: &mut Rows,
    troubled: &mut BTreeSet<&'a HostName>,
) {
    let recorded = input
        .ledger
        .hosts
        .get(&host.name)
        .filter(|record| record.instance == host.instance);
    let states = |wanted: &[ServiceState]| {
        recorded.is_some_and(|record| {
            record
                .services
                .values()
                .any(|service| wanted.contains(&service.state))
        })
    };
    if states(&[ServiceState::Failed, ServiceState::RolledBack]) {
        troubled.insert(&host.name);
    }
    let unknown_host = states(&[ServiceState::Unknown]);
    let (from, held_from) = (rows.changes.len(), rows.held.len());
    for (service, assignment) in input.environment.assignments(host) {
        if input.narrow.skips_service(service) {
            continue;
        }
        let Some(digests) = input.digests.get(&host.name, service) else {
            rows.held.push(Held {
                host: host.name.clone(),
                service: service.clone(),
                from: None,
                to: assignment.to().cloned(),
                reason: HeldReason::Unknown,
                message: "its scripts were not rendered".to_owned(),
                until: None,
            });
            continue;
        };
        let subject = Subject {
            host,
            service,
            assignment,
            digests,
            recorded: recorded
                .and_then(|record| record.services.get(service).map(Box::as_ref))
                .filter(|record| counts(record, assignment)),
            known_host: recorded.is_some(),
            unknown_host,
        };
        plan_service(input, &subject, rows);
    }
    requires::hold(input, host, rows, from);
    rows.held[held_from..].sort_by(|a, b| a.service.cmp(&b.service));
}

/// What was released is none of fleet's, unless it shall go.
fn counts(record: &ServiceRecord, assignment: &Assignment) -> bool {
    record.state != ServiceState::Released || assignment.to().is_none()
}

fn plan_service(input: &PlanInput<'_>, subject: &Subject<'_>, rows: &mut Rows) {
    let wanted = actions::wanted(subject);
    let is_unknown = subject
        .recorded
        .is_some_and(|record| record.state == ServiceState::Unknown);
    let Some((action, reason)) = wanted.filter(|_| !is_unknown) else {
        if is_unknown {
            rows.held.push(held::unknown(subject));
        } else {
            rows.unchanged.push(unchanged(subject));
        }
        return;
    };
    match held::verdict(input, subject, action) {
        held::Verdict::Held(held) => rows.held.push(held),
        held::Verdict::Free { returning } => rows.changes.push(Row {
            change: Change {
                host: subject.host.name.clone(),
                instance: subject.host.instance.clone(),
                service: subject.service.clone(),
                action,
                reason,
                from: subject.recorded.and_then(|record| record.version.clone()),
                to: subject.assignment.to().cloned(),
                digest: subject.digests.digest.clone(),
                previous_digest: subject.recorded.and_then(|record| record.digest.clone()),
                wave: 0,
                requires: requires::before(input.environment, subject.host, subject.service),
            },
            returning,
        }),
    }
}

fn unchanged(subject: &Subject<'_>) -> Unchanged {
    Unchanged {
        host: subject.host.name.clone(),
        service: subject.service.clone(),
        version: subject.assignment.to().cloned(),
        pinned: subject.assignment.pinned,
        older_scripts: subject
            .recorded
            .and_then(|record| record.scripts.as_ref())
            .is_some_and(|scripts| *scripts != subject.digests.scripts),
    }
}

fn warnings(unchanged: &[Unchanged]) -> Vec<String> {
    let hosts: BTreeSet<&HostName> = unchanged
        .iter()
        .filter(|row| row.older_scripts)
        .map(|row| &row.host)
        .collect();
    match hosts.len() {
        0 => Vec::new(),
        1 => vec![
            "1 host has older scripts of another phase than deploy; its next change brings the new ones"
                .to_owned(),
        ],
        n => vec![format!(
            "{n} hosts have older scripts of another phase than deploy; their next change brings the new ones"
        )],
    }
}
