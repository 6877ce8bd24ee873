//! A fleet repository of its own for one test, the real binary in a scrubbed environment, and a
//! sandbox that outlives the commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::stories::standing::Standing;

/// A folder with a fleet repository in it.
pub(crate) struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Makes a repository from `(path, text)` and commits it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fixture = Self { folder };
        fs::create_dir(fixture.repository()).expect("an empty folder");
        fs::write(
            fixture.home().join(".gitconfig"),
            "[user]\nname = Test\nemail = test@fleet.example\n[init]\ndefaultBranch = main\n",
        )
        .expect("git's configuration");
        fixture.git(&["init", "-q"]);
        for (path, text) in files {
            fixture.write(path, text);
        }
        fixture.commit("First version");
        fixture
    }

    /// Where the repository is.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().expect("a path below the root")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// Commits everything.
    pub(crate) fn commit(&self, subject: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", subject]);
    }

    /// Runs git in the repository and gives its output.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = self
            .scrubbed("git")
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs fleet to its end.
    pub(crate) fn fleet(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("fleet runs")
    }

    /// A command that runs fleet in the repository.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.scrubbed(env!("CARGO_BIN_EXE_fleet"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Another program in the repository.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.scrubbed(name)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no cli that reads the environment"
    )]
    fn scrubbed(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.repository());
        command
    }

    /// Starts `fleet sandbox` and waits until it is ready.
    pub(crate) fn sandbox(&self) -> Standing {
        let hosts = self.repository().join(".fleet/sandbox/hosts");
        Standing::spawn(self.command(&["sandbox"]), hosts)
    }

    /// The folder of a sandbox host.
    pub(crate) fn host(&self, environment: &str, host: &str) -> PathBuf {
        self.repository()
            .join(".fleet/sandbox/hosts")
            .join(environment)
            .join(host)
    }
}
