//! Who commits: the user by git's configuration, at the controller's time.

use crate::model::time::Timestamp;

use super::{GitError, Repository};

impl Repository {
    /// Checks that commits can carry a name.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`]
    pub fn check_identity(&self) -> Result<(), GitError> {
        identity(&self.lock_git(), Timestamp::from_unix(0)).map(drop)
    }

    /// `user.name`: who says what a statement says.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`]
    pub fn user_name(&self) -> Result<String, GitError> {
        let signature = identity(&self.lock_git(), Timestamp::from_unix(0))?;
        Ok(String::from_utf8_lossy(signature.name_bytes()).into_owned())
    }
}

/// Author and committer of what is committed at this time.
pub(super) fn identity(
    git: &git2::Repository,
    at: Timestamp,
) -> Result<git2::Signature<'static>, GitError> {
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
