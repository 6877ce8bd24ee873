//! Which refs hold what: fleet's own with a remote, the branches themselves without (formats.md).

use crate::model::desired::GitSettings;
use crate::model::id::Revision;

use super::{GitError, Repository};

/// Full names of the refs that a fleet uses, and the branches behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branches {
    /// The remote; none where everything is local.
    pub remote: Option<String>,
    /// Desired branch name.
    pub desired_branch: String,
    /// Ledger branch name.
    pub ledger_branch: String,
    /// Statements branch name.
    pub statements_branch: String,
}

/// What fleet has last seen of the ledger: a tip that does not descend from it is a rewrite.
pub(crate) const SEEN: &str = "refs/fleet/seen";

impl Branches {
    /// From the manifest's `git`.
    pub fn new(settings: &GitSettings) -> Self {
        Self {
            remote: settings.remote.clone(),
            desired_branch: settings.branch.clone(),
            ledger_branch: settings.ledger.clone(),
            statements_branch: settings.statements.clone(),
        }
    }

    /// Where the desired commit is.
    pub fn desired_ref(&self) -> String {
        self.local("desired", &self.desired_branch)
    }

    /// Where the ledger's tip is.
    pub fn ledger_ref(&self) -> String {
        self.local("observed", &self.ledger_branch)
    }

    /// Where the statements' tip is.
    pub fn statements_ref(&self) -> String {
        self.local("statements", &self.statements_branch)
    }

    fn local(&self, word: &str, branch: &str) -> String {
        match self.remote {
            Some(_) => format!("refs/fleet/remote/{word}"),
            None => format!("refs/heads/{branch}"),
        }
    }
}

impl Repository {
    /// The commit a ref points at, none where there is no such ref.
    pub(crate) fn tip(&self, reference: &str) -> Result<Option<Revision>, GitError> {
        let git = self.lock_git();
        match git.find_reference(reference) {
            Ok(found) => {
                let commit = found
                    .peel_to_commit()
                    .map_err(GitError::library("read a branch"))?;
                Ok(Some(revision(commit.id())))
            }
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(source) => Err(GitError::Library {
                what: "read a branch",
                source,
            }),
        }
    }

    /// Moves a ref of fleet's own; no comparison, for it only mirrors.
    pub(crate) fn set_ref(&self, reference: &str, to: &Revision) -> Result<(), GitError> {
        let git = self.lock_git();
        git.reference(reference, oid(to)?, true, "fleet")
            .map_err(GitError::library("write a ref"))?;
        Ok(())
    }

    /// Moves a ref from `from` (none: creates it) to `to`; false where it was elsewhere by then.
    pub(crate) fn compare_and_swap(
        &self,
        reference: &str,
        from: Option<&Revision>,
        to: &Revision,
    ) -> Result<bool, GitError> {
        let git = self.lock_git();
        let moved = match from {
            Some(from) => git.reference_matching(reference, oid(to)?, true, oid(from)?, "fleet"),
            None => git.reference(reference, oid(to)?, false, "fleet"),
        };
        match moved {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.code(),
                    git2::ErrorCode::Modified
                        | git2::ErrorCode::Exists
                        | git2::ErrorCode::NotFound
                        | git2::ErrorCode::Locked
                ) =>
            {
                Ok(false)
            }
            Err(source) => Err(GitError::Library {
                what: "move a branch",
                source,
            }),
        }
    }

    /// Whether `descendant` is `ancestor` or has it in its history.
    pub(crate) fn contains(
        &self,
        descendant: &Revision,
        ancestor: &Revision,
    ) -> Result<bool, GitError> {
        if descendant == ancestor {
            return Ok(true);
        }
        let git = self.lock_git();
        if git.find_commit(oid(ancestor)?).is_err() {
            return Ok(false);
        }
        git.graph_descendant_of(oid(descendant)?, oid(ancestor)?)
            .map_err(GitError::library("compare two commits"))
    }
}

pub(super) fn revision(oid: git2::Oid) -> Revision {
    Revision::new(oid.to_string())
}

pub(super) fn oid(revision: &Revision) -> Result<git2::Oid, GitError> {
    revision
        .as_str()
        .parse::<git2::Oid>()
        .map_err(|_| GitError::NoRevision {
            name: revision.to_string(),
        })
}
