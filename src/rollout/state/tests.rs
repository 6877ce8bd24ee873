//! The rules of design.md §8 that this version has, a row each.

mod blocks;
mod records;
mod statements;

use super::*;
use crate::model::id::{Digest, EnvironmentName, FleetName};
use crate::model::plan::{ChangeReason, EnvironmentPlan, Summary, Wave};
use crate::model::policy::{BatchSize, OnFailure, Policy, RolloutPolicy, Strategy};
use crate::model::statement::{Statement, StatementFile, Verb};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);

fn at(seconds: u64) -> Timestamp {
    START + std::time::Duration::from_secs(seconds)
}

/// A rollout of `app` (and `web`) over waves of these hosts.
fn rollout(waves: &[&[&str]], services: &[&str], policy: RolloutPolicy) -> Rollout {
    let numbered = || (1_u32..).zip(waves);
    let changes = numbered().flat_map(|(wave, hosts)| {
        hosts.iter().flat_map(move |host| {
            services.iter().map(move |service| Change {
                host: (*host).into(),
                instance: crate::model::id::InstanceId::new(format!("i-{host}")),
                service: (*service).into(),
                action: Action::Upgrade,
                reason: ChangeReason::Version,
                from: Some("1.0.0".into()),
                to: Some("2.0.0".into()),
                digest: Digest::of("new"),
                previous_digest: Some(Digest::of("old")),
                wave,
                requires: std::collections::BTreeSet::new(),
            })
        })
    });
    let plan = EnvironmentPlan {
        name: "production".into(),
        plan_id: "sha256:plan".into(),
        summary: Summary::default(),
        gates: Vec::new(),
        waves: numbered()
            .map(|(number, hosts)| Wave {
                number,
                hosts: hosts.iter().map(|host| (*host).into()).collect(),
            })
            .collect(),
        changes: changes.collect(),
        held: Vec::new(),
        unchanged: Vec::new(),
        warnings: Vec::new(),
    };
    let plan = RecordedPlan {
        plan,
        revision: "revision".into(),
        policy: Policy::new(policy, []),
        returning: false,
    };
    Rollout::new(RolloutId::generate(START, 1), plan, START)
}

fn policy(max_failures: u32, on_failure: OnFailure) -> RolloutPolicy {
    RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(1)],
        max_failures,
        on_failure,
        ..RolloutPolicy::default()
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "ok" => Outcome::Succeeded,
        "refused" => Outcome::Refused,
        "back" => Outcome::RolledBack,
        "failed" => Outcome::Failed,
        "unknown" => Outcome::Unknown,
        "deferred" => Outcome::Deferred,
        "untouched" => Outcome::Untouched,
        "superseded" => Outcome::Superseded,
        other => panic!("{other}"),
    }
}

/// Drives a rollout: each text is what the next wave comes to, a word per step.
fn drive(rollout: &mut Rollout, waves: &[&str]) {
    for words in waves {
        let fleet = FleetName::new("acme");
        let (kind, steps, number) = match rollout.decide() {
            Decision::Forward(wave) => {
                (WaveKind::Forward, rollout.forward_steps(&fleet, wave), wave)
            }
            Decision::Back(steps) => {
                let last = rollout.waves().iter().map(|it| it.wave).max();
                let steps = rollout.back_steps(&fleet, &steps);
                (WaveKind::Rollback, steps, last.unwrap() + 1)
            }
            other => panic!("before {words:?}: {other:?}"),
        };
        rollout.apply(RolloutEvent::Intended(WaveRecord {
            wave: number,
            kind,
            sequence: u64::from(number),
            writer: "w".to_owned(),
            intent_at: START,
            progress_at: None,
            steps,
        }));
        let words: Vec<&str> = words.split_whitespace().collect();
        let steps = rollout.wave(number).unwrap().steps.len();
        assert_eq!(words.len(), steps, "words for wave {number}");
        if steps > 0 {
            assert_eq!(rollout.decide(), Decision::Await(number));
        }
        for (index, word) in words.into_iter().enumerate() {
            rollout.apply(RolloutEvent::StepEnded {
                place: Place {
                    wave: number,
                    index,
                },
                outcome: outcome(word),
                version: None,
                message: format!("it {word}"),
                seconds: None,
            });
        }
        rollout.count();
    }
}

/// What comes next, in words.
fn next(rollout: &Rollout) -> String {
    match rollout.decide() {
        Decision::Await(wave) => format!("await {wave}"),
        Decision::Forward(wave) => format!("forward {wave}"),
        Decision::Back(steps) => {
            let steps = steps
                .iter()
                .map(|it| format!(" {}/{}", it.host, it.service));
            format!("back{}", steps.collect::<String>())
        }
        Decision::Pause => "pause".to_owned(),
        Decision::Soak => "soak".to_owned(),
        Decision::Hold(_) => "hold".to_owned(),
        Decision::End(state, _) => state.as_str().to_owned(),
    }
}

#[test]
fn the_line_goes_on_stops_or_turns() {
    use OnFailure::{Pause, Rollback};
    let three: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let two: &[&[&str]] = &[&["a", "b"], &["c", "d"]];
    let one: &[&[&str]] = &[&["a", "b"]];
    for (waves, max, on_failure, outcomes, expected) in [
        (three, 0, Pause, &["ok"][..], "forward 2"),
        (three, 0, Pause, &["ok", "ok", "ok"], "succeeded"),
        // Every outcome but success counts, deferred and superseded hosts do not.
        (three, 0, Pause, &["failed"], "pause"),
        (three, 0, Pause, &["refused"], "pause"),
        (three, 0, Pause, &["unknown"], "pause"),
        (three, 0, Pause, &["untouched"], "pause"),
        (three, 0, Pause, &["back"], "pause"),
        (three, 0, Pause, &["deferred"], "forward 2"),
        (three, 0, Pause, &["superseded"], "forward 2"),
        (three, 0, Pause, &["deferred", "ok", "ok"], "succeeded"),
        // Tolerated failures.
        (three, 1, Pause, &["failed"], "forward 2"),
        (three, 1, Pause, &["failed", "refused"], "pause"),
        (three, 1, Pause, &["failed", "ok", "ok"], "failed"),
        (three, 1, Pause, &["back", "ok", "ok"], "rolled_back"),
        // Without waves left it ends.
        (three, 0, Pause, &["ok", "ok", "failed"], "failed"),
        (three, 0, Pause, &["ok", "ok", "back"], "rolled_back"),
        (three, 0, Pause, &["ok", "ok", "refused"], "failed"),
        // Only what touched a host undoes the others.
        (three, 0, Rollback, &["ok", "refused"], "pause"),
        (three, 0, Rollback, &["ok", "unknown"], "pause"),
        (three, 0, Rollback, &["ok", "untouched"], "pause"),
        (three, 0, Rollback, &["back"], "rolled_back"),
        (three, 0, Rollback, &["failed"], "failed"),
        (three, 0, Rollback, &["ok", "back"], "back a/app"),
        (three, 0, Rollback, &["ok", "back", "back"], "rolled_back"),
        (three, 0, Rollback, &["ok", "failed", "back"], "failed"),
        (three, 0, Rollback, &["ok", "back", "failed"], "failed"),
        (three, 0, Rollback, &["ok", "back", "refused"], "failed"),
        (three, 1, Rollback, &["ok", "back", "ok"], "rolled_back"),
        // The reverse order of waves, and in a wave all that succeeded.
        (two, 0, Rollback, &["ok ok", "ok back"], "back c/app"),
        (
            two,
            0,
            Rollback,
            &["ok ok", "ok back", "back"],
            "back a/app b/app",
        ),
        (
            two,
            0,
            Rollback,
            &["ok ok", "ok back", "back", "back back"],
            "rolled_back",
        ),
        (one, 0, Rollback, &["ok failed"], "back a/app"),
        (one, 1, Rollback, &["ok failed"], "failed"),
        // One touched failure among others is enough.
        (two, 1, Rollback, &["ok refused", "ok back"], "back c/app"),
        // Nothing newer is sent to a host that owes an answer.
        (one, 0, Rollback, &["unknown failed"], "failed"),
    ] {
        let mut rollout = rollout(waves, &["app"], policy(max, on_failure));
        drive(&mut rollout, outcomes);
        assert_eq!(
            next(&rollout),
            expected,
            "{waves:?} {max} {on_failure:?} {outcomes:?}"
        );
    }
}

#[test]
fn only_the_service_that_failed_goes_back() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut rollout = rollout(waves, &["app", "web"], policy(0, OnFailure::Rollback));
    drive(&mut rollout, &["ok ok", "back untouched"]);
    assert_eq!(next(&rollout), "back a/app");
    drive(&mut rollout, &["back"]);
    assert_eq!(next(&rollout), "rolled_back");
}

#[test]
fn nothing_goes_back_on_a_host_that_owes_an_answer() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut rollout = rollout(waves, &["app", "web"], policy(1, OnFailure::Rollback));
    drive(&mut rollout, &["ok unknown", "back untouched"]);
    assert_eq!(next(&rollout), "failed");
}

#[test]
fn a_host_undoes_its_services_in_reverse() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut both = rollout(waves, &["app", "web"], policy(2, OnFailure::Rollback));
    both.plan.policy.rollout.max_failures = 1;
    drive(&mut both, &["ok ok", "back untouched", "ok back"]);
    assert_eq!(next(&both), "back c/app");
    drive(&mut both, &["back"]);
    assert_eq!(next(&both), "back a/web a/app");
    let fleet = FleetName::new("acme");
    let Decision::Back(steps) = both.decide() else {
        panic!("it goes back")
    };
    let rounds: Vec<u32> = both
        .back_steps(&fleet, &steps)
        .iter()
        .map(|it| it.round)
        .collect();
    assert_eq!(rounds, [1, 2]);
}

#[test]
fn going_back_keeps_the_promise_about_unavailable_hosts() {
    let waves: &[&[&str]] = &[&["a", "b"], &["c", "d"]];
    let mut both = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    drive(&mut both, &["ok ok", "failed failed"]);
    assert_eq!(next(&both), "back a/app", "two are gone: one at a time");
    drive(&mut both, &["back"]);
    assert_eq!(next(&both), "back b/app");
    let mut proven = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    drive(&mut proven, &["ok ok", "back back"]);
    assert_eq!(next(&proven), "back a/app b/app");
}

#[test]
fn going_back_ends_where_it_takes_hosts_away() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut first = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    drive(&mut first, &["ok", "ok", "back", "failed"]);
    assert_eq!(
        next(&first),
        "failed",
        "a keeps the version that works there"
    );
    let mut tolerant = rollout(waves, &["app"], policy(1, OnFailure::Rollback));
    drive(&mut tolerant, &["ok", "failed", "failed"]);
    assert_eq!(next(&tolerant), "back a/app");
}

#[test]
fn hosts_on_one_instance_take_turns() {
    let waves: &[&[&str]] = &[&["a", "b"]];
    let mut rollout = rollout(waves, &["app", "web"], policy(0, OnFailure::Pause));
    for change in &mut rollout.plan.plan.changes {
        change.instance = "i-shared".into();
    }
    let steps = rollout.forward_steps(&"acme".into(), 1);
    let rounds: Vec<u32> = steps.iter().map(|step| step.round).collect();
    assert_eq!(rounds, [1, 2, 3, 4]);
}

#[test]
fn a_wave_in_which_nothing_may_start_is_passed() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut rollout = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    rollout.apply(RolloutEvent::Intended(WaveRecord {
        wave: 1,
        kind: WaveKind::Forward,
        sequence: 1,
        writer: "w".to_owned(),
        intent_at: START,
        progress_at: None,
        steps: Vec::new(),
    }));
    assert_eq!(next(&rollout), "forward 2");
    drive(&mut rollout, &["ok"]);
    assert_eq!(next(&rollout), "succeeded");
    let record = rollout.record();
    assert_eq!((record.completed, record.deferred), (1, 1));
}

#[test]
fn counts_are_of_hosts() {
    let waves: &[&[&str]] = &[&["a", "b", "c", "d"], &["e"]];
    let mut rollout = rollout(waves, &["app"], policy(2, OnFailure::Pause));
    drive(&mut rollout, &["ok failed deferred unknown"]);
    let record = rollout.record();
    let counts = [
        record.total,
        record.completed,
        record.failed,
        record.deferred,
    ];
    assert_eq!(counts, [5, 1, 2, 1]);
    assert_eq!(record.in_progress, 0);
}

fn said(verb: Verb, seconds: u64) -> StatementFile {
    StatementFile {
        path: "production/x.txt".to_owned(),
        sha256: format!("{verb:?} {seconds}"),
        content: Ok(Statement {
            fleet: "acme".into(),
            environment: EnvironmentName::new("production"),
            verb,
            plan: None,
            rollout: None,
            by: "alice".to_owned(),
            at: at(seconds),
        }),
    }
}

fn hear(rollout: &mut Rollout, file: &StatementFile) -> Option<Heard> {
    let heard = rollout.hear(file)?;
    rollout.apply(RolloutEvent::Heard {
        handled: heard.handled.clone(),
        accepted: heard.accepted.clone(),
    });
    Some(heard)
}

fn paused(max: u32, outcomes: &[&str]) -> Rollout {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut rollout = rollout(waves, &["app"], policy(max, OnFailure::Pause));
    drive(&mut rollout, outcomes);
    assert_eq!(rollout.decide(), Decision::Pause);
    let reason = rollout.failure_reason();
    rollout.apply(RolloutEvent::Stands {
        state: RolloutState::Paused,
        reason,
        at: at(600),
    });
    rollout
}

#[test]
fn a_resumed_rollout_decides_as_the_one_that_was_killed() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    let mut rollout = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    for outcomes in ["ok", "back"] {
        drive(&mut rollout, &[outcomes]);
        let resumed = Rollout::load(RolloutLedger {
            plan: rollout.plan().clone(),
            record: rollout.record().clone(),
            waves: rollout.waves().to_vec(),
        });
        assert_eq!(resumed.decide(), rollout.decide());
    }
}
