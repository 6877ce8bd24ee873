//! One pass, rule by rule: what it records and sends, what it leaves alone, and how it ends.

mod observe;
mod outcome;
mod passes;
mod rebuild;
mod retry;
mod unknown;

use std::time::Duration;

use fleet::model::ledger::RolloutRecord;
use fleet::model::policy::{BatchSize, OnFailure, RolloutPolicy, Strategy};
use fleet::reconcile::{Pass, PassOutcome, ReconcileError};
use fleet::transport::memory::{Behaviour, Ending};

use super::desired::{Wish, instance};
use super::world::World;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// So many hosts with one service, a wave for each.
fn one_by_one(hosts: usize) -> Wish {
    let policy = RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(1)],
        on_failure: OnFailure::Pause,
        ..RolloutPolicy::default()
    };
    Wish::new(hosts, &[("app", "1.0.0")]).with(policy)
}

/// A world in which a wish is fulfilled.
async fn fulfilled(wish: &Wish) -> World {
    let world = World::new(1, wish);
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Ended(_)));
    world
}

fn ends(world: &World, host: &str, version: &str, behaviour: Behaviour) {
    let (service, version) = ("app".into(), version.into());
    world
        .transport
        .script(&instance(host), &service, &version, behaviour);
}

fn breaks(world: &World, host: &str, version: &str) {
    ends(world, host, version, Behaviour::new(Ending::RollBack));
}

/// Ledger commits and commands so far.
fn count(world: &World) -> (usize, usize) {
    (world.committed().len(), world.sent().len())
}

fn ended(pass: Result<Pass, ReconcileError>) -> RolloutRecord {
    match pass.unwrap().outcome {
        PassOutcome::Ended(record) | PassOutcome::Paused(record) => record,
        other => panic!("{other:?}"),
    }
}
