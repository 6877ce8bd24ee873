//! A host of its own folder: packs tasks as production does and runs the command as the agent would.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fleet::host::{payload, report};
use fleet::model::bundle::{Bundle, Digests};
use fleet::model::desired::Platform;
use fleet::model::id::{Digest, InstanceId, StepId};
use fleet::model::plan::Action;
use fleet::model::report::{CurrentState, Report};
use fleet::model::task::{HostTask, StepTask, Undo, Work};
use fleet::model::time::{Seconds, Timestamp};

use crate::support::executable;

pub(super) const INSTANCE: &str = "i-0123456789abcdef0";

/// A year in which no clock of a test stands.
const FAR: i64 = 4_000_000_000;

/// Scripts of a service whose version is a file. `deploy` and `rollback` also append to files that
/// show how often each ran.
pub(super) const OBSERVE: &str = r#"
echo "observed" >>"$FLEET_ROOT/observes"
if [[ -f $FLEET_ROOT/version ]]; then echo "version=$(<"$FLEET_ROOT/version")"; else echo version=none; fi
if [[ -f $FLEET_ROOT/sick ]]; then echo healthy=false; else echo healthy=true; fi
"#;
pub(super) const DEPLOY: &str = r#"
echo "$FLEET_STEP" >>"$FLEET_ROOT/deploys"
echo "$FLEET_VERSION" >"$FLEET_ROOT/version"
"#;
pub(super) const ROLLBACK: &str = r#"
echo "$FLEET_STEP" >>"$FLEET_ROOT/rollbacks"
if [[ $FLEET_PREVIOUS_VERSION == none ]]; then rm -f "$FLEET_ROOT/version"
else echo "$FLEET_PREVIOUS_VERSION" >"$FLEET_ROOT/version"; fi
"#;

pub(super) struct Host {
    folder: tempfile::TempDir,
    /// FLEET_ROOT: the folder, or something mounted in it.
    pub(super) root: PathBuf,
    /// A folder before the others on PATH, or instead of them.
    path: Option<PathBuf>,
    only: bool,
    /// Whom the runner runs as, where not as the test.
    user: Option<u32>,
}

/// One run's end.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) code: Option<i32>,
}

impl Ran {
    /// Its one report; what holds of every report is checked here.
    pub(super) fn report(&self) -> Report {
        assert!(self.stdout.is_ascii(), "{self:?}");
        assert!(self.stdout.len() <= 1_200, "{} bytes", self.stdout.len());
        let reports = report::parse(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        assert_eq!(reports.len(), 1, "{self:?}");
        let report = reports.into_iter().next().unwrap();
        let code = match serde_json::to_value(report.outcome)
            .unwrap()
            .as_str()
            .unwrap()
        {
            "succeeded" => 0,
            "failed" | "rolled_back" => 1,
            _ => 2,
        };
        assert_eq!(self.code, Some(code), "{self:?}");
        report
    }

    /// Outcome, phase and message in one text.
    pub(super) fn gist(&self) -> String {
        let report = self.report();
        let outcome = serde_json::to_value(report.outcome).unwrap();
        let mut text = outcome.as_str().unwrap().to_owned();
        if let Some(phase) = &report.phase {
            text += &format!(" in {phase}");
        }
        if !report.message.is_empty() {
            text += &format!(": {}", report.message);
        }
        text
    }
}

/// A step to take, with the scripts above unless told otherwise.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) action: Action,
    pub(super) version: String,
    pub(super) undo: Option<Undo>,
    pub(super) sequence: u64,
    pub(super) not_after: i64,
    pub(super) timeout: u64,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) digest: Option<Digest>,
}

impl Step {
    pub(super) fn new(name: &'static str, action: Action, version: &str) -> Self {
        let step = Self {
            name,
            action,
            version: version.to_owned(),
            undo: None,
            sequence: 1,
            not_after: FAR,
            timeout: 20,
            files: BTreeMap::new(),
            digest: None,
        };
        step.script("observe", OBSERVE)
            .script("deploy", DEPLOY)
            .script("rollback", ROLLBACK)
    }

    pub(super) fn script(mut self, phase: &str, text: &str) -> Self {
        self.files
            .insert(format!("{phase}.sh"), text.as_bytes().to_vec());
        self
    }

    pub(super) fn without(mut self, phase: &str) -> Self {
        self.files.remove(&format!("{phase}.sh"));
        self
    }

    pub(super) fn file(mut self, path: &str, bytes: &[u8]) -> Self {
        self.files.insert(path.to_owned(), bytes.to_vec());
        self
    }

    pub(super) fn sequence(mut self, sequence: u64) -> Self {
        self.sequence = sequence;
        self
    }

    pub(super) fn timeout(mut self, seconds: u64) -> Self {
        self.timeout = seconds;
        self
    }

    pub(super) fn id(&self) -> StepId {
        step_id(self.name)
    }

    pub(super) fn task(&self) -> HostTask {
        let digest = self.digest.clone().unwrap_or_else(|| {
            Digest::of(format!("{}{:?}", self.version, self.files.get("deploy.sh")))
        });
        task(Work::Step(Box::new(StepTask {
            service: "web".into(),
            action: self.action,
            rollout: "20261120T010140Z-3f2a91".into(),
            revision: "8c1f0e2d8c1f0e2d8c1f0e2d8c1f0e2d8c1f0e2d".into(),
            step: self.id(),
            sequence: self.sequence,
            not_after: Timestamp::from_unix(self.not_after),
            timeout: Seconds(self.timeout),
            version: self.version.as_str().into(),
            undo: self.undo.clone(),
            bundle: std::sync::Arc::new(Bundle {
                files: self
                    .files
                    .iter()
                    .map(|(path, bytes)| (path.clone(), bytes.as_slice().into()))
                    .collect(),
                digests: Digests {
                    scripts: digest.clone(),
                    template: digest.clone(),
                    definition: Digest::of(&self.version),
                    host_definition: digest.clone(),
                    redeploy: None,
                    digest,
                },
            }),
        })))
    }
}

pub(super) fn step_id(name: &str) -> StepId {
    StepId::new(Digest::of(name).as_str()["sha256:".len()..].to_owned())
}

pub(super) fn task(work: Work) -> HostTask {
    HostTask {
        fleet: "acme".into(),
        environment: "production".into(),
        host: "web-1".into(),
        instance: INSTANCE.into(),
        platform: Platform::Linux,
        work,
    }
}

impl Host {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // As awkward as a path may be.
        let root = folder.path().join("it's a \"host\" $HOME");
        fs::create_dir(&root).unwrap();
        Self {
            root,
            folder,
            path: None,
            only: false,
            user: None,
        }
    }

    /// With a version that runs there and that fleet has installed.
    pub(super) fn with_version(version: &str) -> Self {
        let host = Self::new();
        let step = Step::new("before", Action::Install, version);
        assert_eq!(host.run(&step).gist(), "succeeded in deploy");
        fs::remove_file(host.path("deploys")).unwrap();
        host
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(super) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_default()
    }

    pub(super) fn lines(&self, relative: &str) -> usize {
        self.read(relative).lines().count()
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path("var/lib/fleet/acme/production/web-1/web")
    }

    pub(super) fn step_folder(&self, name: &str) -> PathBuf {
        self.state().join("steps").join(step_id(name).short())
    }

    /// `current` as the host would tell it.
    pub(super) fn current(&self) -> CurrentState {
        let ran = self.run_task(&task(Work::Current));
        let mut states =
            report::parse_current(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:#?}"));
        assert_eq!(states.len(), 1, "{ran:?}");
        states.remove(0)
    }

    pub(super) fn ask(&self, names: &[&str]) -> Ran {
        self.run_task(&task(Work::Ask {
            service: "web".into(),
            steps: names.iter().map(|name| step_id(name)).collect(),
        }))
    }

    pub(super) fn run(&self, step: &Step) -> Ran {
        self.run_task(&step.task())
    }

    pub(super) fn run_task(&self, task: &HostTask) -> Ran {
        self.run_lines(
            &payload::pack(std::slice::from_ref(task)).unwrap(),
            INSTANCE,
        )
    }

    pub(super) fn run_lines(&self, lines: &[String], instance: &str) -> Ran {
        finish(self.spawn_lines(lines, instance))
    }

    /// Starts a step in a process group of its own, as the agent does.
    pub(super) fn spawn(&self, step: &Step) -> Child {
        let lines = payload::pack(&[step.task()]).unwrap();
        self.spawn_lines(&lines, INSTANCE)
    }

    /// Runs a command whose own file lies here on another root.
    pub(super) fn run_with_root(&self, lines: &[String], root: &Path) -> Ran {
        finish(self.spawn_at(lines, INSTANCE, root))
    }

    fn spawn_lines(&self, lines: &[String], instance: &str) -> Child {
        self.spawn_at(lines, instance, &self.root)
    }

    fn spawn_at(&self, lines: &[String], instance: &str, root: &Path) -> Child {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let written = self.folder.path().join(format!("written-{number}"));
        fs::write(&written, lines.join("\n") + "\n").unwrap();
        let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let path = match &self.path {
            Some(path) if self.only => path.to_str().unwrap().to_owned(),
            Some(path) => format!("{}:{system}", path.display()),
            None => system.to_owned(),
        };
        // A copy made by another process: what a process with threads has just written may still be
        // open for writing in a child of another thread, and such a file cannot be run.
        let copy = "/usr/bin/install -m 0755 \"$1\" \"$2\" && exec /bin/sh -c \"$2\"";
        let mut command = Command::new("/bin/sh");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
            .args(["-c", copy, "sh"])
            .arg(&written)
            .arg(self.folder.path().join(format!("command-{number}")))
            .env_clear()
            .env("PATH", path)
            .env("FLEET_ROOT", root)
            .env("AWS_SSM_INSTANCE_ID", instance)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    /// From now on its folder belongs to nobody, who also runs the runner.
    pub(super) fn as_nobody(&mut self) {
        let nobody = 65_534;
        let mut chown = Command::new("chown");
        chown
            .arg("-R")
            .arg(nobody.to_string())
            .arg(self.folder.path());
        assert!(chown.status().unwrap().success());
        self.user = Some(nobody);
    }

    /// An executable that comes before the system's own of that name.
    pub(super) fn shadow(&mut self, name: &str, text: &str) {
        let folder = self.path("shadow");
        executable(&folder.join(name), text);
        self.path = Some(folder);
    }

    /// Nothing on PATH but these of the system's own.
    pub(super) fn tools(&mut self, names: &[&str]) {
        let folder = self.path("tools");
        fs::create_dir_all(&folder).unwrap();
        for name in names {
            let found = ["/usr/bin", "/bin"].map(|at| Path::new(at).join(name));
            let tool = found.iter().find(|path| path.exists()).unwrap();
            symlink(tool, folder.join(name)).unwrap();
        }
        self.path = Some(folder);
        self.only = true;
    }

    /// Waits until a file is there.
    pub(super) fn await_file(&self, relative: &str) {
        await_that(&format!("{relative} appears"), || {
            self.path(relative).exists()
        });
    }
}

pub(super) fn finish(child: Child) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Ran {
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
        code: status.code(),
    }
}

/// Waits until something holds; the limit is for tests that hang, not a measure.
pub(super) fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// The instance of another host.
pub(super) fn instance(number: usize) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}"))
}
