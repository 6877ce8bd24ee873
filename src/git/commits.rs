//! Commits made without any work tree or index, and the files of commits as they are read.

use std::path::Path;

use crate::model::id::Revision;
use crate::model::time::Timestamp;

use super::identity::identity;
use super::refs::{find, oid, revision};
use super::{GitError, Repository};

/// A commit on a branch that only programs write.
#[derive(Debug)]
pub(crate) struct BranchCommit<'a> {
    /// None for the first one of an orphan branch.
    pub(crate) parent: Option<&'a Revision>,
    /// Path and bytes; none removes the file.
    pub(crate) files: &'a [(String, Option<Vec<u8>>)],
    /// The whole message.
    pub(crate) message: &'a str,
    /// Author's and committer's time.
    pub(crate) at: Timestamp,
}

impl Repository {
    /// Makes a commit; no ref moves.
    pub(crate) fn commit_on(&self, commit: &BranchCommit<'_>) -> Result<Revision, GitError> {
        let git = self.lock_git();
        let make = || GitError::library("make a commit");
        let parent = match commit.parent {
            Some(parent) => Some(find(&git, parent)?),
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
        let tree = find(&git, at)?.tree().map_err(read())?;
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
        let root = find(&git, at)?.tree().map_err(read())?;
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
        let mut commit = find(&git, from)?;
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
}
