//! Where a host keeps its state: who may own it, and that one host does one thing at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleet::host::report;
use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;
use fleet::model::task::{HostTask, Work};

use super::host::{Host, Step, finish, task};

const FOLDERS: [&str; 5] = [
    "var/lib/fleet",
    "var/lib/fleet/acme",
    "var/lib/fleet/acme/production",
    "var/lib/fleet/acme/production/web-1",
    "var/lib/fleet/acme/production/web-1/web",
];

fn upgrade(name: &'static str) -> Step {
    Step::new(name, Action::Upgrade, "2.0.0").sequence(10)
}

/// Nothing in the folder is believed: no new step runs, no stored report is told.
fn assert_disbelieved(host: &Host, folder: &str) {
    let before = Step::new("before", Action::Install, "1.0.0");
    for step in [upgrade("a"), before] {
        let report = host.run(&step).report();
        assert_eq!(report.outcome, ReportOutcome::Refused, "{folder}");
        let words = format!("{folder} is not a folder of user");
        assert!(report.message.contains(&words), "{folder}: {report:?}");
    }
    for ran in [host.ask(&["before"]), host.run_task(&task(Work::Current))] {
        let problem = report::parse(&ran.stdout).unwrap_err().to_string();
        assert!(problem.contains("is not a folder of user"), "{problem}");
        assert_eq!(ran.code, Some(2));
    }
    assert_eq!(host.lines("deploys"), 0);
}

#[test]
fn rule_0_every_folder_down_to_the_services_is_closed_to_others() {
    let host = Host::with_version("1.0.0");
    for folder in FOLDERS {
        let path = host.path(folder);
        for mode in [0o777, 0o750, 0o701] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_disbelieved(&host, folder);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
}

#[test]
fn rule_0_every_folder_down_to_the_services_is_the_users_own() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root, to give a folder to somebody else");
        return;
    }
    let host = Host::with_version("1.0.0");
    for folder in FOLDERS {
        let path = host.path(folder);
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert_disbelieved(&host, folder);
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
}

/// The same for another service of that host.
fn of_service(step: &Step, service: &str) -> HostTask {
    let mut task = step.task();
    if let Work::Step(step) = &mut task.work {
        step.service = service.into();
    }
    task
}

#[test]
fn rule_2_the_lock_is_the_hosts_and_not_the_services() {
    let mut host = Host::with_version("1.0.0");
    host.shadow(
        "flock",
        "#!/bin/bash\nexec /usr/bin/flock -w 1 \"${@:3}\"\n",
    );
    let slow = upgrade("a").script(
        "deploy",
        "touch \"$FLEET_ROOT/inside\"\nuntil [[ -e $FLEET_ROOT/go ]]; do sleep 0.05; done\n\
         echo 2.0.0 >\"$FLEET_ROOT/version\"\n",
    );
    let first = host.spawn(&slow);
    host.await_file("inside");
    let other = Step::new("b", Action::Upgrade, "3.0.0").sequence(11);
    assert_eq!(
        host.run_task(&of_service(&other, "db")).gist(),
        "busy: another run holds the lock of this host"
    );
    let current = host.run_task(&task(Work::Current));
    assert_eq!(
        report::parse(&current.stdout).unwrap_err().to_string(),
        "the host could not answer: another run holds the lock of this host"
    );
    assert_eq!(current.code, Some(2));
    fs::write(host.path("go"), "").unwrap();
    assert_eq!(finish(first).gist(), "succeeded in deploy");
    assert_eq!(host.lines("deploys"), 0);
    assert_eq!(
        host.run_task(&of_service(&other, "db")).gist(),
        "succeeded in deploy"
    );
}

#[test]
fn rule_0_at_most_20_steps_are_kept() {
    let host = Host::with_version("1.0.0");
    for k in 0..25 {
        old_step(&host, &format!("{k:016x}"), k);
    }
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
    let names = steps_of(&host);
    assert_eq!(names.len(), 20, "{names:?}");
    assert!(names.contains(&format!("{:016x}", 0)), "the newest stays");
    assert!(!names.contains(&format!("{:016x}", 24)));
}

#[test]
fn rule_0_a_step_of_31_days_goes_and_one_of_29_stays() {
    let host = Host::with_version("1.0.0");
    old_step(&host, "00000000000000aa", 29);
    old_step(&host, "00000000000000bb", 31);
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
    let names = steps_of(&host);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"00000000000000aa".to_owned()), "{names:?}");
}

/// The folder of a step that ended that many days ago.
fn old_step(host: &Host, name: &str, days: u32) {
    let folder = host.state().join("steps").join(name);
    fs::create_dir(&folder).unwrap();
    for file in ["report", "marker"] {
        fs::write(folder.join(file), "").unwrap();
    }
    let old = format!("{days} days ago");
    let mut touch = std::process::Command::new("touch");
    touch.args(["-d", &old]).arg(&folder);
    assert!(touch.status().unwrap().success());
}

fn steps_of(host: &Host) -> Vec<String> {
    fs::read_dir(host.state().join("steps"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
