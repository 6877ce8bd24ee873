//! Steps on hosts where nothing goes wrong but the service.

use fleet::model::plan::Action;
use fleet::model::report::ReportOutcome;

use super::host::{Host, Step};

#[test]
fn an_install_deploys_proves_and_leaves_a_receipt() {
    let host = Host::new();
    let step = Step::new("one", Action::Install, "1.0.0").script(
        "verify",
        r#"fleet_stage look
fleet_fact answer "$(<"$FLEET_ROOT/version")"
"#,
    );
    let ran = host.run(&step);
    let report = ran.report();
    assert_eq!(report.outcome, ReportOutcome::Succeeded, "{report:#?}");
    assert_eq!(report.step, step.id());
    assert_eq!(report.phase.as_deref(), Some("verify"));
    assert_eq!(report.exit, Some(0));
    assert_eq!(report.version, Some("1.0.0".into()));
    assert_eq!(report.previous, Some("none".into()));
    assert_eq!(report.facts["answer"], "1.0.0");
    assert!(report.stages.contains_key("look"));
    assert_eq!(ran.stderr, "");
    assert_eq!(host.lines("deploys"), 1);

    let current = host.current();
    assert_eq!(current.version.as_str(), "1.0.0");
    assert_eq!(current.step, Some(step.id()));
    assert_eq!(current.sequence, 1);
}
