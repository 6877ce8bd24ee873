//! Desired commits for the controller: git, manifests and templates put together.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::workspace::Sources;
use crate::git::{GitError, Repository};
use crate::model::bundle::{Bundle, Digests};
use crate::model::desired::{Assignment, Fleet, GitSettings, Host};
use crate::model::diagnostic::Diagnostic;
use crate::model::id::{EnvironmentName, Revision, ServiceName};
use crate::rollout::{DesiredError, DesiredSource, DesiredState};

/// The desired branch of a repository.
pub(crate) struct GitDesired {
    repository: Arc<Repository>,
    settings: GitSettings,
    /// The last two commits that were read: a rollout's own and the newest.
    read: Mutex<Vec<Arc<Commit>>>,
}

/// One commit, read and compiled.
struct Commit {
    revision: Revision,
    fleet: Arc<Fleet>,
    sources: Sources,
}

/// A rollout looks at its own commit and at the newest.
const KEPT: usize = 2;

impl GitDesired {
    pub(crate) fn new(repository: Arc<Repository>, settings: GitSettings) -> Self {
        Self {
            repository,
            settings,
            read: Mutex::default(),
        }
    }

    fn read(&self, revision: &Revision) -> Result<Arc<Commit>, DesiredError> {
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.iter().find(|commit| commit.revision == *revision) {
            return Ok(Arc::clone(known));
        }
        let tree = self.repository.tree_at(revision).map_err(unreadable)?;
        let mut sources = Sources::read(tree);
        let fleet = sources.fleet.take().ok_or_else(|| DesiredError::Invalid {
            revision: revision.clone(),
            diagnostics: std::mem::take(&mut sources.diagnostics),
        })?;
        let commit = Arc::new(Commit {
            revision: revision.clone(),
            fleet,
            sources,
        });
        kept.truncate(KEPT - 1);
        kept.insert(0, Arc::clone(&commit));
        Ok(commit)
    }
}

#[async_trait]
impl DesiredSource for GitDesired {
    async fn newest(&self) -> Result<Arc<dyn DesiredState>, DesiredError> {
        let desired = tokio::task::block_in_place(|| self.repository.desired(&self.settings));
        let desired = desired.map_err(|error| match error {
            GitError::Unreachable { .. } | GitError::Refused { .. } => {
                DesiredError::Unreachable(Box::new(error))
            }
            other => unreadable(other),
        })?;
        Ok(self.read(&desired.revision)?)
    }

    async fn at(&self, revision: &Revision) -> Result<Option<Arc<dyn DesiredState>>, DesiredError> {
        match self.repository.resolve(revision.as_str()) {
            Ok(_) => Ok(Some(self.read(revision)?)),
            Err(GitError::NoRevision { .. }) => Ok(None),
            Err(other) => Err(unreadable(other)),
        }
    }
}

impl DesiredState for Commit {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn is_invalid(&self, environment: &EnvironmentName) -> bool {
        self.sources.invalid.contains(environment)
    }

    fn digests(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Digests, Box<Diagnostic>> {
        self.sources
            .templates
            .digests(environment, host, service, assignment)
    }

    fn bundle(
        &self,
        environment: &EnvironmentName,
        host: &Host,
        service: &ServiceName,
        assignment: &Assignment,
    ) -> Result<Bundle, Box<Diagnostic>> {
        self.sources
            .templates
            .bundle(environment, host, service, assignment)
    }
}

fn unreadable(error: GitError) -> DesiredError {
    DesiredError::Unreadable(Box::new(error))
}
