//! The user's own `git`, for the network: never through a shell, no prompts, no hooks, no `ext::`.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::id::Revision;

use super::refs::{Branches, oid};
use super::{GitError, Repository};

/// Longest time of one fetch or push: a clone of a large repository over a slow line stays below
/// it, and a controller that hangs longer has lost its fence anyway (protocol §2: 6 minutes).
const LONGEST: Duration = Duration::from_secs(300);

/// How long what git said may still be on its way once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
        self.run_within(LONGEST, arguments)
    }

    fn run_within(&self, longest: Duration, arguments: &[&str]) -> Result<Finished, GitError> {
        let mut command = self.git_program();
        command.args(arguments);
        let program = |error: std::io::Error| GitError::Program {
            message: error.to_string(),
        };
        let mut child = command.spawn().map_err(program)?;
        let stdout = Pipe::drain(child.stdout.take());
        let stderr = Pipe::drain(child.stderr.take());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(program)? {
                break Some(status);
            }
            if start.elapsed() > longest {
                child.kill().map_err(program)?;
                child.wait().map_err(program)?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (stdout, stderr) = (stdout.finish(), stderr.finish());
        Ok(match status {
            Some(status) => Finished {
                success: status.success(),
                stdout,
                stderr,
            },
            None => Finished {
                success: false,
                stdout,
                stderr: format!("no end after {} s", longest.as_secs()),
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
        let shallow = self.lock_git().is_shallow();
        let mut wanted = Vec::new();
        for (theirs, ours) in &pairs {
            let there = listed.stdout.lines().find_map(|line| {
                let (id, name) = line.split_once('\t')?;
                (name == theirs).then(|| Revision::new(id))
            });
            let here = self.tip(ours)?;
            match there {
                Some(there) if shallow || Some(&there) != here.as_ref() => {
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
        if shallow {
            arguments.push("--unshallow");
        }
        arguments.extend(["--end-of-options", remote]);
        arguments.extend(wanted.iter().map(String::as_str));
        let fetched = self.run(&arguments)?;
        match fetched.success {
            true if shallow => self.reopen(),
            true => Ok(()),
            false if shallow => Err(GitError::Shallow {
                message: one_line(&fetched.stderr),
            }),
            false => Err(unreachable(&fetched.stderr)),
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
        self.remote_exists(remote)?;
        let commit = oid(commit)?;
        let refspec = format!("{commit}:refs/heads/{branch}");
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

/// What git says, read beside it so that it never waits for a reader.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Pipe {
    fn drain(from: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = channel::<()>();
        let into = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let _ends_with_the_thread = end;
            let Some(mut from) = from else { return };
            let mut chunk = [0; 4096];
            // A pipe that breaks gives what came before.
            while let Ok(read @ 1..) = from.read(&mut chunk) {
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                into.extend(chunk.iter().take(read));
            }
        });
        Self { bytes, ended }
    }

    /// What was said by the end of git. Its end is not always the pipe's: an SSH connection that
    /// is kept for the next time, or one that hangs, has it too.
    fn finish(self) -> String {
        let _ended_or_kept = self.ended.recv_timeout(LAST_WORDS);
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    /// Runs `git ls-remote` through a script; gives what it said and the process that the script
    /// named and that must still run by then.
    fn list_through(longest: Duration, script: &str) -> (Finished, Process) {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(folder.path()).unwrap();
        let repository = Repository::discover(git.path()).unwrap();
        let path = folder.path().join("script");
        let pid = folder.path().join("pid");
        let text = format!(
            "#!/bin/sh\n{}",
            script.replace("PID", &pid.to_string_lossy())
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let script = format!("--upload-pack={}", path.display());
        let remote = folder.path().to_str().unwrap();
        let finished = repository
            .run_within(longest, &["ls-remote", &script, remote])
            .unwrap();
        let process = Process(fs::read_to_string(pid).unwrap().trim().to_owned());
        assert!(Path::new("/proc").join(&process.0).exists());
        (finished, process)
    }

    struct Process(String);

    impl Drop for Process {
        fn drop(&mut self) {
            let _gone = Command::new("kill").args(["-9", &self.0]).status();
        }
    }

    #[test]
    fn a_remote_that_never_answers_is_left() {
        let script = "echo $$ > PID\nexec sleep 60\n";
        let (finished, _process) = list_through(Duration::from_secs(2), script);
        assert!(!finished.success);
        assert_eq!(finished.stderr, "no end after 2 s");
    }

    #[test]
    fn a_connection_that_is_kept_open_is_not_waited_for() {
        let script = "sleep 60 < /dev/null > /dev/null &\necho $! > PID\n\
                      echo said >&2\nexec git-upload-pack \"$@\"\n";
        let (finished, _process) = list_through(LONGEST, script);
        assert!(finished.success);
        assert_eq!(finished.stderr, "said\n");
    }
}
