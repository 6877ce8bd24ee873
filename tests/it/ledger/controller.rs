//! A controller's half of a test: a clone and the ledger in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleet::git::Repository;
use fleet::ledger::store::GitLedger;
use fleet::ledger::{Committed, Ledger, LedgerError};
use fleet::model::desired::GitSettings;
use fleet::model::id::{EnvironmentName, Revision};
use fleet::model::ledger::{EnvironmentLedger, LedgerCommit};

use crate::lab::Lab;
use crate::support::RealRandom;

pub(super) const BRANCH: &str = "fleet/observed";

pub(super) struct Controller {
    pub(super) folder: PathBuf,
    pub(super) ledger: GitLedger,
}

impl Controller {
    /// In a clone of the lab's remote.
    pub(super) fn new(lab: &Lab, name: &str) -> Self {
        Self::at(lab.clone(name), Some("origin"))
    }

    /// In a repository with `remote: none`.
    pub(super) fn local(lab: &Lab) -> Self {
        let folder = lab.init("local");
        lab.commit_file(&folder, "fleet.yaml", "name: acme\n");
        Self::at(folder, None)
    }

    fn at(folder: PathBuf, remote: Option<&str>) -> Self {
        let ledger = open(&folder, remote);
        Self { folder, ledger }
    }

    /// The same repository in another process.
    pub(super) fn restarted(&self) -> Self {
        Self::at(self.folder.clone(), Some("origin"))
    }

    pub(super) async fn read(&self) -> EnvironmentLedger {
        self.ledger.read(&production()).await.unwrap()
    }

    pub(super) async fn accepted(&self, commit: &LedgerCommit) -> Revision {
        match self.ledger.commit(commit).await.unwrap() {
            Committed::Accepted(revision) => revision,
            lost @ Committed::Lost(_) => panic!("{lost:?}"),
        }
    }

    pub(super) async fn lost(&self, commit: &LedgerCommit) -> Option<Revision> {
        match self.ledger.commit(commit).await.unwrap() {
            Committed::Lost(tip) => tip,
            accepted @ Committed::Accepted(_) => panic!("{accepted:?}"),
        }
    }

    pub(super) async fn unreachable(&self, commit: &LedgerCommit) -> String {
        match self.ledger.commit(commit).await {
            Err(LedgerError::Unreachable { message, .. }) => message,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn open(folder: &Path, remote: Option<&str>) -> GitLedger {
    let settings = GitSettings {
        remote: remote.map(str::to_owned),
        ..GitSettings::default()
    };
    let repository = Arc::new(Repository::discover(folder).unwrap());
    GitLedger::new(repository, &settings, "acme".into(), Arc::new(RealRandom))
}

pub(super) fn production() -> EnvironmentName {
    "production".into()
}

/// Commits of the remote's ledger, newest first, by their subjects.
pub(super) fn subjects(lab: &Lab) -> Vec<String> {
    lab.remote_lines(&["log", "--format=%s", BRANCH])
}
