//! Who goes first (design.md §8).

use super::*;
use crate::model::policy::Canary;

const HOSTS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn with_canary(canary: Canary) -> Lab {
    lab(&HOSTS, "1.0.0").with(|lab| {
        lab.environment.rollout.strategy = Strategy::Canary;
        lab.environment.rollout.batch = vec![BatchSize::Hosts(2)];
        lab.environment.rollout.canary = canary;
    })
}

fn select(select: &str) -> Canary {
    Canary::Select {
        select: select.to_owned(),
    }
}

fn waves(lab: &Lab) -> Vec<String> {
    let plan = lab.plan();
    let names = |wave: &crate::model::plan::Wave| {
        let names: Vec<&str> = wave.hosts.iter().map(HostName::as_str).collect();
        names.join(" ")
    };
    plan.waves.iter().map(names).collect()
}

#[test]
fn a_canary_goes_first_and_the_batches_follow() {
    let number = with_canary(Canary::Size(BatchSize::Hosts(1)));
    assert_eq!(waves(&number), ["a", "b c", "d e"]);
    let percent = with_canary(Canary::Size(BatchSize::Percent(40)));
    assert_eq!(waves(&percent), ["a b", "c d", "e"]);
    let selected = with_canary(select("name in (b,d)"));
    assert_eq!(waves(&selected), ["b d", "a c", "e"]);
    let troubled = selected.runs("b", Some("0.9.0"), ServiceState::RolledBack);
    assert_eq!(
        waves(&troubled),
        ["d b", "a c", "e"],
        "a canary all the same"
    );
}

#[test]
fn no_other_host_stands_in_for_a_selected_canary() {
    let lab = with_canary(select("role=canary"));
    let held = "held canary: `role=canary` matches none of the hosts that change";
    let expected: Vec<String> = HOSTS.iter().map(|host| format!("{host} {held}")).collect();
    assert_eq!(lab.lines(), expected);
    assert!(waves(&lab).is_empty());

    // Nor where the narrowing leaves it out.
    let narrowed = with_canary(select("name=a")).with(|lab| {
        lab.narrow.hosts.insert("b".into());
    });
    assert_eq!(narrowed.plan().held.len(), 1);
}

#[test]
fn a_selected_canary_that_runs_it_healthily_has_passed() {
    let selected = || with_canary(select("name=a"));
    let passed = selected().runs("a", Some("1.0.0"), ServiceState::Healthy);
    assert_eq!(waves(&passed), ["b c", "d e"]);
    for state in [ServiceState::Drifted, ServiceState::RolledBack] {
        let ill = selected().runs("a", Some("1.0.0"), state);
        let held = ill.plan().held;
        let canary = held.iter().filter(|row| row.reason == HeldReason::Canary);
        assert_eq!(canary.count(), 4, "{state:?}");
    }
}

#[test]
fn what_returns_needs_no_canary() {
    let lab = with_canary(select("name=a"))
        .runs("a", Some("1.0.0"), ServiceState::RolledBack)
        .with(|lab| {
            lab.ledger.blocked.untouched = ["b", "c", "d"]
                .map(|host| UntouchedHost {
                    host: host.into(),
                    service: "app".into(),
                    version: Some("1.0.0".into()),
                    definition: Digest::of("host definition t"),
                    kind: UntouchedKind::Deferred,
                    reason: "off".to_owned(),
                    tries: 1,
                    until: None,
                    free_until: NOW + std::time::Duration::from_secs(60),
                    rollout: "r".into(),
                })
                .into();
            lab.returning = Some(["b", "c", "d"].map(HostName::from).into());
        });
    assert_eq!(waves(&lab), ["b c", "d"]);
}
