//! The exit code of several environments: the first of 1, 3, 6, 4, 5, 0 that occurred (design §9),
//! and none keeps another from being done.

use super::fleets::{FLEET, files, production};
use super::story::Story;

const HELD: &str = "\
transport: lab
hold: audit
services: { app: 1.0.0 }
hosts: { h: {} }
";

const FAILING: &str = "\
transport: lab
services: { app: 1.0.0-fails-on-f }
hosts: { f: {} }
";

/// Nobody listens there.
const FAR: &str = "\
transport: far
services: { app: 1.0.0 }
hosts: { r: { instance: i-0123456789abcdef0 } }
";

const INVALID: &str = "\
transport: lab
services: { nothing: 1.0.0 }
hosts: { i: {} }
";

#[test]
fn of_several_environments_the_worst_counts_and_each_is_done() {
    let fleet = FLEET.replace(
        "{ lab: { kind: sandbox } }",
        "{ lab: { kind: sandbox }, far: { kind: ssm, region: ap-southeast-2 } }",
    );
    let done = production("1.0.0", "pause") + "transport: lab\n";
    let mut files = files(&fleet, &done).to_vec();
    files.extend([
        ("environments/held.yaml", HELD),
        ("environments/failing.yaml", FAILING),
        ("environments/far.yaml", FAR),
    ]);
    let mut story = Story::with(&files);
    story.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    story.set(
        "AWS_SECRET_ACCESS_KEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    );
    story.set("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9");
    let mut codes = |line: &str| {
        let output = story.run(line);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), answer)
    };

    let (code, answer) = codes("fleet apply --yes held failing production");
    assert_eq!(code, Some(4), "{answer}");
    let told: Vec<_> = answer
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    assert_eq!(told.len(), 3, "{answer}");
    assert!(
        answer.contains("production: succeeded on 4 of 4 hosts"),
        "the failure of one stops no other: {answer}"
    );
    let (code, answer) = codes("fleet apply --yes failing production");
    assert_eq!(code, Some(5), "blocked by now: {answer}");
    let (code, answer) = codes("fleet apply --yes failing held far production");
    assert_eq!(code, Some(6), "{answer}");
    assert!(answer.contains("production: no changes"), "{answer}");
    let (code, answer) = codes("fleet apply --yes --held-ok held production");
    assert_eq!(code, Some(0), "{answer}");

    story.write("environments/invalid.yaml", INVALID);
    story.commit("An environment with a service that is none");
    let output = story.run("fleet apply --yes");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{answer}");
    assert!(answer.contains("production: no changes"), "{answer}");
}
