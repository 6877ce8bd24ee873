//! Steps where nothing goes wrong but the service itself: phases, outcomes and the receipt.

use std::fs;

use fleet::model::id::Digest;
use fleet::model::plan::Action;
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::model::task::Undo;

use super::host::{Host, Step};

#[test]
fn an_install_deploys_proves_and_leaves_a_receipt() {
    let host = Host::new();
    let step = Step::new("one", Action::Install, "1.0.0").script(
        "verify",
        r#"fleet_stage look
fleet_fact answer "$(<"$FLEET_ROOT/version")"
"#,
    );
    let ran = host.run(&step);
    let report = ran.report();
    assert_eq!(report.outcome, ReportOutcome::Succeeded, "{report:#?}");
    assert_eq!(report.step, step.id());
    assert_eq!(report.host, Some("web-1".into()));
    assert_eq!(report.service, Some("web".into()));
    assert_eq!(report.phase.as_deref(), Some("verify"));
    assert_eq!(report.exit, Some(0));
    assert_eq!(report.version, Some("1.0.0".into()));
    assert_eq!(report.previous, Some("none".into()));
    assert_eq!(report.facts["answer"], "1.0.0");
    assert!(report.stages.contains_key("look"));
    assert!(report.started.is_some());
    assert_eq!(
        report.log,
        host.step_folder("one").join("log").to_str().unwrap()
    );
    assert_eq!(
        (report.message, report.tail),
        (String::new(), String::new())
    );
    assert_eq!(ran.stderr, "");
    assert_eq!(host.lines("deploys"), 1);

    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.previous, Some("none".into()));
    assert_eq!(current.outcome, Some(Outcome::Succeeded));
    assert_eq!(current.step, Some(step.id()));
    assert_eq!(current.sequence, 1);
    assert_eq!(current.definition, Some(Digest::of("1.0.0")));
}

#[test]
fn an_upgrade_that_fails_goes_back_by_itself() {
    let host = Host::with_version("1.0.0");
    let before = host.current();
    let broken = |name, phase: &str, script: &str| {
        Step::new(name, Action::Upgrade, "2.0.0").script(phase, script)
    };
    let deploy = broken(
        "a",
        "deploy",
        "echo 2.0.0 >\"$FLEET_ROOT/version\"\nfalse\n",
    );
    assert_eq!(
        host.run(&deploy).gist(),
        "rolled_back in deploy: deploy exited with 1"
    );
    assert_eq!(host.read("version"), "1.0.0\n");

    let verify = broken("b", "verify", "fleet_fail 'port 80 is \"closed\"'\n");
    let report = host.run(&verify).report();
    assert_eq!(report.message, "verify failed: port 80 is \"closed\"");
    assert_eq!(
        (report.phase.as_deref(), report.exit),
        (Some("verify"), Some(1))
    );
    assert_eq!(report.version, Some("1.0.0".into()));
    assert!(report.tail.contains("port 80 is"), "{report:?}");

    let wrong = broken("c", "deploy", "echo 1.9.9 >\"$FLEET_ROOT/version\"\n");
    assert_eq!(
        host.run(&wrong).gist(),
        "rolled_back in observe: observe printed version 1.9.9, not 2.0.0"
    );
    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.digest, before.digest);
    assert_eq!(current.definition, before.definition);
    assert_eq!(current.outcome, Some(Outcome::RolledBack));
    assert_eq!(current.step, Some(wrong.id()));
}

#[test]
fn a_version_that_is_not_healthy_goes_back() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("a", Action::Upgrade, "2.0.0")
        .script(
            "deploy",
            "echo 2.0.0 >\"$FLEET_ROOT/version\"\ntouch \"$FLEET_ROOT/sick\"\n",
        )
        .script(
            "rollback",
            "echo 1.0.0 >\"$FLEET_ROOT/version\"\nrm \"$FLEET_ROOT/sick\"\n",
        );
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in observe: observe printed healthy=false for version 2.0.0"
    );
}

#[test]
fn a_rollback_that_does_not_prove_itself_is_a_failure() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("a", Action::Upgrade, "2.0.0").script("verify", "exit 3\n");
    let nothing = step.script("rollback", "true\n");
    assert_eq!(
        host.run(&nothing).gist(),
        "failed in rollback: verify exited with 3; rollback, and then observe printed version 2.0.0, not 1.0.0"
    );
    let current = host.current();
    assert_eq!(current.version.as_str(), "2.0.0");
    assert_eq!((current.digest, current.definition), (None, None));
    assert_eq!(current.outcome, Some(Outcome::Failed));
}

#[test]
fn without_a_rollback_phase_a_failure_stays_one() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("a", Action::Upgrade, "2.0.0")
        .script("verify", "exit 3\n")
        .without("rollback");
    assert_eq!(
        host.run(&step).gist(),
        "failed in verify: verify exited with 3; there is no rollback phase"
    );
    assert_eq!(host.current().version.as_str(), "unknown");
    assert_eq!(host.run(&step).report().version, None);
}

#[test]
fn observe_decides_whether_a_rollback_that_failed_has_brought_it_back() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("a", Action::Upgrade, "2.0.0")
        .script("verify", "exit 3\n")
        .script("rollback", "echo 1.0.0 >\"$FLEET_ROOT/version\"\nexit 9\n");
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in verify: verify exited with 3"
    );
}

#[test]
fn what_observe_or_preflight_refuses_is_untouched() {
    let host = Host::with_version("1.0.0");
    let before = host.current();
    let step = Step::new("a", Action::Upgrade, "2.0.0").sequence(5);
    let preflight = step
        .clone()
        .script("preflight", "fleet_fail 'disk is full'\n");
    assert_eq!(
        host.run(&preflight).gist(),
        "refused in preflight: preflight failed: disk is full"
    );
    let mut other = step.clone().script("observe", "exit 4\n");
    other.name = "b";
    assert_eq!(
        host.run(&other).gist(),
        "refused in observe: observe exited with 4"
    );
    other = step.script("observe", "echo hello\n");
    other.name = "c";
    assert_eq!(
        host.run(&other).gist(),
        "refused in observe: observe printed no usable version="
    );
    assert_eq!(host.lines("deploys"), 0);
    let after = host.current();
    assert_eq!(after.sequence, 5);
    assert_eq!(
        fleet::model::report::CurrentState {
            sequence: 1,
            ..after
        },
        before
    );
}

#[test]
fn only_an_install_takes_the_digest_of_the_receipt_for_done() {
    let host = Host::with_version("1.0.0");
    for (name, action) in [("a", Action::Reconfigure), ("b", Action::Repair)] {
        let again = Step::new(name, action, "1.0.0");
        assert_eq!(host.run(&again).gist(), "succeeded in deploy");
    }
    assert_eq!(host.lines("deploys"), 2);
}

#[test]
fn what_observe_printed_first_is_what_rollback_goes_back_to() {
    let host = Host::with_version("1.0.0");
    fs::write(host.path("version"), "1.5.0\n").unwrap();
    let step = Step::new("a", Action::Upgrade, "2.0.0").script("verify", "exit 3\n");
    let report = host.run(&step).report();
    assert_eq!(report.outcome, ReportOutcome::RolledBack, "{report:?}");
    assert_eq!(report.previous, Some("1.5.0".into()));
    assert_eq!(host.read("version"), "1.5.0\n");
    assert_eq!(host.current().version.as_str(), "1.5.0");
}

#[test]
fn an_install_after_one_that_failed_is_over_fleets_own() {
    let host = Host::new();
    let broken = Step::new("a", Action::Install, "1.0.0")
        .script("verify", "exit 3\n")
        .without("rollback");
    assert_eq!(host.run(&broken).report().outcome, ReportOutcome::Failed);
    assert_eq!(host.current().version.as_str(), "unknown");
    let again = Step::new("b", Action::Install, "1.0.1");
    assert_eq!(host.run(&again).gist(), "succeeded in deploy");
}

#[test]
fn a_template_without_observe_goes_by_the_receipt() {
    let host = Host::new();
    let plain = |name, action, version| {
        Step::new(name, action, version).without("observe").script(
            "preflight",
            "echo \"$FLEET_PREVIOUS_VERSION\" >>\"$FLEET_ROOT/previous\"\n",
        )
    };
    let install = plain("a", Action::Install, "1.0.0");
    assert_eq!(host.run(&install).report().version, Some("1.0.0".into()));
    let upgrade = plain("b", Action::Upgrade, "2.0.0");
    let report = host.run(&upgrade).report();
    assert_eq!(report.previous, Some("1.0.0".into()));
    assert_eq!(host.read("previous"), "none\n1.0.0\n");
    let broken = plain("c", Action::Upgrade, "3.0.0").script("verify", "false\n");
    let report = host.run(&broken).report();
    assert_eq!(report.outcome, ReportOutcome::RolledBack);
    assert_eq!(report.version, Some("2.0.0".into()));
    let mut worse = broken.script("rollback", "exit 6\n");
    worse.name = "d";
    assert_eq!(
        host.run(&worse).gist(),
        "failed in rollback: verify exited with 1; rollback exited with 6"
    );
    assert_eq!(host.current().version.as_str(), "unknown");
}

#[test]
fn a_rollback_step_undoes_another() {
    let host = Host::with_version("1.0.0");
    let before = host.current();
    let upgrade = Step::new("up", Action::Upgrade, "2.0.0");
    assert_eq!(host.run(&upgrade).gist(), "succeeded in deploy");
    let mut back = Step::new("back", Action::Rollback, "2.0.0");
    back.undo = Some(Undo {
        version: "1.0.0".into(),
        digest: before.digest.clone(),
    });
    let ran = host.run(&back);
    assert_eq!(ran.gist(), "rolled_back in rollback");
    let report = ran.report();
    assert_eq!(report.version, Some("1.0.0".into()));
    assert_eq!(report.previous, Some("2.0.0".into()));
    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.digest, before.digest);
    assert_eq!(host.lines("deploys"), 1);

    // And one that takes the service away; nothing there is not sick.
    fs::write(host.path("sick"), "").unwrap();
    let mut away = Step::new("away", Action::Rollback, "1.0.0");
    away.undo = Some(Undo {
        version: "none".into(),
        digest: None,
    });
    assert_eq!(host.run(&away).gist(), "rolled_back in rollback");
    let current = host.current();
    assert_eq!((current.version.as_str(), current.digest), ("none", None));
}

#[test]
fn a_script_sees_what_the_design_says() {
    let host = Host::with_version("1.0.0");
    let binary: Vec<u8> = (0..=255).collect();
    let nasty = "a='b' \"$c\" `d` $(e) \\ ü\u{1f600} {{x}}\n\n";
    let step = Step::new("a", Action::Upgrade, "2.0.0")
        .file("files/unit", nasty.as_bytes())
        .file("files/deep/er/blob", &binary)
        .file("files/empty", b"")
        .script(
            "preflight",
            r#"env | grep ^FLEET_ | sort >"$FLEET_ROOT/environment"
cp -r "$FLEET_FILES" "$FLEET_ROOT/seen"
echo scratch >"$FLEET_WORK/scratch"
pwd >"$FLEET_ROOT/pwd"
umask >"$FLEET_ROOT/umask"
ls -l /proc/self/fd >"$FLEET_ROOT/descriptors"
echo kept >"$FLEET_KEEP/mine"
set -o >"$FLEET_ROOT/options"
[[ -z $* ]]
readlink /proc/self/fd/0 >"$FLEET_ROOT/input"
"#,
        )
        .script("verify", "[[ $(<\"$FLEET_WORK/scratch\") == scratch ]]\n");
    assert_eq!(host.run(&step).gist(), "succeeded in verify");
    let (root, folder) = (host.root.display(), host.step_folder("a"));
    let folder = folder.display();
    assert_eq!(
        host.read("environment"),
        format!(
            "FLEET_FILES={folder}/files\nFLEET_HOST=web-1\nFLEET_KEEP={}/keep\n\
             FLEET_PREVIOUS_VERSION=1.0.0\nFLEET_ROOT={root}\nFLEET_SERVICE=web\nFLEET_STEP={}\n\
             FLEET_VERSION=2.0.0\nFLEET_WORK={folder}/work\n",
            host.state().display(),
            step.id()
        )
    );
    assert_eq!(host.read("seen/unit"), nasty);
    assert_eq!(fs::read(host.path("seen/deep/er/blob")).unwrap(), binary);
    assert_eq!(fs::read(host.path("seen/empty")).unwrap(), b"");
    assert_eq!(host.read("pwd"), format!("{folder}/work\n"));
    assert_eq!(host.read("umask"), "0022\n");
    assert_eq!(host.read("input"), "/dev/null\n");
    let descriptors = host.read("descriptors");
    for runners in [" 5 -> ", " 6 -> ", " 9 -> ", "/lock"] {
        assert!(!descriptors.contains(runners), "{descriptors}");
    }
    let options = host.read("options");
    for option in ["errexit", "nounset", "pipefail"] {
        let line = options
            .lines()
            .find(|line| line.starts_with(option))
            .unwrap();
        assert!(line.ends_with("on"), "{line}");
    }
    assert!(!host.step_folder("a").join("work").exists());
    assert_eq!(
        fs::read_to_string(host.state().join("keep/mine")).unwrap(),
        "kept\n"
    );
}

#[test]
fn stages_and_facts_are_counted_in_the_report() {
    let host = Host::new();
    let step = Step::new("a", Action::Install, "1.0.0")
        .script(
            "preflight",
            "fleet_stage one; sleep 0.3; fleet_stage two; fleet_stage one; sleep 0.2\nfleet_fact a 1\nfleet_fact 'bad name' x\n",
        )
        .script("verify", "fleet_fact a 2\nfor n in {1..20}; do fleet_fact n$n $n; done\n")
        .script(
            "observe",
            "echo version=9.9.9\necho note: x=y\necho 'disk=7 % free'\necho disk=8\necho healthy=yes\n\
             cat \"$FLEET_ROOT/version\" 2>/dev/null | sed s/^/version=/ || echo version=none\n",
        );
    let report = host.run(&step).report();
    assert_eq!(report.outcome, ReportOutcome::Succeeded, "{report:?}");
    assert_eq!(report.stages.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert!(report.stages["one"] >= 0.4, "{:?}", report.stages);
    assert_eq!(report.facts.len(), 16);
    assert_eq!(report.facts["a"], "2");
    assert_eq!(report.facts["disk"], "8");
    assert!(!report.facts.contains_key("healthy"));
}

#[test]
fn a_background_service_outlives_the_step_and_does_not_hold_it() {
    let host = Host::new();
    let step = Step::new("a", Action::Install, "1.0.0").script(
        "deploy",
        "echo 1.0.0 >\"$FLEET_ROOT/version\"\nsleep 300 &\necho $! >\"$FLEET_ROOT/pid\"\n",
    );
    assert_eq!(host.run(&step).gist(), "succeeded in deploy");
    let pid = host.read("pid").trim().to_owned();
    assert!(
        fs::metadata(format!("/proc/{pid}")).is_ok(),
        "the service is gone"
    );
    assert_eq!(host.run(&step).gist(), "succeeded in deploy");
    std::process::Command::new("kill")
        .arg(pid)
        .status()
        .unwrap();
}

#[test]
fn a_script_can_wait_for_a_server() {
    let host = Host::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/");
    let server = std::thread::spawn(move || {
        for answer in ["503 No", "200 OK"] {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            let read = stream.read(&mut [0; 1024]).unwrap();
            assert_ne!(read, 0, "nobody asked for the {answer}");
            write!(
                stream,
                "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
        }
    });
    let waits = Step::new("a", Action::Install, "1.0.0")
        .script("verify", &format!("fleet_wait_http {url} 20\n"));
    assert_eq!(host.run(&waits).gist(), "succeeded in verify");
    // Where nobody has asked, this ends the waiting.
    drop(std::net::TcpStream::connect(address));
    server.join().unwrap();
    let waits = Step::new("b", Action::Upgrade, "2.0.0")
        .script("verify", &format!("fleet_wait_http {url} 1\n"));
    assert_eq!(
        host.run(&waits).report().message,
        format!("verify failed: {url} did not answer within 1 s")
    );
}
