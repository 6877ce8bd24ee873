//! Rules 7 and 9 call by call: what is written and flushed in which order, and a runner that is
//! killed at each of these calls.

use std::fs;

use fleet::model::plan::Action;

use super::host::{DEPLOY, Host, Step, step_id};

/// A host whose `sync` and `mv` write down what they are told, and at the call that `die` names take
/// the runner with them before they do it.
fn watched() -> Host {
    let mut host = Host::with_version("1.0.0");
    for name in ["sync", "mv"] {
        host.shadow(
            name,
            &format!(
                "#!/bin/bash\necho \"{name} $*\" >>\"$FLEET_ROOT/calls\"\n\
                 if [[ -e $FLEET_ROOT/die && $(wc -l <\"$FLEET_ROOT/calls\") == $(<\"$FLEET_ROOT/die\") ]]; then\n\
                 rm \"$FLEET_ROOT/die\"; kill -9 0; sleep 5\nfi\nexec /usr/bin/{name} \"$@\"\n"
            ),
        );
    }
    host
}

fn upgrade(name: &'static str) -> Step {
    Step::new(name, Action::Upgrade, "2.0.0").sequence(10)
}

/// The calls with short paths: `.` for the service's folder, `S` for that of step `a`.
fn calls(host: &Host) -> Vec<String> {
    let state = host.state().display().to_string();
    let step = format!("steps/{}", step_id("a").short());
    let short = |line: &str| {
        let line = line.replace(&format!("{state}/"), "").replace(&state, ".");
        line.replace(&step, "S")
    };
    host.read("calls").lines().map(short).collect()
}

#[test]
fn rules_7_and_9_every_write_is_flushed_before_the_next_depends_on_it() {
    let host = watched();
    let step = upgrade("a").file("files/deep/er/blob", b"x");
    assert_eq!(host.run(&step).gist(), "succeeded in deploy");
    let expected = [
        // 7: the bundle with every folder in it, the reserve, the sequence, the marker.
        "sync S/step.env S/deploy.sh S/files/deep/er/blob S/files/deep/er S/files/deep S/files \
         S/observe.sh S/rollback.sh S steps",
        "sync S/report.new S/current.new S",
        "sync current.new",
        "mv -f current.new current",
        "sync .",
        "sync S/marker S",
        // 8: the marker before observe, deploy, observe.
        "sync S/marker",
        "sync S/marker",
        "sync S/marker",
        // 9: the report over its reserve, its name, then the receipt.
        "sync S/report.new S/current.new",
        "mv -f S/report.new S/report",
        "sync S",
        "mv -f S/current.new current",
        "sync . S",
    ];
    assert_eq!(calls(&host), expected);
}

#[test]
fn rule_7_the_folders_of_a_new_host_are_flushed_too() {
    let mut host = Host::new();
    host.shadow(
        "sync",
        "#!/bin/bash\necho \"$*\" >>\"$FLEET_ROOT/calls\"\nexec /usr/bin/sync \"$@\"\n",
    );
    let step = Step::new("a", Action::Install, "1.0.0");
    assert_eq!(host.run(&step).gist(), "succeeded in deploy");
    let mut folders = vec![host.path("var/lib")];
    for part in ["fleet", "acme", "production", "web-1", "web"] {
        folders.push(folders.last().unwrap().join(part));
    }
    let folders: Vec<_> = folders
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(
        host.read("calls").lines().next(),
        Some(folders.join(" ").as_str())
    );
}

#[test]
fn rule_9_report_and_receipt_go_over_the_reserve_of_4_kib() {
    let mut host = Host::with_version("1.0.0");
    host.shadow(
        "truncate",
        "#!/bin/bash\nstat -c %s \"${@: -1}\" >>\"$FLEET_ROOT/sizes\"\nexec /usr/bin/truncate \"$@\"\n",
    );
    let reserve =
        "cd \"$FLEET_FILES/..\"\nstat -c %s report.new current.new >\"$FLEET_ROOT/sizes\"\n";
    let step = upgrade("a").script("deploy", &format!("{DEPLOY}{reserve}"));
    assert_eq!(host.run(&step).gist(), "succeeded in deploy");
    // The last is that of the receipt after it was written over: a file that was cut first would
    // have given its blocks away.
    assert_eq!(host.read("sizes"), "4096\n4096\n4096\n");
    let report = fs::metadata(host.step_folder("a").join("report")).unwrap();
    assert_eq!(report.len(), 4096);
    let current = fs::read_to_string(host.state().join("current")).unwrap();
    assert!(current.ends_with("Z\n"), "no padding is left: {current:?}");
}

/// What a run that was killed at that call of the fourteen above has left to say.
fn expected(call: usize) -> (&'static str, usize) {
    match call {
        1..=7 => ("succeeded in deploy", 1),
        8 => ("rolled_back in deploy: interrupted in deploy", 0),
        9..=11 => ("rolled_back in observe: interrupted in observe", 1),
        _ => ("succeeded in deploy", 1),
    }
}

fn killed_at(call: usize) -> Host {
    let host = watched();
    fs::write(host.path("die"), call.to_string()).unwrap();
    let ran = host.run(&upgrade("a"));
    assert_eq!((ran.stdout.as_str(), ran.code), ("", None), "{call}");
    assert!(!host.path("die").exists(), "{call}");
    host
}

#[test]
fn rule_4_killed_at_every_write_and_the_same_step_again() {
    for call in 1..=14 {
        let host = killed_at(call);
        let (gist, deploys) = expected(call);
        let again = host.run(&upgrade("a"));
        assert_eq!(again.gist(), gist, "{call}");
        assert_eq!(host.lines("deploys"), deploys, "{call}");
        let version = match gist.starts_with("succeeded") {
            true => "2.0.0",
            false => "1.0.0",
        };
        assert_eq!(host.read("version"), format!("{version}\n"), "{call}");
        let current = host.current();
        assert_eq!(current.version.as_str(), version, "{call}");
        assert_eq!(current.step, Some(step_id("a")), "{call}");
        assert_eq!(host.run(&upgrade("a")).stdout, again.stdout, "{call}");
    }
}

#[test]
fn rule_4_killed_at_every_write_and_a_newer_step() {
    for call in 1..=14 {
        let host = killed_at(call);
        let newer = Step::new("b", Action::Upgrade, "3.0.0").sequence(11);
        assert_eq!(host.run(&newer).gist(), "succeeded in deploy", "{call}");
        let before = call <= 7;
        let deploys = if before { 1 } else { expected(call).1 + 1 };
        assert_eq!(host.lines("deploys"), deploys, "{call}");
        assert_eq!(host.current().version.as_str(), "3.0.0", "{call}");
        let late = host.run(&upgrade("a")).gist();
        let answer = match before {
            true => "superseded: sequence 10 is below 11, which this host has seen",
            false => expected(call).0,
        };
        assert_eq!(late, answer, "{call}");
        assert_eq!(host.lines("deploys"), deploys, "{call}");
    }
}
