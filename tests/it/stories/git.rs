//! Everything that git can say no to.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::fleets::{FLEET, files, production, running};
use super::standing::wait_until;
use super::story::{Story, assert_story};
use crate::support::executable;

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

/// A remote behind an ssh that is a script: it gets what git asks for as its last argument.
fn behind_ssh(script: &str) -> Story {
    let story = with_remote("ssh://git.example/origin");
    story.quietly("git", &["init", "-q", "--bare", "../origin"]);
    story.quietly("git", &["push", "-q", "../origin", "main"]);
    let ssh = ssh(&story, script).display().to_string();
    story.quietly("git", &["config", "core.sshCommand", &ssh]);
    story
}

/// Writes the script.
fn ssh(story: &Story, script: &str) -> PathBuf {
    let path = story.folder().join("../ssh");
    executable(
        &path,
        &format!("#!/bin/sh\nfor asked; do :; done\n{script}"),
    );
    path
}

/// The remote answers, so it is reachable: it does not let us in.
#[test]
fn a_remote_that_lets_nobody_in_and_one_that_takes_nothing() {
    let deny = "echo 'git@git.example: Permission denied (publickey).' >&2\nexit 255\n";
    let mut story = behind_ssh(deny);
    story.run("fleet plan");
    story.run("fleet apply --yes");
    story.remark("A key that reads.");
    let read_only = "case $asked in git-receive-pack*)\n\
                     echo 'ERROR: The key you are authenticating with has been marked as read only.' >&2\n\
                     exit 1;;\nesac\nexec git-upload-pack ../origin\n";
    ssh(&story, read_only);
    story.run("fleet apply --yes 2>&1 | tail -2");
    story.run("fleet bump production app 1.1.0 --push");
    story.run("ls .fleet/sandbox/commands | wc -l");
    assert_story!(story);
}

#[test]
fn what_a_git_that_died_left_behind() {
    let mut story = running("pause");
    story.run("touch .git/index.lock && fleet bump production app 1.1.0 --direct");
    story.run("rm .git/index.lock; git status --short");
    story.run("echo broken >.git/refs/heads/fleet/observed && fleet plan");
    story.run("fleet apply --yes");
    story.run("rm .git/refs/heads/fleet/observed && fleet observe --rebuild 2>&1 | tail -1");
    assert_story!(story);
}

/// Before anything begins there is nothing to record: a signal ends fleet, and the git and ssh that
/// it waits for.
#[test]
fn ctrl_c_during_the_first_fetch_leaves_nothing_behind() {
    for (line, number) in [
        ("fleet plan", 2),
        ("fleet apply --yes", 15),
        ("fleet bump production app 1.1.0", 2),
    ] {
        let story = behind_ssh("echo $$ >../pid.new\nmv ../pid.new ../pid\nexec sleep 600\n");
        let mut fleet = story
            .shell(&format!("exec {line}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let pid = story.folder().join("../pid");
        wait_until("ssh", || pid.exists());
        let ssh = fs::read_to_string(pid).expect("a pid").trim().to_owned();
        let sent = Command::new("kill")
            .args([&format!("-{number}"), &fleet.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
        let status = fleet.wait().expect("an end");
        // Of the signal itself, which a shell calls 130 or 143.
        assert_eq!(status.signal(), Some(number), "{line}");
        let stat = format!("/proc/{ssh}/stat");
        wait_until("the end of ssh", || {
            fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))
        });
    }
}
