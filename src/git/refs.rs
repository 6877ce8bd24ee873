//! Which refs hold what: fleet's own with a remote, the branches themselves without (formats.md).

use std::time::Duration;

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

/// What the reflog says of a move.
const LOG: &str = "fleet";

/// How often a ref that another process is writing is tried.
const TRIES: u32 = 40;

/// Pause between two tries; a ref is written in well under a millisecond.
const PAUSE: Duration = Duration::from_millis(25);

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

    /// Makes a ref point elsewhere, wherever it was; where that is decided by a person only.
    pub(crate) fn set_ref(&self, reference: &str, to: &Revision) -> Result<(), GitError> {
        let to = oid(to)?;
        unlocked(reference, || {
            let git = self.lock_git();
            git.reference(reference, to, true, LOG).map(drop)
        })
    }

    /// Moves a ref of fleet's own up to a commit; one that is there or further already stays.
    /// Another process of this repository may be doing the same with what it has fetched.
    pub(crate) fn advance(&self, reference: &str, to: &Revision) -> Result<(), GitError> {
        loop {
            let here = self.tip(reference)?;
            let is_there = match &here {
                Some(here) => self.contains(here, to)?,
                None => false,
            };
            if is_there || self.compare_and_swap(reference, here.as_ref(), to)? {
                return Ok(());
            }
        }
    }

    /// Moves a ref from `from` (none: creates it) to `to`; false where it was elsewhere by then.
    pub(crate) fn compare_and_swap(
        &self,
        reference: &str,
        from: Option<&Revision>,
        to: &Revision,
    ) -> Result<bool, GitError> {
        let (to, from) = (oid(to)?, from.map(oid).transpose()?);
        let moved = unlocked(reference, || {
            let git = self.lock_git();
            match from {
                Some(from) => git.reference_matching(reference, to, true, from, LOG),
                None => git.reference(reference, to, false, LOG),
            }
            .map(drop)
        });
        let lost = [
            git2::ErrorCode::Modified,
            git2::ErrorCode::Exists,
            git2::ErrorCode::NotFound,
        ];
        match moved {
            Ok(()) => Ok(true),
            Err(GitError::Library { source, .. }) if lost.contains(&source.code()) => Ok(false),
            Err(error) => Err(match self.in_the_way_of(reference) {
                Some(other) => GitError::BranchInTheWay {
                    reference: reference.to_owned(),
                    other,
                },
                None => error,
            }),
        }
    }

    /// A ref that stands where a folder of this one would be: git keeps refs as files.
    fn in_the_way_of(&self, reference: &str) -> Option<String> {
        let git = self.lock_git();
        reference
            .match_indices('/')
            .map(|(at, _)| &reference[..at])
            .find(|folder| git.find_reference(folder).is_ok())
            .map(str::to_owned)
    }

    /// Removes a ref; none there is fine.
    pub(crate) fn remove_ref(&self, reference: &str) -> Result<(), GitError> {
        unlocked(reference, || {
            let git = self.lock_git();
            match git.find_reference(reference) {
                Ok(mut found) => found.delete(),
                Err(_) => Ok(()),
            }
        })
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

/// Does something with a ref as soon as no other process holds its lock.
fn unlocked(
    reference: &str,
    mut work: impl FnMut() -> Result<(), git2::Error>,
) -> Result<(), GitError> {
    for _ in 0..TRIES {
        match work() {
            Err(error) if error.code() == git2::ErrorCode::Locked => std::thread::sleep(PAUSE),
            done => return done.map_err(GitError::library("move a branch")),
        }
    }
    Err(GitError::RefLocked {
        message: format!("{reference} stays locked"),
    })
}

/// A commit by its id.
pub(super) fn find<'a>(
    git: &'a git2::Repository,
    revision: &Revision,
) -> Result<git2::Commit<'a>, GitError> {
    git.find_commit(oid(revision)?)
        .map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => GitError::NoRevision {
                name: revision.to_string(),
            },
            _ => GitError::Library {
                what: "read a commit",
                source: error,
            },
        })
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
