//! What git says: the manifests with every default filled in and every reference resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{
    EnvironmentName, FleetName, HostName, InstanceId, ServiceName, TemplateName, TransportName,
    Version,
};
use super::policy::RolloutPolicy;
use super::time::Seconds;

/// A whole fleet repository.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// `name`.
    pub name: FleetName,
    /// `git`.
    pub git: GitSettings,
    /// `transports`.
    pub transports: BTreeMap<TransportName, TransportSettings>,
    /// `hold` of the fleet: nothing starts anywhere.
    pub hold: Option<String>,
    /// One per file below `environments/` that is valid.
    pub environments: BTreeMap<EnvironmentName, Environment>,
}

/// `git`: where desired state comes from and observed state goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSettings {
    /// Name of the remote; none means that everything is local.
    pub remote: Option<String>,
    /// The desired branch.
    pub branch: String,
    /// The ledger's branch.
    pub ledger: String,
    /// The statements' branch.
    pub statements: String,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            remote: Some("origin".to_owned()),
            branch: "main".to_owned(),
            ledger: "fleet/observed".to_owned(),
            statements: "fleet/statements".to_owned(),
        }
    }
}

/// One of `transports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportSettings {
    /// The embedded endpoint.
    Sandbox,
    /// AWS Systems Manager in one region.
    Ssm {
        /// Always given: a wrong default region was a real fault.
        region: String,
    },
}

/// One environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The file's stem.
    pub name: EnvironmentName,
    /// A key of the fleet's transports.
    pub transport: TransportName,
    /// `hold` of the environment.
    pub hold: Option<String>,
    /// `rollout`, with defaults.
    pub rollout: RolloutPolicy,
    /// By name.
    pub hosts: BTreeMap<HostName, Host>,
}

/// One host with the services it should run.
#[derive(Clone, Debug)]
pub struct Host {
    /// Unique in its environment.
    pub name: HostName,
    /// `instance`, or the invented id in the sandbox.
    pub instance: InstanceId,
    /// `platform`.
    pub platform: Platform,
    /// `labels`.
    pub labels: BTreeMap<String, String>,
    /// `hold` of the host.
    pub hold: Option<String>,
    /// What it should run.
    pub services: BTreeMap<ServiceName, Assignment>,
}

/// One service on one host.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The desired version.
    pub version: Version,
    /// The version stands at the host itself.
    pub pinned: bool,
    /// `hold` of the service in this environment.
    pub hold: Option<String>,
    /// The folder below `templates/`.
    pub template: TemplateName,
    /// Longest time of one phase.
    pub timeout: Seconds,
    /// Everything a template may read below `variables`: service < environment < service in
    /// environment < host.
    pub variables: Arc<Variables>,
    /// The same without the host's own: what blocking compares (design.md §8).
    pub shared_variables: Arc<Variables>,
}

/// Variables by name.
pub type Variables = BTreeMap<String, Value>;

/// A variable's value: always text for a script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// One text.
    Scalar(String),
    /// Several.
    List(Vec<String>),
}

/// What a host's scripts are written for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// bash.
    #[default]
    Linux,
    /// PowerShell.
    Windows,
}

impl Platform {
    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}
