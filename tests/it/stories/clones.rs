//! Two clones of one fleet repository: what they agree on, and who may go on.

use std::process::Stdio;

use super::fleets::{FLEET, files, production};
use super::standing::{Standing, wait_until};
use super::story::{Story, assert_story};

const A: &str = "i-0123456789abcdef0";

/// An origin with these files, and a clone in `acme`.
pub(super) fn cloned(files: &[(&str, &str)]) -> Story {
    let mut story = Story::new();
    story.enter(".");
    story.quietly("git", &["init", "-q", "--bare", "-b", "main", "origin.git"]);
    story.quietly("git", &["clone", "-q", "origin.git", "acme"]);
    story.enter("acme");
    for (path, text) in files {
        story.write(path, text);
    }
    story.quietly("git", &["checkout", "-q", "-B", "main"]);
    // An age in years does not change between two commands.
    story.set("GIT_COMMITTER_DATE", "2020-02-02T12:00:00Z");
    story.set("GIT_AUTHOR_DATE", "2020-02-02T12:00:00Z");
    story.commit("First version");
    story.quietly("git", &["push", "-q", "origin", "main"]);
    story
}

/// What differs between two machines is in neither plan nor scripts: folder, user, time zone,
/// language, umask, what else lies about.
#[test]
fn plan_and_scripts_are_the_same_to_the_byte() {
    let fleet = FLEET.replace("remote: none", "remote: origin");
    let story = cloned(&files(&fleet, &production("1.0.0", "pause")));
    story.quietly(
        "bash",
        &["-c", "mkdir -p ../deep/below && git clone -q ../origin.git ../deep/below/other && echo x >../deep/below/other/stray"],
    );
    let everything = "fleet plan && fleet plan --format json && fleet plan --all && fleet plan --out \"$out.json\" \
                      && fleet render production && fleet render production --out \"$out\"";
    let here = format!("out=$HOME/a; {everything}");
    let there = format!(
        "export TZ=Australia/Sydney LANG=tr_TR.UTF-8 USER=bob; umask 077; out=$HOME/b; \
         git config user.name Bob; cd ../deep/below/other && {everything}"
    );
    let mut plans = Vec::new();
    for version in ["1.0.0", "1.1.0"] {
        story.write(
            "environments/production.yaml",
            &production(version, "pause"),
        );
        if version != "1.0.0" {
            story.commit("Another version");
            story.quietly("git", &["push", "-q", "origin", "main"]);
            story.quietly("bash", &["-c", "cd ../deep/below/other && git pull -q"]);
        }
        let here = story.quietly("bash", &["-c", &here]);
        let there = story.quietly("bash", &["-c", &there]);
        assert!(here.contains("wave 1"), "{here}");
        assert_eq!(here, there);
        story.quietly(
            "bash",
            &[
                "-c",
                "diff -r ~/a ~/b && cmp ~/a.json ~/b.json && rm -r ~/a ~/b",
            ],
        );
        plans.push(here);
        story.quietly("fleet", &["apply", "--yes"]);
    }
    assert_ne!(plans[0], plans[1]);
}

/// What is wrong is wrong at the remote's commit, not in the files that lie here.
#[test]
fn what_is_wrong_at_the_remote_names_its_commit() {
    let fleet = FLEET.replace("remote: none", "remote: origin");
    let mut story = cloned(&files(&fleet, &production("1.0.0", "pause")));
    story.quietly(
        "bash",
        &["-c", "git clone -q ../origin.git ../other && cd ../other && sed -i 's/ batch:/ batches:/' environments/production.yaml && git commit -qam Others && git push -q"],
    );
    let theirs = story.quietly("git", &["-C", "../other", "rev-parse", "--short=7", "HEAD"]);
    story.run("fleet validate");
    story.run("fleet status");
    for command in ["plan", "apply --yes", "observe"] {
        let output = story.run(&format!("fleet {command}"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!(" at {}", theirs.trim())), "{said}");
    }
    story.run("fleet bump production app 1.1.0");
    assert_story!(story);
}

/// A controller is killed in the middle of a wave, and its machine does not come back.
#[test]
fn another_clone_takes_over_an_open_wave() {
    let fleet = FLEET
        .replace("remote: none", "remote: origin")
        .replace("kind: sandbox", "kind: ssm, region: ap-southeast-2");
    let production = format!("services: {{ app: 1.0.0 }}\nhosts: {{ a: {{ instance: {A} }} }}\n");
    let mut files = files(&fleet, &production);
    files[3].1 = "\
echo \"$FLEET_VERSION\" >>\"$FLEET_ROOT/deploys\"
until [[ -e $FLEET_ROOT/go ]]; do sleep 0.05; done
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
";
    let mut story = cloned(&files);
    let sandbox = Standing::aws(&mut story, &format!("--instance {A}"));
    let mut apply = story
        .shell("exec fleet apply --yes")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("an apply");
    wait_until("the deploy", || !sandbox.lines(A, "deploys").is_empty());
    apply.kill().expect("still ours to kill");
    apply.wait().expect("its end");
    story.remark("A controller was killed in the middle of its wave. This is another clone.");
    story.quietly("git", &["clone", "-q", "../origin.git", "../other"]);
    story.enter("other");
    story.run("fleet status");
    story.run("fleet apply --yes --no-wait");
    std::fs::write(sandbox.instance(A).join("go"), "").expect("a file");
    story.run("fleet apply --yes --take-over");
    story.run("fleet apply --yes");
    story.run("git log --reverse --format=%s origin/fleet/observed");
    story.remark("The first clone is back.");
    story.enter("acme");
    story.run("fleet apply --yes");
    assert_eq!(sandbox.lines(A, "deploys"), ["1.0.0"], "deployed once");
    assert_eq!(sandbox.count("SendCommand", "").0, 1);
    assert_story!(story);
}
