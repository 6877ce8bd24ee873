//! The fence, the heartbeat, and how long hosts take a step.

use std::time::Duration;

use fleet::ledger::memory::{MemoryLedger, PushFate};
use fleet::reconcile::{ApplyOptions, ExitClass};
use fleet::transport::memory::{Behaviour, Delivery};

use super::super::desired::{Wish, instance};
use super::super::world::World;
use super::{done, one, pass_time, seconds, slow};

#[tokio::test(start_paused = true)]
async fn a_controller_that_slept_pushes_before_it_sends_again() {
    let mut world = World::new(1, &Wish::new(1, &[("app", "1.0.0"), ("web", "1.0.0")]));
    // So that a push before the sending and one right behind it are seconds apart.
    world.ledger = MemoryLedger::new().with_latency(seconds(2));
    slow(&world, 100);
    let options = ApplyOptions::default();
    let mut pass = std::pin::pin!(world.apply_as("here/1", &options));
    let running = tokio::time::timeout(seconds(50), &mut pass).await;
    assert!(running.is_err());
    pass_time(400).await;
    done(pass.await);
    let round_two = world
        .sent()
        .iter()
        .find(|(_, end)| end == "1.2-1")
        .unwrap()
        .0;
    let last_push = world
        .committed()
        .into_iter()
        .map(|(at, _)| at)
        .filter(|at| *at < round_two)
        .max();
    assert!(round_two >= 400, "sent at {round_two}");
    assert!(
        round_two - last_push.unwrap() < 360,
        "pushed at {last_push:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_takes_a_step_for_ten_minutes_after_the_push() {
    for (late, ran) in [(590, true), (610, false)] {
        let world = one();
        let delivery = Delivery::Late(seconds(late));
        world.transport.next_delivery(&instance("web-01"), delivery);
        world.apply().await.unwrap();
        assert_eq!(world.deploys("1.0.0") == 1, ran, "after {late} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_wave_is_committed_every_five_minutes() {
    let world = World::new(1, &{
        let mut wish = Wish::new(1, &[("app", "1.0.0")]);
        wish.timeout = fleet::model::time::Seconds(3_600);
        wish
    });
    slow(&world, 1_000);
    done(world.apply().await);
    let times: Vec<i64> = world.committed().iter().map(|(at, _)| *at).collect();
    assert_eq!(
        times.len(),
        5,
        "intent, three signs of life, outcome: {times:?}"
    );
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] <= 305),
        "{times:?}"
    );
}

/// A world in which a push takes this long, and whether a host ran what it got so much later.
async fn ran_late(push: u64, fate: PushFate, late: u64) -> bool {
    let mut world = one();
    world.ledger = MemoryLedger::new().with_latency(seconds(push));
    world.ledger.next_push(fate);
    let delivery = Delivery::Late(seconds(late));
    world.transport.next_delivery(&instance("web-01"), delivery);
    world.apply().await.unwrap();
    world.deploys("1.0.0") == 1
}

#[tokio::test(start_paused = true)]
async fn what_a_push_takes_is_not_given_to_hosts() {
    assert!(ran_late(200, PushFate::Accept, 380).await);
    assert!(!ran_late(200, PushFate::Accept, 420).await);
}

#[tokio::test(start_paused = true)]
async fn an_unclear_push_counts_from_its_own_begin() {
    assert!(ran_late(100, PushFate::AnswerLost, 370).await);
    assert!(!ran_late(100, PushFate::AnswerLost, 420).await);
}

#[tokio::test(start_paused = true)]
async fn a_second_sign_of_life_in_one_second_renews_the_fence_too() {
    let world = one();
    world
        .transport
        .scripts(|_| Behaviour::default().taking(Duration::from_millis(100)));
    let web = instance("web-01");
    world.transport.next_delivery(&web, Delivery::Garbled);
    let leave = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.stop.send_replace(true);
    };
    let (pass, ()) = tokio::join!(world.apply(), leave);
    assert_eq!(pass.unwrap().class(), ExitClass::Stopped);
    world.stop.send_replace(false);
    // It asks, behind a fence of its own, in the second in which the other one left.
    done(world.apply().await);
    let ends: Vec<String> = world.sent().into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, ["1.1-1", "1.0-1"]);
}
