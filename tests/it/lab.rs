//! Real repositories in a folder that goes with the test: a bare remote, and clones of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::executable;

pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    /// A remote without any commit.
    pub(crate) fn empty() -> Self {
        let lab = Self {
            folder: TempDir::new().unwrap(),
        };
        lab.git(
            lab.root(),
            &["init", "-q", "--bare", "-b", "main", "remote"],
        );
        lab
    }

    /// A remote with one commit on `main`: a `fleet.yaml`.
    pub(crate) fn new() -> Self {
        let lab = Self::empty();
        let seed = lab.clone("seed");
        lab.commit_file(&seed, "fleet.yaml", "name: acme\n");
        lab.git(&seed, &["push", "-q", "origin", "main"]);
        lab
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn remote(&self) -> PathBuf {
        self.root().join("remote")
    }

    /// A clone with a name to commit with.
    pub(crate) fn clone(&self, name: &str) -> PathBuf {
        self.clone_with(name, &[])
    }

    pub(crate) fn clone_with(&self, name: &str, options: &[&str]) -> PathBuf {
        let remote = format!("file://{}", self.remote().display());
        let arguments = [&["clone", "-q"], options, &[remote.as_str(), name]].concat();
        self.git(self.root(), &arguments);
        let clone = self.root().join(name);
        self.name(&clone);
        clone
    }

    /// A repository without any remote or commit.
    pub(crate) fn init(&self, name: &str) -> PathBuf {
        self.git(self.root(), &["init", "-q", "-b", "main", name]);
        let folder = self.root().join(name);
        self.name(&folder);
        folder
    }

    fn name(&self, folder: &Path) {
        self.git(folder, &["config", "user.name", "A Controller"]);
        self.git(folder, &["config", "user.email", "fleet@example.org"]);
    }

    pub(crate) fn commit_file(&self, folder: &Path, path: &str, text: &str) -> String {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self.git(folder, &["add", "-f", path]);
        self.git(folder, &["commit", "-q", "-m", &format!("Change {path}")]);
        self.git(folder, &["rev-parse", "HEAD"])
    }

    /// What git says; it must succeed.
    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.try_git(folder, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn try_git(&self, folder: &Path, arguments: &[&str]) -> std::process::Output {
        Command::new("git")
            .current_dir(folder)
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "A Person")
            .env("GIT_AUTHOR_EMAIL", "person@example.org")
            .env("GIT_COMMITTER_NAME", "A Person")
            .env("GIT_COMMITTER_EMAIL", "person@example.org")
            .output()
            .unwrap()
    }

    /// Lines of what git says of the remote.
    pub(crate) fn remote_lines(&self, arguments: &[&str]) -> Vec<String> {
        let said = self.git(&self.remote(), arguments);
        said.lines().map(str::to_owned).collect()
    }

    /// Writes one file on a branch of the remote, as somebody with a clone of their own would.
    pub(crate) fn foreign(&self, branch: &str, path: &str, text: &str) -> String {
        let script = self.foreign_script();
        let blob = self.root().join("foreign-text");
        fs::write(&blob, text).unwrap();
        let output = Command::new(script)
            .args([
                self.remote().as_path(),
                Path::new(branch),
                Path::new(path),
                &blob,
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        self.git(&self.remote(), &["rev-parse", branch])
    }

    /// `SCRIPT REMOTE BRANCH PATH FILE`
    pub(crate) fn foreign_script(&self) -> PathBuf {
        self.script(
            "foreign",
            "set -e\n\
             export GIT_DIR=$1 GIT_INDEX_FILE=$1/foreign-index\n\
             export GIT_AUTHOR_NAME=F GIT_AUTHOR_EMAIL=f GIT_COMMITTER_NAME=F GIT_COMMITTER_EMAIL=f\n\
             tip=$(git rev-parse -q --verify \"refs/heads/$2\" || true)\n\
             git read-tree ${tip:---empty}\n\
             blob=$(git hash-object -w \"$4\")\n\
             git update-index --add --cacheinfo \"100644,$blob,$3\"\n\
             made=$(git commit-tree -m \"A foreign commit\" ${tip:+-p $tip} $(git write-tree))\n\
             git update-ref \"refs/heads/$2\" $made $tip\n",
        )
    }

    /// An executable shell script.
    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.root().join(name);
        executable(&path, &format!("#!/bin/sh\n{body}"));
        path
    }

    /// A hook of the remote.
    pub(crate) fn hook(&self, name: &str, body: &str) {
        let path = self.remote().join("hooks").join(name);
        executable(&path, &format!("#!/bin/sh\n{body}"));
    }

    pub(crate) fn remove_hook(&self, name: &str) {
        fs::remove_file(self.remote().join("hooks").join(name)).unwrap();
    }

    /// Lets pushes of a clone go through a script that is called with the remote's path.
    pub(crate) fn push_through(&self, clone: &Path, script: Option<&str>) {
        match script {
            Some(body) => {
                let script = self.script("receive-pack", body);
                let script = script.to_str().unwrap();
                self.git(clone, &["config", "remote.origin.receivepack", script]);
            }
            None => {
                self.git(clone, &["config", "--unset", "remote.origin.receivepack"]);
            }
        }
    }

    /// Takes the remote away, or brings it back.
    pub(crate) fn set_away(&self, away: bool) {
        let there = self.remote();
        let gone = self.root().join("away");
        let (from, to) = if away { (there, gone) } else { (gone, there) };
        fs::rename(from, to).unwrap();
    }
}
