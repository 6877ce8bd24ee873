//! `fleet run` on a bare remote: people push from clones of their own, and the ledger says what
//! came of it.

use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::clones::cloned;
use super::fleets::{FLEET, files, running};
use super::standing::{Standing, wait_until};
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

    fn all(&mut self) -> Vec<u8> {
        let reader = self.reader.take().expect("a reader");
        reader.join().expect("the end of a stream");
        self.so_far().into_bytes()
    }
}

impl Daemon {
    /// Starts `fleet run` with these arguments, and waits until it listens.
    pub(super) fn start(story: &Story, arguments: &str) -> Self {
        Self::spawn(story, "", arguments)
    }

    /// The same with more in its environment.
    fn spawn(story: &Story, environment: &str, arguments: &str) -> Self {
        let interval = match arguments.contains("--interval") {
            true => "",
            false => "--interval 1s ",
        };
        let line = format!("fleet run {interval}{arguments}");
        let mut child = story
            .shell(&format!("{environment} exec {line}"))
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

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill").success());
    }

    /// Sends a signal and waits for the end; what it said goes into the story.
    pub(super) fn end(mut self, story: &mut Story, signal: &str) -> Output {
        self.signal(signal);
        let output = Output {
            status: self.child.wait().expect("its end"),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        };
        story.tell(&self.line, &output);
        output
    }

    /// The same where environments go on side by side: lines that begin with one of these come
    /// after the others.
    fn end_apart(self, story: &mut Story, signal: &str, apart: &[&str]) {
        let line = self.line.clone();
        let mut output = self.end(&mut Story::new(), signal);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (later, first): (Vec<&str>, Vec<&str>) = said
            .lines()
            .partition(|line| apart.iter().any(|begin| line.starts_with(begin)));
        output.stderr = [first, later].concat().join("\n").into_bytes();
        story.tell(&line, &output);
    }
}

impl Drop for Daemon {
    #[expect(
        clippy::print_stderr,
        reason = "whoever waited in vain wants to know what was said instead"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} said:\n{}", self.line, self.stderr.so_far());
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
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

/// A version that says so takes until it is let go.
const DEPLOY: &str = "\
echo \"$FLEET_VERSION\" >>\"$FLEET_ROOT/deploys\"
if [[ $FLEET_VERSION == *-slow ]]; then
  until [[ -e $FLEET_ROOT/go ]]; do sleep 0.05; done
fi
echo \"$FLEET_VERSION\" >\"$FLEET_ROOT/version\"
";

const IDS: [&str; 4] = [
    "i-00000000000000001",
    "i-00000000000000002",
    "i-00000000000000003",
    "i-00000000000000004",
];

/// An environment of real instances, one of them first.
fn instances(version: &str, names: &[&str]) -> String {
    let hosts = names.iter().zip(IDS);
    let hosts: Vec<String> = hosts
        .map(|(name, id)| format!("{name}: {{ instance: {id} }}"))
        .collect();
    format!(
        "services: {{ app: {version} }}\nhosts: {{ {} }}\nrollout: {{ strategy: canary, canary: 1 }}\n",
        hosts.join(", ")
    )
}

/// A remote, a clone in `acme`, another person's clone, and instances that outlive daemons.
fn on_aws(production: &str) -> (Story, Standing) {
    let fleet = FLEET
        .replace("remote: none", "remote: origin")
        .replace("kind: sandbox", "kind: ssm, region: ap-southeast-2");
    let mut files = files(&fleet, production);
    files[3].1 = DEPLOY;
    let mut story = cloned(&files);
    clone(&story, "person");
    let instances = IDS.map(|id| format!("--instance {id}")).join(" ");
    let sandbox = Standing::aws(&mut story, &instances);
    (story, sandbox)
}

fn deploys(sandbox: &Standing) -> [Vec<String>; 4] {
    IDS.map(|id| sandbox.lines(id, "deploys"))
}

fn let_go(sandbox: &Standing) {
    for id in IDS {
        std::fs::create_dir_all(sandbox.instance(id)).expect("a folder");
        std::fs::write(sandbox.instance(id).join("go"), "").expect("a file");
    }
}

#[test]
fn three_bumps_go_through_canary_an_offline_host_and_a_restart_in_mid_wave() {
    let all = ["a", "b", "c", "d"];
    let (mut story, sandbox) = on_aws(&instances("1.0.0", &all));
    let daemon = Daemon::start(&story, "");
    wait_for_commit(&story, "production: app 1.0.0 on 4 of 4 hosts");

    sandbox.call("Faults", &format!(r#"{{"offline":["{}"]}}"#, IDS[3]));
    push(
        &mut story,
        PRODUCTION,
        &instances("1.1.0", &all),
        "app 1.1.0",
    );
    daemon.hear("deferred");
    daemon.hear_lines(2, "  rollout ", " succeeded");
    sandbox.call("Faults", "{}");
    daemon.hear_lines(3, "  rollout ", " succeeded");

    push(
        &mut story,
        PRODUCTION,
        &instances("1.2.0", &all),
        "app 1.2.0",
    );
    daemon.hear_lines(4, "  rollout ", " succeeded");

    let slow = instances("1.3.0-slow", &all);
    push(&mut story, PRODUCTION, &slow, "app 1.3.0");
    wait_until("the deploy", || sandbox.lines(IDS[0], "deploys").len() == 4);
    let output = daemon.end(&mut story, "TERM");
    assert_eq!(output.status.code(), Some(0));
    story.remark("The canary is still at it when the daemon is back.");
    let daemon = Daemon::start(&story, "");
    let_go(&sandbox);
    daemon.hear_lines(1, "  rollout ", " succeeded");
    let output = daemon.end(&mut story, "TERM");
    assert_eq!(output.status.code(), Some(0));

    story.run("git log --reverse --format=%s origin/fleet/observed");
    let once = ["1.0.0", "1.1.0", "1.2.0", "1.3.0-slow"];
    assert_eq!(deploys(&sandbox), [once, once, once, once], "each once");
    assert_story!(story);
}

/// What a daemon asks git: each goes through a script that writes it down.
struct Asked(PathBuf);

impl Asked {
    /// For the daemon's environment.
    const PATH: &str = "PATH=~/bin:$PATH";

    fn of(story: &Story) -> Self {
        let home = story.folder().parent().expect("a home");
        let log = home.join("git.log");
        let real = story.quietly("bash", &["-c", "command -v git"]);
        let (path, git) = (log.display(), real.trim());
        let script = format!("#!/bin/sh\necho \"$*\" >>{path}\nexec {git} \"$@\"\n");
        std::fs::create_dir(home.join("bin")).expect("a folder");
        std::fs::write(home.join("bin/git"), script).expect("a script");
        story.quietly("bash", &["-c", "chmod +x ~/bin/git"]);
        Self(log)
    }

    fn all(&self) -> Vec<String> {
        let said = std::fs::read_to_string(&self.0).unwrap_or_default();
        said.lines().map(str::to_owned).collect()
    }

    /// Waits for three questions after the pass that is under way, if one is: then there is none.
    fn settle(&self) {
        let looks = || {
            self.all()
                .iter()
                .filter(|it| it.contains(" ls-remote "))
                .count()
        };
        let begun = looks();
        wait_until("three looks", || looks() >= begun + 3);
    }
}

const STAGING: &str = "environments/staging.yaml";

#[test]
fn of_two_daemons_one_acts_and_the_other_says_who() {
    let (mut story, sandbox) = on_aws(&instances("1.0.0-slow", &["a", "b"]));
    let first = Daemon::start(&story, "");
    wait_until("the deploy", || {
        !sandbox.lines(IDS[0], "deploys").is_empty()
    });
    first.signal("STOP");
    clone(&story, "other");
    story.enter("other");
    let second = Daemon::start(&story, "");
    second.hear("another controller");
    story.enter("person");
    story.run("fleet apply --yes --no-wait");

    story.remark("Another environment does not wait for it.");
    let staging = format!(
        "services: {{ app: 1.1.0 }}\nhosts: {{ c: {{ instance: {} }} }}\n",
        IDS[2]
    );
    push(&mut story, STAGING, &staging, "staging");
    second.hear_lines(1, "staging  rollout ", " succeeded");

    story.remark("The first one is awake again.");
    first.signal("CONT");
    let_go(&sandbox);
    first.hear_lines(1, "production  rollout ", " succeeded");
    second.end(&mut story, "TERM");
    // It looks and collects as it comes.
    first.end(&mut Story::new(), "TERM");
    let deploys = deploys(&sandbox);
    assert_eq!(deploys[0], ["1.0.0-slow"]);
    assert_eq!(deploys[1], ["1.0.0-slow"]);
    assert_eq!(deploys[2], ["1.1.0"]);
    assert_story!(story);
}

#[test]
fn an_invalid_environment_stands_still_and_keeps_no_other_one() {
    let slow = |version: &str| {
        let hosts = "hosts: { a: {}, b: {} }\nrollout: { strategy: batch, batch: 1 }\n";
        format!("services: {{ app: {version} }}\n{hosts}")
    };
    let fleet = FLEET.replace("remote: none", "remote: origin");
    let production = slow("1.0.0-slow");
    let mut files = files(&fleet, &production).to_vec();
    files[3].1 = DEPLOY;
    files.push((STAGING, "services: { app: 1.0.0 }\nhosts: { c: {} }\n"));
    let mut story = cloned(&files);
    clone(&story, "person");
    let daemon = Daemon::start(&story, "");
    daemon.hear_lines(1, "staging  rollout ", " succeeded");
    let host = |host: &str| {
        story
            .folder()
            .join(".fleet/sandbox/hosts/production")
            .join(host)
    };
    let (a, b) = (host("a"), host("b"));
    wait_until("the deploy", || a.join("deploys").exists());

    let broken = slow("1.0.0-slow") + "no_such_key: 1\n";
    push(&mut story, PRODUCTION, &broken, "production: a mistake");
    daemon.hear("production  is not valid");
    let staging = "services: { app: 1.1.0 }\nhosts: { c: {} }\n";
    push(&mut story, STAGING, staging, "staging: app 1.1.0");
    daemon.hear_lines(2, "staging  rollout ", " succeeded");
    for host in [&a, &b] {
        std::fs::create_dir_all(host).expect("a folder");
        std::fs::write(host.join("go"), "").expect("a file");
    }
    daemon.hear("production  paused");
    assert!(!b.join("deploys").exists(), "no wave starts");
    push(
        &mut story,
        PRODUCTION,
        &slow("1.0.0-slow"),
        "production: mended",
    );
    daemon.hear_lines(1, "production  rollout ", " succeeded");
    // A pass that is made again at its gate may see what was mended before the next look.
    let apart = ["staging", "  c  ", "desired is now", "production  is "];
    daemon.end_apart(&mut story, "TERM", &apart);
    assert_story!(story);
}

#[test]
fn a_remote_that_is_away_is_said_once_and_again_when_it_is_back() {
    let mut story = story(&two_hosts("1.0.0"));
    let asked = Asked::of(&story);
    let daemon = Daemon::spawn(&story, Asked::PATH, "");
    daemon.hear_lines(1, "  rollout ", " succeeded");
    asked.settle();
    let url = story.quietly("git", &["remote", "get-url", "origin"]);
    let away = "git remote set-url origin ~/away.git";
    story.quietly("bash", &["-c", away]);
    daemon.hear("error: ");
    asked.settle();
    story.quietly("git", &["remote", "set-url", "origin", url.trim()]);
    daemon.hear("git can be read again");
    push(&mut story, PRODUCTION, &two_hosts("1.1.0"), "app 1.1.0");
    daemon.hear_lines(2, "  rollout ", " succeeded");
    story.remark("Somebody applies in the same repository.");
    story.run("fleet apply --yes");
    daemon.end(&mut story, "TERM");
    assert_story!(story);
}

#[test]
fn a_look_that_finds_nothing_is_one_question_to_the_remote() {
    let (mut story, sandbox) = on_aws(&instances("1.0.0", &["a", "b"]));
    let asked = Asked::of(&story);
    let daemon = Daemon::spawn(&story, Asked::PATH, "");
    daemon.hear_lines(1, "  rollout ", " succeeded");
    asked.settle();
    let (before, calls) = (asked.all(), sandbox.call("Counters", "{}"));
    wait_until("three more", || asked.all().len() >= before.len() + 3);
    assert_eq!(sandbox.call("Counters", "{}"), calls, "nobody is asked");
    for asked in &asked.all()[before.len()..] {
        assert!(asked.contains(" ls-remote "), "{asked}");
        for branch in ["main", "fleet/observed", "fleet/statements"] {
            assert!(asked.contains(&format!("refs/heads/{branch}")), "{asked}");
        }
    }
    daemon.end(&mut story, "TERM");
}

/// The interval is a day, so only the branches themselves can wake it.
#[test]
fn what_is_committed_here_is_seen_at_once_where_there_is_no_remote() {
    let mut story = running("pause");
    let daemon = Daemon::start(&story, "--interval 1d");
    story.run("fleet bump production app 1.1.0 --direct");
    daemon.hear_lines(1, "  rollout ", " succeeded");
    story.run("git pack-refs --all && fleet bump production app 1.2.0-fails-on-a --direct");
    daemon.hear("production  paused");
    story.run("fleet retry production");
    daemon.hear("no changes; 1 held");
    daemon.end(&mut story, "TERM");
    assert_story!(story);
}

#[test]
fn programs_read_an_event_a_line() {
    let mut story = story(&two_hosts("1.0.0"));
    let daemon = Daemon::start(&story, "--format json");
    let planned = r#""kind":"planned""#;
    wait_until("the pass after it", || {
        daemon.stdout.so_far().matches(planned).count() == 2
    });
    let output = daemon.end(&mut Story::new(), "TERM");
    let mut kinds: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let kind = line.get("kind").or(line.get("state")).expect("a kind");
            format!("{} {}", line["format"], kind)
        })
        .collect();
    kinds.dedup();
    story.remark(&kinds.join("\n# "));
    assert_story!(story);
}
