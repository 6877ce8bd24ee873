//! What of the work tree is not committed, as git itself sees it: a file that git would write with
//! other ends of lines is no change.

use std::path::Path;

use super::tree::ROOTS;
use super::{GitError, Repository};

impl Repository {
    /// Manifests and templates that differ from the commit that is checked out, new ones included.
    /// It is for a hint: where git cannot tell, there is none.
    pub fn uncommitted(&self) -> Vec<String> {
        let mut options = git2::StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .exclude_submodules(true)
            .disable_pathspec_match(true);
        for root in ROOTS {
            options.pathspec(root);
        }
        let git = self.lock_git();
        let Ok(statuses) = git.statuses(Some(&mut options)) else {
            return Vec::new();
        };
        statuses
            .iter()
            .map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned())
            .collect()
    }

    /// Whether a file lies there, in the index and in the work tree, as it was committed.
    pub(super) fn is_as_committed(&self, path: &str) -> Result<bool, GitError> {
        let git = self.lock_git();
        match git.status_file(Path::new(path)) {
            Ok(status) => Ok(status == git2::Status::CURRENT),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(false),
            Err(source) => Err(GitError::library("read the status")(source)),
        }
    }
}
