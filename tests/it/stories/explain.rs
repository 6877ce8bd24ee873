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
    story.run("fleet explain production e");
    assert_story!(story);
}

#[test]
fn what_can_be_said_where_the_environment_is_invalid() {
    let mut story = running("pause");
    story.run("echo 'what: now' >>environments/production.yaml");
    story.commit("A typing error");
    story.run("fleet explain production a");
    story.run("fleet explain production a --format json | tr , '\\n' | grep -e invalid -e plan_id -e '\"version'");
    story.run("printf '%s: now\\n' when how why >>environments/production.yaml");
    story.commit("Four of them");
    story.run("COLUMNS=80 fleet explain production b | grep -A8 invalid");
    story.run(
        "git checkout -q HEAD~2 -- environments && echo '{{what}}' >>templates/app/deploy.sh.hbs",
    );
    story.commit("A template that is wrong");
    story.run("fleet explain production a | grep -A2 invalid");
    assert_story!(story);
}

#[test]
fn what_waits_for_another_service() {
    let mut story = running("pause");
    let needs = "\
services:
  app: { timeout: 30s }
  site: { template: app, requires: { app: '>=1.1.0' } }
";
    let before = "services: { app: { timeout: 30s } }\n";
    story.write("fleet.yaml", &super::fleets::FLEET.replace(before, needs));
    story.run("sed -i 's/app: 1.0.0/app: { version: 1.1.0, hold: audit }, site: 1.0.0/' environments/production.yaml");
    story.commit("A site, on an app that is held");
    story.run("fleet explain production a");
    story.run("fleet apply --yes");
    assert_story!(story);
}
