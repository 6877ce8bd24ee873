//! What git cannot do here, in words that name the object.

use std::path::PathBuf;

use crate::model::id::Revision;

/// Why git could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No `.git` here or above.
    #[error("{} is not in a git repository", folder.display())]
    NotARepository {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// git refuses repositories of other users.
    #[error("{} belongs to another user", folder.display())]
    NotOwned {
        /// The repository.
        folder: PathBuf,
    },
    /// fleet reads a work tree's repository.
    #[error("{} is a bare repository", folder.display())]
    Bare {
        /// The repository.
        folder: PathBuf,
    },
    /// Not one commit yet.
    #[error("the repository has no commit yet")]
    Empty,
    /// The desired branch is missing at the remote.
    #[error("remote {remote} has no branch {branch}")]
    NoRemoteBranch {
        /// The remote's name.
        remote: String,
        /// Which branch.
        branch: String,
    },
    /// `git.remote` names nothing.
    #[error("the repository has no remote {remote}")]
    NoRemote {
        /// Its name.
        remote: String,
    },
    /// `user.name` or `user.email` is missing.
    #[error("git does not know who you are: {missing} is not set")]
    NoIdentity {
        /// Which setting.
        missing: &'static str,
    },
    /// The remote gave no answer.
    #[error("could not reach remote {remote}: {message}")]
    Unreachable {
        /// Its name.
        remote: String,
        /// What git said, one line.
        message: String,
    },
    /// The remote was reached and does not let us in.
    #[error("remote {remote} refuses us: {message}")]
    Refused {
        /// Its name.
        remote: String,
        /// What git said, one line.
        message: String,
    },
    /// A branch with a desired commit is here and not at the remote.
    #[error("{branch} is committed here, but remote {remote} did not take it: {message}")]
    NotPushed {
        /// Which branch.
        branch: String,
        /// The remote's name.
        remote: String,
        /// What the remote or git said.
        message: String,
    },
    /// History ends before its beginning, and could not be deepened.
    #[error("the clone is shallow and could not be deepened: {message}")]
    Shallow {
        /// What git said.
        message: String,
    },
    /// A name of a revision that git does not know.
    #[error("{name:?} names no commit")]
    NoRevision {
        /// What was asked for.
        name: String,
    },
    /// A branch name that git does not allow.
    #[error("{name:?} is not a branch name")]
    BadBranch {
        /// The name.
        name: String,
    },
    /// A branch of that name is there already.
    #[error("branch {name} exists already")]
    BranchExists {
        /// The name.
        name: String,
    },
    /// `a` and `a/b` cannot both be branches.
    #[error("{reference} cannot be made beside {other}")]
    BranchInTheWay {
        /// What was to be made.
        reference: String,
        /// What is there.
        other: String,
    },
    /// A partial clone without some file.
    #[error("the clone lacks files of commit {revision}")]
    Incomplete {
        /// Which commit.
        revision: Revision,
    },
    /// Branches here cannot be watched.
    #[error("could not watch the branches of this repository: {message}")]
    Watch {
        /// What the system said.
        message: String,
    },
    /// Another git holds a ref's lock file, or died with it.
    #[error("a ref is locked: {message}")]
    RefLocked {
        /// Which, in git's words.
        message: String,
    },
    /// A merge, rebase or the like is not finished.
    #[error("the work tree is in the middle of a {what}")]
    Unfinished {
        /// Of what.
        what: &'static str,
    },
    /// More than any fleet repository has: nobody may fill the memory through a pull request.
    #[error("fleet.yaml, environments/ and templates/ hold more than {limit}")]
    TooMuch {
        /// Files or bytes, in words.
        limit: &'static str,
    },
    /// A file that would be overwritten has changes that are not committed.
    #[error("{path} has changes that are not committed")]
    Dirty {
        /// Path from the repository's root.
        path: String,
    },
    /// `--direct` without a branch to commit to.
    #[error("HEAD is detached at {revision}")]
    Detached {
        /// Where it stands.
        revision: Revision,
    },
    /// `--direct` on another branch than the desired one.
    #[error("branch {current} is checked out, and the desired branch is {desired}")]
    OtherBranch {
        /// The checked-out one.
        current: String,
        /// The manifest's.
        desired: String,
    },
    /// A ref moved between reading and writing it.
    #[error("branch {branch} moved while it was written")]
    Moved {
        /// Which branch.
        branch: String,
    },
    /// The `git` program is missing or did not end.
    #[error("could not run git: {message}")]
    Program {
        /// What happened.
        message: String,
    },
    /// A file of the repository cannot be read or written.
    #[error("could not {what} {}", path.display())]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Anything else that libgit2 reports.
    #[error("git could not {what}")]
    Library {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: git2::Error,
    },
}

impl GitError {
    /// Turns libgit2's errors into ours.
    pub(super) fn library(what: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Library { what, source }
    }

    /// How to mend it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotARepository { .. } => {
                "run it inside a fleet repository, or name one with --repo; `fleet init` makes one"
                    .to_owned()
            }
            Self::NotOwned { folder } => format!(
                "if you trust it: git config --global --add safe.directory {}",
                folder.display()
            ),
            // Reftable, SHA-256.
            Self::Library { source, .. } if source.message().contains("extension") => {
                "libgit2 does not know this form of repository; make a plain clone of it, without \
                 --ref-format and --object-format"
                    .to_owned()
            }
            Self::Bare { .. } => "clone it and run fleet in the clone".to_owned(),
            Self::Empty => "commit the manifests first: git add -A && git commit".to_owned(),
            Self::NoRemoteBranch { remote, branch } => {
                format!("push it: git push {remote} {branch}; or set git.branch in fleet.yaml")
            }
            Self::NoRemote { remote } => format!(
                "add it: git remote add {remote} URL; or write `git: {{ remote: none }}` in fleet.yaml"
            ),
            Self::NoIdentity { missing } => {
                format!("set it: git config --global {missing} …; the ledger's commits carry it")
            }
            // Whatever wrote the ref or the file died with its lock.
            Self::Library { source, .. } if source.code() == git2::ErrorCode::Locked => {
                let file = match source.class() {
                    git2::ErrorClass::Index => ".git/index.lock",
                    _ => "its .lock file",
                };
                format!("another git is at work; where none is running any more, remove {file}")
            }
            Self::Library { source, .. } if source.class() == git2::ErrorClass::Reference => {
                "`git fsck` says what is broken; remove that file below .git to do without the ref"
                    .to_owned()
            }
            Self::NotPushed { branch, remote, .. } => {
                format!("try again: git push {remote} {branch}")
            }
            Self::Unreachable { remote, .. } => format!("try: git ls-remote {remote}"),
            Self::Refused { remote, .. } => access(remote),
            Self::Shallow { .. } => "make the clone whole: git fetch --unshallow".to_owned(),
            Self::NoRevision { .. } => {
                "give a branch, a tag or a commit of this repository".to_owned()
            }
            Self::BranchExists { name } => {
                format!("merge it or delete it first: git branch -D {name}")
            }
            Self::Dirty { path } => format!("commit it, or put it aside: git stash push -- {path}"),
            Self::Detached { .. } => {
                "check out the desired branch, or leave out --direct".to_owned()
            }
            Self::OtherBranch { desired, .. } => {
                format!("git switch {desired}, or leave out --direct")
            }
            Self::BranchInTheWay { other, .. } => format!(
                "give that branch another name: git branch -m {} NAME",
                other.trim_start_matches("refs/heads/")
            ),
            Self::Incomplete { .. } => {
                "fetch what a partial clone left out: git fetch --refetch --no-filter".to_owned()
            }
            Self::RefLocked { .. } => {
                "where no git is running any more, remove the .lock file of that ref".to_owned()
            }
            Self::Unfinished { .. } => "finish or abort it first; `git status` says how".to_owned(),
            Self::Program { .. } => {
                "fleet needs git on PATH: it fetches, pushes and commits with it".to_owned()
            }
            Self::Moved { .. } => "somebody committed at the same time; try again".to_owned(),
            _ => return None,
        })
    }
}

/// What to look at where a remote does not let us in.
pub(crate) fn access(remote: &str) -> String {
    format!("look at your key or token: `git ls-remote {remote}` has to work, and fleet pushes too")
}
