//! Observing a service outside a step.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use fleet::host::report;
use fleet::model::bundle::{Bundle, Digests};
use fleet::model::id::Digest;
use fleet::model::plan::Action;
use fleet::model::report::{Report, ReportOutcome};
use fleet::model::task::{ObserveTask, Work};
use fleet::model::time::Seconds;

use super::host::{Host, Ran, Step, step_id, task};

fn observe_with(host: &Host, script: &str, timeout: u64) -> Ran {
    let digest = Digest::of("");
    let files = [
        ("observe.sh", script),
        ("deploy.sh", "touch $FLEET_ROOT/deployed\n"),
        ("files/data", "data\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().into()));
    host.run_task(&task(Work::Observe(Box::new(ObserveTask {
        service: "web".into(),
        step: step_id("look"),
        timeout: Seconds(timeout),
        version: "1.0.0".into(),
        bundle: Arc::new(Bundle {
            files: files.into(),
            digests: Digests {
                digest: digest.clone(),
                scripts: digest.clone(),
                template: digest.clone(),
                definition: digest.clone(),
                host_definition: digest,
                redeploy: None,
            },
        }),
    }))))
}

fn observe(host: &Host, script: &str) -> Report {
    let ran = observe_with(host, script, 20);
    let mut reports = report::parse(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    assert_eq!(reports.len(), 1);
    let report = reports.remove(0);
    assert_eq!(report.step, step_id("look"));
    report
}

#[test]
fn it_tells_what_observe_printed_and_changes_nothing() {
    let host = Host::with_version("1.0.0");
    let before = fs::read(host.state().join("current")).unwrap();
    let report = observe(
        &host,
        "echo version=1.0.0; echo healthy=false; echo port=80; cat \"$FLEET_FILES/data\"\n\
         echo \"seen=$FLEET_VERSION $FLEET_PREVIOUS_VERSION\"\n",
    );
    assert_eq!(report.outcome, ReportOutcome::Succeeded);
    assert_eq!(report.version, Some("1.0.0".into()));
    assert_eq!(report.facts["healthy"], "false");
    assert_eq!(report.facts["port"], "80");
    assert_eq!(report.facts["seen"], "1.0.0 1.0.0");
    assert_eq!(fs::read(host.state().join("current")).unwrap(), before);
    assert!(!host.path("deployed").exists());
    assert!(
        !host.state().join("observe").exists(),
        "its folder goes with it"
    );
}

#[test]
fn a_script_that_fails_is_told_with_its_phase() {
    let host = Host::with_version("1.0.0");
    let report = observe(&host, "echo 'no database' >&2; exit 3\n");
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert_eq!(report.phase.as_deref(), Some("observe"));
    assert_eq!(report.message, "observe exited with 3");
    assert!(report.tail.contains("no database"), "{report:?}");
    let report = observe(&host, "echo nothing\n");
    assert_eq!(report.message, "observe printed no usable version=");
    let ran = observe_with(&host, "sleep 60\n", 1);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("did not end within 1 s"), "{ran:?}");
}

#[test]
fn a_host_that_never_saw_fleet_is_observed_too() {
    let host = Host::new();
    let report = observe(&host, "echo version=none\n");
    assert_eq!(report.outcome, ReportOutcome::Succeeded);
    assert_eq!(report.version, Some("none".into()));
    assert!(
        !host.state().join("current").exists(),
        "no receipt of nothing"
    );
}

#[test]
fn what_was_cut_off_is_closed_first() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("cut", Action::Upgrade, "2.0.0").script("verify", "sleep 60\n");
    let mut child = host.spawn(&step);
    let marker = host.step_folder("cut").join("marker");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !fs::read_to_string(&marker).is_ok_and(|text| text.contains("phase=verify")) {
        assert!(std::time::Instant::now() < deadline, "never in verify");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let group = format!("-{}", child.id());
    let killed = Command::new("kill").args(["-9", "--", &group]).status();
    assert!(killed.unwrap().success());
    child.wait().unwrap();
    let report = observe(
        &host,
        "echo version=$(cat \"$FLEET_ROOT/version\" || echo none)\n",
    );
    assert_eq!(report.outcome, ReportOutcome::Succeeded);
    assert!(host.step_folder("cut").join("report").exists(), "closed");
}
