use super::fleets::running;
use super::story::{Story, assert_story};

/// The second of three waves fails, and the rollout waits for a person.
fn paused() -> Story {
    let mut story = running("pause");
    story.run("fleet bump production app 2.0.0-fails-on-b --direct");
    story.run("fleet apply --yes");
    story
}

#[test]
fn goes_on_without_the_failed_host() {
    let mut story = paused();
    story.run("fleet apply --yes");
    story.run("fleet continue production");
    story.run("git show fleet/statements | tail -8");
    story.run("fleet apply --yes");
    story.run("fleet rollout show production");
    assert_story!(story);
}

#[test]
fn tries_again() {
    let mut story = paused();
    story.run("fleet retry production");
    story.run("fleet apply --yes");
    assert_story!(story);
}

#[test]
fn ends_where_it_stands() {
    let mut story = paused();
    story.run("fleet abort production");
    story.run("fleet apply --yes");
    story.run("fleet status");
    assert_story!(story);
}

/// A plan says what the next apply does, and a person's word is part of that.
#[test]
fn what_is_lifted_is_planned() {
    let mut story = paused();
    story.quietly("fleet", &["abort", "production"]);
    story.shell("fleet apply --yes").output().expect("a shell");
    story.run("fleet plan");
    story.run("fleet retry production");
    story.run("fleet plan");
    assert_story!(story);
}

#[test]
fn nothing_to_decide() {
    let mut story = running("pause");
    story.run("fleet continue production");
    story.run("fleet abort production");
    story.run("fleet retry nowhere");
    story.run("fleet continue");
    assert_story!(story);
}

/// All that could change did, and the exit code is not 0: it says why.
#[test]
fn what_stays_held_beside_a_success_says_why() {
    let mut story = paused();
    story.quietly("fleet", &["continue", "production"]);
    story.shell("fleet apply --yes").output().expect("a shell");
    story.run("sed -i 's/d: {}/d: {}, e: {}, f: {}/' environments/production.yaml");
    story.commit("Two more");
    story.run("fleet apply --yes");
    story.run("fleet apply --yes; fleet apply --yes --format json");
    assert_story!(story);
}
