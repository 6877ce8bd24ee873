//! Why a pass could not be made.

use crate::ledger::LedgerError;
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{EnvironmentName, PlanId, Revision};
use crate::rollout::{DesiredError, DispatchError};
use crate::transport::TransportError;

/// What stops a pass.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The manifests have no such environment.
    #[error("there is no environment {environment} at {}", revision.short())]
    NoEnvironment {
        /// Its name.
        environment: EnvironmentName,
        /// At which commit.
        revision: Revision,
    },
    /// Its file or one of its templates is not valid.
    #[error("environment {environment} is not valid at {}", revision.short())]
    Invalid {
        /// Its name.
        environment: EnvironmentName,
        /// At which commit.
        revision: Revision,
    },
    /// The scripts of a host cannot be rendered.
    #[error("the scripts of environment {environment} cannot be rendered: {}", problem.message)]
    Render {
        /// Its name.
        environment: EnvironmentName,
        /// What is wrong.
        problem: Box<Diagnostic>,
    },
    /// Something changed since the plan was shown.
    #[error("the plan is now {}, not {} as shown", now.short(), shown.short())]
    PlanChanged {
        /// What was agreed to.
        shown: PlanId,
        /// What it would be.
        now: PlanId,
    },
    /// Other controllers were first again and again.
    #[error("other controllers wrote the ledger of environment {0} first, {1} times in a row")]
    Contested(EnvironmentName, u32),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The hosts could not be reached at all.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Desired state could not be read.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// Times in the ledger and on hosts would mean nothing.
    #[error("this machine's clock is {0} s off the service's; nothing is sent until they agree")]
    ClockSkew(i64),
}

impl ReconcileError {
    /// What a dispatcher stopped for; a lost race is none: the pass is made anew.
    pub(super) fn from_dispatch(
        error: DispatchError,
        environment: &EnvironmentName,
        lost: u32,
    ) -> Self {
        match error {
            DispatchError::LostRace => Self::Contested(environment.clone(), lost),
            DispatchError::Ledger(error) => Self::Ledger(error),
            DispatchError::Transport(error) => Self::Transport(error),
            DispatchError::Desired(error) => Self::Desired(error),
            DispatchError::ClockSkew(seconds) => Self::ClockSkew(seconds),
        }
    }
}
