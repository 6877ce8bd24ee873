//! Each rule of protocol §2 as a story that goes wrong without it.

use std::time::Duration;

use fleet::ledger::LedgerError;
use fleet::ledger::memory::{MemoryLedger, PushFate};
use fleet::model::ledger::{EnvironmentRecord, RolloutState, Write};
use fleet::model::policy::{BatchSize, Offline, RolloutPolicy, Strategy};
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::reconcile::{self, ApplyOptions, ExitClass, PassOutcome, ReconcileError};
use fleet::transport::memory::{Behaviour, Delivery, Ending, HostActionKind, SendFate};

use super::desired::{Wish, environment, instance};
use super::world::World;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn pass_time(n: u64) {
    tokio::time::sleep(seconds(n)).await;
}

/// One host, one service, nothing there yet.
fn one() -> World {
    World::new(1, &Wish::new(1, &[("app", "1.0.0")]))
}

fn waves_of_one(hosts: usize) -> World {
    let policy = RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(1)],
        ..RolloutPolicy::default()
    };
    World::new(1, &Wish::new(hosts, &[("app", "1.0.0")]).with(policy))
}

fn slow(world: &World, takes: u64) {
    world
        .transport
        .scripts(move |_| Behaviour::default().taking(seconds(takes)));
}

/// Applies, and kills the controller as soon as the service has taken the first command.
async fn kill_once_sent(world: &World) {
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
fn outcome(world: &World, wave: u32) -> Option<Outcome> {
    let id = last_rollout(world);
    let rollout = world.ledger.rollout_now(&environment(), &id).unwrap();
    let wave = rollout.waves.iter().find(|it| it.wave == wave).unwrap();
    wave.steps[0].outcome
}

fn last_rollout(world: &World) -> fleet::model::id::RolloutId {
    let commits = world.ledger.commits();
    let plans = commits.iter().flat_map(|commit| &commit.writes);
    let ids = plans.filter_map(|write| match write {
        Write::Plan(id, _) => Some(id.clone()),
        _ => None,
    });
    ids.max().expect("a rollout")
}

fn done(pass: Result<reconcile::Pass, ReconcileError>) {
    let pass = pass.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
}

// Intent and sequence.

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
    let now = u64::try_from(super::world::EPOCH).unwrap() + 100;
    assert_eq!(sequence, now);
}

// The fence, the heartbeat, and how long hosts take a step.

#[tokio::test(start_paused = true)]
async fn a_controller_that_slept_pushes_before_it_sends_again() {
    let world = World::new(1, &Wish::new(1, &[("app", "1.0.0"), ("web", "1.0.0")]));
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
        .filter(|at| *at <= round_two)
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

// Somebody else's wave.

#[tokio::test(start_paused = true)]
async fn a_foreign_wave_is_left_alone_until_its_tip_stood_still_for_twelve_minutes() {
    let world = waves_of_one(2);
    slow(&world, 30);
    assert!(world.kill_after("there/2", seconds(10)).await);
    let commits = world.committed().len();
    done(world.apply().await);
    let taken_over = world.committed()[commits].0;
    assert!((720..760).contains(&taken_over), "at {taken_over}");
    assert_eq!(world.deploys("1.0.0"), 2);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_a_foreign_wave_is_somebody_elses() {
    let world = waves_of_one(2);
    slow(&world, 30);
    assert!(world.kill_after("there/2", seconds(10)).await);
    let before = (world.committed().len(), world.sent().len());
    let options = ApplyOptions {
        no_wait: true,
        ..ApplyOptions::default()
    };
    let pass = world.apply_as("here/1", &options).await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!((world.committed().len(), world.sent().len()), before);
}

#[tokio::test(start_paused = true)]
async fn the_same_machine_or_a_person_finishes_at_once() {
    for (writer, take_over) in [("there/2", false), ("here/1", true)] {
        let world = waves_of_one(2);
        slow(&world, 30);
        assert!(world.kill_after("there/2", seconds(10)).await);
        let options = ApplyOptions {
            take_over,
            ..ApplyOptions::default()
        };
        done(world.apply_as(writer, &options).await);
        let last = world.committed().last().unwrap().0;
        assert!(last < 120, "{writer} at {last}");
        assert_eq!(world.deploys("1.0.0"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_living_controller_is_never_taken_over() {
    let world = World::new(1, &{
        let mut wish = Wish::new(1, &[("app", "1.0.0")]);
        wish.timeout = fleet::model::time::Seconds(7_200);
        wish
    });
    slow(&world, 3_000);
    let options = ApplyOptions::default();
    let (there, here) = tokio::join!(world.apply_as("there/2", &options), async {
        pass_time(5).await;
        world.apply_as("here/1", &options).await
    });
    done(there);
    done(here);
    let commits = world.ledger.commits();
    let writers = commits.iter().flat_map(|commit| &commit.writes);
    for write in writers {
        if let Write::Wave(_, wave) = write {
            assert_eq!(wave.writer, "there/2");
        }
    }
    assert_eq!(world.sent().len(), 1);
}

// Pushes that did not clearly succeed.

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
        .filter(|event| matches!(event.kind, fleet::model::event::EventKind::Planned { .. }));
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

// Recovery.

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
async fn once_asked_a_step_is_not_sent_again() {
    let world = one();
    // The question is on its way when the controller dies; the answer never comes.
    world
        .transport
        .next_delivery(&instance("web-01"), Delivery::NeverArrives);
    world
        .transport
        .next_delivery(&instance("web-01"), Delivery::NeverArrives);
    let asked = async {
        while !world.sent().iter().any(|(_, end)| end.starts_with("1.0")) {
            pass_time(1).await;
        }
    };
    tokio::select! {
        _ = world.apply() => panic!("it was to be killed"),
        () = asked => {}
    }
    // The first sending is forgotten by the service: only the question can be found.
    world.apply().await.unwrap();
    let steps = world
        .sent()
        .into_iter()
        .filter(|(_, end)| end.starts_with("1.1"));
    assert_eq!(steps.count(), 1);
    assert_eq!(world.deploys("1.0.0"), 0);
    assert_eq!(outcome(&world, 1), Some(Outcome::Untouched));
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

// The rest of §2.

#[tokio::test(start_paused = true)]
async fn a_rewritten_ledger_stops_the_environment_until_it_is_rebuilt() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    let ledger = world.ledger.clone();
    let apply = async || {
        let options = ApplyOptions::default();
        world
            .with("here/1", &ledger, async |controller| {
                reconcile::apply(controller, &environment(), &options).await
            })
            .await
    };
    done(apply().await);
    let commits = world.committed().len();
    world.ledger.rewrite(commits);
    let error = apply().await.unwrap_err();
    assert!(
        matches!(error, ReconcileError::Ledger(LedgerError::Rewritten { .. })),
        "{error:?}"
    );
    let sent = world.sent().len();
    let rebuilt = world
        .with("here/1", &ledger, async |controller| {
            reconcile::rebuild(controller, &environment()).await
        })
        .await
        .unwrap();
    assert_eq!(rebuilt.told.len(), 2);
    assert!(rebuilt.changed);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\nweb-02 app 1.0.0 healthy\n"
    );
    let sequence = world.recorded().environment.sequence;
    assert!(sequence >= u64::try_from(super::world::EPOCH).unwrap());
    let pass = apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    let asked = world.sent().into_iter().skip(sent);
    assert!(asked.into_iter().all(|(_, end)| end.starts_with("0.0")));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_brings_back_what_was_blocked() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    done(world.apply().await);
    world.desired.push(&Wish::new(2, &[("app", "2.0.0")]));
    world.transport.script(
        &instance("web-02"),
        &"app".into(),
        &"2.0.0".into(),
        Behaviour::new(Ending::RollBack),
    );
    assert_eq!(world.apply().await.unwrap().class(), ExitClass::Failed);
    let commits = world.committed().len();
    world.ledger.rewrite(commits);
    let ledger = world.ledger.clone();
    let rebuilt = world
        .with("here/1", &ledger, async |controller| {
            reconcile::rebuild(controller, &environment()).await
        })
        .await
        .unwrap();
    assert_eq!(rebuilt.blocks, 1);
    let before = world.deploys("2.0.0");
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Held);
    assert_eq!(world.deploys("2.0.0"), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_what_left_the_manifest() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]));
    done(world.apply().await);
    let mut wish = Wish::new(2, &[("app", "1.0.0"), ("web", "1.0.0")]);
    wish.hosts.remove("web-02");
    wish.hosts.get_mut("web-01").unwrap().remove("web");
    world.desired.push(&wish);
    let sent = world.sent().len();
    done(world.apply().await);
    assert_eq!(world.sent().len(), sent);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 healthy\nweb-01 web 1.0.0 released\n\
         web-02 app 1.0.0 released\nweb-02 web 1.0.0 released\n"
    );
    let commits = world.committed().len();
    done(world.apply().await);
    assert_eq!(world.committed().len(), commits, "said once");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_refuses_to_act() {
    for (skew, acts) in [(60, true), (61, false), (-61, false)] {
        let world = one();
        world.transport.set_skew(skew);
        let pass = world.apply().await;
        assert_eq!(pass.is_ok(), acts, "{skew} s: {pass:?}");
        if !acts {
            assert!(matches!(pass, Err(ReconcileError::ClockSkew(it)) if it == skew));
            assert!(world.committed().is_empty());
            assert!(world.sent().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_sequence_on_the_host_supersedes_and_the_next_goes_above() {
    let world = one();
    done(world.apply().await);
    let highest = world.recorded().environment.sequence;
    // Another ledger, written by a machine whose clock is behind.
    let lost = MemoryLedger::new();
    let clock = world.clock.behind(seconds(50));
    let apply = async || {
        world
            .with_clock(&clock, "here/1", &lost, async |controller| {
                let options = ApplyOptions::default();
                reconcile::apply(controller, &environment(), &options).await
            })
            .await
            .unwrap()
    };
    let pass = apply().await;
    assert_eq!(
        pass.class(),
        ExitClass::Done,
        "not a failure: {:?}",
        pass.outcome
    );
    assert_eq!(lost.now(&environment()).environment.sequence, highest);
    let superseded = world.transport.history();
    let superseded = superseded
        .iter()
        .filter(|it| it.kind == HostActionKind::Reported(ReportOutcome::Superseded));
    assert_eq!(superseded.count(), 1);
    apply().await;
    assert_eq!(lost.now(&environment()).environment.sequence, highest + 1);
    let record = &lost.now(&environment()).hosts["web-01"];
    assert_eq!(record.services["app"].state.as_str(), "healthy");
}

#[tokio::test(start_paused = true)]
async fn no_rollout_is_recorded_whose_every_host_is_offline() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    for host in ["web-01", "web-02"] {
        world.transport.set_online(&instance(host), false);
    }
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::AllOffline));
    assert_eq!(pass.class(), ExitClass::Done);
    assert!(world.committed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deferred_host_is_caught_up_when_it_is_back() {
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]));
    world.transport.set_online(&instance("web-02"), false);
    done(world.apply().await);
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
    let before = (world.committed().len(), world.sent().len());
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    assert_eq!(pass.class(), ExitClass::Done, "deferred alone is no 5");
    assert_eq!((world.committed().len(), world.sent().len()), before);

    world.transport.set_online(&instance("web-02"), true);
    let pass = world.apply().await.unwrap();
    let PassOutcome::Ended(record) = &pass.outcome else {
        panic!("{:?}", pass.outcome)
    };
    assert_eq!(
        (record.total, record.completed),
        (1, 1),
        "a rollout of its own"
    );
    assert!(world.recorded().blocked.untouched.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_offline_host_may_count_as_failed() {
    let policy = RolloutPolicy {
        offline: Offline::Fail,
        ..RolloutPolicy::default()
    };
    let world = World::new(1, &Wish::new(2, &[("app", "1.0.0")]).with(policy));
    world.transport.set_online(&instance("web-02"), false);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed);
    let commits = world.committed().len();
    world.apply().await.unwrap();
    assert_eq!(
        world.committed().len(),
        commits,
        "it is not tried again at once"
    );
    pass_time(3_700).await;
    world.transport.set_online(&instance("web-02"), true);
    done(world.apply().await);
    assert!(world.states().contains("web-02 app 1.0.0 healthy"));
}
