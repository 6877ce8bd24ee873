//! Rendered scripts of one service for one host.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::desired::Platform;
use super::id::Digest;

/// A phase of a step, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Prints facts.
    Observe,
    /// Refuses early.
    Preflight,
    /// Makes the change.
    Deploy,
    /// Proves it by another way.
    Verify,
    /// Puts the previous version back.
    Rollback,
    /// Takes the service away.
    Remove,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Observe,
        Self::Preflight,
        Self::Deploy,
        Self::Verify,
        Self::Rollback,
        Self::Remove,
    ];

    /// The word in file names and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Preflight => "preflight",
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Rollback => "rollback",
            Self::Remove => "remove",
        }
    }

    /// Its script in a bundle.
    pub fn script(self, platform: Platform) -> String {
        format!("{}.{}", self.as_str(), platform.extension())
    }
}

/// What a host gets for one service: `<phase>.sh` or `<phase>.ps1`, `files/…`, by path. Equal input, equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Bytes by path below the step's folder.
    pub files: BTreeMap<String, Arc<[u8]>>,
    /// See [`Digests`].
    pub digests: Digests,
}

/// What plans and blocks compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Over rendered deploy, remove, files, version, `redeploy` (design.md §3): another one is a
    /// change.
    pub digest: Digest,
    /// Over all phases: another one takes effect with the next change.
    pub scripts: Digest,
    /// Over template sources and files alone: tells `template` from `variables` as a reason.
    pub template: Digest,
    /// Over template sources, files, `redeploy` and variables without the host's own: what a block
    /// names.
    pub definition: Digest,
    /// The same with the host's own variables: what a block of listed hosts names.
    pub host_definition: Digest,
    /// Over the text of `redeploy`, where it is set: tells that reason from `variables`.
    pub redeploy: Option<Digest>,
}
