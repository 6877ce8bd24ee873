//! `apply` on a terminal: what is seen there, what an answer does, and what Ctrl-C leaves behind.
//! `pty.py` beside this file is the terminal and the person before it.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use super::fleets::{OBSERVE, ROLLBACK};
use super::story::FILTERS;
use crate::fixture::Fixture;
use crate::support::executable;

const FLEET: &str = "\
api_version: fleet/v1
name: acme
git: { remote: none }
transports: { lab: { kind: sandbox } }
services: { app: { timeout: 2m } }
";

/// Under way until the test says so; what it appends is the proof of how often it ran.
const DEPLOY: &str = "\
echo \"$FLEET_VERSION\" >>\"$FLEET_ROOT/deploys\"
touch \"$FLEET_ROOT/deploying\"
until [ -e \"$FLEET_ROOT/../../../../go\" ]; do sleep 0.1; done
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
";

fn with(fleet: &str, environment: &str) -> Fixture {
    Fixture::new(&[
        ("fleet.yaml", fleet),
        ("environments/lab.yaml", environment),
        ("templates/app/observe.sh.hbs", OBSERVE),
        ("templates/app/deploy.sh.hbs", DEPLOY),
        ("templates/app/rollback.sh.hbs", ROLLBACK),
    ])
}

const FOUR: &str = "\
services: { app: 1.0.0 }
hosts: { a: {}, b: {}, c: {}, d: {} }
rollout: { strategy: batch, batch: 50% }
";

/// How a run on a terminal ended.
struct Ended {
    exit: i64,
    shots: Vec<Value>,
    screen: String,
}

fn text(lines: &Value) -> String {
    let lines: Vec<&str> = lines
        .as_array()
        .map(|lines| lines.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    lines.join("\n").trim_end().to_owned()
}

/// Runs a program of the fixture on a terminal. None, and a word why, where there is no python3.
fn on_terminal(
    fixture: &Fixture,
    (rows, columns): (u16, u16),
    program: &[&str],
    steps: &Value,
) -> Option<Ended> {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|output| output.status.success()) {
        let skipped = b"skipped: no python3, which is the terminal of this test\n";
        std::io::stderr().write_all(skipped).expect("stderr");
        return None;
    }
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/stories/pty.py");
    let mut command = fixture.program("python3");
    command
        .args([driver, &rows.to_string(), &columns.to_string()])
        .arg(steps.to_string())
        .args(program)
        .env("TERM", "xterm-256color");
    let output = command.output().expect("python3 runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let ended: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    Some(Ended {
        exit: ended["exit"].as_i64().expect("a number"),
        shots: ended["shots"].as_array().expect("a list").clone(),
        screen: text(&ended["screen"]),
    })
}

const APPLY: [&str; 2] = [env!("CARGO_BIN_EXE_fleet"), "apply"];
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const RECORDING: &str = "recording where things stand";

fn go(fixture: &Fixture) -> String {
    let path = fixture.repository().join(".fleet/go");
    path.display().to_string()
}

fn deploying(fixture: &Fixture, host: &str) -> String {
    let path = fixture.host("lab", host).join("deploying");
    path.display().to_string()
}

fn commands(fixture: &Fixture) -> usize {
    let folder = fixture.repository().join(".fleet/sandbox/commands");
    fs::read_dir(folder).map_or(0, |entries| entries.count())
}

fn has_ledger(fixture: &Fixture) -> bool {
    !fixture
        .git(&["for-each-ref", "refs/heads/fleet"])
        .is_empty()
}

/// The steps of the last rollout's last wave, with their outcomes.
fn last_wave(fixture: &Fixture) -> (String, Vec<Value>) {
    let output = fixture.fleet(&["rollout", "show", "lab", "--format", "json"]);
    let rollout: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let waves = rollout["waves"].as_array().expect("waves");
    let steps = waves.last().expect("a wave")["steps"].as_array();
    let outcomes = steps.expect("steps").iter();
    (
        rollout["state"].as_str().expect("a state").to_owned(),
        outcomes.map(|step| step["outcome"].clone()).collect(),
    )
}

/// A wave that nobody watches any more is finished by the next apply, and nothing ran twice.
fn is_taken_up(fixture: &Fixture, hosts: &[&str]) {
    let (state, outcomes) = last_wave(fixture);
    assert_eq!(state, "running");
    assert_eq!(outcomes, [Value::Null, Value::Null], "the wave is open");
    fs::write(go(fixture), "").expect("a file");
    let next = fixture.fleet(&["apply", "--yes"]);
    let said = String::from_utf8_lossy(&next.stderr);
    assert_eq!(next.status.code(), Some(0), "{said}");
    for host in hosts {
        let deploys = fs::read_to_string(fixture.host("lab", host).join("deploys"));
        assert_eq!(deploys.expect("it ran"), "1.0.0\n", "on {host}");
    }
    let before = commands(fixture);
    assert_eq!(fixture.fleet(&["apply", "--yes"]).status.code(), Some(0));
    assert_eq!(commands(fixture), before, "there was nothing left to send");
}

#[test]
fn a_plan_that_is_declined_changes_nothing() {
    let fixture = with(FLEET, FOUR);
    for (answer, screen) in [
        ("n\r", "Apply? [y/N] n\nerror: nothing was applied"),
        ("\r", "Apply? [y/N]\nerror: nothing was applied"),
        ("yess\r", "Apply? [y/N] yess\nerror: nothing was applied"),
        (CTRL_D, "Apply? [y/N]\nerror: nothing was applied"),
    ] {
        let steps = json!([["expect", "Apply? [y/N] "], ["type", answer]]);
        let Some(ended) = on_terminal(&fixture, (24, 80), &APPLY, &steps) else {
            return;
        };
        assert_eq!(ended.exit, 1, "{answer:?}");
        assert!(
            ended.screen.ends_with(screen),
            "{answer:?}: {}",
            ended.screen
        );
        assert!(ended.screen.contains("wave 1  a, b"), "{}", ended.screen);
    }
    // Ctrl-C at the question is a no that a shell understands: the signal itself, which it calls 130.
    let steps = json!([["expect", "Apply? [y/N] "], ["type", CTRL_C]]);
    if let Some(ended) = on_terminal(&fixture, (24, 80), &APPLY, &steps) {
        assert_eq!(ended.exit, -2);
    }
    assert!(!has_ledger(&fixture), "nothing was committed");
    assert_eq!(commands(&fixture), 0, "nothing was sent");
}

/// What was shown is what begins, or nothing.
#[test]
fn a_plan_that_changes_while_it_is_looked_at_is_shown_again() {
    let fixture = with(FLEET, FOUR);
    let newer = "sed -i s/1.0.0/1.0.1/ environments/lab.yaml; git commit -qam newer";
    for (answer, exit) in [("n\r", 1), (CTRL_C, 130)] {
        let steps = json!([
            ["expect", "Apply? [y/N] "],
            ["run", newer],
            ["type", "y\r"],
            ["expect", "lab  the plan changed meanwhile"],
            ["expect", "none → 1.0.1"],
            ["expect", "Apply? [y/N] "],
            ["type", answer],
        ]);
        let Some(ended) = on_terminal(&fixture, (24, 80), &APPLY, &steps) else {
            return;
        };
        assert_eq!(ended.exit, exit, "{answer:?}: {}", ended.screen);
        fixture.git(&["reset", "-q", "--hard", "HEAD~"]);
    }
    assert!(!has_ledger(&fixture), "nothing was committed");
    assert_eq!(commands(&fixture), 0, "nothing was sent");
}

/// The plan of a rollout that waits is not the one that begins once a newer one is desired.
#[test]
fn a_rollout_that_waits_does_not_hide_what_would_begin() {
    let fixture = with(FLEET, &format!("hold: audit\n{FOUR}"));
    assert_eq!(fixture.fleet(&["apply", "--yes"]).status.code(), Some(5));
    let before = fixture.git(&["rev-parse", "fleet/observed"]);
    fixture.write("environments/lab.yaml", &FOUR.replace("1.0.0", "2.0.0"));
    fixture.commit("app 2.0.0, and no hold");
    let steps = json!([
        ["expect", "is waiting"],
        ["expect", "none → 2.0.0"],
        ["expect", "Apply? [y/N] "],
        ["type", "n\r"],
    ]);
    if let Some(ended) = on_terminal(&fixture, (24, 80), &APPLY, &steps) {
        assert_eq!(ended.exit, 1, "{}", ended.screen);
        assert_eq!(fixture.git(&["rev-parse", "fleet/observed"]), before);
        assert_eq!(commands(&fixture), 0, "nothing was sent");
    }
}

#[test]
fn plain_lines_are_what_stays() {
    let fixture = with(FLEET, FOUR);
    let steps = json!([
        ["expect", "Apply? [y/N] "],
        ["type", "y\r"],
        ["exists", deploying(&fixture, "a")],
        ["exists", deploying(&fixture, "b")],
        ["shows", " b  app  none → 1.0.0  sent"],
        ["shows", " a  app  none → 1.0.0  sent"],
        ["look", ""],
        ["echoes", ""],
        ["touch", go(&fixture)],
    ]);
    let Some(ended) = on_terminal(&fixture, (24, 80), &APPLY, &steps) else {
        return;
    };
    assert_eq!(ended.exit, 0, "{}", ended.screen);
    assert_eq!(ended.shots[1], false, "an echoed ^C would tear live lines");
    let shown = format!(
        "--- while the first wave runs\n{}\n--- in the end\n{}\n",
        text(&ended.shots[0]),
        ordered(&ended.screen)
    );
    let mut filters = FILTERS.to_vec();
    filters.push(("[⠁-⣿]", "*"));
    insta::with_settings!({ filters => filters, omit_expression => true }, {
        insta::assert_snapshot!(shown);
    });
}

/// Hosts of a wave end in any order.
fn ordered(screen: &str) -> String {
    let mut lines: Vec<&str> = screen.lines().collect();
    for group in lines.chunk_by_mut(|a, b| a.contains("succeeded ") && b.contains("succeeded ")) {
        group.sort_unstable();
    }
    lines.join("\n")
}

#[test]
fn more_hosts_than_rows_are_counted() {
    let hosts: Vec<String> = (1..=20).map(|n| format!("host-{n}: {{}}")).collect();
    let environment = format!(
        "services: {{ app: 1.0.0 }}\nhosts: {{ {} }}\n",
        hosts.join(", ")
    );
    let fixture = with(FLEET, &environment);
    let program = [APPLY[0], APPLY[1], "--yes"];
    let steps = json!([
        ["shows", "0 of 20 steps done, 12 more under way"],
        ["lines", ["  sent  ", 8]],
        ["look", ""],
        ["touch", go(&fixture)],
    ]);
    let Some(ended) = on_terminal(&fixture, (12, 80), &program, &steps) else {
        return;
    };
    assert_eq!(ended.exit, 0, "{}", ended.screen);
    let shot = text(&ended.shots[0]);
    let live = |line: &&str| line.contains("  sent  ");
    assert_eq!(shot.lines().filter(live).count(), 8, "{shot}");
    assert!(shot.contains("wave 1: host-1 … -20 (20)"), "{shot}");
    let stays = |line: &&str| line.contains("  succeeded  ");
    assert_eq!(
        ended.screen.lines().filter(stays).count(),
        20,
        "{}",
        ended.screen
    );
    assert_eq!(
        ended.screen.lines().filter(live).count(),
        0,
        "{}",
        ended.screen
    );
}

#[test]
fn a_narrow_terminal_without_colours() {
    let fixture = with(FLEET, FOUR);
    let program = ["env", "NO_COLOR=1", APPLY[0], APPLY[1], "--yes"];
    let steps = json!([
        ["shows", "a  a…  sent"],
        ["shows", "b  a…  sent"],
        ["touch", go(&fixture)],
    ]);
    if let Some(ended) = on_terminal(&fixture, (24, 25), &program, &steps) {
        assert_eq!(ended.exit, 0, "{}", ended.screen);
        assert!(!ended.screen.contains('…'), "{}", ended.screen);
    }
}

#[test]
fn ctrl_c_leaves_the_wave_to_its_hosts() {
    let fixture = with(FLEET, FOUR);
    let _sandbox = fixture.sandbox();
    let steps = json!([
        ["expect", "Apply? [y/N] "],
        ["type", "y\r"],
        ["exists", deploying(&fixture, "a")],
        ["exists", deploying(&fixture, "b")],
        ["shows", " a  app  none → 1.0.0  sent"],
        ["type", CTRL_C],
        ["expect", RECORDING],
    ]);
    let Some(ended) = on_terminal(&fixture, (24, 100), &APPLY, &steps) else {
        return;
    };
    assert_eq!(ended.exit, 130, "{}", ended.screen);
    assert!(
        ended.screen.ends_with(
            "lab  wave 1: a, b\n\
             recording where things stand; hosts go on. Once more leaves at once\n\
             lab: left; the next apply goes on"
        ),
        "{}",
        ended.screen
    );
    assert_eq!(
        fixture.git(&["log", "-1", "--format=%s", "fleet/observed"]),
        "lab: app 1.0.0 on 0 of 4 hosts so far\n"
    );
    is_taken_up(&fixture, &["a", "b", "c", "d"]);
}

#[test]
fn terminate_and_hang_up_are_as_good_as_ctrl_c() {
    for steps in [
        json!([["kill", "SIGTERM"], ["expect", RECORDING]]),
        json!([["kill", "SIGHUP"], ["expect", RECORDING]]),
        json!([["hang up", ""]]),
    ] {
        let fixture = with(FLEET, FOUR);
        let _sandbox = fixture.sandbox();
        let mut all = vec![
            json!(["exists", deploying(&fixture, "a")]),
            json!(["exists", deploying(&fixture, "b")]),
        ];
        all.extend(steps.as_array().expect("a list").iter().cloned());
        let program = [APPLY[0], APPLY[1], "--yes"];
        let Some(ended) = on_terminal(&fixture, (24, 80), &program, &json!(all)) else {
            return;
        };
        assert_eq!(ended.exit, 130, "{steps}: {}", ended.screen);
        is_taken_up(&fixture, &["a", "b", "c", "d"]);
    }
}

#[test]
fn nohup_outlives_the_connection() {
    let fixture = with(FLEET, FOUR);
    let program = ["nohup", APPLY[0], APPLY[1], "--yes"];
    let steps = json!([
        ["exists", deploying(&fixture, "a")],
        ["kill", "SIGHUP"],
        ["touch", go(&fixture)],
    ]);
    if let Some(ended) = on_terminal(&fixture, (24, 80), &program, &steps) {
        assert_eq!(ended.exit, 0, "{}", ended.screen);
        let out = fs::read_to_string(fixture.repository().join("nohup.out"));
        let out = out.expect("nohup's file");
        assert!(out.ends_with("lab: succeeded on 4 of 4 hosts\n"), "{out}");
    }
}

/// A git whose pushes of the ledger stand still while a file is there.
const SLOW_GIT: &str = r#"#!/bin/bash
if [[ " $* " == *" push "* && -e HOME/block ]]; then
  touch HOME/blocked
  while [ -e HOME/block ]; do sleep 0.1; done
  exit 1
fi
PATH=${PATH#*:} exec git "$@"
"#;

#[test]
fn ctrl_c_twice_leaves_at_once() {
    let fleet = FLEET.replace("git: { remote: none }\n", "");
    let fixture = with(&fleet, FOUR);
    let _sandbox = fixture.sandbox();
    let root = fixture
        .repository()
        .join("..")
        .canonicalize()
        .expect("a folder");
    let in_root = |name: &str| root.join(name).display().to_string();
    fixture.git(&["init", "-q", "--bare", &in_root("origin")]);
    fixture.git(&["remote", "add", "origin", &in_root("origin")]);
    fixture.git(&["push", "-q", "origin", "main"]);
    let git = SLOW_GIT.replace("HOME", &root.display().to_string());
    executable(&root.join("bin/git"), &git);

    let line = format!(
        "PATH={}:$PATH exec {} apply --yes",
        in_root("bin"),
        APPLY[0]
    );
    let steps = json!([
        ["exists", deploying(&fixture, "a")],
        ["exists", deploying(&fixture, "b")],
        ["touch", in_root("block")],
        ["type", CTRL_C],
        ["expect", RECORDING],
        ["exists", in_root("blocked")],
        ["type", CTRL_C],
    ]);
    let Some(ended) = on_terminal(&fixture, (24, 80), &["bash", "-c", &line], &steps) else {
        return;
    };
    assert_eq!(ended.exit, 130, "{}", ended.screen);
    assert!(
        !ended.screen.contains("left; the next apply"),
        "the first was still at it: {}",
        ended.screen
    );
    fs::remove_file(in_root("block")).expect("a file");
    is_taken_up(&fixture, &["a", "b", "c", "d"]);
}

/// One screen, drawn again in its place.
#[test]
fn a_watched_status_is_one_screen() {
    let fixture = with(FLEET, FOUR);
    let newer = "sed -i s/1.0.0/1.0.1/ environments/lab.yaml; git commit -qam newer";
    let steps = json!([
        ["expect", "1.0.0"],
        ["run", newer],
        ["expect", "1.0.1"],
        ["look", ""],
        ["type", CTRL_C],
    ]);
    let watch = [env!("CARGO_BIN_EXE_fleet"), "status", "--watch"];
    let Some(ended) = on_terminal(&fixture, (24, 80), &watch, &steps) else {
        return;
    };
    // The signal itself, which a shell calls 130.
    assert_eq!(ended.exit, -2);
    let seen = text(&ended.shots[0]);
    assert_eq!(
        seen.matches("desired").count(),
        2,
        "a head and a heading: {seen}"
    );
    assert!(seen.contains("1.0.1") && !seen.contains("1.0.0"), "{seen}");
}
