//! Services that need one another on a host (design.md §5).

use std::sync::Arc;

use super::*;
use crate::model::desired::Assignment;

/// A host whose `app` needs `base`, which needs `libs`; all are to be 2.0.0, and 1.0.0 runs.
fn stack() -> Lab {
    let needs = |service: &str| {
        let range = semver::VersionReq::parse(">=2").expect("a range");
        Arc::new(BTreeMap::from([(ServiceName::new(service), range)]))
    };
    lab(&["h"], "2.0.0")
        .runs("h", Some("1.0.0"), ServiceState::Healthy)
        .with(|lab| {
            let host = lab.environment.hosts.get_mut("h").unwrap();
            let of = |requires| Assignment {
                requires,
                ..Assignment::new("2.0.0".into(), "app".into(), Seconds(60))
            };
            // By name alone `app` would be first, and `libs` last.
            host.services = BTreeMap::from([
                ("app".into(), of(needs("base"))),
                ("base".into(), of(needs("libs"))),
                ("libs".into(), of(Arc::default())),
            ]);
            let record = lab.ledger.hosts.get_mut("h").unwrap();
            let app = record.services["app"].clone();
            for service in ["base", "libs"] {
                Arc::make_mut(record)
                    .services
                    .insert(service.into(), app.clone());
            }
        })
}

fn order(lab: &Lab) -> Vec<String> {
    let plan = lab.plan();
    let names = plan.changes.iter().map(|it| it.service.to_string());
    names.collect()
}

fn held(lab: &Lab) -> Vec<String> {
    let plan = lab.plan();
    let rows = plan.held.iter().map(|it| {
        let reason = it.reason.as_str();
        format!("{} {reason}: {}", it.service, it.message)
    });
    rows.collect()
}

#[test]
fn what_is_needed_comes_first() {
    assert_eq!(order(&stack()), ["libs", "base", "app"]);
    let plan = stack().plan();
    let needed: Vec<&str> = plan.changes[2]
        .requires
        .iter()
        .map(ServiceName::as_str)
        .collect();
    assert_eq!(needed, ["base", "libs"], "through others too");
}

#[test]
fn nothing_changes_on_top_of_what_is_held() {
    let lab = stack().with(|lab| {
        let host = lab.environment.hosts.get_mut("h").unwrap();
        host.services.get_mut("libs").unwrap().hold = Some("audit".to_owned());
    });
    assert_eq!(order(&lab), [""; 0]);
    assert_eq!(
        held(&lab),
        [
            "app dependency: requires base >=2, and 1.0.0 stays",
            "base dependency: requires libs >=2, and 1.0.0 stays",
            "libs hold: audit",
        ]
    );
}

#[test]
fn what_is_narrowed_away_is_not_counted_on() {
    let only = |service: &str| {
        stack().with(|lab| {
            lab.narrow.services.insert(service.into());
        })
    };
    assert_eq!(order(&only("libs")), ["libs"]);
    assert_eq!(
        held(&only("app")),
        ["app dependency: requires base >=2, and 1.0.0 stays"]
    );
    let missing = only("app").with(|lab| {
        let record = lab.ledger.hosts.get_mut("h").unwrap();
        Arc::make_mut(record).services.remove("base");
    });
    assert_eq!(
        held(&missing),
        ["app dependency: requires base >=2, which is not installed"]
    );
}

/// The same host, and all three shall go.
fn going() -> Lab {
    stack().with(|lab| {
        let host = lab.environment.hosts.get_mut("h").unwrap();
        let mut services = std::mem::take(&mut host.services);
        for assignment in services.values_mut() {
            assignment.version = "none".into();
        }
        lab.environment.absent.insert("h".into(), services);
    })
}

#[test]
fn what_needs_another_goes_before_it() {
    assert_eq!(order(&going()), ["app", "base", "libs"]);
    let plan = going().plan();
    let before: Vec<&str> = plan.changes[2]
        .requires
        .iter()
        .map(ServiceName::as_str)
        .collect();
    assert_eq!(before, ["app", "base"], "through others too");
}

#[test]
fn nothing_goes_from_under_what_stays() {
    let lab = going().with(|lab| {
        let absent = lab.environment.absent.get_mut("h").unwrap();
        absent.get_mut("base").unwrap().hold = Some("audit".to_owned());
    });
    assert_eq!(order(&lab), ["app"]);
    assert_eq!(
        held(&lab),
        [
            "base hold: audit",
            "libs dependency: base 1.0.0 requires it, and stays",
        ]
    );
    let gone = going().with(|lab| {
        let record = lab.ledger.hosts.get_mut("h").unwrap();
        let services = &mut Arc::make_mut(record).services;
        services.remove("app");
        services.remove("base");
    });
    assert_eq!(order(&gone), ["libs"]);
}
