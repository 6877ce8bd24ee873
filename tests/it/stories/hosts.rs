//! Hosts that are not well.

use super::fleets::running;
use super::story::{Story, assert_story};
use crate::support::executable;

/// What follows finds this program before the system's; the real one is `$REAL`.
fn in_the_way(story: &mut Story, name: &str, script: &str) {
    let real = story.quietly("bash", &["-c", &format!("command -v {name}")]);
    let path = story.quietly("printenv", &["PATH"]);
    let script = script.replace("$REAL", real.trim());
    let folder = story.folder().join("../bin");
    executable(&folder.join(name), &format!("#!/bin/sh\n{script}\n"));
    story.set("PATH", &format!("{}:{}", folder.display(), path.trim()));
}

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

/// A disk that takes nothing more is found out before the step: nothing is touched, the other hosts
/// keep what they have, and the host is as it was.
#[test]
fn a_disk_that_is_full_before_the_step_refuses_it() {
    let mut story = running("rollback");
    in_the_way(
        &mut story,
        "sync",
        "case $1 in */production/b/app/*) echo \"sync: error syncing '$1': No space left on device\" >&2; exit 1;; esac\nexec $REAL \"$@\"",
    );
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet apply --yes");
    story.run("fleet status | sed -n '3,7p'; cat .fleet/sandbox/hosts/production/?/version");
    assert_story!(story);
}

/// What a host prints as its report is none: the step is not believed and not repeated, the host is
/// asked for the report that it has stored.
#[test]
fn a_garbled_report_is_asked_for_again() {
    let mut story = running("pause");
    // A program that talks on the runner's standard output, as the last step is stored.
    in_the_way(
        &mut story,
        "truncate",
        "case $* in */production/b/app/*) printf '{\"fleet\":1,\"st\\377';; esac\nexec $REAL \"$@\"",
    );
    story.write(
        "templates/app/verify.sh.hbs",
        "echo \"$FLEET_VERSION\" >>\"$FLEET_ROOT/deploys\"\n",
    );
    story.commit("Count the deploys");
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet apply --yes --host b");
    story.run("cat .fleet/sandbox/hosts/production/b/deploys; ls .fleet/sandbox/commands | wc -l");
    assert_story!(story);
}
