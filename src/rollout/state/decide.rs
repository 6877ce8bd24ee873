//! What a rollout does next (design.md §8).

use std::collections::BTreeSet;

use crate::model::id::{HostName, ServiceName};
use crate::model::ledger::{RolloutState, StepRecord, WaveKind};
use crate::model::plan::Gate;
use crate::model::policy::OnFailure;
use crate::model::report::Outcome;
use crate::model::statement::Verb;

use super::canary::is_unhealthy;
use super::counts::Standing;
use super::{BackStep, Rollout};

/// What comes next. Gates and newer revisions are asked about before a forward wave starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// A wave is open: its outcomes first.
    Await(u32),
    /// This wave of the plan.
    Forward(u32),
    /// The first wave is watched until its soak is over.
    Soak,
    /// These steps go back, as the next wave.
    Back(Vec<BackStep>),
    /// This gate of the rollout itself is closed: a person opens it.
    Hold(Gate),
    /// The line stopped with waves left: a person decides.
    Pause,
    /// Over.
    End(RolloutState, String),
}

impl Rollout {
    /// Decides from what is recorded alone.
    pub fn decide(&self) -> Decision {
        if let Some(wave) = self.open_wave() {
            return Decision::Await(wave.wave);
        }
        if let Some(by) = self.aborted_by() {
            return Decision::End(RolloutState::Aborted, format!("aborted by {by}"));
        }
        if self.revision_gone {
            let reason = format!("revision {} is gone", self.record.revision.short());
            return Decision::End(RolloutState::Failed, reason);
        }
        if self.is_going_back() {
            let steps = self.next_back();
            if steps.is_empty() || self.back_is_broken() {
                return self.end();
            }
            return Decision::Back(steps);
        }
        let left = self.next_forward();
        if self.line_stopped() {
            return match left {
                Some(_) => Decision::Pause,
                None => self.end(),
            };
        }
        if self.is_soak_due() {
            return Decision::Soak;
        }
        let Some(wave) = left else {
            return self.end();
        };
        match self.awaits_continue() {
            Some(gate) => Decision::Hold(gate),
            None => Decision::Forward(wave),
        }
    }

    /// More failures than `max_failures`.
    pub fn line_stopped(&self) -> bool {
        self.failures().len() > self.plan.policy.rollout.max_failures as usize
    }

    /// The line stopped after something was touched, and the policy is to go back; or it already began.
    pub fn is_going_back(&self) -> bool {
        self.waves
            .iter()
            .any(|wave| wave.kind == WaveKind::Rollback)
            || (self.plan.policy.rollout.on_failure == OnFailure::Rollback
                && self.line_stopped()
                && !self.touched_services().is_empty())
    }

    /// Going back took more hosts away than `max_failures` allows: the rest keeps a version that
    /// works there rather than losing it to a rollback that does not.
    fn back_is_broken(&self) -> bool {
        let lost: BTreeSet<&HostName> = self
            .steps(WaveKind::Rollback)
            .filter(|(_, step)| matches!(step.outcome, Some(Outcome::Failed | Outcome::Unknown)))
            .map(|(_, step)| &step.host)
            .collect();
        lost.len() > self.plan.policy.rollout.max_failures as usize
    }

    /// Services that failed on a host after they touched it, where nobody accepted that.
    pub fn touched_services(&self) -> BTreeSet<&ServiceName> {
        self.steps(WaveKind::Forward)
            .filter(|(_, step)| {
                (matches!(step.outcome, Some(Outcome::Failed | Outcome::RolledBack))
                    || is_unhealthy(step))
                    && self.record.accepted.binary_search(&step.host).is_err()
            })
            .map(|(_, step)| &step.service)
            .collect()
    }

    /// In words, why the line stopped or would have.
    pub fn failure_reason(&self) -> String {
        self.failure_reason_by_now(&|_| None)
    }

    /// The same, with what is known `by_now` of steps whose hosts did not answer in time.
    pub fn failure_reason_by_now(&self, by_now: &dyn Fn(&StepRecord) -> Option<String>) -> String {
        let failures = self.failures();
        let named: Vec<String> = self
            .steps(WaveKind::Forward)
            .filter(|(_, step)| failures.contains(&&step.host))
            .filter_map(|(_, step)| {
                let outcome = step.outcome?;
                if let Some(soak) = &step.soak {
                    let (service, host) = (&step.service, &step.host);
                    return Some(format!("{service} on {host} {}", soak.message));
                }
                let late = (outcome == Outcome::Unknown)
                    .then(|| by_now(step))
                    .flatten();
                let words = late.unwrap_or_else(|| words(outcome).to_owned());
                (!super::is_good(step.action, outcome) && outcome != Outcome::Untouched)
                    .then(|| format!("{} on {} {words}", step.service, step.host))
            })
            .collect();
        let shown = named.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        match named.len() {
            0 => match failures.len() {
                1 => format!("{} was not reached", failures[0]),
                n => format!("{n} hosts without success"),
            },
            n if n > 3 => format!("{shown} and {} more", n - 3),
            _ => shown,
        }
    }

    fn aborted_by(&self) -> Option<&str> {
        self.record
            .statements
            .iter()
            .find(|said| said.verb == Verb::Abort && said.result == super::hear::DONE)
            .map(|said| said.by.as_str())
    }

    /// Whether a person ended it; what is in flight still comes in.
    pub fn is_aborted(&self) -> bool {
        self.aborted_by().is_some()
    }

    fn next_forward(&self) -> Option<u32> {
        let next = self.begun() + 1;
        self.plan
            .plan
            .waves
            .iter()
            .any(|wave| wave.number == next)
            .then_some(next)
    }

    fn end(&self) -> Decision {
        let standings = self.standings();
        let failed = || {
            standings
                .values()
                .filter(|standing| matches!(standing, Standing::Failed { .. }))
        };
        let count = failed().count();
        if count == 0 {
            return Decision::End(RolloutState::Succeeded, String::new());
        }
        let proven = failed().all(|standing| {
            matches!(
                standing,
                Standing::Failed {
                    proven_back: true,
                    ..
                }
            )
        });
        let state = if proven {
            RolloutState::RolledBack
        } else {
            RolloutState::Failed
        };
        let reason = if self.failures().is_empty() {
            format!(
                "{count} of {} hosts without success, accepted",
                self.record.total
            )
        } else {
            self.failure_reason()
        };
        Decision::End(state, reason)
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::RolledBack => "rolled back",
        Outcome::Unknown => "did not answer",
        other => other.as_str(),
    }
}
