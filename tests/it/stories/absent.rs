use super::fleets::{FLEET, files, production};
use super::story::{Story, assert_story};

/// What stands in its way on one host shows itself when half of it is gone.
const REMOVE: &str = "\
rm \"$FLEET_ROOT/version\"
if [[ -e $FLEET_ROOT/in-use ]]; then fleet_fail 'a file is in use'; fi
";

/// Four hosts on 1.0.0 that cannot be rid of it, and then can.
fn running() -> Story {
    let story = Story::with(&files(FLEET, &production("1.0.0", "rollback")));
    story.quietly("fleet", &["apply", "--yes"]);
    story
}

const GOES: &str = "sed -i 's/app: 1.0.0/app: absent/' environments/production.yaml";

#[test]
fn a_service_goes_and_comes_back() {
    let mut story = running();
    story.run(GOES);
    story.run("fleet validate");
    story.write("templates/app/remove.sh.hbs", REMOVE);
    story.run("fleet validate");
    story.commit("No app any more");
    story.run("fleet render production --host a | sed -n '/remove.sh/,$p'");
    story.run("fleet plan");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet plan --all");
    story.run(
        "git show fleet/observed:production/hosts/a.yaml; ls .fleet/sandbox/hosts/production/a",
    );
    story.run("git log --format=%s fleet/observed | head -1");
    story.remark("Nothing more is sent, whatever else the environment says.");
    story.run("fleet apply --yes");
    story.run("sed -i 's/app: absent/app: 1.0.0/' environments/production.yaml");
    story.commit("It was needed after all");
    story.run("fleet apply --yes --host a");
    assert_story!(story);
}

#[test]
fn what_cannot_go_on_one_host_stays_on_all() {
    let mut story = running();
    story.run(GOES);
    story.write("templates/app/remove.sh.hbs", REMOVE);
    story.commit("No app any more");
    story.run("touch .fleet/sandbox/hosts/production/b/in-use");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet plan --host a");
    story.run("cat .fleet/sandbox/hosts/production/{a,b}/version");
    story.run("rm .fleet/sandbox/hosts/production/b/in-use; fleet retry production && fleet apply --yes | tail -1");
    story.run("fleet status");
    assert_story!(story);
}

/// Nothing runs on what left the manifest, and it is known again when it comes back.
#[test]
fn what_leaves_the_manifest_is_left_alone() {
    let mut story = running();
    story.run("sed -i 's/, d: {}//' environments/production.yaml");
    story.commit("d goes");
    story.run("fleet plan");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet explain production d");
    story.run("cat .fleet/sandbox/hosts/production/d/version; git log --format=%s fleet/observed | head -1");
    story.run("sed -i 's/c: {}/c: {}, d: {}/' environments/production.yaml");
    story.commit("d is back");
    story.run("fleet plan");
    story.run("fleet apply --yes | tail -1; fleet status");
    assert_story!(story);
}
