//! The ledger in git: a branch that only controllers write, always fast-forward (protocol §2).
//!
//! It owns the files' form ([`files`]), the compare-and-swap push ([`commit`]), the branch's own
//! page ([`readme`]), what happens to files that a hand broke ([`mend`]) and the statements' branch
//! ([`statements`]). What the content means is the
//! controller's.

mod commit;
mod files;
mod mend;
mod read;
mod readme;
mod statements;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{Committed, Ledger, LedgerError, LedgerMark};
use crate::git::{Branches, GitError, Repository, SEEN};
use crate::model::clock::Random;
use crate::model::desired::GitSettings;
use crate::model::id::{EnvironmentName, FleetName, Revision, RolloutId};
use crate::model::ledger::{EnvironmentLedger, LedgerCommit, RolloutLedger, RolloutRecord};
use crate::model::observed::HostRecord;
use crate::model::statement::{Statement, StatementFile};
use crate::model::time::Timestamp;

/// The ledger of one fleet repository.
#[derive(Clone)]
pub struct GitLedger {
    inner: Arc<Inner>,
}

struct Inner {
    repository: Arc<Repository>,
    branches: Branches,
    fleet: FleetName,
    random: Arc<dyn Random>,
    /// Host files by environment and blob: a pass parses what changed since the last one.
    hosts: Mutex<HashMap<EnvironmentName, HashMap<String, Arc<HostRecord>>>>,
    /// The ledger's tip that was last looked at, and the environment's tip there: a pass walks
    /// what came since.
    tips: Mutex<HashMap<EnvironmentName, (Revision, Option<Revision>)>>,
    /// One commit at a time.
    turn: Mutex<()>,
    /// Our own commits whose push had no clear answer, by environment: when one turns out to be
    /// in, what comes next is made on it.
    unclear: Mutex<BTreeMap<EnvironmentName, Vec<Unclear>>>,
}

struct Unclear {
    base: Option<Revision>,
    commit: Revision,
}

impl GitLedger {
    /// The ledger on the branches by the manifest's `git`.
    pub fn new(
        repository: Arc<Repository>,
        settings: &GitSettings,
        fleet: FleetName,
        random: Arc<dyn Random>,
    ) -> Self {
        let branches = Branches::new(settings);
        Self {
            inner: Arc::new(Inner {
                repository,
                branches,
                fleet,
                random,
                hosts: Mutex::default(),
                tips: Mutex::default(),
                turn: Mutex::default(),
                unclear: Mutex::default(),
            }),
        }
    }

    /// Runs blocking git work beside the runtime.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(result) => result,
            Err(error) => Err(LedgerError::Git {
                what: "finish its work",
                source: Box::new(error),
            }),
        }
    }
}

#[async_trait]
impl Ledger for GitLedger {
    async fn fetch(&self) -> Result<(), LedgerError> {
        self.blocking(Inner::fetch).await
    }

    async fn accept(&self) -> Result<(), LedgerError> {
        self.blocking(Inner::accept).await
    }

    async fn mend(
        &self,
        environment: &EnvironmentName,
        at: Timestamp,
    ) -> Result<Vec<String>, LedgerError> {
        let environment = environment.clone();
        self.blocking(move |inner| inner.mend(&environment, at))
            .await
    }

    async fn read(&self, environment: &EnvironmentName) -> Result<EnvironmentLedger, LedgerError> {
        let environment = environment.clone();
        self.blocking(move |inner| inner.read(&environment)).await
    }

    async fn mark(&self, environment: &EnvironmentName) -> Result<LedgerMark, LedgerError> {
        let environment = environment.clone();
        self.blocking(move |inner| {
            Ok(LedgerMark {
                tip: inner.environment_tip(inner.tip()?.as_ref(), &environment)?,
                statements: inner.repository.tip(&inner.branches.statements_ref())?,
            })
        })
        .await
    }

    async fn environments(&self) -> Result<Vec<EnvironmentName>, LedgerError> {
        self.blocking(Inner::environments).await
    }

    async fn rollouts(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<RolloutRecord>, LedgerError> {
        let environment = environment.clone();
        self.blocking(move |inner| inner.rollouts(&environment))
            .await
    }

    async fn rollout(
        &self,
        environment: &EnvironmentName,
        id: &RolloutId,
    ) -> Result<Option<RolloutLedger>, LedgerError> {
        let (environment, id) = (environment.clone(), id.clone());
        self.blocking(move |inner| match inner.tip()? {
            Some(tip) => {
                inner.check_format(&tip)?;
                inner.rollout(&tip, &environment, &id)
            }
            None => Ok(None),
        })
        .await
    }

    async fn commit(&self, commit: &LedgerCommit) -> Result<Committed, LedgerError> {
        let commit = commit.clone();
        self.blocking(move |inner| inner.commit(&commit)).await
    }

    async fn statements(
        &self,
        environment: &EnvironmentName,
    ) -> Result<Vec<StatementFile>, LedgerError> {
        let environment = environment.clone();
        self.blocking(move |inner| inner.statements(&environment))
            .await
    }

    async fn state(&self, statement: &Statement) -> Result<StatementFile, LedgerError> {
        let statement = statement.clone();
        self.blocking(move |inner| inner.state(&statement)).await
    }
}

impl Inner {
    /// The ledger's tip as last fetched.
    fn tip(&self) -> Result<Option<Revision>, LedgerError> {
        Ok(self.repository.tip(&self.branches.ledger_ref())?)
    }

    fn fetch(&self) -> Result<(), LedgerError> {
        self.repository.fetch(&self.branches)?;
        self.check_descent()
    }

    /// A tip that does not descend from the last one seen, or a vanished branch, stops everything.
    fn check_descent(&self) -> Result<(), LedgerError> {
        // In this order: another process moves the tip first, so what it has seen by now cannot be
        // newer than a tip that is read after it.
        let seen = self.repository.tip(SEEN)?;
        let tip = self.tip()?;
        let rewritten = |seen: Revision| LedgerError::Rewritten {
            branch: self.branches.ledger_branch.clone(),
            seen,
        };
        match (tip, seen) {
            (Some(tip), Some(seen)) if tip == seen => Ok(()),
            (Some(tip), Some(seen)) => {
                if !self.repository.contains(&tip, &seen)? {
                    return Err(rewritten(seen));
                }
                Ok(self.repository.advance(SEEN, &tip)?)
            }
            (Some(tip), None) => Ok(self.repository.advance(SEEN, &tip)?),
            (None, Some(seen)) => Err(rewritten(seen)),
            (None, None) => Ok(()),
        }
    }

    fn accept(&self) -> Result<(), LedgerError> {
        self.repository.fetch(&self.branches)?;
        match self.tip()? {
            Some(tip) => Ok(self.repository.set_ref(SEEN, &tip)?),
            None => Ok(self.repository.remove_ref(SEEN)?),
        }
    }

    fn unclear(&self) -> std::sync::MutexGuard<'_, BTreeMap<EnvironmentName, Vec<Unclear>>> {
        self.unclear.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<GitError> for LedgerError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Unreachable { remote, message } => Self::Unreachable { remote, message },
            GitError::Refused { remote, message } => Self::Refused { remote, message },
            other => Self::Git {
                what: "read or write the ledger",
                source: Box::new(other),
            },
        }
    }
}
