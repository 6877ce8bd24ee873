//! What a service needs of others on its host: the order of their changes, and no change on top of
//! what is not there.

use std::collections::BTreeSet;

use crate::model::desired::{Environment, Host};
use crate::model::id::{ServiceName, Version};
use crate::model::plan::{Held, HeldReason};

use super::{PlanInput, Row, Rows};

/// The services of a host whose changes come before that of a service, and are undone after it:
/// what it needs, directly or through others. What goes, goes before what it needs, so where a
/// service shall be absent these are the ones that shall be as well, and need it.
pub(super) fn before(
    environment: &Environment,
    host: &Host,
    service: &ServiceName,
) -> BTreeSet<ServiceName> {
    if host.services.contains_key(service) {
        return closure(service, |service, add| {
            let assignment = host.services.get(service);
            assignment
                .iter()
                .flat_map(|assignment| assignment.requires.keys())
                .for_each(add);
        });
    }
    let absent = environment.absent.get(&host.name);
    closure(service, |service, add| {
        absent
            .into_iter()
            .flatten()
            .filter(|(_, assignment)| assignment.requires.contains_key(service))
            .map(|(dependant, _)| dependant)
            .for_each(add);
    })
}

/// Everything that is reached from a service, step by step, without itself.
fn closure<'a>(
    from: &'a ServiceName,
    next_of: impl Fn(&ServiceName, &mut dyn FnMut(&'a ServiceName)),
) -> BTreeSet<ServiceName> {
    let mut found = BTreeSet::new();
    let mut next = vec![from];
    while let Some(service) = next.pop() {
        next_of(service, &mut |reached| {
            if found.insert(reached.clone()) {
                next.push(reached);
            }
        });
    }
    found
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
    let Some(assignment) = host.services.get(service) else {
        return needed_still(input, host, service, changes);
    };
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

/// Nothing is taken away from under what stays, although it shall go as well.
fn needed_still(
    input: &PlanInput<'_>,
    host: &Host,
    service: &ServiceName,
    changes: &[Row],
) -> Option<String> {
    let absent = input.environment.absent.get(&host.name)?;
    absent.iter().find_map(|(dependant, assignment)| {
        let goes = changes.iter().any(|row| row.change.service == *dependant);
        let stays = !goes && assignment.requires.contains_key(service);
        let version = stays.then(|| recorded(input, host, dependant)).flatten()?;
        Some(format!("{dependant} {version} requires it, and stays"))
    })
}

fn recorded<'a>(input: &PlanInput<'a>, host: &Host, service: &ServiceName) -> Option<&'a Version> {
    let record = input.ledger.hosts.get(&host.name)?;
    let record = (record.instance == host.instance).then_some(record)?;
    record.services.get(service)?.version.as_ref()
}
