//! The files of a fleet repository as read from a commit or the work tree, before anything is parsed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::id::Revision;

/// One entry of the tree. Links are kept as links: no path may leave the repository, so nothing
/// follows them, and the manifest reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file with its bytes.
    File(Arc<[u8]>),
    /// A symbolic link with its target.
    Link(String),
    /// A file over [`Tree::LARGEST_FILE`], not read; its size in bytes.
    TooLarge(u64),
    /// A submodule or something else that is no file.
    Other,
}

/// `fleet.yaml` and everything below `environments/` and `templates/`, by path with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// By path from the repository's root.
    pub entries: BTreeMap<Arc<str>, Entry>,
    /// The commit that has exactly these files; none for the work tree.
    pub commit: Option<Revision>,
}

impl Tree {
    /// Files over this many bytes are not read: a manifest of 10,000 hosts has about 2 MB.
    pub const LARGEST_FILE: u64 = 16 * 1024 * 1024;

    /// The bytes of a regular file.
    pub fn file(&self, path: &str) -> Option<&Arc<[u8]>> {
        match self.entries.get(path) {
            Some(Entry::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Entries whose path starts with `prefix`, in order.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Arc<str>, &'a Entry)> {
        self.entries
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .take_while(move |(path, _)| path.starts_with(prefix))
    }

    /// Adds a regular file; for tests and embedded examples.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.entries
            .insert(path.into(), Entry::File(text.as_ref().into()));
        self.commit = None;
        self
    }
}
