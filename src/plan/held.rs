//! Why a change that is wanted does not happen now: reasons, not booleans.

use std::time::Duration;

use crate::model::ledger::{Block, BlockedHosts, UntouchedHost, UntouchedKind};
use crate::model::plan::{Action, Held, HeldReason};
use crate::model::policy::Drift;
use crate::model::time::Timestamp;

use super::{PlanInput, Subject};

/// A host is repaired once in this time.
const BETWEEN_REPAIRS: Duration = Duration::from_secs(86_400);

/// Whether a wanted change may happen.
pub(super) enum Verdict {
    /// It may.
    Free {
        /// It was deferred and its host is back.
        returning: bool,
    },
    /// It may not.
    Held(Held),
}

/// Looks for the first reason to leave a wanted change alone. A host that owes an answer comes
/// first: nothing newer is sent to it, whatever else holds (protocol §2).
pub(super) fn verdict(input: &PlanInput<'_>, subject: &Subject<'_>, action: Action) -> Verdict {
    if subject.unknown_host {
        return Verdict::Held(unknown(subject));
    }
    let hold = subject
        .host
        .hold
        .as_ref()
        .or(subject.assignment.hold.as_ref());
    if let Some(reason) = hold {
        return Verdict::Held(row(subject, HeldReason::Hold, reason.clone(), None));
    }
    if let Some(block) = input
        .ledger
        .blocked
        .blocks
        .iter()
        .find(|block| matches(block, subject))
    {
        return Verdict::Held(row(
            subject,
            HeldReason::Blocked,
            block.reason.clone(),
            None,
        ));
    }
    if action == Action::Repair
        && let Some(held) = drift(input, subject)
    {
        return Verdict::Held(held);
    }
    match untouched(input, subject) {
        Some((entry, UntouchedKind::Refused)) if entry.until.is_some_and(|u| input.now < u) => {
            let message = entry.reason.clone();
            Verdict::Held(row(subject, HeldReason::Refused, message, entry.until))
        }
        Some((entry, UntouchedKind::Deferred)) if input.now < entry.free_until => {
            let is_back = input
                .returning
                .is_some_and(|hosts| hosts.contains(&subject.host.name));
            if is_back {
                return Verdict::Free { returning: true };
            }
            let message = format!("offline: {}", entry.reason);
            Verdict::Held(row(
                subject,
                HeldReason::Deferred,
                message,
                Some(entry.free_until),
            ))
        }
        _ => Verdict::Free { returning: false },
    }
}

/// Drift that is reported only, or that was repaired less than a day ago: whatever undoes a repair
/// would undo the next one as well (protocol §2).
fn drift(input: &PlanInput<'_>, subject: &Subject<'_>) -> Option<Held> {
    let recorded = subject.recorded?;
    let message = &recorded.message;
    let again = recorded.repaired.map(|at| at + BETWEEN_REPAIRS);
    match (input.environment.drift, again) {
        (Drift::Report, _) => Some(row(subject, HeldReason::Drift, message.clone(), None)),
        (Drift::Repair, Some(again)) if input.now < again => {
            let message = format!("{message}; it was repaired less than a day ago");
            Some(row(subject, HeldReason::Drift, message, Some(again)))
        }
        (Drift::Repair, _) => None,
    }
}

/// The line of a service whose host owes an answer.
pub(super) fn unknown(subject: &Subject<'_>) -> Held {
    let message = "did not answer; it is asked when a pass starts".to_owned();
    row(subject, HeldReason::Unknown, message, None)
}

fn matches(block: &Block, subject: &Subject<'_>) -> bool {
    let definition = match block.hosts {
        BlockedHosts::All(_) => &subject.digests.definition,
        BlockedHosts::Listed(_) => &subject.digests.host_definition,
    };
    block.service == *subject.service
        && block.version.as_ref() == subject.assignment.to()
        && block.definition == *definition
        && block.hosts.contains(&subject.host.name)
}

/// What is recorded of the same version in the same definition; another one starts anew.
fn untouched<'a>(
    input: &PlanInput<'a>,
    subject: &Subject<'_>,
) -> Option<(&'a UntouchedHost, UntouchedKind)> {
    input
        .ledger
        .blocked
        .untouched
        .iter()
        .find(|entry| {
            entry.host == subject.host.name
                && entry.service == *subject.service
                && entry.version.as_ref() == subject.assignment.to()
                && entry.definition == subject.digests.host_definition
        })
        .map(|entry| (entry, entry.kind))
}

fn row(
    subject: &Subject<'_>,
    reason: HeldReason,
    message: String,
    until: Option<Timestamp>,
) -> Held {
    Held {
        host: subject.host.name.clone(),
        service: subject.service.clone(),
        from: subject.recorded.and_then(|record| record.version.clone()),
        to: subject.assignment.to().cloned(),
        reason,
        message,
        until,
    }
}
