//! `rollout` key by key over that of the defaults, and no key that its strategy does not use.

use crate::manifest::codes;
use crate::manifest::decode::{EnvironmentFile, FleetFile, RolloutKeys};
use crate::manifest::problems::Problems;
use crate::model::policy::{RolloutPolicy, Strategy};
use crate::model::source::Tree;

/// What an environment's rollouts go by. Its own keys win; a `batch` of the defaults that its own
/// strategy does not use falls away.
pub(in crate::manifest) fn merged(own: &RolloutKeys, defaults: &RolloutKeys) -> RolloutPolicy {
    let standard = RolloutPolicy::default();
    let strategy = own.strategy.or(defaults.strategy);
    let strategy = strategy.unwrap_or(standard.strategy);
    let batch = own.batch.as_ref().or(defaults.batch.as_ref());
    RolloutPolicy {
        strategy,
        batch: match (strategy, batch) {
            (Strategy::Batch, Some(batch)) => batch.value.clone(),
            _ => standard.batch,
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
    }
}

pub(super) fn check_defaults(fleet: &FleetFile, _: &Tree, problems: &mut Problems) {
    check_batch(&fleet.defaults.rollout, &RolloutKeys::default(), problems);
}

pub(super) fn check(
    environment: &EnvironmentFile,
    fleet: Option<&FleetFile>,
    problems: &mut Problems,
) {
    // Without fleet.yaml the strategy may stand in its defaults.
    if let Some(fleet) = fleet {
        check_batch(
            &environment.settings.rollout,
            &fleet.defaults.rollout,
            problems,
        );
    }
}

fn check_batch(own: &RolloutKeys, defaults: &RolloutKeys, problems: &mut Problems) {
    let Some(batch) = &own.batch else { return };
    let is_broken = own.strategy_is_broken || own.strategy.is_none() && defaults.strategy_is_broken;
    if !is_broken && merged(own, defaults).strategy == Strategy::All {
        problems.report(
            codes::UNUSED_KEY,
            &batch.span,
            "`batch` has no effect with `strategy: all`",
            "write `strategy: batch`, or leave `batch` out",
        );
    }
}
