//! Everything else that protocol §2 says.

use fleet::ledger::LedgerError;
use fleet::ledger::memory::MemoryLedger;
use fleet::model::policy::{Offline, RolloutPolicy};
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::reconcile;
use fleet::reconcile::{ApplyOptions, ExitClass, PassOutcome, ReconcileError};
use fleet::transport::memory::{Behaviour, Ending, HostActionKind};

use super::super::desired::{Wish, environment, instance};
use super::super::world::{EPOCH, World};
use super::{done, last_rollout, one, pass_time, seconds, slow, waves_of_one};

#[tokio::test(start_paused = true)]
async fn a_rewritten_ledger_stops_the_environment_until_it_is_rebuilt() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    let ledger = world.ledger.clone();
    let apply = async || {
        let options = ApplyOptions::default();
        world
            .with("here/1", &ledger, async |controller| {
                reconcile::apply(controller, &environment(), &options).await
            })
            .await
    };
    done(apply().await);
    let commits = world.committed().len();
    world.ledger.rewrite(commits);
    let error = apply().await.unwrap_err();
    assert!(
        matches!(error, ReconcileError::Ledger(LedgerError::Rewritten { .. })),
        "{error:?}"
    );
    let sent = world.sent().len();
    let rebuilt = world
        .with("here/1", &ledger, async |controller| {
            reconcile::rebuild(controller, &environment()).await
        })
        .await
        .unwrap();
    assert_eq!(rebuilt.told.len(), 2);
    assert!(rebuilt.changed);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\nweb-02 app 1.0.0 healthy\n"
    );
    let sequence = world.recorded().environment.sequence;
    assert!(sequence >= u64::try_from(EPOCH).unwrap());
    let pass = apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    let asked = world.sent().into_iter().skip(sent);
    assert!(asked.into_iter().all(|(_, end)| end.starts_with("0.0")));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_brings_back_what_was_blocked() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    done(world.apply().await);
    world.desired.push(&Wish::new(2, &[("app", "2.0.0")]));
    world.transport.script(
        &instance("web-02"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::RollBack),
    );
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Failed);
    let commits = world.committed().len();
    world.ledger.rewrite(commits);
    let ledger = world.ledger.clone();
    let rebuilt = world
        .with("here/1", &ledger, async |controller| {
            reconcile::rebuild(controller, &environment()).await
        })
        .await
        .unwrap();
    assert_eq!(rebuilt.blocks, 1);
    let before = world.deploys("2.0.0");
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(world.deploys("2.0.0"), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_what_left_the_manifest() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]));
    done(world.apply().await);
    let mut wish = Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]);
    wish.hosts.remove("web-02");
    wish.hosts.get_mut("web-01").unwrap().remove("web");
    world.desired.push(&wish);
    let sent = world.sent().len();
    done(world.apply().await);
    assert_eq!(world.sent().len(), sent);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\nweb-01 web 1.0.0 released\n\
         web-02 app 1.0.0 released\nweb-02 web 1.0.0 released\n"
    );
    let commits = world.committed().len();
    done(world.apply().await);
    assert_eq!(world.committed().len(), commits, "said once");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_refuses_to_act() {
    for (skew, acts) in [(60, true), (61, false), (-61, false)] {
        let world = one();
        world.transport.set_skew(skew);
        let pass = world.apply().await;
        assert_eq!(pass.is_ok(), acts, "{skew} s: {pass:?}");
        if !acts {
            assert!(matches!(pass, Err(ReconcileError::ClockSkew(it)) if it == skew));
            assert!(world.committed().is_empty());
            assert!(world.sent().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_sequence_on_the_host_supersedes_and_the_next_goes_above() {
    let world = one();
    done(world.apply().await);
    let highest = world.recorded().environment.sequence;
    // Another ledger, written by a machine whose clock is behind.
    let lost = MemoryLedger::new();
    let clock = world.clock.behind(seconds(50));
    let apply = async || {
        world
            .with_clock(&clock, "here/1", &lost, async |controller| {
                let options = ApplyOptions::default();
                reconcile::apply(controller, &environment(), &options).await
            })
            .await
            .unwrap()
    };
    let pass = apply().await;
    assert_eq!(
        pass.class(),
        ExitClass::Done,
        "not a failure: {:?}",
        pass.outcome
    );
    assert_eq!(lost.now(&environment()).environment.sequence, highest);
    let superseded = world.transport.history();
    let superseded = superseded
        .iter()
        .filter(|it| it.kind == HostActionKind::Reported(ReportOutcome::Superseded));
    assert_eq!(superseded.count(), 1);
    apply().await;
    assert_eq!(lost.now(&environment()).environment.sequence, highest + 1);
    let record = &lost.now(&environment()).hosts["web-01"];
    assert_eq!(record.services["app"].state.as_str(), "healthy");
}

#[tokio::test(start_paused = true)]
async fn no_rollout_is_recorded_whose_every_host_is_offline() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    for host in ["web-01", "web-02"] {
        world.transport.set_online(&instance(host), false);
    }
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::AllOffline));
    assert_eq!(pass.class(), ExitClass::Done);
    assert!(world.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deferred_host_is_caught_up_when_it_is_back() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    world.transport.set_online(&instance("web-02"), false);
    done(world.apply().await);
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
    let before = (world.committed().len(), world.sent().len());
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    assert_eq!(pass.class(), ExitClass::Done, "deferred alone is no 5");
    assert_eq!((world.committed().len(), world.sent().len()), before);

    world.transport.set_online(&instance("web-02"), true);
    let pass = world.apply().await.unwrap();
    let PassOutcome::Ended(record) = &pass.outcome else {
        panic!("{:?}", pass.outcome)
    };
    assert_eq!(
        (record.total, record.completed),
        (1, 1),
        "a rollout of its own"
    );
    assert!(world.recorded().blocked.untouched.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_offline_host_may_count_as_failed() {
    let policy = RolloutPolicy {
        offline: Offline::Fail,
        ..RolloutPolicy::default()
    };
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]).with(policy));
    world.transport.set_online(&instance("web-02"), false);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    let commits = world.committed().len();
    world.apply().await.unwrap();
    assert_eq!(
        world.committed().len(),
        commits,
        "it is not tried again at once"
    );
    pass_time(3_700).await;
    world.transport.set_online(&instance("web-02"), true);
    done(world.apply().await);
    assert!(world.states().contains("web-02 app 1.0.0 healthy"));
}

#[tokio::test(start_paused = true)]
async fn scripts_that_are_rendered_otherwise_by_now_are_not_sent() {
    let world = waves_of_one(2);
    slow(&world, 30);
    assert!(world.kill_after("here/1", seconds(5)).await);
    let id = last_rollout(&world);
    world
        .desired
        .render_otherwise("another fleet renders it so");
    world.apply().await.unwrap();
    let rollout = world.ledger.rollout_now(&environment(), &id).unwrap();
    let outcomes: Vec<_> = rollout.waves.iter().map(|it| it.steps[0].outcome).collect();
    assert_eq!(
        outcomes,
        [Some(Outcome::Succeeded), Some(Outcome::Superseded)]
    );
}
