//! Commits that fleet makes: of the ledger and the statements without any work tree, of the
//! desired branch byte for byte as asked.

use std::fs;
use std::path::Path;

use crate::model::id::Revision;
use crate::model::time::Timestamp;

use super::refs::{oid, revision};
use super::{Branches, GitError, Repository};

/// A commit on a branch that only programs write.
#[derive(Debug)]
pub struct BranchCommit<'a> {
    /// None for the first one of an orphan branch.
    pub parent: Option<&'a Revision>,
    /// Path and bytes; none removes the file.
    pub files: &'a [(String, Option<Vec<u8>>)],
    /// The whole message.
    pub message: &'a str,
    /// Author's and committer's time.
    pub at: Timestamp,
}

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

/// What was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCommitted {
    /// The new commit.
    pub revision: Revision,
    /// The branch it is on.
    pub branch: String,
}

impl Repository {
    /// Makes a commit; no ref moves.
    pub(crate) fn commit_on(&self, commit: &BranchCommit<'_>) -> Result<Revision, GitError> {
        let git = self.lock_git();
        let make = || GitError::library("make a commit");
        let parent = match commit.parent {
            Some(parent) => Some(git.find_commit(oid(parent)?).map_err(make())?),
            None => None,
        };
        let before = match &parent {
            Some(parent) => parent.tree().map_err(make())?,
            None => {
                let empty = git
                    .treebuilder(None)
                    .and_then(|builder| builder.write())
                    .map_err(make())?;
                git.find_tree(empty).map_err(make())?
            }
        };
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, bytes) in commit.files {
            match bytes {
                Some(bytes) => {
                    let blob = git.blob(bytes).map_err(make())?;
                    let executable = i32::from(git2::FileMode::BlobExecutable);
                    let was = before.get_path(Path::new(path)).map(|it| it.filemode());
                    let mode = match was {
                        Ok(mode) if mode == executable => git2::FileMode::BlobExecutable,
                        _ => git2::FileMode::Blob,
                    };
                    update.upsert(path, blob, mode);
                }
                None if before.get_path(Path::new(path)).is_ok() => {
                    update.remove(path);
                }
                None => {}
            }
        }
        let tree = update
            .create_updated(&git, &before)
            .and_then(|id| git.find_tree(id))
            .map_err(make())?;
        let signature = identity(&git, commit.at)?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let id = git
            .commit(
                None,
                &signature,
                &signature,
                commit.message,
                &tree,
                &parents,
            )
            .map_err(make())?;
        Ok(revision(id))
    }

    /// The bytes of a file at a commit.
    pub(crate) fn file_at(&self, at: &Revision, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let git = self.lock_git();
        let read = || GitError::library("read a file of a commit");
        let tree = git
            .find_commit(oid(at)?)
            .and_then(|commit| commit.tree())
            .map_err(read())?;
        match tree.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some(
                git.find_blob(entry.id())
                    .map_err(read())?
                    .content()
                    .to_vec(),
            )),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(source) => Err(read()(source)),
        }
    }

    /// Names and blob ids of the files directly in a folder of a commit; empty where there is none.
    pub(crate) fn files_in(
        &self,
        at: &Revision,
        folder: &str,
    ) -> Result<Vec<(String, String)>, GitError> {
        self.entries_in(at, folder, git2::ObjectType::Blob)
    }

    /// Names of the folders directly in a folder of a commit; `""` is the root.
    pub(crate) fn folders_in(&self, at: &Revision, folder: &str) -> Result<Vec<String>, GitError> {
        Ok(self
            .entries_in(at, folder, git2::ObjectType::Tree)?
            .into_iter()
            .map(|(name, _)| name)
            .collect())
    }

    fn entries_in(
        &self,
        at: &Revision,
        folder: &str,
        kind: git2::ObjectType,
    ) -> Result<Vec<(String, String)>, GitError> {
        let git = self.lock_git();
        let read = || GitError::library("read a folder of a commit");
        let root = git
            .find_commit(oid(at)?)
            .and_then(|commit| commit.tree())
            .map_err(read())?;
        let tree = if folder.is_empty() {
            root
        } else {
            match root.get_path(Path::new(folder)) {
                Ok(entry) => git.find_tree(entry.id()).map_err(read())?,
                Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(Vec::new()),
                Err(source) => return Err(read()(source)),
            }
        };
        Ok(tree
            .iter()
            .filter(|entry| entry.kind() == Some(kind))
            .map(|entry| {
                (
                    String::from_utf8_lossy(entry.name_bytes()).into_owned(),
                    entry.id().to_string(),
                )
            })
            .collect())
    }

    /// The bytes of a blob of [`Repository::files_in`].
    pub(crate) fn blob(&self, id: &str) -> Result<Vec<u8>, GitError> {
        let git = self.lock_git();
        let read = || GitError::library("read a file of a commit");
        let id = id.parse::<git2::Oid>().map_err(read())?;
        Ok(git.find_blob(id).map_err(read())?.content().to_vec())
    }

    /// The newest commit up to `from` that changed a folder, along first parents. `known` is what
    /// the answer was for an earlier `from`: the walk ends there.
    pub(crate) fn last_change_of(
        &self,
        from: &Revision,
        folder: &str,
        known: Option<(Revision, Option<Revision>)>,
    ) -> Result<Option<Revision>, GitError> {
        let git = self.lock_git();
        let read = || GitError::library("walk the ledger");
        let entry = |commit: &git2::Commit<'_>| -> Result<Option<git2::Oid>, git2::Error> {
            Ok(commit.tree()?.get_name(folder).map(|entry| entry.id()))
        };
        let mut commit = git.find_commit(oid(from)?).map_err(read())?;
        let mut here = entry(&commit).map_err(read())?;
        let (known_at, known) = match known {
            Some((at, known)) => (Some(oid(&at)?), known),
            None => (None, None),
        };
        loop {
            if Some(commit.id()) == known_at {
                return Ok(known);
            }
            let Ok(parent) = commit.parent(0) else { break };
            let before = entry(&parent).map_err(read())?;
            if before != here {
                break;
            }
            (commit, here) = (parent, before);
        }
        Ok(here.map(|_| revision(commit.id())))
    }

    /// Checks that commits can carry a name.
    pub fn check_identity(&self) -> Result<(), GitError> {
        identity(&self.lock_git(), Timestamp::from_unix(0)).map(drop)
    }

    /// `user.name`: who says what a statement says.
    pub fn user_name(&self) -> Result<String, GitError> {
        let signature = identity(&self.lock_git(), Timestamp::from_unix(0))?;
        Ok(String::from_utf8_lossy(signature.name_bytes()).into_owned())
    }

    /// Commits a change of a desired file; with [`Target::Direct`] the file and the index of the
    /// work tree change with it, and nothing else of them.
    ///
    /// # Errors
    /// Among others: [`GitError::Dirty`], [`GitError::Detached`], [`GitError::OtherBranch`],
    /// [`GitError::BranchExists`]. Nothing has changed then.
    pub fn commit_desired(
        &self,
        branches: &Branches,
        commit: &DesiredCommit<'_>,
    ) -> Result<DesiredCommitted, GitError> {
        let files = [(commit.path.to_owned(), Some(commit.bytes.to_vec()))];
        let make = BranchCommit {
            parent: Some(commit.base),
            files: &files,
            message: commit.message,
            at: commit.at,
        };
        match &commit.target {
            Target::Branch(name) => {
                if !git2::Branch::name_is_valid(name).unwrap_or(false) {
                    return Err(GitError::BadBranch { name: name.clone() });
                }
                let revision = self.commit_on(&make)?;
                match self.compare_and_swap(&format!("refs/heads/{name}"), None, &revision)? {
                    true => Ok(DesiredCommitted {
                        revision,
                        branch: name.clone(),
                    }),
                    false => Err(GitError::BranchExists { name: name.clone() }),
                }
            }
            Target::Direct => {
                let branch = self.checked_out(branches)?;
                let path = self.work_dir.join(commit.path);
                let was = self.file_at(commit.base, commit.path)?;
                let lies = fs::read(&path).ok();
                if was.as_deref() != lies.as_deref() || self.is_staged(commit.path)? {
                    return Err(GitError::Dirty {
                        path: commit.path.to_owned(),
                    });
                }
                let revision = self.commit_on(&make)?;
                if !self.compare_and_swap(
                    &format!("refs/heads/{branch}"),
                    Some(commit.base),
                    &revision,
                )? {
                    return Err(GitError::Moved { branch });
                }
                fs::write(&path, commit.bytes).map_err(|source| GitError::File {
                    what: "write",
                    path: path.clone(),
                    source,
                })?;
                let git = self.lock_git();
                let mut index = git.index().map_err(GitError::library("read the index"))?;
                index
                    .add_path(Path::new(commit.path))
                    .and_then(|()| index.write())
                    .map_err(GitError::library("write the index"))?;
                drop(index);
                Ok(DesiredCommitted { revision, branch })
            }
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

    fn is_staged(&self, path: &str) -> Result<bool, GitError> {
        let git = self.lock_git();
        let status = git
            .status_file(Path::new(path))
            .map_err(GitError::library("read the status"))?;
        Ok(status.intersects(
            git2::Status::INDEX_NEW
                | git2::Status::INDEX_MODIFIED
                | git2::Status::INDEX_DELETED
                | git2::Status::CONFLICTED,
        ))
    }
}

/// Who commits: the user's own name, at the controller's time.
fn identity(git: &git2::Repository, at: Timestamp) -> Result<git2::Signature<'static>, GitError> {
    let config = git
        .config()
        .and_then(|mut config| config.snapshot())
        .map_err(GitError::library("read git's configuration"))?;
    let get = |key: &'static str| {
        let value = config.get_string(key).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            Err(GitError::NoIdentity { missing: key })
        } else {
            Ok(value.to_owned())
        }
    };
    git2::Signature::new(
        &get("user.name")?,
        &get("user.email")?,
        &git2::Time::new(at.unix(), 0),
    )
    .map_err(GitError::library("use git's user.name and user.email"))
}
