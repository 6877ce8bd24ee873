//! The example fleet at the root: its manifests and templates are right, and its scripts do on a
//! host what their comments say. Steps run as in production, packed and by the runner.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fleet::host::{payload, report};
use fleet::manifest;
use fleet::model::bundle::Bundle;
use fleet::model::desired::{Assignment, Environment, Fleet, Host, Value};
use fleet::model::id::{Digest, InstanceId, StepId};
use fleet::model::plan::Action;
use fleet::model::report::Report;
use fleet::model::source::Tree;
use fleet::model::task::{HostTask, StepTask, Undo, Work};
use fleet::model::time::{Seconds, Timestamp};
use fleet::render::Templates;

fn example() -> (Fleet, Templates) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tree = Tree::default().with("fleet.yaml", fs::read(root.join("fleet.yaml")).unwrap());
    for folder in ["environments", "templates"] {
        add(&mut tree, root, Path::new(folder));
    }
    let loaded = manifest::load(&tree);
    assert_eq!(loaded.diagnostics, []);
    let fleet = loaded.fleet.unwrap();
    let (templates, diagnostics) = Templates::compile(&tree);
    assert_eq!(diagnostics, []);
    assert_eq!(templates.check(&fleet), []);
    (fleet, templates)
}

fn add(tree: &mut Tree, root: &Path, folder: &Path) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if root.join(&path).is_dir() {
            add(tree, root, &path);
        } else {
            let bytes = fs::read(root.join(&path)).unwrap();
            *tree = std::mem::take(tree).with(path.to_str().unwrap(), bytes);
        }
    }
}

/// Every script and file of one host but its server, as `service/name` and its text.
pub(crate) fn example_scripts() -> Vec<(String, String)> {
    let (fleet, templates) = example();
    let production: &Environment = &fleet.environments["production"];
    let host: &Host = &production.hosts["web-1"];
    let mut scripts = Vec::new();
    for (service, assignment) in &host.services {
        let bundle = templates
            .bundle(&production.name, host, service, assignment)
            .unwrap();
        for (name, bytes) in &bundle.files {
            if !name.contains("serve.") {
                let text = String::from_utf8_lossy(bytes).into_owned();
                scripts.push((format!("{service}/{name}"), text));
            }
        }
    }
    scripts
}

/// Another text here means that a change of fleet gives every host other scripts, or that the
/// example itself was changed.
#[test]
fn the_scripts_of_one_host() {
    let mut shown = String::new();
    for (place, text) in example_scripts() {
        shown += &format!("════ {place}\n{text}");
    }
    insta::assert_snapshot!(shown);
}

/// A host in a folder of its own, with one of the interpreters that the server may use.
struct Machine {
    folder: tempfile::TempDir,
    templates: Templates,
    fleet: Fleet,
    steps: u32,
}

/// What a step brings beside its version.
#[derive(Clone, Default)]
struct With {
    /// The variable that `web` and `motd` show: whom it greets, who answers questions.
    greeting: Option<&'static str>,
    undo: Option<&'static str>,
    /// Its deploy ends before its first line.
    cut_off: bool,
}

impl Machine {
    fn new(interpreter: &str) -> Option<Self> {
        let program = real_path(interpreter)?;
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for system in ["/usr/bin", "/bin"] {
            for entry in fs::read_dir(system).unwrap().flatten() {
                let name = entry.file_name();
                let text = name.to_string_lossy();
                if !text.starts_with("python") && !text.starts_with("perl") {
                    // The same name in both folders is the same program.
                    let _exists = symlink(entry.path(), bin.join(&name));
                }
            }
        }
        symlink(program, bin.join(interpreter)).unwrap();
        let (fleet, templates) = example();
        Some(Self {
            folder,
            templates,
            fleet,
            steps: 0,
        })
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn read(&self, relative: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(relative)).ok()?;
        Some(text.trim_end().to_owned())
    }

    fn step(&mut self, service: &str, action: Action, version: &str, with: With) -> Report {
        self.steps += 1;
        let production = &self.fleet.environments["production"];
        let host = &production.hosts["web-1"];
        let mut assignment: Assignment = host.services[service].clone();
        assignment.version = version.into();
        if let Some(greeting) = with.greeting {
            let mut variables = BTreeMap::clone(&assignment.variables);
            let name = if service == "web" {
                "greeting"
            } else {
                "owner"
            };
            variables.insert(name.to_owned(), Value::Scalar(greeting.to_owned()));
            assignment.variables = Arc::new(variables);
        }
        let mut bundle: Bundle = self
            .templates
            .bundle(&production.name, host, &service.into(), &assignment)
            .unwrap();
        if with.cut_off {
            bundle
                .files
                .insert("deploy.sh".into(), b"exit 1\n".as_slice().into());
        }
        let step = Digest::of(format!("{service} {}", self.steps));
        let task = HostTask {
            fleet: self.fleet.name.clone(),
            environment: production.name.clone(),
            host: host.name.clone(),
            instance: InstanceId::new("i-0123456789abcdef0"),
            platform: host.platform,
            work: Work::Step(Box::new(StepTask {
                service: service.into(),
                action,
                rollout: "20261120T010140Z-3f2a91".into(),
                revision: "8c1f0e2d8c1f0e2d8c1f0e2d8c1f0e2d8c1f0e2d".into(),
                step: StepId::new(&step.as_str()["sha256:".len()..]),
                sequence: u64::from(self.steps),
                not_after: Timestamp::from_unix(4_000_000_000),
                timeout: Seconds(60),
                version: version.into(),
                undo: with.undo.map(|version| Undo {
                    version: version.into(),
                    digest: None,
                }),
                bundle: Arc::new(bundle),
            })),
        };
        let command = self.path("command");
        fs::write(&command, payload::pack(&[task]).unwrap().join("\n") + "\n").unwrap();
        let output = Command::new("bash")
            .arg(&command)
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("FLEET_ROOT", self.folder.path())
            .env("AWS_SSM_INSTANCE_ID", "i-0123456789abcdef0")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        report::parse(&stdout)
            .unwrap_or_else(|problem| panic!("{problem}: {output:?}"))
            .remove(0)
    }

    /// Outcome, versions and message of a step.
    fn gist(&mut self, service: &str, action: Action, version: &str, with: With) -> String {
        let report = self.step(service, action, version, with);
        let outcome = serde_json::to_value(report.outcome).unwrap();
        let name = |version: Option<fleet::model::id::Version>| {
            version.map_or("-".to_owned(), |version| version.to_string())
        };
        format!(
            "{} {} → {} {}",
            outcome.as_str().unwrap(),
            name(report.previous),
            name(report.version),
            report.message
        )
        .trim_end()
        .to_owned()
    }

    /// What the last step's first observe printed.
    fn first_observation(&self, service: &str) -> Vec<String> {
        let steps = self.path(&format!(
            "var/lib/fleet/example/production/web-1/{service}/steps"
        ));
        let newest = fs::read_dir(steps)
            .unwrap()
            .flatten()
            .map(|entry| entry.path().join("log"))
            .max_by_key(|log| fs::metadata(log).unwrap().modified().unwrap())
            .unwrap();
        let text = fs::read_to_string(newest).unwrap();
        text.lines()
            .skip(1)
            .take_while(|line| !line.starts_with("--- "))
            .filter(|line| line.starts_with("version=") || line.starts_with("healthy="))
            .map(str::to_owned)
            .collect()
    }

    /// The status and the body that the server answers; nothing where nobody does.
    fn ask(&self, page: &str) -> Option<(String, String)> {
        let port: u16 = self.read("opt/web/run/port")?.parse().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        // A server that is killed may still have taken the connection.
        write!(stream, "GET {page} HTTP/1.0\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.lines().next().unwrap();
        let (_, status) = status.split_once(' ').unwrap();
        Some((status.to_owned(), body.trim_end().to_owned()))
    }

    fn kill_server(&self) {
        let pid = self.read("opt/web/run/pid").unwrap();
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .unwrap()
                .success()
        );
        while self.ask("/version").is_some() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The program behind a name: a shim of some version manager needs more than PATH.
fn real_path(interpreter: &str) -> Option<PathBuf> {
    let script = match interpreter {
        "python3" => ["-c", "import sys; print(sys.executable)"],
        _ => ["-e", "print $^X"],
    };
    let output = Command::new(interpreter).args(script).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    fs::canonicalize(path.trim()).ok()
}

fn answers(text: &str) -> Option<(String, String)> {
    Some(("200 OK".to_owned(), text.to_owned()))
}

/// The whole life of the web service.
fn web_story(interpreter: &str) {
    let Some(mut machine) = Machine::new(interpreter) else {
        return;
    };
    let plain = With::default;
    let install = machine.gist("web", Action::Install, "1.0.0", plain());
    assert_eq!(install, "succeeded none → 1.0.0");
    assert_eq!(machine.ask("/version"), answers("1.0.0"));
    assert_eq!(machine.ask("/"), answers("good day from web 1.0.0"));
    assert_eq!(machine.ask("/else").unwrap().0, "404 Not Found");

    // A version that breaks it: the old one answers again.
    let broken = machine.gist("web", Action::Upgrade, "1.1.0-broken", plain());
    assert!(
        broken.starts_with("rolled_back 1.0.0 → 1.0.0 verify failed: http://127.0.0.1:"),
        "{broken}"
    );
    assert_eq!(machine.ask("/version"), answers("1.0.0"));

    // Killed by hand: the next step says so, and repairs it.
    machine.kill_server();
    let upgrade = machine.gist("web", Action::Upgrade, "1.2.0", plain());
    assert_eq!(upgrade, "succeeded 1.0.0 → 1.2.0");
    assert_eq!(
        machine.first_observation("web"),
        ["version=1.0.0", "healthy=false"]
    );
    assert_eq!(machine.ask("/version"), answers("1.2.0"));

    // Files swapped by hand: the same.
    fs::write(machine.path("opt/web/current/VERSION"), "9.9.9\n").unwrap();
    let greeting = With {
        greeting: Some("it's \"$(id)\" {{x}}"),
        ..With::default()
    };
    let reconfigure = machine.gist("web", Action::Reconfigure, "1.2.0", greeting);
    assert_eq!(reconfigure, "succeeded 1.2.0 → 1.2.0");
    assert_eq!(
        machine.first_observation("web"),
        ["version=1.2.0", "healthy=false"]
    );
    assert_eq!(
        machine.ask("/"),
        answers("it's \"$(id)\" {{x}} from web 1.2.0")
    );
    let releases = fs::read_dir(machine.path("opt/web/releases")).unwrap();
    assert_eq!(releases.count(), 2, "the current one and the one before");

    // The same version with another greeting again, cut off before anything was saved: nothing goes
    // back, least of all to the greeting before the last.
    let cut_off = With {
        greeting: Some("never"),
        cut_off: true,
        ..With::default()
    };
    let nothing = machine.gist("web", Action::Reconfigure, "1.2.0", cut_off);
    assert!(
        nothing.starts_with("rolled_back 1.2.0 → 1.2.0"),
        "{nothing}"
    );
    assert_eq!(
        machine.ask("/"),
        answers("it's \"$(id)\" {{x}} from web 1.2.0")
    );

    // Nor where nothing at all is new but the step, and the way back leads to the same version.
    for (greeting, cut_off) in [("first", false), ("second", false), ("second", true)] {
        let with = With {
            greeting: Some(greeting),
            cut_off,
            ..With::default()
        };
        machine.gist("web", Action::Reconfigure, "1.2.0", with);
    }
    assert_eq!(machine.ask("/"), answers("second from web 1.2.0"));

    // A step of its own that undoes, because another host of the rollout failed.
    let upgrade = machine.gist("web", Action::Upgrade, "1.3.0", plain());
    assert_eq!(upgrade, "succeeded 1.2.0 → 1.3.0");
    let undo = |version| With {
        undo: Some(version),
        ..With::default()
    };
    let back = machine.gist("web", Action::Rollback, "1.3.0", undo("1.2.0"));
    assert_eq!(back, "rolled_back 1.3.0 → 1.2.0");
    assert_eq!(machine.ask("/"), answers("second from web 1.2.0"));

    // The same for an install: nothing is left.
    let gone = machine.gist("web", Action::Rollback, "1.2.0", undo("none"));
    assert_eq!(gone, "rolled_back 1.2.0 → none");
    assert_eq!(machine.ask("/version"), None);
    assert!(!machine.path("opt/web").exists());
}

#[test]
fn the_web_service_lives_with_python() {
    web_story("python3");
}

#[test]
fn the_web_service_lives_with_perl() {
    web_story("perl");
}

#[test]
fn a_host_without_an_interpreter_is_refused_before_anything_is_touched() {
    let Some(mut machine) = Machine::new("perl").or_else(|| Machine::new("python3")) else {
        panic!("neither python3 nor perl here");
    };
    for name in ["perl", "python3"] {
        let _absent = fs::remove_file(machine.path("bin").join(name));
    }
    assert_eq!(
        machine.gist("web", Action::Install, "1.0.0", With::default()),
        "refused none → none preflight failed: the example's server needs python3 or perl"
    );
    assert!(!machine.path("opt").exists());
}

/// A folder that is thrown away leaves nothing running.
#[test]
fn a_server_ends_with_its_folder() {
    let Some(mut machine) = Machine::new("perl").or_else(|| Machine::new("python3")) else {
        panic!("neither python3 nor perl here");
    };
    let install = machine.gist("web", Action::Install, "1.0.0", With::default());
    assert_eq!(install, "succeeded none → 1.0.0");
    let pid = machine.read("opt/web/run/pid").unwrap();
    fs::remove_dir_all(machine.path("opt")).unwrap();
    let is_alive =
        || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while is_alive() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_motd_service_lives() {
    let Some(mut machine) = Machine::new("perl").or_else(|| Machine::new("python3")) else {
        panic!("neither python3 nor perl here");
    };
    let plain = With::default;
    fs::create_dir(machine.path("etc")).unwrap();
    fs::write(machine.path("etc/motd"), "from before fleet\n").unwrap();
    let install = machine.gist("motd", Action::Install, "1.0.0", plain());
    assert_eq!(install, "succeeded none → 1.0.0");
    assert_eq!(
        machine.read("etc/motd").unwrap(),
        "This is web-1, web of production.\nCustomers depend on it: think twice.\n\
         Questions go to the platform team.\nMessage 1.0.0"
    );

    fs::write(machine.path("etc/motd"), "defaced\n").unwrap();
    let upgrade = machine.gist("motd", Action::Upgrade, "1.1.0", plain());
    assert_eq!(upgrade, "succeeded 1.0.0 → 1.1.0");
    assert_eq!(
        machine.first_observation("motd"),
        ["version=1.0.0", "healthy=false"]
    );

    // The same version for other owners: there, and cut off on the way to the next.
    let owner = |owner, cut_off| With {
        greeting: Some(owner),
        cut_off,
        ..With::default()
    };
    let there = machine.gist("motd", Action::Reconfigure, "1.1.0", owner("Ann", false));
    assert_eq!(there, "succeeded 1.1.0 → 1.1.0");
    // Cut off with something new, and with nothing new but the step.
    for next in ["Bob", "Ann"] {
        let nothing = machine.gist("motd", Action::Reconfigure, "1.1.0", owner(next, true));
        assert!(
            nothing.starts_with("rolled_back 1.1.0 → 1.1.0"),
            "{nothing}"
        );
        let motd = machine.read("etc/motd").unwrap();
        assert!(motd.contains("Questions go to Ann."), "{next}: {motd}");
    }
    let again = machine.gist("motd", Action::Upgrade, "1.2.0", plain());
    assert_eq!(again, "succeeded 1.1.0 → 1.2.0");

    let undo = |version| With {
        undo: Some(version),
        ..With::default()
    };
    let back = machine.gist("motd", Action::Rollback, "1.2.0", undo("1.1.0"));
    assert_eq!(back, "rolled_back 1.2.0 → 1.1.0");
    assert!(machine.read("etc/motd").unwrap().ends_with("Message 1.1.0"));
    let gone = With {
        greeting: Some("Ann"),
        ..undo("none")
    };
    let gone = machine.gist("motd", Action::Rollback, "1.1.0", gone);
    assert_eq!(gone, "rolled_back 1.1.0 → none");
    assert_eq!(
        machine.read("etc/motd").as_deref(),
        Some("from before fleet")
    );
}
