//! `observe --rebuild`: what comes back from the hosts, and what does not.

use fleet::model::id::HostName;
use fleet::model::ledger::{BlockedHosts, RolloutState};
use fleet::reconcile::{self, ExitClass, PassOutcome, Rebuilt};
use fleet::transport::memory::Behaviour;

use super::super::desired::{Wish, environment, instance};
use super::super::world::World;
use super::{breaks, count, ended, fulfilled, one_by_one, seconds};

async fn rebuild(world: &World) -> Rebuilt {
    let ledger = world.ledger.clone();
    world
        .with("here/1", &ledger, async |controller| {
            reconcile::rebuild(controller, &environment()).await
        })
        .await
        .unwrap()
}

fn lose_everything(world: &World) {
    world.ledger.rewrite(world.committed().len());
    assert!(world.recorded().hosts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn states_sequences_and_blocks_come_back() {
    let wish = one_by_one(3);
    let world = fulfilled(&wish).await;
    world.desired.push(&wish.clone().version("app", "2.0.0"));
    breaks(&world, "web-02", "2.0.0");
    ended(world.apply().await);
    let (states, sequence) = (world.states(), world.recorded().environment.sequence);
    assert!(states.contains("rolled_back"), "{states}");
    lose_everything(&world);

    let rebuilt = rebuild(&world).await;
    assert_eq!(rebuilt.told.len(), 3);
    assert!(rebuilt.silent.is_empty() && rebuilt.changed);
    assert_eq!(rebuilt.blocks, 1);
    assert_eq!(world.states(), states);
    let recorded = world.recorded();
    assert!(recorded.environment.sequence >= sequence);
    assert!(recorded.open.is_none());
    let block = &recorded.blocked.blocks[0];
    assert_eq!(block.version, Some("2.0.0".into()));
    assert_eq!(block.hosts, BlockedHosts::ALL, "nobody knows who was left");
    assert_eq!(count(&world).0, 1, "one commit");

    // All of it is known now: asking again changes nothing.
    let again = rebuild(&world).await;
    assert!(!again.changed, "{again:?}");
    assert_eq!(count(&world).0, 1);
    let deploys = world.deploys("2.0.0");
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Held);
    assert_eq!(world.deploys("2.0.0"), deploys, "blocked");

    // What works is as free as before, and goes out above every sequence the hosts have seen.
    world.desired.push(&wish.version("app", "3.0.0"));
    let record = ended(world.apply().await);
    assert_eq!(record.state, RolloutState::Succeeded);
    assert_eq!((record.total, record.completed), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_keeps_its_record_and_is_named() {
    let world = fulfilled(&one_by_one(2)).await;
    world.transport.set_online(&instance("web-02"), false);
    let states = world.states();
    let rebuilt = rebuild(&world).await;
    assert_eq!(rebuilt.told, [HostName::from("web-01")]);
    let silent: Vec<_> = rebuilt.silent.keys().collect();
    assert_eq!(silent, [&HostName::from("web-02")]);
    assert_eq!(world.states(), states);

    // Lost altogether, it is not made up.
    lose_everything(&world);
    rebuild(&world).await;
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_was_open_ends() {
    let world = World::new(1, &one_by_one(2));
    world
        .transport
        .scripts(|_| Behaviour::default().taking(seconds(30)));
    assert!(world.kill_after("here/1", seconds(5)).await);
    let open = world.recorded().open.expect("an open rollout").record.id;
    // Its step goes on and ends; then the hosts are asked.
    tokio::time::sleep(seconds(60)).await;
    rebuild(&world).await;
    assert!(world.recorded().environment.open.is_none());
    let ended_one = world.ledger.rollout_now(&environment(), &open).unwrap();
    assert_eq!(ended_one.record.state, RolloutState::Failed);
    assert_eq!(ended_one.record.reason, "the ledger was rebuilt");
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
    // What it did is not done again.
    let record = ended(world.apply().await);
    assert_eq!((record.total, record.completed), (1, 1));
    assert_eq!(world.deploys("1.0.0"), 2);
}

#[tokio::test(start_paused = true)]
async fn hosts_with_nothing_on_them_leave_nothing() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    let rebuilt = rebuild(&world).await;
    assert_eq!(rebuilt.told.len(), 2);
    assert!(!rebuilt.changed);
    assert_eq!(count(&world).0, 0);
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Ended(_)));
}
