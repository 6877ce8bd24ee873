//! Tells that a branch of this repository moved. Only a reason to look: it may come too often, or
//! not at all (a file system of another machine), and never says what moved.

use std::path::{Path, PathBuf};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{Branches, GitError, Repository};

/// Watches as long as it lives.
pub struct RefWatch {
    _watcher: RecommendedWatcher,
}

impl std::fmt::Debug for RefWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefWatch")
    }
}

impl Repository {
    /// Calls `moved` when the desired branch or people's statements may have moved here. With a
    /// remote nothing here is desired, and there is nothing to watch.
    ///
    /// # Errors
    /// The system does not watch, or no more than it does already.
    pub fn watch(
        &self,
        branches: &Branches,
        moved: impl Fn() + Send + 'static,
    ) -> Result<Option<RefWatch>, GitError> {
        if branches.remote.is_some() {
            return Ok(None);
        }
        let own = self.lock_git().path().to_owned();
        let common = self.common_dir();
        let heads = common.join("refs/heads");
        let wanted = vec![
            own.join("HEAD"),
            common.join("packed-refs"),
            common.join(branches.desired_ref()),
            common.join(branches.statements_ref()),
        ];
        let failed = |source: notify::Error| GitError::Watch {
            message: source.to_string(),
        };
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // One that is lost may have been the one.
            if event.is_err() || event.is_ok_and(|event| is_move(&event, &wanted)) {
                moved();
            }
        })
        .map_err(failed)?;
        let mut watch = |folder: &Path, mode| watcher.watch(folder, mode).map_err(failed);
        watch(common, RecursiveMode::NonRecursive)?;
        if own != common {
            watch(&own, RecursiveMode::NonRecursive)?;
        }
        watch(&heads, RecursiveMode::Recursive)?;
        Ok(Some(RefWatch { _watcher: watcher }))
    }
}

/// Reading is no move: who looks reads the very files.
fn is_move(event: &Event, wanted: &[PathBuf]) -> bool {
    !event.kind.is_access() && event.paths.iter().any(|path| wanted.contains(path))
}

#[cfg(test)]
mod tests {
    use notify::EventKind;
    use notify::event::{AccessKind, CreateKind, ModifyKind, RenameMode};

    use super::*;

    #[test]
    fn only_a_branch_that_is_looked_at_counts_and_only_when_it_is_written() {
        let wanted = [PathBuf::from("/r/.git/refs/heads/main")];
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        for (kind, path, expected) in [
            (renamed, "/r/.git/refs/heads/main", true),
            (renamed, "/r/.git/refs/heads/fleet/observed", false),
            (
                EventKind::Create(CreateKind::File),
                "/r/.git/refs/heads/main.lock",
                false,
            ),
            (
                EventKind::Access(AccessKind::Read),
                "/r/.git/refs/heads/main",
                false,
            ),
        ] {
            let event = Event::new(kind).add_path(path.into());
            assert_eq!(is_move(&event, &wanted), expected, "{event:?}");
        }
    }
}
