//! Rule 4: the runner is killed from outside in each phase, alone and with everything it started,
//! and then the same step comes again, or a newer one.

use std::fs;
use std::time::Duration;

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;
use fleet::model::task::Undo;
use rustix::process::{Pid, Signal, kill_process_group};

use super::host::{DEPLOY, Host, OBSERVE, ROLLBACK, Step, await_that, finish, step_id};

/// Where the runner is killed: a phase, and for observe which of its runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) phase: &'static str,
    nth: usize,
}

pub(super) const PLACES: [Place; 7] = [
    Place {
        phase: "observe",
        nth: 1,
    },
    Place {
        phase: "preflight",
        nth: 1,
    },
    Place {
        phase: "deploy",
        nth: 1,
    },
    Place {
        phase: "verify",
        nth: 1,
    },
    Place {
        phase: "observe",
        nth: 2,
    },
    Place {
        phase: "rollback",
        nth: 1,
    },
    Place {
        phase: "observe",
        nth: 3,
    },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Killed {
    /// The group that the agent would kill: the phase goes on.
    Alone,
    /// And the phase with its children.
    WithChildren,
    /// And only what watches the phase.
    WithWatcher,
}

/// A script that hangs in its nth run, after it has done what it does, until the file is taken away.
pub(super) fn hangs(phase: &str, script: &str) -> String {
    format!(
        r#"{script}
echo >>"$FLEET_ROOT/runs-{phase}"
if [[ -e $FLEET_ROOT/hang-{phase} && $(wc -l <"$FLEET_ROOT/runs-{phase}") == $(<"$FLEET_ROOT/hang-{phase}") ]]; then
    sleep 500 &
    echo "$! $$" >"$FLEET_ROOT/inside"
    wait
fi
"#
    )
}

pub(super) fn step(name: &'static str, version: &str, sequence: u64) -> Step {
    Step::new(name, Action::Upgrade, version)
        .sequence(sequence)
        .script("observe", &hangs("observe", OBSERVE))
        .script("preflight", &hangs("preflight", ""))
        .script("deploy", &hangs("deploy", DEPLOY))
        .script("verify", &hangs("verify", ""))
        .script("rollback", &hangs("rollback", ROLLBACK))
}

/// A host on which the step `a` was cut off at a place.
pub(super) fn cut_off(place: Place, killed: Killed) -> Host {
    let host = Host::with_version("1.0.0");
    let mut a = step("a", "2.0.0", 10);
    if place.phase == "rollback" || place.nth == 3 {
        let wrong = format!("{DEPLOY}echo 1.9.9 >\"$FLEET_ROOT/version\"\n");
        a = a.script("deploy", &hangs("deploy", &wrong));
    }
    cut_off_step(&host, &a, place, killed);
    host
}

pub(super) fn cut_off_step(host: &Host, step: &Step, place: Place, killed: Killed) {
    let hang = format!("hang-{}", place.phase);
    fs::write(host.path(&hang), place.nth.to_string()).unwrap();
    let child = host.spawn(step);
    await_that(&format!("{} hangs in {place:?}", step.name), || {
        !host.read("inside").is_empty()
    });
    let marker = fs::read_to_string(host.step_folder(step.name).join("marker")).unwrap();
    let group = marker
        .lines()
        .find_map(|line| line.strip_prefix("group="))
        .unwrap();
    let runner = Pid::from_child(&child);
    match killed {
        Killed::Alone => {}
        Killed::WithChildren => {
            let group = Pid::from_raw(group.parse().unwrap()).unwrap();
            kill_process_group(runner, Signal::STOP).unwrap();
            kill_process_group(group, Signal::KILL).unwrap();
        }
        Killed::WithWatcher => {
            let watcher = Pid::from_raw(group.parse().unwrap()).unwrap();
            kill_process_group(runner, Signal::STOP).unwrap();
            rustix::process::kill_process(watcher, Signal::KILL).unwrap();
        }
    }
    kill_process_group(runner, Signal::KILL).unwrap();
    let ran = finish(child);
    assert_eq!((ran.stdout.as_str(), ran.code), ("", None), "{ran:?}");
    fs::remove_file(host.path(&hang)).unwrap();
}

/// Nothing of the phase that hung is left.
pub(super) fn assert_ended(host: &Host) {
    for pid in host.read("inside").split_whitespace() {
        await_that(&format!("{pid} ends"), || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        });
    }
}

/// What protocol §1 says becomes of `a`: its gist, and how often rollback ran in all.
fn expected(place: Place) -> (String, usize) {
    let Place { phase, nth } = place;
    match (phase, nth) {
        ("preflight", _) | ("observe", 1) => ("succeeded in verify".to_owned(), 0),
        ("rollback", _) => ("failed in rollback: interrupted in rollback".to_owned(), 1),
        _ => (format!("rolled_back in {phase}: interrupted in {phase}"), 1),
    }
}

fn check_same_step(place: Place, killed: Killed) {
    let host = cut_off(place, killed);
    let (gist, rollbacks) = expected(place);
    let what = format!("{place:?} {killed:?}");
    let again = host.run(&step("a", "2.0.0", 10));
    assert_eq!(again.gist(), gist, "{what}");
    assert_ended(&host);
    assert_eq!(
        host.read("deploys"),
        format!("{}\n", step_id("a")),
        "{what}"
    );
    assert_eq!(host.lines("rollbacks"), rollbacks, "{what}");
    assert_eq!(
        host.run(&step("a", "2.0.0", 10)).stdout,
        again.stdout,
        "{what}"
    );
    let version = if gist.starts_with("succeeded") {
        "2.0.0"
    } else {
        "1.0.0"
    };
    assert_eq!(host.read("version"), format!("{version}\n"), "{what}");
    let current = host.current().version;
    let known = if gist.starts_with("failed") {
        "unknown"
    } else {
        version
    };
    assert_eq!(current.as_str(), known, "{what}");
}

fn check_newer_step(place: Place, killed: Killed) {
    let host = cut_off(place, killed);
    let (gist, rollbacks) = expected(place);
    let what = format!("{place:?} {killed:?}");
    let newer = host.run(&step("b", "3.0.0", 11));
    assert_eq!(newer.gist(), "succeeded in verify", "{what}");
    assert_ended(&host);
    let before = place.phase == "preflight" || place == PLACES[0];
    let deploys = match before {
        true => format!("{}\n", step_id("b")),
        false => format!("{}\n{}\n", step_id("a"), step_id("b")),
    };
    assert_eq!(host.read("deploys"), deploys, "{what}");
    assert_eq!(host.lines("rollbacks"), rollbacks, "{what}");
    assert_eq!(host.read("version"), "3.0.0\n", "{what}");
    let late = host.run(&step("a", "2.0.0", 10));
    let answer = match before {
        true => "superseded: sequence 10 is below 11, which this host has seen",
        false => &gist,
    };
    assert_eq!(late.gist(), answer, "{what}");
    assert_eq!(host.read("deploys"), deploys, "{what}");
}

#[test]
fn rule_4_killed_alone_and_the_same_step_again() {
    PLACES
        .into_iter()
        .for_each(|place| check_same_step(place, Killed::Alone));
}

#[test]
fn rule_4_killed_with_children_and_the_same_step_again() {
    PLACES
        .into_iter()
        .for_each(|place| check_same_step(place, Killed::WithChildren));
}

#[test]
fn rule_4_killed_with_the_watcher_and_the_same_step_again() {
    for place in [PLACES[2], PLACES[3]] {
        check_same_step(place, Killed::WithWatcher);
    }
}

#[test]
fn rule_4_killed_alone_and_a_newer_step() {
    PLACES
        .into_iter()
        .for_each(|place| check_newer_step(place, Killed::Alone));
}

#[test]
fn rule_4_killed_with_children_and_a_newer_step() {
    PLACES
        .into_iter()
        .for_each(|place| check_newer_step(place, Killed::WithChildren));
}

#[test]
fn rule_4_an_interrupted_rollback_step_has_failed() {
    let host = Host::with_version("1.0.0");
    let mut back = step("back", "2.0.0", 10);
    assert_eq!(
        host.run(&step("up", "2.0.0", 9)).gist(),
        "succeeded in verify"
    );
    back.action = Action::Rollback;
    back.undo = Some(Undo {
        version: "1.0.0".into(),
        digest: None,
    });
    fs::remove_file(host.path("runs-observe")).unwrap();
    cut_off_step(&host, &back, PLACES[5], Killed::WithChildren);
    assert_eq!(
        host.run(&back).gist(),
        "failed in rollback: interrupted in rollback"
    );
    assert_eq!(host.lines("rollbacks"), 1);
}

#[test]
fn rule_4_proving_an_install_again_touches_nothing_even_when_cut_off() {
    let host = Host::new();
    let mut install = step("first", "1.0.0", 9);
    install.action = Action::Install;
    assert_eq!(host.run(&install).gist(), "succeeded in verify");
    for file in ["runs-verify", "runs-observe"] {
        fs::remove_file(host.path(file)).unwrap();
    }
    install.name = "again";
    cut_off_step(&host, &install, PLACES[3], Killed::Alone);
    assert_eq!(host.run(&install).gist(), "succeeded in verify");
    assert_eq!((host.lines("deploys"), host.lines("rollbacks")), (1, 0));
}

#[test]
fn rule_4_the_rollback_is_the_interrupted_steps_own() {
    let host = cut_off(PLACES[2], Killed::WithChildren);
    let other = step("b", "3.0.0", 11).script("rollback", "touch \"$FLEET_ROOT/wrong\"\n");
    assert_eq!(host.run(&other).gist(), "succeeded in verify");
    assert_eq!(host.read("rollbacks"), format!("{}\n", step_id("a")));
    assert!(!host.path("wrong").exists());
}

#[test]
fn rule_3_a_stored_report_comes_before_anything_is_closed() {
    let host = cut_off(PLACES[2], Killed::WithChildren);
    let before = Step::new("before", Action::Install, "1.0.0");
    assert_eq!(host.run(&before).gist(), "succeeded in deploy");
    assert_eq!(host.lines("rollbacks"), 0, "nothing ran");
    assert!(!host.step_folder("a").join("report").exists());
}

#[test]
fn rule_4_without_a_rollback_phase_it_has_failed() {
    let host = Host::with_version("1.0.0");
    let a = step("a", "2.0.0", 10).without("rollback");
    cut_off_step(&host, &a, PLACES[2], Killed::WithChildren);
    assert_eq!(
        host.run(&a).gist(),
        "failed in deploy: interrupted in deploy; there is no rollback phase"
    );
}

#[test]
fn rule_4_a_number_that_now_means_another_process_is_left_alone() {
    let host = cut_off(PLACES[2], Killed::WithChildren);
    // A session that has nothing to do with fleet, under the number in the marker.
    let mut stranger = std::process::Command::new("setsid")
        .args(["sleep", "300"])
        .spawn()
        .unwrap();
    let marker = host.step_folder("a").join("marker");
    let text = fs::read_to_string(&marker).unwrap();
    let old = text
        .lines()
        .find(|line| line.starts_with("group="))
        .unwrap();
    fs::write(
        &marker,
        text.replace(old, &format!("group={}", stranger.id())),
    )
    .unwrap();
    assert_eq!(
        host.run(&step("a", "2.0.0", 10)).report().outcome,
        ReportOutcome::RolledBack
    );
    assert_eq!(stranger.try_wait().unwrap(), None, "it was killed");
    // Nor when the start fits and the machine was started again since.
    let host = cut_off(PLACES[2], Killed::WithChildren);
    let marker = host.step_folder("a").join("marker");
    let stat = fs::read_to_string(format!("/proc/{}/stat", stranger.id())).unwrap();
    let start = stat.split(") ").nth(1).unwrap().split(' ').nth(19).unwrap();
    let text: Vec<_> = fs::read_to_string(&marker)
        .unwrap()
        .lines()
        .map(|line| match line.split('=').next() {
            Some("group") => format!("group={}", stranger.id()),
            Some("start") => format!("start={start}"),
            Some("boot") => "boot=another".to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(&marker, text.join("\n")).unwrap();
    host.run(&step("a", "2.0.0", 10));
    assert_eq!(stranger.try_wait().unwrap(), None, "it was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn rule_4_a_damaged_marker_counts_as_cut_off_in_deploy() {
    let host = cut_off(PLACES[1], Killed::WithChildren);
    fs::write(host.step_folder("a").join("marker"), "\n\0garbage=x\n").unwrap();
    assert_eq!(
        host.run(&step("a", "2.0.0", 10)).gist(),
        "rolled_back in deploy: interrupted in deploy"
    );
    assert_eq!(
        host.read("version"),
        "1.0.0\n",
        "the receipt says what was there"
    );
}

/// A process that the marker of `a` names and that a runner without root cannot end.
pub(super) fn stays_behind(host: &Host) -> std::process::Child {
    let stays = std::process::Command::new("setsid")
        .args(["sleep", "300"])
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let stat = fs::read_to_string(format!("/proc/{}/stat", stays.id())).unwrap();
    let start = stat.split(") ").nth(1).unwrap().split(' ').nth(19).unwrap();
    let marker = host.step_folder("a").join("marker");
    let text: Vec<_> = fs::read_to_string(&marker)
        .unwrap()
        .lines()
        .map(|line| match line.split('=').next() {
            Some("group") => format!("group={}", stays.id()),
            Some("start") => format!("start={start}"),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(&marker, text.join("\n")).unwrap();
    stays
}

#[test]
fn rule_4_a_phase_that_will_not_end_has_failed_and_nothing_newer_runs() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root, to run the runner as somebody who may not kill");
        return;
    }
    let mut host = cut_off(PLACES[2], Killed::WithChildren);
    let mut stays = stays_behind(&host);
    host.as_nobody();
    let newer = host.run(&step("b", "3.0.0", 11));
    assert_eq!(
        newer.gist(),
        "refused: an earlier step that was cut off could not be closed"
    );
    assert_eq!(
        host.run(&step("a", "2.0.0", 10)).gist(),
        "failed in deploy: interrupted in deploy; some of it still runs and will not end"
    );
    assert_eq!(host.lines("rollbacks"), 0);
    assert_eq!(host.lines("deploys"), 1);
    stays.kill().unwrap();
    stays.wait().unwrap();
}
