//! `observe`: what is recorded of a look at the hosts.

use std::time::Duration;

use fleet::model::observation::Observation;
use fleet::reconcile::{self, ExitClass};
use fleet::transport::memory::Delivery;

use super::super::desired::{Wish, environment, instance};
use super::super::world::World;
use super::{breaks, ended, fulfilled, one_by_one};

async fn look(world: &World) -> Observation {
    let ledger = world.ledger.clone();
    let run = world.with("here/1", &ledger, async |controller| {
        reconcile::observe(controller, &environment()).await
    });
    run.await.unwrap()
}

async fn running() -> (World, Wish) {
    let wish = Wish::new(3, &[("app", "1.0.0")]);
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    (world, wish)
}

#[tokio::test(start_paused = true)]
async fn what_is_as_it_was_left_makes_no_commit() {
    let (world, _) = running().await;
    let commits = world.committed().len();
    let seen = look(&world).await;
    assert_eq!(
        (seen.looked_at, seen.drifted.len(), seen.silent.len()),
        (3, 0, 0)
    );
    assert_eq!(world.committed().len(), commits);
}

#[tokio::test(start_paused = true)]
async fn drift_is_recorded_once_and_is_held() {
    let (world, _) = running().await;
    world
        .transport
        .sicken(&instance("web-02"), &"app".into(), &"1.0.0".into());
    let seen = look(&world).await;
    assert_eq!(seen.drifted.len(), 1);
    assert_eq!(seen.drifted[0].host.as_str(), "web-02");
    assert!(
        world.states().contains("web-02 app 1.0.0 drifted"),
        "{}",
        world.states()
    );
    let commits = world.committed();
    assert_eq!(commits.last().unwrap().1, "production: drift of 1 service");
    tokio::time::sleep(Duration::from_secs(600)).await;
    look(&world).await;
    assert_eq!(world.committed().len(), commits.len(), "still the same");
    let sent = world.sent().len();
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "reported, not repaired");
    assert_eq!(world.sent().len(), sent);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_did_not_drift() {
    let (world, _) = running().await;
    let before = world.states();
    world.transport.set_online(&instance("web-01"), false);
    world
        .transport
        .next_delivery(&instance("web-02"), Delivery::NeverArrives);
    let seen = look(&world).await;
    let silent: Vec<&str> = seen.silent.iter().map(|it| it.host.as_str()).collect();
    assert_eq!(silent, ["web-01", "web-02"]);
    assert_eq!(world.states(), before);
}

/// After a rebuild nobody knows which scripts a host that went back was left with.
#[tokio::test(start_paused = true)]
async fn who_cannot_be_looked_at_is_named() {
    let wish = one_by_one(3);
    let world = fulfilled(&wish).await;
    world.desired.push(&wish.version("app", "2.0.0"));
    breaks(&world, "web-02", "2.0.0");
    ended(world.apply().await);
    world.ledger.rewrite(world.committed().len());
    let ledger = world.ledger.clone();
    let rebuilt = world.with("here/1", &ledger, async |controller| {
        reconcile::rebuild(controller, &environment()).await
    });
    rebuilt.await.unwrap();
    let states = world.states();
    assert_eq!(states.matches("rolled_back").count(), 1, "{states}");

    let seen = look(&world).await;
    let silent: Vec<&str> = seen.silent.iter().map(|it| it.host.as_str()).collect();
    assert_eq!((seen.looked_at, &*silent), (2, &["web-02"][..]));
    let why = "its record does not say which commit has its scripts";
    assert_eq!(seen.silent[0].message, why);
}

#[tokio::test(start_paused = true)]
async fn a_wave_under_way_is_left_to_its_controller() {
    let (world, wish) = running().await;
    world.desired.push(&wish.version("app", "2.0.0"));
    assert!(
        world
            .kill_after("there/2", Duration::from_millis(600))
            .await
    );
    let open = world.recorded().open.unwrap();
    assert!(open.waves.iter().any(|wave| wave.is_open()));
    let seen = look(&world).await;
    assert_eq!(seen.busy, Some(open.record.id));
}
