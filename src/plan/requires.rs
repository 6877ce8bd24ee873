//! What a service needs of others on its host: the order of their changes, and no change on top of
//! what is not there.

use std::collections::BTreeSet;

use crate::model::desired::Host;
use crate::model::id::{ServiceName, Version};
use crate::model::plan::{Held, HeldReason};

use super::{PlanInput, Row, Rows};

/// What a service needs of its host, directly or through others.
pub(super) fn needed(host: &Host, service: &ServiceName) -> BTreeSet<ServiceName> {
    let mut needed = BTreeSet::new();
    let mut next = vec![service];
    while let Some(service) = next.pop() {
        let Some(assignment) = host.services.get(service) else {
            continue;
        };
        for required in assignment.requires.keys() {
            if needed.insert(required.clone()) {
                next.push(required);
            }
        }
    }
    needed
}

/// Holds the changes of a host whose needs are not met when it is their turn, because what they
/// need is held itself or is not part of the plan. `from` is where the host's rows begin.
pub(super) fn hold(input: &PlanInput<'_>, host: &Host, rows: &mut Rows, from: usize) {
    loop {
        let missing = rows.changes[from..]
            .iter()
            .enumerate()
            .find_map(|(at, row)| {
                let message = missing(input, host, &row.change.service, &rows.changes[from..])?;
                Some((from + at, message))
            });
        // What is held now may be what another change needs.
        let Some((at, message)) = missing else { return };
        let change = rows.changes.remove(at).change;
        rows.held.push(Held {
            host: change.host,
            service: change.service,
            from: change.from,
            to: change.to,
            reason: HeldReason::Dependency,
            message,
            until: None,
        });
    }
}

fn missing(
    input: &PlanInput<'_>,
    host: &Host,
    service: &ServiceName,
    changes: &[Row],
) -> Option<String> {
    let assignment = host.services.get(service)?;
    assignment.requires.iter().find_map(|(required, range)| {
        let change = changes.iter().find(|row| row.change.service == *required);
        let there = match change {
            Some(row) => row.change.to.as_ref(),
            None => recorded(input, host, required),
        };
        match there {
            None => Some(format!(
                "requires {required} {range}, which is not installed"
            )),
            Some(version) if !version.fits(range) => {
                Some(format!("requires {required} {range}, and {version} stays"))
            }
            Some(_) => None,
        }
    })
}

fn recorded<'a>(input: &PlanInput<'a>, host: &Host, service: &ServiceName) -> Option<&'a Version> {
    let record = input.ledger.hosts.get(&host.name)?;
    let record = (record.instance == host.instance).then_some(record)?;
    record.services.get(service)?.version.as_ref()
}
