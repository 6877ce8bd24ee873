//! Hosts that owe an answer: asked when a pass starts, and left alone until they give one.

use fleet::model::ledger::{BlockedHosts, RolloutState, UntouchedKind};
use fleet::model::plan::HeldReason;
use fleet::model::statement::Verb;
use fleet::reconcile::{ExitClass, PassOutcome};
use fleet::transport::memory::{Behaviour, Delivery, Ending};

use super::super::desired::{Wish, instance};
use super::super::world::World;
use super::{count, ended, ends, fulfilled, one_by_one, seconds};

/// The first of two hosts goes offline while it upgrades, and stays silent past every deadline.
async fn silent(behaviour: Behaviour, delivery: Option<Delivery>) -> (Wish, World) {
    let wish = one_by_one(1);
    let world = fulfilled(&wish).await;
    let wish = wish.version("app", "2.0.0");
    world.desired.push(&wish);
    ends(&world, "web-01", "2.0.0", behaviour.taking(seconds(30)));
    let web = instance("web-01");
    if let Some(delivery) = delivery {
        world.transport.next_delivery(&web, delivery);
    }
    let vanish = async {
        tokio::time::sleep(seconds(5)).await;
        world.transport.set_online(&web, false);
    };
    let (pass, ()) = tokio::join!(world.apply(), vanish);
    assert_eq!(pass.unwrap().class(), ExitClass::Failed);
    assert!(world.states().contains(" unknown\n"), "{}", world.states());
    (wish, world)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_host_that_owes_an_answer() {
    let (wish, world) = silent(Behaviour::default(), None).await;
    let before = count(&world);
    for wish in [wish.clone(), wish.version("app", "3.0.0")] {
        world.desired.push(&wish);
        let pass = world.apply().await.unwrap();
        assert!(matches!(pass.outcome, PassOutcome::Unchanged));
        assert_eq!(pass.class(), ExitClass::Held);
        assert_eq!(pass.plan.unwrap().held[0].reason, HeldReason::Unknown);
    }
    assert_eq!(count(&world), before);
}

/// Each answer, what is recorded of it, and how the pass ends that took it.
#[tokio::test(start_paused = true)]
async fn an_answer_is_recorded_for_what_it_says() {
    for (ending, state, blocks, class) in [
        (
            Ending::Succeed,
            "web-01 app 2.0.0 healthy\n",
            0,
            ExitClass::Done,
        ),
        (
            Ending::RollBack,
            "web-01 app 1.0.0 rolled_back\n",
            1,
            ExitClass::Held,
        ),
        (Ending::Fail, "web-01 app - failed\n", 1, ExitClass::Held),
    ] {
        let (_, world) = silent(Behaviour::new(ending), None).await;
        world.transport.set_online(&instance("web-01"), true);
        let (commits, sent) = count(&world);
        let pass = world.apply().await.unwrap();
        assert_eq!(pass.class(), class, "{ending:?}");
        assert_eq!(world.states(), state, "{ending:?}");
        assert_eq!(count(&world), (commits + 1, sent + 1), "{ending:?}: asked");
        assert_eq!(world.deploys("2.0.0"), 1, "{ending:?}");
        let blocked = world.recorded().blocked;
        assert_eq!(blocked.blocks.len(), blocks, "{ending:?}");
        for block in &blocked.blocks {
            let hosts = BlockedHosts::Listed(vec!["web-01".into()]);
            assert_eq!(block.hosts, hosts, "its rollout is over: nobody else");
        }
        let before = count(&world);
        world.apply().await.unwrap();
        assert_eq!(count(&world), before, "{ending:?}: asked once");
    }
}

/// The host never saw the step: its record is what it was, and it is tried again later.
#[tokio::test(start_paused = true)]
async fn a_host_that_was_not_touched_has_what_it_had() {
    let (_, world) = silent(Behaviour::default(), Some(Delivery::NeverArrives)).await;
    world.transport.set_online(&instance("web-01"), true);
    let pass = world.apply().await.unwrap();
    assert_eq!(world.states(), "web-01 app 1.0.0 healthy\n");
    assert_eq!(pass.class(), ExitClass::Done, "refused alone is no 5");
    let blocked = world.recorded().blocked;
    assert!(blocked.blocks.is_empty());
    assert_eq!(blocked.untouched.len(), 1);
    assert_eq!(blocked.untouched[0].kind, UntouchedKind::Refused);
    assert_eq!(pass.plan.unwrap().held[0].reason, HeldReason::Refused);

    tokio::time::sleep(seconds(3_700)).await;
    world.apply().await.unwrap();
    assert_eq!(world.states(), "web-01 app 2.0.0 healthy\n");
    assert_eq!(world.deploys("2.0.0"), 1);
}

/// Another machine has its name now: there is nobody to ask, and nobody to mistake for it.
#[tokio::test(start_paused = true)]
async fn a_host_that_left_the_manifest_is_not_asked() {
    let (mut wish, world) = silent(Behaviour::default(), None).await;
    world.transport.set_online(&instance("web-01"), true);
    wish.hosts.clear();
    world.desired.push(&wish);
    let (_, sent) = count(&world);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done);
    assert_eq!(count(&world).1, sent);
    assert!(
        world.states().ends_with(" released\n"),
        "{}",
        world.states()
    );
}

/// Why a rollout is paused is what is known by now, not what was when it stopped.
#[tokio::test(start_paused = true)]
async fn a_late_answer_is_told_as_why_the_line_stopped() {
    for (ending, reason) in [
        (
            Ending::Succeed,
            "app on web-01 answered too late: 2.0.0 runs",
        ),
        (
            Ending::RollBack,
            "app on web-01 answered too late: 1.0.0 runs",
        ),
        (Ending::Fail, "app on web-01 failed, as it said later"),
    ] {
        let wish = one_by_one(2);
        let world = fulfilled(&wish).await;
        world.desired.push(&wish.version("app", "2.0.0"));
        let behaviour = Behaviour::new(ending).taking(seconds(30));
        ends(&world, "web-01", "2.0.0", behaviour);
        let web = instance("web-01");
        let vanish = async {
            tokio::time::sleep(seconds(5)).await;
            world.transport.set_online(&web, false);
        };
        let (pass, ()) = tokio::join!(world.apply(), vanish);
        let paused = ended(pass);
        assert_eq!(paused.state, RolloutState::Paused);
        assert_eq!(paused.reason, "app on web-01 did not answer");

        world.transport.set_online(&web, true);
        let still = ended(world.apply().await);
        assert_eq!((still.id, still.state), (paused.id, RolloutState::Paused));
        assert_eq!(still.reason, reason);
        let before = count(&world);
        world.apply().await.unwrap();
        assert_eq!(count(&world), before, "said once");

        // What went wrong there is not tried again, whatever becomes of the rest.
        world.say(Verb::Continue).await;
        ended(world.apply().await);
        world.apply().await.unwrap();
        assert_eq!(world.deploys("2.0.0"), 2, "{ending:?}: each once");
    }
}
