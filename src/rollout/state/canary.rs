//! What lies between the first wave and the second: the soak, and a person's word where the canary
//! did not pass by itself.

use crate::model::ledger::{SoakFailureKind, StepRecord, WaveKind};
use crate::model::plan::{Gate, GateKind};
use crate::model::policy::{AfterCanary, Strategy};
use crate::model::report::Outcome;
use crate::model::statement::Verb;
use crate::model::time::Seconds;

use super::counts::Standing;
use super::decide::Decision;
use super::{Place, Rollout};

impl Rollout {
    /// Whether the first wave is to be watched before anything follows.
    pub(super) fn is_soak_due(&self) -> bool {
        self.plan.policy.rollout.soak > Seconds(0)
            && !self.plan.returning
            && !self.record.soaked
            && self.begun() == 1
            && !self.soaking().is_empty()
    }

    /// The steps that a soak watches: those of the first wave that succeeded and were not found
    /// unhealthy yet.
    pub fn soaking(&self) -> Vec<(Place, &StepRecord)> {
        let wave = self
            .waves
            .iter()
            .find(|wave| wave.kind == WaveKind::Forward && wave.wave == 1);
        let steps = wave.into_iter().flat_map(|wave| {
            wave.steps.iter().enumerate().map(|(index, step)| {
                (
                    Place {
                        wave: wave.wave,
                        index,
                    },
                    step,
                )
            })
        });
        steps
            .filter(|(_, step)| step.outcome == Some(Outcome::Succeeded) && step.soak.is_none())
            .collect()
    }

    /// The gate of its own that a rollout waits at now.
    pub fn gate(&self) -> Option<Gate> {
        match self.decide() {
            Decision::Hold(gate) => Some(gate),
            _ => None,
        }
    }

    /// The gate at which the waves behind the canary wait for a person; none where they do not.
    pub(super) fn awaits_continue(&self) -> Option<Gate> {
        let rollout = &self.plan.policy.rollout;
        if rollout.strategy != Strategy::Canary
            || self.plan.returning
            || self.plan.plan.waves.len() < 2
            || self.begun() != 1
            || self.is_continued()
        {
            return None;
        }
        let passed = self
            .standings()
            .values()
            .any(|standing| *standing == Standing::Succeeded);
        let (kind, why) = match self.plan.plan.waves[0].hosts.len() {
            _ if passed && rollout.after_canary == AfterCanary::Wait => {
                (GateKind::Continue, "the canary passed".to_owned())
            }
            _ if passed => return None,
            1 => (GateKind::Canary, "the canary did not succeed".to_owned()),
            n => (
                GateKind::Canary,
                format!("none of the {n} canaries succeeded"),
            ),
        };
        let environment = &self.record.environment;
        Some(Gate {
            kind,
            open: false,
            reason: format!("{why}; `fleet continue {environment}` goes on"),
        })
    }

    /// A person said `continue` after the first wave: it answers whatever waited for it there.
    fn is_continued(&self) -> bool {
        self.record
            .statements
            .iter()
            .any(|said| said.verb == Verb::Continue && said.result == super::hear::DONE)
    }
}

/// Whether a soak found that a step's version does not do well on its host.
pub(super) fn is_unhealthy(step: &StepRecord) -> bool {
    step.soak
        .as_ref()
        .is_some_and(|soak| soak.kind == SoakFailureKind::Unhealthy)
}
