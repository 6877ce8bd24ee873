//! Fetch and push of the three branches, and what git's words about them mean.

use std::time::Duration;

use crate::model::id::Revision;

use super::refs::{Branches, oid};
use super::{GitError, Repository};

/// How often a fetch is tried while another process of this repository writes the same refs.
const TRIES: u32 = 20;

/// Pause between two tries; a ref is written in well under a millisecond.
const PAUSE: Duration = Duration::from_millis(25);

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    /// The remote said that it is in.
    Accepted,
    /// The remote has something else there, or somebody writes it at this moment; in its words.
    Behind(String),
    /// Permissions, a hook or a rule of the remote said no.
    Rejected(String),
    /// No clear answer: it may be in.
    Unclear(String),
}

enum Fetched {
    Done,
    Locked(String),
}

impl Repository {
    /// Brings the branches that moved at the remote into fleet's own refs; one `ls-remote` where
    /// none did. A ref whose branch is gone at the remote is removed.
    pub(crate) fn fetch(&self, branches: &Branches) -> Result<(), GitError> {
        let Some(remote) = &branches.remote else {
            return Ok(());
        };
        self.check_remote(remote)?;
        let ticket = self.fetches.ask();
        let answer = || self.fetch_now(remote, branches);
        self.fetches.answer(ticket, answer)
    }

    fn fetch_now(&self, remote: &str, branches: &Branches) -> Result<(), GitError> {
        let mut message = String::new();
        for _ in 0..TRIES {
            match self.fetch_once(remote, branches)? {
                Fetched::Done => return Ok(()),
                Fetched::Locked(said) => message = said,
            }
            std::thread::sleep(PAUSE);
        }
        Err(GitError::RefLocked { message })
    }

    fn fetch_once(&self, remote: &str, branches: &Branches) -> Result<Fetched, GitError> {
        let pairs = [
            (&branches.desired_branch, branches.desired_ref()),
            (&branches.ledger_branch, branches.ledger_ref()),
            (&branches.statements_branch, branches.statements_ref()),
        ]
        .map(|(branch, ours)| (format!("refs/heads/{branch}"), ours));
        // Before the remote is asked: what another process writes meanwhile is newer than its
        // answer.
        let before = [
            self.tip(&pairs[0].1)?,
            self.tip(&pairs[1].1)?,
            self.tip(&pairs[2].1)?,
        ];
        let mut arguments = vec!["ls-remote", "--refs", "--end-of-options", remote];
        arguments.extend(pairs.iter().map(|(theirs, _)| theirs.as_str()));
        let unreachable = |stderr: &str| {
            let (remote, message) = (remote.to_owned(), gist(stderr));
            match is_refusal(stderr) {
                true => GitError::Refused { remote, message },
                false => GitError::Unreachable { remote, message },
            }
        };
        let listed = self.run(&arguments)?;
        if !listed.success {
            return Err(unreachable(&listed.stderr));
        }
        let shallow = self.lock_git().is_shallow();
        let mut wanted = Vec::new();
        for ((theirs, ours), here) in pairs.iter().zip(&before) {
            let there = listed.stdout.lines().find_map(|line| {
                let (id, name) = line.split_once('\t')?;
                (name == theirs).then(|| Revision::new(id))
            });
            match there {
                // What is known of a shallow clone may end too early.
                Some(there) if shallow || Some(&there) != here.as_ref() => {
                    wanted.push(format!("+{theirs}:{ours}"));
                }
                None if here.is_some() && self.tip(ours)? == *here => self.remove_ref(ours)?,
                _ => {}
            }
        }
        if wanted.is_empty() {
            return Ok(Fetched::Done);
        }
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            // Also into a partial clone: libgit2 does not fetch what is missing when it is read.
            "--no-filter",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ];
        if shallow {
            arguments.push("--unshallow");
        }
        arguments.extend(["--end-of-options", remote]);
        arguments.extend(wanted.iter().map(String::as_str));
        let fetched = self.run(&arguments)?;
        if fetched.success {
            if shallow {
                self.reopen()?;
            }
            Ok(Fetched::Done)
        } else if fetched.stderr.contains("cannot lock ref") {
            Ok(Fetched::Locked(gist(&fetched.stderr)))
        } else if shallow {
            Err(GitError::Shallow {
                message: gist(&fetched.stderr),
            })
        } else {
            Err(unreachable(&fetched.stderr))
        }
    }

    /// Moves a branch of a remote from `from`, its parent, to a commit: so it is fast-forward, and
    /// what was rewritten or removed there meanwhile stays as it is.
    pub(crate) fn push(
        &self,
        remote: &str,
        branch: &str,
        from: Option<&Revision>,
        commit: &Revision,
    ) -> Result<PushOutcome, GitError> {
        self.check_remote(remote)?;
        let refspec = format!("{}:refs/heads/{branch}", oid(commit)?);
        // The name of the option says more than it does here: only that the old value is compared.
        let from = from.map_or("", Revision::as_str);
        let compare = format!("--force-with-lease=refs/heads/{branch}:{from}");
        let pushed = self.run(&[
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            &compare,
            "--recurse-submodules=no",
            "--end-of-options",
            remote,
            &refspec,
        ])?;
        Ok(match pushed.success {
            true => PushOutcome::Accepted,
            false => judge(&pushed.stdout, &pushed.stderr),
        })
    }

    fn check_remote(&self, remote: &str) -> Result<(), GitError> {
        match self.lock_git().find_remote(remote) {
            Ok(_) => Ok(()),
            Err(_) => Err(GitError::NoRemote {
                remote: remote.to_owned(),
            }),
        }
    }
}

/// What a push that did not succeed has said, on the line of its branch or before there was one.
fn judge(stdout: &str, stderr: &str) -> PushOutcome {
    let Some(verdict) = stdout.lines().find(|line| line.starts_with('!')) else {
        let message = gist(stderr);
        return match is_refusal(stderr) {
            true => PushOutcome::Rejected(message),
            false => PushOutcome::Unclear(message),
        };
    };
    let said = printable(verdict.rsplit('\t').next().unwrap_or(verdict));
    // The remote's own reasons stand beside its verdict.
    let told: Vec<String> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(printable)
        .filter(|line| !line.is_empty())
        .take(5)
        .collect();
    let message = match told.is_empty() {
        true => said.clone(),
        false => format!("{said}: {}", told.join(" ")),
    };
    if said.starts_with("[rejected]")
        || said.contains("failed to update ref")
        || said.contains("cannot lock ref")
    {
        PushOutcome::Behind(message)
    } else if said.starts_with("[remote rejected]") || is_refusal(stderr) {
        PushOutcome::Rejected(message)
    } else {
        PushOutcome::Unclear(message)
    }
}

/// Whether a remote that was reached does not let us in: to try again changes nothing.
fn is_refusal(stderr: &str) -> bool {
    let stderr = stderr.to_lowercase();
    [
        "returned error: 401",
        "returned error: 403",
        "authentication failed",
        // A prompt for a name is git's answer to a 401.
        "could not read username",
        "could not read password",
        "permission denied",
        "denied to",
        "not allowed to push",
        "insufficient permission",
        "unauthorized",
        "read-only",
        "read only",
    ]
    .iter()
    .any(|words| stderr.contains(words))
}

/// The line of git's words that says most: the first `fatal:` or `error:`, else the last. Where
/// that line only says that it did not work, the one before it says why.
fn gist(stderr: &str) -> String {
    let lines: Vec<String> = stderr
        .lines()
        .map(printable)
        .filter(|line| !line.is_empty())
        .collect();
    let word = |line: &str| {
        line.strip_prefix("fatal: ")
            .or_else(|| line.strip_prefix("error: "))
            .map(str::to_owned)
    };
    let chosen = lines.iter().position(|line| word(line).is_some());
    match chosen.map(|at| (at, &lines[at])) {
        Some((at @ 1.., line)) if line.contains("Could not read from remote repository") => {
            lines[at - 1].clone()
        }
        Some((_, line)) => word(line).unwrap_or_default(),
        None => lines
            .last()
            .cloned()
            .unwrap_or_else(|| "git said nothing".to_owned()),
    }
}

/// Without what a terminal would obey: a remote chooses these bytes.
fn printable(line: &str) -> String {
    let line: String = line.chars().filter(|c| !c.is_control()).take(500).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_is_the_line_that_says_why() {
        for (stderr, expected) in [
            ("", "git said nothing"),
            (
                "warning: x\nfatal: '/gone' does not appear to be a git repository\nfatal: Could not read from remote repository.\n",
                "'/gone' does not appear to be a git repository",
            ),
            (
                "git@host: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n\nPlease make sure…\n",
                "git@host: Permission denied (publickey).",
            ),
            (
                "fatal: Could not read from remote repository.\n",
                "Could not read from remote repository.",
            ),
            ("one\n\u{1b}[31mtwo\n\n", "[31mtwo"),
        ] {
            assert_eq!(gist(stderr), expected, "{stderr}");
        }
    }

    #[test]
    fn only_a_clear_no_is_a_no() {
        let line = |said: &str| format!("To /r\n!\tabc:refs/heads/fleet/observed\t{said}\nDone\n");
        let behind = |said: &str| PushOutcome::Behind(said.to_owned());
        let rejected = |said: &str| PushOutcome::Rejected(said.to_owned());
        let unclear = |said: &str| PushOutcome::Unclear(said.to_owned());
        for (stdout, stderr, expected) in [
            (
                line("[rejected] (fetch first)"),
                "",
                behind("[rejected] (fetch first)"),
            ),
            (
                line("[rejected] (non-fast-forward)"),
                "",
                behind("[rejected] (non-fast-forward)"),
            ),
            (
                line("[remote rejected] (cannot lock ref 'x')"),
                "",
                behind("[remote rejected] (cannot lock ref 'x')"),
            ),
            (
                line("[remote rejected] (pre-receive hook declined)"),
                "remote: frozen        \nremote: \n",
                rejected("[remote rejected] (pre-receive hook declined): frozen"),
            ),
            (
                line("[remote failure] (remote failed to report status)"),
                "",
                unclear("[remote failure] (remote failed to report status)"),
            ),
            (
                String::new(),
                "fatal: unable to access 'https://h/': The requested URL returned error: 403\n",
                rejected("unable to access 'https://h/': The requested URL returned error: 403"),
            ),
            // What git says of a 401 where nobody can be asked for a name.
            (
                String::new(),
                "fatal: could not read Username for 'https://h': terminal prompts disabled\n",
                rejected("could not read Username for 'https://h': terminal prompts disabled"),
            ),
            (
                "Done\n".to_owned(),
                "error: RPC failed; HTTP 403 curl 22 The requested URL returned error: 403\nsend-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly\n",
                rejected("RPC failed; HTTP 403 curl 22 The requested URL returned error: 403"),
            ),
            (
                String::new(),
                "ERROR: The key you are authenticating with has been marked as read only.\nfatal: Could not read from remote repository.\n\nPlease make sure\n",
                rejected(
                    "ERROR: The key you are authenticating with has been marked as read only.",
                ),
            ),
            (
                String::new(),
                "git@h: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n",
                rejected("git@h: Permission denied (publickey)."),
            ),
            (
                String::new(),
                "fatal: the remote end hung up unexpectedly\n",
                unclear("the remote end hung up unexpectedly"),
            ),
            (
                String::new(),
                "fatal: no end after 300 s",
                unclear("no end after 300 s"),
            ),
        ] {
            assert_eq!(judge(&stdout, stderr), expected, "{stdout}{stderr}");
        }
    }
}
