//! One host, from new to blocked.

use super::fleets::running;
use super::story::assert_story;

#[test]
fn what_a_host_has_and_why_it_has_nothing_else() {
    let mut story = running("pause");
    story.run("fleet explain production a");
    story.quietly(
        "fleet",
        &["bump", "production", "app", "1.1.0-fails-on-b", "--direct"],
    );
    story.run("fleet explain production d");
    story.quietly("bash", &["-c", "fleet apply --yes; [ $? = 4 ]"]);
    story.remark("Host b failed and went back, and the rollout waits for a person.");
    story.run("COLUMNS=80 fleet explain production b");
    story.quietly("fleet", &["abort", "production"]);
    story.quietly("bash", &["-c", "fleet apply --yes; [ $? = 4 ]"]);
    story.run("fleet explain production b");
    story.run("fleet explain production b --format json");
    story.run("fleet retry production");
    story.run("sed -i 's/a: {}, b: {}/b: { hold: customer demo, services: { app: 1.0.0 } }/' environments/production.yaml");
    story.run("echo 'hold: stock-taking' >>environments/production.yaml");
    story.commit("Hold, and let a go");
    story.run("fleet explain production b");
    story.run("fleet explain production c");
    story.run("fleet explain production a");
    assert_story!(story);
}

#[test]
fn what_is_no_host_is_wrong_usage() {
    let mut story = running("pause");
    story.run("fleet explain production e");
    story.run("fleet explain productoin a");
    story.run("fleet explain production");
    story.run("echo 'what: now' >>environments/production.yaml");
    story.commit("A typing error");
    story.run("fleet explain production a");
    assert_story!(story);
}
