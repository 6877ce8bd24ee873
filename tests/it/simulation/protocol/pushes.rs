//! Pushes that did not clearly succeed.

use fleet::ledger::memory::PushFate;
use fleet::model::event::EventKind;
use fleet::model::ledger::{EnvironmentRecord, Write};
use fleet::reconcile::{ApplyOptions, ExitClass, ReconcileError};

use super::{done, last_rollout, one, seconds, slow, waves_of_one};

#[tokio::test(start_paused = true)]
async fn an_intent_whose_answer_was_lost_is_ours() {
    let world = one();
    world.ledger.next_push(PushFate::AnswerLost);
    done(world.apply().await);
    assert_eq!(world.committed().len(), 2, "intent and outcome, once each");
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_race_nothing_of_the_plan_is_sent() {
    let world = one();
    let foreign = Write::Environment(EnvironmentRecord {
        sequence: 5,
        ..EnvironmentRecord::default()
    });
    world.ledger.next_push(PushFate::LoseTo(vec![foreign]));
    done(world.apply().await);
    let planned = last_rollout(&world);
    let accepted = world.transport.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].comment.rollout, planned, "planned anew");
    let events = world.events.lock().unwrap();
    let plans = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Planned { .. }));
    assert_eq!(plans.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_cannot_be_pushed_are_tried_for_five_minutes_and_no_wave_starts() {
    let world = waves_of_one(2);
    let mut pushes = 0;
    world.ledger.pushes(move |_| {
        pushes += 1;
        if pushes == 1 {
            PushFate::Accept
        } else {
            PushFate::Unreachable
        }
    });
    let begun = tokio::time::Instant::now();
    let error = world.apply().await.unwrap_err();
    assert!(matches!(error, ReconcileError::Ledger(it) if it.is_transient()));
    let tried = begun.elapsed().as_secs();
    assert!((300..330).contains(&tried), "for {tried} s");
    assert_eq!(world.sent().len(), 1, "no second wave");

    world.ledger.pushes(|_| PushFate::Accept);
    done(world.apply().await);
    assert_eq!(world.deploys("1.0.0"), 2);
    let twice = world
        .sent()
        .iter()
        .filter(|(_, end)| end.starts_with("1.1"))
        .count();
    assert_eq!(twice, 1, "the first one's answer was found again");
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_a_wave_that_another_controller_closed_are_dropped() {
    let world = one();
    slow(&world, 30);
    let options = ApplyOptions::default();
    let mut pass = std::pin::pin!(world.apply_as("there/2", &options));
    assert!(tokio::time::timeout(seconds(10), &mut pass).await.is_err());
    let over = ApplyOptions {
        take_over: true,
        ..ApplyOptions::default()
    };
    done(world.apply_as("here/1", &over).await);
    let before = world.committed().len();
    let pass = pass.await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    assert_eq!(world.committed().len(), before);
    assert_eq!(world.deploys("1.0.0"), 1);
}
