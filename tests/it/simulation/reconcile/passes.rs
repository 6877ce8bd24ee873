//! Planning, resuming, narrowing and what is agreed to.

use std::collections::BTreeSet;

use fleet::model::event::EventKind;
use fleet::model::ledger::RolloutState;
use fleet::plan::Narrow;
use fleet::reconcile::{self, ApplyOptions, ExitClass, PassOutcome, ReconcileError};
use fleet::transport::memory::Behaviour;

use super::super::desired::{Wish, environment, instance};
use super::super::world::World;
use super::{count, ended, fulfilled, one_by_one, seconds};

fn only(hosts: &[&str], services: &[&str]) -> ApplyOptions {
    ApplyOptions {
        narrow: Narrow {
            hosts: hosts.iter().map(|name| (*name).into()).collect(),
            services: services.iter().map(|name| (*name).into()).collect(),
            ..Narrow::default()
        },
        ..ApplyOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_with_nothing_to_do_is_not_seen_anywhere() {
    let wish = one_by_one(3);
    let world = fulfilled(&wish).await;
    let before = count(&world);
    for _ in 0..3 {
        let pass = world.apply().await.unwrap();
        assert!(matches!(pass.outcome, PassOutcome::Unchanged));
        assert_eq!(pass.class(), ExitClass::Done);
        assert_eq!(pass.plan.unwrap().summary.unchanged, 3);
    }
    // Nor does a commit that changes nothing of the environment.
    world.desired.push(&wish);
    world.apply().await.unwrap();
    assert_eq!(count(&world), before);
}

#[tokio::test(start_paused = true)]
async fn held_hosts_alone_are_no_reason_for_a_code() {
    let mut wish = one_by_one(2);
    let world = fulfilled(&wish).await;
    wish = wish.version("app", "2.0.0");
    for host in ["web-01", "web-02"] {
        wish.held_hosts.insert(host.to_owned(), "demo".to_owned());
    }
    world.desired.push(&wish);
    let before = count(&world);
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    assert_eq!(pass.class(), ExitClass::Done);
    assert_eq!(pass.plan.unwrap().summary.held, 2);
    assert_eq!(count(&world), before);
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_lets_nothing_begin_is_a_gate() {
    let mut wish = one_by_one(2);
    wish.hold = Some("audit".to_owned());
    let world = World::new(1, &wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    let PassOutcome::Held {
        reason,
        gates,
        rollout,
    } = pass.outcome
    else {
        panic!("{:?}", pass.outcome)
    };
    assert_eq!(reason, "hold of the environment: audit");
    assert!(gates.iter().any(|gate| !gate.open));
    let waiting = rollout.expect("a rollout that waits");
    assert_eq!(waiting.state, RolloutState::Waiting);
    assert_eq!(count(&world), (1, 0));

    // Nothing is left to change: the rollout makes way, and the ledger says why.
    world.desired.push(&Wish {
        hosts: std::collections::BTreeMap::new(),
        ..wish
    });
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    let gone = world.ledger.rollout_now(&environment(), &waiting.id);
    let gone = gone.unwrap().record;
    assert_eq!(gone.state, RolloutState::Superseded);
    assert_eq!(gone.reason, "nothing is left to change");
    assert!(world.recorded().environment.open.is_none());
}

/// The third host comes after the first wave of two; the rollout knows nothing of it.
#[tokio::test(start_paused = true)]
async fn an_open_rollout_is_finished_before_anything_is_planned() {
    let world = World::new(1, &one_by_one(3));
    world.desired.push(&one_by_one(2));
    world
        .transport
        .scripts(|_| Behaviour::default().taking(seconds(30)));
    assert!(world.kill_after("here/1", seconds(5)).await);
    let open = world.recorded().open.expect("an open rollout").record.id;
    world.desired.push(&one_by_one(3));
    world.events.lock().unwrap().clear();
    let record = ended(world.apply().await);
    assert_ne!(record.id, open, "the last one is about the third host");
    assert_eq!((record.total, record.completed), (1, 1));
    let first = world.ledger.rollout_now(&environment(), &open).unwrap();
    assert_eq!(first.record.state, RolloutState::Succeeded);
    assert_eq!((first.record.total, first.record.completed), (2, 2));
    assert_eq!(world.deploys("1.0.0"), 3, "each host once");

    let events = world.events.lock().unwrap();
    let told = events.iter().filter_map(|event| match &event.kind {
        EventKind::Started { resumed, total, .. } => Some(format!("started {resumed} {total}")),
        EventKind::Planned { .. } => Some("planned".to_owned()),
        EventKind::WaveStarted { wave, steps, .. } => Some(format!("wave {wave} of {steps}")),
        EventKind::Ended { .. } => Some("ended".to_owned()),
        _ => None,
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "started true 2",
            "wave 1 of 1",
            "wave 2 of 1",
            "ended",
            "planned",
            "started false 1",
            "wave 1 of 1",
            "ended"
        ]
    );
}

/// What a person looked at was the open rollout; what comes after it is another question.
#[tokio::test(start_paused = true)]
async fn what_follows_a_resumed_rollout_is_not_agreed_to() {
    let world = World::new(1, &one_by_one(2));
    world
        .transport
        .scripts(|_| Behaviour::default().taking(seconds(30)));
    assert!(world.kill_after("here/1", seconds(5)).await);
    world.desired.push(&one_by_one(3));
    let options = ApplyOptions {
        expect: Some("sha256:looked-at".into()),
        ..ApplyOptions::default()
    };
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(pass.plan.as_ref().unwrap().changes.len(), 1, "one is left");
    let record = ended(Ok(pass));
    assert_eq!((record.total, record.completed), (2, 2));
    assert_eq!(world.deploys("1.0.0"), 2, "nothing of the third host");
}

/// A host that was deferred is caught up by whoever sees it; it was agreed to when it was planned.
#[tokio::test(start_paused = true)]
async fn a_host_that_returns_was_agreed_to_before() {
    let world = World::new(1, &one_by_one(2));
    world.transport.set_online(&instance("web-02"), false);
    let record = ended(world.apply().await);
    assert_eq!((record.total, record.completed), (2, 1));
    let shown = world.apply().await.unwrap().plan.unwrap();
    assert!(shown.changes.is_empty());
    world.transport.set_online(&instance("web-02"), true);
    let options = ApplyOptions {
        expect: Some(shown.plan_id),
        ..ApplyOptions::default()
    };
    let record = ended(world.apply_as("here/1", &options).await);
    assert_eq!((record.total, record.completed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_narrowed_pass_leaves_the_rest_to_the_next() {
    let wish = Wish::new(3, &[("app", "1.0.0"), ("web", "1.0.0")]);
    let world = World::new(1, &wish);
    let options = only(&["web-02"], &["app"]);
    let record = ended(world.apply_as("here/1", &options).await);
    assert_eq!((record.total, record.completed), (1, 1));
    assert_eq!(world.states(), "web-02 app 1.0.0 healthy\n");
    // Of what it leaves out nothing is said either.
    let before = count(&world);
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    let plan = pass.plan.unwrap();
    assert_eq!((plan.held.len(), plan.unchanged.len()), (0, 1));
    assert_eq!(count(&world), before);

    let record = ended(world.apply().await);
    assert_eq!(record.total, 3);
    let deploys = |version: &str| world.deploys(version);
    assert_eq!(deploys("1.0.0"), 6, "each service on each host once");
}

/// Who narrows finishes an open rollout all the same: nothing else may begin beside it.
#[tokio::test(start_paused = true)]
async fn a_narrowed_pass_finishes_what_is_open() {
    let world = World::new(1, &one_by_one(2));
    world
        .transport
        .scripts(|_| Behaviour::default().taking(seconds(30)));
    assert!(world.kill_after("here/1", seconds(5)).await);
    let options = only(&["web-01"], &[]);
    let record = ended(world.apply_as("here/1", &options).await);
    assert_eq!((record.total, record.completed), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_released_is_taken_up_again() {
    let wish = one_by_one(2);
    let world = fulfilled(&wish).await;
    let mut without = wish.clone();
    without.hosts.remove("web-02");
    world.desired.push(&without);
    world.apply().await.unwrap();
    assert!(world.states().contains("web-02 app 1.0.0 released"));
    let before = count(&world);
    world.apply().await.unwrap();
    assert_eq!(count(&world), before, "released once");

    // Back in the manifest, what it runs is not trusted: it is rolled out like a new one.
    world.desired.push(&wish);
    let record = ended(world.apply().await);
    assert_eq!((record.total, record.completed), (1, 1));
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\nweb-02 app 1.0.0 healthy\n"
    );
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_is_none_is_an_error_and_no_pass() {
    let world = fulfilled(&one_by_one(1)).await;
    let before = count(&world);
    let ledger = world.ledger.clone();
    let made = world
        .with("here/1", &ledger, async |controller| {
            reconcile::apply(controller, &"nowhere".into(), &ApplyOptions::default()).await
        })
        .await;
    assert!(
        matches!(made, Err(ReconcileError::NoEnvironment { .. })),
        "{made:?}"
    );
    assert_eq!(count(&world), before);
}

/// The wave's intent is in, and with it everything that a pass noticed before.
#[tokio::test(start_paused = true)]
async fn what_changed_besides_is_committed_with_the_first_wave() {
    let wish = one_by_one(2);
    let world = fulfilled(&wish).await;
    let mut next = wish.version("app", "2.0.0");
    next.hosts.remove("web-02");
    world.desired.push(&next);
    let before = world.subjects().len();
    ended(world.apply().await);
    let subjects = world.subjects().split_off(before);
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    let hosts: BTreeSet<_> = world.recorded().hosts.into_keys().collect();
    assert_eq!(hosts.len(), 2);
    assert!(world.states().contains("web-02 app 1.0.0 released"));
}
