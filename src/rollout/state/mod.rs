//! The pure state machine of a rollout.
//!
//! It is a function of what the ledger records (plan, rollout, waves), so a resumed rollout decides
//! as the one that was killed would have. It owns which wave comes next, when the line stops and
//! how a rollout ends; it must not know clocks, transports or files.

mod blocks;
mod canary;
mod counts;
mod decide;
mod hear;
mod outcome;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::model::id::{CommandId, HostName, RolloutId, ServiceName, Version};
use crate::model::ledger::{
    HandledStatement, RolloutLedger, RolloutRecord, RolloutState, SoakFailure, StepRecord,
    WaveKind, WaveRecord,
};
use crate::model::plan::{Action, Change, RecordedPlan};
use crate::model::report::Outcome;
use crate::model::time::Timestamp;

pub use blocks::{BlockInput, own_blocks};
pub use counts::Standing;
pub use decide::Decision;
pub use hear::{Heard, Lift};
pub(crate) use outcome::shortened;
pub use outcome::{After, EndedStep, is_good, retry_pause, service_record, untouched_entry};
pub use steps::BackStep;

/// A rollout as far as it got.
#[derive(Clone, Debug)]
pub struct Rollout {
    plan: RecordedPlan,
    /// Where in the plan a service of a host stands.
    changes: HashMap<(HostName, ServiceName), usize>,
    record: RolloutRecord,
    waves: Vec<WaveRecord>,
    /// The recorded revision cannot be read any more.
    revision_gone: bool,
}

/// A step of a rollout: the wave, and the position among its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The wave's number.
    pub wave: u32,
    /// Among its steps.
    pub index: usize,
}

/// What can happen to it.
#[derive(Clone, Debug)]
pub enum RolloutEvent {
    /// A wave's intent is about to be recorded. One without steps is a wave in which nothing may start.
    Intended(WaveRecord),
    /// A controller is alive, or took the wave over.
    Progressed {
        /// Which wave.
        wave: u32,
        /// Who writes.
        writer: String,
        /// When.
        at: Timestamp,
    },
    /// A step was handed to the service.
    StepSent {
        /// Which step.
        place: Place,
        /// For information.
        command: CommandId,
    },
    /// A step is over.
    StepEnded {
        /// Which step.
        place: Place,
        /// How.
        outcome: Outcome,
        /// What the host says runs now.
        version: Option<Version>,
        /// Why it did not succeed.
        message: String,
        /// Of the step on its host.
        seconds: Option<f64>,
    },
    /// A person's word was looked at.
    Heard {
        /// What became of it.
        handled: HandledStatement,
        /// Failures that it accepts.
        accepted: Vec<HostName>,
    },
    /// The first wave is watched until then.
    SoakBegun {
        /// Its end.
        until: Timestamp,
    },
    /// What had succeeded did not last.
    SoakFailed {
        /// Which step.
        place: Place,
        /// What was found.
        failure: SoakFailure,
    },
    /// The soak is over.
    Soaked,
    /// The recorded revision cannot be read.
    RevisionGone,
    /// It stands there now, for this reason.
    Stands {
        /// Where.
        state: RolloutState,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

impl Rollout {
    /// A rollout that nothing is recorded of yet.
    pub fn new(id: RolloutId, plan: RecordedPlan, at: Timestamp) -> Self {
        let record = RolloutRecord {
            id,
            environment: plan.plan.name.clone(),
            plan_id: plan.plan.plan_id.clone(),
            revision: plan.revision.clone(),
            state: RolloutState::Running,
            reason: String::new(),
            since: at,
            strategy: plan.policy.rollout.strategy,
            total: 0,
            completed: 0,
            failed: 0,
            in_progress: 0,
            deferred: 0,
            started_at: None,
            ended_at: None,
            soak_until: None,
            soaked: false,
            accepted: Vec::new(),
            statements: Vec::new(),
        };
        let mut rollout = Self::load(RolloutLedger {
            plan,
            record,
            waves: Vec::new(),
        });
        rollout.count();
        rollout
    }

    /// The rollout that a ledger records.
    pub fn load(recorded: RolloutLedger) -> Self {
        let changes = recorded
            .plan
            .plan
            .changes
            .iter()
            .enumerate()
            .map(|(at, change)| ((change.host.clone(), change.service.clone()), at))
            .collect();
        Self {
            changes,
            plan: recorded.plan,
            record: recorded.record,
            waves: recorded.waves,
            revision_gone: false,
        }
    }

    /// `plan.json`.
    pub fn plan(&self) -> &RecordedPlan {
        &self.plan
    }

    /// `rollout.yaml`.
    pub fn record(&self) -> &RolloutRecord {
        &self.record
    }

    /// `wave-<n>.yaml`, in order.
    pub fn waves(&self) -> &[WaveRecord] {
        &self.waves
    }

    /// Its id.
    pub fn id(&self) -> &RolloutId {
        &self.record.id
    }

    /// The wave with a step that has no outcome; there is at most one.
    pub fn open_wave(&self) -> Option<&WaveRecord> {
        self.waves.iter().find(|wave| wave.is_open())
    }

    /// One wave's record.
    pub fn wave(&self, number: u32) -> Option<&WaveRecord> {
        self.waves.iter().find(|wave| wave.wave == number)
    }

    /// The planned change behind a step; for a rollback the one it undoes.
    pub fn change(&self, host: &HostName, service: &ServiceName) -> Option<&Change> {
        let at = *self.changes.get(&(host.clone(), service.clone()))?;
        self.plan.plan.changes.get(at)
    }

    /// Takes note of something that happened.
    pub fn apply(&mut self, event: RolloutEvent) {
        match event {
            RolloutEvent::Intended(wave) => {
                if self.record.started_at.is_none() && !wave.steps.is_empty() {
                    self.record.started_at = Some(wave.intent_at);
                }
                self.waves.push(wave);
            }
            RolloutEvent::Progressed { wave, writer, at } => {
                if let Some(wave) = self.waves.iter_mut().find(|w| w.wave == wave) {
                    wave.writer = writer;
                    wave.progress_at = Some(at);
                }
            }
            RolloutEvent::StepSent { place, command } => {
                if let Some(record) = self.step_mut(place) {
                    record.command = Some(command);
                }
            }
            RolloutEvent::StepEnded {
                place,
                outcome,
                version,
                message,
                seconds,
            } => {
                if let Some(record) = self.step_mut(place) {
                    record.outcome = Some(outcome);
                    record.version = version;
                    record.message = message;
                    record.seconds = seconds;
                }
            }
            RolloutEvent::Heard { handled, accepted } => {
                self.record.statements.push(handled);
                self.record.accepted.extend(accepted);
                self.record.accepted.sort();
                self.record.accepted.dedup();
            }
            RolloutEvent::SoakBegun { until } => self.record.soak_until = Some(until),
            RolloutEvent::SoakFailed { place, failure } => {
                if let Some(record) = self.step_mut(place) {
                    record.soak = Some(failure);
                }
            }
            RolloutEvent::Soaked => self.record.soaked = true,
            RolloutEvent::RevisionGone => self.revision_gone = true,
            RolloutEvent::Stands { state, reason, at } => self.stand(state, reason, at),
        }
    }

    fn stand(&mut self, state: RolloutState, reason: String, at: Timestamp) {
        if self.record.state != state || self.record.reason != reason {
            self.record.state = state;
            self.record.reason = reason;
            self.record.since = at;
        }
        if state.is_over() && self.record.ended_at.is_none() {
            self.record.ended_at = Some(at);
        }
    }

    fn step_mut(&mut self, place: Place) -> Option<&mut StepRecord> {
        self.waves
            .iter_mut()
            .find(|wave| wave.wave == place.wave)?
            .steps
            .get_mut(place.index)
    }

    /// Brings the counts of the record up to date; before it is written.
    pub fn count(&mut self) {
        let mut counts = BTreeMap::new();
        for standing in self.standings().into_values() {
            *counts.entry(standing.kind()).or_insert(0_usize) += 1;
        }
        let of = |kind| counts.get(&kind).copied().unwrap_or(0);
        self.record.total = self
            .plan
            .plan
            .waves
            .iter()
            .map(|wave| wave.hosts.len())
            .sum();
        self.record.completed = of(counts::Kind::Succeeded);
        self.record.failed = of(counts::Kind::Failed);
        self.record.in_progress = of(counts::Kind::InFlight);
        self.record.deferred = of(counts::Kind::Left);
    }

    /// Steps of one direction with their waves.
    fn steps(&self, kind: WaveKind) -> impl Iterator<Item = (u32, &StepRecord)> {
        self.waves
            .iter()
            .filter(move |wave| wave.kind == kind)
            .flat_map(|wave| wave.steps.iter().map(move |step| (wave.wave, step)))
    }

    /// Whether a step is one that goes back.
    pub fn is_back(step: &StepRecord) -> bool {
        step.action == Action::Rollback
    }
}
