//! The user's own `git` as a process: never through a shell, no prompts, no hooks, no `ext::`, and
//! an end to it. What is asked of it is [`super::network`]'s.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{GitError, Repository};

/// Longest time of one fetch or push: a clone of a large repository over a slow line stays below
/// it, and a controller that hangs longer has lost its fence anyway (protocol §2: 6 minutes).
const LONGEST: Duration = Duration::from_secs(300);

/// A remote that keeps git waiting for longer is named to the person who waits.
const SLOW: Duration = Duration::from_secs(10);

/// How long git may tidy up after it was asked to end.
const GRACE: Duration = Duration::from_secs(2);

/// How long what a finished git has left behind (an SSH connection kept for later) may hold on to
/// its output.
const LINGER: Duration = Duration::from_secs(1);

/// More of an output than this is thrown away: a remote's hook may print what it likes.
const KEPT: usize = 256 * 1024;

/// Variables by which a git that runs fleet (a hook, `git rebase --exec`) speaks of its own
/// repository: `git rev-parse --local-env-vars`, without those that are the user's configuration.
const OF_ANOTHER_REPOSITORY: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Where the user has not chosen a program: ssh that asks nothing. git hands the line to a shell
/// of its own, and only where `GIT_SSH_COMMAND` is unset; the user's `GIT_SSH` comes first here.
const SSH: &str = "core.sshCommand=${GIT_SSH:-ssh -o BatchMode=yes}";

/// Process groups of gits that are waited for.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// As long as it lives, no git starts.
#[must_use = "another git may start as soon as this is dropped"]
pub struct NoneStarts(#[expect(dead_code, reason = "it is held")] MutexGuard<'static, Vec<Pid>>);

/// Asks every git that this process waits for, and what it has started, to end: for a process that
/// is about to leave.
pub fn end_running() -> NoneStarts {
    let running = running();
    for group in running.iter() {
        let _gone = kill_process_group(*group, Signal::TERM);
    }
    NoneStarts(running)
}

/// A git that is waited for, as long as this lives.
struct WaitedFor(Pid);

impl WaitedFor {
    /// One that has started is known before a signal can ask who has.
    fn start(mut command: Command) -> std::io::Result<(Child, Self)> {
        let mut running = running();
        let child = command.spawn()?;
        let group = Pid::from_child(&child);
        running.push(group);
        Ok((child, Self(group)))
    }
}

impl Drop for WaitedFor {
    fn drop(&mut self) {
        running().retain(|other| *other != self.0);
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a git that ended has said.
pub(super) struct Finished {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Repository {
    /// Runs `git` with these arguments to its end, or to the end of its time.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Finished, GitError> {
        self.run_within(SLOW, LONGEST, arguments)
    }

    fn run_within(
        &self,
        slow: Duration,
        longest: Duration,
        arguments: &[&str],
    ) -> Result<Finished, GitError> {
        let mut command = self.git_program();
        command.args(arguments);
        let program = |error: std::io::Error| GitError::Program {
            message: error.to_string(),
        };
        let (mut child, waited_for) = WaitedFor::start(command).map_err(program)?;
        let stdout = Capture::of(child.stdout.take());
        let stderr = Capture::of(child.stderr.take());
        let mut status = wait(&mut child, slow).map_err(program)?;
        if status.is_none() {
            let left = longest.saturating_sub(slow);
            self.say_slow(arguments, left);
            status = end(&mut child, left).map_err(program)?;
        }
        drop(waited_for);
        let (stdout, mut stderr) = (stdout.text(), stderr.text());
        if status.is_none() {
            stderr = format!("no end after {} s", longest.as_secs());
        }
        Ok(Finished {
            success: status.is_some_and(|status| status.success()),
            stdout,
            stderr,
        })
    }

    fn say_slow(&self, arguments: &[&str], left: Duration) {
        let verb = arguments.first().unwrap_or(&"");
        let tell = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = &*tell {
            tell(&format!(
                "`git {verb}` waits for the remote; it is given up in {} s",
                left.as_secs()
            ));
        }
    }

    fn git_program(&self) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--git-dir")
            .arg(&self.common_dir)
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "protocol.ext.allow=never"])
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
        if !self.has_ssh_command() {
            command.args(["-c", SSH]);
        }
        for variable in OF_ANOTHER_REPOSITORY {
            command.env_remove(variable);
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GCM_INTERACTIVE", "never")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: the first Ctrl-C must not cut a push off, and what git has
            // started ends with it.
            .process_group(0);
        command
    }

    fn has_ssh_command(&self) -> bool {
        let git = self.lock_git();
        git.config()
            .and_then(|mut config| config.snapshot())
            .and_then(|config| config.get_string("core.sshCommand"))
            .is_ok_and(|command| !command.is_empty())
    }
}

/// Waits for the end; none where it had to be brought about.
fn end(child: &mut Child, longest: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Some(status) = wait(child, longest)? {
        return Ok(Some(status));
    }
    let group = Pid::from_child(child);
    // TERM lets git remove its lock files. Whoever is gone already needs no signal.
    let _gone = kill_process_group(group, Signal::TERM);
    let _ended = wait(child, GRACE)?;
    let _gone = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(None)
}

fn wait(child: &mut Child, longest: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= longest {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// One output of a process, read beside it.
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    done: Receiver<()>,
}

impl Capture {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (tell, done) = channel();
        let kept = Arc::clone(&bytes);
        std::thread::spawn(move || {
            if let Some(mut pipe) = pipe {
                let mut buffer = [0; 8 * 1024];
                // A pipe that breaks gives what came before.
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = KEPT.saturating_sub(kept.len()).min(count);
                    kept.extend_from_slice(&buffer[..room]);
                }
            }
            // Nobody listens after [`LINGER`].
            let _nobody = tell.send(());
        });
        Self { bytes, done }
    }

    fn text(self) -> String {
        let _late = self.done.recv_timeout(LINGER);
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Runs `git ls-remote` through a script; gives what it said and the process that the script
    /// named.
    fn list_through(longest: Duration, script: &str) -> (Finished, Process) {
        let (finished, process, _) = told_through(SLOW, longest, script);
        (finished, process)
    }

    /// The same, and what was told meanwhile.
    fn told_through(
        slow: Duration,
        longest: Duration,
        script: &str,
    ) -> (Finished, Process, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(folder.path()).unwrap();
        let repository = Repository::discover(git.path()).unwrap();
        let (tell, told) = channel();
        repository.tell_when_slow(move |line| tell.send(line.to_owned()).unwrap());
        let path = folder.path().join("script");
        let pid = folder.path().join("pid");
        // No executable: while another thread forks, it could still be open for writing.
        fs::write(&path, script.replace("PID", &pid.to_string_lossy())).unwrap();
        let script = format!("--upload-pack=sh {}", path.display());
        let remote = folder.path().to_str().unwrap();
        let finished = repository
            .run_within(slow.min(longest), longest, &["ls-remote", &script, remote])
            .unwrap();
        let process = Process(fs::read_to_string(pid).unwrap().trim().to_owned());
        drop(repository);
        (finished, process, told.iter().collect())
    }

    struct Process(String);

    impl Process {
        /// Whether it runs; one that ended and that nobody has waited for does not.
        fn runs(&self) -> bool {
            fs::read_to_string(Path::new("/proc").join(&self.0).join("stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        }
    }

    impl Drop for Process {
        fn drop(&mut self) {
            let _gone = Command::new("kill").args(["-9", &self.0]).status();
        }
    }

    #[test]
    fn a_remote_that_never_answers_is_left_and_what_git_started_ends() {
        let script = "trap '' TERM\nsleep 60 &\necho $! > PID\nwait\nwait\n";
        let (finished, process) = list_through(Duration::from_secs(2), script);
        assert!(!process.runs());
        assert!(!finished.success);
        assert_eq!(finished.stderr, "no end after 2 s");
    }

    #[test]
    fn a_remote_that_keeps_git_waiting_is_named_to_the_person_who_waits() {
        let script = "echo $$ > PID\nsleep 60\n";
        let (slow, longest) = (Duration::from_millis(500), Duration::from_secs(2));
        let (finished, _, told) = told_through(slow, longest, script);
        assert_eq!(
            told,
            ["`git ls-remote` waits for the remote; it is given up in 1 s"]
        );
        assert_eq!(finished.stderr, "no end after 2 s");
    }

    #[test]
    fn a_connection_that_is_kept_open_is_not_waited_for() {
        let script = "sleep 60 < /dev/null > /dev/null &\necho $! > PID\n\
                      echo said >&2\nexec git-upload-pack \"$@\"\n";
        let (finished, process) = list_through(LONGEST, script);
        assert!(process.runs());
        assert!(finished.success);
        assert_eq!(finished.stderr, "said\n");
    }

    #[test]
    fn git_is_asked_without_shell_hooks_prompts_and_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(folder.path()).unwrap();
        let repository = Repository::discover(git.path()).unwrap();
        let ssh = |repository: &Repository| {
            let said = repository.run(&["config", "core.sshCommand"]).unwrap();
            said.stdout.trim().to_owned()
        };
        assert_eq!(ssh(&repository), "${GIT_SSH:-ssh -o BatchMode=yes}");
        for (key, value) in [
            ("core.hooksPath", "/dev/null"),
            ("protocol.ext.allow", "never"),
        ] {
            let said = repository.run(&["config", key]).unwrap();
            assert_eq!(said.stdout.trim(), value);
        }
        let said = repository
            .run(&["ls-remote", "ext::sh -c true"])
            .unwrap()
            .stderr;
        assert!(said.contains("transport 'ext' not allowed"), "{said}");

        git.config()
            .unwrap()
            .set_str("core.sshCommand", "ssh -i key")
            .unwrap();
        assert_eq!(ssh(&repository), "ssh -i key");
    }

    #[test]
    fn ctrl_c_on_the_terminal_does_not_reach_git() {
        let script = "ps -o pgid= -p $$ > PID\nexec git-upload-pack \"$@\"\n";
        let (_, group) = list_through(LONGEST, script);
        let own = rustix::process::getpgrp().as_raw_nonzero().to_string();
        assert_ne!(group.0, own);
        std::mem::forget(group);
    }
}
