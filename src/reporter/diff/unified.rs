//! The unified diff of one file.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use similar::{ChangeTag, TextDiff};

/// Lines around a change, as everywhere.
const CONTEXT: usize = 3;

/// Nobody reads the diff of a larger file, and what compares two has to end.
const LARGEST: usize = 1024 * 1024;
/// The time grows with the square of what differs.
const MOST_LINES: usize = 5_000;

/// A file compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Unified {
    /// The diff, ready for `patch -p1`; none where it would say nothing.
    pub(super) diff: Option<Arc<str>>,
    /// The lines that change, alone: what two hosts must have in common to share a diff.
    pub(super) lines: Arc<str>,
    /// Why there is no diff.
    pub(super) note: Option<Arc<str>>,
}

/// A hash of everything that [`unified`] depends on.
pub(super) fn key(path: &str, before: Option<&Arc<[u8]>>, after: Option<&Arc<[u8]>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [
        Some(path.as_bytes()),
        before.map(|it| &**it),
        after.map(|it| &**it),
    ] {
        let length = part.map_or(u64::MAX, |bytes| bytes.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    hash.finalize().into()
}

/// Compares a file of a bundle; none for a side that does not have it.
pub(super) fn unified(
    path: &str,
    before: Option<&Arc<[u8]>>,
    after: Option<&Arc<[u8]>>,
) -> Unified {
    let (Some(old), Some(new)) = (readable(before), readable(after)) else {
        let size = |side: Option<&Arc<[u8]>>| match side {
            Some(bytes) => format!("{} bytes", bytes.len()),
            None => "nothing".to_owned(),
        };
        let note = format!("no text, or too long: {} → {}", size(before), size(after));
        return Unified {
            note: Some(note.into()),
            ..Unified::default()
        };
    };
    let compared = TextDiff::from_lines(old, new);
    let name = |side: Option<&Arc<[u8]>>, label: &str| match side {
        Some(_) => format!("{label}/{path}"),
        None => "/dev/null".to_owned(),
    };
    let diff = compared
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name(before, "recorded"), &name(after, "desired"))
        .to_string();
    let mut lines = String::new();
    for group in compared.grouped_ops(CONTEXT) {
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => lines.push('-'),
                ChangeTag::Insert => lines.push('+'),
            }
            lines.push_str(change.value());
            if change.missing_newline() {
                lines.push_str("\n\\\n");
            }
        }
        lines.push('\0');
    }
    let (diff, note) = match diff.is_empty() {
        // An empty file that comes or goes has no line to show.
        true => (None, Some("an empty file".into())),
        false => (Some(diff.into()), None),
    };
    Unified {
        diff,
        lines: lines.into(),
        note,
    }
}

/// The text of a side; a missing file is an empty one.
fn readable(side: Option<&Arc<[u8]>>) -> Option<&str> {
    let Some(bytes) = side else { return Some("") };
    let text = std::str::from_utf8(bytes).ok()?;
    let is_short = text.len() <= LARGEST && text.lines().count() <= MOST_LINES;
    (is_short && !text.contains('\0')).then_some(text)
}
