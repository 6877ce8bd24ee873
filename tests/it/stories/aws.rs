//! Everything that AWS can say no to: the production transport against a sandbox with faults.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::fleets::{FLEET, files};
use super::story::{Story, assert_story};

const PRODUCTION: &str = "\
services: { app: 1.0.0 }
hosts:
  a: { instance: i-0123456789abcdef0 }
  b: { instance: i-0123456789abcdef1 }
";

struct Sandbox(Child);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn repository() -> Story {
    let fleet = FLEET.replace("kind: sandbox", "kind: ssm, region: ap-southeast-2");
    Story::with(&files(&fleet, PRODUCTION))
}

/// Starts a sandbox and points the SDK there.
fn sandbox(story: &mut Story, arguments: &str) -> Sandbox {
    let mut child = story
        .shell(&format!("exec fleet sandbox {arguments}"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a sandbox");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    story.set(
        "AWS_ENDPOINT_URL_SSM",
        ready["endpoint"].as_str().expect("a URL"),
    );
    Sandbox(child)
}

fn credentials(story: &mut Story) {
    story.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    story.set(
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    );
}

#[test]
fn no_credentials_and_no_endpoint() {
    let mut story = repository();
    story.run("fleet apply --yes");
    credentials(&mut story);
    story.set("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9");
    story.run("fleet apply --yes");
    story.run("git branch --all");
    assert_story!(story);
}

#[test]
fn access_denied() {
    let mut story = repository();
    credentials(&mut story);
    story.write("faults.yaml", "deny: [{ operation: '*' }]\n");
    let _sandbox = sandbox(
        &mut story,
        "--instance i-0123456789abcdef0 --faults faults.yaml",
    );
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn a_host_that_ssm_does_not_know_is_deferred() {
    let mut story = repository();
    credentials(&mut story);
    let _sandbox = sandbox(&mut story, "--instance i-0123456789abcdef0");
    story.run("fleet apply --yes");
    story.run("fleet plan");
    story.run("fleet status");
    assert_story!(story);
}
