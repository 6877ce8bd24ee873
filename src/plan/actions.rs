//! What would be done with one service on one host, and for which reason.

use std::cmp::Ordering;

use crate::model::id::Version;
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::plan::{Action, ChangeReason};

use super::Subject;

/// The change that would make it as desired; none where it is.
pub(super) fn wanted(subject: &Subject<'_>) -> Option<(Action, ChangeReason)> {
    let Some(desired) = subject.assignment.to() else {
        let there = subject.recorded.is_some_and(may_be_there);
        return there.then_some((Action::Remove, ChangeReason::Version));
    };
    let Some(recorded) = subject.recorded else {
        let reason = if subject.known_host {
            ChangeReason::Version
        } else {
            ChangeReason::NewHost
        };
        return Some((Action::Install, reason));
    };
    if is_drift(subject, recorded) {
        return Some((Action::Repair, ChangeReason::Drift));
    }
    let Some(version) = &recorded.version else {
        return Some((Action::Install, ChangeReason::Version));
    };
    if version != desired {
        return Some((between(version, desired), ChangeReason::Version));
    }
    if recorded.digest.as_ref() == Some(&subject.digests.digest)
        && recorded.state != ServiceState::Failed
    {
        return None;
    }
    // Of what was taken over nobody knows more than its version.
    if recorded.state == ServiceState::Adopted && recorded.digest.is_none() {
        return None;
    }
    Some((Action::Reconfigure, same_version(recorded, subject)))
}

/// What is known not to be installed needs no removal; of what failed or did not answer nobody
/// knows.
fn may_be_there(record: &ServiceRecord) -> bool {
    record.version.is_some() || matches!(record.state, ServiceState::Failed | ServiceState::Unknown)
}

/// What the last step left is what is desired, and something else was found since.
fn is_drift(subject: &Subject<'_>, recorded: &ServiceRecord) -> bool {
    recorded.state == ServiceState::Drifted
        && recorded.left() == Some(&subject.assignment.version)
        && recorded.digest.as_ref() == Some(&subject.digests.digest)
}

/// Upgrade or downgrade where both versions are semantic (a leading v allowed) and differ in
/// precedence, else change.
fn between(from: &Version, to: &Version) -> Action {
    match (from.semantic(), to.semantic()) {
        (Some(from), Some(to)) => match from.cmp_precedence(&to) {
            Ordering::Less => Action::Upgrade,
            Ordering::Greater => Action::Downgrade,
            Ordering::Equal => Action::Change,
        },
        _ => Action::Change,
    }
}

/// A record without digest is one of a step that proved nothing: what runs may be anything.
fn same_version(recorded: &ServiceRecord, subject: &Subject<'_>) -> ChangeReason {
    if recorded.digest.is_none() || recorded.state == ServiceState::Failed {
        return ChangeReason::Drift;
    }
    match &recorded.template {
        Some(template) if *template != subject.digests.template => ChangeReason::Template,
        Some(_) if recorded.redeploy != subject.digests.redeploy => ChangeReason::Redeploy,
        _ => ChangeReason::Variables,
    }
}
