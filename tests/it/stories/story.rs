//! What a person does in a folder, and what the machine answers.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder, a home, and everything that was said so far.
pub(crate) struct Story {
    root: tempfile::TempDir,
    folder: PathBuf,
    transcript: String,
    environment: Vec<(&'static str, String)>,
}

impl Story {
    /// An empty folder and a git user.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let folder = root.path().join("acme");
        fs::create_dir(&folder).expect("an empty folder");
        let story = Self {
            root,
            folder,
            transcript: String::new(),
            environment: Vec::new(),
        };
        story.configure("[user]\nname = Alice\nemail = alice@acme.example\n");
        story
    }

    /// A repository with these files, committed.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let story = Self::new();
        story.quietly("git", &["init", "-q", "-b", "main"]);
        for (path, text) in files {
            story.write(path, text);
        }
        story.commit("First version");
        story
    }

    /// Writes git's global configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.root.path().join(".gitconfig"), text).expect("git's configuration");
    }

    /// Adds a variable to the environment of what follows.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// The folder in which everything runs.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What follows happens in another folder, from the home.
    pub(crate) fn enter(&mut self, folder: &str) {
        self.folder = self.root.path().join(folder);
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a path below the folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// Commits everything, without a word.
    pub(crate) fn commit(&self, subject: &str) {
        self.quietly("git", &["add", "-A"]);
        self.quietly("git", &["commit", "-q", "-m", subject]);
    }

    /// Runs a program that must succeed, and gives what it prints.
    pub(crate) fn quietly(&self, program: &str, arguments: &[&str]) -> String {
        let output = self
            .command(program)
            .args(arguments)
            .output()
            .expect("a program");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a line of a shell, as the README would print it; `fleet` is the binary under test.
    pub(crate) fn run(&mut self, line: &str) -> Output {
        let output = self.shell(line).output().expect("a shell");
        self.tell(line, &output);
        output
    }

    /// A shell that runs a line.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = self.command("bash");
        command.args(["-c", line]).stdin(Stdio::null());
        command
    }

    /// Puts a remark into the transcript.
    pub(crate) fn remark(&mut self, text: &str) {
        let _infallible = writeln!(self.transcript, "# {text}\n");
    }

    /// Puts a command and its answer into the transcript.
    pub(crate) fn tell(&mut self, line: &str, output: &Output) {
        let _infallible = writeln!(self.transcript, "$ {line}");
        for (heading, bytes) in [("", &output.stdout), ("--- stderr\n", &output.stderr)] {
            let text = ordered(&String::from_utf8_lossy(bytes));
            if !text.is_empty() {
                let _infallible = writeln!(self.transcript, "{heading}{}", text.trim_end());
            }
        }
        match output.status.code() {
            Some(0) => {}
            Some(code) => {
                let _infallible = writeln!(self.transcript, "--- exit {code}");
            }
            None => {
                let _infallible = writeln!(self.transcript, "--- {}", output.status);
            }
        }
        self.transcript.push('\n');
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no cli that reads the environment"
    )]
    fn command(&self, program: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_fleet"));
        let path = std::env::var("PATH").unwrap_or_default();
        let folder = binary.parent().expect("a folder of binaries");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("HOME", self.root.path())
            .env("TMPDIR", self.root.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(
                self.environment
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            )
            .current_dir(&self.folder);
        command
    }

    /// Everything that was said, without what differs from run to run.
    pub(crate) fn transcript(&self) -> String {
        self.transcript
            .replace(&self.root.path().display().to_string(), "[home]")
    }
}

/// Hosts answer in any order: lines of steps that follow one another are sorted.
fn ordered(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let is_step =
        |line: &&str| line.starts_with("  ") && STEP_WORDS.iter().any(|word| line.contains(word));
    let mut start = 0;
    while start < lines.len() {
        let end = start
            + lines[start..]
                .iter()
                .take_while(|line| is_step(line))
                .count();
        lines[start..end].sort_unstable();
        start = end.max(start) + 1;
    }
    lines.join("\n")
}

const STEP_WORDS: [&str; 6] = [
    "  succeeded",
    "  rolled back",
    "  failed",
    "  refused",
    "  deferred",
    "  untouched",
];

/// What differs from run to run, and what stands for it.
pub(crate) const FILTERS: [(&str, &str); 19] = [
    (r"alias fleet=\S+", "alias fleet=[FLEET]"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{8}", "[statement]"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{6}", "[rollout]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]"),
    (r"(\d{4}-\d\d-\d\d )?\b\d\d:\d\d:\d\d UTC\b", "[clock]"),
    (r"sha256:[0-9a-f]{64}", "[digest]"),
    (r"\bplan [0-9a-f]{8}\b", "plan [plan]"),
    (r"\(\S+/[0-9a-f]{16}\)", "([controller])"),
    (r"\b\d+ d( \d+ h)? ago", "[ago]"),
    (r"\b[0-9a-f]{40}\b", "[commit]"),
    (r"\b[0-9a-f]{7}\b", "[short]"),
    (
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[command]",
    ),
    (r"(seconds\W{1,3})\d+(\.\d+)?", "$1[number]"),
    (r" +(just now|\d+ (s|min) ago)", " [ago]"),
    (r" +\d+(\.\d+)? (s|min)\b", " [seconds]"),
    (r"\[ago\] {2,}", "[ago]  "),
    (r"http://127\.0\.0\.1:\d+", "[endpoint]"),
    (r"\bpid \d+\b", "pid [pid]"),
    (r"\(os error \d+\)", "(os error)"),
];

/// Compares a story with its snapshot.
macro_rules! assert_story {
    ($story:expr) => {
        insta::with_settings!({ filters => $crate::stories::story::FILTERS.to_vec(), omit_expression => true }, {
            insta::assert_snapshot!($story.transcript());
        });
    };
}
pub(crate) use assert_story;
