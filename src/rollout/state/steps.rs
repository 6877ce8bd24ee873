//! The steps of a wave: which, in which round, with which id.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::{FleetName, HostName, InstanceId, ServiceName, StepId};
use crate::model::ledger::{StepRecord, WaveKind};
use crate::model::plan::Action;
use crate::model::report::Outcome;

use super::Rollout;
use super::counts::Standing;

/// A service on a host that goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackStep {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
}

impl Rollout {
    /// The steps of a wave of the plan, all without outcome.
    pub fn forward_steps(&self, fleet: &FleetName, wave: u32) -> Vec<StepRecord> {
        let mut rounds = Rounds::default();
        self.plan
            .plan
            .changes
            .iter()
            .filter(|change| change.wave == wave)
            .map(|change| {
                self.step(
                    fleet,
                    &change.host,
                    &change.instance,
                    &change.service,
                    change.action,
                    &mut rounds,
                )
            })
            .collect()
    }

    /// The records of steps that go back.
    pub fn back_steps(&self, fleet: &FleetName, steps: &[BackStep]) -> Vec<StepRecord> {
        let mut rounds = Rounds::default();
        steps
            .iter()
            .filter_map(|step| self.change(&step.host, &step.service))
            .map(|change| {
                self.step(
                    fleet,
                    &change.host,
                    &change.instance,
                    &change.service,
                    Action::Rollback,
                    &mut rounds,
                )
            })
            .collect()
    }

    fn step(
        &self,
        fleet: &FleetName,
        host: &HostName,
        instance: &InstanceId,
        service: &ServiceName,
        action: Action,
        rounds: &mut Rounds,
    ) -> StepRecord {
        StepRecord {
            host: host.clone(),
            instance: instance.clone(),
            service: service.clone(),
            action,
            step: StepId::compute(
                fleet,
                &self.record.environment,
                &self.record.id,
                host,
                instance,
                service,
                action,
            ),
            round: rounds.next(instance),
            outcome: None,
            version: None,
            message: String::new(),
            seconds: None,
            command: None,
            soak: None,
        }
    }

    /// The next steps to go back: of the last forward wave that still has a host with the new
    /// version, as many hosts as keep the promise that at most the largest wave and `max_failures`
    /// hosts are unavailable at a time, but always one.
    pub(super) fn next_back(&self) -> Vec<BackStep> {
        let undone = self.undone();
        let gone: BTreeSet<(&HostName, &ServiceName)> = self
            .steps(WaveKind::Rollback)
            .map(|(_, step)| (&step.host, &step.service))
            .collect();
        // Nothing newer is sent to a host that owes an answer.
        let unknown: BTreeSet<&HostName> = self
            .waves
            .iter()
            .flat_map(|wave| &wave.steps)
            .filter(|step| step.outcome == Some(Outcome::Unknown))
            .map(|step| &step.host)
            .collect();
        let candidates: Vec<(u32, &StepRecord)> = self
            .steps(WaveKind::Forward)
            .filter(|(_, step)| {
                step.outcome == Some(Outcome::Succeeded)
                    && self.goes_back(step, &undone)
                    && !gone.contains(&(&step.host, &step.service))
                    && !unknown.contains(&step.host)
            })
            .collect();
        let Some(wave) = candidates.iter().map(|(wave, _)| *wave).max() else {
            return Vec::new();
        };
        let mut hosts: Vec<&HostName> = Vec::new();
        let room = self.room();
        for (_, step) in candidates.iter().filter(|(number, _)| *number == wave) {
            if hosts.last() != Some(&&step.host) {
                if hosts.len() == room {
                    break;
                }
                hosts.push(&step.host);
            }
        }
        hosts
            .into_iter()
            .flat_map(|host| {
                // A host undoes its services in the reverse order of their coming.
                candidates
                    .iter()
                    .rev()
                    .filter(move |(_, step)| step.host == *host)
                    .map(|(_, step)| BackStep {
                        host: step.host.clone(),
                        service: step.service.clone(),
                    })
            })
            .collect()
    }

    /// The services that failed somewhere, each on the hosts on which it succeeded.
    fn undone(&self) -> BTreeSet<(&HostName, &ServiceName)> {
        let touched = self.touched_services();
        self.steps(WaveKind::Forward)
            .filter(|(_, step)| step.outcome == Some(Outcome::Succeeded))
            .filter(|(_, step)| touched.contains(&step.service))
            .map(|(_, step)| (&step.host, &step.service))
            .collect()
    }

    /// What goes back on a host: what is undone there, and what this rollout changed on top of it.
    fn goes_back(&self, step: &StepRecord, undone: &BTreeSet<(&HostName, &ServiceName)>) -> bool {
        let is_undone = |service| undone.contains(&(&step.host, service));
        is_undone(&step.service)
            || self
                .change(&step.host, &step.service)
                .is_some_and(|change| change.requires.iter().any(is_undone))
    }

    fn room(&self) -> usize {
        let largest = self
            .waves
            .iter()
            .filter(|wave| wave.kind == WaveKind::Forward)
            .map(|wave| {
                let hosts: BTreeSet<&HostName> = wave.steps.iter().map(|step| &step.host).collect();
                hosts.len()
            })
            .max()
            .unwrap_or(1);
        let unavailable = self
            .standings()
            .values()
            .filter(|standing| {
                matches!(
                    standing,
                    Standing::Failed {
                        unavailable: true,
                        ..
                    }
                )
            })
            .count();
        let allowed = largest + self.plan.policy.rollout.max_failures as usize;
        allowed.saturating_sub(unavailable).max(1)
    }
}

/// One step per instance and command: hosts that share an instance take turns.
#[derive(Default)]
struct Rounds(BTreeMap<InstanceId, u32>);

impl Rounds {
    fn next(&mut self, instance: &InstanceId) -> u32 {
        let round = self.0.entry(instance.clone()).or_insert(0);
        *round += 1;
        *round
    }
}
