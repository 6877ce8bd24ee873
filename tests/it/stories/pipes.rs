//! Readers that go before the end: nobody sees a panic, and a rollout does not stop for them.

use std::process::Stdio;

use super::fleets::{FLEET, files, production};
use super::story::Story;

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn story() -> Story {
    let production = production("1.0.0", "pause");
    let mut files = files(FLEET, &production).to_vec();
    files.push((
        "environments/staging.yaml",
        "services: { app: 1.0.0 }\nhosts: { s: {} }\n",
    ));
    Story::with(&files)
}

#[test]
fn a_closed_stdout_is_no_panic() {
    let story = story();
    story.quietly("fleet", &["apply", "--yes", "staging"]);
    for line in [
        "fleet plan",
        "fleet plan --format json",
        "fleet status",
        "fleet validate",
        "fleet render staging",
        "fleet rollout list",
        "fleet rollout show staging",
        "fleet --help",
        "fleet completions bash",
        "fleet schema fleet",
    ] {
        let output = story
            .shell(line)
            .stdout(closed())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{line}: {said}");
        assert!(!said.contains("error"), "{line}: {said}");
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{line}: {}",
            output.status
        );
    }
}

#[test]
fn a_closed_stderr_is_no_panic() {
    let story = story();
    for line in [
        "fleet -vv plan staging",
        "fleet plan nowhere; test $? = 64",
        "fleet -vvv apply --yes staging",
        "fleet nonsense; test $? = 64",
    ] {
        let output = story
            .shell(line)
            .stderr(closed())
            .output()
            .expect("a shell");
        assert_eq!(output.status.code(), Some(0), "{line}");
    }
}

#[test]
fn a_rollout_does_not_stop_because_nobody_reads() {
    for format in ["text", "json"] {
        let story = story();
        let line = format!("fleet apply --yes --format {format}");
        let output = story
            .shell(&line)
            .stdout(closed())
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{format}: {said}");
        let status = story.quietly("fleet", &["plan", "--detailed-exitcode"]);
        assert_eq!(
            status.matches("no changes").count(),
            2,
            "{format}: {status}"
        );
    }
}
