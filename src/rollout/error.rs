//! Why a dispatcher could not go on. A failed host is none of these.

use crate::ledger::LedgerError;
use crate::transport::TransportError;

use super::desired::DesiredError;

/// What stops a dispatcher. Whatever was sent goes on at the hosts; the next start picks it up.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// Another controller was first: nothing of ours is in.
    #[error("another controller wrote the environment's ledger first")]
    LostRace,
    /// The ledger could not be read or written.
    #[error("could not record the rollout")]
    Ledger(#[from] LedgerError),
    /// The hosts could not be reached at all.
    #[error("could not reach the hosts")]
    Transport(#[from] TransportError),
    /// Desired state could not be read.
    #[error("could not look at the desired state")]
    Desired(#[from] DesiredError),
    /// Times in the ledger and `not_after` would mean nothing.
    #[error("this machine's clock is {0} s off the service's")]
    ClockSkew(i64),
}

impl DispatchError {
    /// It may work a moment later, and nothing is known to have happened.
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Transport(error) => error.is_transient(),
            Self::Desired(error) => matches!(error, DesiredError::Unreachable(_)),
            Self::LostRace | Self::ClockSkew(_) => false,
        }
    }

    /// What could not be done, without what it was for.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Ledger(error) => error.to_string(),
            Self::Transport(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}
