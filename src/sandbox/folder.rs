//! The sandbox's folder: who owns it, where what lies, and files that are written whole or not.
//!
//! ```text
//! lock  endpoint  instances.json
//! hosts/<environment>/<host>/                      a host's whole file system
//! commands/<command id>/command.json               as it was accepted
//! commands/<command id>/<instance>/invocation.json where it stands there, and what it printed
//! commands/<command id>/<instance>/run-<n>/        what is needed to find its script again
//! commands/<command id>/invocations.json           instead of these, once all have ended
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SandboxError;
use super::host::SandboxInstance;

/// Paths below the sandbox's folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Creates the folder where it is missing. One that is called `.fleet/sandbox` is kept out of
    /// git.
    pub(super) fn prepare(root: &Path) -> Result<Self, SandboxError> {
        private_folder(root).map_err(SandboxError::folder("create", root))?;
        let root = root
            .canonicalize()
            .map_err(SandboxError::folder("find", root))?;
        if let Some(parent) = root.parent().filter(|parent| parent.ends_with(".fleet")) {
            let ignore = parent.join(".gitignore");
            if !ignore.exists() {
                write_whole(&ignore, b"*\n").map_err(SandboxError::folder("write", ignore))?;
            }
        }
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the folder; none where another process has it.
    pub(super) fn lock(&self) -> Result<Option<File>, SandboxError> {
        let path = self.root.join("lock");
        try_lock(&path).map_err(SandboxError::folder("lock", path))
    }

    pub(super) fn endpoint(&self) -> PathBuf {
        self.root.join("endpoint")
    }

    pub(super) fn instances(&self) -> PathBuf {
        self.root.join("instances.json")
    }

    pub(super) fn commands(&self) -> PathBuf {
        self.root.join("commands")
    }

    /// A host's whole file system.
    pub(super) fn host(&self, instance: &SandboxInstance) -> PathBuf {
        let environment = self.root.join("hosts").join(instance.environment.as_str());
        environment.join(instance.host.as_str())
    }

    /// Where its agent keeps scripts and output, a folder for each command.
    pub(super) fn orchestration(&self, instance: &SandboxInstance) -> PathBuf {
        self.host(instance)
            .join("var/lib/amazon/ssm")
            .join(instance.instance_id.as_str())
            .join("document/orchestration")
    }
}

/// Opens a file and locks it; none where it is locked already. A killed process's locks are gone.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Creates a folder, and its parents, that only its owner may enter.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Readers see the old content or the new.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    fs::write(&new, content)?;
    fs::rename(new, path)
}

/// Writes a value as JSON.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SandboxError> {
    let corrupt = |source| SandboxError::Corrupt {
        path: path.to_owned(),
        source,
    };
    let content = serde_json::to_vec_pretty(value).map_err(corrupt)?;
    write_whole(path, &content).map_err(SandboxError::folder("write", path))
}

/// Reads a value from JSON; none where there is no such file.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SandboxError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SandboxError::folder("read", path)(error)),
    };
    serde_json::from_slice(&content)
        .map(Some)
        .map_err(|source| SandboxError::Corrupt {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_and_stays_out_of_git() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join(".fleet/sandbox");
        let folder = Folder::prepare(&root).unwrap();
        assert_eq!(
            fs::read(place.path().join(".fleet/.gitignore")).unwrap(),
            b"*\n"
        );
        let lock = folder.lock().unwrap();
        assert!(lock.is_some());
        assert!(Folder::prepare(&root).unwrap().lock().unwrap().is_none());
        drop(lock);
        assert!(folder.lock().unwrap().is_some());
    }
}
