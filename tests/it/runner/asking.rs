//! Asking a host: the runner without a step.

use std::fs;

use fleet::host::report::{self, ReportProblem};
use fleet::model::plan::Action;
use fleet::model::report::{Outcome, ReportOutcome};
use fleet::model::task::Work;

use super::host::{Host, Step, step_id, task};

#[test]
fn a_step_is_told_by_its_stored_report_or_as_untouched() {
    let host = Host::with_version("1.0.0");
    let step = Step::new("a", Action::Upgrade, "2.0.0")
        .sequence(7)
        .script("verify", "echo 'why: ü' >&2; exit 1\n");
    let stored = host.run(&step).report();
    let observes = host.lines("observes");
    let ran = host.ask(&["a", "never", "before"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let answers = report::parse(&ran.stdout).unwrap();
    assert_eq!(answers[0], stored);
    assert_eq!(answers[1].step, step_id("never"));
    assert_eq!(answers[1].outcome, ReportOutcome::Untouched);
    assert_eq!(answers[1].sequence, Some(7));
    assert_eq!(answers[2].outcome, ReportOutcome::Succeeded);
    assert!(
        ran.stdout.contains(&format!(
            "{{\"fleet\":1,\"step\":\"{}\",\"outcome\":\"untouched\",\"sequence\":7}}\n",
            step_id("never")
        )),
        "{}",
        ran.stdout
    );
    assert_eq!(host.lines("observes"), observes, "asking runs nothing");
}

#[test]
fn a_host_that_never_saw_fleet_answers_too() {
    let host = Host::new();
    let answers = report::parse(&host.ask(&["a"]).stdout).unwrap();
    assert_eq!(answers[0].outcome, ReportOutcome::Untouched);
    assert_eq!(answers[0].sequence, Some(0));
    let ran = host.run_task(&task(Work::Current));
    assert_eq!(report::parse_current(&ran.stdout).unwrap(), []);
    assert_eq!(ran.code, Some(0));
}

#[test]
fn four_long_reports_fit_together() {
    let host = Host::with_version("1.0.0");
    let names = ["a", "b", "c", "d"];
    for name in names {
        let step = Step::new(name, Action::Upgrade, "2.0.0").script(
            "verify",
            "for n in {1..9}; do fleet_fact n$n ',\"tail\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxx'; done\n\
             fleet_stage s\nfleet_fail ',\"log\":\",\"facts\":{\"'\n",
        );
        assert!(host.run(&step).stdout.len() > 1_000);
    }
    let ran = host.ask(&names);
    assert!(ran.stdout.len() <= 2_400, "{}", ran.stdout.len());
    let answers = report::parse(&ran.stdout).unwrap();
    assert_eq!(answers.len(), 4);
    for (answer, name) in answers.iter().zip(names) {
        assert_eq!(answer.step, step_id(name));
        assert_eq!(answer.outcome, ReportOutcome::RolledBack);
        assert_eq!(answer.message, "verify failed: ,\"log\":\",\"facts\":{\"");
    }
}

#[test]
fn facts_and_stages_with_the_names_of_fields_survive_the_shortening() {
    let fields = [
        "step", "outcome", "message", "stages", "facts", "log", "tail",
    ];
    // Whichever of them comes last, and with and without a log and its end.
    for (last, code) in [("tail", 0), ("tail", 3), ("log", 0), ("message", 3)] {
        let host = Host::with_version("1.0.0");
        let mut verify = "echo 'a,\",},}}'\n".to_owned();
        for name in fields
            .into_iter()
            .filter(|name| *name != last)
            .chain([last])
        {
            verify += &format!("fleet_stage {name}\nfleet_fact {name} 'x}},\"'\n");
        }
        verify += &format!(
            "for n in {{1..9}}; do fleet_fact n$n {{a,b,c}}$(printf %060d 1); done\nfleet_fact {last} ,\nexit {code}\n"
        );
        let names = ["a", "b", "c", "d"];
        let stored = names.map(|name| {
            let step = Step::new(name, Action::Upgrade, "2.0.0").script("verify", &verify);
            host.run(&step).report()
        });
        for count in 1..=4 {
            let ran = host.ask(&names[..count]);
            assert!(ran.stdout.len() <= 2_400, "{}", ran.stdout.len());
            let told = report::parse(&ran.stdout)
                .unwrap_or_else(|e| panic!("{e}: {last} {code} {count}: {}", ran.stdout));
            for (told, stored) in told.iter().zip(&stored) {
                assert_eq!((&told.step, told.outcome), (&stored.step, stored.outcome));
                assert_eq!(
                    (&told.version, &told.message),
                    (&stored.version, &stored.message)
                );
                assert!(told.facts.is_empty() || told.facts == stored.facts);
                assert!(told.stages.is_empty() || told.stages == stored.stages);
            }
            assert_eq!(told.len(), count);
        }
    }
}

#[test]
fn every_service_tells_its_state_and_many_tell_less() {
    let host = Host::with_version("1.0.0");
    let template = fs::read_to_string(host.state().join("current")).unwrap();
    let add = |name: &str| {
        let folder = host.state().with_file_name(name);
        fs::create_dir_all(folder.join("steps")).unwrap();
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let text = template.replace("service=web", &format!("service={name}"));
        fs::write(folder.join("current"), text).unwrap();
    };
    let tell = || host.run_task(&task(Work::Current)).stdout;
    add("db");
    let states = report::parse_current(&tell()).unwrap();
    let names: Vec<_> = states.iter().map(|state| state.service.as_str()).collect();
    assert_eq!(names, ["db", "web"]);
    assert!(
        states
            .iter()
            .all(|state| state.revision.is_some() && state.at.is_some())
    );
    for k in 0..8 {
        add(&format!("extra-{k}"));
    }
    let text = tell();
    assert!(text.len() <= 2_400, "{}", text.len());
    let states = report::parse_current(&text).unwrap();
    assert_eq!(states.len(), 10);
    assert!(states.iter().all(|state| state.digest.is_some()
        && state.outcome == Some(Outcome::Succeeded)
        && state.sequence == 1));
    for k in 0..20 {
        add(&format!("more-{k}"));
    }
    let text = tell();
    assert!(text.len() <= 2_400, "{}", text.len());
    assert!(matches!(
        report::parse_current(&text),
        Err(ReportProblem::Incomplete { announced: 30, .. })
    ));
}

#[test]
fn a_receipt_that_fleet_has_not_written_is_not_passed_on() {
    let host = Host::with_version("1.0.0");
    let written = fs::read_to_string(host.state().join("current")).unwrap();
    for garbled in [
        "version=9\n".to_owned(),
        written.replace("format=1", "format=2"),
        written.replace("sequence=1", "sequence=x"),
        written.replace("sequence=1", "sequence=99999999999999999999"),
        String::new(),
    ] {
        fs::write(host.state().join("current"), garbled).unwrap();
        for ran in [host.ask(&["a"]), host.run_task(&task(Work::Current))] {
            let problem = report::parse(&ran.stdout).unwrap_err().to_string();
            assert!(
                problem.contains("current is not one that fleet has written"),
                "{problem}"
            );
        }
        let step = Step::new("a", Action::Upgrade, "2.0.0");
        assert_eq!(host.run(&step).report().outcome, ReportOutcome::Refused);
    }
    assert_eq!(host.lines("deploys"), 0);
}
