//! `fleet run` on a bare remote: people push from clones of their own, and the ledger says what
//! came of it.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::clones::cloned;
use super::fleets::{FLEET, files};
use super::standing::wait_until;
use super::story::{Story, assert_story};

/// A daemon in the story's folder.
pub(super) struct Daemon {
    line: String,
    child: Child,
    stdout: Heard,
    stderr: Heard,
}

/// One stream of a process, read beside it.
struct Heard {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Heard {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&text);
        let pipe = BufReader::new(pipe.expect("a pipe"));
        let reader = thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                *kept.lock().unwrap() += &(line + "\n");
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn all(mut self) -> Vec<u8> {
        let reader = self.reader.take().expect("a reader");
        reader.join().expect("the end of a stream");
        self.so_far().into_bytes()
    }
}

impl Daemon {
    /// Starts `fleet run` with these arguments, and waits until it listens.
    pub(super) fn start(story: &Story, arguments: &str) -> Self {
        let line = format!("fleet run --interval 1s {arguments}");
        let mut child = story
            .shell(&format!("exec {line}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a daemon");
        let daemon = Self {
            line: line.trim().to_owned(),
            stdout: Heard::of(child.stdout.take()),
            stderr: Heard::of(child.stderr.take()),
            child,
        };
        daemon.hear("watching ");
        daemon
    }

    /// Waits until it has said something.
    pub(super) fn hear(&self, words: &str) {
        self.hear_lines(1, words, "");
    }

    /// Waits until so many of its lines hold the words and end so.
    pub(super) fn hear_lines(&self, times: usize, words: &str, end: &str) {
        wait_until(words, || {
            let said = self.stderr.so_far();
            let lines = said.lines();
            lines
                .filter(|line| line.contains(words) && line.ends_with(end))
                .count()
                >= times
        });
    }

    /// Sends a signal and waits for the end; what it said goes into the story.
    pub(super) fn end(mut self, story: &mut Story, signal: &str) -> Output {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill").success());
        let output = Output {
            status: self.child.wait().expect("its end"),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        };
        story.tell(&self.line, &output);
        output
    }
}

/// Waits until the remote's ledger has a commit with this subject.
fn wait_for_commit(story: &Story, subject: &str) {
    wait_until(subject, || subjects(story).iter().any(|it| it == subject));
}

/// Subjects of the remote's ledger, oldest first.
fn subjects(story: &Story) -> Vec<String> {
    let origin = "git -C ~/origin.git log --reverse --format=%s fleet/observed 2>/dev/null || true";
    let said = story.quietly("bash", &["-c", origin]);
    said.lines().map(str::to_owned).collect()
}

/// Another person's clone, in which what follows happens when it is entered.
fn clone(story: &Story, name: &str) {
    let line = format!("git clone -q ~/origin.git ~/{name}");
    story.quietly("bash", &["-c", &line]);
}

/// Somebody changes a file and pushes.
fn push(story: &mut Story, path: &str, text: &str, subject: &str) {
    story.enter("person");
    story.quietly("git", &["pull", "-q", "origin", "main"]);
    story.write(path, text);
    story.commit(subject);
    story.quietly("git", &["push", "-q", "origin", "main"]);
    story.enter("acme");
}

const PRODUCTION: &str = "environments/production.yaml";

fn two_hosts(version: &str) -> String {
    format!("services: {{ app: {version} }}\nhosts: {{ a: {{}}, b: {{}} }}\n")
}

fn story(production: &str) -> Story {
    let fleet = FLEET.replace("remote: none", "remote: origin");
    let story = cloned(&files(&fleet, production));
    clone(&story, "person");
    story
}

#[test]
fn what_is_pushed_is_rolled_out_until_the_daemon_is_told_to_end() {
    let mut story = story(&two_hosts("1.0.0"));
    let daemon = Daemon::start(&story, "");
    wait_for_commit(&story, "production: app 1.0.0 on 2 of 2 hosts");
    push(&mut story, PRODUCTION, &two_hosts("1.1.0"), "app 1.1.0");
    wait_for_commit(&story, "production: app 1.0.0 → 1.1.0 on 2 of 2 hosts");
    daemon.hear_lines(2, "  rollout ", " succeeded");
    let output = daemon.end(&mut story, "TERM");
    assert_eq!(output.status.code(), Some(0));
    story.run("git log --reverse --format=%s origin/fleet/observed");
    let daemon = Daemon::start(&story, "");
    let output = daemon.end(&mut story, "INT");
    assert_eq!(output.status.code(), Some(130));
    assert_story!(story);
}
