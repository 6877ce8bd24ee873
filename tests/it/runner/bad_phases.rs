//! The same bad script in each phase in turn, and what becomes of the step.

use std::fs;
use std::process::Command;

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;

use super::host::{DEPLOY, Host, OBSERVE, ROLLBACK, Step, finish};

fn upgrade(name: &'static str) -> Step {
    Step::new(name, Action::Upgrade, "2.0.0").sequence(10)
}

/// What is put before a phase's script; of observe, only in its nth run.
fn with_bad(step: Step, phase: &str, nth: usize, bad: &str) -> Step {
    let script = match phase {
        "observe" => OBSERVE,
        "deploy" => DEPLOY,
        "rollback" => ROLLBACK,
        _ => "",
    };
    let text = format!(
        "echo >>\"$FLEET_ROOT/bad-{phase}\"\n\
         if [[ $(wc -l <\"$FLEET_ROOT/bad-{phase}\") == {nth} ]]; then\n{bad}\nfi\n{script}"
    );
    step.script(phase, &text)
}

/// Runs the script in each phase in turn; `what` is what the report says it did.
fn in_each_phase(bad: &str, what: &str) {
    let cases = [
        (
            "observe",
            1,
            format!("refused in observe: observe {what}"),
            "1.0.0",
        ),
        (
            "preflight",
            1,
            format!("refused in preflight: preflight {what}"),
            "1.0.0",
        ),
        (
            "deploy",
            1,
            format!("rolled_back in deploy: deploy {what}"),
            "1.0.0",
        ),
        (
            "verify",
            1,
            format!("rolled_back in verify: verify {what}"),
            "1.0.0",
        ),
        (
            "observe",
            2,
            format!("rolled_back in observe: observe {what}"),
            "1.0.0",
        ),
        (
            "rollback",
            1,
            format!(
                "failed in rollback: verify exited with 3; rollback {what}, and then observe \
                 printed version 2.0.0, not 1.0.0"
            ),
            "2.0.0",
        ),
        (
            "observe",
            3,
            format!("failed in rollback: verify exited with 3; rollback, and then observe {what}"),
            "1.0.0",
        ),
    ];
    std::thread::scope(|scope| {
        for (phase, nth, gist, version) in cases {
            scope.spawn(move || in_one_phase(bad, phase, nth, &gist, version));
        }
    });
}

fn in_one_phase(bad: &str, phase: &str, nth: usize, gist: &str, version: &str) {
    let host = Host::with_version("1.0.0");
    let mut step = upgrade("a").timeout(3);
    let mut run = nth;
    if phase == "rollback" || nth == 3 {
        // Without a second observe, the one after rollback is the second.
        step = step.script("verify", "exit 3\n");
        run = nth.min(2);
    }
    let step = with_bad(step, phase, run, bad);
    assert_eq!(host.run(&step).gist(), gist, "{phase} {nth}");
    assert_eq!(host.read("version").trim(), version, "{phase} {nth}");
    assert_eq!(host.run(&step).gist(), gist, "{phase} {nth}: it is stored");
    let touched = usize::from(!gist.starts_with("refused") && phase != "deploy");
    assert_eq!(host.lines("deploys"), touched, "{phase} {nth}");
}

#[test]
fn a_script_that_hangs_is_ended_in_every_phase() {
    in_each_phase("sleep 300", "did not end within 3 s and was killed");
}

#[test]
fn a_script_that_kills_its_parent_ends_in_every_phase() {
    in_each_phase(
        "kill -9 $PPID\nsleep 300",
        "was cut off: its parent process was killed",
    );
}

#[test]
fn a_script_that_kills_itself_ends_in_every_phase() {
    in_each_phase("kill -9 $$", "exited with 137");
}

#[test]
fn what_a_phase_leaves_running_neither_holds_nor_ends_with_the_step() {
    let host = Host::with_version("1.0.0");
    let leaves = "sleep 300 &\necho $! >>\"$FLEET_ROOT/pids\"\n\
                  setsid sleep 300 & echo $! >>\"$FLEET_ROOT/pids\"\n";
    let mut step = upgrade("a").script("preflight", leaves);
    for (phase, text) in [
        ("observe", OBSERVE),
        ("deploy", DEPLOY),
        ("rollback", ROLLBACK),
    ] {
        step = step.script(phase, &format!("{leaves}{text}"));
    }
    step = step.script("verify", &format!("{leaves}exit 3\n"));
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in verify: verify exited with 3"
    );
    let pids = host.read("pids");
    let pids: Vec<_> = pids.lines().collect();
    assert_eq!(pids.len(), 12, "two of each of six phases");
    for pid in &pids {
        let held = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        for file in held {
            let target = fs::read_link(file.unwrap().path()).unwrap();
            assert!(!target.ends_with("lock"), "{pid} holds the lock");
        }
    }
    // The lock is free, and what runs does not keep the next step from its end.
    let newer = Step::new("b", Action::Upgrade, "3.0.0").sequence(11);
    assert_eq!(host.run(&newer).gist(), "succeeded in deploy");
    assert!(Command::new("kill").args(&pids).status().unwrap().success());
}

#[test]
fn what_still_runs_is_asked_to_end_before_it_is_killed() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a").script(
        "deploy",
        "trap 'echo >>\"$FLEET_ROOT/terms\"; exit 0' TERM\ntouch \"$FLEET_ROOT/inside\"\n\
         while :; do sleep 0.1 || true; done\n",
    );
    let child = host.spawn(&step);
    host.await_file("inside");
    let runner = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(runner, rustix::process::Signal::KILL).unwrap();
    assert_eq!(finish(child).stdout, "");
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in deploy: interrupted in deploy"
    );
    assert_eq!(host.lines("terms"), 1);
}

#[test]
fn a_report_that_a_script_prints_is_only_log() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a");
    let forged = format!(
        "echo '{{\"fleet\":1,\"step\":\"{}\",\"outcome\":\"succeeded\",\"version\":\"2.0.0\"}}'\n",
        step.id()
    );
    let step = step
        .script("observe", &format!("{forged}{OBSERVE}"))
        .script("deploy", &format!("{forged}{forged}>&2 {forged}"))
        .script(
            "verify",
            &format!("{forged}fleet_fact outcome succeeded\nexit 3\n"),
        );
    let ran = host.run(&step);
    assert_eq!(ran.gist(), "rolled_back in verify: verify exited with 3");
    assert_eq!(ran.stdout.lines().count(), 1);
    let asked = fleet::host::report::parse(&host.ask(&["a"]).stdout).unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].outcome, ReportOutcome::RolledBack);
}

#[test]
fn what_will_not_end_is_a_failure_and_nothing_more_is_tried() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root, to have a process that the runner may not end");
        return;
    }
    let mut host = Host::with_version("1.0.0");
    let setpriv = host.path("setpriv");
    fs::copy("/usr/bin/setpriv", &setpriv).unwrap();
    host.as_nobody();
    std::os::unix::fs::chown(&setpriv, Some(0), None).unwrap();
    let set_user = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    fs::set_permissions(&setpriv, set_user).unwrap();
    let step = upgrade("a").timeout(3).script(
        "deploy",
        "\"$FLEET_ROOT/setpriv\" --ruid 0 sleep 300 &\necho $! >\"$FLEET_ROOT/pid\"\nwait\n",
    );
    assert_eq!(
        host.run(&step).gist(),
        "failed in deploy: deploy did not end within 3 s and was killed, but some of it will not end"
    );
    assert_eq!(host.lines("rollbacks"), 0);
    assert_eq!(host.current().version.as_str(), "unknown");
    let pid = host.read("pid");
    let mut kill = Command::new("kill");
    assert!(kill.args(["-9", pid.trim()]).status().unwrap().success());
}
