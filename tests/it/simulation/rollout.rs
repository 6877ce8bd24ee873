//! Rollouts by hand: the rules of design.md §8 as stories.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet::model::id::HostName;
use fleet::model::ledger::{RolloutRecord, RolloutState};
use fleet::model::policy::{BatchSize, OnFailure, RolloutPolicy, Strategy};
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::model::statement::Verb;
use fleet::plan::Narrow;
use fleet::reconcile::{ApplyOptions, ExitClass, Pass, PassOutcome, ReconcileError};
use fleet::transport::memory::{Behaviour, CancelFate, Delivery, Ending, HostActionKind, Stage};

use super::desired::{Wish, environment, instance};
use super::invariants::violations;
use super::world::World;

fn batches(sizes: &[u32]) -> RolloutPolicy {
    RolloutPolicy {
        strategy: Strategy::Batch,
        batch: sizes.iter().map(|n| BatchSize::Hosts(*n)).collect(),
        on_failure: OnFailure::Rollback,
        ..RolloutPolicy::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_rollout_takes_no_time() {
    let wish = Wish::new(4, &[("app", "1.0.0"), ("web", "2.0.0")]).with(batches(&[1, 3]));
    let world = World::new(1, &wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    let PassOutcome::Ended(record) = &pass.outcome else {
        panic!("{:?}", pass.outcome)
    };
    assert_eq!(record.state, RolloutState::Succeeded);
    assert_eq!((record.total, record.completed), (4, 4));
    assert_eq!(
        world.subjects(),
        [
            "production: app 1.0.0, web 2.0.0, wave 1 of 2 on 1 host",
            "production: app 1.0.0, web 2.0.0, wave 2 of 2 on 3 hosts",
            "production: app 1.0.0, web 2.0.0 on 4 of 4 hosts",
        ]
    );
    assert_eq!(
        world.transport.accepted().len(),
        4,
        "two rounds of two waves"
    );

    let again = world.apply().await.unwrap();
    assert!(matches!(again.outcome, PassOutcome::Unchanged));
    assert_eq!(world.subjects().len(), 3, "no commit");
    assert_eq!(world.transport.accepted().len(), 4, "nothing sent");

    world.desired.push(&wish.version("app", "1.1.0"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    assert!(
        world.states().contains("web-04 app 1.1.0 healthy"),
        "{}",
        world.states()
    );
}

fn broken(world: &World, host: &str, version: &str) {
    world.transport.script(
        &instance(host),
        &"app".into(),
        &version.into(),
        Behaviour::new(Ending::RollBack),
    );
}

fn ended(pass: &Pass) -> &RolloutRecord {
    match &pass.outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_version_goes_back_and_is_not_tried_again() {
    let wish = Wish::new(4, &[("app", "1.0.0")]).with(batches(&[1]));
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    let next = wish.clone().version("app", "2.0.0");
    world.desired.push(&next);
    broken(&world, "web-03", "2.0.0");
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    assert_eq!(ended(&pass).state, RolloutState::RolledBack);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 rolled_back\nweb-02 app 1.0.0 rolled_back\n\
         web-03 app 1.0.0 rolled_back\nweb-04 app 1.0.0 healthy\n"
    );
    assert!(violations(&world).is_empty());

    let before = (world.committed().len(), world.sent().len());
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held, "blocked");
    assert_eq!((world.committed().len(), world.sent().len()), before);

    // Back in git, everything is as desired without anything being sent.
    world.desired.push(&wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    assert_eq!(world.sent().len(), before.1);

    // The same version again is still blocked, until somebody says retry.
    world.desired.push(&next);
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Held);
    world.transport.script(
        &instance("web-03"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::default(),
    );
    world.say(Verb::Retry).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    assert_eq!(ended(&pass).completed, 4);
}

fn pausing(hosts: usize) -> (Wish, World) {
    let policy = RolloutPolicy {
        on_failure: OnFailure::Pause,
        ..batches(&[1])
    };
    let wish = Wish::new(hosts, &[("app", "1.0.0")]).with(policy);
    let world = World::new(1, &wish);
    (wish, world)
}

/// Two hosts on 2.0.0, the third one failed, the fourth one untouched.
async fn paused() -> (Wish, World) {
    let (wish, world) = pausing(4);
    world.apply().await.unwrap();
    let wish = wish.version("app", "2.0.0");
    world.desired.push(&wish);
    broken(&world, "web-03", "2.0.0");
    let pass = world.apply().await.unwrap();
    assert!(
        matches!(pass.outcome, PassOutcome::Paused(_)),
        "{:?}",
        pass.outcome
    );
    assert_eq!(pass.class(), ExitClass::Failed);
    (wish, world)
}

#[tokio::test(start_paused = true)]
async fn a_paused_rollout_waits_without_a_word() {
    let (_, world) = paused().await;
    let before = (world.committed().len(), world.sent().len());
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    assert_eq!((world.committed().len(), world.sent().len()), before);
}

#[tokio::test(start_paused = true)]
async fn continue_goes_on_with_the_next_wave() {
    let (_, world) = paused().await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    world.say(Verb::Continue).await;
    let pass = world.apply().await.unwrap();
    let record = ended(&pass);
    assert_eq!(
        record.state,
        RolloutState::RolledBack,
        "web-03 still failed"
    );
    assert_eq!((record.completed, record.failed), (3, 1));
    assert_eq!(record.statements.len(), 1);
    assert!(world.states().contains("web-04 app 2.0.0 healthy"));
    // web-03 alone is blocked.
    let pass = world.apply().await.unwrap();
    let held = &pass.plan.as_ref().unwrap().held;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].host.as_str(), "web-03");
}

#[tokio::test(start_paused = true)]
async fn abort_ends_it_and_blocks_the_rest() {
    let (_, world) = paused().await;
    world.say(Verb::Abort).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::Aborted);
    assert_eq!(pass.class(), ExitClass::Failed);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(world.deploys("2.0.0"), 3);
}

#[tokio::test(start_paused = true)]
async fn abort_is_heard_in_a_running_wave() {
    let wish = Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]).with(batches(&[1]));
    let world = World::new(1, &wish);
    world
        .transport
        .scripts(|_| Behaviour::default().taking(Duration::from_secs(100)));
    let (pass, ()) = tokio::join!(world.apply(), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.say(Verb::Abort).await;
    });
    let pass = pass.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::Aborted);
    // What was delivered finished; the second service was not sent any more.
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
    assert!(violations(&world).is_empty());
}

/// The service says of each that it is cancelled, and the hosts tell what is true.
#[tokio::test(start_paused = true)]
async fn abort_cancels_what_was_not_delivered() {
    let world = World::new(1, &Wish::new(5, &[("app", "1.0.0")]));
    world
        .transport
        .scripts(|_| Behaviour::default().taking(Duration::from_secs(100)));
    for late in ["web-02", "web-03", "web-04", "web-05"] {
        let delivery = Delivery::Late(Duration::from_secs(110));
        world.transport.next_delivery(&instance(late), delivery);
    }
    world.transport.cancels(|_, id| match id {
        _ if *id == instance("web-03") => CancelFate::TooLate,
        _ if *id == instance("web-04") => CancelFate::Killed(Stage::Deploy),
        _ => CancelFate::Stopped,
    });
    let (pass, ()) = tokio::join!(world.apply(), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.say(Verb::Abort).await;
        world.transport.set_online(&instance("web-05"), false);
    });
    let pass = pass.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::Aborted);
    let rollout = world.ledger.rollout_now(&environment(), &ended(&pass).id);
    let steps = &rollout.unwrap().waves[0].steps;
    let outcomes: Vec<_> = steps.iter().map(|step| step.outcome.unwrap()).collect();
    use Outcome::{RolledBack, Succeeded, Unknown, Untouched};
    let expected = [Succeeded, Untouched, Succeeded, RolledBack, Unknown];
    assert_eq!(outcomes, expected);
    assert_eq!(steps[1].message, "aborted before it started");
    assert!(world.recorded().blocked.untouched.is_empty());
    let ended = world.committed().last().unwrap().0;
    assert!(ended < 1_000, "nobody waits for seven phases: {ended} s");
    assert!(violations(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn retry_ends_a_paused_rollout_and_plans_anew() {
    let (_, world) = paused().await;
    world.transport.script(
        &instance("web-03"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::default(),
    );
    world.say(Verb::Retry).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!(ended(&pass).total, 2, "web-03 and web-04");
    assert!(!world.states().contains("1.0.0"), "{}", world.states());
}

#[tokio::test(start_paused = true)]
async fn a_newer_wish_supersedes_a_paused_rollout() {
    let (wish, world) = paused().await;
    world.desired.push(&wish.version("app", "3.0.0"));
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!(ended(&pass).completed, 4);
}

/// Applies, and desires something else while the first wave runs.
async fn meanwhile(world: &World, wish: &Wish) -> Pass {
    world
        .transport
        .scripts(|_| Behaviour::default().taking(Duration::from_secs(100)));
    let (pass, ()) = tokio::join!(world.apply(), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.desired.push(wish);
    });
    pass.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_newer_wish_supersedes_at_the_next_wave() {
    let (wish, world) = pausing(2);
    let pass = meanwhile(&world, &wish.version("app", "1.1.0")).await;
    assert_eq!(ended(&pass).state, RolloutState::Superseded);
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\n",
        "the wave in flight finished"
    );
    world.apply().await.unwrap();
    assert_eq!(
        world.states(),
        "web-01 app 1.1.0 healthy\nweb-02 app 1.1.0 healthy\n"
    );
}

#[tokio::test(start_paused = true)]
async fn another_policy_supersedes_and_another_commit_alone_does_not() {
    let (wish, world) = pausing(2);
    let mut other = wish.clone();
    other.policy.max_failures = 1;
    let pass = meanwhile(&world, &other).await;
    assert_eq!(ended(&pass).state, RolloutState::Superseded);

    let (wish, world) = pausing(2);
    let pass = meanwhile(&world, &wish).await;
    assert_eq!(ended(&pass).state, RolloutState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_hold_stops_at_the_next_wave_and_only_while_it_stands() {
    let (wish, world) = pausing(2);
    let mut held = wish.clone();
    held.hold = Some("inventory day".to_owned());
    let pass = meanwhile(&world, &held).await;
    let PassOutcome::Held { reason, .. } = &pass.outcome else {
        panic!("{:?}", pass.outcome)
    };
    assert!(reason.contains("inventory day"));
    assert_eq!(world.sent().len(), 1);
    let commits = world.committed().len();
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Held);
    assert_eq!(world.committed().len(), commits);

    world.desired.push(&wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).completed, 2, "the same rollout goes on");
    assert_eq!(pass.class(), ExitClass::Done);
}

#[tokio::test(start_paused = true)]
async fn a_hold_of_a_host_lets_the_rest_go_on() {
    let (wish, world) = pausing(3);
    let mut held = wish.clone();
    held.held_hosts
        .insert("web-02".to_owned(), "demo".to_owned());
    let pass = meanwhile(&world, &held).await;
    let record = ended(&pass);
    assert_eq!(record.state, RolloutState::Succeeded);
    assert_eq!((record.completed, record.deferred), (2, 1));
    assert_eq!(world.deploys("1.0.0"), 2);
    assert_eq!(
        world.apply().await.unwrap().class(),
        ExitClass::Done,
        "held alone is no 5"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_records_a_waiting_rollout_once() {
    let (mut wish, _) = pausing(2);
    wish.hold = Some("not yet".to_owned());
    let world = World::new(1, &wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(world.committed().len(), 1);
    assert_eq!(
        world.recorded().open.unwrap().record.state,
        RolloutState::Waiting
    );
    world.apply().await.unwrap();
    assert_eq!(world.committed().len(), 1, "nothing changed");

    let other = wish.clone().version("app", "1.1.0");
    world.desired.push(&other);
    world.apply().await.unwrap();
    assert_eq!(world.committed().len(), 2, "a changed plan replaces it");

    wish.hold = None;
    world.desired.push(&wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).completed, 2);
    assert!(world.recorded().environment.open.is_none());
    assert!(world.sent().len() == 2);
}

#[tokio::test(start_paused = true)]
async fn a_narrowed_plan_is_never_recorded_as_waiting() {
    let (mut wish, _) = pausing(2);
    wish.hold = Some("not yet".to_owned());
    let world = World::new(1, &wish);
    let options = ApplyOptions {
        narrow: Narrow {
            hosts: BTreeSet::from(["web-01".into()]),
            ..Narrow::default()
        },
        ..ApplyOptions::default()
    };
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert!(world.committed().is_empty());
    wish.hold = None;
    world.desired.push(&wish);
    world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
}

#[tokio::test(start_paused = true)]
async fn another_plan_than_the_agreed_one_is_not_applied() {
    let (_, world) = pausing(2);
    let options = ApplyOptions {
        expect: Some("sha256:another".into()),
        ..ApplyOptions::default()
    };
    let error = world.apply_as("here/1", &options).await.unwrap_err();
    assert!(
        matches!(error, ReconcileError::PlanChanged { .. }),
        "{error:?}"
    );
    assert!(world.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn told_to_leave_it_records_and_leaves_and_the_wave_goes_on() {
    let (_, world) = pausing(2);
    world
        .transport
        .scripts(|_| Behaviour::default().taking(Duration::from_secs(100)));
    let (pass, ()) = tokio::join!(world.apply(), async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        world.stop.send_replace(true);
    });
    let pass = pass.unwrap();
    assert_eq!(pass.class(), ExitClass::Stopped);
    assert!(world.committed().last().unwrap().0 < 30);
    world.stop.send_replace(false);
    tokio::time::sleep(Duration::from_secs(200)).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).completed, 2);
    assert_eq!(world.deploys("1.0.0"), 2);
    assert_eq!(world.sent().len(), 2, "the first one was found again");
}

#[tokio::test(start_paused = true)]
async fn a_service_after_a_failed_one_is_not_sent_to_that_host() {
    let wish = Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]);
    let world = World::new(1, &wish);
    broken(&world, "web-02", "1.0.0");
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    let history = world.transport.history();
    let touched = |host: &str, service: &str| {
        history
            .iter()
            .any(|it| it.host.as_str() == host && it.service.as_str() == service)
    };
    assert!(touched("web-01", "web"));
    assert!(!touched("web-02", "web"));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_succeed_leaves_its_output() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    broken(&world, "web-02", "1.0.0");
    world.apply().await.unwrap();
    let kept = world.logs.0.lock().unwrap();
    let kept: Vec<&str> = kept.iter().map(|(host, ..)| host.as_str()).collect();
    assert_eq!(kept, ["web-02"]);
}

#[tokio::test(start_paused = true)]
async fn events_tell_the_whole_story_in_order() {
    let world = World::new(1, &Wish::new(1, &[("app", "1.0.0")]));
    world.apply().await.unwrap();
    let events = world.events.lock().unwrap();
    let kinds: Vec<String> = events
        .iter()
        .map(|event| {
            let json = serde_json::to_value(event).unwrap();
            assert_eq!(json["format"], "fleet.event/1");
            json["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "planned",
            "started",
            "wave_started",
            "step",
            "step",
            "wave_done",
            "ended"
        ]
    );
}

/// `app` needs `web`, although by name it would come first.
async fn stacked() -> World {
    let mut wish = Wish::new(3, &[("app", "1.0.0"), ("web", "1.0.0")]).with(batches(&[1]));
    wish.requires = vec![("app".to_owned(), "web".to_owned())];
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    let wish = wish.version("app", "2.0.0").version("web", "2.0.0");
    world.desired.push(&wish);
    tokio::time::sleep(Duration::from_secs(60)).await;
    world
}

/// What ran on a host, in order.
fn ran(world: &World, host: &str) -> Vec<String> {
    let history = world.transport.history();
    let of_host = history.iter().filter(|it| it.host.as_str() == host);
    let ran = of_host.filter_map(|it| match &it.kind {
        HostActionKind::Deploy(version) => Some(format!("{} to {version}", it.service)),
        HostActionKind::Rollback(version) => Some(format!("{} back to {version}", it.service)),
        _ => None,
    });
    ran.collect()
}

#[tokio::test(start_paused = true)]
async fn a_failing_lower_service_takes_back_what_stands_on_it() {
    let world = stacked().await;
    world.transport.script(
        &instance("web-02"),
        &"web".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::RollBack),
    );
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::RolledBack);
    assert_eq!(
        ran(&world, "web-01"),
        [
            "web to 1.0.0",
            "app to 1.0.0",
            "web to 2.0.0",
            "app to 2.0.0",
            "app back to 1.0.0",
            "web back to 1.0.0",
        ],
        "needed first, and back last"
    );
    assert_eq!(
        ran(&world, "web-02"),
        [
            "web to 1.0.0",
            "app to 1.0.0",
            "web to 2.0.0",
            "web back to 1.0.0"
        ],
        "what needs it was not sent"
    );
    assert!(violations(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_upper_service_leaves_what_it_stands_on() {
    let world = stacked().await;
    world.transport.script(
        &instance("web-02"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::RollBack),
    );
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::RolledBack);
    let states = world.states();
    assert!(states.contains("web-01 web 2.0.0 healthy"), "{states}");
    assert!(states.contains("web-01 app 1.0.0 rolled_back"), "{states}");
}

/// What stands on a service that this rollout did not bring to a host has nothing to follow there.
#[tokio::test(start_paused = true)]
async fn what_stands_on_a_service_that_was_not_changed_there_stays() {
    let world = stacked().await;
    let mut wish = Wish::new(3, &[("app", "1.0.0"), ("web", "1.0.0")]).with(batches(&[1]));
    wish.requires = vec![("app".to_owned(), "web".to_owned())];
    let mut wish = wish.version("app", "2.0.0").version("web", "2.0.0");
    let first = wish.hosts.get_mut("web-01").unwrap();
    first.insert("web".to_owned(), "1.0.0".to_owned());
    world.desired.push(&wish);
    world.transport.script(
        &instance("web-02"),
        &"web".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::RollBack),
    );
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::RolledBack);
    assert_eq!(
        ran(&world, "web-01"),
        ["web to 1.0.0", "app to 1.0.0", "app to 2.0.0"]
    );
    let states = world.states();
    assert!(states.contains("web-01 app 2.0.0 healthy"), "{states}");
    assert!(violations(&world).is_empty());
}

/// A step that goes back has one good outcome, and that is not `succeeded`: its receipt is asked.
#[tokio::test(start_paused = true)]
async fn a_success_is_no_outcome_of_going_back() {
    let wish = Wish::new(2, &[("app", "1.0.0")]).with(batches(&[1]));
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    world.desired.push(&wish.version("app", "2.0.0"));
    broken(&world, "web-02", "2.0.0");
    let mut first = true;
    world.transport.reports(move |report| {
        let of = report.host.as_ref().map(HostName::as_str);
        let goes_back = report.outcome == ReportOutcome::RolledBack && of == Some("web-01");
        if goes_back && std::mem::take(&mut first) {
            report.outcome = ReportOutcome::Succeeded;
        }
    });
    let pass = world.apply().await.unwrap();
    assert_eq!(ended(&pass).state, RolloutState::RolledBack);
    let states = world.states();
    assert!(states.contains("web-01 app 1.0.0 rolled_back"), "{states}");
    assert!(violations(&world).is_empty());
}
