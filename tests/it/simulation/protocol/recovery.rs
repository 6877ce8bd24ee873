//! Recovery: what a restart finds again, asks for or sends again.

use fleet::model::ledger::RolloutState;
use fleet::model::report::Outcome;
use fleet::reconcile;
use fleet::reconcile::{ApplyOptions, ExitClass};
use fleet::transport::memory::{Behaviour, Delivery, Ending, HostActionKind, SendFate, Stage};

use super::super::desired::{Wish, environment, instance};
use super::super::world::World;
use super::{
    done, kill_once_sent, last_rollout, one, outcome, pass_time, seconds, slow, waves_of_one,
};

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_found_by_its_comment() {
    let world = one();
    slow(&world, 30);
    assert!(world.kill_after("here/1", seconds(5)).await);
    assert_eq!(world.sent().len(), 1);
    done(world.apply().await);
    assert_eq!(world.sent().len(), 1, "not sent again");
    assert_eq!(outcome(&world, 1), Some(Outcome::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_found_is_sent_a_minute_after_the_intent() {
    let world = one();
    world.transport.next_send(SendFate::RequestLost);
    assert!(world.kill_after("here/1", seconds(5)).await);
    assert!(world.sent().is_empty());
    done(world.apply().await);
    let sent = world.sent();
    assert_eq!(sent.len(), 1);
    assert!((60..70).contains(&sent[0].0), "at {}", sent[0].0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_does_not_make_a_double() {
    let world = one();
    slow(&world, 200);
    world.transport.set_visibility_delay(seconds(45));
    assert!(world.kill_after("here/1", seconds(5)).await);
    done(world.apply().await);
    assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
}

#[tokio::test(start_paused = true)]
async fn every_sending_of_a_step_has_a_number_of_its_own() {
    let world = one();
    world.transport.next_send(SendFate::Unreachable);
    world.transport.next_send(SendFate::RequestLost);
    done(world.apply().await);
    let sent = world.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1, "1.1-3");
}

#[tokio::test(start_paused = true)]
async fn a_send_without_clear_answer_is_looked_for_before_it_is_repeated() {
    let world = one();
    slow(&world, 30);
    world.transport.next_send(SendFate::AnswerLost);
    done(world.apply().await);
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.deploys("1.0.0"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_receipt_counts_at_once_where_it_was_sent_once() {
    let world = one();
    world
        .transport
        .scripts(|_| Behaviour::new(Ending::RefuseEarly));
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    assert_eq!(outcome(&world, 1), Some(Outcome::Refused));
    assert!(world.committed().last().unwrap().0 < 60);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_receipt_is_asked_for_where_somebody_else_may_have_sent_it() {
    let world = one();
    world
        .transport
        .scripts(|_| Behaviour::new(Ending::RefuseEarly).taking(seconds(20)));
    kill_once_sent(&world).await;
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    assert_eq!(
        outcome(&world, 1),
        Some(Outcome::Untouched),
        "told by the host itself"
    );
    let closed = world.committed().last().unwrap().0;
    assert!(
        closed > 660,
        "untouched counts only after not_after: {closed}"
    );
    assert!(world.sent().iter().any(|(_, end)| end.starts_with("1.0")));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_receipt_counts_whoever_sent_it() {
    let world = one();
    world
        .transport
        .scripts(|_| Behaviour::new(Ending::Refuse).taking(seconds(20)));
    kill_once_sent(&world).await;
    world.apply().await.unwrap();
    assert_eq!(outcome(&world, 1), Some(Outcome::Refused));
    assert!(world.committed().last().unwrap().0 < 120);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_and_found_on_the_host() {
    for fate in [Delivery::ReplyLost, Delivery::Garbled] {
        let world = one();
        world.transport.next_delivery(&instance("web-01"), fate);
        done(world.apply().await);
        let ends: Vec<String> = world.sent().into_iter().map(|(_, end)| end).collect();
        assert_eq!(ends, ["1.1-1", "1.0-1"], "{fate:?}");
        assert_eq!(world.deploys("1.0.0"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_reports_are_not_called_silence() {
    let world = one();
    world.transport.deliveries(|_, _| Delivery::Garbled);
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Failed);
    let id = last_rollout(&world);
    let rollout = world.ledger.rollout_now(&environment(), &id).unwrap();
    let step = &rollout.waves[0].steps[0];
    assert_eq!(step.outcome, Some(Outcome::Unknown));
    assert!(step.message.contains("is no report"), "{}", step.message);
    assert_eq!(world.deploys("1.0.0"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_never_arrived_is_untouched_once_nobody_takes_it_any_more() {
    let world = one();
    world
        .transport
        .next_delivery(&instance("web-01"), Delivery::NeverArrives);
    world.apply().await.unwrap();
    assert_eq!(outcome(&world, 1), Some(Outcome::Untouched));
    assert!(world.committed().last().unwrap().0 >= 660);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_report_is_asked_about_at_once() {
    let world = one();
    let web = instance("web-01");
    world.transport.next_delivery(&web, Delivery::Garbled);
    done(world.apply().await);
    let (at, end) = world.sent().pop().unwrap();
    assert_eq!(end, "1.0-1");
    assert!(at < 10, "not when the service gives up, but at {at}");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_a_host_is_asked_whatever_the_service_says() {
    let world = one();
    let web = instance("web-01");
    world.transport.next_delivery(&web, Delivery::Unheard);
    let pass = tokio::time::timeout(seconds(7_200), world.apply()).await;
    done(pass.expect("it does not wait for ever"));
    let (at, end) = world.sent().pop().unwrap();
    assert_eq!(end, "1.0-1");
    // not_after + 60 s + 7 × timeout.
    let deadline = 600 + 60 + 7 * 60;
    assert!((deadline..deadline + 10).contains(&at), "at {at}");
    assert_eq!(outcome(&world, 1), Some(Outcome::Succeeded));
    assert_eq!(world.deploys("1.0.0"), 1);
}

/// How often a step was sent; not how often it was asked about.
fn sendings(world: &World) -> usize {
    let sent = world.sent();
    sent.iter()
        .filter(|(_, end)| end.starts_with("1.1"))
        .count()
}

/// Applies, and kills the controller once it has asked.
async fn kill_once_asked(world: &World) {
    let asked = async {
        while !world.sent().iter().any(|(_, end)| end.starts_with("1.0")) {
            pass_time(1).await;
        }
    };
    tokio::select! {
        _ = world.apply() => panic!("it was to be killed"),
        () = asked => {}
    }
}

#[tokio::test(start_paused = true)]
async fn once_asked_a_step_is_not_sent_again() {
    let world = one();
    let web = instance("web-01");
    // Neither the step nor the question arrives, and the next process finds the question alone.
    for _ in 0..2 {
        world.transport.next_delivery(&web, Delivery::NeverArrives);
    }
    world.transport.set_visibility_delay(seconds(86_400));
    let (_, ()) = tokio::join!(kill_once_asked(&world), async {
        pass_time(60).await;
        world.transport.set_visibility_delay(seconds(0));
    });
    world.apply().await.unwrap();
    assert_eq!(sendings(&world), 1);
    assert_eq!(world.deploys("1.0.0"), 0);
    assert_eq!(outcome(&world, 1), Some(Outcome::Untouched));
}

#[tokio::test(start_paused = true)]
async fn nor_where_another_sending_of_it_finds_its_host_busy() {
    let world = one();
    let web = instance("web-01");
    slow(&world, 400);
    // Three sendings, of which none is found before the last. The first is cut off in deploy, which
    // the asking has to undo; meanwhile the last one waits in vain for the host's lock.
    world.transport.set_visibility_delay(seconds(100));
    for _ in 0..2 {
        world.transport.next_send(SendFate::AnswerLost);
    }
    let cut_off = Delivery::Killed {
        stage: Stage::Deploy,
        again: None,
    };
    for fate in [
        cut_off,
        Delivery::NeverArrives,
        Delivery::Late(seconds(130)),
    ] {
        world.transport.next_delivery(&web, fate);
    }
    assert!(world.kill_after("here/1", seconds(75)).await);
    assert_eq!(sendings(&world), 3);
    pass_time(100).await;
    world.apply().await.unwrap();
    let history = world.transport.history();
    assert!(history.iter().any(|it| it.kind == HostActionKind::Busy));
    assert_eq!(sendings(&world), 3);
    assert_eq!(outcome(&world, 1), Some(Outcome::RolledBack));
    assert_eq!(world.deploys("1.0.0"), 1);
}

#[tokio::test(start_paused = true)]
async fn no_answer_to_the_asking_is_unknown_and_the_wave_closes() {
    let world = one();
    slow(&world, 30);
    let web = instance("web-01");
    let vanish = async {
        pass_time(5).await;
        world.transport.set_online(&web, false);
    };
    let (pass, ()) = tokio::join!(world.apply(), vanish);
    assert_eq!(pass.unwrap().class(), ExitClass::Failed);
    assert_eq!(outcome(&world, 1), Some(Outcome::Unknown));
    let closed = world.committed().last().unwrap().0;
    // not_after + 60 s + 7 × timeout, and two minutes for the answer.
    let deadline = 600 + 60 + 7 * 60 + 120;
    assert!((deadline..deadline + 20).contains(&closed), "at {closed}");

    // Nothing newer is sent to it before it has answered.
    world.desired.push(&Wish::new(1, &[("app", "2.0.0")]));
    let before = world.sent().len();
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held, "{:?}", pass.outcome);
    assert_eq!(world.sent().len(), before);

    // It is asked when it is back, and then goes on.
    world.transport.set_online(&web, true);
    done(world.apply().await);
    assert_eq!(world.states(), "web-01 app 2.0.0 healthy\n");
    assert_eq!((world.deploys("1.0.0"), world.deploys("2.0.0")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_the_recorded_revision_hosts_are_only_asked() {
    let world = waves_of_one(2);
    slow(&world, 30);
    assert!(world.kill_after("here/1", seconds(5)).await);
    world.desired.push(&Wish::new(2, &[("app", "1.0.0")]));
    world.desired.lose_history();
    let sent = world.sent().len();
    let id = last_rollout(&world);
    let _pass = world.apply().await.unwrap();
    let gone = world.ledger.rollout_now(&environment(), &id).unwrap();
    assert_eq!(gone.record.state, RolloutState::Failed);
    assert!(
        gone.record.reason.contains("is gone"),
        "{}",
        gone.record.reason
    );
    let of_it = |sent: &fleet::model::task::SentCommand| {
        sent.comment.rollout == id && sent.comment.round > 0
    };
    let accepted = world.transport.accepted();
    assert_eq!(accepted.iter().filter(|it| of_it(it)).count(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_busy_host_is_sent_its_step_again() {
    let world = one();
    slow(&world, 100);
    // Started twice at once: the second run finds the lock held and says so first.
    world.transport.next_send(SendFate::RequestLost);
    world.transport.next_send(SendFate::AnswerLost);
    world
        .transport
        .next_delivery(&instance("web-01"), Delivery::Twice(seconds(1)));
    done(world.apply().await);
    assert_eq!(world.deploys("1.0.0"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_ahead_of_the_services_still_finds_what_was_sent() {
    let world = one();
    slow(&world, 30);
    let clock = world.clock.ahead(seconds(50));
    let options = ApplyOptions::default();
    let apply = async || {
        let ledger = world.ledger.clone();
        world
            .with_clock(&clock, "here/1", &ledger, async |controller| {
                reconcile::apply(controller, &environment(), &options).await
            })
            .await
    };
    assert!(tokio::time::timeout(seconds(5), apply()).await.is_err());
    done(apply().await);
    assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
}

#[tokio::test(start_paused = true)]
async fn part_numbers_go_on_where_another_process_stopped() {
    let world = one();
    for _ in 0..2 {
        world
            .transport
            .next_delivery(&instance("web-01"), Delivery::NeverArrives);
    }
    kill_once_asked(&world).await;
    world.apply().await.unwrap();
    let ends: Vec<String> = world.sent().into_iter().map(|(_, end)| end).collect();
    assert!(ends.contains(&"1.0-2".to_owned()), "{ends:?}");
    let first = ends.iter().filter(|end| *end == "1.0-1");
    assert_eq!(first.count(), 1, "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_thirty_days_is_asked_for() {
    let world = one();
    world.transport.next_send(SendFate::RequestLost);
    assert!(world.kill_after("here/1", seconds(5)).await);
    pass_time(31 * 86_400).await;
    world.apply().await.unwrap();
    let ends: Vec<String> = world.sent().into_iter().map(|(_, end)| end).collect();
    assert!(ends.iter().all(|end| end.starts_with("1.0")), "{ends:?}");
    assert_eq!(outcome(&world, 1), Some(Outcome::Untouched));
}

#[tokio::test(start_paused = true)]
async fn without_the_recorded_revision_what_cannot_be_found_is_asked_for() {
    let world = one();
    world.transport.next_send(SendFate::RequestLost);
    assert!(world.kill_after("here/1", seconds(5)).await);
    let id = last_rollout(&world);
    world.desired.push(&Wish::new(1, &[("app", "1.0.0")]));
    world.desired.lose_history();
    world.apply().await.unwrap();
    let gone = world.ledger.rollout_now(&environment(), &id).unwrap();
    assert_eq!(gone.record.state, RolloutState::Failed);
    let step = &gone.waves[0].steps[0];
    assert_eq!(step.outcome, Some(Outcome::Untouched), "{step:?}");
    let accepted = world.transport.accepted();
    let mut of_it = accepted.iter().filter(|it| it.comment.rollout == id);
    assert!(of_it.all(|it| it.comment.round == 0));
}
