//! The rules of design.md §8 that this version has, a row each.

use std::collections::BTreeMap;

use super::*;
use crate::model::bundle::Digests;
use crate::model::id::{Digest, EnvironmentName, FleetName};
use crate::model::ledger::{Block, BlockedHosts};
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
        Decision::Pause(_) => "pause".to_owned(),
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
    let Decision::Pause(reason) = rollout.decide() else {
        panic!("{:?}", rollout.decide())
    };
    rollout.apply(RolloutEvent::Stands {
        state: RolloutState::Paused,
        reason,
        at: at(600),
    });
    rollout
}

#[test]
fn continue_accepts_the_failures_so_far() {
    let mut rollout = paused(0, &["failed"]);
    let heard = hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(heard.handled.result, "done");
    assert_eq!(next(&rollout), "forward 2");
    drive(&mut rollout, &["failed"]);
    assert_eq!(next(&rollout), "pause", "the next one counts again");
    assert_eq!(rollout.failures(), [&HostName::new("b")]);
}

#[test]
fn an_accepted_failure_is_still_one_in_the_end() {
    let mut rollout = paused(0, &["failed"]);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    drive(&mut rollout, &["ok", "ok"]);
    assert_eq!(next(&rollout), "failed");
}

#[test]
fn continue_is_ignored_where_nothing_waits_for_it() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut running = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut running, &["ok"]);
    let heard = hear(&mut running, &said(Verb::Continue, 100)).unwrap();
    assert_eq!(heard.handled.result, "ignored");
    let mut paused = paused(0, &["failed"]);
    let early = hear(&mut paused, &said(Verb::Continue, 500)).unwrap();
    assert_eq!(
        early.handled.result, "ignored",
        "it was said before the pause"
    );
    assert_eq!(next(&paused), "pause");
}

#[test]
fn a_statement_counts_once_and_for_its_rollout() {
    let mut rollout = paused(0, &["failed"]);
    let file = said(Verb::Continue, 700);
    assert!(hear(&mut rollout, &file).is_some());
    assert!(hear(&mut rollout, &file).is_none(), "looked at before");
    let aimed = |id: &str, plan: Option<&str>| {
        let mut file = said(Verb::Abort, 800);
        let content = file.content.as_mut().unwrap();
        content.rollout = Some(id.into());
        content.plan = plan.map(Into::into);
        file
    };
    let id = rollout.id().clone();
    assert!(rollout.hear(&aimed("another", None)).is_none());
    let other_plan = rollout
        .hear(&aimed(id.as_str(), Some("sha256:other")))
        .unwrap();
    assert_eq!(other_plan.handled.result, "ignored");
    let ours = rollout
        .hear(&aimed(id.as_str(), Some("sha256:plan")))
        .unwrap();
    assert_eq!(ours.handled.result, "done");
    let mut old = said(Verb::Abort, 0);
    old.content.as_mut().unwrap().at = START - std::time::Duration::from_secs(120);
    assert!(
        rollout.hear(&old).is_none(),
        "said before this rollout was recorded"
    );
}

#[test]
fn abort_starts_no_new_wave() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut rollout = rollout(waves, &["app"], policy(0, OnFailure::Rollback));
    drive(&mut rollout, &["ok"]);
    hear(&mut rollout, &said(Verb::Abort, 100)).unwrap();
    assert_eq!(next(&rollout), "aborted");
}

#[test]
fn retry_ends_a_paused_rollout_and_lifts_blocks() {
    let mut paused = paused(0, &["failed"]);
    let heard = hear(&mut paused, &said(Verb::Retry, 700)).unwrap();
    assert!(heard.ends);
    assert_eq!(heard.lift, Some(Lift::Everything));
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut running = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut running, &["ok"]);
    let heard = hear(&mut running, &said(Verb::Retry, 100)).unwrap();
    assert!(!heard.ends, "a running one goes on");
}

fn blocks(rollout: &Rollout, standing: &[Block]) -> Vec<Block> {
    let digests = |host: &HostName, service: &ServiceName| {
        Some(Digests {
            digest: Digest::of("new"),
            scripts: Digest::of("scripts"),
            template: Digest::of("template"),
            definition: Digest::of(format!("{service}")),
            host_definition: Digest::of(format!("{service} {host}")),
        })
    };
    own_blocks(
        rollout,
        &BlockInput {
            digests: &digests,
            at: at(1_000),
            standing,
        },
    )
}

/// `service all` or `service hosts`.
fn blocked(rollout: &Rollout) -> Vec<String> {
    let blocks = blocks(rollout, &[]);
    let lines = blocks.iter().map(|block| match &block.hosts {
        BlockedHosts::All(_) => {
            assert_eq!(block.definition, Digest::of(block.service.as_str()));
            format!("{} all", block.service)
        }
        BlockedHosts::Listed(hosts) => {
            let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
            assert_eq!(
                block.definition,
                Digest::of(format!("{} {}", block.service, hosts[0]))
            );
            format!("{} {}", block.service, hosts.join(","))
        }
    });
    lines.collect()
}

#[test]
fn blocks_follow_from_touched_failures() {
    let waves: &[&[&str]] = &[&["a"], &["b"], &["c"]];
    for (max, outcomes, expected) in [
        (0, &["ok"][..], &[][..]),
        (0, &["refused"], &[]),
        (0, &["unknown"], &[]),
        (0, &["failed"], &["app all"]),
        (0, &["back"], &["app all"]),
        (1, &["failed"], &["app a"]),
        (1, &["back", "ok", "ok"], &["app a"]),
        (1, &["failed", "back"], &["app all"]),
        (1, &["failed", "refused"], &["app all"]),
    ] {
        let mut rollout = rollout(waves, &["app"], policy(max, OnFailure::Pause));
        drive(&mut rollout, outcomes);
        assert_eq!(blocked(&rollout), expected, "{max} {outcomes:?}");
    }
}

#[test]
fn continue_blocks_the_host_alone() {
    let mut rollout = paused(0, &["failed"]);
    assert_eq!(blocked(&rollout), ["app all"]);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(blocked(&rollout), ["app a"]);
}

#[test]
fn abort_blocks_what_it_had_not_finished() {
    let waves: &[&[&str]] = &[&["a"], &["b"]];
    let mut half = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut half, &["ok"]);
    hear(&mut half, &said(Verb::Abort, 100)).unwrap();
    assert_eq!(blocked(&half), ["app all"]);
    let mut whole = rollout(waves, &["app"], policy(0, OnFailure::Pause));
    drive(&mut whole, &["ok", "ok"]);
    hear(&mut whole, &said(Verb::Abort, 100)).unwrap();
    assert!(blocked(&whole).is_empty());
}

#[test]
fn a_standing_block_keeps_its_time() {
    let mut rollout = paused(0, &["failed"]);
    let mut first = blocks(&rollout, &[]);
    first[0].since = at(5);
    assert_eq!(blocks(&rollout, &first), first);
    hear(&mut rollout, &said(Verb::Continue, 700)).unwrap();
    assert_eq!(
        blocks(&rollout, &first)[0].since,
        at(1_000),
        "another kind of block"
    );
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

mod records {
    //! The table of design.md §4.

    use super::*;
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
            drifted_from: None,
            repaired: None,
            state: ServiceState::Healthy,
            since: START,
            rollout: Some("before".into()),
            revision: Some("r0".into()),
            command: None,
            seconds: 1.0,
            stages: BTreeMap::new(),
            facts: BTreeMap::new(),
            message: String::new(),
        }
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
        };
        service_record(
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
        )
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
        assert_eq!(record.previous_version, Some("1.0.0".into()));
    }

    #[test]
    fn unknown_keeps_what_was() {
        let record = after(Action::Upgrade, Outcome::Unknown, None, Some(&before())).unwrap();
        assert_eq!(record.state, ServiceState::Unknown);
        assert_eq!(record.version, Some("1.0.0".into()));
        assert_eq!(record.digest, Some(Digest::of("old")));
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
}
