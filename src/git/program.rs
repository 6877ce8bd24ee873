//! The user's own `git`, for the network: never through a shell, no prompts, no hooks, no `ext::`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::model::id::Revision;

use super::refs::{Branches, oid};
use super::{GitError, Repository};

/// Longest time of one fetch or push: a clone of a large repository over a slow line stays below
/// it, and a controller that hangs longer has lost its fence anyway (protocol §2: 6 minutes).
const LONGEST: Duration = Duration::from_secs(300);

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote said that it is in.
    Accepted,
    /// The remote has something else there by now.
    Behind,
    /// A hook or a rule of the remote said no.
    Rejected(String),
    /// No clear answer: it may be in.
    Unclear(String),
}

struct Finished {
    success: bool,
    stdout: String,
    stderr: String,
}

impl Repository {
    fn git_program(&self) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--git-dir")
            .arg(&self.common_dir)
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "protocol.ext.allow=never",
                "-c",
                "core.fsmonitor=false",
            ])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GCM_INTERACTIVE", "never")
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Finished, GitError> {
        let mut command = self.git_program();
        command.args(arguments);
        let program = |error: std::io::Error| GitError::Program {
            message: error.to_string(),
        };
        let mut child = command.spawn().map_err(program)?;
        let mut stdout = child.stdout.take();
        let mut stderr = child.stderr.take();
        let read_out = std::thread::spawn(move || read_all(stdout.as_mut()));
        let read_err = std::thread::spawn(move || read_all(stderr.as_mut()));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(program)? {
                break Some(status);
            }
            if start.elapsed() > LONGEST {
                child.kill().map_err(program)?;
                child.wait().map_err(program)?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let stdout = read_out.join().unwrap_or_default();
        let stderr = read_err.join().unwrap_or_default();
        Ok(match status {
            Some(status) => Finished {
                success: status.success(),
                stdout,
                stderr,
            },
            None => Finished {
                success: false,
                stdout,
                stderr: format!("no end after {} s", LONGEST.as_secs()),
            },
        })
    }

    /// Brings the branches that moved at the remote into fleet's own refs; one `ls-remote` where
    /// none did. A ref whose branch is gone at the remote is removed.
    pub(crate) fn fetch(&self, branches: &Branches) -> Result<(), GitError> {
        let Some(remote) = &branches.remote else {
            return Ok(());
        };
        self.remote_exists(remote)?;
        let pairs = [
            (
                format!("refs/heads/{}", branches.desired_branch),
                branches.desired_ref(),
            ),
            (
                format!("refs/heads/{}", branches.ledger_branch),
                branches.ledger_ref(),
            ),
            (
                format!("refs/heads/{}", branches.statements_branch),
                branches.statements_ref(),
            ),
        ];
        let mut arguments = vec!["ls-remote", "--refs", "--end-of-options", remote];
        arguments.extend(pairs.iter().map(|(theirs, _)| theirs.as_str()));
        let unreachable = |stderr: &str| GitError::Unreachable {
            remote: remote.clone(),
            message: one_line(stderr),
        };
        let listed = self.run(&arguments)?;
        if !listed.success {
            return Err(unreachable(&listed.stderr));
        }
        let mut wanted = Vec::new();
        for (theirs, ours) in &pairs {
            let there = listed.stdout.lines().find_map(|line| {
                let (id, name) = line.split_once('\t')?;
                (name == theirs).then(|| Revision::new(id))
            });
            let here = self.tip(ours)?;
            match there {
                Some(there) if Some(&there) != here.as_ref() => {
                    wanted.push(format!("+{theirs}:{ours}"));
                }
                None if here.is_some() => self.remove_ref(ours)?,
                _ => {}
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ];
        let shallow = self.lock_git().is_shallow();
        if shallow {
            arguments.push("--unshallow");
        }
        arguments.extend(["--end-of-options", remote]);
        arguments.extend(wanted.iter().map(String::as_str));
        let fetched = self.run(&arguments)?;
        match fetched.success {
            true => Ok(()),
            false if shallow => Err(GitError::Shallow {
                message: one_line(&fetched.stderr),
            }),
            false => Err(unreachable(&fetched.stderr)),
        }
    }

    /// Pushes a commit to a branch, fast-forward only.
    pub(crate) fn push(
        &self,
        remote: &str,
        commit: &Revision,
        branch: &str,
    ) -> Result<PushOutcome, GitError> {
        self.remote_exists(remote)?;
        let commit = oid(commit)?;
        let refspec = format!("{commit}:refs/heads/{branch}");
        let pushed = self.run(&[
            "push",
            "--porcelain",
            "--no-verify",
            "--recurse-submodules=no",
            "--end-of-options",
            remote,
            &refspec,
        ])?;
        if pushed.success {
            return Ok(PushOutcome::Accepted);
        }
        let verdict = pushed
            .stdout
            .lines()
            .find(|line| line.starts_with('!'))
            .unwrap_or("");
        Ok(
            if verdict.contains("[rejected]")
                || verdict.contains("failed to update ref")
                || verdict.contains("cannot lock ref")
            {
                PushOutcome::Behind
            } else if verdict.contains("[remote rejected]") {
                let said = verdict.rsplit('\t').next().unwrap_or(verdict);
                let lines: Vec<&str> = pushed
                    .stderr
                    .lines()
                    .filter_map(|line| line.strip_prefix("remote: "))
                    .map(str::trim)
                    .filter(|l| !l.is_empty())
                    .collect();
                PushOutcome::Rejected(if lines.is_empty() {
                    said.to_owned()
                } else {
                    format!("{said}: {}", lines.join(" "))
                })
            } else {
                PushOutcome::Unclear(one_line(&pushed.stderr))
            },
        )
    }

    fn remote_exists(&self, remote: &str) -> Result<(), GitError> {
        match self.lock_git().find_remote(remote) {
            Ok(_) => Ok(()),
            Err(_) => Err(GitError::NoRemote {
                remote: remote.to_owned(),
            }),
        }
    }

    pub(crate) fn remove_ref(&self, reference: &str) -> Result<(), GitError> {
        let git = self.lock_git();
        match git.find_reference(reference) {
            Ok(mut found) => found.delete().map_err(GitError::library("remove a ref")),
            Err(_) => Ok(()),
        }
    }
}

fn read_all(from: Option<&mut impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // A pipe that breaks gives what came before.
        let _partial = from.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The line of git's words that says most: the first `fatal:` or `error:`, else the last.
fn one_line(stderr: &str) -> String {
    let lines = || {
        stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    lines()
        .find_map(|line| {
            line.strip_prefix("fatal: ")
                .or_else(|| line.strip_prefix("error: "))
        })
        .or_else(|| lines().next_back())
        .unwrap_or("git said nothing")
        .to_owned()
}
