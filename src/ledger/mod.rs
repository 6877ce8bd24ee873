//! Observed state. The trait is what the controller knows of it; `store` keeps it in git,
//! `memory` for simulations.

pub mod memory;
mod statement;
pub mod store;

use async_trait::async_trait;

use crate::model::id::{EnvironmentName, Revision, RolloutId};
use crate::model::ledger::{EnvironmentLedger, LedgerCommit, RolloutLedger, RolloutRecord};
use crate::model::statement::{Statement, StatementFile};
use crate::model::time::Timestamp;

/// The record that lets one controller act and any other finish (protocol §2).
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Brings what the remote has; with `remote: none` looks at the local branches again.
    ///
    /// # Errors
    /// [`LedgerError::Rewritten`] where the branch vanished or does not descend from the last one seen.
    async fn fetch(&self) -> Result<(), LedgerError>;

    /// Takes the branch as it is now, or its absence, for the start of what follows: only
    /// `observe --rebuild`, after [`LedgerError::Rewritten`].
    async fn accept(&self) -> Result<(), LedgerError>;

    /// Takes what cannot be read out of an environment's folder, and names it: only
    /// `observe --rebuild`, after [`Ledger::accept`]; the hosts' answers come in its place. A ledger
    /// that cannot be damaged has nothing to do.
    async fn mend(
        &self,
        _environment: &EnvironmentName,
        _at: Timestamp,
    ) -> Result<Vec<String>, LedgerError> {
        Ok(Vec::new())
    }

    /// Everything of one environment, as last fetched.
    async fn read(&self, environment: &EnvironmentName) -> Result<EnvironmentLedger, LedgerError>;

    /// What moves whenever somebody writes about an environment, as last fetched: cheaper than
    /// [`Ledger::read`].
    async fn mark(&self, environment: &EnvironmentName) -> Result<LedgerMark, LedgerError>;

    /// The environments that anything is recorded of, as last fetched.
    async fn environments(&self) -> Result<Vec<EnvironmentName>, LedgerError>;

    /// All rollouts of an environment, newest first, as last fetched.
    async fn rollouts(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<RolloutRecord>, LedgerError>;

    /// One rollout's folder.
    async fn rollout(
        &self,
        environment: &EnvironmentName,
        id: &RolloutId,
    ) -> Result<Option<RolloutLedger>, LedgerError>;

    /// Commits on the tip and pushes, fast-forward only. Where foreign commits touch other
    /// environments only, the commit is made anew on theirs and pushed again.
    async fn commit(&self, commit: &LedgerCommit) -> Result<Committed, LedgerError>;

    /// Statements for an environment, oldest first, as last fetched.
    async fn statements(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<StatementFile>, LedgerError>;

    /// Writes a person's word to the statements' branch.
    async fn state(&self, statement: &Statement) -> Result<StatementFile, LedgerError>;
}

/// Where the ledger and people's words stand for an environment; equal marks: nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerMark {
    /// The last ledger commit that touches the environment's folder.
    pub tip: Option<Revision>,
    /// The statements' tip: of all environments together.
    pub statements: Option<Revision>,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is in; the environment's tip is now this one.
    Accepted(Revision),
    /// Another controller was first: nothing of ours is in. The environment's tip now.
    Lost(Option<Revision>),
}

/// What is wrong with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The remote could not be reached; whether a push arrived is not known.
    #[error("could not reach remote {remote}: {message}")]
    Unreachable {
        /// The remote's name.
        remote: String,
        /// What git said.
        message: String,
    },
    /// The remote was reached and does not let us in.
    #[error("remote {remote} refuses us: {message}")]
    Refused {
        /// The remote's name.
        remote: String,
        /// What git said.
        message: String,
    },
    /// The remote took nothing: permissions, a hook, a protected branch.
    #[error("remote {remote} rejected the push to {branch}: {message}")]
    Rejected {
        /// The remote's name.
        remote: String,
        /// Which branch.
        branch: String,
        /// What it said.
        message: String,
    },
    /// History was rewritten, or the branch is gone.
    #[error("branch {branch} no longer contains the ledger commit {seen} that was seen before")]
    Rewritten {
        /// Which branch.
        branch: String,
        /// The last one seen.
        seen: Revision,
    },
    /// A file that fleet did not write, or that a hand changed.
    #[error("ledger file {path} at {revision} cannot be read: {problem}")]
    Corrupt {
        /// Path on the branch.
        path: String,
        /// Which commit.
        revision: Revision,
        /// What is wrong.
        problem: String,
    },
    /// A newer fleet wrote it.
    #[error("the ledger has format {format}, and this fleet knows {known}")]
    Newer {
        /// What it says.
        format: u64,
        /// What this version knows.
        known: u64,
    },
    /// Anything that git cannot do here.
    #[error("git could not {what}")]
    Git {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LedgerError {
    /// Whether the same call may succeed later without this controller's doing: access is given and
    /// taken while a rollout runs.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { .. })
    }
}
