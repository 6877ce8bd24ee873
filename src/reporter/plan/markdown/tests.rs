use super::super::tests::{change, policy, sample};
use super::*;
use crate::model::time::Timestamp;

fn desired(subject: &str) -> Desired {
    Desired::Commit {
        revision: "8c1f0e2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
        subject: subject.to_owned(),
        author: "alice".to_owned(),
        at: Timestamp::from_unix(1_000_000),
    }
}

fn show(plans: &[EnvironmentPlan], all: bool) -> String {
    let policy = policy();
    let plans: Vec<_> = plans.iter().map(|plan| Shown::new(plan, &policy)).collect();
    markdown(&plans, &desired("metricus 1.1.0"), all)
}

fn named(name: &str, mut plan: EnvironmentPlan) -> EnvironmentPlan {
    plan.name = name.into();
    plan
}

fn quiet() -> EnvironmentPlan {
    let mut plan = sample();
    plan.changes.clear();
    plan.held.clear();
    plan.warnings.clear();
    plan
}

#[test]
fn several_environments() {
    let plans = [
        named("development", quiet()),
        sample(),
        named("staging", quiet()),
    ];
    insta::assert_snapshot!(show(&plans, false));
    assert!(show(&plans, true).contains("| same | hosting-3, -8 |"));
}

#[test]
fn nothing_of_others_has_a_meaning() {
    let mut plan = sample();
    let bad = "</td><img src=x>|`rm`\n\n# Approved\r- [x](http://a) **@alice** #12 &amp; \u{202e}";
    plan.held[0].message = bad.to_owned();
    plan.gates[0].reason = bad.to_owned();
    plan.warnings[0] = bad.to_owned();
    let policy = policy();
    let shown = markdown(&[Shown::new(&plan, &policy)], &desired(bad), false);
    for forbidden in [
        "<",
        "`",
        "@",
        "[",
        "\r",
        "\n# ",
        "**&#64;alice",
        "&amp;",
        "\u{202e}",
    ] {
        assert!(!shown.contains(forbidden), "{forbidden:?} in\n{shown}");
    }
    let rows: Vec<&str> = shown.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.iter().all(|row| row.matches('|').count() == 6));
    insta::assert_snapshot!(shown);
}

/// Every host with rows of its own, so that nothing folds.
fn large(hosts: usize, word: &str) -> EnvironmentPlan {
    let mut plan = sample();
    plan.changes = (0..hosts)
        .map(|n| {
            change(
                &format!("web-{n}"),
                "metricus",
                Some(&format!("0.{n}")),
                "1.1.0",
                2,
            )
        })
        .collect();
    let held = plan.held[0].clone();
    plan.held = (0..hosts)
        .map(|n| {
            let mut held = held.clone();
            held.host = format!("db-{n}").as_str().into();
            held.message = format!("{n} {}", word.repeat(300));
            held
        })
        .collect();
    plan.warnings = (0..hosts).map(|n| format!("{n} {word}")).collect();
    plan.gates[0].reason = word.repeat(1_000);
    plan
}

#[test]
fn a_comment_has_a_bound_and_says_what_it_lacks() {
    for word in ["a", "#", "|", "…"] {
        for environments in [1, 2, 9, 300] {
            let plans: Vec<_> = (0..environments)
                .map(|n| {
                    named(
                        &format!("environment-{n}"),
                        large(2_000 / environments, word),
                    )
                })
                .collect();
            let shown = show(&plans, false);
            assert!(
                shown.len() < 60_000,
                "{word} {environments}: {}",
                shown.len()
            );
            assert!(shown.contains("left out for want of room") || shown.contains("Left out"));
            assert!(shown.ends_with("\nNothing was sent.\n"));
        }
    }
}

#[test]
fn hosts_that_differ_by_name_only_take_one_row() {
    let mut plan = sample();
    plan.changes = (0..5_000)
        .map(|n| change(&format!("web-{n}"), "metricus", Some("0.5.0"), "1.1.0", 2))
        .collect();
    let shown = show(&[plan], false);
    assert!(shown.contains("| wave 2 | web-0 … -4999 (5000) | metricus |"));
    assert!(shown.len() < 2_000, "{shown}");
}
