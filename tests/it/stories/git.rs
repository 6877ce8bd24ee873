//! Everything that git can say no to.

use super::fleets::{FLEET, files, production, running};
use super::story::{Story, assert_story};

fn with_remote(url: &str) -> Story {
    let fleet = FLEET.replace("remote: none", "remote: origin");
    let story = Story::with(&files(&fleet, &production("1.0.0", "pause")));
    if !url.is_empty() {
        story.quietly("git", &["remote", "add", "origin", url]);
    }
    story
}

#[test]
fn remotes() {
    let mut story = with_remote("");
    story.run("fleet plan");
    story.run("git remote add origin ../nowhere.git && fleet apply --yes");
    story.run("git init -q --bare ../nowhere.git && fleet apply --yes");
    story.remark("The remote takes the branch, and no ledger.");
    story.run("git push -q origin main");
    story.run(
        "printf '#!/bin/sh\\nread old new ref; case $ref in */fleet/*) echo not here >&2; exit 1;; esac\\n' >../nowhere.git/hooks/pre-receive && chmod +x ../nowhere.git/hooks/pre-receive",
    );
    story.run("fleet apply --yes");
    story.run("ls .fleet/sandbox/commands | wc -l; git ls-remote origin | wc -l");
    assert_story!(story);
}

#[test]
fn without_an_identity_nothing_is_sent() {
    let mut story = Story::with(&files(FLEET, &production("1.0.0", "pause")));
    story.configure("");
    story.run("fleet plan >/dev/null");
    story.run("fleet apply --yes");
    story.run("git branch --all; ls -A");
    assert_story!(story);
}

#[test]
fn a_detached_head_is_no_obstacle_where_the_branch_is_there() {
    let mut story = running("pause");
    story.run("git checkout -q --detach && git branch -q -D main && fleet plan");
    assert_story!(story);
}
