//! What is recorded of a host: `<environment>/hosts/<host>.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::{CommandId, Digest, InstanceId, Revision, RolloutId, ServiceName, Version};
use super::time::Timestamp;

/// The last known state of one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostRecord {
    /// What is recorded counts for this instance only.
    pub instance: InstanceId,
    /// By service.
    pub services: ServiceRecords,
}

/// The records of a host's services. A map makes room for eleven entries at once, and most hosts
/// have one or two: what thousands of hosts keep in it must be small.
pub type ServiceRecords = BTreeMap<ServiceName, Box<ServiceRecord>>;

/// The last known state of one service on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// What runs; null where nothing is installed or nobody knows. The key must be there: one that
    /// a hand misspelt must not read as nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    pub version: Option<Version>,
    /// What ran before.
    pub previous_version: Option<Version>,
    /// Of the bundle that runs.
    pub digest: Option<Digest>,
    /// Over all phases of the bundle that was sent last.
    pub scripts: Option<Digest>,
    /// Over the template's sources and files of that bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Digest>,
    /// Over the text of `redeploy` that it was sent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeploy: Option<Digest>,
    /// What the last step had left, where something else was found since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drifted_from: Option<Version>,
    /// When drift was last repaired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repaired: Option<Timestamp>,
    /// What the last word on it was.
    pub state: ServiceState,
    /// Since when.
    pub since: Timestamp,
    /// The rollout that brought it here.
    pub rollout: Option<RolloutId>,
    /// The desired commit of which what runs was rendered, as the digest is that of what runs.
    pub revision: Option<Revision>,
    /// That of what ran before: what a step that goes back comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_revision: Option<Revision>,
    /// For information only.
    pub command: Option<CommandId>,
    /// Of the last step.
    pub seconds: f64,
    /// Seconds by stage of the last step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, f64>,
    /// At most 16, from the last step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Why the last step did not succeed, at most 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl ServiceRecord {
    /// What the last step left on the host, whatever was found there since.
    pub fn left(&self) -> Option<&Version> {
        self.drifted_from.as_ref().or(self.version.as_ref())
    }
}

/// `state` of a service on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// The last step succeeded.
    Healthy,
    /// The last step failed and the version before it is proven back.
    RolledBack,
    /// The last step failed and nothing is proven.
    Failed,
    /// Differs from what the last step left.
    Drifted,
    /// No answer.
    Unknown,
    /// Taken over as found.
    Adopted,
    /// Left the manifest.
    Released,
}

impl ServiceState {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::RolledBack => "rolled_back",
            Self::Failed => "failed",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Adopted => "adopted",
            Self::Released => "released",
        }
    }
}
