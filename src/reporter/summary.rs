//! What came of a rollout, and why the rest waits: for the last lines of a command.

use std::collections::BTreeSet;

use super::fold;
use super::plan::because;
use super::text::plural;
use crate::model::id::EnvironmentName;
use crate::model::ledger::{RolloutLedger, StepRecord, WaveKind};
use crate::model::plan::{Change, EnvironmentPlan, HeldReason};
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

/// Where one change of a rollout stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Made,
    Back,
    Failed,
    Unknown,
    Open,
    NotMade,
}

/// In the order in which they are told.
const WORDS: [(Stand, &str); 6] = [
    (Stand::Made, "made"),
    (Stand::Back, "went back"),
    (Stand::Failed, "failed"),
    (Stand::Unknown, "without an answer"),
    (Stand::Open, "under way"),
    (Stand::NotMade, "not made"),
];

/// `2 changes made, 1 went back, 1 not made`: every change of the plan once, as it stands now.
pub fn changes(rollout: &RolloutLedger) -> String {
    let stands: Vec<Stand> = rollout
        .plan
        .plan
        .changes
        .iter()
        .map(|change| stand(rollout, change))
        .collect();
    let mut parts = Vec::new();
    for (stand, word) in WORDS {
        match stands.iter().filter(|other| **other == stand).count() {
            0 => {}
            count if parts.is_empty() => parts.push(format!("{} {word}", plural(count, "change"))),
            count => parts.push(format!("{count} {word}")),
        }
    }
    parts.join(", ")
}

/// The step back decides, where one was taken: one that did not begin leaves what it was to undo.
fn stand(rollout: &RolloutLedger, change: &Change) -> Stand {
    let last = |kind: WaveKind| -> Option<&StepRecord> {
        rollout
            .waves
            .iter()
            .filter(|wave| wave.kind == kind)
            .flat_map(|wave| &wave.steps)
            .find(|step| step.host == change.host && step.service == change.service)
    };
    let Some(forward) = last(WaveKind::Forward) else {
        return Stand::NotMade;
    };
    let step = last(WaveKind::Rollback).unwrap_or(forward);
    match (step.outcome, forward.outcome) {
        (None, _) => Stand::Open,
        (Some(Outcome::RolledBack), _) => Stand::Back,
        (Some(Outcome::Failed), _) => Stand::Failed,
        (Some(Outcome::Unknown), _) => Stand::Unknown,
        (_, Some(Outcome::Succeeded)) => Stand::Made,
        _ => Stand::NotMade,
    }
}

/// `2 held: b, d app blocked: rolled back on b: no luck`; none where nothing is held.
pub fn held(plan: &EnvironmentPlan) -> Option<String> {
    /// A line says no more; the plan has them all.
    const SHOWN: usize = 3;
    let groups = fold::by_key(&plan.held, |held| {
        (&held.service, held.reason, &held.message)
    });
    let mut named: Vec<String> = groups
        .iter()
        .take(SHOWN)
        .map(|((service, reason, message), members)| {
            let hosts: Vec<_> = members.iter().map(|held| &held.host).collect();
            format!(
                "{} {service} {}",
                fold::hosts(&hosts),
                because(*reason, message)
            )
        })
        .collect();
    if groups.len() > SHOWN {
        let rest = groups.iter().skip(SHOWN).map(|(_, members)| members.len());
        named.push(format!("{} more", rest.sum::<usize>()));
    }
    (!named.is_empty()).then(|| format!("{} held: {}", plan.held.len(), named.join("; ")))
}

/// What lifts each reason for which something is held, one line each.
pub fn lifts(plan: &EnvironmentPlan) -> Vec<String> {
    let reasons: BTreeSet<HeldReason> = plan.held.iter().map(|held| held.reason).collect();
    let line = |reason| {
        let first = plan
            .held
            .iter()
            .filter(|held| held.reason == reason)
            .filter_map(|held| held.until)
            .min();
        lift(&plan.name, reason, first)
    };
    reasons.into_iter().map(line).collect()
}

/// What lifts one reason for which something is held, at the earliest at `until`.
pub fn lift(environment: &EnvironmentName, reason: HeldReason, until: Option<Timestamp>) -> String {
    match (reason, until) {
        (HeldReason::Hold, _) => "a hold lasts until its line is deleted".to_owned(),
        (HeldReason::Blocked, _) => format!(
            "another version or definition lifts a block, and so does: fleet retry {environment}"
        ),
        (HeldReason::Unknown, _) => {
            format!("a host that owes an answer is asked again by: fleet apply {environment}")
        }
        (HeldReason::Dependency, _) => format!(
            "what a change requires comes first; then it comes with the next: fleet apply {environment}"
        ),
        (HeldReason::Deferred, _) => format!(
            "a deferred host comes once it is online, with the next: fleet apply {environment}"
        ),
        (HeldReason::Refused, Some(until)) => format!(
            "a refused change is tried again after {until}, or after: fleet retry {environment}"
        ),
        (HeldReason::Refused, None) => {
            format!("a refused change is tried again after: fleet retry {environment}")
        }
        (HeldReason::Drift, None) => {
            "with `drift: repair` in the environment, the next apply repairs what drifted"
                .to_owned()
        }
        (HeldReason::Drift, Some(until)) => format!(
            "what drifts again after its repair is repaired after {until}, with the next: fleet apply {environment}"
        ),
        (HeldReason::Canary, _) => {
            "no host that changes is a canary: label one, or write another selector".to_owned()
        }
        (HeldReason::Later, _) => format!(
            "what is more urgent comes first; then it comes with the next: fleet apply {environment}"
        ),
        (HeldReason::Unsupported, _) => {
            "nothing but a later version of fleet, or a manifest that does without it".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::{change, policy, sample};
    use super::*;
    use crate::model::ledger::{RolloutRecord, RolloutState, WaveRecord};
    use crate::model::plan::{Action, Held, RecordedPlan};
    use crate::model::policy::Strategy;

    const AT: Timestamp = Timestamp::from_unix(1_795_136_500);

    /// A rollout of one service to hosts `a`, `b`, …: outcomes of its way there and back.
    fn rollout(forward: &[Option<Outcome>], back: &[Option<Outcome>]) -> RolloutLedger {
        let hosts = ["a", "b", "c", "d"];
        let mut plan = sample();
        plan.changes = hosts
            .map(|host| change(host, "app", Some("1"), "2", 1))
            .to_vec();
        let wave = |number, kind, outcomes: &[Option<Outcome>]| WaveRecord {
            wave: number,
            kind,
            sequence: 1,
            writer: "w".to_owned(),
            intent_at: AT,
            progress_at: None,
            steps: hosts
                .iter()
                .zip(outcomes)
                .map(|(host, outcome)| StepRecord {
                    host: (*host).into(),
                    instance: "i-021ef46178a035ed0".into(),
                    service: "app".into(),
                    action: Action::Upgrade,
                    step: "step".into(),
                    round: 1,
                    outcome: *outcome,
                    version: None,
                    message: String::new(),
                    seconds: None,
                    command: None,
                    soak: None,
                })
                .collect(),
        };
        RolloutLedger {
            record: RolloutRecord {
                id: "20261120T010140Z-3f2a91".into(),
                environment: "production".into(),
                plan_id: plan.plan_id.clone(),
                revision: "8c1f0e2".into(),
                state: RolloutState::RolledBack,
                reason: String::new(),
                since: AT,
                strategy: Strategy::All,
                total: 4,
                completed: 0,
                failed: 0,
                in_progress: 0,
                deferred: 0,
                started_at: None,
                ended_at: None,
                soak_until: None,
                soaked: false,
                accepted: Vec::new(),
                statements: Vec::new(),
            },
            plan: RecordedPlan {
                plan,
                revision: "8c1f0e2".into(),
                policy: policy(),
                returning: false,
            },
            waves: vec![
                wave(1, WaveKind::Forward, forward),
                wave(2, WaveKind::Rollback, back),
            ],
        }
    }

    #[test]
    fn every_change_counts_once_as_it_stands() {
        use Outcome::{Deferred, Failed, Refused, RolledBack, Succeeded, Unknown, Untouched};
        for (forward, back, expect) in [
            (vec![Some(Succeeded); 4], vec![], "4 changes made"),
            (
                vec![Some(Succeeded), Some(RolledBack)],
                vec![],
                "1 change made, 1 went back, 2 not made",
            ),
            // A partial rollback: what is back is back, and what could not go back stays.
            (
                vec![Some(Succeeded), Some(Succeeded), Some(Failed)],
                vec![Some(RolledBack), Some(Untouched)],
                "1 change made, 1 went back, 1 failed, 1 not made",
            ),
            (
                vec![Some(Succeeded), Some(Succeeded), Some(Unknown), None],
                vec![Some(Failed), Some(Unknown)],
                "1 change failed, 2 without an answer, 1 under way",
            ),
            (
                vec![Some(Refused), Some(Deferred), Some(Untouched)],
                vec![],
                "4 changes not made",
            ),
        ] {
            assert_eq!(changes(&rollout(&forward, &back)), expect);
        }
    }

    #[test]
    fn what_is_held_has_its_reason_and_what_lifts_it() {
        let mut plan = sample();
        let with = |host: &str, reason, message: &str, until| Held {
            host: host.into(),
            reason,
            message: message.to_owned(),
            until,
            ..sample().held.remove(0)
        };
        plan.held.clear();
        assert_eq!((held(&plan), lifts(&plan)), (None, Vec::new()));
        plan.held = vec![
            with("a-1", HeldReason::Blocked, "failed on b", None),
            with("a-2", HeldReason::Blocked, "failed on b", None),
            with("b", HeldReason::Refused, "no room", Some(AT)),
            with("c", HeldReason::Hold, "demo", None),
            with("d", HeldReason::Unknown, "did not answer", None),
            with("e", HeldReason::Deferred, "offline: it sleeps", None),
            with("f", HeldReason::Dependency, "requires runtime", None),
            with("g", HeldReason::Unsupported, "cannot remove", None),
        ];
        assert_eq!(
            held(&plan).as_deref(),
            Some(
                "8 held: a-1, -2 metricus blocked: failed on b; b metricus refused: no room; \
                 c metricus hold: demo; 4 more"
            )
        );
        assert_eq!(
            lifts(&plan),
            [
                "a hold lasts until its line is deleted",
                "another version or definition lifts a block, and so does: fleet retry production",
                "a host that owes an answer is asked again by: fleet apply production",
                "what a change requires comes first; then it comes with the next: fleet apply production",
                "a deferred host comes once it is online, with the next: fleet apply production",
                "a refused change is tried again after 2026-11-20T01:01:40Z, or after: fleet retry production",
                "nothing but a later version of fleet, or a manifest that does without it",
            ]
        );
    }
}
