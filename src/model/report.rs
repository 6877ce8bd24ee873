//! What a step says of itself: the one JSON line that a runner prints (design.md §4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{Digest, HostName, Revision, RolloutId, ServiceName, StepId, Version};
use super::time::Timestamp;

/// How a step ended, in the words of its host or, where that gave no answer, of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The desired version runs, proven.
    Succeeded,
    /// Nothing was touched.
    Refused,
    /// Touched, and the previous version is proven back.
    RolledBack,
    /// A newer step came first; nothing was run.
    Superseded,
    /// Touched, and not proven back.
    Failed,
    /// No answer by the deadline, nor to the asking.
    Unknown,
    /// Offline: never sent.
    Deferred,
    /// Never started: the host said so after the deadline, or it was not sent because an earlier
    /// step of its host or wave did not succeed.
    Untouched,
}

impl Outcome {
    /// The word in files and text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Deferred => "deferred",
            Self::Untouched => "untouched",
        }
    }
}

/// What the line says: an outcome, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportOutcome {
    /// See [`Outcome::Succeeded`].
    Succeeded,
    /// See [`Outcome::Refused`].
    Refused,
    /// See [`Outcome::RolledBack`].
    RolledBack,
    /// See [`Outcome::Superseded`].
    Superseded,
    /// See [`Outcome::Failed`].
    Failed,
    /// Another run holds the host's lock: asked again until the deadline.
    Busy,
    /// The answer to the asking about a step that the host does not know.
    Untouched,
}

/// The parsed line of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Format number: 1.
    pub fleet: u32,
    /// Which step.
    pub step: StepId,
    /// On which host; absent in `untouched`.
    #[serde(default)]
    pub host: Option<HostName>,
    /// Of which service; absent in `untouched`.
    #[serde(default)]
    pub service: Option<ServiceName>,
    /// How it ended.
    pub outcome: ReportOutcome,
    /// The phase that decided.
    #[serde(default)]
    pub phase: Option<String>,
    /// That phase's exit code.
    #[serde(default)]
    pub exit: Option<i32>,
    /// What observe printed last; `none` where nothing is installed, absent where nobody knows.
    #[serde(default)]
    pub version: Option<Version>,
    /// What observe printed first.
    #[serde(default)]
    pub previous: Option<Version>,
    /// By the host's clock.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// Wall-clock time of the whole step.
    #[serde(default)]
    pub seconds: f64,
    /// Seconds by stage.
    #[serde(default)]
    pub stages: BTreeMap<String, f64>,
    /// What the scripts said.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Why it did not succeed.
    #[serde(default)]
    pub message: String,
    /// End of the log when it failed.
    #[serde(default)]
    pub tail: String,
    /// Path of the log on the host.
    #[serde(default)]
    pub log: String,
    /// The highest sequence the host has seen for the service: in `superseded` and `untouched`.
    #[serde(default)]
    pub sequence: Option<u64>,
}

/// `current` of one service as a host tells it when it is asked without a step (formats.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentState {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// `none` where nothing is installed, `unknown` where nobody knows.
    pub version: Version,
    /// What ran before.
    pub previous: Option<Version>,
    /// Of the last bundle that took effect.
    pub digest: Option<Digest>,
    /// Its definition.
    pub definition: Option<Digest>,
    /// Of the last step.
    pub outcome: Option<Outcome>,
    /// The last step.
    pub step: Option<StepId>,
    /// Its rollout.
    pub rollout: Option<RolloutId>,
    /// The revision it was rendered from.
    pub revision: Option<Revision>,
    /// The highest sequence seen.
    pub sequence: u64,
    /// When `current` was written, by the host's clock.
    pub at: Option<Timestamp>,
}
