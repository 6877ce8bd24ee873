//! What must not be tried again after a rollout (design.md §8, "Blocked").

use std::collections::{BTreeMap, BTreeSet};

use crate::model::bundle::Digests;
use crate::model::id::{Digest, HostName, ServiceName, Version};
use crate::model::ledger::{Block, BlockedHosts, WaveKind};
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

use super::Rollout;
use super::canary::is_unhealthy;
use super::counts::Standing;

/// What blocks are worked out from, besides the rollout.
pub struct BlockInput<'a> {
    /// Of a service on a host, at the rollout's revision.
    pub digests: &'a dyn Fn(&HostName, &ServiceName) -> Option<Digests>,
    /// For blocks that are new.
    pub at: Timestamp,
    /// Those that stand; one of the same rollout keeps its `since`.
    pub standing: &'a [Block],
}

type Key = (ServiceName, Option<Version>, Digest);

/// Every block that this rollout is the reason of, as it stands: all hosts where a touched failure
/// stopped the line or a person aborted, the host alone where its failure was tolerated or accepted.
pub fn own_blocks(rollout: &Rollout, input: &BlockInput<'_>) -> Vec<Block> {
    let mut everywhere: BTreeMap<Key, String> = BTreeMap::new();
    let mut listed: BTreeMap<Key, (BTreeSet<HostName>, String)> = BTreeMap::new();
    let stopped = rollout.line_stopped();
    for (_, step) in rollout.steps(WaveKind::Forward) {
        let how = match step.outcome {
            _ if is_unhealthy(step) => "did not last",
            Some(Outcome::RolledBack) => "rolled back",
            Some(Outcome::Failed) => "failed",
            _ => continue,
        };
        let Some((change, digests)) =
            rollout
                .change(&step.host, &step.service)
                .zip((input.digests)(&step.host, &step.service))
        else {
            continue;
        };
        let reason = || {
            let soak = step.soak.as_ref().map(|soak| &soak.message);
            let why = soak.unwrap_or(&step.message);
            let text = format!("{how} on {}: {why}", step.host);
            text.trim_end_matches([':', ' ']).to_owned()
        };
        let accepted = rollout.record.accepted.binary_search(&step.host).is_ok();
        let version = change.to.clone();
        if stopped && !accepted {
            everywhere
                .entry((step.service.clone(), version, digests.definition))
                .or_insert_with(reason);
        } else {
            listed
                .entry((step.service.clone(), version, digests.host_definition))
                .or_insert_with(|| (BTreeSet::new(), reason()))
                .0
                .insert(step.host.clone());
        }
    }
    if rollout.is_aborted() {
        let standings = rollout.standings();
        for change in &rollout.plan.plan.changes {
            let unfinished = standings
                .get(&change.host)
                .is_some_and(|standing| !matches!(standing, Standing::Succeeded | Standing::Back));
            if !unfinished {
                continue;
            }
            if let Some(digests) = (input.digests)(&change.host, &change.service) {
                everywhere
                    .entry((
                        change.service.clone(),
                        change.to.clone(),
                        digests.definition,
                    ))
                    .or_insert_with(|| "aborted before it was finished".to_owned());
            }
        }
    }
    let everywhere = everywhere
        .into_iter()
        .map(|(key, reason)| (key, BlockedHosts::ALL, reason));
    let listed = listed.into_iter().map(|(key, (hosts, reason))| {
        (
            key,
            BlockedHosts::Listed(hosts.into_iter().collect()),
            reason,
        )
    });
    everywhere
        .chain(listed)
        .map(|((service, version, definition), hosts, reason)| {
            let mut block = Block {
                service,
                version,
                definition,
                hosts,
                reason: super::outcome::shortened(&reason),
                rollout: rollout.record.id.clone(),
                since: input.at,
            };
            if let Some(old) = input.standing.iter().find(|old| is_same(old, &block)) {
                block.since = old.since;
            }
            block
        })
        .collect()
}

impl Rollout {
    /// Whether a block is of a host that answered after it had been given up: its step does not say
    /// so.
    pub fn came_late(&self, block: &Block) -> bool {
        let BlockedHosts::Listed(hosts) = &block.hosts else {
            return false;
        };
        self.steps(WaveKind::Forward).any(|(_, step)| {
            step.outcome == Some(Outcome::Unknown)
                && step.service == block.service
                && hosts.contains(&step.host)
        })
    }
}

fn is_same(old: &Block, new: &Block) -> bool {
    old.rollout == new.rollout
        && old.service == new.service
        && old.version == new.version
        && old.definition == new.definition
        && matches!(old.hosts, BlockedHosts::All(_)) == matches!(new.hosts, BlockedHosts::All(_))
}
