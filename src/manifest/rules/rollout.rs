//! `rollout` key by key over that of the defaults, and no key that its strategy does not use.

use crate::manifest::codes;
use crate::manifest::decode::{CanaryKey, EnvironmentFile, FleetFile, RolloutKeys};
use crate::manifest::problems::{Problems, Span};
use crate::model::policy::{Canary, RolloutPolicy, Strategy};
use crate::model::source::Tree;

/// What an environment's rollouts go by. Its own keys win; those of the defaults that its own
/// strategy does not use fall away.
pub(in crate::manifest) fn merged(own: &RolloutKeys, defaults: &RolloutKeys) -> RolloutPolicy {
    let standard = RolloutPolicy::default();
    let strategy = own.strategy.or(defaults.strategy);
    let strategy = strategy.unwrap_or(standard.strategy);
    let batch = own.batch.as_ref().or(defaults.batch.as_ref());
    let canary = own.canary.as_ref().or(defaults.canary.as_ref());
    let after_canary = own.after_canary.as_ref().or(defaults.after_canary.as_ref());
    RolloutPolicy {
        strategy,
        canary: match (strategy, canary.map(|canary| &canary.value)) {
            (Strategy::Canary, Some(CanaryKey::Size(size))) => Canary::Size(*size),
            (Strategy::Canary, Some(CanaryKey::Select { text, .. })) => Canary::Select {
                select: text.clone(),
            },
            _ => standard.canary,
        },
        batch: match (strategy, batch) {
            (Strategy::Batch | Strategy::Canary, Some(batch)) => batch.value.clone(),
            _ => standard.batch,
        },
        soak: own.soak.or(defaults.soak).unwrap_or(standard.soak),
        after_canary: match (strategy, after_canary) {
            (Strategy::Canary, Some(after)) => after.value,
            _ => standard.after_canary,
        },
        max_failures: own
            .max_failures
            .or(defaults.max_failures)
            .unwrap_or(standard.max_failures),
        on_failure: own
            .on_failure
            .or(defaults.on_failure)
            .unwrap_or(standard.on_failure),
        offline: own.offline.or(defaults.offline).unwrap_or(standard.offline),
        per_instance: own
            .per_instance
            .or(defaults.per_instance)
            .unwrap_or(standard.per_instance),
    }
}

pub(super) fn check_defaults(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    check_keys(&fleet.defaults.rollout, &RolloutKeys::default(), problems);
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    // Without fleet.yaml the strategy may stand in its defaults.
    if let Some(fleet) = fleet {
        check_keys(
            &environment.settings.rollout,
            &fleet.defaults.rollout,
            problems,
        );
    }
}

fn check_keys(own: &RolloutKeys, defaults: &RolloutKeys, problems: &mut Problems) {
    let unread = |keys: &RolloutKeys| keys.unread.has("strategy");
    if unread(own) || own.strategy.is_none() && unread(defaults) {
        return;
    }
    let strategy = merged(own, defaults).strategy;
    let mut unused = |key: &str, span: &Span, users: &str| {
        let word = match strategy {
            Strategy::All => "all",
            Strategy::Batch => "batch",
            Strategy::Canary => "canary",
        };
        problems.report(
            codes::UNUSED_KEY,
            span,
            format!("`{key}` has no effect with `strategy: {word}`"),
            format!("write `strategy: {users}`, or leave `{key}` out"),
        );
    };
    if let (Strategy::All, Some(batch)) = (strategy, &own.batch) {
        unused("batch", &batch.span, "batch");
    }
    if strategy != Strategy::Canary {
        if let Some(canary) = &own.canary {
            unused("canary", &canary.span, "canary");
        }
        if let Some(after) = &own.after_canary {
            unused("after_canary", &after.span, "canary");
        }
    }
}
