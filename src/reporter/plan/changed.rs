//! What became of a plan since it was made: why `apply --plan` refuses it.

use std::collections::BTreeMap;

use super::rows::names;
use super::{because, versions};
use crate::model::id::{HostName, ServiceName};
use crate::model::plan::{Change, EnvironmentPlan};
use crate::reporter::fold;

/// Lines; changes that differ only by host are one. Empty where both have the same id.
pub fn differences(then: &EnvironmentPlan, now: &EnvironmentPlan) -> Vec<String> {
    if then.plan_id == now.plan_id {
        return Vec::new();
    }
    let (before, after) = (by_place(then), by_place(now));
    let held: BTreeMap<_, _> = now
        .held
        .iter()
        .map(|held| ((&held.host, &held.service), held))
        .collect();
    let mut rows: Vec<(String, &HostName)> = Vec::new();
    for (place, change) in &before {
        let why = match (after.get(place), held.get(place)) {
            (Some(other), _) => match difference(change, other) {
                Some(difference) => difference,
                None => continue,
            },
            (None, Some(held)) => {
                format!(
                    "no longer changes; held: {}",
                    because(held.reason, &held.message)
                )
            }
            (None, None) => format!("no longer changes ({})", words(change)),
        };
        rows.push((format!("{}: {why}", change.service), &change.host));
    }
    for (place, change) in &after {
        if !before.contains_key(place) {
            let text = format!("{}: changes too ({})", change.service, words(change));
            rows.push((text, &change.host));
        }
    }
    if rows.is_empty() {
        return vec![
            "the same changes under another policy: hold, window, after, approvals, rollout or rollback"
                .to_owned(),
        ];
    }
    fold::by_key(&rows, |(text, _)| text)
        .into_iter()
        .map(|(text, members)| format!("{} {text}", names(members.iter().map(|(_, host)| *host))))
        .collect()
}

fn by_place(plan: &EnvironmentPlan) -> BTreeMap<(&HostName, &ServiceName), &Change> {
    plan.changes
        .iter()
        .map(|change| ((&change.host, &change.service), change))
        .collect()
}

fn words(change: &Change) -> String {
    versions(change.action, change.from.as_ref(), change.to.as_ref())
}

/// What of a plan's id differs between two changes of one place, the weightiest first.
fn difference(then: &Change, now: &Change) -> Option<String> {
    let text = if words(then) != words(now) {
        format!("{} instead of {}", words(now), words(then))
    } else if then.action != now.action {
        format!(
            "{} instead of {}",
            now.action.as_str(),
            then.action.as_str()
        )
    } else if then.instance != now.instance {
        format!("instance {} instead of {}", now.instance, then.instance)
    } else if then.digest != now.digest {
        format!("{}, but with other scripts, files or variables", words(now))
    } else if then.wave != now.wave {
        format!("wave {} instead of {}", now.wave, then.wave)
    } else {
        return None;
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{change, sample};
    use super::*;
    use crate::model::id::Digest;
    use crate::model::plan::{Action, HeldReason};

    /// The sample with one thing changed, and what is said about it.
    fn check(edit: impl FnOnce(&mut EnvironmentPlan), expect: &[&str]) {
        let then = sample();
        let mut now = sample();
        edit(&mut now);
        now.plan_id = "sha256:other".into();
        assert_eq!(differences(&then, &now), expect);
    }

    #[test]
    fn each_part_of_an_id_has_words() {
        assert_eq!(differences(&sample(), &sample()), [""; 0]);
        check(
            |_| {},
            &[
                "the same changes under another policy: hold, window, after, approvals, rollout or rollback",
            ],
        );
        check(
            |now| {
                for n in 10..13 {
                    let host = format!("hosting-{n}");
                    now.changes
                        .push(change(&host, "metricus", Some("0.5.0"), "1.1.0", 2));
                }
            },
            &["hosting-10 … -12 (3) metricus: changes too (0.5.0 → 1.1.0)"],
        );
        check(
            |now| {
                now.changes
                    .retain(|change| change.service.as_str() != "motd");
            },
            &["hosting-4 motd: no longer changes (reconfigure 3)"],
        );
        check(
            |now| {
                let gone = now.changes.remove(0);
                now.held[0].host = gone.host;
                now.held[0].reason = HeldReason::Blocked;
                now.held[0].message = "it failed".to_owned();
            },
            &["hosting-1 metricus: no longer changes; held: blocked: it failed"],
        );
        check(
            |now| now.changes[0].to = Some("1.2.0".into()),
            &["hosting-1 metricus: 0.5.0 → 1.2.0 instead of 0.5.0 → 1.1.0"],
        );
        check(
            |now| now.changes[0].action = Action::Change,
            &["hosting-1 metricus: change instead of upgrade"],
        );
        check(
            |now| now.changes[0].instance = "i-0a1b2c3d4e5f60718".into(),
            &["hosting-1 metricus: instance i-0a1b2c3d4e5f60718 instead of i-021ef46178a035ed0"],
        );
        check(
            |now| {
                for change in &mut now.changes[3..5] {
                    change.digest = Digest::of("newer");
                }
            },
            &["hosting-5, -6 metricus: 0.5.0 → 1.1.0, but with other scripts, files or variables"],
        );
        check(
            |now| now.changes[0].wave = 2,
            &["hosting-1 metricus: wave 2 instead of 1"],
        );
    }
}
