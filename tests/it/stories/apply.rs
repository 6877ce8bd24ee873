use super::fleets::{FLEET, files, production, running};
use super::story::{Story, assert_story};

/// The main story, with a remote as a team has one.
#[test]
fn through_a_real_remote() {
    let mut story = Story::new();
    story.enter(".");
    story.quietly("git", &["init", "-q", "--bare", "-b", "main", "origin.git"]);
    story.quietly("git", &["clone", "-q", "origin.git", "acme"]);
    story.enter("acme");
    let fleet = FLEET.replace("remote: none", "remote: origin");
    for (path, text) in files(&fleet, &production("1.0.0", "rollback")) {
        story.write(path, text);
    }
    story.quietly("git", &["checkout", "-q", "-B", "main"]);
    story.commit("First version");
    story.remark("What is not pushed is not desired.");
    story.run("fleet plan");
    story.run("git push -q origin main");
    story.run("fleet plan");
    story.run("fleet apply --yes");
    story.run("fleet apply --yes");
    story.remark("A bump for a pull request.");
    story.run("fleet bump production app 1.1.0");
    story.run("git merge -q --ff-only fleet/bump-production-app-1.1.0 && fleet plan");
    story.run("git push -q origin main && fleet apply --yes");
    story.remark("A version that fails in the second wave: the first goes back too.");
    story.run("fleet bump production app 2.0.0-fails-on-c --direct && git push -q origin main");
    story.run("fleet apply --yes");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet rollout list");
    story.run("fleet rollout show production");
    story.run("fleet rollout logs production --host c");
    story.remark("Another clone knows the same, and plans the same to the byte.");
    story.run("git clone -q ../origin.git ../other && fleet --repo ../other status");
    story.run("fleet plan --format json >../a && fleet --repo ../other plan --format json >../b && cmp ../a ../b && echo same");
    story.run("fleet render production --out ../x && fleet --repo ../other render production --out ../y && diff -r ../x ../y && echo same");
    story.run("git log --reverse --format='%s%n%n%b' origin/fleet/observed");
    story.run("git ls-tree -r --name-only origin/fleet/observed");
    story.run("git show origin/fleet/observed:production/hosts/c.yaml");
    story.run("git show origin/fleet/observed:README.md");
    story.run("git status --short; git branch --all");
    assert_story!(story);
}

#[test]
fn events_for_programs() {
    let mut story = Story::with(&files(
        FLEET,
        &production("1.0.0", "pause").replace("[1, 2]", "100%"),
    ));
    let lines = story.quietly(
        "fleet",
        &["apply", "--yes", "--format", "json", "--host", "a"],
    );
    let events: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let (last, events) = events.split_last().expect("at least one");
    assert_eq!(last["format"], "fleet.rollout/1");
    assert_eq!(last["state"], "succeeded");
    assert_eq!(last["waves"][0]["steps"][0]["outcome"], "succeeded");
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(
        kinds,
        [
            "planned",
            "started",
            "wave_started",
            "step",
            "step",
            "wave_done",
            "ended"
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event["format"] == "fleet.event/1")
    );
    story.run("fleet rollout list --format json");
    story.run("fleet status --format json");
    assert_story!(story);
}

#[test]
fn nobody_to_ask() {
    let mut story = Story::with(&files(FLEET, &production("1.0.0", "pause")));
    story.run("fleet apply");
    story.run("fleet apply --yes nowhere");
    story.run("fleet apply --yes --host z");
    story.run("git branch --all; ls -A");
    assert_story!(story);
}

#[test]
fn outside_a_repository_and_in_an_empty_one() {
    let mut story = Story::new();
    story.run("fleet apply --yes");
    story.run("fleet --repo ../nowhere apply --yes");
    story.run("git init -q -b main && fleet apply --yes");
    story.run("git commit -q --allow-empty -m 'Nothing yet' && fleet apply --yes");
    story.run("git branch --all; ls -A");
    assert_story!(story);
}

#[test]
fn one_host_first() {
    let mut story = running("pause");
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet apply --yes --host b");
    story.run("fleet plan");
    assert_story!(story);
}

#[test]
fn a_hold_waits_and_its_end_starts() {
    let mut story = running("pause");
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("echo 'hold: audit' >>environments/production.yaml");
    story.commit("Hold");
    story.run("fleet apply --yes");
    story.run("fleet apply --yes --held-ok");
    story.run("fleet status");
    story.run("sed -i /hold/d environments/production.yaml");
    story.commit("Go on");
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn broken_scripts_reach_no_host() {
    let mut story = running("pause");
    story.write("templates/app/verify.sh.hbs", "if true\n");
    story.write(
        "environments/production.yaml",
        &production("1.1.0", "pause"),
    );
    story.commit("Break verify");
    story.run("fleet apply --yes");
    story.run("git log --format=%s fleet/observed | head -1");
    assert_story!(story);
}

#[test]
fn a_plan_that_was_looked_at_and_no_other() {
    let mut story = Story::new();
    story.enter(".");
    story.quietly("fleet", &["init", "acme"]);
    story.enter("acme");
    story.quietly("fleet", &["plan", "development", "--out", "plan.json"]);
    story.run("fleet apply --plan plan.json production --yes");
    story.run("sed -i 's/web: 1.0.0/web: 1.1.0/' environments/development.yaml");
    story.run(
        "fleet plan --worktree --out work.json >/dev/null; fleet apply --plan work.json --yes",
    );
    story.run(
        "fleet plan --revision HEAD --out head.json >/dev/null; fleet apply --plan head.json --yes",
    );
    story.commit("web 1.1.0");
    story.run("fleet apply --plan plan.json --yes");
    story.run("sed -i 's/web: 1.1.0/web: 1.0.0/; $arollout: { max_failures: 1 }' environments/development.yaml");
    story.commit("Back, but bolder");
    story.run("fleet apply --plan plan.json --yes");
    story.run("fleet apply --plan none.json --yes");
    story.run("echo '{' >bad.json; fleet apply --plan bad.json --yes");
    story.run("fleet status --format json >status.json; fleet apply --plan status.json --yes");
    story.run("sed 's/\"fleet\":\"[a-z]*\"/\"fleet\":\"other\"/' plan.json >other.json; fleet apply --plan other.json --yes");
    story.remark("Nothing was begun.");
    story.run("git branch --list 'fleet/*' | wc -l");
    story.quietly("fleet", &["plan", "development", "--out", "plan.json"]);
    story.run("fleet apply --plan plan.json --yes 2>/dev/null");
    story.remark("A plan runs once.");
    story.run("fleet apply --plan plan.json --yes");
    assert_story!(story);
}
