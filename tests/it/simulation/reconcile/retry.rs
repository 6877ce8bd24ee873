//! `retry` where no rollout is open: what it lifts, and how often.

use fleet::ledger::Ledger as _;
use fleet::model::id::RolloutId;
use fleet::model::ledger::RolloutState;
use fleet::model::statement::{Statement, Verb};
use fleet::reconcile::{self, ExitClass, PassOutcome};

use super::super::desired::{Wish, environment, fleet_name};
use super::super::world::World;
use super::{breaks, count, ended, fulfilled, one_by_one, seconds};

/// 2.0.0 failed on the only host, and is blocked.
async fn blocked() -> (World, RolloutId) {
    let wish = Wish::new(1, &[("app", "1.0.0")]);
    let world = fulfilled(&wish).await;
    world.desired.push(&wish.version("app", "2.0.0"));
    breaks(&world, "web-01", "2.0.0");
    let failed = ended(world.apply().await);
    assert_eq!(world.recorded().blocked.blocks.len(), 1);
    (world, failed.id)
}

async fn retry(world: &World, rollout: Option<RolloutId>) {
    let said = Statement {
        fleet: fleet_name(),
        environment: environment(),
        verb: Verb::Retry,
        plan: None,
        rollout,
        by: "alice".to_owned(),
        at: fleet::model::clock::Clock::now(&world.clock),
    };
    world.ledger.clone().state(&said).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_word_lifts_a_block_once() {
    let (world, failed) = blocked().await;
    retry(&world, None).await;
    let again = ended(world.apply().await);
    assert_ne!(again.id, failed);
    assert_eq!(world.deploys("2.0.0"), 2, "tried again, and failed again");
    // The same word does not lift what came of it.
    let before = count(&world);
    for _ in 0..2 {
        let pass = world.apply().await.unwrap();
        assert_eq!(pass.class(), ExitClass::Held);
    }
    assert_eq!(count(&world), before);
    assert_eq!(world.deploys("2.0.0"), 2);
}

/// The rollout that a word began is not the one it was about.
#[tokio::test(start_paused = true)]
async fn a_word_ends_one_paused_rollout_and_not_the_next() {
    let wish = one_by_one(2);
    let world = fulfilled(&wish).await;
    world.desired.push(&wish.version("app", "2.0.0"));
    for host in ["web-01", "web-02"] {
        breaks(&world, host, "2.0.0");
    }
    let first = ended(world.apply().await);
    assert_eq!(first.state, RolloutState::Paused);
    retry(&world, None).await;
    let second = ended(world.apply().await);
    assert_ne!(second.id, first.id);
    assert_eq!(second.state, RolloutState::Paused);
    for _ in 0..2 {
        let still = ended(world.apply().await);
        assert_eq!(still.id, second.id);
        assert_eq!(still.state, RolloutState::Paused);
    }
    assert_eq!(
        world.deploys("2.0.0"),
        2,
        "once, and once more for the word"
    );
}

#[tokio::test(start_paused = true)]
async fn a_word_about_a_rollout_lifts_what_that_one_blocked() {
    let (world, failed) = blocked().await;
    retry(&world, Some("20200101T000000Z-000000".into())).await;
    let before = count(&world);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held, "of another rollout");
    assert_eq!(count(&world), before);
    retry(&world, Some(failed)).await;
    ended(world.apply().await);
    assert_eq!(world.deploys("2.0.0"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_word_does_not_lift_what_is_blocked_after_it() {
    let wish = Wish::new(1, &[("app", "1.0.0")]);
    let world = fulfilled(&wish).await;
    retry(&world, None).await;
    // A person's clock may be a minute behind; this is longer ago.
    tokio::time::sleep(seconds(120)).await;
    world.desired.push(&wish.version("app", "2.0.0"));
    breaks(&world, "web-01", "2.0.0");
    ended(world.apply().await);
    let before = count(&world);
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Held);
    assert_eq!(count(&world), before);
}

/// A rebuild brings blocks back, but not which words were heard.
#[tokio::test(start_paused = true)]
async fn a_word_is_not_heard_again_after_a_rebuild() {
    let (world, _) = blocked().await;
    retry(&world, None).await;
    ended(world.apply().await);
    assert_eq!(world.deploys("2.0.0"), 2, "tried again, and failed again");
    world.ledger.rewrite(world.committed().len());
    let ledger = world.ledger.clone();
    let rebuilt = world.with("here/1", &ledger, async |controller| {
        reconcile::rebuild(controller, &environment()).await
    });
    assert_eq!(rebuilt.await.unwrap().blocks, 1);
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Held);
    assert_eq!(world.deploys("2.0.0"), 2);

    // A new one is.
    retry(&world, None).await;
    ended(world.apply().await);
    assert_eq!(world.deploys("2.0.0"), 3);
}

/// A plan that is shown says what the pass will do.
#[tokio::test(start_paused = true)]
async fn a_reader_sees_what_is_lifted_and_writes_nothing() {
    let (world, _) = blocked().await;
    let before = count(&world);
    let mut seen = world.recorded().blocked;
    let noted = reconcile::lift(&world.ledger, &environment(), &mut seen).await;
    assert!(noted.unwrap().is_none(), "nobody said anything");
    assert_eq!(seen.blocks.len(), 1);
    retry(&world, None).await;
    world.ledger.fetch().await.unwrap();
    let noted = reconcile::lift(&world.ledger, &environment(), &mut seen).await;
    assert_eq!(noted.unwrap().expect("a rollout").statements.len(), 1);
    assert!(seen.blocks.is_empty());
    assert_eq!(world.recorded().blocked.blocks.len(), 1, "still recorded");
    assert_eq!(count(&world), before);
}

/// Where nothing is blocked a word changes nothing, so nothing is committed for it.
#[tokio::test(start_paused = true)]
async fn a_word_with_nothing_to_lift_is_no_change() {
    let world = fulfilled(&Wish::new(1, &[("app", "1.0.0")])).await;
    retry(&world, None).await;
    let before = count(&world);
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    assert_eq!(count(&world), before);
}
