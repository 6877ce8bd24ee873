//! A script's processes. They live in sessions of their own and outlive the sandbox: what they
//! print and how they end is in files, and a lock says whether they still run.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use super::command::Accepted;
use super::delivery::MOST_RUNS;
use super::document::Document;
use super::folder::{private_folder, try_lock, write_whole};
use super::host::SandboxInstance;
use super::locked;
use super::output::{Stream, combined};
use super::service::Service;
use super::status::InvocationStatus;
use super::time::Millis;
use crate::model::id::{CommandId, InstanceId};

/// The wrapper that collects what a script leaves.
const AGENT: &str = include_str!("agent.sh");
/// The exit code that asks for a reboot and another run.
const REBOOT: i32 = 194;
/// A process that was killed; the agent takes it for its own timeout.
const KILLED: i32 = 137;
/// "Success, skip the rest of the document" and its counterpart.
const EXIT_WITH_SUCCESS: i32 = 168;
const EXIT_WITH_FAILURE: i32 = 169;
/// How often somebody else's script is asked whether it still runs.
const POLL: Duration = Duration::from_millis(50);
/// How long a killed script's last words may take.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Ends one run of a script.
#[derive(Debug, Default)]
pub(super) struct Cancel(Notify);

impl Cancel {
    /// Asks for the end.
    pub(super) fn request(&self) {
        self.0.notify_one();
    }
}

/// One run of one command on one instance.
pub(super) struct Run {
    pub(super) command: CommandId,
    pub(super) instance: InstanceId,
    text: String,
    working_directory: PathBuf,
    timeout: Duration,
    started_at: Millis,
    cancel: Arc<Cancel>,
    host: PathBuf,
    control: PathBuf,
    orchestration: PathBuf,
    counted: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: InvocationStatus,
    pub(super) code: i32,
    pub(super) standard_output: String,
    pub(super) standard_error: String,
    pub(super) output: String,
}

enum Exit {
    Code(i32),
    TimedOut,
    Cancelled,
    /// It never started, or it was ended with all that watched it.
    Broken(String),
}

impl Run {
    /// `copy` tells the runs of a command that was delivered twice from each other.
    pub(super) fn new(
        service: &Service,
        accepted: &Accepted,
        place: &SandboxInstance,
        copy: usize,
        started_at: Millis,
        cancel: Arc<Cancel>,
    ) -> Self {
        let host = service.folder.host(place);
        let script = Document::find(&accepted.document)
            .map(|document| document.fill_in(&accepted.parameters));
        let (text, directory) = match script {
            Some(Ok(script)) => (script.text, script.working_directory),
            _ => (String::new(), String::new()),
        };
        let folder = service.invocation_folder(&accepted.id, &place.instance_id);
        let delivery = if copy == 0 {
            accepted.id.to_string()
        } else {
            format!("{}.{copy}", accepted.id)
        };
        let orchestration = service
            .folder
            .orchestration(place)
            .join(delivery)
            .join("awsrunShellScript/0.awsrunShellScript");
        Self {
            command: accepted.id.clone(),
            instance: place.instance_id.clone(),
            text,
            // What is not absolute becomes the agent's own directory.
            working_directory: if directory.starts_with('/') {
                directory.into()
            } else {
                host.clone()
            },
            timeout: Duration::from_secs(accepted.execution_timeout),
            started_at,
            cancel,
            control: folder.join(format!("run-{copy}")),
            host,
            orchestration,
            counted: copy == 0,
        }
    }
}

/// Runs a script to its end, or takes over one that a former owner of the folder started.
pub(super) async fn execute(service: &Arc<Service>, run: &Arc<Run>) -> Ended {
    let exit = loop {
        match attempt(service, run).await {
            Ok(Some(Exit::Code(REBOOT))) => {
                // A host reboots; its agent then runs the command again and goes on writing to
                // the same files.
                if let Err(error) = fs::remove_file(run.control.join("exit")) {
                    break Exit::Broken(error.to_string());
                }
            }
            Ok(Some(exit)) => break exit,
            Ok(None) => {}
            Err(error) => break Exit::Broken(error.to_string()),
        }
    };
    let truncate = locked(&service.state).faults.get().truncate;
    run.end(exit, truncate)
        .unwrap_or_else(|error| run.broken(&error.to_string()))
}

/// One run, or what a former owner left of one. None where that was cut off: it runs again.
async fn attempt(service: &Arc<Service>, run: &Arc<Run>) -> io::Result<Option<Exit>> {
    private_folder(&run.control)?;
    let lock_path = run.control.join("lock");
    let Some(lock) = try_lock(&lock_path)? else {
        let elapsed = {
            let state = locked(&service.state);
            service.now(&state).since(run.started_at)
        };
        let rest = run.timeout.saturating_sub(elapsed);
        return Ok(run.watch(&mut Watched::Found(lock_path), rest).await);
    };
    if let Some(code) = run.exit_code() {
        return Ok(Some(Exit::Code(code)));
    }
    if service.is_cancelling(run) {
        return Ok(Some(Exit::Cancelled));
    }
    if !service.count_run(run) {
        let reason = "it was interrupted too often";
        return Ok(Some(Exit::Broken(reason.to_owned())));
    }
    // It writes files and forks, 50 times for one command: the endpoint must answer meanwhile.
    let spawned = {
        let (service, run) = (Arc::clone(service), Arc::clone(run));
        tokio::task::spawn_blocking(move || run.spawn(&service, lock))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    };
    let mut child = match spawned {
        Ok(child) => Watched::Started(child),
        Err(error) => return Ok(Some(Exit::Broken(error.to_string()))),
    };
    let exit = run.watch(&mut child, run.timeout).await;
    Ok(exit.or_else(|| Some(Exit::Broken("its worker was killed".to_owned()))))
}

impl Service {
    /// Its end was asked for before it started.
    fn is_cancelling(&self, run: &Run) -> bool {
        let state = locked(&self.state);
        let invocation = state.invocation(&run.command, &run.instance);
        invocation.is_some_and(|i| i.status == InvocationStatus::Cancelling)
    }

    /// Notes that a script is about to start. False where it has started too often.
    fn count_run(&self, run: &Run) -> bool {
        let mut state = locked(&self.state);
        let invocation = state
            .commands
            .get_mut(&run.command)
            .and_then(|command| command.invocations.get_mut(&run.instance));
        let Some(invocation) = invocation.filter(|_| run.counted) else {
            return true;
        };
        if invocation.runs >= MOST_RUNS {
            return false;
        }
        invocation.runs += 1;
        self.keep_invocation(&run.command, &run.instance, invocation);
        true
    }
}

/// A wrapper that is one's own child, or a former owner's.
enum Watched {
    Started(Child),
    Found(PathBuf),
}

impl Watched {
    /// Until the script has ended and nobody holds its output open.
    async fn ended(&mut self) {
        match self {
            Self::Started(child) => drop(child.wait().await),
            Self::Found(lock) => {
                while matches!(try_lock(lock), Ok(None)) {
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }
}

impl Run {
    fn spawn(&self, service: &Service, lock: File) -> io::Result<Child> {
        for folder in ["root", "tmp"] {
            fs::create_dir_all(self.host.join(folder))?;
        }
        private_folder(&self.orchestration)?;
        if !self.working_directory.is_dir() {
            return Err(io::Error::other(
                "fork/exec /usr/bin/sh: no such file or directory",
            ));
        }
        write_whole(&self.control.join("script"), self.text.as_bytes())?;
        Command::new("setsid")
            .args(["sh", "-c", AGENT, "fleet-sandbox-agent"])
            .args([&self.control, &self.orchestration])
            .arg(quote(&self.orchestration.join("_script.sh")))
            .current_dir(&self.working_directory)
            .env_clear()
            .envs(
                service
                    .environment
                    .of(&self.instance, &self.command, &self.host),
            )
            .stdin(Stdio::from(lock))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }

    /// How it ends; none where nobody knows.
    async fn watch(&self, watched: &mut Watched, timeout: Duration) -> Option<Exit> {
        let exit = tokio::select! {
            () = watched.ended() => return self.exit_code().map(Exit::Code),
            () = tokio::time::sleep(timeout) => Exit::TimedOut,
            () = self.cancel.0.notified() => Exit::Cancelled,
        };
        self.kill(watched).await;
        Some(exit)
    }

    /// SIGKILL to the script's process group, no grace, no trap. Whoever left the group and holds
    /// the output open loses it.
    async fn kill(&self, watched: &mut Watched) {
        kill_group(&self.control.join("leader"));
        drop(tokio::time::timeout(LAST_WORDS, watched.ended()).await);
        kill_group(&self.control.join("wrapper"));
        // It may have left the wrapper's group between the two.
        kill_group(&self.control.join("leader"));
        watched.ended().await;
    }

    fn exit_code(&self) -> Option<i32> {
        fs::read_to_string(self.control.join("exit"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    fn end(&self, exit: Exit, truncate: Option<usize>) -> io::Result<Ended> {
        use InvocationStatus as S;
        let mut output = Stream::read(&self.orchestration.join("stdout"))?;
        let mut error = Stream::read(&self.orchestration.join("stderr"))?;
        let (status, code) = match exit {
            Exit::Code(0) => (S::Success, 0),
            Exit::Code(KILLED) | Exit::TimedOut => (S::ExecutionTimedOut, KILLED),
            Exit::Cancelled => (S::Cancelled, KILLED),
            Exit::Code(EXIT_WITH_SUCCESS) => {
                error.clear();
                (S::Success, EXIT_WITH_SUCCESS)
            }
            Exit::Code(code) => {
                error.append(&format!("failed to run commands: exit status {code}"));
                (S::Failed, code)
            }
            Exit::Broken(message) => {
                error.append(&format!("failed to run commands: {message}"));
                (S::Failed, 1)
            }
        };
        if let Some(bytes) = truncate {
            output.truncate(bytes);
            error.truncate(bytes);
        }
        let both = combined(&output, &error);
        match code {
            EXIT_WITH_SUCCESS => output.append(
                "\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.",
            ),
            EXIT_WITH_FAILURE => {
                let remark = "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.";
                output.append(remark);
                error.append(remark);
            }
            _ => {}
        }
        Ok(Ended {
            status,
            code,
            standard_output: output.standard_output(),
            standard_error: error.standard_error(),
            output: both,
        })
    }

    /// What only the sandbox needed of it goes; the orchestration folder stays, as the agent's does.
    pub(super) fn clean_up(&self) {
        if let Err(error) = fs::remove_dir_all(&self.control)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.control.display(), %error, "could not remove a folder");
        }
        if let Some(invocation) = self.control.parent() {
            // Only the last one out finds it empty.
            let _kept = fs::remove_dir(invocation);
        }
    }

    fn broken(&self, message: &str) -> Ended {
        let text = format!("failed to run commands on {}: {message}", self.instance);
        Ended {
            status: InvocationStatus::Failed,
            code: 1,
            standard_output: String::new(),
            standard_error: text.clone(),
            output: text,
        }
    }
}

fn kill_group(pid_file: &Path) {
    let leader = fs::read_to_string(pid_file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .and_then(Pid::from_raw);
    if let Some(leader) = leader {
        // It may have ended by itself.
        let _already_gone = kill_process_group(leader, Signal::KILL);
    }
}

/// A path as `sh -c` takes it. The real agent's paths need no quotes; a sandbox's may.
fn quote(path: &Path) -> OsString {
    let plain = |c: &u8| c.is_ascii_alphanumeric() || b"/._-".contains(c);
    if path.as_os_str().as_encoded_bytes().iter().all(plain) {
        return path.into();
    }
    let mut quoted = OsString::from("'");
    for (index, part) in path.to_string_lossy().split('\'').enumerate() {
        if index > 0 {
            quoted.push("'\\''");
        }
        quoted.push(part);
    }
    quoted.push("'");
    quoted
}
