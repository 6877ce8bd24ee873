//! Rollouts by hand: each rule of protocol §2 and design.md §8 as a story.

use std::time::Duration;

use fleet::model::ledger::RolloutState;
use fleet::model::policy::{BatchSize, OnFailure, RolloutPolicy, Strategy};
use fleet::reconcile::{ExitClass, PassOutcome};

use super::desired::Wish;
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
