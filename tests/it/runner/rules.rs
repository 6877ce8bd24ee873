//! Protocol §1, rule by rule: each test here fails when its rule is taken out of the runner.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;

use super::host::{DEPLOY, Host, Step, finish, step_id};

fn upgrade(name: &'static str) -> Step {
    Step::new(name, Action::Upgrade, "2.0.0").sequence(10)
}

/// What a runner needs of the system besides the tools of rule 1.
const OTHERS: &[&str] = &[
    "bash",
    "cat",
    "curl",
    "gzip",
    "base64",
    "sha256sum",
    "mkdir",
    "mv",
    "rm",
    "sleep",
    "sort",
    "stat",
    "sync",
    "tail",
    "tr",
    "truncate",
    "grep",
    "sed",
    "cp",
];

#[test]
fn rule_1_a_missing_tool_is_refused_by_name() {
    for missing in ["flock", "curl", "gzip", "base64", "sha256sum", "setsid"] {
        let mut host = Host::new();
        let tools = OTHERS.iter().chain(&["flock", "setsid"]).copied();
        let tools: Vec<_> = tools.filter(|tool| *tool != missing).collect();
        host.tools(&tools);
        let ran = host.run(&upgrade("a"));
        assert_eq!(
            ran.gist(),
            format!("refused: missing on this host: {missing}")
        );
        assert_eq!(host.lines("deploys"), 0);
    }
}

#[test]
fn rule_0_a_state_folder_that_others_could_write_is_not_believed() {
    let host = Host::with_version("1.0.0");
    let folder = host.path("var/lib/fleet/acme");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let report = host.run(&upgrade("a")).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert!(
        report.message.contains("acme is not a folder of user"),
        "{report:?}"
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();

    let moved = host.path("elsewhere");
    fs::rename(&folder, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &folder).unwrap();
    let report = host.run(&upgrade("a")).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert!(report.message.contains("symbolic link"), "{report:?}");
    assert_eq!(host.lines("deploys"), 0);
    assert!(fleet::host::report::parse(&host.ask(&["before"]).stdout).is_err());
}

#[test]
fn rule_2_a_second_run_is_busy_and_the_phase_does_not_hold_the_lock() {
    let mut host = Host::with_version("1.0.0");
    host.shadow(
        "flock",
        "#!/bin/bash\necho \"$*\" >>\"$FLEET_ROOT/flocks\"\nexec /usr/bin/flock -w 1 \"${@:3}\"\n",
    );
    let slow = upgrade("a").script(
        "deploy",
        "ls -l /proc/$$/fd >\"$FLEET_ROOT/fds\"\ntouch \"$FLEET_ROOT/inside\"\n\
         until [[ -e $FLEET_ROOT/go ]]; do sleep 0.05; done\necho 2.0.0 >\"$FLEET_ROOT/version\"\n",
    );
    let first = host.spawn(&slow);
    host.await_file("inside");
    let second = host.run(&Step::new("b", Action::Upgrade, "3.0.0").sequence(11));
    assert_eq!(
        second.gist(),
        "busy: another run holds the lock of this host"
    );
    let asked = fleet::host::report::parse(&host.ask(&["a", "b"]).stdout).unwrap();
    assert!(
        asked.iter().all(|r| r.outcome == ReportOutcome::Busy),
        "{asked:?}"
    );
    fs::write(host.path("go"), "").unwrap();
    assert_eq!(finish(first).gist(), "succeeded in deploy");
    assert!(!host.read("fds").contains("/lock"), "{}", host.read("fds"));
    assert!(host.read("flocks").lines().all(|line| line == "-w 60 9"));
    assert!(!host.step_folder("b").exists());
}

#[test]
fn rule_3_a_stored_report_is_printed_again_and_nothing_runs() {
    let host = Host::with_version("1.0.0");
    let first = host.run(&upgrade("a"));
    assert_eq!(first.gist(), "succeeded in deploy");
    let observes = host.lines("observes");
    let mut late = upgrade("a").sequence(1);
    late.not_after = 0;
    let second = host.run(&late);
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(second.code, Some(0));
    assert_eq!(host.lines("deploys"), 1);
    assert_eq!(host.lines("observes"), observes);
}

#[test]
fn rule_3_the_receipt_that_was_still_to_be_put_in_place_is() {
    let host = Host::with_version("1.0.0");
    host.run(&upgrade("a"));
    // As if the runner had been killed between the two renames of rule 9.
    let current = host.state().join("current");
    let pending = host.step_folder("a").join("current.new");
    fs::copy(&current, &pending).unwrap();
    let old = fs::read_to_string(&current)
        .unwrap()
        .replace("version=2.0.0", "version=1.0.0");
    fs::write(&current, old).unwrap();
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
    assert!(!pending.exists(), "by this run, and not only by the next");
    assert_eq!(host.current().version.as_str(), "2.0.0");
    // And likewise when another step comes instead.
    fs::copy(&current, &pending).unwrap();
    fs::write(
        &current,
        fs::read_to_string(&current)
            .unwrap()
            .replace("2.0.0", "1.0.0"),
    )
    .unwrap();
    assert_eq!(host.current().version.as_str(), "2.0.0");
    assert!(!pending.exists());
}

#[test]
fn rule_5_a_lower_sequence_is_superseded_and_names_the_highest() {
    let host = Host::with_version("1.0.0");
    host.run(&upgrade("a"));
    let ran = host.run(&Step::new("b", Action::Upgrade, "3.0.0").sequence(9));
    assert_eq!(
        ran.gist(),
        "superseded: sequence 9 is below 10, which this host has seen"
    );
    assert_eq!(ran.report().sequence, Some(10));
    assert_eq!(host.lines("deploys"), 1);
    assert!(!host.step_folder("b").exists());
    let same = Step::new("c", Action::Upgrade, "3.0.0").sequence(10);
    assert_eq!(host.run(&same).gist(), "succeeded in deploy");
}

#[test]
fn rule_5_a_refused_step_has_raised_the_sequence() {
    let host = Host::with_version("1.0.0");
    let refused = upgrade("a").script("preflight", "exit 1\n");
    assert_eq!(host.run(&refused).report().outcome, ReportOutcome::Refused);
    let older = Step::new("b", Action::Upgrade, "3.0.0").sequence(9);
    assert_eq!(host.run(&older).report().outcome, ReportOutcome::Superseded);
}

#[test]
fn rule_5_too_late_is_refused_naming_both_clocks() {
    let host = Host::with_version("1.0.0");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut late = upgrade("a");
    late.not_after = i64::try_from(now).unwrap() - 1;
    assert_eq!(host.run(&late).report().outcome, ReportOutcome::Refused);
    late.not_after = 1_700_000_000;
    let report = host.run(&late).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    let expected =
        "too late: not after 2023-11-14T22:13:20Z by the controller's clock, and it is 20";
    assert!(report.message.starts_with(expected), "{}", report.message);
    assert!(
        report.message.ends_with("Z by this host's"),
        "{}",
        report.message
    );
    assert_eq!(host.lines("deploys"), 0);
    // No receipt: the same step may be sent again.
    assert!(!host.step_folder("a").exists());
    assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
}

#[test]
fn rule_7_bundle_reserve_sequence_and_marker_are_flushed_in_this_order() {
    let mut host = Host::with_version("1.0.0");
    host.shadow(
        "sync",
        "#!/bin/bash\nfolder=$(printf '%s\\n' \"$FLEET_ROOT\"/var/lib/fleet/acme/production/web-1/web/steps/*)\n\
         echo \"${*//\"$FLEET_ROOT\"/}\" >>\"$FLEET_ROOT/syncs\"\nexec /usr/bin/sync \"$@\"\n",
    );
    host.run(&upgrade("a"));
    let log = host.read("syncs");
    let position = |name: &str| {
        log.find(name)
            .unwrap_or_else(|| panic!("no {name} in {log}"))
    };
    let order = ["deploy.sh", "report.new", "web/current.new", "/marker"].map(position);
    assert!(order.is_sorted(), "{log}");
    // Rule 8: and the marker again before each of observe, deploy and observe.
    let markers = log.lines().filter(|line| line.contains("/marker")).count();
    assert_eq!(markers, 4, "{log}");
}

#[test]
fn rule_7_what_cannot_be_flushed_is_refused_and_leaves_nothing() {
    // Which call of `sync` fails: bundle, reserve, sequence file, sequence folder, marker.
    for (call, seen) in [(1, 1), (2, 1), (3, 1), (4, 10), (5, 10)] {
        let mut host = Host::with_version("1.0.0");
        host.shadow(
            "sync",
            &format!(
                "#!/bin/bash\necho >>\"$FLEET_ROOT/syncs\"\n\
                 [[ $(wc -l <\"$FLEET_ROOT/syncs\") != {call} ]] || {{ echo 'sync: No space left on device' >&2; exit 1; }}\n"
            ),
        );
        let ran = host.run(&upgrade("a"));
        let report = ran.report();
        assert_eq!(report.outcome, ReportOutcome::Refused, "{call}: {ran:?}");
        assert!(
            report.message.starts_with("could not write the step to "),
            "{report:?}"
        );
        assert!(
            report.message.ends_with("No space left on device"),
            "{report:?}"
        );
        assert_eq!(host.lines("observes"), 2, "only those of the step before");
        assert!(!host.step_folder("a").exists());
        assert_eq!(host.current().sequence, seen);
        assert_eq!(host.run(&upgrade("a")).gist(), "succeeded in deploy");
    }
}

#[test]
fn rule_8_an_install_with_the_digest_of_the_receipt_is_proven_and_not_deployed() {
    let host = Host::with_version("1.0.0");
    let install = |name| {
        Step::new(name, Action::Install, "1.0.0")
            .script("verify", "echo >>\"$FLEET_ROOT/verified\"\n")
    };
    assert_eq!(host.run(&install("a")).gist(), "succeeded in verify");
    assert_eq!((host.lines("deploys"), host.lines("verified")), (0, 1));
    assert_eq!(host.current().step, Some(step_id("a")));

    fs::write(host.path("sick"), "").unwrap();
    let ran = host.run(&install("b"));
    assert_eq!(
        ran.gist(),
        "refused in observe: installed by an earlier step, which this one did not repeat; \
         observe printed healthy=false for version 1.0.0"
    );
    assert_eq!((host.lines("deploys"), host.lines("rollbacks")), (0, 0));
    fs::remove_file(host.path("sick")).unwrap();
    let other = install("c").script("deploy", &format!("# changed\n{DEPLOY}"));
    assert_eq!(host.run(&other).gist(), "succeeded in verify");
    assert_eq!(host.lines("deploys"), 1);
}

#[test]
fn rule_8_an_install_over_what_fleet_has_not_installed_is_refused() {
    let host = Host::new();
    fs::write(host.path("version"), "0.5.0\n").unwrap();
    let install = Step::new("a", Action::Install, "1.0.0");
    assert_eq!(
        host.run(&install).gist(),
        "refused in observe: 0.5.0 already runs here, and not by fleet"
    );
    assert_eq!(host.lines("deploys"), 0);
    assert_eq!(host.current().version.as_str(), "none");
}

#[test]
fn rule_8_a_timeout_kills_the_whole_process_tree() {
    let host = Host::with_version("1.0.0");
    let hangs = upgrade("a").timeout(1).script(
        "deploy",
        "trap '' TERM\nsleep 400 & echo $! >>\"$FLEET_ROOT/pids\"\n\
         setsid sleep 400 & echo $! >>\"$FLEET_ROOT/pids\"\nwait\n",
    );
    let ran = host.run(&hangs);
    assert_eq!(
        ran.gist(),
        "rolled_back in deploy: deploy did not end within 1 s and was killed"
    );
    assert_eq!(ran.report().exit, None);
    assert_eq!(host.lines("pids"), 2);
    for pid in host.read("pids").lines() {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(!status.contains("(sleep) S"), "{status}");
    }
}

#[test]
fn rule_8_no_phase_starts_before_its_marker_is_on_the_disk() {
    for (phase, outcome) in [
        ("observe", "succeeded in deploy"),
        ("deploy", "rolled_back in deploy: interrupted in deploy"),
    ] {
        let mut host = Host::with_version("1.0.0");
        // The flush of the marker is the last moment before the phase; the runner dies in it.
        host.shadow(
            "sync",
            &format!(
                "#!/bin/bash\n/usr/bin/sync \"$@\"\n\
                 [[ ! -e $FLEET_ROOT/armed ]] || ! grep -q phase={phase} \"${{@: -1}}\" 2>/dev/null || {{\n\
                 rm \"$FLEET_ROOT/armed\"; kill -9 $PPID; sleep 0.5; }}\n"
            ),
        );
        fs::write(host.path("armed"), "").unwrap();
        let observes = host.lines("observes");
        let ran = host.run(&upgrade("a"));
        assert_eq!(
            (ran.stdout.as_str(), host.path("armed").exists()),
            ("", false),
            "{ran:?}"
        );
        let observed = usize::from(phase == "deploy");
        assert_eq!(
            (host.lines("observes") - observes, host.lines("deploys")),
            (observed, 0)
        );
        assert_eq!(host.run(&upgrade("a")).gist(), outcome);
    }
}

#[test]
fn rule_8_a_phase_whose_marker_cannot_be_flushed_does_not_start() {
    let fails_in = |phase: &str| {
        let mut host = Host::with_version("1.0.0");
        host.shadow(
            "sync",
            &format!(
                "#!/bin/bash\n\
                 if grep -q phase={phase} \"${{@: -1}}\" 2>/dev/null; then exit 1; fi\n\
                 exec /usr/bin/sync \"$@\"\n"
            ),
        );
        let step = upgrade("a").script("verify", "exit 3\n");
        let gist = host.run(&step).gist();
        (gist, host.lines("deploys"), host.lines("rollbacks"))
    };
    let why = "its marker could not be written, so it was not started";
    assert_eq!(
        fails_in("observe"),
        (format!("refused in observe: observe {why}"), 0, 0)
    );
    assert_eq!(
        fails_in("deploy"),
        (format!("refused in deploy: deploy {why}"), 0, 0)
    );
    assert_eq!(
        fails_in("verify"),
        (format!("rolled_back in verify: verify {why}"), 1, 1)
    );
    assert_eq!(
        fails_in("rollback"),
        (
            format!("failed in rollback: verify exited with 3; rollback {why}"),
            1,
            0
        )
    );
}

#[test]
fn rule_9_a_report_that_cannot_be_stored_is_no_success_and_the_next_run_closes_it() {
    let mut host = Host::with_version("1.0.0");
    host.shadow(
        "truncate",
        "#!/bin/bash\n[[ ! -e $FLEET_ROOT/broken ]] || exit 1\nexec /usr/bin/truncate \"$@\"\n",
    );
    fs::write(host.path("broken"), "").unwrap();
    let ran = host.run(&upgrade("a"));
    assert_eq!(
        ran.gist(),
        "failed in deploy: the report could not be stored; upgrade went well"
    );
    // Still broken: the answer stays the same, and nothing is called refused that was touched.
    assert_eq!(
        host.run(&upgrade("a")).report().outcome,
        ReportOutcome::Failed
    );
    fs::remove_file(host.path("broken")).unwrap();
    assert_eq!(
        host.run(&upgrade("a")).report().outcome,
        ReportOutcome::RolledBack
    );
    assert_eq!(host.lines("deploys"), 1);
    assert_eq!(host.read("version"), "1.0.0\n");
}
