//! Desired commits for the controller: git, manifests and templates put together.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::workspace::Sources;
use crate::git::{GitError, Repository};
use crate::model::bundle::{Bundle, Digests};
use crate::model::desired::{Assignment, Fleet, GitSettings, Host};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::id::{EnvironmentName, Revision, ServiceName};
use crate::rollout::{DesiredError, DesiredSource, DesiredState};

/// The desired branch of a repository.
#[derive(Clone)]
pub(crate) struct GitDesired {
    inner: Arc<Inner>,
}

struct Inner {
    repository: Arc<Repository>,
    settings: GitSettings,
    checks_syntax: bool,
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
        Self::of(repository, settings, false)
    }

    /// One that takes an environment with a script that bash does not understand for invalid: for
    /// who has nobody to show its errors to before it acts.
    pub(crate) fn checking_syntax(repository: Arc<Repository>, settings: GitSettings) -> Self {
        Self::of(repository, settings, true)
    }

    fn of(repository: Arc<Repository>, settings: GitSettings, checks_syntax: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                repository,
                settings,
                checks_syntax,
                read: Mutex::default(),
            }),
        }
    }

    /// The errors of a commit, where it was read lately: in short, those of a file first.
    pub(crate) fn errors(&self, revision: &Revision, first: &str) -> Vec<String> {
        let kept = self
            .inner
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let commit = kept.iter().find(|commit| commit.revision == *revision);
        let diagnostics = commit.map_or(&[][..], |commit| &commit.sources.diagnostics);
        let mut errors: Vec<&Diagnostic> = diagnostics
            .iter()
            .filter(|it| it.severity == Severity::Error)
            .collect();
        errors.sort_by_key(|it| *it.file != *first);
        let short = |it: &&Diagnostic| format!("{}: {}: {}", it.file, it.code, it.message);
        errors.iter().map(short).collect()
    }

    /// Runs blocking git work beside the runtime: a controller drives more than one environment,
    /// and none of them stands still while a remote keeps another one waiting.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, DesiredError> + Send + 'static,
    ) -> Result<T, DesiredError> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(result) => result,
            Err(error) => Err(DesiredError::Unreadable(Box::new(error))),
        }
    }
}

impl Inner {
    fn newest(&self) -> Result<Arc<Commit>, DesiredError> {
        let desired = self.repository.desired(&self.settings);
        self.read(&desired.map_err(unreachable)?.revision)
    }

    fn fetched(&self) -> Result<Arc<Commit>, DesiredError> {
        let branches = self.repository.branches(&self.settings);
        let desired = self.repository.desired_as_fetched(&branches);
        self.read(&desired.map_err(unreachable)?.revision)
    }

    fn at(&self, revision: &Revision) -> Result<Option<Arc<Commit>>, DesiredError> {
        match self.repository.resolve(revision.as_str()) {
            Ok(_) => self.read(revision).map(Some),
            Err(GitError::NoRevision { .. }) => Ok(None),
            Err(other) => Err(unreadable(other)),
        }
    }

    fn read(&self, revision: &Revision) -> Result<Arc<Commit>, DesiredError> {
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|it| it.revision == *revision) {
            // What was asked for last is kept longest.
            kept[..=at].rotate_right(1);
            return Ok(Arc::clone(&kept[0]));
        }
        let tree = self.repository.tree_at(revision).map_err(unreadable)?;
        let mut sources = Sources::read(tree);
        if self.checks_syntax {
            sources.refuse_broken_scripts();
        }
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
        Ok(self.blocking(Inner::newest).await?)
    }

    async fn fetched(&self) -> Result<Arc<dyn DesiredState>, DesiredError> {
        Ok(self.blocking(Inner::fetched).await?)
    }

    async fn at(&self, revision: &Revision) -> Result<Option<Arc<dyn DesiredState>>, DesiredError> {
        let revision = revision.clone();
        let found = self.blocking(move |inner| inner.at(&revision)).await?;
        Ok(found.map(|commit| commit as Arc<dyn DesiredState>))
    }
}

impl DesiredState for Commit {
    fn revision(&self) -> &Revision {
        &self.revision
    }

    fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn invalid(&self) -> &BTreeSet<EnvironmentName> {
        &self.sources.invalid
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

fn unreachable(error: GitError) -> DesiredError {
    match error {
        GitError::Unreachable { .. } | GitError::Refused { .. } => {
            DesiredError::Unreachable(Box::new(error))
        }
        other => unreadable(other),
    }
}

fn unreadable(error: GitError) -> DesiredError {
    DesiredError::Unreadable(Box::new(error))
}
