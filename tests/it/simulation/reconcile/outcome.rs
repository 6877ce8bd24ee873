//! The exit class of a pass (design §9).

use fleet::model::id::RolloutId;
use fleet::model::ledger::{RolloutRecord, RolloutState};
use fleet::model::plan::HeldReason;
use fleet::reconcile::{ExitClass, Pass, PassOutcome};

use super::{breaks, ended, fulfilled, one_by_one};

/// A record and a plan that really were, to be changed at will.
async fn sample() -> (RolloutRecord, Pass) {
    let wish = one_by_one(2);
    let world = fulfilled(&wish).await;
    world.desired.push(&wish.version("app", "2.0.0"));
    breaks(&world, "web-01", "2.0.0");
    breaks(&world, "web-02", "2.0.0");
    let record = ended(world.apply().await);
    world.say(fleet::model::statement::Verb::Abort).await;
    ended(world.apply().await);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.plan.as_ref().unwrap().held.len(), 2);
    (record, pass)
}

#[tokio::test(start_paused = true)]
async fn every_end_has_its_class() {
    use ExitClass::{Done, Failed, Held, Stopped};
    let (record, pass) = sample().await;
    let none = |outcome| Pass {
        outcome,
        plan: None,
    };
    let class = |outcome| none(outcome).class();
    for (state, expect) in [
        (RolloutState::Succeeded, Done),
        (RolloutState::Failed, Failed),
        (RolloutState::RolledBack, Failed),
        (RolloutState::Aborted, Failed),
        (RolloutState::Superseded, Held),
    ] {
        let record = RolloutRecord {
            state,
            ..record.clone()
        };
        assert_eq!(class(PassOutcome::Ended(record)), expect, "{state:?}");
    }
    assert_eq!(class(PassOutcome::Paused(record.clone())), Failed);
    assert_eq!(class(PassOutcome::Stopped), Stopped);
    assert_eq!(class(PassOutcome::Unchanged), Done);
    assert_eq!(class(PassOutcome::AllOffline), Done);
    let held = PassOutcome::Held {
        reason: "hold of the fleet".to_owned(),
        gates: Vec::new(),
        rollout: None,
    };
    assert_eq!(class(held), Held);

    // What is held in the plan counts where nothing worse came of the pass.
    for (reason, expect) in [
        (HeldReason::Blocked, Held),
        (HeldReason::Unknown, Held),
        (HeldReason::Hold, Done),
        (HeldReason::Deferred, Done),
        (HeldReason::Refused, Done),
    ] {
        let mut plan = pass.plan.clone().unwrap();
        plan.held.truncate(1);
        plan.held[0].reason = reason;
        let with = |outcome| Pass {
            outcome,
            plan: Some(plan.clone()),
        };
        let succeeded = RolloutRecord {
            id: RolloutId::new("20261120T010140Z-3f2a91"),
            state: RolloutState::Succeeded,
            ..record.clone()
        };
        let failed = RolloutRecord {
            state: RolloutState::Failed,
            ..record.clone()
        };
        assert_eq!(with(PassOutcome::Unchanged).class(), expect, "{reason:?}");
        assert_eq!(with(PassOutcome::AllOffline).class(), expect, "{reason:?}");
        let ended = |record| with(PassOutcome::Ended(record)).class();
        assert_eq!(ended(succeeded), expect, "{reason:?}");
        assert_eq!(ended(failed), Failed, "{reason:?}");
    }
}
