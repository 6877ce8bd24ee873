//! What a look at the hosts of an environment found (`fleet.observation/1`).

use serde::Serialize;

use super::id::{EnvironmentName, HostName, RolloutId, ServiceName, Version};

/// `format` of an observation.
pub const OBSERVATION_FORMAT: &str = "fleet.observation/1";

/// One look at an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observation {
    /// [`OBSERVATION_FORMAT`].
    pub format: &'static str,
    /// Which environment.
    pub environment: EnvironmentName,
    /// Services that were looked at, over all hosts.
    pub looked_at: usize,
    /// Those that are not as the last step left them.
    pub drifted: Vec<Drifted>,
    /// Those of which nobody knows.
    pub silent: Vec<Silent>,
    /// A wave is under way: its hosts change, and its controller alone writes. Nothing was asked.
    pub busy: Option<RolloutId>,
}

impl Observation {
    /// Nothing seen yet.
    pub fn new(environment: &EnvironmentName) -> Self {
        Self {
            format: OBSERVATION_FORMAT,
            environment: environment.clone(),
            looked_at: 0,
            drifted: Vec::new(),
            silent: Vec::new(),
            busy: None,
        }
    }
}

/// One service on one host that drifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// What runs, as far as it says.
    pub version: Option<Version>,
    /// What the last step left.
    pub left: Version,
    /// What is wrong.
    pub message: String,
}

/// One service on one host that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// Why not.
    pub message: String,
}
