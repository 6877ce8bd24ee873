//! The immutable answer to "what would change, and why does the rest not" (`fleet.plan/1`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::canonical::canonical_json;
use super::id::{
    Digest, EnvironmentName, FleetName, HostName, InstanceId, PlanId, Revision, ServiceName,
    Version,
};
use super::policy::Policy;
use super::time::Timestamp;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing is installed yet.
    Install,
    /// To a higher semantic version.
    Upgrade,
    /// To a lower one.
    Downgrade,
    /// To another version where one of the two is not semantic.
    Change,
    /// Same version, other digest.
    Reconfigure,
    /// The host drifted.
    Repair,
    /// Takes the service away.
    Remove,
    /// Undoes a step of a rollout.
    Rollback,
}

impl Action {
    /// The word in files, step ids and text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
            Self::Change => "change",
            Self::Reconfigure => "reconfigure",
            Self::Repair => "repair",
            Self::Remove => "remove",
            Self::Rollback => "rollback",
        }
    }
}

/// Why something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeReason {
    /// Another version is desired.
    Version,
    /// The same version with other variables or files.
    Variables,
    /// The same version with other template sources.
    Template,
    /// The host differs from what was recorded.
    Drift,
    /// Nothing is recorded for this instance.
    NewHost,
    /// A newer fleet renders other bytes.
    Renderer,
    /// `redeploy` was changed.
    Redeploy,
}

impl ChangeReason {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Variables => "variables",
            Self::Template => "template",
            Self::Drift => "drift",
            Self::NewHost => "new_host",
            Self::Renderer => "renderer",
            Self::Redeploy => "redeploy",
        }
    }
}

/// One service on one host that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// On which host.
    pub host: HostName,
    /// Its instance.
    pub instance: InstanceId,
    /// Which service.
    pub service: ServiceName,
    /// What is done.
    pub action: Action,
    /// And why.
    pub reason: ChangeReason,
    /// What runs there; null where nothing is installed.
    pub from: Option<Version>,
    /// What should; null for a removal.
    pub to: Option<Version>,
    /// Of the desired bundle.
    pub digest: Digest,
    /// Of the recorded one.
    pub previous_digest: Option<Digest>,
    /// From 1.
    pub wave: u32,
    /// What it needs on its host, directly or through others: these come before it, and go back
    /// after it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<ServiceName>,
}

/// Why something does not change although it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldReason {
    /// `hold` of the service or host.
    Hold,
    /// This version and definition failed before.
    Blocked,
    /// Its state is not known; the host is asked first.
    Unknown,
    /// Another service on the host must come first.
    Dependency,
    /// Was offline; comes when it is back.
    Deferred,
    /// The host refused; tried again at `until`.
    Refused,
    /// The canary selector matches none of the changed hosts.
    Canary,
    /// Drift that is reported only.
    Drift,
    /// Behind a more urgent plan.
    Later,
    /// This version of fleet cannot do it.
    Unsupported,
}

impl HeldReason {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Dependency => "dependency",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Canary => "canary",
            Self::Drift => "drift",
            Self::Later => "later",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One service on one host that stays although something else is desired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// What runs there.
    pub from: Option<Version>,
    /// What is desired.
    pub to: Option<Version>,
    /// Why it stays.
    pub reason: HeldReason,
    /// In words.
    pub message: String,
    /// When it is looked at again.
    pub until: Option<Timestamp>,
}

/// One service on one host that is as desired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// On which host.
    pub host: HostName,
    /// Which service.
    pub service: ServiceName,
    /// What runs there; null where nothing should and nothing does.
    pub version: Option<Version>,
    /// The version stands at the host itself.
    pub pinned: bool,
    /// Phases other than deploy that the host has in an older form.
    pub older_scripts: bool,
}

/// What must be open before a wave starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Which gate.
    pub kind: GateKind,
    /// Open now.
    pub open: bool,
    /// In words.
    pub reason: String,
}

/// Kinds of gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateKind {
    /// `hold` of the fleet or the environment.
    Hold,
    /// `window`.
    Window,
    /// `after`.
    After,
    /// `approvals`.
    Approvals,
    /// No host of the canary succeeded.
    Canary,
    /// Waits for `fleet continue`.
    Continue,
    /// A host of the wave is not there, and `offline: hold`.
    Offline,
    /// Something is set that this version cannot act on.
    Unsupported,
}

impl GateKind {
    /// The word in text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Window => "window",
            Self::After => "after",
            Self::Approvals => "approvals",
            Self::Canary => "canary",
            Self::Continue => "continue",
            Self::Offline => "offline",
            Self::Unsupported => "unsupported",
        }
    }
}

/// The hosts of one wave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// From 1.
    pub number: u32,
    /// In the order of the plan.
    pub hosts: Vec<HostName>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Changes.
    pub change: usize,
    /// As desired.
    pub unchanged: usize,
    /// Held.
    pub held: usize,
}

/// The plan of one environment: one element of `environments`, and with `revision` and `policy`
/// the ledger's `plan.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentPlan {
    /// The environment.
    pub name: EnvironmentName,
    /// See [`EnvironmentPlan::compute_id`].
    pub plan_id: PlanId,
    /// Counts.
    pub summary: Summary,
    /// Those that are set.
    pub gates: Vec<Gate>,
    /// In order.
    pub waves: Vec<Wave>,
    /// In the order they run.
    pub changes: Vec<Change>,
    /// By host and service.
    pub held: Vec<Held>,
    /// By host and service; only with `--all` in JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<Unchanged>,
    /// Lines that a person should read first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl EnvironmentPlan {
    /// The id: sha256 over the canonical JSON of what would run and under which rules. It survives
    /// a plan anew that changes nothing and dies with any real change.
    pub fn compute_id(
        fleet: &FleetName,
        environment: &EnvironmentName,
        policy: &Policy,
        changes: &[Change],
    ) -> PlanId {
        #[derive(Serialize)]
        struct Identity<'a> {
            format: &'static str,
            fleet: &'a FleetName,
            environment: &'a EnvironmentName,
            policy: &'a Policy,
            changes: Vec<Row<'a>>,
        }
        #[derive(Serialize)]
        struct Row<'a> {
            host: &'a HostName,
            instance: &'a InstanceId,
            service: &'a ServiceName,
            action: Action,
            from: &'a Option<Version>,
            to: &'a Option<Version>,
            digest: &'a Digest,
            wave: u32,
        }
        let changes = changes
            .iter()
            .map(|c| Row {
                host: &c.host,
                instance: &c.instance,
                service: &c.service,
                action: c.action,
                from: &c.from,
                to: &c.to,
                digest: &c.digest,
                wave: c.wave,
            })
            .collect();
        let identity = Identity {
            format: PLAN_FORMAT,
            fleet,
            environment,
            policy,
            changes,
        };
        PlanId::new(Digest::of(canonical_json(&identity)).as_str())
    }
}

/// `format` of a plan.
pub const PLAN_FORMAT: &str = "fleet.plan/1";

/// `fleet plan --format json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDocument {
    /// [`PLAN_FORMAT`].
    pub format: String,
    /// The fleet.
    pub fleet: FleetName,
    /// The desired commit; null for the work tree.
    pub revision: Option<Revision>,
    /// The ledger's commit; null before the first.
    pub ledger_revision: Option<Revision>,
    /// Of what it is a preview only, and never applied: `revision` or `worktree`; left out for the
    /// desired commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_of: Option<String>,
    /// By name.
    pub environments: Vec<EnvironmentPlan>,
}

/// The ledger's `plan.json`: what a rollout executes to the letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPlan {
    /// The plan without `unchanged`.
    #[serde(flatten)]
    pub plan: EnvironmentPlan,
    /// The desired commit its scripts are rendered from.
    pub revision: Revision,
    /// The rules it runs under.
    pub policy: Policy,
    /// Its hosts were deferred and are back: others have gone before them, so it has no canary, no
    /// soak and nothing to wait for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returning: bool,
}
