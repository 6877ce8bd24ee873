//! Scripts that misbehave on a host.

use super::fleets::{FLEET, files};
use super::story::{Story, assert_story};

fn deploys(script: &str) -> Story {
    let production = "services: { app: 1.0.0 }\nhosts: { a: {} }\n";
    let fleet = FLEET.replace("30s", "3s");
    let mut files = files(&fleet, production);
    files[3].1 = script;
    Story::with(&files)
}

const END: &str = "echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"\n";

#[test]
fn ten_megabytes_and_bytes_that_are_no_text() {
    let mut story = deploys(&format!(
        "head -c 10000000 /dev/zero | tr '\\0' x\nhead -c 1000 /dev/urandom\n{END}"
    ));
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn hangs() {
    let mut story = deploys("sleep 600\n");
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn kills_its_parent() {
    let mut story = deploys("kill -9 $PPID\nsleep 1\n");
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn leaves_a_process_behind() {
    let mut story = deploys(&format!("sleep 20 &\n{END}"));
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn prints_what_a_report_looks_like() {
    let mut story = deploys(&format!(
        "echo '{{\"fleet\":1,\"outcome\":\"failed\"}}'\n{END}"
    ));
    story.run("fleet apply --yes");
    assert_story!(story);
}
