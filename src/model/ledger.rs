//! The other files of the ledger (formats.md), typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{
    CommandId, Digest, EnvironmentName, HostName, InstanceId, PlanId, Revision, RolloutId,
    ServiceName, StepId, Version,
};
use super::observed::HostRecord;
use super::plan::{Action, RecordedPlan};
use super::policy::Strategy;
use super::report::Outcome;
use super::statement::Verb;
use super::time::Timestamp;

/// The records of an environment's hosts. Whoever changes one makes it its own; the others of
/// thousands are shared with those who read them.
pub type HostRecords = BTreeMap<HostName, Arc<HostRecord>>;

/// Everything a pass reads of one environment.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentLedger {
    /// The last ledger commit that touches the environment's folder; none before the first.
    pub tip: Option<Revision>,
    /// The ledger's own tip.
    pub ledger_revision: Option<Revision>,
    /// By host.
    pub hosts: HostRecords,
    /// `environment.yaml`.
    pub environment: EnvironmentRecord,
    /// `blocked.yaml`.
    pub blocked: BlockedRecord,
    /// The rollout that is not over.
    pub open: Option<RolloutLedger>,
}

/// One rollout's folder.
#[derive(Clone, Debug)]
pub struct RolloutLedger {
    /// `plan.json`.
    pub plan: RecordedPlan,
    /// `rollout.yaml`.
    pub record: RolloutRecord,
    /// `wave-<n>.yaml`, in order.
    pub waves: Vec<WaveRecord>,
}

impl RolloutLedger {
    /// The wave of which not every outcome is recorded: nothing else is begun meanwhile.
    pub fn open_wave(&self) -> Option<&WaveRecord> {
        self.waves.iter().find(|wave| wave.is_open())
    }
}

/// `environment.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// The highest sequence given to a wave.
    pub sequence: u64,
    /// The rollout that is not over. The key must be there, too.
    #[serde(deserialize_with = "Option::deserialize")]
    pub open: Option<RolloutId>,
    /// The last rollout that passed its gates under the full rules.
    pub baseline: Option<Baseline>,
}

/// `baseline`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its id.
    pub rollout: RolloutId,
    /// Its desired commit.
    pub revision: Revision,
}

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// At a closed gate before its first wave.
    Waiting,
    /// A wave is open or about to be.
    Running,
    /// Between a wave and its soak's end.
    Soaking,
    /// Stopped at a wave boundary.
    Paused,
    /// No host failed.
    Succeeded,
    /// A host failed.
    Failed,
    /// Every failed host was proven back.
    RolledBack,
    /// Ended by a person.
    Aborted,
    /// Ended because something newer is desired.
    Superseded,
}

impl RolloutState {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Soaking => "soaking",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Aborted => "aborted",
            Self::Superseded => "superseded",
        }
    }

    /// Nothing follows.
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::RolledBack | Self::Aborted | Self::Superseded
        )
    }
}

/// `rollouts/<id>/rollout.yaml`. Counts are of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// The rollout.
    pub id: RolloutId,
    /// Its environment.
    pub environment: EnvironmentName,
    /// What it executes.
    pub plan_id: PlanId,
    /// The desired commit.
    pub revision: Revision,
    /// Where it stands.
    pub state: RolloutState,
    /// Why it stands there, in words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// How its waves were cut.
    pub strategy: Strategy,
    /// Hosts in the plan.
    pub total: usize,
    /// Hosts on which everything succeeded.
    pub completed: usize,
    /// Hosts without success, those accepted by `continue` included.
    pub failed: usize,
    /// Hosts of the open wave without an outcome.
    pub in_progress: usize,
    /// Hosts that left it.
    pub deferred: usize,
    /// When the first wave's intent was recorded.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// End of the soak; stays when it is over.
    pub soak_until: Option<Timestamp>,
    /// The soak is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soaked: bool,
    /// Failed hosts that a `continue` accepted: they no longer count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<HostName>,
    /// What people said and what became of it.
    #[serde(default)]
    pub statements: Vec<HandledStatement>,
}

/// A statement that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandledStatement {
    /// Of its bytes, hex.
    pub sha256: String,
    /// What it asks for.
    pub verb: Verb,
    /// Who says it says so.
    pub by: String,
    /// `done` or `ignored`.
    pub result: String,
    /// Why.
    pub reason: String,
}

/// Which way a wave goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaveKind {
    /// As planned.
    Forward,
    /// Back.
    Rollback,
}

/// `rollouts/<id>/wave-<n>.yaml`: the intent, and the outcomes as they come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaveRecord {
    /// From 1; rollback waves go on counting.
    pub wave: u32,
    /// Which way.
    pub kind: WaveKind,
    /// Hosts refuse whatever is lower.
    pub sequence: u64,
    /// Machine id and controller id of who pushed the intent.
    pub writer: String,
    /// When.
    pub intent_at: Timestamp,
    /// The last sign of life of its writer: moves with every commit while the wave runs, so that a
    /// commit without news still moves the environment's tip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<Timestamp>,
    /// One per change.
    pub steps: Vec<StepRecord>,
}

impl WaveRecord {
    /// A step has no outcome yet.
    pub fn is_open(&self) -> bool {
        self.steps.iter().any(|step| step.outcome.is_none())
    }
}

/// One step of a wave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// On which host.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// Which service.
    pub service: ServiceName,
    /// What is done.
    pub action: Action,
    /// Its id.
    pub step: StepId,
    /// From 1: a host's services are sent one after another.
    pub round: u32,
    /// Null while open. The key must be there: one that a hand misspelt must not open the step.
    #[serde(deserialize_with = "Option::deserialize")]
    pub outcome: Option<Outcome>,
    /// What the host says runs now.
    pub version: Option<Version>,
    /// Why it did not succeed, at most 200 characters.
    pub message: String,
    /// Of the step on its host.
    pub seconds: Option<f64>,
    /// For information only.
    pub command: Option<CommandId>,
    /// What the soak found wrong with what had succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<SoakFailure>,
}

/// What a soak found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoakFailure {
    /// What is wrong.
    pub kind: SoakFailureKind,
    /// In words, at most 200 characters.
    pub message: String,
}

/// Kinds of what a soak finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SoakFailureKind {
    /// The host says that the new version does not do well: it counts as touched.
    Unhealthy,
    /// The host gave no answer at the soak's end: a lost answer undoes nothing.
    Silent,
}

/// `blocked.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedRecord {
    /// What must not be tried again.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// What must not be tried again yet.
    #[serde(default)]
    pub untouched: Vec<UntouchedHost>,
}

/// One of `blocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Which service.
    pub service: ServiceName,
    /// Which version; null for a removal.
    pub version: Option<Version>,
    /// Which definition of it.
    pub definition: Digest,
    /// Where.
    pub hosts: BlockedHosts,
    /// Why, in words.
    pub reason: String,
    /// The rollout that found out.
    pub rollout: RolloutId,
    /// When.
    pub since: Timestamp,
}

/// `all`, or a list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BlockedHosts {
    /// The word `all`.
    All(AllHosts),
    /// These.
    Listed(Vec<HostName>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllHosts {
    /// `all`.
    All,
}

impl BlockedHosts {
    /// The word `all`.
    pub const ALL: Self = Self::All(AllHosts::All);

    /// Whether a host is meant.
    pub fn contains(&self, host: &HostName) -> bool {
        match self {
            Self::All(_) => true,
            Self::Listed(hosts) => hosts.contains(host),
        }
    }
}

/// One of `untouched`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntouchedHost {
    /// Which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// Which version was to come.
    pub version: Option<Version>,
    /// In which definition, with the host's own variables.
    pub definition: Digest,
    /// What happened.
    pub kind: UntouchedKind,
    /// In words.
    pub reason: String,
    /// How often.
    pub tries: u32,
    /// Not before then.
    pub until: Option<Timestamp>,
    /// Until then the change needs no new approval.
    pub free_until: Timestamp,
    /// The rollout it left.
    pub rollout: RolloutId,
}

/// Why nothing was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UntouchedKind {
    /// The host said no.
    Refused,
    /// The host was offline.
    Deferred,
}

/// One file of an environment that a ledger commit writes.
#[derive(Clone, Debug)]
pub enum Write {
    /// `hosts/<host>.yaml`.
    Host(HostName, HostRecord),
    /// `environment.yaml`.
    Environment(EnvironmentRecord),
    /// `rollouts/<id>/plan.json`.
    Plan(RolloutId, Box<RecordedPlan>),
    /// `rollouts/<id>/rollout.yaml`.
    Rollout(Box<RolloutRecord>),
    /// `rollouts/<id>/wave-<n>.yaml`.
    Wave(RolloutId, WaveRecord),
    /// `blocked.yaml`; an empty record removes the file.
    Blocked(BlockedRecord),
}

/// One ledger commit.
#[derive(Clone, Debug)]
pub struct LedgerCommit {
    /// The environment whose folder it writes.
    pub environment: EnvironmentName,
    /// The environment's tip that the decision was made on.
    pub base: Option<Revision>,
    /// `production: metricus 0.5.0 → 1.1.0 on 6 of 6 hosts`.
    pub subject: String,
    /// `Fleet-Rollout`, `Fleet-Plan`, `Fleet-Revision`, `Fleet-Outcome`.
    pub trailers: Vec<(&'static str, String)>,
    /// What it writes.
    pub writes: Vec<Write>,
    /// Commit time.
    pub at: Timestamp,
}
