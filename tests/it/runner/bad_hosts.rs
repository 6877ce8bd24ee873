//! Scripts and machines that misbehave: every run still ends with one valid report.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;

use super::command::rewritten;
use super::host::{Host, INSTANCE, OBSERVE, Step, finish};

fn upgrade(name: &'static str) -> Step {
    Step::new(name, Action::Upgrade, "2.0.0").sequence(10)
}

#[test]
fn ten_megabytes_of_output_stay_on_the_host() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a")
        .script(
            "observe",
            &format!("head -c 10000000 /dev/zero | tr '\\0' y\necho\n{OBSERVE}"),
        )
        .script(
            "verify",
            "head -c 10000000 /dev/zero | tr '\\0' x; exit 1\n",
        );
    let ran = host.run(&step);
    assert_eq!(ran.gist(), "rolled_back in verify: verify exited with 1");
    assert_eq!(ran.stderr.len(), 7_500);
    assert!(
        fs::metadata(host.step_folder("a").join("log"))
            .unwrap()
            .len()
            > 20_000_000
    );
}

#[test]
fn binary_output_makes_no_invalid_report() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a").script(
        "verify",
        "fleet_fact bytes $'\\xff\\xc3\\x28\\x01\\x7f\"\\\\'\nhead -c 100000 /dev/urandom\nhead -c 3000 /dev/urandom >&2\n\
         fleet_fail $'\\xe2\\x82 \\xf0\\x9f\\x98\\x80 \\xed\\xa0\\x80'\n",
    );
    let report = host.run(&step).report();
    assert_eq!(report.outcome, ReportOutcome::RolledBack);
    assert_eq!(
        report.message,
        "verify failed: \u{fffd}\u{fffd} \u{1f600} \u{fffd}\u{fffd}\u{fffd}"
    );
    assert_eq!(report.facts["bytes"], "\u{fffd}\u{fffd}(\u{1}\u{7f}\"\\");
}

#[test]
fn garbled_facts_do_no_harm() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a").script(
        "observe",
        &format!("printf 'a\\0b=1\\n=x\\n==\\nversion\\n version=9\\nx y=2\\n$(id)=3\\n[0]=4\\n-n=5\\nok=`id` $(id)\\n'\n{OBSERVE}printf 'last=no newline'\n"),
    );
    let report = host.run(&step).report();
    assert_eq!(report.outcome, ReportOutcome::Succeeded, "{report:?}");
    let facts: Vec<_> = report
        .facts
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(facts, ["ab=1", "last=no newline", "ok=`id` $(id)"]);
}

#[test]
fn a_version_that_no_file_could_hold_is_refused() {
    let host = Host::with_version("1.0.0");
    for (name, print) in [
        ("a", "printf 'version=1\\t2\\n'"),
        ("b", "printf 'version=%0200d\\n' 1"),
        ("c", "echo version="),
    ] {
        let mut step = upgrade(name).script("observe", &format!("{print}\n"));
        step.sequence = 20;
        assert_eq!(
            host.run(&step).gist(),
            "refused in observe: observe printed no usable version="
        );
    }
}

#[test]
fn a_script_that_kills_its_parent_fails_and_goes_back() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a").script("deploy", "kill -9 $PPID\nsleep 300\n");
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in deploy: deploy was cut off: its parent process was killed"
    );
    let step = Step::new("b", Action::Upgrade, "2.0.0")
        .sequence(11)
        .script("deploy", "kill -9 0\n");
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in deploy: deploy was cut off: its parent process was killed"
    );
    let step = Step::new("c", Action::Upgrade, "2.0.0")
        .sequence(12)
        .script("deploy", "kill -9 $$\n");
    assert_eq!(
        host.run(&step).gist(),
        "rolled_back in deploy: deploy exited with 137"
    );
}

#[test]
fn exit_codes_that_mean_something_to_the_agent_are_failures_like_any_other() {
    let host = Host::with_version("1.0.0");
    for (sequence, (name, code)) in [
        ("a", 194),
        ("b", 168),
        ("c", 169),
        ("d", 137),
        ("e", 255),
        // 3010 means something on Windows only: here a status has eight bits.
        ("f", 3010),
    ]
    .into_iter()
    .enumerate()
    {
        let step = upgrade(name)
            .sequence(20 + sequence as u64)
            .script("deploy", &format!("exit {code}\n"));
        let report = host.run(&step).report();
        assert_eq!(report.exit, Some(code & 255));
        assert_eq!(report.outcome, ReportOutcome::RolledBack);
    }
}

#[test]
fn a_signal_does_not_end_a_step_that_has_begun() {
    let host = Host::with_version("1.0.0");
    let step = upgrade("a").script(
        "deploy",
        "touch \"$FLEET_ROOT/inside\"\nuntil [[ -e $FLEET_ROOT/go ]]; do sleep 0.05; done\necho 2.0.0 >\"$FLEET_ROOT/version\"\n",
    );
    let child = host.spawn(&step);
    host.await_file("inside");
    let group = rustix::process::Pid::from_child(&child);
    let runners = runners_of(group.as_raw_nonzero().get());
    assert_eq!(runners.len(), 1);
    for signal in ["-HUP", "-TERM", "-INT", "-PIPE"] {
        Command::new("kill")
            .args([signal, &runners[0]])
            .status()
            .unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    fs::write(host.path("go"), "").unwrap();
    assert_eq!(finish(child).gist(), "succeeded in deploy");
}

/// The processes of a group that run bash.
fn runners_of(group: i32) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| {
            let pid = entry.file_name().into_string().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
            let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (fields[2] == group.to_string() && line.starts_with("/bin/bash")).then_some(pid)
        })
        .collect()
}

#[test]
fn a_runner_that_breaks_off_still_says_so() {
    let host = Host::with_version("1.0.0");
    let breaks = |function: &str| {
        let lines = rewritten(
            &upgrade("a"),
            &format!("\n{function}() {{\n"),
            &format!("\n{function}() {{\n: \"${{nothing?}}\"\n"),
        );
        host.run_lines(&lines, INSTANCE).gist()
    };
    assert_eq!(breaks("take_lock"), "refused: the runner broke off");
    assert_eq!(breaks("check_clock"), "refused: the runner broke off");
    assert_eq!(host.lines("deploys"), 0);
    assert_eq!(
        breaks("prove"),
        "failed in deploy: the runner broke off in deploy"
    );
    // It is still open: the next run closes it.
    assert_eq!(
        host.run(&upgrade("a")).gist(),
        "rolled_back in deploy: interrupted in deploy"
    );
    assert_eq!(host.lines("deploys"), 1);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_refused() {
    let host = Host::new();
    fs::write(host.path("var"), "").unwrap();
    let report = host.run(&upgrade("a")).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert!(report.message.starts_with("could not make "), "{report:?}");
}

/// A small file system of its own; none where the tests may not mount.
struct Disk(PathBuf);

impl Disk {
    fn new(host: &mut Host, size: &str) -> Option<Self> {
        let folder = host.path("disk");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0755"),
                "tmpfs",
            ])
            .arg(&folder)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            return None;
        }
        host.root = folder.clone();
        Some(Self(folder))
    }

    fn fill(&self) {
        let _full = fs::write(self.0.join("fill"), vec![0; 64 << 20]).unwrap_err();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

const SKIPPED: &str = "skipped: mounting a small tmpfs needs root";

/// Takes all the space there is, then fails.
const FILLS: &str = "cat /dev/zero >\"$FLEET_ROOT/fill\"\n";

#[test]
fn a_full_disk_is_refused_before_anything_is_touched() {
    let mut host = Host::new();
    let Some(disk) = Disk::new(&mut host, "4m") else {
        println!("{SKIPPED}");
        return;
    };
    let lines = fleet::host::payload::pack(&[upgrade("a").task()]).unwrap();
    fs::create_dir_all(host.path("var/lib")).unwrap();
    let runs = Host::new();
    let run = || runs.run_with_root(&lines, &host.root);
    disk.fill();
    let ran = run();
    assert_eq!(ran.report().outcome, ReportOutcome::Refused);
    assert!(
        ran.report().message.contains("No space left on device"),
        "{ran:?}"
    );
    fs::remove_file(host.path("fill")).unwrap();
    assert_eq!(run().gist(), "succeeded in deploy");
}

#[test]
fn a_deploy_that_fills_the_disk_is_reported_over_the_reserve() {
    let mut host = Host::new();
    let Some(_disk) = Disk::new(&mut host, "4m") else {
        println!("{SKIPPED}");
        return;
    };
    let first = Step::new("first", Action::Install, "1.0.0");
    let runs = Host::new();
    let run = |step: &Step| {
        let lines = fleet::host::payload::pack(&[step.task()]).unwrap();
        runs.run_with_root(&lines, &host.root)
    };
    assert_eq!(run(&first).gist(), "succeeded in deploy");
    // Its rollback makes room again.
    let recovers = upgrade("a")
        .script("deploy", FILLS)
        .script("rollback", "rm \"$FLEET_ROOT/fill\"\n");
    let report = run(&recovers).report();
    assert_eq!(report.outcome, ReportOutcome::RolledBack, "{report:?}");
    // This one does not: nothing can be proven, and still the host says what happened.
    let stays = Step::new("b", Action::Upgrade, "2.0.0")
        .sequence(11)
        .script(
            "deploy",
            &format!("echo 2.0.0 >\"$FLEET_ROOT/version\"\n{FILLS}"),
        )
        .script("rollback", "echo no room >\"$FLEET_ROOT/x\"\n");
    let ran = run(&stays);
    assert_eq!(ran.report().outcome, ReportOutcome::Failed, "{ran:?}");
    let again = run(&stays);
    assert_eq!(again.stdout, ran.stdout, "it is stored");
    let newer = Step::new("c", Action::Upgrade, "2.0.0").sequence(12);
    assert_eq!(run(&newer).report().outcome, ReportOutcome::Refused);
    fs::remove_file(host.path("fill")).unwrap();
    assert_eq!(run(&newer).gist(), "succeeded in deploy");
}

#[test]
fn a_disk_that_is_read_only_is_refused() {
    let mut host = Host::new();
    let Some(disk) = Disk::new(&mut host, "4m") else {
        println!("{SKIPPED}");
        return;
    };
    let runs = Host::new();
    let run = |step: &Step| {
        let lines = fleet::host::payload::pack(&[step.task()]).unwrap();
        runs.run_with_root(&lines, &host.root)
    };
    assert_eq!(
        run(&Step::new("first", Action::Install, "1.0.0")).gist(),
        "succeeded in deploy"
    );
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(&disk.0);
        assert!(mount.status().unwrap().success());
    };
    remount("ro");
    let report = run(&upgrade("a")).report();
    assert_eq!(report.outcome, ReportOutcome::Refused);
    assert!(
        report.message.contains("Read-only file system"),
        "{report:?}"
    );
    remount("rw");
    assert_eq!(run(&upgrade("a")).gist(), "succeeded in deploy");
}
