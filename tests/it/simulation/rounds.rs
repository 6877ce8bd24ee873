//! The services of a host go one after another, and each host at its own pace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleet::model::event::{EventKind, StepProgress};
use fleet::model::id::{HostName, StepId};
use fleet::model::policy::RolloutPolicy;
use fleet::model::report::Outcome;
use fleet::reconcile::ExitClass;
use fleet::transport::memory::{Behaviour, Delivery, HostActionKind};

use super::desired::{Wish, environment, instance};
use super::invariants::violations;
use super::world::{EPOCH, World};

fn two_services(hosts: usize) -> World {
    World::new(1, &Wish::new(hosts, &[("app", "1.0.0"), ("web", "1.0.0")]))
}

/// When each host started to deploy a service, in seconds.
fn deployed(world: &World, service: &str) -> BTreeMap<HostName, i64> {
    let history = world.transport.history();
    let of_service = history.iter().filter(|action| {
        action.service.as_str() == service && matches!(action.kind, HostActionKind::Deploy(_))
    });
    of_service
        .map(|action| (action.host.clone(), action.at.unix() - EPOCH))
        .collect()
}

/// How many commands a round took.
fn commands(world: &World, round: u32) -> usize {
    let accepted = world.transport.accepted();
    accepted
        .iter()
        .filter(|sent| sent.comment.round == round)
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_holds_nobody_else_back() {
    let world = two_services(4);
    let silent = instance("web-02");
    world
        .transport
        .next_delivery(&silent, Delivery::NeverArrives);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Failed, "{:?}", pass.outcome);
    let second = deployed(&world, "web");
    let hosts: Vec<&str> = second.keys().map(HostName::as_str).collect();
    assert_eq!(hosts, ["web-01", "web-03", "web-04"]);
    assert!(second.values().all(|at| *at < 20), "{second:?}");
    assert!(
        world.committed().last().unwrap().0 > 660,
        "and the wave waits for its word"
    );
    assert!(violations(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_host_holds_nobody_else_back() {
    let world = two_services(3);
    world.transport.scripts(|script| {
        let slow = *script.instance == instance("web-03") && script.service.as_str() == "app";
        Behaviour::default().taking(Duration::from_secs(if slow { 50 } else { 2 }))
    });
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    let first = deployed(&world, "app");
    let second = deployed(&world, "web");
    let slow = HostName::new("web-03");
    assert!(second[&slow] > 50, "one after another: {second:?}");
    for host in ["web-01", "web-02"].map(HostName::new) {
        assert!((2..15).contains(&second[&host]), "{first:?} {second:?}");
    }
    assert_eq!((commands(&world, 1), commands(&world, 2)), (1, 2));
}

/// Hosts that take different times share commands all the same.
#[tokio::test(start_paused = true)]
async fn hosts_that_are_ready_at_about_the_same_time_share_a_command() {
    let world = two_services(200);
    let mut nth = 0;
    world.transport.scripts(move |_| {
        nth += 1;
        Behaviour::default().taking(Duration::from_millis(1_000 + 137 * (nth % 71)))
    });
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!(commands(&world, 1), 4);
    let second = commands(&world, 2);
    assert!((4..=8).contains(&second), "{second} commands");
    assert!(violations(&world).is_empty());
}

/// With its instance, a Comment names one step, in whichever order the hosts go on.
#[tokio::test(start_paused = true)]
async fn a_comment_names_one_step_of_an_instance() {
    let world = two_services(9);
    let mut nth = 0;
    world.transport.scripts(move |_| {
        nth += 1;
        Behaviour::default().taking(Duration::from_secs(1 + 13 * (nth % 5)))
    });
    world.apply().await.unwrap();
    let history = world.transport.history();
    let mut named: BTreeMap<_, BTreeSet<StepId>> = BTreeMap::new();
    let mut comments = BTreeSet::new();
    for sent in world.transport.accepted() {
        assert!(
            comments.insert(sent.comment.to_string()),
            "{}",
            sent.comment
        );
        let actions = history.iter().filter(|it| it.command == sent.command);
        for action in actions {
            let key = (sent.comment.wave, sent.comment.round, &action.instance);
            let steps = named.entry((key.0, key.1, key.2.clone())).or_default();
            steps.insert(action.step.clone());
        }
    }
    assert_eq!(named.len(), 18);
    assert!(named.values().all(|steps| steps.len() == 1), "{named:?}");
}

/// Killed while one host is in its first round and the others in their second.
#[tokio::test(start_paused = true)]
async fn what_was_sent_of_several_rounds_is_found_again() {
    let world = two_services(3);
    world.transport.scripts(|script| {
        let first = *script.instance == instance("web-03") && script.service.as_str() == "app";
        let second = *script.instance != instance("web-03") && script.service.as_str() == "web";
        Behaviour::default().taking(Duration::from_secs(if first || second { 200 } else { 2 }))
    });
    assert!(world.kill_after("here/1", Duration::from_secs(60)).await);
    assert_eq!((commands(&world, 1), commands(&world, 2)), (1, 1));
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!((commands(&world, 1), commands(&world, 2)), (1, 2));
    assert_eq!(world.deploys("1.0.0"), 6);
    assert!(violations(&world).is_empty());
    let rollout = super::protocol::last_rollout(&world);
    let recorded = world.ledger.rollout_now(&environment(), &rollout).unwrap();
    let steps = recorded.waves.iter().flat_map(|wave| &wave.steps);
    assert!(
        steps
            .map(|step| step.outcome)
            .all(|outcome| outcome == Some(Outcome::Succeeded))
    );
}

/// A host was asked about its first service, answered, and that is recorded: its second one is sent.
#[tokio::test(start_paused = true)]
async fn an_asking_about_a_recorded_step_keeps_no_later_one_back() {
    let world = two_services(2);
    let asked = instance("web-01");
    world.transport.next_delivery(&asked, Delivery::Garbled);
    world.transport.scripts(|script| {
        let slow = *script.instance == instance("web-02");
        Behaviour::default().taking(Duration::from_secs(if slow { 50 } else { 2 }))
    });
    let told = async {
        while !is_over(&world, "web-01") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.stop.send_replace(true);
    };
    let (pass, told) = tokio::join!(
        world.apply(),
        tokio::time::timeout(Duration::from_secs(300), told)
    );
    told.expect("it was told");
    assert_eq!(pass.unwrap().class(), ExitClass::Stopped);
    assert_eq!(commands(&world, 0), 1, "it was asked");
    assert_eq!(commands(&world, 2), 0, "its second one was not sent yet");
    world.stop.send_replace(false);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert!(violations(&world).is_empty());
}

fn is_over(world: &World, host: &str) -> bool {
    let events = world.events.lock().unwrap();
    events.iter().any(|event| {
        matches!(&event.kind, EventKind::Step { host: of, progress: StepProgress::Over(_), .. }
            if of.as_str() == host)
    })
}

/// What ran on an instance at one time: hosts, and steps of them.
fn together(world: &World) -> (usize, usize) {
    let mut running: BTreeMap<StepId, HostName> = BTreeMap::new();
    let mut most = (0, 0);
    for action in world.transport.history() {
        match action.kind {
            HostActionKind::Started => {
                running.insert(action.step, action.host);
            }
            HostActionKind::Reported(_) => {
                running.remove(&action.step);
            }
            _ => {}
        }
        let hosts: BTreeSet<&HostName> = running.values().collect();
        most = (most.0.max(hosts.len()), most.1.max(running.len()));
    }
    most
}

#[tokio::test(start_paused = true)]
async fn so_many_hosts_of_an_instance_go_together_as_the_policy_says() {
    let services = [("app", "1.0.0"), ("web", "1.0.0")];
    for per_instance in [1, 2, 3, 5] {
        let policy = RolloutPolicy {
            per_instance,
            ..RolloutPolicy::default()
        };
        let world = World::new(1, &Wish::new(1, &services).shared(7).with(policy));
        world
            .transport
            .scripts(|_| Behaviour::default().taking(Duration::from_secs(60)));
        let pass = world.apply().await.unwrap();
        assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
        let most = per_instance as usize;
        assert_eq!(together(&world), (most, most), "no host runs two steps");
        assert_eq!(world.deploys("1.0.0"), 14);
        assert!(violations(&world).is_empty());
    }
}

/// Killed when it had asked one of two hosts of an instance: whichever it was, none is sent its step
/// again.
#[tokio::test(start_paused = true)]
async fn an_asking_that_is_found_may_be_about_any_host_of_its_instance() {
    let policy = RolloutPolicy {
        per_instance: 2,
        ..RolloutPolicy::default()
    };
    let wish = Wish::new(1, &[("app", "1.0.0")]).shared(2).with(policy);
    let world = World::new(1, &wish);
    let machine = instance("web-01.1");
    for _ in 0..3 {
        world.transport.next_delivery(&machine, Delivery::ReplyLost);
    }
    assert!(world.kill_after("here/1", Duration::from_secs(700)).await);
    let asked = |world: &World| commands(world, 0);
    assert!(asked(&world) > 0, "{:?}", world.sent());
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!(world.deploys("1.0.0"), 2);
    let sent = world.sent();
    let steps = sent.iter().filter(|(_, end)| !end.contains(".0-"));
    assert_eq!(steps.count(), 2, "{sent:?}");
    assert!(violations(&world).is_empty());
}
