//! Records as a controller writes them: one host, one service, one wave.

use fleet::model::id::{Digest, InstanceId, PlanId, Revision, RolloutId};
use fleet::model::ledger::{
    Block, BlockedHosts, BlockedRecord, EnvironmentRecord, LedgerCommit, RolloutRecord,
    RolloutState, StepRecord, WaveKind, WaveRecord, Write,
};
use fleet::model::observed::{HostRecord, ServiceRecord, ServiceState};
use fleet::model::plan::{
    Action, Change, ChangeReason, EnvironmentPlan, RecordedPlan, Summary, Wave,
};
use fleet::model::policy::{Policy, RolloutPolicy, Strategy};
use fleet::model::report::Outcome;
use fleet::model::time::Timestamp;

pub(crate) const ROLLOUT: &str = "20261120T010140Z-3f2a91";

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_795_136_500 + seconds)
}

fn instance() -> InstanceId {
    "i-021ef46178a035ed0".into()
}

fn desired() -> Revision {
    "5d41402abc4b2a76b9719d911017c592a1b2c3d4".into()
}

fn plan_id() -> PlanId {
    PlanId::new(Digest::of("plan").as_str())
}

pub(crate) fn host(version: &str) -> Write {
    let service = ServiceRecord {
        version: Some(version.into()),
        previous_version: Some("0.5.0".into()),
        digest: Some(Digest::of("bundle")),
        scripts: Some(Digest::of("scripts")),
        template: Some(Digest::of("template")),
        redeploy: None,
        drifted_from: None,
        repaired: None,
        state: ServiceState::RolledBack,
        since: at(60),
        rollout: Some(ROLLOUT.into()),
        revision: Some(desired()),
        previous_revision: None,
        command: Some("11111111-2222-3333-4444-555555555555".into()),
        seconds: 61.4,
        stages: [("backup".to_owned(), 4.1)].into(),
        facts: [("cutover".to_owned(), "8.2".to_owned())].into(),
        message: "verify: \"no\": exit 1 # not # a comment".to_owned(),
    };
    let record = HostRecord {
        instance: instance(),
        services: [("metricus".into(), Box::new(service))].into(),
    };
    Write::Host("hosting-1".into(), record)
}

pub(crate) fn environment(sequence: u64, open: bool) -> Write {
    Write::Environment(EnvironmentRecord {
        sequence,
        open: open.then(|| RolloutId::new(ROLLOUT)),
        baseline: None,
    })
}

pub(crate) fn blocked(blocks: bool) -> Write {
    let block = Block {
        service: "metricus".into(),
        version: Some("1.10".into()),
        definition: Digest::of("definition"),
        hosts: BlockedHosts::ALL,
        reason: "failed on hosting-1".to_owned(),
        rollout: ROLLOUT.into(),
        since: at(60),
    };
    Write::Blocked(BlockedRecord {
        blocks: if blocks { vec![block] } else { Vec::new() },
        untouched: Vec::new(),
    })
}

pub(crate) fn plan() -> RecordedPlan {
    let change = Change {
        host: "hosting-1".into(),
        instance: instance(),
        service: "metricus".into(),
        action: Action::Upgrade,
        reason: ChangeReason::Version,
        from: Some("0.5.0".into()),
        to: Some("1.10".into()),
        digest: Digest::of("bundle"),
        previous_digest: None,
        wave: 1,
        requires: std::collections::BTreeSet::new(),
    };
    RecordedPlan {
        plan: EnvironmentPlan {
            name: "production".into(),
            plan_id: plan_id(),
            summary: Summary {
                change: 1,
                unchanged: 0,
                held: 0,
            },
            gates: Vec::new(),
            waves: vec![Wave {
                number: 1,
                hosts: vec!["hosting-1".into()],
            }],
            changes: vec![change],
            held: Vec::new(),
            unchanged: Vec::new(),
            warnings: Vec::new(),
        },
        revision: desired(),
        policy: Policy::new(RolloutPolicy::default(), []),
        returning: false,
    }
}

pub(crate) fn rollout(state: RolloutState) -> Write {
    Write::Rollout(Box::new(RolloutRecord {
        id: ROLLOUT.into(),
        environment: "production".into(),
        plan_id: plan_id(),
        revision: desired(),
        state,
        reason: String::new(),
        since: at(0),
        strategy: Strategy::All,
        total: 1,
        completed: 0,
        failed: 0,
        in_progress: 1,
        deferred: 0,
        started_at: Some(at(0)),
        ended_at: None,
        soak_until: None,
        soaked: false,
        accepted: Vec::new(),
        statements: Vec::new(),
    }))
}

pub(crate) fn wave(number: u32, sequence: u64, outcome: Option<Outcome>) -> WaveRecord {
    WaveRecord {
        wave: number,
        kind: WaveKind::Forward,
        sequence,
        writer: "machine/0123456789abcdef".to_owned(),
        intent_at: at(0),
        progress_at: None,
        steps: vec![StepRecord {
            host: "hosting-1".into(),
            instance: instance(),
            service: "metricus".into(),
            action: Action::Upgrade,
            step: "0".repeat(64).into(),
            round: 1,
            outcome,
            version: Some("1.10".into()),
            message: String::new(),
            seconds: Some(61.4),
            command: None,
            soak: None,
        }],
    }
}

/// The first wave's intent, with everything that comes with it.
pub(crate) fn intent(base: Option<Revision>, sequence: u64) -> LedgerCommit {
    commit(
        base,
        vec![
            environment(sequence, true),
            Write::Plan(ROLLOUT.into(), Box::new(plan())),
            rollout(RolloutState::Running),
            Write::Wave(ROLLOUT.into(), wave(1, sequence, None)),
        ],
    )
}

/// A sign of life of the first wave's writer.
pub(crate) fn progress(base: Option<Revision>, sequence: u64, seconds: i64) -> LedgerCommit {
    let mut wave = wave(1, sequence, None);
    wave.progress_at = Some(at(seconds));
    commit(base, vec![Write::Wave(ROLLOUT.into(), wave)])
}

/// Everything that follows the end of the first wave.
pub(crate) fn outcome(base: Option<Revision>, sequence: u64) -> LedgerCommit {
    let wave = wave(1, sequence, Some(Outcome::RolledBack));
    commit(
        base,
        vec![
            environment(sequence, false),
            rollout(RolloutState::RolledBack),
            Write::Wave(ROLLOUT.into(), wave),
            host("0.5.0"),
            blocked(true),
        ],
    )
}

pub(crate) fn commit(base: Option<Revision>, writes: Vec<Write>) -> LedgerCommit {
    LedgerCommit {
        environment: "production".into(),
        base,
        subject: "production: metricus 0.5.0 → 1.10 on 1 of 1 hosts".to_owned(),
        trailers: vec![("Fleet-Rollout", ROLLOUT.to_owned())],
        writes,
        at: at(0),
    }
}
