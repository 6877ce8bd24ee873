//! Commits of desired state: one file, byte for byte as asked, on a branch of its own or on the
//! checked-out one. Whatever goes wrong, the work tree is as it was.

use std::fs;
use std::path::Path;

use crate::model::id::Revision;
use crate::model::time::Timestamp;

use super::commits::BranchCommit;
use super::network::PushOutcome;
use super::refs::find;
use super::{Branches, GitError, Repository};

/// A change of one desired file.
#[derive(Debug)]
pub struct DesiredCommit<'a> {
    /// What it is made on.
    pub base: &'a Revision,
    /// Which file.
    pub path: &'a str,
    /// All of its new bytes.
    pub bytes: &'a [u8],
    /// The whole message.
    pub message: &'a str,
    /// Commit time.
    pub at: Timestamp,
    /// Where it goes.
    pub target: Target,
}

/// Where a desired commit goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A new branch of this name, for a pull request.
    Branch(String),
    /// The desired branch itself, which must be checked out.
    Direct,
}

/// What was committed. Nothing is pushed: with a remote, desired is what the remote has, so it
/// takes effect with the next `git push`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCommitted {
    /// The new commit.
    pub revision: Revision,
    /// The branch it is on.
    pub branch: String,
}

impl Repository {
    /// Commits a change of a desired file; with [`Target::Direct`] the file and the index of the
    /// work tree change with it, and nothing else of them: what else is staged or changed stays so.
    ///
    /// # Errors
    /// Among others: [`GitError::Dirty`], [`GitError::Detached`], [`GitError::OtherBranch`],
    /// [`GitError::Unfinished`], [`GitError::BranchExists`]. Nothing has changed then.
    pub fn commit_desired(
        &self,
        branches: &Branches,
        commit: &DesiredCommit<'_>,
    ) -> Result<DesiredCommitted, GitError> {
        match &commit.target {
            Target::Branch(name) => self.commit_on_branch(commit, name),
            Target::Direct => self.commit_directly(branches, commit),
        }
    }

    /// Pushes a new branch with a desired commit to a remote.
    ///
    /// # Errors
    /// The remote was not reached, has the branch already, or refused it. The commit stays here.
    pub fn push_desired(&self, remote: &str, committed: &DesiredCommitted) -> Result<(), GitError> {
        let DesiredCommitted { revision, branch } = committed;
        let message = match self.push(remote, branch, None, revision)? {
            PushOutcome::Accepted => return Ok(()),
            PushOutcome::Behind(message)
            | PushOutcome::Rejected(message)
            | PushOutcome::Unclear(message) => message,
        };
        Err(GitError::NotPushed {
            branch: branch.clone(),
            remote: remote.to_owned(),
            message,
        })
    }

    fn commit_on_branch(
        &self,
        commit: &DesiredCommit<'_>,
        name: &str,
    ) -> Result<DesiredCommitted, GitError> {
        if !git2::Branch::name_is_valid(name).unwrap_or(false) {
            return Err(GitError::BadBranch {
                name: name.to_owned(),
            });
        }
        let revision = self.make_desired(commit)?;
        match self.compare_and_swap(&format!("refs/heads/{name}"), None, &revision)? {
            true => Ok(DesiredCommitted {
                revision,
                branch: name.to_owned(),
            }),
            false => Err(GitError::BranchExists {
                name: name.to_owned(),
            }),
        }
    }

    fn commit_directly(
        &self,
        branches: &Branches,
        commit: &DesiredCommit<'_>,
    ) -> Result<DesiredCommitted, GitError> {
        if let Some(what) = self.unfinished() {
            return Err(GitError::Unfinished { what });
        }
        let branch = self.checked_out(branches)?;
        let clean = self.is_as_committed(commit.path)?;
        let path = self.work_dir.join(commit.path);
        let lies = fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_file)
            .and_then(|_| fs::read(&path).ok());
        let Some(lies) = lies.filter(|_| clean) else {
            return Err(GitError::Dirty {
                path: commit.path.to_owned(),
            });
        };
        let revision = self.make_desired(commit)?;
        let reference = format!("refs/heads/{branch}");
        // The branch moves last: until then a failure is undone without a trace.
        let moved = self
            .check_out(&revision, commit.path)
            .and_then(|()| self.compare_and_swap(&reference, Some(commit.base), &revision));
        match moved {
            Ok(true) => Ok(DesiredCommitted { revision, branch }),
            failed => {
                let undone = self.put(commit.path, &lies);
                failed?;
                undone?;
                Err(GitError::Moved { branch })
            }
        }
    }

    fn make_desired(&self, commit: &DesiredCommit<'_>) -> Result<Revision, GitError> {
        self.commit_on(&BranchCommit {
            parent: Some(commit.base),
            files: &[(commit.path.to_owned(), Some(commit.bytes.to_vec()))],
            message: commit.message,
            at: commit.at,
        })
    }

    /// Brings one file of a commit into the work tree and the index, with the ends of lines that the
    /// user's configuration asks for.
    fn check_out(&self, revision: &Revision, name: &str) -> Result<(), GitError> {
        let git = self.lock_git();
        let commit = find(&git, revision)?;
        let mut options = git2::build::CheckoutBuilder::new();
        options.force().disable_pathspec_match(true).path(name);
        git.checkout_tree(commit.as_object(), Some(&mut options))
            .map_err(GitError::library("check the file out"))
    }

    /// Puts back what lay in the work tree, and its entry in the index.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), GitError> {
        let path = self.work_dir.join(name);
        fs::write(&path, bytes).map_err(|source| GitError::File {
            what: "write",
            path,
            source,
        })?;
        let git = self.lock_git();
        let mut index = git.index().map_err(GitError::library("read the index"))?;
        index
            .read(false)
            .and_then(|()| index.add_path(Path::new(name)))
            .and_then(|()| index.write())
            .map_err(GitError::library("write the index"))
    }

    /// What the user is in the middle of: a commit on top would end it in a way nobody asked for.
    fn unfinished(&self) -> Option<&'static str> {
        use git2::RepositoryState as State;
        match self.lock_git().state() {
            State::Clean | State::ApplyMailbox => None,
            State::Merge => Some("merge"),
            State::Revert | State::RevertSequence => Some("revert"),
            State::CherryPick | State::CherryPickSequence => Some("cherry-pick"),
            State::Bisect => Some("bisect"),
            _ => Some("rebase"),
        }
    }

    fn checked_out(&self, branches: &Branches) -> Result<String, GitError> {
        let git = self.lock_git();
        let head = git
            .find_reference("HEAD")
            .map_err(GitError::library("read HEAD"))?;
        let target = match head.symbolic_target() {
            Ok(Some(target)) => target.to_owned(),
            _ => {
                drop(head);
                drop(git);
                return Err(GitError::Detached {
                    revision: self.head()?,
                });
            }
        };
        let current = target
            .strip_prefix("refs/heads/")
            .unwrap_or(&target)
            .to_owned();
        let exists = git
            .find_reference(&format!("refs/heads/{}", branches.desired_branch))
            .is_ok();
        // With `remote: none` and no such branch, HEAD's branch is the desired one.
        if current == branches.desired_branch || (branches.remote.is_none() && !exists) {
            Ok(current)
        } else {
            Err(GitError::OtherBranch {
                current,
                desired: branches.desired_branch.clone(),
            })
        }
    }
}
