//! How a pass ended.

use crate::model::ledger::{RolloutRecord, RolloutState};
use crate::model::plan::{EnvironmentPlan, Gate, HeldReason};

/// One pass.
#[derive(Clone, Debug)]
pub struct Pass {
    /// How it ended.
    pub outcome: PassOutcome,
    /// The last plan it made; none where an open rollout was all there was to do.
    pub plan: Option<EnvironmentPlan>,
}

/// How a pass ended.
#[derive(Clone, Debug)]
pub enum PassOutcome {
    /// Everything is as desired, or held for reasons that the plan names.
    Unchanged,
    /// A rollout came to its end.
    Ended(RolloutRecord),
    /// The line stopped on failures.
    Paused(RolloutRecord),
    /// Something must be waited for.
    Held {
        /// What, in words.
        reason: String,
        /// Those that are closed.
        gates: Vec<Gate>,
        /// The rollout that waits, where one is recorded.
        rollout: Option<RolloutRecord>,
    },
    /// Every host that changes is offline; they are caught up later.
    AllOffline,
    /// It was told to leave.
    Stopped,
}

/// Classes of exit codes (design.md §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitClass {
    /// 0.
    Done,
    /// 4: a rollout failed, rolled back, paused on failures or was aborted.
    Failed,
    /// 5: a gate, another controller, blocked or unknown hosts, no canary, superseded.
    Held,
    /// 130.
    Stopped,
}

impl Pass {
    /// The class of its exit code. Hosts that are held by hand, deferred or refused alone are no
    /// reason for another code than 0.
    pub fn class(&self) -> ExitClass {
        match &self.outcome {
            PassOutcome::Unchanged | PassOutcome::AllOffline => self.done(),
            PassOutcome::Ended(record) => match record.state {
                RolloutState::Succeeded => self.done(),
                RolloutState::Superseded => ExitClass::Held,
                _ => ExitClass::Failed,
            },
            PassOutcome::Paused(_) => ExitClass::Failed,
            PassOutcome::Held { .. } => ExitClass::Held,
            PassOutcome::Stopped => ExitClass::Stopped,
        }
    }

    fn done(&self) -> ExitClass {
        let waits = self.plan.iter().flat_map(|plan| &plan.held).any(|held| {
            matches!(
                held.reason,
                HeldReason::Blocked | HeldReason::Unknown | HeldReason::Canary
            )
        });
        if waits {
            ExitClass::Held
        } else {
            ExitClass::Done
        }
    }
}
