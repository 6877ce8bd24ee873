//! Hosts that are not well.

use super::fleets::running;
use super::story::assert_story;

/// `/dev/full` says what a full disk says, and needs no rights.
#[test]
fn a_deploy_finds_no_space_and_the_old_version_stays() {
    let mut story = running("pause");
    story.write(
        "templates/app/deploy.sh.hbs",
        "cp /proc/version \"$FLEET_ROOT/release\"\necho \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"\n",
    );
    story.quietly(
        "ln",
        &[
            "-s",
            "/dev/full",
            ".fleet/sandbox/hosts/production/b/release",
        ],
    );
    story.commit("Write the release");
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet apply --yes");
    story.run("fleet rollout logs production --host b");
    story.run("fleet status");
    assert_story!(story);
}

/// Nothing was touched, and nothing is as it should be.
#[test]
fn a_refused_host_is_not_in_sync() {
    let mut story = running("pause");
    story.write("templates/app/preflight.sh.hbs", "fleet_fail 'no room'\n");
    story.quietly(
        "sed",
        &[
            "-i",
            "s/batch: .1, 2.,/batch: 100%,/",
            "environments/production.yaml",
        ],
    );
    story.commit("Look first");
    story.quietly("fleet", &["bump", "production", "app", "1.1.0", "--direct"]);
    story.quietly("bash", &["-c", "fleet apply --yes; [ $? = 4 ]"]);
    story.run("fleet status | sed -n '3,6p'");
    story.run("fleet plan | grep -A2 held");
    assert_story!(story);
}
