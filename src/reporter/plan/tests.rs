use super::*;
use crate::model::id::{Digest, FleetName};
use crate::model::plan::{
    Change, ChangeReason, Gate, GateKind, Held, HeldReason, PLAN_FORMAT, PlanDocument, Summary,
    Unchanged, Wave,
};
use crate::model::policy::RolloutPolicy;

pub(in crate::reporter) fn change(
    host: &str,
    service: &str,
    from: Option<&str>,
    to: &str,
    wave: u32,
) -> Change {
    Change {
        host: host.into(),
        instance: "i-021ef46178a035ed0".into(),
        service: service.into(),
        action: match from {
            None => Action::Install,
            Some(from) if from == to => Action::Reconfigure,
            Some(_) => Action::Upgrade,
        },
        reason: match from {
            None => ChangeReason::NewHost,
            Some(from) if from == to => ChangeReason::Variables,
            Some(_) => ChangeReason::Version,
        },
        from: from.map(Version::from),
        to: Some(to.into()),
        digest: Digest::of("new"),
        previous_digest: from.map(Digest::of),
        wave,
        requires: std::collections::BTreeSet::new(),
    }
}

pub(in crate::reporter) fn sample() -> EnvironmentPlan {
    let changes = vec![
        change("hosting-1", "metricus", Some("0.5.0"), "1.1.0", 1),
        change("hosting-4", "metricus", Some("0.5.0"), "1.1.0", 2),
        change("hosting-4", "motd", Some("3"), "3", 2),
        change("hosting-5", "metricus", Some("0.5.0"), "1.1.0", 2),
        change("hosting-6", "metricus", Some("0.5.0"), "1.1.0", 2),
        change("hosting-7", "metricus", None, "1.1.0", 2),
    ];
    EnvironmentPlan {
        name: "production".into(),
        plan_id: "sha256:5e1c09a4aaaa".into(),
        summary: Summary {
            change: 6,
            unchanged: 2,
            held: 1,
        },
        gates: vec![Gate {
            kind: GateKind::Hold,
            open: false,
            reason: "stock-taking until Monday".to_owned(),
        }],
        waves: vec![Wave {
            number: 1,
            hosts: vec!["hosting-1".into()],
        }],
        changes,
        held: vec![Held {
            host: "hosting-2".into(),
            service: "metricus".into(),
            from: Some("0.5.0".into()),
            to: Some("1.1.0".into()),
            reason: HeldReason::Hold,
            message: "customer demo until Friday".to_owned(),
            until: None,
        }],
        unchanged: ["hosting-3", "hosting-8"]
            .map(|host| Unchanged {
                host: host.into(),
                service: "metricus".into(),
                version: Some("0.5.0".into()),
                pinned: true,
                older_scripts: host == "hosting-8",
            })
            .to_vec(),
        warnings: vec![
            "the desired branch was rewritten: 4ad2be1 is no longer part of it".to_owned(),
        ],
    }
}

pub(in crate::reporter) fn policy() -> Policy {
    Policy::new(
        RolloutPolicy {
            on_failure: OnFailure::Rollback,
            ..RolloutPolicy::default()
        },
        None,
    )
}

fn show(plan: &EnvironmentPlan, all: bool, width: usize) -> String {
    let policy = policy();
    let desired = Desired::Commit {
        revision: "8c1f0e2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
        subject: "metricus 1.1.0".to_owned(),
        author: "alice".to_owned(),
        at: Timestamp::from_unix(1_000_000),
    };
    text(&Shown::new(plan, &policy), &desired, options(all, width))
}

fn options(all: bool, width: usize) -> Options {
    Options {
        all,
        palette: Palette::PLAIN,
        width,
        now: Timestamp::from_unix(1_000_000 + 14 * 60),
    }
}

#[test]
fn wide() {
    insta::assert_snapshot!(show(&sample(), true, 140));
}

#[test]
fn at_eighty_columns() {
    let shown = show(&sample(), false, 80);
    assert!(shown.lines().all(|line| width_of(line) <= 80), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn no_changes() {
    let mut plan = sample();
    plan.changes.clear();
    plan.gates.clear();
    plan.warnings.clear();
    plan.held.clear();
    plan.summary = Summary {
        change: 0,
        unchanged: 2,
        held: 0,
    };
    insta::assert_snapshot!(show(&plan, false, 140));
}

/// Whoever looks at a plan of thousands of hosts sees its end, too.
#[test]
fn thousands_of_rows_are_counted() {
    let mut plan = sample();
    let held = plan.held.remove(0);
    plan.held = (0..5_000)
        .map(|n| Held {
            host: format!("db-{n}").as_str().into(),
            message: format!("reason {n}"),
            ..held.clone()
        })
        .collect();
    plan.changes = (0..5_000)
        .map(|n| {
            change(
                &format!("web-{n}"),
                "metricus",
                Some(&format!("0.{n}")),
                "1.1.0",
                1,
            )
        })
        .collect();
    let shown = show(&plan, false, 80);
    assert!(shown.lines().count() < 120, "{shown}");
    assert!(shown.lines().all(|line| width_of(line) <= 80), "{shown}");
    for rest in ["held", "wave 1"] {
        assert!(shown.contains(rest), "{shown}");
    }
    let rest = "… 4960 more";
    assert_eq!(shown.matches(rest).count(), 2, "{shown}");
    let all = show(&plan, true, 80);
    assert!(!all.contains(rest));
    assert!(all.contains("hold: reason 4999"));
}

/// Hosts of one wave are refused seconds apart.
#[test]
fn a_few_seconds_do_not_tell_held_hosts_apart() {
    let mut plan = sample();
    let held = plan.held.remove(0);
    let mut shown = |seconds: [i64; 3]| {
        plan.held = seconds
            .iter()
            .zip(["a", "b", "c"])
            .map(|(seconds, host)| Held {
                host: host.into(),
                until: Some(Timestamp::from_unix(7_200 + seconds)),
                ..held.clone()
            })
            .collect();
        let shown = show(&plan, false, 140);
        let row = shown.lines().find(|line| line.contains("a, b, c"));
        row.unwrap_or(&shown).to_owned()
    };
    let together = shown([0, 3, 1]);
    assert!(
        together.ends_with(", until 1970-01-01T02:00:03Z"),
        "{together}"
    );
    let apart = shown([0, 3_600, 1]);
    let range = ", until 1970-01-01T02:00:00Z … 1970-01-01T03:00:00Z";
    assert!(apart.ends_with(range), "{apart}");
}

#[test]
fn hosts_that_cannot_be_reached_are_named() {
    let (plan, policy) = (sample(), policy());
    let mut live = Reach {
        reachable: 4,
        ..Reach::default()
    };
    live.unreachable = ["hosting-1", "hosting-2", "hosting-5"]
        .map(|host| Unreachable {
            host: host.into(),
            instance: "i-021ef46178a035ed0".into(),
            reason: if host == "hosting-5" {
                "connection lost, last heard of 2026-11-20T01:02:03Z".to_owned()
            } else {
                "SSM does not know it".to_owned()
            },
        })
        .to_vec();
    let shown = Shown {
        live: Some(&live),
        ..Shown::new(&plan, &policy)
    };
    let options = options(false, 80);
    insta::assert_snapshot!(text(&shown, &Desired::WorkTree, options));
    let comment = markdown(&[shown], &Desired::WorkTree, false);
    assert!(comment.contains("| offline | hosting-1, -2 |"), "{comment}");
    assert!(
        comment.contains("\nLive: 4 of 7 hosts can be reached now.\n"),
        "{comment}"
    );
}

#[test]
fn json_has_unchanged_rows_only_on_demand() {
    let (sample, policy) = (sample(), policy());
    let fleet = FleetName::from("acme");
    let head = Head {
        fleet: &fleet,
        revision: None,
        ledger_revision: None,
        preview_of: None,
    };
    let shown = |all| json(&head, &[Shown::new(&sample, &policy)], all);
    let field = r#""unchanged":[{"#;
    assert!(shown(true).contains(field));
    assert!(!shown(false).contains(field));
    let document = PlanDocument {
        format: PLAN_FORMAT.to_owned(),
        fleet: fleet.clone(),
        revision: None,
        ledger_revision: None,
        preview_of: None,
        environments: vec![sample.clone()],
    };
    assert_eq!(
        serde_json::from_str::<PlanDocument>(&shown(true)).expect("reads back"),
        document
    );
}
