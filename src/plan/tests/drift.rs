//! What is done where a host is not as the last step left it (design.md §5, protocol §2).

use super::*;
use crate::model::policy::Drift;

/// A host on which 1.0.0 was left and something else runs.
fn drifted(drift: Drift, runs: Option<&str>) -> Lab {
    lab(&["h"], "1.0.0")
        .runs("h", Some("1.0.0"), ServiceState::Drifted)
        .with(|lab| {
            lab.environment.drift = drift;
            let record = lab.record("h");
            record.drifted_from = Some("1.0.0".into());
            record.version = runs.map(Version::from);
            record.message = "runs something else".to_owned();
        })
}

#[test]
fn drift_is_reported_or_repaired() {
    let held = "h held drift: runs something else";
    for runs in [Some("0.9.0"), Some("1.0.0"), None] {
        check(&drifted(Drift::Report, runs), held);
        let from = runs.unwrap_or("-");
        let repaired = format!("h wave 1 repair {from} 1.0.0 drift");
        check(&drifted(Drift::Repair, runs), &repaired);
    }
}

#[test]
fn a_host_is_repaired_once_a_day() {
    let repaired = |ago: u64| {
        drifted(Drift::Repair, Some("0.9.0")).with(|lab| {
            let at = Timestamp::from_unix(NOW.unix() - i64::try_from(ago).unwrap());
            lab.record("h").repaired = Some(at);
        })
    };
    let held = "h held drift: runs something else; it was repaired less than a day ago";
    check(&repaired(86_399), held);
    let plan = repaired(86_399).plan();
    assert_eq!(
        plan.held[0].until,
        Some(NOW + std::time::Duration::from_secs(1))
    );
    check(&repaired(86_400), "h wave 1 repair 0.9.0 1.0.0 drift");
}

#[test]
fn another_wish_is_a_change_like_any_other() {
    let bumped = drifted(Drift::Report, Some("0.9.0")).with(|lab| {
        lab.assignment("h").version = "1.1.0".into();
    });
    check(&bumped, "h wave 1 upgrade 0.9.0 1.1.0 version");
    let held = drifted(Drift::Repair, Some("0.9.0")).with(|lab| {
        let host = lab.environment.hosts.get_mut("h").unwrap();
        host.hold = Some("demo".to_owned());
    });
    check(&held, "h held hold: demo");
}
