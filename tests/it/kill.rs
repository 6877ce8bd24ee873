//! `kill -9` of `apply` from outside, at ten moments of a rollout of two waves, against a sandbox
//! that keeps running: the next `apply` finishes, and each host has run each deploy once.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::fixture::Fixture;
use crate::stories::fleets::{OBSERVE, ROLLBACK};
use crate::stories::standing::wait_until;

const HOSTS: [&str; 4] = ["a", "b", "c", "d"];

const FLEET: &str = "\
api_version: fleet/v1
name: kill
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { app: { timeout: 1m } }
";

/// Slow enough to be killed in the middle; what it appends is the proof.
const DEPLOY: &str = "\
echo \"$FLEET_VERSION\" >>\"$FLEET_ROOT/deploys\"
touch \"$FLEET_ROOT/deploying\"
sleep 1
rm \"$FLEET_ROOT/deploying\"
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
";

fn environment(version: &str) -> String {
    format!(
        "services: {{ app: {version} }}\n\
         hosts: {{ a: {{}}, b: {{}}, c: {{}}, d: {{}} }}\n\
         rollout: {{ strategy: batch, batch: 50% }}\n"
    )
}

/// When the controller is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Right after it started.
    Start,
    /// When the ledger has so many commits of this rollout.
    Commits(usize),
    /// When the service has accepted so many commands of this rollout.
    Commands(usize),
    /// In the middle of a host's deploy script.
    Deploying(&'static str),
    /// When a host has the new version, before that is recorded.
    Deployed(&'static str),
}

fn commits(fixture: &Fixture) -> usize {
    let count = fixture.git(&["rev-list", "--count", "fleet/observed"]);
    count.trim().parse().expect("a number")
}

fn commands(fixture: &Fixture) -> usize {
    let folder = fixture.repository().join(".fleet/sandbox/commands");
    fs::read_dir(folder).map_or(0, |entries| entries.count())
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn killed_at(moment: Moment) {
    let fixture = Fixture::new(&[
        ("fleet.yaml", FLEET),
        ("environments/lab.yaml", &environment("1.0.0")),
        ("templates/app/observe.sh.hbs", OBSERVE),
        ("templates/app/deploy.sh.hbs", DEPLOY),
        ("templates/app/rollback.sh.hbs", ROLLBACK),
    ]);
    let _sandbox = fixture.sandbox();
    let first = fixture.fleet(&["apply", "--yes"]);
    assert!(
        first.status.success(),
        "{moment:?}: {}",
        String::from_utf8_lossy(&first.stderr)
    );

    fixture.write("environments/lab.yaml", &environment("2.0.0"));
    fixture.commit("app 2.0.0");
    let (commits_before, commands_before) = (commits(&fixture), commands(&fixture));
    let mut apply = fixture
        .command(&["apply", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fleet apply starts");
    let root = |host| fixture.host("lab", host);
    wait_until(&format!("{moment:?}"), || match moment {
        Moment::Start => true,
        Moment::Commits(wanted) => commits(&fixture) >= commits_before + wanted,
        Moment::Commands(wanted) => commands(&fixture) >= commands_before + wanted,
        Moment::Deploying(host) => root(host).join("deploying").exists(),
        Moment::Deployed(host) => lines(&root(host).join("version")) == ["2.0.0"],
    });
    apply.kill().expect("still ours to kill");
    apply.wait().expect("its end");

    let second = fixture.fleet(&["apply", "--yes"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(0), "{moment:?}: {said}");
    for host in HOSTS {
        assert_eq!(
            lines(&root(host).join("deploys")),
            ["1.0.0", "2.0.0"],
            "{moment:?} on {host}"
        );
        assert_eq!(
            lines(&root(host).join("version")),
            ["2.0.0"],
            "{moment:?} on {host}"
        );
    }
    let (commits_after, commands_after) = (commits(&fixture), commands(&fixture));
    let third = fixture.fleet(&["apply", "--yes"]);
    assert_eq!(third.status.code(), Some(0), "{moment:?}");
    assert_eq!(
        commits(&fixture),
        commits_after,
        "{moment:?}: a pass without change commits nothing"
    );
    assert_eq!(
        commands(&fixture),
        commands_after,
        "{moment:?}: a pass without change sends nothing"
    );
    fixture.git(&["fsck", "--strict"]);
}

/// Most of this is waiting, so the ten run side by side.
#[test]
fn a_killed_apply_is_finished_by_the_next_and_nothing_runs_twice() {
    let moments = [
        Moment::Start,
        Moment::Commits(1),
        Moment::Commands(1),
        Moment::Deploying("a"),
        Moment::Deployed("a"),
        Moment::Commits(2),
        Moment::Commands(2),
        Moment::Deploying("c"),
        Moment::Deployed("d"),
        Moment::Commits(3),
    ];
    let failed: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = moments
            .map(|moment| (moment, scope.spawn(move || killed_at(moment))))
            .into();
        runs.into_iter()
            .filter_map(|(moment, run)| run.join().err().map(|_| format!("{moment:?}")))
            .collect()
    });
    assert!(failed.is_empty(), "killed at {failed:?}, see above");
}
