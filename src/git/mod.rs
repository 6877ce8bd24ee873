//! The git seam: what the rest of fleet may ask of a repository. Only this module names `git2`.
//!
//! Everything local goes through libgit2; fetch and push go through the user's own `git`
//! ([`network`], [`program`]), so that credential helpers, SSH agents and proxies just work.

mod bump;
mod commits;
mod desired;
mod error;
mod identity;
mod local;
mod network;
mod program;
mod refs;
mod status;
mod tree;
mod turn;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::desired::GitSettings;

pub use bump::{DesiredCommit, DesiredCommitted, Target};
pub(crate) use commits::BranchCommit;
pub use desired::Desired;
pub use error::GitError;
pub(crate) use error::access;
pub use local::{ControllerLock, Locked, LogStore};
pub(crate) use network::PushOutcome;
pub use program::{NoneStarts, end_running};
pub use refs::Branches;
pub(crate) use refs::SEEN;
pub use watch::RefWatch;

/// A fleet repository on this machine.
pub struct Repository {
    git: Mutex<git2::Repository>,
    common_dir: PathBuf,
    work_dir: PathBuf,
    /// Environments side by side ask the same remote the same.
    fetches: turn::Turn,
    slow: Mutex<Option<Box<Tell>>>,
}

/// Says a line to a person.
type Tell = dyn Fn(&str) + Send;

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository")
            .field("work_dir", &self.work_dir)
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Finds the repository around a folder.
    ///
    /// # Errors
    /// There is none, or it has no work tree.
    pub fn discover(folder: &Path) -> Result<Self, GitError> {
        let git = git2::Repository::discover(folder).map_err(|source| match source.code() {
            git2::ErrorCode::NotFound => GitError::NotARepository {
                folder: folder.to_owned(),
            },
            git2::ErrorCode::Owner => GitError::NotOwned {
                folder: folder.to_owned(),
            },
            _ => GitError::library("open the repository")(source),
        })?;
        let work_dir = git
            .workdir()
            .ok_or_else(|| GitError::Bare {
                folder: git.path().to_owned(),
            })?
            .to_owned();
        let common_dir = git.commondir().to_owned();
        Ok(Self {
            git: Mutex::new(git),
            common_dir,
            work_dir,
            fetches: turn::Turn::default(),
            slow: Mutex::default(),
        })
    }

    /// Says it with this when a remote keeps git waiting; nothing is said until then.
    pub fn tell_when_slow(&self, tell: impl Fn(&str) + Send + 'static) {
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(tell));
    }

    /// Opens the repository again: libgit2 keeps commits of a shallow clone as they were.
    fn reopen(&self) -> Result<(), GitError> {
        let mut git = self.lock_git();
        *git =
            git2::Repository::open(git.path()).map_err(GitError::library("open the repository"))?;
        Ok(())
    }

    /// The root of the work tree.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// `.git`, shared by all work trees.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// `.git/fleet`: what fleet keeps on this machine.
    pub fn private_dir(&self) -> PathBuf {
        self.common_dir.join("fleet")
    }

    /// The branches by the manifest's `git`.
    pub fn branches(&self, settings: &GitSettings) -> Branches {
        Branches::new(settings)
    }

    fn lock_git(&self) -> MutexGuard<'_, git2::Repository> {
        // A panic elsewhere leaves no half-made state in libgit2's handle.
        self.git.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
