//! `canary: { select: … }`: the hosts that go first, and no other in their place.

use std::collections::BTreeSet;

use crate::model::id::{HostName, ServiceName};
use crate::model::observed::ServiceState;
use crate::model::plan::{Change, Held, HeldReason, Unchanged};
use crate::model::policy::{Canary, RolloutPolicy, Strategy};
use crate::model::selector::Selector;

use super::PlanInput;

/// Who goes first where a selector says so.
pub(super) enum First {
    /// Nobody in particular: the strategy, or a number, decides.
    Anybody,
    /// These of the changed hosts.
    Hosts(BTreeSet<HostName>),
    /// Nobody any more: every host that it selects runs what the plan brings.
    Passed,
    /// Nobody, for this reason: nothing may go.
    Nobody(String),
}

/// Looks for the canary among the changed hosts. What returns has had its canary.
pub(super) fn first(input: &PlanInput<'_>, changes: &[Change], unchanged: &[Unchanged]) -> First {
    let rollout = &input.environment.rollout;
    let Some(select) = selector(rollout).filter(|_| input.returning.is_none()) else {
        return First::Anybody;
    };
    // One that is no selector is an error of its manifest; it never widens.
    let Ok(selector) = select.parse::<Selector>() else {
        return First::Nobody(format!("`{select}` is no selector"));
    };
    let is_selected = |name: &HostName| {
        let host = input.environment.hosts.get(name);
        host.is_some_and(|host| selector.matches(&host.name, &host.labels))
    };
    let hosts: BTreeSet<HostName> = changes
        .iter()
        .map(|change| &change.host)
        .filter(|host| is_selected(host))
        .cloned()
        .collect();
    if !hosts.is_empty() || changes.is_empty() {
        return First::Hosts(hosts);
    }
    let services: BTreeSet<&ServiceName> = changes.iter().map(|change| &change.service).collect();
    let is_proven = |service: &ServiceName| {
        unchanged.iter().any(|row| {
            row.service == *service
                && is_selected(&row.host)
                && input
                    .ledger
                    .hosts
                    .get(&row.host)
                    .and_then(|record| record.services.get(service))
                    .is_some_and(|record| record.state == ServiceState::Healthy)
        })
    };
    if services.into_iter().all(is_proven) {
        First::Passed
    } else {
        First::Nobody(format!("`{select}` matches none of the hosts that change"))
    }
}

fn selector(rollout: &RolloutPolicy) -> Option<&str> {
    match (rollout.strategy, &rollout.canary) {
        (Strategy::Canary, Canary::Select { select }) => Some(select),
        _ => None,
    }
}

/// The line of a change that has no canary to go before it.
pub(super) fn held(change: Change, message: &str) -> Held {
    Held {
        host: change.host,
        service: change.service,
        from: change.from,
        to: change.to,
        reason: HeldReason::Canary,
        message: message.to_owned(),
        until: None,
    }
}
