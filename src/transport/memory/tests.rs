//! The fake keeps protocol §1: otherwise what a simulation proves would be worth nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::model::bundle::{Bundle, Digests};
use crate::model::desired::Platform;
use crate::model::id::{Digest, Revision, RolloutId, StepId};
use crate::model::plan::Action;
use crate::model::report::{Report, ReportOutcome};
use crate::model::task::{AnswerContent, StepTask, Undo, Work};
use crate::model::time::Seconds;

const LIMITS: SendLimits = SendLimits {
    delivery: Duration::from_secs(120),
    execution: Duration::from_secs(600),
};

struct ByHand(Mutex<Duration>);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_800_000_000) + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

struct Lab {
    clock: Arc<ByHand>,
    transport: MemoryTransport,
    part: u32,
}

impl Lab {
    fn new() -> Self {
        let clock = Arc::new(ByHand(Mutex::new(Duration::ZERO)));
        let transport = MemoryTransport::new(clock.clone(), [instance()]);
        Self {
            clock,
            transport,
            part: 0,
        }
    }

    fn pass(&self, seconds: u64) {
        *self.clock.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    async fn send(&mut self, work: Work) -> SentCommand {
        self.part += 1;
        let task = HostTask {
            fleet: "acme".into(),
            environment: "lab".into(),
            host: host(),
            instance: instance(),
            platform: Platform::Linux,
            work,
        };
        let sent = self
            .transport
            .send(&comment(self.part), &[task], LIMITS)
            .await;
        sent.unwrap().command.unwrap()
    }

    /// Sends, lets a minute pass, and reads the answer.
    async fn answer(&mut self, work: Work) -> AnswerContent {
        let sent = self.send(work).await;
        self.pass(60);
        self.answer_of(&sent).await.expect("an answer")
    }

    async fn answer_of(&self, sent: &SentCommand) -> Option<AnswerContent> {
        let answers = self
            .transport
            .poll(std::slice::from_ref(sent))
            .await
            .unwrap();
        answers.into_iter().next().map(|answer| answer.content)
    }

    async fn outcome(&mut self, task: &StepTask) -> ReportOutcome {
        report(self.answer(Work::Step(Box::new(task.clone()))).await).outcome
    }

    async fn ask(&mut self, step: &StepId) -> Report {
        let steps = vec![step.clone()];
        report(
            self.answer(Work::Ask {
                service: service(),
                steps,
            })
            .await,
        )
    }

    fn deploys(&self) -> Vec<(StepId, Version)> {
        let history = self.transport.history().into_iter();
        history
            .filter_map(|action| match action.kind {
                HostActionKind::Deploy(version) => Some((action.step, version)),
                _ => None,
            })
            .collect()
    }

    fn installed(&self) -> Option<String> {
        let version = self.transport.installed(&instance(), &host(), &service());
        version.map(|v| v.to_string())
    }
}

fn report(content: AnswerContent) -> Report {
    match content {
        AnswerContent::Reports(mut reports) => reports.pop().expect("a report"),
        other => panic!("no report: {other:?}"),
    }
}

fn instance() -> InstanceId {
    "i-00000000000000001".into()
}

fn host() -> HostName {
    "one".into()
}

fn service() -> ServiceName {
    "web".into()
}

fn comment(part: u32) -> Comment {
    Comment {
        environment: "lab".into(),
        rollout: RolloutId::new("20270115T080000Z-000001"),
        wave: 1,
        round: 1,
        part,
    }
}

/// Step `number` brings version `number`.
fn step(number: u64) -> StepTask {
    let digest = Digest::of(number.to_string());
    StepTask {
        service: service(),
        action: Action::Upgrade,
        rollout: RolloutId::new("20270115T080000Z-000001"),
        revision: Revision::new("a".repeat(40)),
        step: StepId::new(format!("{number:064}")),
        sequence: number,
        not_after: Timestamp::from_unix(1_800_001_000),
        timeout: Seconds(120),
        version: Version::new(number.to_string()),
        undo: None,
        bundle: Arc::new(Bundle {
            files: BTreeMap::new(),
            digests: Digests {
                digest: digest.clone(),
                scripts: digest.clone(),
                template: digest.clone(),
                definition: digest.clone(),
                host_definition: digest,
                redeploy: None,
            },
        }),
    }
}

fn work(task: &StepTask) -> Work {
    Work::Step(Box::new(task.clone()))
}

#[tokio::test]
async fn a_step_takes_effect_once_however_often_it_is_sent() {
    let mut lab = Lab::new();
    lab.transport
        .next_delivery(&instance(), Delivery::Twice(Duration::from_secs(5)));
    assert_eq!(lab.outcome(&step(1)).await, ReportOutcome::Succeeded);
    assert_eq!(lab.outcome(&step(1)).await, ReportOutcome::Succeeded);
    assert_eq!(lab.deploys().len(), 1);
    assert_eq!(lab.installed().as_deref(), Some("1"));
    let current = lab
        .transport
        .current(&instance(), &host(), &service())
        .unwrap();
    assert_eq!((current.version.as_str(), current.sequence), ("1", 1));
}

#[tokio::test]
async fn a_lower_sequence_is_superseded_and_runs_nothing() {
    let mut lab = Lab::new();
    lab.outcome(&step(2)).await;
    let late = report(lab.answer(work(&step(1))).await);
    assert_eq!(
        (late.outcome, late.sequence),
        (ReportOutcome::Superseded, Some(2))
    );
    assert_eq!(lab.deploys().len(), 1);
}

#[tokio::test]
async fn too_late_by_the_hosts_clock_is_refused_without_a_receipt() {
    let mut lab = Lab::new();
    lab.transport.set_host_clock(&instance(), 5_000);
    assert_eq!(lab.outcome(&step(1)).await, ReportOutcome::Refused);
    assert_eq!(
        lab.ask(&step(1).step).await.outcome,
        ReportOutcome::Untouched
    );
    lab.transport.set_host_clock(&instance(), 0);
    assert_eq!(lab.outcome(&step(1)).await, ReportOutcome::Succeeded);
}

#[tokio::test]
async fn endings_become_outcomes_and_leave_what_they_say() {
    for (ending, outcome, runs) in [
        (Ending::Succeed, ReportOutcome::Succeeded, Some("2")),
        (Ending::Refuse, ReportOutcome::Refused, Some("1")),
        (Ending::RefuseEarly, ReportOutcome::Refused, Some("1")),
        (Ending::RollBack, ReportOutcome::RolledBack, Some("1")),
        (Ending::RollBackVerify, ReportOutcome::RolledBack, Some("1")),
        (Ending::Fail, ReportOutcome::Failed, Some("2")),
    ] {
        let mut lab = Lab::new();
        lab.outcome(&step(1)).await;
        let version = &step(2).version;
        lab.transport
            .script(&instance(), &service(), version, Behaviour::new(ending));
        assert_eq!(lab.outcome(&step(2)).await, outcome, "{ending:?}");
        assert_eq!(lab.installed().as_deref(), runs, "{ending:?}");
        let again = lab.ask(&step(2).step).await.outcome;
        let receipt = ending != Ending::RefuseEarly;
        let expected = if receipt {
            outcome
        } else {
            ReportOutcome::Untouched
        };
        assert_eq!(again, expected, "{ending:?}");
    }
}

#[tokio::test]
async fn an_interrupted_step_is_closed_by_whatever_comes_next() {
    for (stage, outcome) in [
        (Stage::Observe, ReportOutcome::Untouched),
        (Stage::Preflight, ReportOutcome::Untouched),
        (Stage::Deploy, ReportOutcome::RolledBack),
        (Stage::Verify, ReportOutcome::RolledBack),
        (Stage::ObserveAgain, ReportOutcome::RolledBack),
    ] {
        let mut lab = Lab::new();
        lab.outcome(&step(1)).await;
        let killed = Delivery::Killed { stage, again: None };
        lab.transport.next_delivery(&instance(), killed);
        let sent = lab.send(work(&step(2))).await;
        lab.pass(60);
        assert_eq!(lab.answer_of(&sent).await, None, "{stage:?}");
        assert_eq!(lab.ask(&step(2).step).await.outcome, outcome, "{stage:?}");
        assert_eq!(lab.installed().as_deref(), Some("1"), "{stage:?}");
        lab.pass(800);
        let lost = lab.answer_of(&sent).await;
        assert!(
            matches!(lost, Some(AnswerContent::Lost(_))),
            "{stage:?}: {lost:?}"
        );
    }
}

#[tokio::test]
async fn the_agent_starting_a_killed_command_again_deploys_nothing_again() {
    let mut lab = Lab::new();
    let again = Some(Duration::from_secs(10));
    let killed = Delivery::Killed {
        stage: Stage::Deploy,
        again,
    };
    lab.transport.next_delivery(&instance(), killed);
    let report = report(lab.answer(work(&step(1))).await);
    assert_eq!(report.outcome, ReportOutcome::RolledBack);
    assert_eq!(report.message, "interrupted in deploy");
    assert_eq!((lab.deploys().len(), lab.installed()), (1, None));
}

#[tokio::test]
async fn a_newer_step_closes_the_interrupted_one_first() {
    let mut lab = Lab::new();
    lab.outcome(&step(1)).await;
    let killed = Delivery::Killed {
        stage: Stage::Rollback,
        again: None,
    };
    lab.transport.next_delivery(&instance(), killed);
    let broken = Behaviour::new(Ending::RollBack);
    lab.transport
        .script(&instance(), &service(), &step(2).version, broken);
    lab.send(work(&step(2))).await;
    lab.pass(60);
    assert_eq!(lab.outcome(&step(3)).await, ReportOutcome::Succeeded);
    assert_eq!(lab.ask(&step(2).step).await.outcome, ReportOutcome::Failed);
    assert_eq!(lab.deploys().len(), 3);
}

#[tokio::test]
async fn a_second_run_waits_a_minute_for_the_lock() {
    let mut lab = Lab::new();
    let slow = |seconds| Behaviour::default().taking(Duration::from_secs(seconds));
    lab.transport
        .script(&instance(), &service(), &step(1).version, slow(50));
    lab.transport
        .script(&instance(), &service(), &step(2).version, slow(300));
    let first = lab.send(work(&step(1))).await;
    let second = lab.send(work(&step(2))).await;
    let third = lab.send(work(&step(3))).await;
    lab.pass(100);
    assert_eq!(
        report(lab.answer_of(&first).await.unwrap()).outcome,
        ReportOutcome::Succeeded
    );
    assert_eq!(lab.answer_of(&second).await, None);
    assert_eq!(
        report(lab.answer_of(&third).await.unwrap()).outcome,
        ReportOutcome::Busy
    );
    lab.pass(300);
    assert_eq!(
        report(lab.answer_of(&second).await.unwrap()).outcome,
        ReportOutcome::Succeeded
    );
    assert_eq!(lab.deploys().len(), 2);
}

#[tokio::test]
async fn a_rollback_step_goes_back_to_what_it_is_told() {
    let mut lab = Lab::new();
    lab.outcome(&step(1)).await;
    lab.outcome(&step(2)).await;
    let digest = Some(step(1).bundle.digests.digest.clone());
    let undo = StepTask {
        action: Action::Rollback,
        step: StepId::new("9".repeat(64)),
        sequence: 3,
        undo: Some(Undo {
            version: "1".into(),
            digest: digest.clone(),
        }),
        ..step(2)
    };
    assert_eq!(lab.outcome(&undo).await, ReportOutcome::RolledBack);
    let current = lab
        .transport
        .current(&instance(), &host(), &service())
        .unwrap();
    assert_eq!((current.version.as_str(), current.digest), ("1", digest));
    assert_eq!(lab.deploys().len(), 2);
}

#[tokio::test]
async fn an_install_over_something_foreign_is_refused() {
    let mut lab = Lab::new();
    lab.transport
        .install_by_hand(&instance(), &host(), &service(), Some("0.5.0".into()));
    let install = StepTask {
        action: Action::Install,
        ..step(1)
    };
    let report = report(lab.answer(work(&install)).await);
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert_eq!(report.message, "0.5.0 already runs here, and not by fleet");
    assert!(lab.deploys().is_empty());
}

#[tokio::test]
async fn ambiguous_sends_are_accepted_or_not_and_only_find_tells() {
    let lab = Lab::new();
    let task = |instance: InstanceId| HostTask {
        fleet: "acme".into(),
        environment: "lab".into(),
        host: host(),
        instance,
        platform: Platform::Linux,
        work: Work::Current,
    };
    lab.transport.set_visibility_delay(Duration::from_secs(10));
    for (part, fate, accepted) in [(1, SendFate::AnswerLost, 1), (2, SendFate::RequestLost, 0)] {
        lab.transport.next_send(fate);
        let sent = lab
            .transport
            .send(&comment(part), &[task(instance())], LIMITS)
            .await;
        assert!(
            matches!(sent, Err(TransportError::Ambiguous { .. })),
            "{sent:?}"
        );
        let prefix = comment(part).to_string();
        let since = Timestamp::from_unix(1_800_000_000);
        assert!(lab.transport.find(since, &prefix).await.unwrap().is_empty());
        lab.pass(10);
        let found = lab.transport.find(since, &prefix).await.unwrap();
        assert_eq!(found.len(), accepted, "{fate:?}");
    }
    let stranger = task("i-ffffffffffffffff9".into());
    let sent = lab
        .transport
        .send(&comment(3), &[stranger], LIMITS)
        .await
        .unwrap();
    assert!(sent.command.is_none());
    assert_eq!(sent.rejected.len(), 1);
}

#[tokio::test]
async fn an_offline_host_runs_what_it_gets_in_time() {
    let mut lab = Lab::new();
    lab.transport.set_online(&instance(), false);
    let first = lab.send(work(&step(1))).await;
    lab.pass(90);
    assert_eq!(lab.answer_of(&first).await, None);
    lab.transport.set_online(&instance(), true);
    lab.pass(30);
    assert!(matches!(
        lab.answer_of(&first).await,
        Some(AnswerContent::Reports(_))
    ));

    lab.transport.set_online(&instance(), false);
    let second = lab.send(work(&step(2))).await;
    lab.pass(800);
    assert!(matches!(
        lab.answer_of(&second).await,
        Some(AnswerContent::Lost(_))
    ));
    lab.transport.set_online(&instance(), true);
    lab.pass(800);
    assert_eq!(lab.deploys().len(), 1);
}

#[tokio::test]
async fn a_reply_may_be_lost_or_garbled_although_it_ran() {
    let mut lab = Lab::new();
    lab.transport.next_delivery(&instance(), Delivery::Garbled);
    let garbled = lab.answer(work(&step(1))).await;
    assert!(matches!(garbled, AnswerContent::Garbled(_)), "{garbled:?}");
    assert_eq!(
        lab.ask(&step(1).step).await.outcome,
        ReportOutcome::Succeeded
    );

    lab.transport
        .next_delivery(&instance(), Delivery::ReplyLost);
    let sent = lab.send(work(&step(2))).await;
    lab.pass(720);
    assert!(matches!(
        lab.answer_of(&sent).await,
        Some(AnswerContent::Lost(_))
    ));
    assert_eq!(lab.deploys().len(), 2);
}

#[tokio::test]
async fn what_takes_longer_than_its_command_may_is_cut_off() {
    let mut lab = Lab::new();
    let endless = Behaviour::default().taking(Duration::from_secs(5_000));
    lab.transport
        .script(&instance(), &service(), &step(1).version, endless);
    let sent = lab.send(work(&step(1))).await;
    lab.pass(700);
    let lost = lab.answer_of(&sent).await;
    assert_eq!(
        lost,
        Some(AnswerContent::Lost("execution timed out".into()))
    );
    let again = lab.ask(&step(1).step).await;
    assert_eq!(again.outcome, ReportOutcome::Untouched);
}

#[tokio::test]
async fn current_tells_the_sequence_of_a_step_that_was_cut_off() {
    let mut lab = Lab::new();
    let killed = Delivery::Killed {
        stage: Stage::Preflight,
        again: None,
    };
    lab.transport.next_delivery(&instance(), killed);
    lab.send(work(&step(7))).await;
    lab.pass(60);
    let AnswerContent::Current(states) = lab.answer(Work::Current).await else {
        panic!("no states");
    };
    let told: Vec<_> = states
        .iter()
        .map(|state| (state.version.as_str(), state.sequence))
        .collect();
    assert_eq!(told, [("none", 7)]);
}
