//! What fleet keeps below `.git/fleet` on this machine: the lock, who this controller is, logs.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::model::clock::Random;
use crate::model::id::{HostName, RolloutId, ServiceName};
use crate::model::time::Timestamp;

use super::{GitError, Repository};

/// Held by the one process that acts on this repository; the system frees it when that ends,
/// however it ends.
#[derive(Debug)]
pub struct ControllerLock {
    _file: File,
}

/// Another process acts on this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// What the lock file says of it: `pid <n> since <time>`, behind the name of what stays.
    pub by: String,
    /// It does not end by itself.
    pub stays: bool,
}

impl Repository {
    /// Takes the local lock. What does not end by itself has a name, for those that it keeps out.
    pub fn lock(
        &self,
        now: Timestamp,
        stays: Option<&str>,
    ) -> Result<Result<ControllerLock, Locked>, GitError> {
        let path = self.private_dir().join("lock");
        self.make_private_dir()?;
        let failed = |source| GitError::File {
            what: "open",
            path: path.clone(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let name = stays.map(|name| format!("{name}, ")).unwrap_or_default();
                let text = format!("{name}pid {} since {now}\n", std::process::id());
                file.set_len(0)
                    .and_then(|()| file.rewind())
                    .and_then(|()| file.write_all(text.as_bytes()))
                    .map_err(failed)?;
                Ok(Ok(ControllerLock { _file: file }))
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut by = String::new();
                file.read_to_string(&mut by).map_err(failed)?;
                let by = match by.trim() {
                    "" => "another process",
                    by => by,
                };
                Ok(Err(Locked {
                    stays: by.contains(", pid "),
                    by: by.to_owned(),
                }))
            }
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Who writes an intent: this machine and this repository (formats.md). The same every time,
    /// but for a copied repository: two that take each other's waves for their own would both act.
    pub fn writer(&self, random: &dyn Random) -> Result<String, GitError> {
        self.make_private_dir()?;
        let path = self.private_dir().join("controller");
        let id = match controller(&path)? {
            Some(id) => id,
            None => {
                let fresh = format!("{:08x}{:08x}", random.next(), random.next());
                introduce(&path, &fresh, random)?;
                // Whoever was first is who we are.
                controller(&path)?.unwrap_or(fresh)
            }
        };
        Ok(format!("{}/{id}", machine()))
    }

    /// The logs of this machine.
    pub fn logs(&self) -> LogStore {
        LogStore {
            folder: self.private_dir().join("logs"),
        }
    }

    fn make_private_dir(&self) -> Result<(), GitError> {
        let path = self.private_dir();
        fs::create_dir_all(&path).map_err(|source| GitError::File {
            what: "make",
            path,
            source,
        })
    }
}

/// The id in a controller file, if the file is where it was written: a copy is another inode.
fn controller(path: &Path) -> Result<Option<String>, GitError> {
    let failed = |source| GitError::File {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    let inode = file.metadata().map_err(failed)?.ino();
    Ok(text
        .trim_end()
        .strip_suffix(&format!("\ninode {inode}"))
        .filter(|id| !id.is_empty())
        .map(str::to_owned))
}

/// Writes a controller file whole or not at all; where another process has just done so, its stays.
fn introduce(path: &Path, id: &str, random: &dyn Random) -> Result<(), GitError> {
    let draft = path.with_extension(format!("{:08x}", random.next()));
    let write = || {
        if controller(path).is_ok_and(|id| id.is_none()) {
            // Not there, a copy's, or broken.
            let _none = fs::remove_file(path);
        }
        let mut file = File::create_new(&draft)?;
        let inode = file.metadata()?.ino();
        file.write_all(format!("{id}\ninode {inode}\n").as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    let _left = fs::remove_file(&draft);
    written.map_err(|source| GitError::File {
        what: "write",
        path: path.to_owned(),
        source,
    })
}

/// What tells this machine from others.
fn machine() -> String {
    ["/etc/machine-id", "/proc/sys/kernel/hostname"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// `.git/fleet/logs/<rollout>/<host>/<service>.log`: the ends of logs of steps that did not succeed.
#[derive(Clone, Debug)]
pub struct LogStore {
    folder: PathBuf,
}

impl LogStore {
    /// Where a step's log lies.
    pub fn path(&self, rollout: &RolloutId, host: &HostName, service: &ServiceName) -> PathBuf {
        self.folder
            .join(rollout.as_str())
            .join(host.as_str())
            .join(format!("{service}.log"))
    }

    /// Keeps a log.
    pub fn keep(
        &self,
        rollout: &RolloutId,
        host: &HostName,
        service: &ServiceName,
        text: &str,
    ) -> std::io::Result<()> {
        let path = self.path(rollout, host, service);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)
    }

    /// A kept log.
    pub fn read(
        &self,
        rollout: &RolloutId,
        host: &HostName,
        service: &ServiceName,
    ) -> Option<String> {
        fs::read(self.path(rollout, host, service))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}
