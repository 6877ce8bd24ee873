//! The cut into waves.

use std::collections::BTreeSet;

use crate::model::id::HostName;
use crate::model::plan::{Change, Wave};
use crate::model::policy::{BatchSize, Canary, RolloutPolicy, Strategy};

/// Puts hosts in their order, by name and the troubled ones last, cuts them into waves, and
/// numbers and sorts the changes accordingly. All changes of a host are in one wave.
pub(super) fn cut(
    changes: &mut [Change],
    troubled: &BTreeSet<&HostName>,
    policy: &RolloutPolicy,
) -> Vec<Wave> {
    changes.sort_by(|a, b| {
        (troubled.contains(&a.host), &a.host, &a.service).cmp(&(
            troubled.contains(&b.host),
            &b.host,
            &b.service,
        ))
    });
    let mut hosts: Vec<HostName> = changes.iter().map(|change| change.host.clone()).collect();
    hosts.dedup();
    let ramp = ramp(policy);
    let total = hosts.len();
    let mut waves = Vec::new();
    let mut changes = changes.iter_mut().peekable();
    let mut rest = hosts.as_slice();
    while !rest.is_empty() {
        // The last size of the ramp repeats.
        let size = ramp[waves.len().min(ramp.len() - 1)]
            .of(total)
            .min(rest.len());
        let (wave, after) = rest.split_at(size);
        rest = after;
        let number = u32::try_from(waves.len() + 1).unwrap_or(u32::MAX);
        while let Some(change) = changes.next_if(|change| rest.first() != Some(&change.host)) {
            change.wave = number;
        }
        waves.push(Wave {
            number,
            hosts: wave.to_vec(),
        });
    }
    waves
}

/// Sizes of the waves; the last one repeats.
fn ramp(policy: &RolloutPolicy) -> Vec<BatchSize> {
    let batch = if policy.strategy == Strategy::All || policy.batch.is_empty() {
        &[BatchSize::Percent(100)]
    } else {
        policy.batch.as_slice()
    };
    match (policy.strategy, &policy.canary) {
        // Behind a selector nothing runs in this version: its gate is closed.
        (Strategy::Canary, Canary::Size(first)) => [*first].iter().chain(batch).copied().collect(),
        _ => batch.to_vec(),
    }
}
