//! Everything that AWS can say no to: the production transport against a sandbox with faults.

use std::process::Stdio;

use super::fleets::{FLEET, files};
use super::standing::{Standing, credentials, wait_until};
use super::story::{Story, assert_story};

const A: &str = "i-0123456789abcdef0";
const B: &str = "i-0123456789abcdef1";
const BOTH: &str = "--instance i-0123456789abcdef0 --instance i-0123456789abcdef1";

const PRODUCTION: &str = "\
services: { app: 1.0.0 }
hosts:
  a: { instance: i-0123456789abcdef0 }
  b: { instance: i-0123456789abcdef1 }
";

fn repository() -> Story {
    let fleet = FLEET.replace("kind: sandbox", "kind: ssm, region: ap-southeast-2");
    Story::with(&files(&fleet, PRODUCTION))
}

#[test]
fn no_credentials_and_no_endpoint() {
    let mut story = repository();
    story.run("fleet apply --yes");
    credentials(&mut story);
    story.set("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9");
    story.run("fleet apply --yes");
    story.run("fleet observe --rebuild");
    story.run("git branch --all");
    assert_story!(story);
}

#[test]
fn access_denied() {
    let mut story = repository();
    story.write("faults.yaml", "deny: [{ operation: '*' }]\n");
    let sandbox = Standing::aws(&mut story, &format!("{BOTH} --faults faults.yaml"));
    story.run("fleet apply --yes");
    story.run("git branch --all");
    assert_eq!(
        sandbox.count("SendCommand", "AccessDeniedException"),
        (0, 0)
    );
    assert_story!(story);
}

/// The usual gap in a role: it may look, and not send.
#[test]
fn sending_is_denied_and_allowed_later() {
    let mut story = repository();
    let sandbox = Standing::aws(&mut story, BOTH);
    sandbox.call("Faults", r#"{"deny":[{"operation":"SendCommand"}]}"#);
    story.run("fleet apply --yes");
    story.run("fleet status");
    sandbox.call("Faults", "{}");
    story.remark("The role may send now.");
    story.run("fleet apply --yes");
    for host in [A, B] {
        assert_eq!(sandbox.lines(host, "version"), ["1.0.0"]);
    }
    assert_eq!(
        sandbox.count("SendCommand", "AccessDeniedException"),
        (2, 1)
    );
    assert_story!(story);
}

#[test]
fn a_host_that_ssm_does_not_know_is_deferred() {
    let mut story = repository();
    let _sandbox = Standing::aws(&mut story, &format!("--instance {A}"));
    story.run("fleet apply --yes");
    story.run("fleet plan");
    story.run("fleet status");
    assert_story!(story);
}

/// Looking is describing, and nothing is written down.
#[test]
fn a_plan_says_which_hosts_ssm_does_not_know() {
    let mut story = repository();
    let sandbox = Standing::aws(&mut story, &format!("--instance {A}"));
    story.run("fleet plan --live");
    story.run("fleet plan --live --format markdown | grep -i -e offline -e live -e plan");
    let id = |plan: &str| format!("$(fleet plan {plan} --format json | grep -o 'plan_id[^,]*')");
    story.run(&format!(
        "[ \"{}\" = \"{}\" ] && echo the same plan",
        id(""),
        id("--live")
    ));
    story.run("git branch --all; git status --short");
    assert_eq!(sandbox.count("SendCommand", "None"), (0, 0));
    sandbox.call("Faults", r#"{"deny":[{"operation":"*"}]}"#);
    story.run("fleet plan --live");
    assert_story!(story);
}

/// The minute passes by the sandbox's clock, once the third call was refused.
#[test]
fn throttled_for_a_minute() {
    let mut story = repository();
    let sandbox = Standing::aws(&mut story, BOTH);
    sandbox.call(
        "Faults",
        r#"{"throttle":[{"operation":"SendCommand","seconds":60},
            {"operation":"DescribeInstanceInformation","calls":2},
            {"operation":"ListCommands","calls":2},
            {"operation":"ListCommandInvocations","calls":2}]}"#,
    );
    let line = "fleet apply --yes";
    let apply = story
        .shell(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("an apply");
    let refused = |operation| sandbox.count(operation, "ThrottlingException").1;
    wait_until("three refusals", || refused("SendCommand") >= 3);
    sandbox.call("Advance", r#"{"Seconds":60}"#);
    let output = apply.wait_with_output().expect("its end");
    story.tell(line, &output);
    story.run("git log --format=%s fleet/observed");
    let (calls, refusals) = sandbox.count("SendCommand", "ThrottlingException");
    assert_eq!(calls - refusals, 1, "one command for the one wave");
    for operation in [
        "DescribeInstanceInformation",
        "ListCommands",
        "ListCommandInvocations",
    ] {
        assert_eq!(refused(operation), 2, "{operation}");
    }
    for host in [A, B] {
        assert_eq!(sandbox.lines(host, "version"), ["1.0.0"]);
    }
    assert_story!(story);
}
