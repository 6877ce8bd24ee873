//! Somebody else's wave.

use fleet::model::event::EventKind;
use fleet::model::ledger::Write;
use fleet::reconcile::{ApplyOptions, ExitClass};

use super::super::desired::Wish;
use super::super::world::World;
use super::{done, pass_time, seconds, slow, waves_of_one};

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

#[tokio::test(start_paused = true)]
async fn what_could_not_be_looked_at_did_not_stand_still() {
    let world = waves_of_one(2);
    slow(&world, 30);
    assert!(world.kill_after("there/2", seconds(10)).await);
    let commits = world.committed().len();
    let (pass, ()) = tokio::join!(world.apply(), async {
        pass_time(100).await;
        world.ledger.set_down(true);
        pass_time(900).await;
        world.ledger.set_down(false);
    });
    done(pass);
    let taken_over = world.committed()[commits].0;
    assert!(taken_over >= 1_000 + 720, "at {taken_over}");
}

#[tokio::test(start_paused = true)]
async fn a_take_over_is_said_and_recorded_before_anything_else() {
    let world = waves_of_one(1);
    slow(&world, 30);
    assert!(world.kill_after("there/2", seconds(10)).await);
    let commits = world.committed().len();
    done(world.apply().await);
    let events = world.events.lock().unwrap();
    let waited = events.iter().any(|event| {
        matches!(&event.kind, EventKind::Waiting { reason, .. } if reason.contains("there/2"))
    });
    assert!(waited, "it says what it waits for");
    let taken = &world.ledger.commits()[commits];
    let ours = taken.writes.iter().any(
        |write| matches!(write, Write::Wave(_, wave) if wave.writer == "here/1" && wave.is_open()),
    );
    assert!(ours, "{:?}", taken.writes);
}
