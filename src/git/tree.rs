//! The files of a commit or of the work tree, nothing checked out and no link followed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::model::id::Revision;
use crate::model::source::{Entry, Tree};

use super::refs::{find, revision};
use super::{GitError, Repository};

/// What a fleet repository consists of (design.md §2); other files are none of fleet's business.
pub(super) const ROOTS: [&str; 3] = ["fleet.yaml", "environments", "templates"];

/// Deeper folders than any template has.
const DEEPEST: usize = 16;

/// The largest fleet has a tenth of these. A tree all of whose folders are the same one costs its
/// author nothing and would have no end.
const MOST_ENTRIES: usize = 50_000;

/// Of all files together.
const MOST_BYTES: usize = 256 * 1024 * 1024;

impl Repository {
    /// The manifests and templates of a commit.
    ///
    /// # Errors
    /// Among others: [`GitError::NoRevision`] where the commit is gone, [`GitError::TooMuch`].
    pub fn tree_at(&self, at: &Revision) -> Result<Tree, GitError> {
        let git = self.lock_git();
        let root = find(&git, at)?
            .tree()
            .map_err(GitError::library("read a commit"))?;
        let mut harvest = Harvest::default();
        for name in ROOTS {
            if let Some(entry) = root.get_name(name) {
                walk(&git, name.to_owned(), &entry, &mut harvest, 0).map_err(
                    |error| match error {
                        GitError::Library { source, .. }
                            if source.code() == git2::ErrorCode::NotFound =>
                        {
                            GitError::Incomplete {
                                revision: at.clone(),
                            }
                        }
                        other => other,
                    },
                )?;
            }
        }
        harvest.tree.commit = Some(at.clone());
        Ok(harvest.tree)
    }

    /// The manifests and templates as they lie in the work tree; what git ignores and does not
    /// track is not there.
    pub fn tree_of_work_dir(&self) -> Result<Tree, GitError> {
        let git = self.lock_git();
        let index = || GitError::library("read the index");
        let mut work = WorkTree {
            git: &git,
            index: git.index().map_err(index())?,
            harvest: Harvest::default(),
        };
        work.index.read(false).map_err(index())?;
        for name in ROOTS {
            let path = self.work_dir.join(name);
            if fs::symlink_metadata(&path).is_ok() {
                work.walk(&path, name, 0)?;
            }
        }
        Ok(work.harvest.tree)
    }

    /// The commit that a name stands for.
    ///
    /// # Errors
    /// [`GitError::NoRevision`], also for what looks like an option.
    pub fn resolve(&self, name: &str) -> Result<Revision, GitError> {
        let unknown = || GitError::NoRevision {
            name: name.to_owned(),
        };
        if name.starts_with('-') {
            return Err(unknown());
        }
        let git = self.lock_git();
        let commit = git
            .revparse_single(name)
            .and_then(|object| object.peel_to_commit())
            .map_err(|_| unknown())?;
        Ok(revision(commit.id()))
    }
}

/// What was read so far.
#[derive(Default)]
struct Harvest {
    tree: Tree,
    entries: usize,
    bytes: usize,
}

impl Harvest {
    fn count(&mut self) -> Result<(), GitError> {
        self.entries += 1;
        match self.entries > MOST_ENTRIES {
            true => Err(GitError::TooMuch {
                limit: "50,000 files and folders",
            }),
            false => Ok(()),
        }
    }

    fn keep(&mut self, path: &str, entry: Entry) -> Result<(), GitError> {
        if let Entry::File(bytes) = &entry {
            self.bytes += bytes.len();
        }
        if self.bytes > MOST_BYTES {
            return Err(GitError::TooMuch { limit: "256 MiB" });
        }
        self.tree.entries.insert(path.into(), entry);
        Ok(())
    }
}

fn walk(
    git: &git2::Repository,
    path: String,
    entry: &git2::TreeEntry<'_>,
    harvest: &mut Harvest,
    depth: usize,
) -> Result<(), GitError> {
    const LINK: i32 = 0o120_000;
    let read = || GitError::library("read a file of a commit");
    harvest.count()?;
    let content = match entry.kind() {
        Some(git2::ObjectType::Tree) if depth < DEEPEST => {
            let folder = git.find_tree(entry.id()).map_err(read())?;
            for child in folder.iter() {
                let name = String::from_utf8_lossy(child.name_bytes()).into_owned();
                walk(git, format!("{path}/{name}"), &child, harvest, depth + 1)?;
            }
            return Ok(());
        }
        Some(git2::ObjectType::Blob) => {
            let (size, _) = git
                .odb()
                .and_then(|odb| odb.read_header(entry.id()))
                .map_err(read())?;
            if size as u64 > Tree::LARGEST_FILE {
                Entry::TooLarge(size as u64)
            } else {
                let blob = git.find_blob(entry.id()).map_err(read())?;
                match entry.filemode() {
                    LINK => Entry::Link(String::from_utf8_lossy(blob.content()).into_owned()),
                    _ => Entry::File(blob.content().into()),
                }
            }
        }
        _ => Entry::Other,
    };
    harvest.keep(&path, content)
}

/// A walk of the files as they lie there.
struct WorkTree<'a> {
    git: &'a git2::Repository,
    index: git2::Index,
    harvest: Harvest,
}

impl WorkTree<'_> {
    fn walk(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), GitError> {
        let failed = |source| GitError::File {
            what: "read",
            path: path.to_owned(),
            source,
        };
        self.harvest.count()?;
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        if self.is_left_out(name, metadata.is_dir()) {
            return Ok(());
        }
        let content = if metadata.is_symlink() {
            let target = fs::read_link(path).map_err(failed)?;
            Entry::Link(target.to_string_lossy().into_owned())
        } else if metadata.is_dir() && depth < DEEPEST {
            for child in fs::read_dir(path).map_err(failed)? {
                let child = child.map_err(failed)?;
                let below = format!("{name}/{}", child.file_name().to_string_lossy());
                self.walk(&child.path(), &below, depth + 1)?;
            }
            return Ok(());
        } else if metadata.is_file() && metadata.len() > Tree::LARGEST_FILE {
            Entry::TooLarge(metadata.len())
        } else if metadata.is_file() {
            Entry::File(Arc::from(fs::read(path).map_err(failed)?))
        } else {
            Entry::Other
        };
        self.harvest.keep(name, content)
    }

    /// A pattern of `.gitignore` says nothing about what is in the index.
    fn is_left_out(&self, name: &str, is_dir: bool) -> bool {
        if !self.git.is_path_ignored(name).unwrap_or(false) {
            return false;
        }
        let is_tracked = if is_dir {
            self.index.find_prefix(format!("{name}/")).is_ok()
        } else {
            self.index.get_path(Path::new(name), 0).is_some()
        };
        !is_tracked
    }
}
