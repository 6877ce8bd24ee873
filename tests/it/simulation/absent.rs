//! Services that go.

use fleet::model::ledger::RolloutState;
use fleet::model::plan::HeldReason;
use fleet::model::policy::{BatchSize, OnFailure, RolloutPolicy, Strategy};
use fleet::reconcile::{ExitClass, PassOutcome};
use fleet::transport::memory::{Behaviour, Ending, HostActionKind};

use super::desired::{ABSENT, Wish, instance};
use super::invariants::violations;
use super::world::World;

/// `app` needs `web`, on three hosts, one after another.
fn stacked(on_failure: OnFailure) -> Wish {
    let policy = RolloutPolicy {
        strategy: Strategy::Batch,
        batch: vec![BatchSize::Hosts(1)],
        on_failure,
        ..RolloutPolicy::default()
    };
    let mut wish = Wish::new(3, &[("app", "1.0.0"), ("web", "1.0.0")]).with(policy);
    wish.requires = vec![("app".to_owned(), "web".to_owned())];
    wish
}

/// What ran on a host of late, in order.
fn ran(world: &World, host: &str, since: usize) -> Vec<String> {
    let history = world.transport.history().into_iter().skip(since);
    let of_host = history.filter(|it| it.host.as_str() == host);
    let ran = of_host.filter_map(|it| match &it.kind {
        HostActionKind::Deploy(version) => Some(format!("{} to {version}", it.service)),
        HostActionKind::Remove => Some(format!("{} away", it.service)),
        HostActionKind::Rollback(version) => Some(format!("{} back to {version}", it.service)),
        _ => None,
    });
    ran.collect()
}

#[tokio::test(start_paused = true)]
async fn what_needs_another_goes_first_and_the_records_go() {
    let wish = stacked(OnFailure::Pause);
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    let since = world.transport.history().len();
    let wish = wish.version("app", ABSENT).version("web", ABSENT);
    world.desired.push(&wish);
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert_eq!(ran(&world, "web-02", since), ["app away", "web away"]);
    assert_eq!(world.states(), "");
    assert!(violations(&world).is_empty());

    let commits = world.committed().len();
    let pass = world.apply().await.unwrap();
    assert!(matches!(pass.outcome, PassOutcome::Unchanged));
    assert_eq!(world.committed().len(), commits);

    world.desired.push(&stacked(OnFailure::Pause));
    let pass = world.apply().await.unwrap();
    assert_eq!(pass.class(), ExitClass::Done, "{:?}", pass.outcome);
    assert!(world.states().starts_with("web-01 app 1.0.0 healthy\n"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_go_everywhere_comes_back_everywhere() {
    let wish = stacked(OnFailure::Rollback);
    let world = World::new(1, &wish);
    world.apply().await.unwrap();
    let since = world.transport.history().len();
    world.transport.script(
        &instance("web-02"),
        &"app".into(),
        &"none".into(),
        Behaviour::new(Ending::RollBack),
    );
    let wish = wish.version("app", ABSENT).version("web", ABSENT);
    world.desired.push(&wish);
    let pass = world.apply().await.unwrap();
    let PassOutcome::Ended(record) = &pass.outcome else {
        panic!("{:?}", pass.outcome)
    };
    assert_eq!(record.state, RolloutState::RolledBack);
    assert_eq!(
        ran(&world, "web-01", since),
        [
            "app away",
            "web away",
            "web back to 1.0.0",
            "app back to 1.0.0"
        ]
    );
    assert_eq!(ran(&world, "web-03", since), [""; 0]);
    assert_eq!(
        world.states(),
        "web-01 app 1.0.0 rolled_back\nweb-01 web 1.0.0 rolled_back\n\
         web-02 app 1.0.0 rolled_back\nweb-02 web 1.0.0 healthy\n\
         web-03 app 1.0.0 healthy\nweb-03 web 1.0.0 healthy\n"
    );
    assert!(violations(&world).is_empty());

    let pass = world.apply().await.unwrap();
    let held = pass.plan.as_ref().unwrap().held.iter();
    let held: Vec<_> = held
        .map(|it| format!("{} {} {:?} {}", it.host, it.service, it.reason, it.message))
        .collect();
    assert_eq!(pass.class(), ExitClass::Held);
    let blocked = HeldReason::Blocked;
    assert_eq!(
        held[..2],
        [
            format!("web-01 app {blocked:?} rolled back on web-02: it failed"),
            "web-01 web Dependency app 1.0.0 requires it, and stays".to_owned()
        ]
    );
}
