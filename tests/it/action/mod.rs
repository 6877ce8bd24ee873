//! The GitHub action of `.github/actions/plan`: its step as GitHub would run it, in a shallow
//! checkout of a real remote, with the real binary, without AWS credentials, against an API on
//! loopback.

mod files;
mod github;
mod plan;
mod trouble;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml::Value;

use crate::stories::fleets::{self, FLEET};
use crate::stories::story::Story;
use github::{GitHub, TOKEN};

/// A pull request: a remote with a ledger and a merge commit, and GitHub.
struct Pull {
    story: Story,
    github: GitHub,
}

/// What the step did.
struct Run {
    code: i32,
    log: String,
    summary: String,
}

/// How the step is told what the user of the action has set.
type Inputs<'a> = &'a [(&'a str, &'a str)];

impl Pull {
    /// Hosts run 1.0.0, and the pull request's branch does this. None where `jq` is missing.
    fn open(branch: &str, change: impl FnOnce(&Story)) -> Option<Self> {
        if Command::new("jq").arg("--version").output().is_err() {
            let skipped = b"skipped: the action's step needs jq\n";
            std::io::stderr().write_all(skipped).unwrap();
            return None;
        }
        let mut story = Story::new();
        story.enter(".");
        story.quietly("git", &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        story.quietly("git", &["clone", "-q", "origin.git", "acme"]);
        story.enter("acme");
        let fleet = FLEET.replace("remote: none", "remote: origin");
        for (path, text) in fleets::files(&fleet, &fleets::production("1.0.0", "pause")) {
            story.write(path, text);
        }
        story.quietly("git", &["checkout", "-q", "-B", "main"]);
        story.commit("First version");
        story.quietly("git", &["push", "-q", "origin", "main"]);
        story.quietly("fleet", &["apply", "--yes"]);
        story.quietly("git", &["checkout", "-q", "-b", branch]);
        let mut pull = Self {
            story,
            github: GitHub::start(),
        };
        pull.push(change);
        Some(pull)
    }

    /// Another commit on the branch, and GitHub's merge of it, checked out as `actions/checkout`
    /// does it by default: one commit deep, no branch.
    fn push(&mut self, change: impl FnOnce(&Story)) {
        self.story.enter("acme");
        change(&self.story);
        let merge = "git fetch -q origin && tree=$(git rev-parse 'HEAD^{tree}') && \
             merge=$(git commit-tree \"$tree\" -p origin/main -p HEAD -m 'Merge it') && \
             git push -q -f origin \"$merge:refs/pull/7/merge\"";
        self.story.quietly("bash", &["-c", merge]);
        self.story.enter(".");
        let checkout = "rm -rf checkout && git init -q checkout && cd checkout && \
             git remote add origin \"file://$HOME/origin.git\" && \
             git fetch -q --depth=1 origin +refs/pull/7/merge:refs/remotes/pull/7/merge && \
             git checkout -q --force refs/remotes/pull/7/merge";
        self.story.quietly("bash", &["-c", checkout]);
        self.story.enter("checkout");
    }

    fn run(&self) -> Run {
        self.run_with(&[])
    }

    /// The step that plans, as `action.yml` has it.
    fn run_with(&self, inputs: Inputs<'_>) -> Run {
        let action = action();
        let steps = action["runs"]["steps"].as_sequence().unwrap();
        let step = steps.last().unwrap();
        let mut command = self.story.shell(step["run"].as_str().unwrap());
        for (name, value) in step["env"].as_mapping().unwrap() {
            let value = evaluate(&action, value.as_str().unwrap(), inputs);
            command.env(name.as_str().unwrap(), value);
        }
        let summary = self.story.folder().join("../summary.md");
        let _none_yet = fs::remove_file(&summary);
        let output = command
            .env("GITHUB_ACTION_PATH", folder())
            .env("GITHUB_API_URL", self.github.url())
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_REPOSITORY", "acme/fleet")
            .env("GITHUB_RUN_ID", "4711")
            .env("GITHUB_STEP_SUMMARY", &summary)
            // Every job has these, whatever its steps make of them.
            .env("GITHUB_HEAD_REF", "$(touch pwned)")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            log: text(&output),
            summary: fs::read_to_string(&summary).unwrap_or_default(),
        }
    }
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    match stderr.is_empty() {
        true => stdout,
        false => format!("{stdout}--- stderr\n{stderr}"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join(".github/actions/plan")
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn action() -> Value {
    yaml(".github/actions/plan/action.yml")
}

/// The value of an expression of `action.yml`; only those that it has.
fn evaluate(action: &Value, text: &str, inputs: Inputs<'_>) -> String {
    let Some(expression) = text
        .strip_prefix("${{ ")
        .and_then(|t| t.strip_suffix(" }}"))
    else {
        return text.to_owned();
    };
    if let Some(name) = expression.strip_prefix("inputs.")
        && !name.contains(' ')
    {
        let given = inputs.iter().find(|(other, _)| *other == name);
        let default = || action["inputs"][name]["default"].as_str().unwrap();
        return evaluate(
            action,
            given.map_or_else(default, |(_, value)| value),
            inputs,
        );
    }
    match expression {
        "inputs.fleet || format('{0}/fleet', steps.source.outputs.folder)" => {
            let given = inputs.iter().find(|(name, _)| *name == "fleet");
            given.map_or("fleet", |(_, path)| path).to_owned()
        }
        "github.token" => TOKEN.to_owned(),
        "github.event.pull_request.number" => {
            let is_push = inputs.contains(&("event", "push"));
            if is_push {
                String::new()
            } else {
                "7".to_owned()
            }
        }
        other => panic!("the test does not know {other:?}"),
    }
}
