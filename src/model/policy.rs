//! The rules a plan runs under, in the form that goes into its id.

use serde::{Deserialize, Serialize};

use super::time::Seconds;

/// `rollout` of an environment with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPolicy {
    /// How changes are cut into waves.
    pub strategy: Strategy,
    /// Sizes of the waves of `batch`; the last one repeats.
    pub batch: Vec<BatchSize>,
    /// More hosts than this without success stop the line.
    pub max_failures: u32,
    /// What stopping the line does.
    pub on_failure: OnFailure,
    /// What becomes of a host that cannot be reached.
    pub offline: Offline,
}

impl Default for RolloutPolicy {
    fn default() -> Self {
        Self {
            strategy: Strategy::All,
            batch: vec![BatchSize::Percent(100)],
            max_failures: 0,
            on_failure: OnFailure::Pause,
            offline: Offline::Defer,
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
    /// Counts as failed.
    Fail,
}

/// Everything of an environment that decides when and how, with the keys that this version cannot
/// set at their defaults, so that a later version computes the same plan id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// No window in this version: always null.
    pub window: Option<()>,
    /// Always null.
    pub after: Option<()>,
    /// Nobody has to approve in this version.
    pub approvals: Approvals,
    /// `rollout`, and the keys of later strategies at their defaults.
    pub rollout: FullRollout,
    /// Always null.
    pub rollback: Option<()>,
    /// Always null.
    pub emergency: Option<()>,
    /// `hold` of the fleet and of the environment, those that are set.
    pub hold: Vec<String>,
}

/// `approvals` at its defaults.
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
    /// Freed reasons.
    pub not_for: Vec<String>,
}

/// [`RolloutPolicy`] and the keys that later strategies use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullRollout {
    /// What this version acts on.
    #[serde(flatten)]
    pub policy: RolloutPolicy,
    /// Default 1.
    pub canary: BatchSize,
    /// Default 0.
    pub soak: Seconds,
    /// Default `continue`.
    pub after_canary: String,
    /// Default 1.
    pub per_instance: u32,
}

impl Policy {
    /// The policy of an environment of this version.
    pub fn new(rollout: RolloutPolicy, holds: impl IntoIterator<Item = String>) -> Self {
        Self {
            window: None,
            after: None,
            approvals: Approvals {
                required: 0,
                from: Vec::new(),
                wait: Seconds(0),
                valid: Seconds(7 * 86_400),
                not_for: Vec::new(),
            },
            rollout: FullRollout {
                policy: rollout,
                canary: BatchSize::Hosts(1),
                soak: Seconds(0),
                after_canary: "continue".to_owned(),
                per_instance: 1,
            },
            rollback: None,
            emergency: None,
            hold: holds.into_iter().collect(),
        }
    }
}
