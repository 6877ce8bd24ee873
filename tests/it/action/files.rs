//! The files themselves: what they name is there, and nothing of a pull request becomes code.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_yaml::Value;

use super::{action, folder, root, yaml};
use crate::support::executable;

const WORKFLOWS: [&str; 2] = [".github/workflows/ci.yml", ".github/workflows/plan.yml"];

/// Every step of the action and the workflows.
fn steps() -> Vec<(String, Value)> {
    let of = |path: &str, steps: &Value| -> Vec<(String, Value)> {
        let steps = steps.as_sequence().unwrap().iter();
        steps.map(|step| (path.to_owned(), step.clone())).collect()
    };
    let mut all = of("action.yml", &action()["runs"]["steps"]);
    for path in WORKFLOWS {
        let jobs = yaml(path)["jobs"].as_mapping().unwrap().clone();
        for (_, job) in jobs {
            all.extend(of(path, &job["steps"]));
        }
    }
    all
}

#[test]
fn no_expression_stands_in_a_script() {
    let runs: Vec<String> = steps()
        .iter()
        .filter_map(|(_, step)| step["run"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(runs.len(), 4);
    for run in runs {
        assert!(!run.contains("${{"), "{run}");
    }
}

#[test]
fn actions_of_others_are_pinned_and_our_own_is_there() {
    let mut own = 0;
    for (path, step) in steps() {
        let Some(uses) = step["uses"].as_str() else {
            assert!(step["run"].is_string(), "{path}");
            continue;
        };
        if let Some(local) = uses.strip_prefix("./") {
            assert!(root().join(local).join("action.yml").exists(), "{uses}");
            own += 1;
        } else {
            let (_, commit) = uses.split_once('@').unwrap();
            let is_commit = commit.len() == 40 && commit.bytes().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit, "{path}: {uses}");
        }
    }
    assert_eq!(own, 1);
}

#[test]
fn inputs_and_scripts_of_the_action_are_what_it_uses() {
    let text = fs::read_to_string(folder().join("action.yml")).unwrap();
    let action = action();
    let declared = action["inputs"].as_mapping().unwrap().keys();
    let declared: BTreeSet<&str> = declared.map(|name| name.as_str().unwrap()).collect();
    let named = text.split("inputs.").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap();
        &rest[..end]
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), declared);
    for input in action["inputs"].as_mapping().unwrap().values() {
        assert!(input["description"].is_string() && input["default"].is_string());
    }
    for script in ["build.sh", "plan.sh"] {
        assert!(text.contains(&format!("$GITHUB_ACTION_PATH/{script}\"")));
        let path = folder().join(script);
        assert_ne!(fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0);
        let checked = Command::new("bash").arg("-n").arg(&path).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    // Each setting of the script is one of the step's, and the other way round.
    let script = fs::read_to_string(folder().join("plan.sh")).unwrap();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    let settings = steps.last().unwrap()["env"].as_mapping().unwrap().keys();
    let settings: BTreeSet<&str> = settings.map(|name| name.as_str().unwrap()).collect();
    let read = script.match_indices("PLAN_").filter_map(|(at, _)| {
        let end = script[at..].find(|c: char| !c.is_ascii_uppercase() && c != '_')?;
        Some(&script[at..at + end]).filter(|name| *name != "PLAN_")
    });
    assert_eq!(read.collect::<BTreeSet<_>>(), settings);
}

#[test]
fn the_workflow_may_little_and_runs_once_at_a_time() {
    let workflow = yaml(".github/workflows/plan.yml");
    assert!(workflow["permissions"].as_mapping().unwrap().is_empty());
    let job = &workflow["jobs"]["plan"];
    let permissions = serde_yaml::to_string(&job["permissions"]).unwrap();
    assert_eq!(permissions, "contents: read\npull-requests: write\n");
    // Not `pull_request_target`, which has secrets and a token that writes.
    let events = workflow["on"].as_mapping().unwrap().keys();
    assert_eq!(events.collect::<Vec<_>>(), ["pull_request"]);
    let group = workflow["concurrency"]["group"].as_str().unwrap();
    assert!(
        group.contains("github.event.pull_request.number"),
        "{group}"
    );
    assert_eq!(
        workflow["concurrency"]["cancel-in-progress"],
        Value::Bool(false)
    );
}

/// What people copy is what is here, but for the line that says where the action comes from.
#[test]
fn the_documentation_shows_this_workflow() {
    let page = fs::read_to_string(root().join("docs/pull-requests.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let here = fs::read_to_string(root().join(".github/workflows/plan.yml")).unwrap();
    let shown: Value = serde_yaml::from_str(shown).unwrap();
    let mut here: Value = serde_yaml::from_str(&here).unwrap();
    let uses = &mut here["jobs"]["plan"]["steps"][1]["uses"];
    assert_eq!(uses.as_str(), Some("./.github/actions/plan"));
    *uses = Value::from("OWNER/fleet/.github/actions/plan@COMMIT");
    assert_eq!(shown, here);
    let action = action();
    for name in action["inputs"].as_mapping().unwrap().keys() {
        let name = name.as_str().unwrap();
        assert!(page.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

/// With a cargo that says where it ran: not where the pull request lies.
#[test]
fn the_binary_is_built_from_the_action_and_once() {
    let place = tempfile::tempdir().unwrap();
    let cargo = place.path().join("bin/cargo");
    executable(
        &cargo,
        "#!/bin/sh\necho \"$PWD: cargo $*\"\nmkdir -p \"$CARGO_TARGET_DIR/release\"\n\
         cp /bin/sh \"$CARGO_TARGET_DIR/release/fleet\"\n",
    );
    let build = |arguments: &[&str]| {
        let output = Command::new("bash")
            .arg(folder().join("build.sh"))
            .args(arguments)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", cargo.parent().unwrap().display()),
            )
            .env("RUNNER_TEMP", place.path())
            .current_dir(place.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key = build(&["key"]);
    let folder = place.path().join("fleet-plan");
    let prefix = format!("folder={}\nkey=", folder.display());
    let sum = key.strip_prefix(&prefix).unwrap().trim_end();
    assert_eq!(sum.len(), 64, "{key}");
    let folder = folder.to_str().unwrap();
    let said = build(&["build", folder]);
    assert_eq!(
        said,
        format!("{}: cargo build --release --locked\n", root().display())
    );
    assert_eq!(build(&["build", folder]), "");
}
