//! Between two waves: what the newest revision says, who is there, and the next intent.

use std::collections::{BTreeMap, BTreeSet};

use crate::gate;
use crate::model::desired::Environment;
use crate::model::event::StepProgress;
use crate::model::id::{HostName, InstanceId, ServiceName, Version};
use crate::model::ledger::{StepRecord, UntouchedKind, WaveKind, WaveRecord};
use crate::model::policy::Offline;
use crate::model::report::Outcome;
use crate::model::task::Presence;

use super::super::desired::DesiredState;
use super::super::error::DispatchError;
use super::super::state::{BackStep, Place};
use super::{Dispatcher, LARGEST_SKEW};

/// What a wave boundary comes to.
pub(super) enum Boundary {
    /// This intent.
    Go(WaveRecord),
    /// Nothing in the wave may start: it is recorded without steps.
    PassOver(WaveRecord),
    /// A gate is closed.
    Hold(String),
    /// Something newer is desired.
    Superseded(String),
    /// Nothing can be rendered any more.
    Gone,
    /// Before the first wave: nobody is there.
    AllOffline,
}

impl Dispatcher<'_> {
    /// Asks the gates and the hosts before a wave of the plan.
    pub(super) async fn prepare(&mut self, wave: u32) -> Result<Boundary, DispatchError> {
        let mut without = BTreeSet::new();
        if !self.is_new {
            let newest = self.controller.desired.newest().await?;
            let name = self.rollout.record().environment.clone();
            if newest.is_invalid(&name) {
                return Ok(Boundary::Hold(format!(
                    "environment {name} is not valid at {}",
                    newest.revision().short()
                )));
            }
            if let Some(reason) = self.superseded_by(newest.as_ref()) {
                return Ok(Boundary::Superseded(reason));
            }
            let fleet = newest.fleet();
            let Some(environment) = fleet.environments.get(&name) else {
                return Ok(Boundary::Superseded(format!("environment {name} is gone")));
            };
            let gates = gate::gates(fleet.hold.as_deref(), environment);
            if let Some(reason) = gate::closed(&gates) {
                return Ok(Boundary::Hold(reason));
            }
            without = held(environment);
        }
        let mut steps = self.rollout.forward_steps(&self.fleet, wave);
        steps.retain(|step| !without.contains(&(step.host.clone(), step.service.clone())));
        if steps.is_empty() {
            let record = self.intent(wave, WaveKind::Forward, steps);
            return Ok(Boundary::PassOver(record));
        }
        if self.scripts.is_none() {
            return Ok(Boundary::Gone);
        }
        let offline = self.rollout.plan().policy.rollout.offline;
        let presence = self.look(&steps).await?;
        if self.is_new && offline == Offline::Defer && !presence.values().any(is_online) {
            return Ok(Boundary::AllOffline);
        }
        if offline == Offline::Hold
            && let Some(reason) = absent(steps.iter().map(|it| (&it.host, &it.instance)), &presence)
        {
            return Ok(Boundary::Hold(reason));
        }
        for step in &mut steps {
            self.mark_changed(step);
            mark_absent(step, &presence, offline);
        }
        Ok(Boundary::Go(self.intent(wave, WaveKind::Forward, steps)))
    }

    /// The intent of a wave that goes back. It needs no gate: it undoes what began with open ones.
    pub(super) async fn prepare_back(
        &mut self,
        steps: &[BackStep],
    ) -> Result<WaveRecord, DispatchError> {
        let mut steps = self.rollout.back_steps(&self.fleet, steps);
        let presence = self.look(&steps).await?;
        for step in &mut steps {
            mark_absent(step, &presence, Offline::Fail);
        }
        let last = self.rollout.waves().iter().map(|wave| wave.wave).max();
        Ok(self.intent(last.unwrap_or(0) + 1, WaveKind::Rollback, steps))
    }

    fn intent(&self, wave: u32, kind: WaveKind, steps: Vec<StepRecord>) -> WaveRecord {
        let now = self.controller.clock.now();
        let since_epoch = u64::try_from(now.unix()).unwrap_or(0);
        WaveRecord {
            wave,
            kind,
            sequence: (self.books.record().sequence + 1).max(since_epoch),
            writer: self.controller.writer.clone(),
            intent_at: now,
            progress_at: None,
            steps,
        }
    }

    /// Who of a wave is there; before the first wave, who of the whole rollout.
    async fn look(
        &mut self,
        steps: &[StepRecord],
    ) -> Result<BTreeMap<InstanceId, Presence>, DispatchError> {
        let instances: BTreeSet<&InstanceId> = if self.is_new {
            let changes = &self.rollout.plan().plan.changes;
            changes.iter().map(|change| &change.instance).collect()
        } else {
            steps.iter().map(|step| &step.instance).collect()
        };
        let instances: Vec<InstanceId> = instances.into_iter().cloned().collect();
        let presence = self.controller.transport.inventory(&instances).await?;
        self.check_clock()?;
        Ok(presence)
    }

    /// Refuses to act where times in records and on hosts would not mean the same.
    pub(super) fn check_clock(&self) -> Result<(), DispatchError> {
        match self.controller.transport.clock_skew() {
            Some(skew) if skew.seconds.abs() > LARGEST_SKEW => {
                Err(DispatchError::ClockSkew(skew.seconds))
            }
            _ => Ok(()),
        }
    }

    /// What would not be rendered as the plan says is not sent.
    fn mark_changed(&self, step: &mut StepRecord) {
        let same = self
            .rollout
            .change(&step.host, &step.service)
            .zip(self.digests(&step.host, &step.service))
            .is_some_and(|(change, digests)| change.digest == digests.digest);
        if !same {
            step.outcome = Some(Outcome::Superseded);
            step.message = "its scripts are no longer rendered as planned".to_owned();
        }
    }

    /// Whether the newest revision wants something else of this rollout's hosts.
    pub(super) async fn superseded(&self) -> Result<Option<String>, DispatchError> {
        let newest = self.controller.desired.newest().await?;
        if newest.is_invalid(&self.rollout.record().environment) {
            return Ok(None);
        }
        Ok(self.superseded_by(newest.as_ref()))
    }

    fn superseded_by(&self, newest: &dyn DesiredState) -> Option<String> {
        let record = self.rollout.record();
        if *newest.revision() == record.revision {
            return None;
        }
        let at = newest.revision().short();
        let Some(environment) = newest.fleet().environments.get(&record.environment) else {
            return Some(format!(
                "environment {} is gone at {at}",
                record.environment
            ));
        };
        if environment.rollout != self.rollout.plan().policy.rollout {
            return Some(format!("{at} changes how the environment is rolled out"));
        }
        self.rollout.plan().plan.changes.iter().find_map(|change| {
            let (host, service) = (&change.host, &change.service);
            let Some((wanted_host, wanted)) = environment.assignment(host, service) else {
                return Some(format!("{at} wants no {service} on {host}"));
            };
            if wanted_host.instance != change.instance {
                return Some(format!("{at} gives {host} another instance"));
            }
            if change.to.as_ref() != wanted.to() {
                let what = wanted.to().map_or("absent", Version::as_str);
                return Some(format!("{at} wants {service} {what} on {host}"));
            }
            let digests = newest
                .digests(&environment.name, wanted_host, service, wanted)
                .ok()?;
            (digests.digest != change.digest)
                .then(|| format!("{at} configures {service} on {host} otherwise"))
        })
    }

    /// Records what an intent says of hosts that are not there.
    pub(super) fn note_absent(&mut self, wave: u32) {
        for (place, outcome) in self.absent(wave) {
            let kind = match outcome {
                Outcome::Deferred => UntouchedKind::Deferred,
                Outcome::Untouched => UntouchedKind::Refused,
                _ => continue,
            };
            self.note_untouched(place, outcome, kind);
        }
    }

    /// Tells of them.
    pub(super) fn announce_absent(&self, wave: u32) {
        for (place, outcome) in self.absent(wave) {
            self.emit_step(place, StepProgress::Over(outcome));
        }
    }

    fn absent(&self, wave: u32) -> Vec<(Place, Outcome)> {
        let steps = self.rollout.wave(wave).map(|record| &record.steps);
        steps
            .into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(index, step)| Some((Place { wave, index }, step.outcome?)))
            .collect()
    }
}

/// Who of a wave is not there, in words: with `offline: hold` it does not start without them.
pub(crate) fn absent<'a>(
    hosts: impl Iterator<Item = (&'a HostName, &'a InstanceId)>,
    presence: &BTreeMap<InstanceId, Presence>,
) -> Option<String> {
    let absent: BTreeSet<&HostName> = hosts
        .filter(|(_, instance)| !presence.get(*instance).is_some_and(is_online))
        .map(|(host, _)| host)
        .collect();
    let first = absent.first()?;
    Some(match absent.len() {
        1 => format!("{first} is offline, and its wave does not start without it"),
        n => format!(
            "{first} and {} more are offline, and their wave does not start without them",
            n - 1
        ),
    })
}

fn is_online(presence: &Presence) -> bool {
    matches!(presence, Presence::Online(_))
}

fn mark_absent(step: &mut StepRecord, presence: &BTreeMap<InstanceId, Presence>, offline: Offline) {
    let why = match presence.get(&step.instance) {
        Some(Presence::Online(_)) => return,
        Some(Presence::Offline(why)) => why.as_str(),
        None => Presence::UNKNOWN,
    };
    if step.outcome.is_none() {
        step.outcome = Some(match offline {
            Offline::Defer => Outcome::Deferred,
            Offline::Hold | Offline::Fail => Outcome::Untouched,
        });
        step.message = why.to_owned();
    }
}

/// A hold of a service or host lets the rollout go on without these steps.
fn held(environment: &Environment) -> BTreeSet<(HostName, ServiceName)> {
    environment
        .hosts
        .values()
        .flat_map(|host| {
            environment
                .assignments(host)
                .filter(|(_, assignment)| host.hold.is_some() || assignment.hold.is_some())
                .map(|(service, _)| (host.name.clone(), service.clone()))
        })
        .collect()
}
