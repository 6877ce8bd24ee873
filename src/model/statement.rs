//! A person's word (protocol §3).

use serde::{Deserialize, Serialize};

use super::id::{EnvironmentName, FleetName, PlanId, RolloutId};
use super::time::Timestamp;

/// What a person decides; those of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Accepts the failures so far and goes on.
    Continue,
    /// Ends the rollout.
    Abort,
    /// Lifts blocks and ends a paused rollout.
    Retry,
}

impl Verb {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Abort => "abort",
            Self::Retry => "retry",
        }
    }
}

/// The fields of a statement's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `fleet:`
    pub fleet: FleetName,
    /// `environment:`
    pub environment: EnvironmentName,
    /// `verb:`
    pub verb: Verb,
    /// `plan:`, `-` for none.
    pub plan: Option<PlanId>,
    /// `rollout:`, `-` for none.
    pub rollout: Option<RolloutId>,
    /// `by:`
    pub by: String,
    /// `at:`
    pub at: Timestamp,
}

/// A file of the statements' branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFile {
    /// Path on the branch.
    pub path: String,
    /// sha256 of its bytes, hex.
    pub sha256: String,
    /// The parsed text, or why it is none.
    pub content: Result<Statement, String>,
}
