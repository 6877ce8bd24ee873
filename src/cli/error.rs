//! Why a command did not do what it was asked, as an exit code and as lines on stderr.
//!
//! Every error of the library becomes a [`CliError`] here and nowhere else: the kind decides the
//! exit code, the chain of sources becomes `caused by:`, and what can be done about it `hint:`.

use std::fmt;

use crate::git::{self, GitError};
use crate::ledger::LedgerError;
use crate::reconcile::ReconcileError;
use crate::rollout::DesiredError;
use crate::sandbox::SandboxError;
use crate::transport::TransportError;

/// How a command ended. The numbers are part of the interface (`docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Exit {
    /// Done; for `plan` also with changes.
    Done,
    /// An error without a code of its own.
    Error,
    /// `plan --detailed-exitcode` with changes.
    Changes,
    /// Manifests or templates are invalid.
    Invalid,
    /// A rollout failed, rolled back, paused on failures or was aborted.
    Failed,
    /// A gate, another controller, blocked or unknown hosts, a person, something newer.
    Held,
    /// git or AWS could not be reached or refused us.
    Unreachable,
    /// Wrong usage.
    Usage,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Invalid => 3,
            Self::Failed => 4,
            Self::Held => 5,
            Self::Unreachable => 6,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }

    /// What several environments give together: the first of 130, 64, 1, 3, 6, 4, 5, 2, 0 that occurred.
    pub(crate) fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        const ORDER: [Exit; 9] = [
            Exit::Interrupted,
            Exit::Usage,
            Exit::Error,
            Exit::Invalid,
            Exit::Unreachable,
            Exit::Failed,
            Exit::Held,
            Exit::Changes,
            Exit::Done,
        ];
        let place = |exit: &Self| ORDER.iter().position(|other| other == exit);
        exits.into_iter().min_by_key(place).unwrap_or(Self::Done)
    }
}

/// Why a command gave up.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    /// None where everything was said already.
    error: Option<anyhow::Error>,
    hints: Vec<String>,
}

impl CliError {
    /// An error with the exit code of its kind.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: Some(error.into()),
            hints: Vec::new(),
        }
    }

    /// Wrong usage that clap cannot see.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, anyhow::anyhow!("{message}"))
    }

    /// Another error in words.
    pub(crate) fn other(exit: Exit, message: impl fmt::Display) -> Self {
        Self::new(exit, anyhow::anyhow!("{message}"))
    }

    /// An exit code whose reason is on the terminal already.
    pub(crate) const fn said(exit: Exit) -> Self {
        Self {
            exit,
            error: None,
            hints: Vec::new(),
        }
    }

    /// Adds what can be done about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// `error: …`, `caused by: …`, `hint: …`, every line ended; empty where it was said already.
    pub(crate) fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(error) = &self.error {
            lines.push(format!("error: {error}"));
            let mut last = error.to_string();
            for cause in error.chain().skip(1) {
                let cause = cause.to_string();
                // libgit2 ends its words with numbers of its own.
                let cause = cause
                    .split("; class=")
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                // Errors of others repeat their source in their own words, or say nothing.
                if !last.contains(&cause) && !EMPTY_WORDS.contains(&cause.as_str()) {
                    lines.push(format!("caused by: {cause}"));
                }
                last = cause;
            }
        }
        lines.extend(self.hints.iter().map(|hint| format!("hint: {hint}")));
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

/// Links of the SDK's chains that only say that there is another one.
const EMPTY_WORDS: [&str; 4] = ["dispatch failure", "other", "io error", "service error"];

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Error, error)
    }
}

impl From<GitError> for CliError {
    fn from(error: GitError) -> Self {
        let exit = match error {
            GitError::Unreachable { .. }
            | GitError::Refused { .. }
            | GitError::NotPushed { .. }
            | GitError::NoRemoteBranch { .. }
            | GitError::NoRemote { .. } => Exit::Unreachable,
            GitError::NoRevision { .. } | GitError::BadBranch { .. } => Exit::Usage,
            _ => Exit::Error,
        };
        let hint = error.hint();
        let error = Self::new(exit, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        let (exit, hint) = match &error {
            LedgerError::Unreachable { remote, .. } => {
                (Exit::Unreachable, Some(format!("try: git ls-remote {remote}")))
            }
            LedgerError::Refused { remote, .. } => (Exit::Unreachable, Some(git::access(remote))),
            LedgerError::Rejected { branch, .. } => (
                Exit::Unreachable,
                Some(format!("fleet needs to push to {branch}: look at permissions, hooks and branch protection")),
            ),
            LedgerError::Rewritten { .. } | LedgerError::Corrupt { .. } => (
                Exit::Error,
                Some("put the branch back, or ask the hosts what runs there: fleet observe --rebuild".to_owned()),
            ),
            LedgerError::Newer { .. } => (Exit::Error, Some("install a newer fleet".to_owned())),
            LedgerError::Git { source, .. } => (Exit::Error, hint_of(source.as_ref())),
        };
        let error = Self::new(exit, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Where git is the cause, it knows what to do.
fn hint_of(source: &(dyn std::error::Error + Send + Sync + 'static)) -> Option<String> {
    source.downcast_ref::<GitError>()?.hint()
}

impl From<TransportError> for CliError {
    fn from(error: TransportError) -> Self {
        let (exit, hint) = match &error {
            TransportError::Unreachable { .. } | TransportError::Ambiguous { .. } => (
                Exit::Unreachable,
                "nothing is lost: the same command again finds out what ran and goes on",
            ),
            TransportError::Credentials { .. } => (
                Exit::Unreachable,
                "set AWS_PROFILE or log in; `aws sts get-caller-identity` shows who you are",
            ),
            TransportError::AccessDenied { .. } => (
                Exit::Unreachable,
                "docs/permissions.md lists what fleet needs",
            ),
            TransportError::Throttled { .. } => (Exit::Unreachable, "try again later"),
            TransportError::TooLarge { .. } => (
                Exit::Error,
                "move large files out of the template: scripts can download them",
            ),
            TransportError::Rejected { .. }
            | TransportError::Payload { .. }
            | TransportError::Platform { .. } => {
                return Self::new(Exit::Error, error);
            }
        };
        Self::new(exit, error).hint(hint)
    }
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        let (exit, hint) = match &error {
            SandboxError::InUse { .. } => {
                (Exit::Error, "commands use the running one by themselves")
            }
            SandboxError::Corrupt { .. } => (
                Exit::Error,
                "delete .fleet/sandbox to start with empty hosts",
            ),
            SandboxError::NotLoopback { .. } => (Exit::Usage, "give 127.0.0.1 or [::1]"),
            SandboxError::Unreachable { .. } => (
                Exit::Unreachable,
                "end the process that owns the sandbox, or wait for it",
            ),
            SandboxError::Faults { .. } => (Exit::Usage, "docs/sandbox.md lists the faults"),
            SandboxError::Refused { .. } => return Self::new(Exit::Unreachable, error),
            SandboxError::Folder { .. } | SandboxError::Listen { .. } => {
                return Self::new(Exit::Error, error);
            }
        };
        Self::new(exit, error).hint(hint)
    }
}

impl From<DesiredError> for CliError {
    fn from(error: DesiredError) -> Self {
        let (exit, hint) = match &error {
            DesiredError::Unreachable(source) => (Exit::Unreachable, hint_of(source.as_ref())),
            DesiredError::Unreadable(source) => (Exit::Error, hint_of(source.as_ref())),
            DesiredError::Invalid { .. } => (Exit::Invalid, Some("fleet validate".to_owned())),
        };
        let error = Self::new(exit, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<ReconcileError> for CliError {
    fn from(error: ReconcileError) -> Self {
        let (exit, hint) = match error {
            ReconcileError::Ledger(error) => return error.into(),
            ReconcileError::Transport(error) => return error.into(),
            ReconcileError::Desired(error) => return error.into(),
            ReconcileError::NoEnvironment { .. } => (Exit::Usage, "somebody removed it just now"),
            ReconcileError::Invalid { .. } | ReconcileError::Render { .. } => {
                (Exit::Invalid, "fleet validate")
            }
            ReconcileError::PlanChanged { .. } => (Exit::Error, "look at the new one: fleet plan"),
            ReconcileError::Contested(..) => (Exit::Held, "try again; one of them is at work"),
            ReconcileError::ClockSkew(_) => (Exit::Error, "set this machine's clock"),
        };
        Self::new(exit, error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_environments_give_the_first_in_the_table() {
        use Exit::{Changes, Done, Error, Failed, Held, Invalid, Unreachable};
        for (exits, worst) in [
            (&[][..], Done),
            (&[Done, Held, Failed], Failed),
            (&[Failed, Unreachable], Unreachable),
            (&[Unreachable, Invalid], Invalid),
            (&[Invalid, Error], Error),
            (&[Done, Changes], Changes),
        ] {
            assert_eq!(Exit::worst(exits.iter().copied()), worst, "{exits:?}");
        }
    }

    #[test]
    fn an_error_reads_from_what_to_why_to_what_now() {
        let cause = std::io::Error::other("no space left on device");
        let error = CliError::new(
            Exit::Error,
            anyhow::Error::new(cause).context("could not write a.txt"),
        )
        .hint("make room");
        assert_eq!(
            error.text(),
            "error: could not write a.txt\ncaused by: no space left on device\nhint: make room\n"
        );
    }
}
