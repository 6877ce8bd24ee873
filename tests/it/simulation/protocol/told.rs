//! While a step is waited for, people hear for what and until when.

use fleet::ledger::memory::PushFate;
use fleet::model::event::{EventKind, StepProgress};
use fleet::transport::memory::{Delivery, SendFate};

use super::super::desired::instance;
use super::super::world::{EPOCH, World};
use super::{done, one, seconds, slow};

/// What was told of steps on their way, with times since the start.
fn told(world: &World) -> Vec<String> {
    let events = world.events.lock().unwrap();
    let of_step = events.iter().filter_map(|event| {
        let EventKind::Step {
            progress,
            message,
            next,
            until,
            ..
        } = &event.kind
        else {
            return None;
        };
        if matches!(progress, StepProgress::Over(_)) {
            return None;
        }
        let mut line = format!("{} {progress:?}", event.at.unix() - EPOCH);
        if !message.is_empty() {
            line += &format!(" {message}");
        }
        if let Some(next) = next {
            line += &format!(" next {}", next.unix() - EPOCH);
        }
        if let Some(until) = until {
            line += &format!(" until {}", until.unix() - EPOCH);
        }
        Some(line)
    });
    of_step.collect()
}

#[tokio::test(start_paused = true)]
async fn how_long_a_host_that_never_started_is_waited_for() {
    let world = one();
    let web = instance("web-01");
    world.transport.next_delivery(&web, Delivery::NeverArrives);
    world.apply().await.unwrap();
    insta::assert_snapshot!(told(&world).join("\n"), @r"
    0 Sent
    120 Asking until 240
    120 Waiting not started so far, asked again next 665 until 1200
    665 Asking until 785
    ");
}

#[tokio::test(start_paused = true)]
async fn how_long_a_silent_host_is_waited_for() {
    let world = one();
    let web = instance("web-01");
    world.transport.deliveries(|_, _| Delivery::Garbled);
    world.transport.next_delivery(&web, Delivery::ReplyLost);
    world.apply().await.unwrap();
    insta::assert_snapshot!(told(&world).join("\n"), @r"
    0 Sent
    661 Asking until 781
    661 Waiting no answer, asked again next 1080 until 1200
    1080 Asking until 1200
    ");
}

#[tokio::test(start_paused = true)]
async fn that_a_send_without_an_answer_is_looked_for() {
    let world = one();
    world.transport.next_send(SendFate::RequestLost);
    done(world.apply().await);
    insta::assert_snapshot!(told(&world).join("\n"), @r"
    0 Waiting no word whether it was sent, looked for next 60
    60 Sent
    ");
}

#[tokio::test(start_paused = true)]
async fn that_what_another_process_may_have_sent_is_looked_for() {
    let world = one();
    slow(&world, 5);
    world.transport.next_send(SendFate::RequestLost);
    assert!(world.kill_after("here/1", seconds(5)).await);
    world.events.lock().unwrap().clear();
    done(world.apply().await);
    insta::assert_snapshot!(told(&world).join("\n"), @r"
    5 Waiting no sign that it was sent, looked for again next 60
    60 Sent
    ");
}

#[tokio::test(start_paused = true)]
async fn that_the_service_cannot_be_reached_is_said_once_and_how_long_it_is_tried() {
    let world = one();
    world.transport.next_send(SendFate::Unreachable);
    world.transport.next_send(SendFate::Unreachable);
    done(world.apply().await);
    insta::assert_snapshot!(world.waited_for().join("\n"), @"could not reach memory; tried again until 2027-01-15T08:05:00Z");
}

#[tokio::test(start_paused = true)]
async fn that_the_ledger_cannot_be_pushed_is_said_once_and_how_long_it_is_tried() {
    let world = one();
    world.ledger.next_push(PushFate::Unreachable);
    world.ledger.next_push(PushFate::Unreachable);
    done(world.apply().await);
    insta::assert_snapshot!(world.waited_for().join("\n"), @"could not reach remote memory: the test says so; tried again until 2027-01-15T08:05:00Z");
}
