use super::fleets::{FLEET, files, production};
use super::story::{Story, assert_story};

/// Three of four hosts run something already, one of them another version.
fn occupied() -> Story {
    let story = Story::with(&files(FLEET, &production("1.0.0", "rollback")));
    for (host, version) in [("a", "1.0.0"), ("b", "1.0.0"), ("c", "0.9.0")] {
        let path = format!(".fleet/sandbox/hosts/production/{host}/version");
        story.write(&path, &format!("{version}\n"));
    }
    story
}

#[test]
fn what_runs_is_taken_over_and_then_upgraded() {
    let mut story = occupied();
    story.run("fleet adopt production");
    story.run("fleet adopt production --yes");
    story.run("git show fleet/observed:production/hosts/a.yaml");
    story.run("fleet status");
    story.run("fleet plan");
    story.run("fleet adopt production --yes");
    story.run("fleet apply --yes");
    story.run("fleet observe");
    story.remark("What was adopted changes as everything else does, and goes back as well.");
    story.run("fleet bump production app 1.1.0-fails-on-b --direct");
    story.run("fleet apply --yes");
    story.run("fleet bump production app 1.0.0 --direct");
    story.run("fleet plan");
    story.run("fleet bump production app 1.2.0 --direct && fleet apply --yes | tail -1");
    story.run("git log --format=%s fleet/observed");
    assert_story!(story);
}

#[test]
fn an_install_over_something_foreign_is_refused() {
    let mut story = occupied();
    story.run("fleet apply --yes --host a");
    story.run("cat .fleet/sandbox/hosts/production/a/version");
    story.run("fleet status | sed -n '/  a /p'");
    story.run("fleet explain production a | sed -n '/lift/,/^$/p'");
    story.run("fleet adopt production --yes --host a --format json");
    story.run("fleet plan --host a");
    assert_story!(story);
}

#[test]
fn what_cannot_be_looked_at_is_not_adopted() {
    let mut story = occupied();
    story.run("echo 'exit 3' >templates/app/observe.sh.hbs");
    story.commit("An observe that fails");
    story.run("fleet adopt production --yes --host a --host d");
    story.run("rm templates/app/observe.sh.hbs");
    story.commit("And none");
    story.run("fleet adopt production --yes --host a");
    story.run("fleet adopt prod; fleet adopt production --host z");
    assert_story!(story);
}
