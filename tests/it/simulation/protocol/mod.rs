//! Each rule of protocol §2 as a story that goes wrong without it.

mod fence;
mod foreign;
mod intent;
mod pushes;
mod recovery;
mod rest;
mod told;

use std::time::Duration;

use fleet::model::ledger::Write;
use fleet::model::policy::{BatchSize, RolloutPolicy, Strategy};
use fleet::model::report::Outcome;
use fleet::reconcile;
use fleet::reconcile::{ExitClass, ReconcileError};
use fleet::transport::memory::Behaviour;

use super::desired::{Wish, environment};
use super::world::World;

pub(super) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) async fn pass_time(n: u64) {
    tokio::time::sleep(seconds(n)).await;
}

/// One host, one service, nothing there yet.
pub(super) fn one() -> World {
    World::new(1, &Wish::new(1, &[("app", "1.0.0")]))
}

pub(super) fn waves_of_one(hosts: usize) -> World {
    let policy = RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(1)],
        ..RolloutPolicy::default()
    };
    World::new(1, &Wish::new(hosts, &[("app", "1.0.0")]).with(policy))
}

pub(super) fn slow(world: &World, takes: u64) {
    world
        .transport
        .scripts(move |_| Behaviour::default().taking(seconds(takes)));
}

/// Applies, and kills the controller as soon as the service has taken the first command.
pub(super) async fn kill_once_sent(world: &World) {
    let sent = async {
        while world.sent().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        _ = world.apply() => panic!("it was to be killed"),
        () = sent => {}
    }
}

/// The outcome of the only step of a wave of the last rollout.
pub(super) fn outcome(world: &World, wave: u32) -> Option<Outcome> {
    let id = last_rollout(world);
    let rollout = world.ledger.rollout_now(&environment(), &id).unwrap();
    let wave = rollout.waves.iter().find(|it| it.wave == wave).unwrap();
    wave.steps[0].outcome
}

pub(super) fn last_rollout(world: &World) -> fleet::model::id::RolloutId {
    let commits = world.ledger.commits();
    let plans = commits.iter().flat_map(|commit| &commit.writes);
    let ids = plans.filter_map(|write| match write {
        Write::Plan(id, _) => Some(id.clone()),
        _ => None,
    });
    ids.max().expect("a rollout")
}

pub(super) fn done(pass: Result<reconcile::Pass, ReconcileError>) {
    let pass = pass.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
}
