//! What the end of a step means for the record of its host (the table of design.md §4).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::bundle::Digests;
use crate::model::desired::NOTHING;
use crate::model::id::{CommandId, Digest, Revision, RolloutId, Version};
use crate::model::ledger::{UntouchedHost, UntouchedKind};
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::plan::{Action, Change};
use crate::model::report::{Outcome, Report};
use crate::model::time::Timestamp;

/// What stands for "nobody knows" there.
const NOBODY_KNOWS: &str = "unknown";

/// After the first refusal a host is left alone for an hour, after each further one twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(3_600);
/// But no longer than a day.
const LONGEST_RETRY: Duration = Duration::from_secs(86_400);
/// So long an untouched host comes back without asking anybody anew.
const FREE: Duration = Duration::from_secs(7 * 86_400);
/// Longer messages are cut in the ledger.
const LONGEST_MESSAGE: usize = 200;

/// Whether a step did what it was for.
pub fn is_good(action: Action, outcome: Outcome) -> bool {
    match action {
        Action::Rollback => outcome == Outcome::RolledBack,
        _ => outcome == Outcome::Succeeded,
    }
}

/// A step that is over, with everything its host's record takes from it.
#[derive(Clone, Copy, Debug)]
pub struct EndedStep<'a> {
    /// What was done; a rollback names the change it undoes.
    pub action: Action,
    /// The planned change.
    pub change: &'a Change,
    /// How it ended.
    pub outcome: Outcome,
    /// What the host said, if it did.
    pub report: Option<&'a Report>,
    /// Why it did not succeed.
    pub message: &'a str,
    /// Of the bundle that was sent; none where its revision is gone.
    pub digests: Option<&'a Digests>,
    /// In which rollout.
    pub rollout: &'a RolloutId,
    /// Rendered from which revision.
    pub revision: &'a Revision,
    /// By which command.
    pub command: Option<&'a CommandId>,
    /// When it was heard of.
    pub at: Timestamp,
}

/// What becomes of the record of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// This.
    Record(Box<ServiceRecord>),
    /// The service was taken away, and its record goes.
    Gone,
}

/// The record of the service afterwards; none where it stays as it was.
pub fn service_record(before: Option<&ServiceRecord>, ended: &EndedStep<'_>) -> Option<After> {
    if ended.action == Action::Remove && ended.outcome == Outcome::Succeeded {
        return Some(After::Gone);
    }
    let reported = |pick: fn(&Report) -> Option<&Version>| ended.report.and_then(pick);
    let version = reported(|report| report.version.as_ref());
    let mut record = base(before, ended);
    match ended.outcome {
        Outcome::Succeeded => {
            record.state = ServiceState::Healthy;
            record.repaired = (ended.action == Action::Repair).then_some(ended.at);
            record.version = match version {
                Some(version) => installed(version),
                None => ended.change.to.clone(),
            };
            record.previous_version = match reported(|report| report.previous.as_ref()) {
                Some(previous) => installed(previous),
                None => ended.change.from.clone(),
            };
            record.digest = Some(ended.change.digest.clone());
            record.previous_revision = record.revision.replace(ended.revision.clone());
        }
        Outcome::RolledBack => {
            record.state = ServiceState::RolledBack;
            if ended.action == Action::Rollback {
                record.digest.clone_from(&ended.change.previous_digest);
                record.revision = record.previous_revision.replace(ended.revision.clone());
                record.template = None;
                record.redeploy = None;
                // What it went back to ran before what was undone; what ran before that is history.
                record.version = before.and_then(|b| b.previous_version.clone());
                record.previous_version = ended.change.to.clone();
            }
            if let Some(version) = version {
                record.version = installed(version);
            }
        }
        Outcome::Failed => {
            record.state = ServiceState::Failed;
            record.previous_version = before.and_then(|b| b.version.clone());
            record.version = version.and_then(installed);
            record.digest = None;
            // Nobody knows what runs; what ran last there is of this one.
            record.previous_revision = record.revision.replace(ended.revision.clone());
        }
        Outcome::Unknown => record.state = ServiceState::Unknown,
        Outcome::Refused | Outcome::Superseded | Outcome::Deferred | Outcome::Untouched => {
            return None;
        }
    }
    Some(After::Record(Box::new(record)))
}

/// The record of before with what every ending changes.
fn base(before: Option<&ServiceRecord>, ended: &EndedStep<'_>) -> ServiceRecord {
    let digests = ended.digests;
    let sent =
        |pick: fn(&Digests) -> &Digest, old: Option<&Digest>| digests.map(pick).or(old).cloned();
    let (stages, facts) = ended.report.map_or_else(
        || (BTreeMap::new(), BTreeMap::new()),
        |report| {
            let facts = report.facts.iter().take(16);
            (
                report.stages.clone(),
                facts.map(|(k, v)| (k.clone(), v.clone())).collect(),
            )
        },
    );
    ServiceRecord {
        version: before.and_then(|b| b.version.clone()),
        previous_version: before.and_then(|b| b.previous_version.clone()),
        digest: before.and_then(|b| b.digest.clone()),
        scripts: sent(|d| &d.scripts, before.and_then(|b| b.scripts.as_ref())),
        template: match ended.outcome {
            Outcome::Succeeded => sent(|d| &d.template, None),
            _ => before.and_then(|b| b.template.clone()),
        },
        redeploy: match ended.outcome {
            Outcome::Succeeded => digests.and_then(|d| d.redeploy.clone()),
            _ => before.and_then(|b| b.redeploy.clone()),
        },
        drifted_from: None,
        repaired: before.and_then(|b| b.repaired),
        state: ServiceState::Unknown,
        since: ended.at,
        rollout: Some(ended.rollout.clone()),
        revision: before.and_then(|b| b.revision.clone()),
        previous_revision: before.and_then(|b| b.previous_revision.clone()),
        command: ended.command.cloned(),
        seconds: ended.report.map_or(0.0, |report| report.seconds),
        stages,
        facts,
        message: if is_good(ended.action, ended.outcome) {
            String::new()
        } else {
            shortened(ended.message)
        },
    }
}

/// What must not be tried again yet, after a step of a change left its host untouched.
pub fn untouched_entry(
    before: Option<&UntouchedHost>,
    ended: &EndedStep<'_>,
    kind: UntouchedKind,
) -> Option<UntouchedHost> {
    let definition = ended.digests?.host_definition.clone();
    let before =
        before.filter(|entry| entry.version == ended.change.to && entry.definition == definition);
    let tries = before
        .filter(|entry| entry.kind == kind)
        .map_or(0, |entry| entry.tries)
        .saturating_add(1);
    let until = match kind {
        UntouchedKind::Deferred => None,
        UntouchedKind::Refused => Some(ended.at + retry_pause(tries)),
    };
    Some(UntouchedHost {
        host: ended.change.host.clone(),
        service: ended.change.service.clone(),
        version: ended.change.to.clone(),
        definition,
        kind,
        reason: shortened(ended.message),
        tries,
        until,
        free_until: before
            .filter(|entry| ended.at < entry.free_until)
            .map_or(ended.at + FREE, |entry| entry.free_until),
        rollout: ended.rollout.clone(),
    })
}

/// How long a host is left alone after so many refusals.
pub fn retry_pause(tries: u32) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1 << tries.saturating_sub(1).min(10));
    doubled.min(LONGEST_RETRY)
}

fn installed(version: &Version) -> Option<Version> {
    (*version != *NOTHING && *version != *NOBODY_KNOWS).then(|| version.clone())
}

/// At most 200 characters, on one line.
pub(crate) fn shortened(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST_MESSAGE).collect()
}
