//! The rules a plan runs under, in the form that goes into its id.

use serde::{Deserialize, Serialize};

use super::id::{EnvironmentName, ServiceName, Version};
use super::time::{Seconds, Timestamp};
use super::window::Window;

/// `rollout` of an environment with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPolicy {
    /// How changes are cut into waves.
    pub strategy: Strategy,
    /// The first wave of `canary`.
    pub canary: Canary,
    /// Sizes of the waves of `batch`, and of those behind the canary; the last one repeats.
    pub batch: Vec<BatchSize>,
    /// How long the first wave is observed before the next.
    pub soak: Seconds,
    /// What comes after the canary.
    pub after_canary: AfterCanary,
    /// More hosts than this without success stop the line.
    pub max_failures: u32,
    /// What stopping the line does.
    pub on_failure: OnFailure,
    /// What becomes of a host that cannot be reached.
    pub offline: Offline,
    /// Hosts that share an instance, in flight together.
    pub per_instance: u32,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            strategy: Strategy::All,
            canary: Canary::Size(BatchSize::Hosts(1)),
            batch: vec![BatchSize::Percent(100)],
            soak: Seconds(0),
            after_canary: AfterCanary::Continue,
            max_failures: 0,
            on_failure: OnFailure::Pause,
            offline: Offline::Defer,
            per_instance: 1,
        }
    }
}

/// `strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// One wave.
    All,
    /// Waves of `batch`.
    Batch,
    /// One wave of `canary`, then waves of `batch`.
    Canary,
}

/// `canary`: which hosts go first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Canary {
    /// So many.
    Size(BatchSize),
    /// Those that match.
    Select {
        /// The selector, as written.
        select: String,
    },
}

/// `after_canary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterCanary {
    /// The next wave.
    Continue,
    /// Wait for `fleet continue`.
    Wait,
}

/// One step of a ramp; `10%` or `3` in files and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum BatchSize {
    /// So many hosts, at least 1.
    Hosts(u32),
    /// Percent (1 to 100) of the hosts that the plan changes, rounded up, at least 1.
    Percent(u32),
}

impl BatchSize {
    /// Hosts of a wave in a plan that changes `total`.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Hosts(hosts) => (hosts as usize).max(1),
            Self::Percent(percent) => (total * percent as usize).div_ceil(100).max(1),
        }
    }
}

impl std::fmt::Display for BatchSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hosts(hosts) => write!(f, "{hosts}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl From<BatchSize> for String {
    fn from(size: BatchSize) -> Self {
        size.to_string()
    }
}

impl std::str::FromStr for BatchSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let problem =
            || format!("{text:?} is neither a number of hosts nor a percentage such as 10%");
        let number = |digits: &str| {
            digits
                .parse::<u32>()
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(problem)
        };
        match text.strip_suffix('%') {
            Some(digits) => number(digits).and_then(|n| {
                if n <= 100 {
                    Ok(Self::Percent(n))
                } else {
                    Err(problem())
                }
            }),
            None => number(text).map(Self::Hosts),
        }
    }
}

impl TryFrom<String> for BatchSize {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `on_failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Wait for a person.
    Pause,
    /// Every host of the rollout goes back.
    Rollback,
}

/// `offline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Offline {
    /// Leaves the rollout and is caught up later.
    Defer,
    /// The wave does not start without it.
    Hold,
    /// Counts as failed.
    Fail,
}

/// `drift`: what is done where a host differs from what the last step left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// It is said.
    #[default]
    Report,
    /// It is said and mended.
    Repair,
}

/// Everything of an environment that decides when and how: the rules that stand in a plan's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What must be open.
    #[serde(flatten)]
    pub gates: GateRules,
    /// In which waves.
    pub rollout: RolloutPolicy,
    /// `hold` of the fleet and of the environment, those that are set.
    pub hold: Vec<String>,
}

impl Policy {
    /// The policy of an environment in which nothing but `rollout` and holds is set.
    pub fn new(rollout: RolloutPolicy, holds: impl IntoIterator<Item = String>) -> Self {
        Self {
            gates: GateRules::default(),
            rollout,
            hold: holds.into_iter().collect(),
        }
    }
}

/// The gates of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateRules {
    /// When changes may start; null for always.
    pub window: Option<Window>,
    /// What must have been healthy elsewhere first.
    pub after: Option<After>,
    /// Who has to agree.
    pub approvals: Approvals,
    /// Gates of a plan that only goes back; null for those of any plan.
    pub rollback: Option<RollbackPolicy>,
    /// What is freed of gates for once.
    pub emergency: Option<Emergency>,
}

/// `after`: what the plan brings has been healthy in another environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct After {
    /// Where.
    pub environment: EnvironmentName,
    /// So long.
    pub healthy_for: Seconds,
}

/// `approvals` with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many.
    pub required: u32,
    /// By whom.
    pub from: Vec<String>,
    /// After the record or the last approval.
    pub wait: Seconds,
    /// How long an approval counts.
    pub valid: Seconds,
    /// Changes that need none where they are alone.
    pub not_for: Vec<FreeOfApproval>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            required: 0,
            from: Vec::new(),
            wait: Seconds(0),
            valid: Seconds(7 * 86_400),
            not_for: Vec::new(),
        }
    }
}

/// One of `approvals.not_for`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeOfApproval {
    /// Changes of hosts of which nothing is recorded.
    NewHost,
    /// Repairs of drift.
    Repair,
}

/// `rollback` of an environment; a key that is null is gated like any change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPolicy {
    /// How many have to agree.
    pub approvals: Option<u32>,
    /// In which window.
    pub window: Option<RollbackWindow>,
    /// In which waves.
    pub strategy: Option<Strategy>,
}

/// `rollback.window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RollbackWindow {
    /// At any time.
    Any,
}

/// `emergency`: one change that is not to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// Of which service.
    pub service: ServiceName,
    /// To which version.
    pub version: Version,
    /// Why, in words.
    pub reason: String,
    /// When it ends.
    pub expires: Timestamp,
}
