//! What git says: the manifests with every default filled in and every reference resolved.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{
    EnvironmentName, FleetName, HostName, InstanceId, PersonName, ServiceName, TemplateName,
    TransportName, Version,
};
use super::plan::GateKind;
use super::policy::{Drift, GateRules, RolloutPolicy};
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
    /// `people`: who may approve, and whose signatures count.
    pub people: BTreeMap<PersonName, Person>,
    /// `notifications`.
    pub notifications: Vec<Notification>,
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
    Ssm(SsmSettings),
}

/// A transport of `kind: ssm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SsmSettings {
    /// Always given: a wrong default region was a real fault.
    pub region: String,
    /// The role that is taken on before every call.
    pub role: Option<Role>,
    /// Where step logs and large payloads go.
    pub storage: Option<Storage>,
    /// Documents of one's own instead of AWS-RunShellScript and AWS-RunPowerShellScript.
    pub documents: BTreeMap<Platform, String>,
}

/// `role_arn` with `external_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// `arn:aws:iam::123456789012:role/fleet`.
    pub arn: String,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
}

/// `storage: s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// The bucket.
    pub bucket: String,
    /// Without slashes around it; may be empty.
    pub prefix: String,
}

/// One of `people`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The SSH public key, as `authorized_keys` has it, without a comment.
    pub key: String,
    /// Under which this person commits.
    pub emails: Vec<String>,
}

/// One of `notifications`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// In which form.
    pub kind: NotificationKind,
    /// Where to.
    pub url: SecretSource,
    /// What signs it.
    pub key: Option<SecretSource>,
}

/// `kind` of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// What Slack and those like it take.
    Slack,
    /// fleet's own JSON.
    Webhook,
}

/// Where something secret is read: never in the manifest itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(String),
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
    /// `window`, `after`, `approvals`, `rollback` and `emergency`, with defaults.
    pub gates: GateRules,
    /// `discover`: tags by which AWS finds more hosts.
    pub discover: BTreeMap<String, Vec<String>>,
    /// `drift`.
    pub drift: Drift,
    /// By name.
    pub hosts: BTreeMap<HostName, Host>,
    /// Services that should not be on a host any more: `absent`. Their version is [`NOTHING`].
    pub absent: BTreeMap<HostName, BTreeMap<ServiceName, Assignment>>,
    /// What is set and cannot be acted on by this version: nothing starts while there is any.
    pub unsupported: Vec<Unsupported>,
}

/// A key or value that was read and checked, and that this version does not act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The gate that it closes.
    pub gate: GateKind,
    /// As a path in its file: `rollout.soak`.
    pub key: String,
}

impl Environment {
    /// An environment in which nothing is set but its hosts.
    pub fn new(
        name: EnvironmentName,
        transport: TransportName,
        hosts: BTreeMap<HostName, Host>,
    ) -> Self {
        Self {
            name,
            transport,
            hold: None,
            rollout: RolloutPolicy::default(),
            gates: GateRules::default(),
            discover: BTreeMap::new(),
            hosts,
            drift: Drift::default(),
            absent: BTreeMap::new(),
            unsupported: Vec::new(),
        }
    }

    /// What is said of a service on a host: that it should run, or be absent.
    pub fn assignment(
        &self,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<(&Host, &Assignment)> {
        let absent = || self.absent.get(host)?.get(service);
        let there = self.hosts.get(host)?;
        Some((there, there.services.get(service).or_else(absent)?))
    }

    /// Everything that is said of one of its hosts: what should run there, and what should not.
    pub fn assignments<'a>(
        &'a self,
        host: &'a Host,
    ) -> impl Iterator<Item = (&'a ServiceName, &'a Assignment)> {
        let absent = self.absent.get(&host.name);
        host.services.iter().chain(absent.into_iter().flatten())
    }
}

/// The version of what is not there, for hosts and scripts.
pub const NOTHING: &str = "none";

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
    /// The desired version; [`NOTHING`] where the service should be absent.
    pub version: Version,
    /// The version stands at the host itself.
    pub pinned: bool,
    /// `hold` of the service in this environment.
    pub hold: Option<String>,
    /// The folder below `templates/`.
    pub template: TemplateName,
    /// Longest time of one phase.
    pub timeout: Seconds,
    /// The package that a host downloads, for its platform.
    pub artifact: Option<String>,
    /// What the artifact hashes to, in hex.
    pub sha256: Option<String>,
    /// Another text deploys the same version again.
    pub redeploy: Option<String>,
    /// Services that must run on the same host, and in which versions.
    pub requires: Arc<BTreeMap<ServiceName, semver::VersionReq>>,
    /// Everything a template may read below `variables`: service < environment < service in
    /// environment < host.
    pub variables: Arc<Variables>,
    /// The same without the host's own: what blocking compares (design.md §8).
    pub shared_variables: Arc<Variables>,
}

impl Assignment {
    /// What should run; none where it should be absent.
    pub fn to(&self) -> Option<&Version> {
        Some(&self.version).filter(|version| version.as_str() != NOTHING)
    }

    /// A version in which nothing is set but its template and the longest time of a phase.
    pub fn new(version: Version, template: TemplateName, timeout: Seconds) -> Self {
        Self {
            version,
            pinned: false,
            hold: None,
            template,
            timeout,
            artifact: None,
            sha256: None,
            redeploy: None,
            requires: Arc::default(),
            variables: Arc::default(),
            shared_variables: Arc::default(),
        }
    }
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
    /// Both.
    pub const ALL: [Self; 2] = [Self::Linux, Self::Windows];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }

    /// What the names of its scripts end with.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Linux => "sh",
            Self::Windows => "ps1",
        }
    }
}
