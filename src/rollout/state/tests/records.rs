//! The table of design.md §4.

use std::collections::BTreeMap;

use super::*;
use crate::model::bundle::Digests;
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::report::{Report, ReportOutcome};

fn report(version: &str, previous: &str) -> Report {
    Report {
        fleet: 1,
        step: "step".into(),
        host: None,
        service: None,
        outcome: ReportOutcome::Succeeded,
        phase: None,
        exit: None,
        version: Some(version.into()),
        previous: Some(previous.into()),
        started: None,
        seconds: 2.5,
        stages: BTreeMap::from([("backup".to_owned(), 1.5)]),
        facts: (0..20)
            .map(|n| (format!("k{n:02}"), "v".to_owned()))
            .collect(),
        message: String::new(),
        tail: String::new(),
        log: String::new(),
        sequence: None,
    }
}

fn before() -> ServiceRecord {
    ServiceRecord {
        version: Some("1.0.0".into()),
        previous_version: Some("0.9.0".into()),
        digest: Some(Digest::of("old")),
        scripts: Some(Digest::of("old scripts")),
        template: Some(Digest::of("old template")),
        redeploy: None,
        drifted_from: None,
        repaired: None,
        state: ServiceState::Healthy,
        since: START,
        rollout: Some("before".into()),
        revision: Some("r1".into()),
        previous_revision: Some("r0".into()),
        command: None,
        seconds: 1.0,
        stages: BTreeMap::new(),
        facts: BTreeMap::new(),
        message: String::new(),
    }
}

/// The commit of the rollouts here.
fn sent() -> crate::model::id::Revision {
    let waves: &[&[&str]] = &[&["a"]];
    let rollout = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    rollout.record().revision.clone()
}

fn after(
    action: Action,
    outcome: Outcome,
    report: Option<&Report>,
    before: Option<&ServiceRecord>,
) -> Option<ServiceRecord> {
    let waves: &[&[&str]] = &[&["a"]];
    let rollout = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    let digests = Digests {
        digest: Digest::of("new"),
        scripts: Digest::of("new scripts"),
        template: Digest::of("new template"),
        definition: Digest::of("definition"),
        host_definition: Digest::of("host definition"),
        redeploy: None,
    };
    let after = service_record(
        before,
        &EndedStep {
            action,
            change: &rollout.plan().plan.changes[0],
            outcome,
            report,
            message: "why",
            digests: Some(&digests),
            rollout: rollout.id(),
            revision: &rollout.record().revision,
            command: None,
            at: at(9),
        },
    );
    after.map(|after| match after {
        After::Record(record) => *record,
        After::Gone => panic!("the record is gone"),
    })
}

#[test]
fn success_is_healthy() {
    let report = report("2.0.0", "1.0.0");
    let record = after(
        Action::Upgrade,
        Outcome::Succeeded,
        Some(&report),
        Some(&before()),
    );
    let record = record.unwrap();
    assert_eq!(record.state, ServiceState::Healthy);
    assert_eq!(record.version, Some("2.0.0".into()));
    assert_eq!(record.previous_version, Some("1.0.0".into()));
    assert_eq!(record.digest, Some(Digest::of("new")));
    assert_eq!(record.revision, Some(sent()));
    assert_eq!(record.previous_revision, Some("r1".into()));
    assert_eq!(record.scripts, Some(Digest::of("new scripts")));
    assert_eq!(record.facts.len(), 16);
    assert_eq!(record.message, "");
    assert_eq!(record.since, at(9));
}

#[test]
fn an_install_had_nothing_before() {
    let report = report("2.0.0", "none");
    let record = after(Action::Install, Outcome::Succeeded, Some(&report), None).unwrap();
    assert_eq!(record.previous_version, None);
}

#[test]
fn rolled_back_has_the_digest_of_before() {
    let report = report("1.0.0", "1.0.0");
    let record = after(
        Action::Upgrade,
        Outcome::RolledBack,
        Some(&report),
        Some(&before()),
    );
    let record = record.unwrap();
    assert_eq!(record.state, ServiceState::RolledBack);
    assert_eq!(record.version, Some("1.0.0".into()));
    assert_eq!(record.digest, Some(Digest::of("old")));
    assert_eq!(
        record.revision,
        Some("r1".into()),
        "the commit of what runs"
    );
    assert_eq!(record.message, "why");
}

#[test]
fn a_step_that_goes_back_ends_at_what_it_undid() {
    let now = ServiceRecord {
        version: Some("2.0.0".into()),
        previous_version: Some("1.0.0".into()),
        digest: Some(Digest::of("new")),
        ..before()
    };
    let record = after(Action::Rollback, Outcome::RolledBack, None, Some(&now)).unwrap();
    assert_eq!(record.revision, Some("r0".into()));
    assert_eq!(record.state, ServiceState::RolledBack);
    assert_eq!(record.version, Some("1.0.0".into()));
    assert_eq!(record.digest, Some(Digest::of("old")));
    assert_eq!(record.message, "", "it did what it was for");
    let report = report("none", "2.0.0");
    let record = after(
        Action::Rollback,
        Outcome::RolledBack,
        Some(&report),
        Some(&now),
    );
    assert_eq!(record.unwrap().version, None, "taken away");
}

#[test]
fn failed_proves_nothing() {
    let report = report("unknown", "1.0.0");
    let record = after(
        Action::Upgrade,
        Outcome::Failed,
        Some(&report),
        Some(&before()),
    );
    let record = record.unwrap();
    assert_eq!(record.state, ServiceState::Failed);
    assert_eq!((record.version, record.digest), (None, None));
    assert_eq!(record.revision, Some(sent()));
    assert_eq!(record.previous_version, Some("1.0.0".into()));
}

#[test]
fn unknown_keeps_what_was() {
    let record = after(Action::Upgrade, Outcome::Unknown, None, Some(&before())).unwrap();
    assert_eq!(record.state, ServiceState::Unknown);
    assert_eq!(record.version, Some("1.0.0".into()));
    assert_eq!(record.digest, Some(Digest::of("old")));
    assert_eq!(record.revision, Some("r1".into()));
    // What its host tells later is about what ran before.
    let later = after(Action::Upgrade, Outcome::RolledBack, None, Some(&record)).unwrap();
    assert_eq!(later.revision, Some("r1".into()));
    let later = after(Action::Upgrade, Outcome::Succeeded, None, Some(&record)).unwrap();
    assert_eq!(later.previous_revision, Some("r1".into()));
}

#[test]
fn what_was_not_touched_stays_as_it_was() {
    for outcome in [
        Outcome::Refused,
        Outcome::Superseded,
        Outcome::Deferred,
        Outcome::Untouched,
    ] {
        assert_eq!(after(Action::Upgrade, outcome, None, Some(&before())), None);
    }
}

#[test]
fn refusals_double_from_an_hour_to_a_day() {
    let hours: Vec<u64> = (1..=7).map(|n| retry_pause(n).as_secs() / 3_600).collect();
    assert_eq!(hours, [1, 2, 4, 8, 16, 24, 24]);
    assert_eq!(retry_pause(u32::MAX).as_secs(), 86_400);
}
