//! Steps that take a service away.

use fleet::model::plan::Action;
use fleet::model::report::Outcome;
use fleet::model::task::Undo;

use super::cut_off::{Killed, PLACES, assert_ended, cut_off_step, hangs};
use super::host::{Host, OBSERVE, ROLLBACK, Step};

const REMOVE: &str =
    "echo \"$FLEET_STEP $FLEET_VERSION $FLEET_PREVIOUS_VERSION\" >>\"$FLEET_ROOT/removes\"
rm -f \"$FLEET_ROOT/version\"
";

fn removal(name: &'static str) -> Step {
    let fails = "fleet_fail 'not for this'\n";
    Step::new(name, Action::Remove, "none")
        .sequence(5)
        .script("preflight", fails)
        .script("verify", fails)
        .script("remove", REMOVE)
}

#[test]
fn it_removes_and_proves_that_nothing_is_left() {
    let host = Host::with_version("1.0.0");
    let step = removal("away");
    let ran = host.run(&step);
    assert_eq!(ran.gist(), "succeeded in remove");
    let report = ran.report();
    assert_eq!(report.version, Some("none".into()));
    assert_eq!(report.previous, Some("1.0.0".into()));
    let seen = format!("{} none 1.0.0\n", step.id());
    assert_eq!(host.read("removes"), seen);
    assert_eq!(host.lines("deploys"), 0);
    let current = host.current();
    assert_eq!(current.version.as_str(), "none");
    assert_eq!(current.previous, Some("1.0.0".into()));
    assert_eq!(current.outcome, Some(Outcome::Succeeded));

    assert_eq!(host.run(&step).gist(), "succeeded in remove", "once");
    assert_eq!(host.lines("removes"), 1);
    let again = Step::new("again", Action::Install, "1.0.0").sequence(6);
    assert_eq!(host.run(&again).gist(), "succeeded in deploy");
    assert_eq!(host.lines("deploys"), 1);
}

#[test]
fn what_cannot_be_taken_away_is_put_back() {
    let host = Host::with_version("1.0.0");
    let before = host.current();
    let fails = removal("a").script("remove", "rm \"$FLEET_ROOT/version\"\nfalse\n");
    assert_eq!(
        host.run(&fails).gist(),
        "rolled_back in remove: remove exited with 1"
    );
    assert_eq!(host.read("version"), "1.0.0\n");
    let leaves = removal("b").script("remove", "true\n");
    assert_eq!(
        host.run(&leaves).gist(),
        "rolled_back in observe: observe printed version 1.0.0, not none"
    );
    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.digest, before.digest);
    let for_good = removal("c").script("remove", "false\n").without("rollback");
    assert_eq!(
        host.run(&for_good).gist(),
        "failed in remove: remove exited with 1; there is no rollback phase"
    );
}

#[test]
fn without_the_phase_nothing_is_touched() {
    let host = Host::with_version("1.0.0");
    let ran = host.run(&removal("a").without("remove"));
    assert_eq!(ran.gist(), "refused in observe: there is no remove phase");
    assert_eq!(host.current().version.as_str(), "1.0.0");
}

#[test]
fn without_observe_its_exit_code_decides() {
    let host = Host::with_version("1.0.0");
    let ran = host.run(&removal("a").without("observe"));
    assert_eq!(ran.gist(), "succeeded in remove");
    assert_eq!(host.current().version.as_str(), "none");
}

#[test]
fn a_rollback_step_brings_back_what_was_taken_away() {
    let host = Host::with_version("1.0.0");
    let before = host.current();
    assert_eq!(host.run(&removal("a")).gist(), "succeeded in remove");
    let mut back = removal("back").sequence(6);
    back.action = Action::Rollback;
    back.undo = Some(Undo {
        version: "1.0.0".into(),
        digest: before.digest.clone(),
    });
    assert_eq!(host.run(&back).gist(), "rolled_back in rollback");
    assert_eq!(host.read("version"), "1.0.0\n");
    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.digest, before.digest);
}

#[test]
fn rule_4_cut_off_in_remove_it_goes_back() {
    for killed in [Killed::Alone, Killed::WithChildren] {
        let host = Host::with_version("1.0.0");
        let step = removal("a").script("remove", &hangs("remove", REMOVE));
        let mut place = PLACES[2];
        place.phase = "remove";
        cut_off_step(&host, &step, place, killed);
        assert_eq!(
            host.run(&step).gist(),
            "rolled_back in remove: interrupted in remove"
        );
        assert_ended(&host);
        assert_eq!(host.lines("removes"), 1);
        assert_eq!(host.read("version"), "1.0.0\n");
    }
}

#[test]
fn rule_4_cut_off_before_remove_it_starts_again() {
    let host = Host::with_version("1.0.0");
    let step = removal("a")
        .script("observe", &hangs("observe", OBSERVE))
        .script("rollback", ROLLBACK);
    cut_off_step(&host, &step, PLACES[0], Killed::WithChildren);
    assert_eq!(host.run(&step).gist(), "succeeded in remove");
    assert_eq!((host.lines("removes"), host.lines("rollbacks")), (1, 0));
}
