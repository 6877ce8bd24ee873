//! Intent and sequence.

use fleet::ledger::memory::PushFate;
use fleet::model::ledger::{EnvironmentRecord, Write};
use fleet::reconcile::ReconcileError;

use super::super::desired::environment;
use super::super::world::EPOCH;
use super::{done, last_rollout, one, pass_time, waves_of_one};

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_intent_is_in() {
    let world = one();
    world.ledger.pushes(|_| PushFate::Unreachable);
    let error = world.apply().await.unwrap_err();
    assert!(
        matches!(&error, ReconcileError::Ledger(it) if it.is_transient()),
        "{error:?}"
    );
    assert!(world.transport.accepted().is_empty());

    world.ledger.pushes(|_| PushFate::Reject);
    assert!(world.apply().await.is_err());
    assert!(world.transport.accepted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_sequence_rises_above_what_was_given_before() {
    let world = waves_of_one(2);
    let far = 9_000_000_000;
    let record = EnvironmentRecord {
        sequence: far,
        ..EnvironmentRecord::default()
    };
    let at = world.recorded().environment;
    assert_eq!(at, EnvironmentRecord::default());
    world.ledger.commit_as_another(
        &environment(),
        "production: somebody gave a high one",
        vec![Write::Environment(record)],
        fleet::model::time::Timestamp::from_unix(0),
    );
    done(world.apply().await);
    let id = last_rollout(&world);
    let rollout = world.ledger.rollout_now(&environment(), &id).unwrap();
    let sequences: Vec<u64> = rollout.waves.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [far + 1, far + 2]);
}

#[tokio::test(start_paused = true)]
async fn the_sequence_is_at_least_the_time() {
    let world = one();
    pass_time(100).await;
    done(world.apply().await);
    let sequence = world.recorded().environment.sequence;
    let now = u64::try_from(EPOCH).unwrap() + 100;
    assert_eq!(sequence, now);
}
