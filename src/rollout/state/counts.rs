//! Where each host of a rollout stands.

use std::collections::{BTreeMap, HashMap};

use crate::model::id::HostName;
use crate::model::ledger::{StepRecord, WaveKind};
use crate::model::report::Outcome;

use super::Rollout;
use super::outcome::is_good;

/// Where one host stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its wave has not begun.
    Ahead,
    /// A step of it has no outcome.
    InFlight,
    /// Everything succeeded.
    Succeeded,
    /// Everything that had to go back is back.
    Back,
    /// It left the rollout: deferred, held or superseded.
    Left,
    /// Something did not succeed.
    Failed {
        /// A step failed or gave no answer: nobody knows what runs.
        unavailable: bool,
        /// The previous version is proven, and nothing but that went wrong.
        proven_back: bool,
    },
}

/// [`Standing`] without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Ahead,
    InFlight,
    Succeeded,
    Back,
    Left,
    Failed,
}

impl Standing {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Ahead => Kind::Ahead,
            Self::InFlight => Kind::InFlight,
            Self::Succeeded => Kind::Succeeded,
            Self::Back => Kind::Back,
            Self::Left => Kind::Left,
            Self::Failed { .. } => Kind::Failed,
        }
    }
}

impl Rollout {
    /// Where every host of the plan stands.
    pub fn standings(&self) -> BTreeMap<&HostName, Standing> {
        let mut forward: HashMap<&HostName, Vec<&StepRecord>> = HashMap::new();
        let mut back: HashMap<&HostName, Vec<&StepRecord>> = HashMap::new();
        for (_, step) in self.steps(WaveKind::Forward) {
            forward.entry(&step.host).or_default().push(step);
        }
        for (_, step) in self.steps(WaveKind::Rollback) {
            back.entry(&step.host).or_default().push(step);
        }
        let reached = self.begun();
        let none = Vec::new();
        self.plan
            .plan
            .waves
            .iter()
            .flat_map(|wave| wave.hosts.iter().map(move |host| (wave.number, host)))
            .map(|(number, host)| {
                let forward = forward.get(host).unwrap_or(&none);
                let back = back.get(host).unwrap_or(&none);
                let standing = if number > reached {
                    Standing::Ahead
                } else {
                    stands(forward, back)
                };
                (host, standing)
            })
            .collect()
    }

    /// The last wave of the plan that has begun.
    pub(super) fn begun(&self) -> u32 {
        self.waves
            .iter()
            .filter(|wave| wave.kind == WaveKind::Forward)
            .map(|wave| wave.wave)
            .max()
            .unwrap_or(0)
    }

    /// Hosts without success that count against `max_failures`.
    pub fn failures(&self) -> Vec<&HostName> {
        self.standings()
            .into_iter()
            .filter(|(host, standing)| {
                matches!(standing, Standing::Failed { .. })
                    && self.record.accepted.binary_search(host).is_err()
            })
            .map(|(host, _)| host)
            .collect()
    }
}

fn stands(forward: &[&StepRecord], back: &[&StepRecord]) -> Standing {
    let all = || forward.iter().chain(back);
    if all().any(|step| step.outcome.is_none()) {
        return Standing::InFlight;
    }
    let outcomes = |wanted: &[Outcome]| {
        all().any(|step| {
            step.outcome
                .is_some_and(|outcome| wanted.contains(&outcome))
        })
    };
    let mut spoilt = forward.iter().filter(|step| step.soak.is_some()).peekable();
    let did_not_last = spoilt.peek().is_some();
    let bad = did_not_last
        || all().any(|step| {
            step.outcome.is_some_and(|outcome| {
                !is_good(step.action, outcome)
                    && !matches!(outcome, Outcome::Deferred | Outcome::Superseded)
            })
        });
    if bad {
        let is_back = |step: &StepRecord| {
            back.iter()
                .any(|it| it.service == step.service && it.outcome == Some(Outcome::RolledBack))
        };
        let unavailable =
            outcomes(&[Outcome::Failed, Outcome::Unknown]) || spoilt.any(|step| !is_back(step));
        // What was not sent because an earlier step of its host did not succeed proves nothing and
        // spoils nothing.
        let proven_back = !unavailable
            && !outcomes(&[Outcome::Refused])
            && (did_not_last
                || forward
                    .iter()
                    .any(|step| step.outcome == Some(Outcome::RolledBack)))
            && back
                .iter()
                .all(|step| step.outcome == Some(Outcome::RolledBack));
        return Standing::Failed {
            unavailable,
            proven_back,
        };
    }
    if forward.is_empty() || outcomes(&[Outcome::Deferred, Outcome::Superseded]) {
        return Standing::Left;
    }
    if back.is_empty() {
        Standing::Succeeded
    } else {
        Standing::Back
    }
}
