//! The cut into waves.

use std::collections::BTreeSet;

use crate::model::id::HostName;
use crate::model::plan::{Change, Wave};
use crate::model::policy::{BatchSize, Canary, RolloutPolicy, Strategy};

use super::canary::First;

/// What decides which host comes before which.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// The canary.
    pub(super) first: &'a First,
    /// Those whose last step failed or went back: last.
    pub(super) troubled: &'a BTreeSet<&'a HostName>,
    /// These hosts were deferred and are back: others have gone first.
    pub(super) returning: bool,
}

/// Puts hosts in their order, a selected canary first, by name, and the troubled ones last, cuts
/// them into waves, and numbers and sorts the changes accordingly. All changes of a host are in one
/// wave, in the order in which they need one another.
pub(super) fn cut(changes: &mut [Change], order: &Order<'_>, policy: &RolloutPolicy) -> Vec<Wave> {
    let is_behind = |host: &HostName| match order.first {
        First::Hosts(first) => !first.contains(host),
        _ => false,
    };
    let troubled = order.troubled;
    changes.sort_by_cached_key(|change| {
        (
            is_behind(&change.host),
            troubled.contains(&change.host),
            change.host.clone(),
            // Whoever needs another one needs all that it needs, and it.
            change.requires.len(),
            change.service.clone(),
        )
    });
    let mut hosts: Vec<HostName> = changes.iter().map(|change| change.host.clone()).collect();
    hosts.dedup();
    let ramp = ramp(policy, order);
    let total = hosts.len();
    let mut waves = Vec::new();
    let mut changes = changes.iter_mut().peekable();
    let mut rest = hosts.as_slice();
    while !rest.is_empty() {
        // The last size of the ramp repeats.
        let size = match ramp[waves.len().min(ramp.len() - 1)] {
            Size::Batch(size) => size.of(total),
            Size::Exactly(hosts) => hosts,
        };
        let (wave, after) = rest.split_at(size.min(rest.len()));
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

/// How many hosts a wave has.
#[derive(Clone, Copy)]
enum Size {
    Batch(BatchSize),
    /// The hosts that a selector chose; never none.
    Exactly(usize),
}

/// Sizes of the waves, at least one; the last one repeats.
fn ramp(policy: &RolloutPolicy, order: &Order<'_>) -> Vec<Size> {
    let batch = if policy.strategy == Strategy::All || policy.batch.is_empty() {
        &[BatchSize::Percent(100)]
    } else {
        policy.batch.as_slice()
    };
    let canary = match (policy.strategy, order.first, &policy.canary) {
        _ if order.returning => None,
        (Strategy::Canary, First::Hosts(first), _) if !first.is_empty() => {
            Some(Size::Exactly(first.len()))
        }
        (Strategy::Canary, First::Anybody, Canary::Size(first)) => Some(Size::Batch(*first)),
        _ => None,
    };
    let batch = batch.iter().map(|size| Size::Batch(*size));
    canary.into_iter().chain(batch).collect()
}
