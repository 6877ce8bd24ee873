//! What a look at the hosts of an environment found (`fleet.observation/1`).

use std::collections::BTreeMap;

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

/// `format` of an adoption.
pub const ADOPTION_FORMAT: &str = "fleet.adoption/1";

/// What runs on the hosts of an environment without fleet's doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// [`ADOPTION_FORMAT`].
    pub format: &'static str,
    /// Which environment.
    pub environment: EnvironmentName,
    /// Services that run there and can be taken over.
    pub found: Vec<Found>,
    /// Services that were looked for and are not installed.
    pub missing: usize,
    /// Those of which nobody knows.
    pub silent: Vec<Silent>,
    /// A wave is under way: its controller alone writes. Nothing was asked.
    pub busy: Option<RolloutId>,
    /// They were taken over.
    pub adopted: bool,
}

impl Adoption {
    /// Nothing seen yet.
    pub fn new(environment: &EnvironmentName) -> Self {
        Self {
            format: ADOPTION_FORMAT,
            environment: environment.clone(),
            found: Vec::new(),
            missing: 0,
            silent: Vec::new(),
            busy: None,
            adopted: false,
        }
    }
}

/// One service that runs on a host, and not by fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// What runs.
    pub version: Version,
    /// What is desired.
    pub desired: Version,
    /// It does not say that it is unwell.
    pub healthy: bool,
    /// What else it printed.
    pub facts: BTreeMap<String, String>,
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
