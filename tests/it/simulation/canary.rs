//! Canary, soak and what waits for a person behind them (design.md §8).

use std::collections::BTreeSet;
use std::time::Duration;

use fleet::model::event::EventKind;
use fleet::model::id::RolloutId;
use fleet::model::ledger::RolloutState;
use fleet::model::plan::GateKind;
use fleet::model::policy::{
    AfterCanary, BatchSize, Canary, Offline, OnFailure, RolloutPolicy, Strategy,
};
use fleet::model::statement::Verb;
use fleet::model::time::Seconds;
use fleet::reconcile::{ApplyOptions, ExitClass, Pass, PassOutcome, ReconcileError};
use fleet::transport::memory::{Behaviour, Delivery, Ending};

use super::desired::{Wish, instance};
use super::invariants::violations;
use super::world::World;

fn canary(soak: u64, after: AfterCanary) -> RolloutPolicy {
    RolloutPolicy {
        strategy: Strategy::Canary,
        canary: Canary::Size(BatchSize::Hosts(1)),
        batch: vec![BatchSize::Percent(100)],
        soak: Seconds(soak),
        after_canary: after,
        on_failure: OnFailure::Rollback,
        ..RolloutPolicy::default()
    }
}

/// Three hosts on 1.0.0, and 2.0.0 desired.
async fn upgrading(policy: RolloutPolicy) -> World {
    let wish = Wish::new(3, &[("app", "1.0.0")]);
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    world
        .desired
        .push(&wish.with(policy).version("app", "2.0.0"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world
}

fn held(pass: &Pass) -> &str {
    match &pass.outcome {
        PassOutcome::Held { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// The kinds of the gates that a pass came back from.
fn gates(pass: &Pass) -> Vec<GateKind> {
    match &pass.outcome {
        PassOutcome::Held { gates, .. } => gates.iter().map(|gate| gate.kind).collect(),
        other => panic!("{other:?}"),
    }
}

fn state(pass: &Pass) -> RolloutState {
    match &pass.outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => record.state,
        other => panic!("{other:?}"),
    }
}

fn id(pass: &Pass) -> RolloutId {
    match &pass.outcome {
        PassOutcome::Held {
            rollout: Some(record),
            ..
        } => record.id.clone(),
        other => panic!("{other:?}"),
    }
}

/// How many commands asked or observed outside of waves.
fn observed(world: &World) -> usize {
    let sent = world.sent();
    sent.iter()
        .filter(|(_, end)| end.starts_with("0.0-"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn the_first_wave_soaks_before_the_next_starts() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    let begun = tokio::time::Instant::now();
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert!(begun.elapsed() >= Duration::from_secs(900));
    let record = &world.recorded();
    assert!(record.hosts.values().all(|host| {
        let app = &host.services["app"];
        app.version.as_ref().is_some_and(|v| v.as_str() == "2.0.0")
    }));
    assert_eq!(
        observed(&world),
        3,
        "after 5 and 10 minutes, and at the end"
    );
    assert_eq!(world.deploys("2.0.0"), 3);
    assert!(violations(&world).is_empty());
    let events = world.events.lock().unwrap();
    let soaking = events
        .iter()
        .filter(|it| matches!(it.kind, EventKind::Soaking { .. }));
    assert_eq!(soaking.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_soak_outlives_its_controller() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    assert!(world.kill_after("here/1", Duration::from_secs(400)).await);
    let commits = world.committed().len();
    let begun = tokio::time::Instant::now();
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    let took = begun.elapsed().as_secs();
    assert!(
        (450..=540).contains(&took),
        "the rest of the soak: {took} s"
    );
    // The next intent and the end; nothing about a soak that only went on.
    assert_eq!(world.committed().len(), commits + 2);
}

/// A look that does not come off for now is no end of the soak, and not held against its hosts.
#[tokio::test(start_paused = true)]
async fn a_soak_bears_that_the_service_cannot_be_reached() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    let trouble = async {
        for (after, lasts) in [(200, 420), (250, 120)] {
            tokio::time::sleep(Duration::from_secs(after)).await;
            world.transport.set_down(true);
            tokio::time::sleep(Duration::from_secs(lasts)).await;
            world.transport.set_down(false);
        }
    };
    let (pass, ()) = tokio::join!(world.apply(), trouble);
    assert_eq!(pass.unwrap().class(), ExitClass::Done);
    assert_eq!(world.deploys("2.0.0"), 3);
    let said = world.waited_for();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    assert_eq!(
        said,
        [
            "could not reach memory; tried again until 2027-01-15T08:21:03Z",
            "asking web-01 what it runs",
            "could not reach memory; tried again until 2027-01-15T08:21:03Z",
            "asking web-01 what it runs",
        ]
    );
    assert!(violations(&world).is_empty());
}

/// Behind its end it is tried for five minutes, and the next pass goes on from there.
#[tokio::test(start_paused = true)]
async fn a_soak_waits_five_minutes_for_its_last_look() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    let down = async {
        tokio::time::sleep(Duration::from_secs(400)).await;
        world.transport.set_down(true);
    };
    let begun = tokio::time::Instant::now();
    let (pass, ()) = tokio::join!(world.apply(), down);
    let error = pass.unwrap_err();
    assert!(
        matches!(&error, ReconcileError::Transport(it) if it.is_transient()),
        "{error:?}"
    );
    let tried = begun.elapsed().as_secs();
    assert!((1_200..1_240).contains(&tried), "for {tried} s");
    world.transport.set_down(false);
    assert_eq!(
        state(&world.apply().await.unwrap()),
        RolloutState::Succeeded
    );
}

/// Not even across processes: a Comment finds again what was sent.
#[tokio::test(start_paused = true)]
async fn no_look_has_the_comment_of_another() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    assert!(world.kill_after("here/1", Duration::from_secs(700)).await);
    world.apply().await.unwrap();
    let accepted = world.transport.accepted();
    let comments: BTreeSet<String> = accepted.iter().map(|it| it.comment.to_string()).collect();
    assert_eq!(comments.len(), accepted.len(), "{comments:?}");
}

#[tokio::test(start_paused = true)]
async fn without_waiting_a_soak_is_left_to_the_next_pass() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    let options = ApplyOptions {
        no_wait: true,
        ..ApplyOptions::default()
    };
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert!(held(&pass).starts_with("soaking until "), "{}", held(&pass));
    assert_eq!(pass.class(), ExitClass::Held);
    let commits = world.committed().len();
    let again = world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(id(&again), id(&pass));
    assert_eq!(world.committed().len(), commits, "nothing new to record");
    tokio::time::sleep(Duration::from_secs(901)).await;
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_last_goes_back_everywhere() {
    let world = upgrading(canary(900, AfterCanary::Continue)).await;
    world
        .transport
        .sicken(&instance("web-01"), &"app".into(), &"2.0.0".into());
    let begun = tokio::time::Instant::now();
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::RolledBack);
    assert!(
        begun.elapsed() < Duration::from_secs(400),
        "at the first look"
    );
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 rolled_back\nweb-02 app 1.0.0 healthy\nweb-03 app 1.0.0 healthy\n"
    );
    assert_eq!(world.deploys("2.0.0"), 1);
    assert!(violations(&world).is_empty());
    let block = &world.recorded().blocked.blocks[0];
    assert_eq!(block.reason, "did not last on web-01: is not healthy");
    assert_eq!(
        world.apply().await.unwrap().class(),
        ExitClass::Held,
        "blocked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_undoes_nothing() {
    let world = upgrading(canary(600, AfterCanary::Continue)).await;
    world.transport.deliveries(|comment, _| {
        if comment.round == 0 {
            Delivery::NeverArrives
        } else {
            Delivery::Normal
        }
    });
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::Paused);
    assert_eq!(pass.class(), ExitClass::Failed);
    assert!(
        world.states().contains("web-01 app 2.0.0 healthy"),
        "{}",
        world.states()
    );
    assert_eq!(world.recorded().blocked.blocks.len(), 0);
    world.say(Verb::Continue).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(
        state(&pass),
        RolloutState::Failed,
        "web-01 still owes an answer"
    );
    assert_eq!(world.deploys("2.0.0"), 3);
}

#[tokio::test(start_paused = true)]
async fn behind_the_canary_a_person_says_continue() {
    let world = upgrading(canary(0, AfterCanary::Wait)).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(
        held(&pass),
        "the canary passed; `fleet continue production` goes on"
    );
    assert_eq!(gates(&pass), [GateKind::Continue]);
    let before = (world.committed().len(), world.sent().len());
    let again = world.apply().await.unwrap();
    assert_eq!((id(&again), gates(&again)), (id(&pass), gates(&pass)));
    assert_eq!((world.committed().len(), world.sent().len()), before);
    world.say(Verb::Continue).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::Succeeded);
    assert_eq!(world.deploys("2.0.0"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_nobody_passed_waits() {
    let policy = RolloutPolicy {
        max_failures: 1,
        on_failure: OnFailure::Pause,
        ..canary(0, AfterCanary::Continue)
    };
    let world = upgrading(policy).await;
    world.transport.script(
        &instance("web-01"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::Refuse),
    );
    let pass = world.apply().await.unwrap();
    assert_eq!(
        held(&pass),
        "the canary did not succeed; `fleet continue production` goes on"
    );
    assert_eq!(gates(&pass), [GateKind::Canary]);
    assert_eq!(world.deploys("2.0.0"), 0);
    world.say(Verb::Continue).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::Failed, "web-01 refused it");
    assert_eq!(world.deploys("2.0.0"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_newer_revision_ends_a_soak_at_once() {
    let world = upgrading(canary(3_600, AfterCanary::Continue)).await;
    assert!(world.kill_after("here/1", Duration::from_secs(100)).await);
    let next = Wish::new(3, &[("app", "3.0.0")]);
    world.desired.push(&next);
    let begun = tokio::time::Instant::now();
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert!(begun.elapsed() < Duration::from_secs(300));
    assert_eq!(world.deploys("2.0.0"), 1);
    assert_eq!(world.deploys("3.0.0"), 3);
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_a_soak() {
    let world = upgrading(canary(3_600, AfterCanary::Continue)).await;
    assert!(world.kill_after("here/1", Duration::from_secs(100)).await);
    world.say(Verb::Abort).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::Aborted);
    assert_eq!(world.deploys("2.0.0"), 1);
}

#[tokio::test(start_paused = true)]
async fn with_offline_hold_a_wave_starts_with_all_its_hosts_or_not_at_all() {
    let policy = RolloutPolicy {
        offline: Offline::Hold,
        ..canary(0, AfterCanary::Continue)
    };
    let world = upgrading(policy).await;
    world.transport.set_online(&instance("web-01"), false);
    let pass = world.apply().await.unwrap();
    let reason = "web-01 is offline, and its wave does not start without it";
    assert_eq!(held(&pass), reason);
    assert_eq!(
        world.recorded().open.unwrap().record.state,
        RolloutState::Waiting
    );
    let commits = world.committed().len();
    world.apply().await.unwrap();
    assert_eq!(world.committed().len(), commits, "recorded once");

    world.transport.set_online(&instance("web-01"), true);
    world.transport.set_online(&instance("web-03"), false);
    let pass = world.apply().await.unwrap();
    assert!(
        held(&pass).starts_with("web-03 is offline"),
        "{}",
        held(&pass)
    );
    assert_eq!(world.deploys("2.0.0"), 1, "the canary alone");
    world.transport.set_online(&instance("web-03"), true);
    let pass = world.apply().await.unwrap();
    assert_eq!(state(&pass), RolloutState::Succeeded);
}
