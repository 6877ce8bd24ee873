//! What closes a step that was cut off besides a step that runs: asking, and one that is too old.
//! And what is left on a host that cannot be read.

use std::fs;

use fleet::host::report;
use fleet::model::plan::Action;
use fleet::model::report::{Outcome, Report, ReportOutcome};
use fleet::model::task::Work;

use super::cut_off::{Killed, PLACES, assert_ended, cut_off, step};
use super::host::{Host, Step, task};

fn asked(host: &Host, name: &str) -> Report {
    let ran = host.ask(&[name]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    report::parse(&ran.stdout).unwrap().remove(0)
}

#[test]
fn asking_closes_what_was_cut_off_in_deploy_and_tells_it() {
    let host = cut_off(PLACES[2], Killed::Alone);
    let told = asked(&host, "a");
    assert_eq!(told.outcome, ReportOutcome::RolledBack);
    assert_eq!(told.message, "interrupted in deploy");
    assert_ended(&host);
    assert_eq!(
        (host.lines("rollbacks"), host.read("version").trim()),
        (1, "1.0.0")
    );
    assert_eq!(asked(&host, "a"), told);
    assert_eq!(host.run(&step("a", "2.0.0", 10)).report(), told);
    assert_eq!((host.lines("deploys"), host.lines("rollbacks")), (1, 1));
}

#[test]
fn asking_about_what_was_cut_off_before_deploy_says_untouched() {
    let host = cut_off(PLACES[1], Killed::Alone);
    let told = asked(&host, "a");
    assert_eq!(told.outcome, ReportOutcome::Untouched);
    assert_eq!(told.sequence, Some(10));
    assert_ended(&host);
    assert!(!host.step_folder("a").join("marker").exists());
    assert_eq!((host.lines("deploys"), host.lines("rollbacks")), (0, 0));
    assert_eq!(
        host.run(&step("a", "2.0.0", 10)).gist(),
        "succeeded in verify"
    );
}

#[test]
fn asking_for_the_receipts_closes_too() {
    let host = cut_off(PLACES[3], Killed::WithChildren);
    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.outcome, Some(Outcome::RolledBack));
    assert_eq!(host.lines("rollbacks"), 1);
}

#[test]
fn asking_where_it_cannot_be_closed_says_so() {
    let mut host = cut_off(PLACES[2], Killed::WithChildren);
    host.shadow("truncate", "#!/bin/bash\nexit 1\n");
    for ran in [host.ask(&["a"]), host.run_task(&task(Work::Current))] {
        assert_eq!(ran.code, Some(2));
        assert_eq!(
            report::parse(&ran.stdout).unwrap_err().to_string(),
            "the host could not answer: a step of web that was cut off could not be closed"
        );
    }
}

#[test]
fn rule_4_comes_before_rule_5() {
    let host = cut_off(PLACES[2], Killed::Alone);
    assert_eq!(
        host.run(&step("old", "1.5.0", 9)).gist(),
        "superseded: sequence 9 is below 10, which this host has seen"
    );
    assert_ended(&host);
    assert_eq!(host.lines("rollbacks"), 1);
    assert!(host.step_folder("a").join("report").exists());
}

#[test]
fn rule_4_that_the_marker_went_is_flushed() {
    let mut host = cut_off(PLACES[1], Killed::WithChildren);
    host.shadow(
        "sync",
        "#!/bin/bash\necho \"$*\" >>\"$FLEET_ROOT/syncs\"\nexec /usr/bin/sync \"$@\"\n",
    );
    assert_eq!(asked(&host, "a").outcome, ReportOutcome::Untouched);
    assert_eq!(
        host.read("syncs"),
        format!("{}\n", host.step_folder("a").display())
    );
}

#[test]
fn rule_4_what_still_runs_and_cannot_be_stored_is_no_refusal() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root, to run the runner as somebody who may not kill");
        return;
    }
    let mut host = cut_off(PLACES[2], Killed::WithChildren);
    let mut stays = super::cut_off::stays_behind(&host);
    host.shadow("truncate", "#!/bin/bash\nexit 1\n");
    host.as_nobody();
    let report = host.run(&step("a", "2.0.0", 10)).report();
    assert_eq!(report.outcome, ReportOutcome::Failed, "{report:?}");
    assert_eq!((host.lines("deploys"), host.lines("rollbacks")), (1, 0));
    stays.kill().unwrap();
    stays.wait().unwrap();
}

#[test]
fn rule_3_a_stored_report_that_cannot_be_read_is_neither_success_nor_untouched() {
    let host = Host::with_version("1.0.0");
    let upgrade = Step::new("a", Action::Upgrade, "2.0.0").sequence(10);
    let whole = host.run(&upgrade).stdout;
    let stored = host.step_folder("a").join("report");
    let receipt = fs::read(host.state().join("current")).unwrap();
    let observes = host.lines("observes");
    let other = whole.replace(upgrade.id().as_str(), &format!("{:064x}", 1));
    for damaged in [
        b"".as_slice(),
        b"\0\xff\0\n",
        &whole.as_bytes()[..40],
        other.as_bytes(),
    ] {
        fs::write(&stored, damaged).unwrap();
        let gist = "failed: the stored report of this step cannot be read, so it is not run again";
        assert_eq!(host.run(&upgrade).gist(), gist);
        let told = asked(&host, "a");
        assert_eq!(
            (told.step, told.outcome),
            (upgrade.id(), ReportOutcome::Failed)
        );
        assert_eq!(fs::read(&stored).unwrap(), damaged, "it is left for people");
    }
    assert_eq!(
        (host.lines("deploys"), host.lines("observes")),
        (1, observes)
    );
    assert_eq!(fs::read(host.state().join("current")).unwrap(), receipt);
    let newer = Step::new("b", Action::Upgrade, "3.0.0").sequence(11);
    assert_eq!(host.run(&newer).gist(), "succeeded in deploy");
}
