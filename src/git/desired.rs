//! Which commit is desired (design.md §2): the remote's branch as just fetched, or the local one.

use crate::model::desired::GitSettings;
use crate::model::id::Revision;
use crate::model::time::Timestamp;

use super::refs::{find, oid, revision};
use super::{Branches, GitError, Repository};

/// A commit of the desired branch, with what people want to see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The commit.
    pub revision: Revision,
    /// First line of its message.
    pub subject: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
    /// Something a person may have overlooked, such as a local branch that is ahead.
    pub hint: Option<String>,
    /// The commit that the fetch before this one brought, where the branch no longer has it: people
    /// who rewrite a branch that hosts follow should read a warning.
    pub rewritten: Option<Revision>,
}

impl Repository {
    /// Fetches, and gives the desired commit.
    ///
    /// # Errors
    /// Among others: [`GitError::Unreachable`], [`GitError::NoRemoteBranch`], [`GitError::Empty`].
    pub fn desired(&self, settings: &GitSettings) -> Result<Desired, GitError> {
        let branches = Branches::new(settings);
        let before = match branches.remote {
            Some(_) => self.tip(&branches.desired_ref())?,
            None => None,
        };
        self.fetch(&branches)?;
        let mut desired = self.desired_as_fetched(&branches)?;
        if let Some(before) = before
            && !self.contains(&desired.revision, &before)?
        {
            desired.rewritten = Some(before);
        }
        Ok(desired)
    }

    /// The desired commit as of the last fetch.
    pub fn desired_as_fetched(&self, branches: &Branches) -> Result<Desired, GitError> {
        let tip = self.tip(&branches.desired_ref())?;
        match (&branches.remote, tip) {
            (_, Some(tip)) => {
                let hint = self.ahead(branches, &tip)?;
                self.describe(&tip, hint)
            }
            (Some(remote), None) => Err(GitError::NoRemoteBranch {
                remote: remote.clone(),
                branch: branches.desired_branch.clone(),
            }),
            (None, None) => {
                let head = self.head()?;
                self.describe(&head, None)
            }
        }
    }

    /// What people want to see of a commit.
    pub fn describe(&self, at: &Revision, hint: Option<String>) -> Result<Desired, GitError> {
        let git = self.lock_git();
        let commit = find(&git, at)?;
        Ok(Desired {
            revision: at.clone(),
            subject: String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default())
                .into_owned(),
            author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
            at: Timestamp::from_unix(commit.time().seconds()),
            hint,
            rewritten: None,
        })
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<Revision, GitError> {
        let git = self.lock_git();
        let head =
            git.head()
                .and_then(|head| head.peel_to_commit())
                .map_err(|error| match error.code() {
                    git2::ErrorCode::UnbornBranch | git2::ErrorCode::NotFound => GitError::Empty,
                    _ => GitError::Library {
                        what: "read HEAD",
                        source: error,
                    },
                })?;
        Ok(revision(head.id()))
    }

    /// Where local commits stand that the remote does not have: they are not desired yet.
    fn ahead(&self, branches: &Branches, desired: &Revision) -> Result<Option<String>, GitError> {
        let Some(remote) = &branches.remote else {
            return Ok(None);
        };
        let branch = &branches.desired_branch;
        let Some(local) = self.tip(&format!("refs/heads/{branch}"))? else {
            return Ok(None);
        };
        let (ahead, behind) = self
            .lock_git()
            .graph_ahead_behind(oid(&local)?, oid(desired)?)
            .map_err(GitError::library("compare two commits"))?;
        let commits = match (ahead, behind) {
            (1, 0) => "1 commit".to_owned(),
            (2.., 0) => format!("{ahead} commits"),
            // Level, behind, or elsewhere: the remote's branch may have been rewritten.
            _ => return Ok(None),
        };
        Ok(Some(format!(
            "local branch {branch} is {commits} ahead of {remote}; desired is what {remote} has: git push {remote} {branch}"
        )))
    }
}
