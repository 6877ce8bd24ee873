use super::fleets::{FLEET, OBSERVE, ROLLBACK, files, production};
use super::story::{Story, assert_story};

/// A version that says so is well at first, and not two seconds later.
const DEPLOY: &str = "\
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
rm -f \"$FLEET_ROOT/sick\"
if [[ $FLEET_VERSION == *-fades ]]; then
  setsid -f sh -c \"sleep 2; touch '$FLEET_ROOT/sick'\" </dev/null >/dev/null 2>&1
fi
";

/// Four hosts on 1.0.0, of which `c` is the canary.
fn with_canary() -> Story {
    let environment = production("1.0.0", "rollback");
    let mut files = files(FLEET, &environment);
    let observe = format!("{OBSERVE}[[ ! -f $FLEET_ROOT/sick ]] || echo healthy=false\n");
    files[2].1 = &observe;
    files[3].1 = DEPLOY;
    let rollback = format!("rm -f \"$FLEET_ROOT/sick\"\n{ROLLBACK}");
    files[4].1 = &rollback;
    let story = Story::with(&files);
    story.quietly("fleet", &["apply", "--yes"]);
    story.write(
        "environments/production.yaml",
        "services: { app: 1.0.0 }
hosts: { a: {}, b: {}, c: { labels: { role: canary } }, d: {} }
rollout:
  strategy: canary
  canary: { select: role=canary }
  soak: 5s
  after_canary: wait
  on_failure: rollback
",
    );
    story.commit("A canary first");
    story
}

#[test]
fn a_canary_soaks_and_a_person_goes_on() {
    let mut story = with_canary();
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet plan");
    story.run("fleet apply --yes --no-wait");
    story.run("fleet status");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet plan");
    story.run("fleet status --format json | jq -c '.environments[0].gates'");
    story.run("fleet apply --yes");
    story.run("fleet continue production");
    story.run("fleet apply --yes");
    story.run("fleet rollout show production");
    story.run("git log --reverse --format=%s fleet/observed | tail -5");
    assert_story!(story);
}

#[test]
fn what_does_not_last_goes_back() {
    let mut story = with_canary();
    story.run("fleet bump production app 2.0.0-fades --direct");
    story.run("fleet apply --yes");
    story.run("fleet status");
    story.run("fleet plan");
    story.run("fleet rollout show production");
    story.run("git show fleet/observed:production/blocked.yaml");
    assert_story!(story);
}

#[test]
fn no_other_host_stands_in_for_the_canary() {
    let mut story = with_canary();
    story.run("fleet bump production app 1.1.0 --direct");
    story.run("fleet plan --host a");
    story.run("fleet apply --host a --yes");
    assert_story!(story);
}
