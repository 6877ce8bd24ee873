//! The version of one service in one text, with its hash.

use super::differences::differences;
use super::{Checked, EditError, line, read};
use crate::manifest::decode::{ABSENT, sha256_of};
use crate::manifest::problems::Span;
use crate::manifest::tree::{Document, Entry, Kind, Style, Value, reads_as};
use crate::model::id::ServiceName;

pub(super) const VERSION: &str = "version";
const HASH: &str = "sha256";
pub(super) const REDEPLOY: &str = "redeploy";

/// Whether a word needs no quotes, in brackets and outside.
fn is_plain(word: &str) -> bool {
    reads_as(word).is_none() && !word.ends_with(':')
}

/// A word as it is, or in quotes where YAML would read it as something else than text.
pub(super) fn quoted_if_needed(word: &str) -> String {
    if is_plain(word) {
        word.to_owned()
    } else {
        format!("\"{word}\"")
    }
}

/// The long form of a version.
pub(super) fn with_hash(version: &str, hash: &str) -> String {
    let hash = quoted_if_needed(hash);
    format!("{{ {VERSION}: {version}, {HASH}: {hash} }}")
}

/// Bytes that are written over others, or between them.
pub(super) struct Edit {
    at: Span,
    written: String,
    /// The value of the old text that then says something else.
    changes: Span,
}

/// Where a service is spoken of.
pub(super) struct Place<'a> {
    pub(super) text: &'a str,
    pub(super) service: &'a ServiceName,
}

impl Place<'_> {
    /// The value of a key, which stands here itself.
    pub(super) fn enter<'d, 't>(
        &self,
        value: Value<'d, 't>,
        key: &str,
    ) -> Result<Option<Value<'d, 't>>, EditError> {
        Ok(self.entry(value, key)?.map(|entry| entry.value))
    }

    /// What the environment says of the service.
    pub(super) fn of_environment<'d, 't>(
        &self,
        root: Value<'d, 't>,
    ) -> Result<Value<'d, 't>, EditError> {
        let value = match self.enter(root, "services")? {
            Some(services) => self.enter(services, self.service.as_str())?,
            None => None,
        };
        value.ok_or_else(|| self.missing())
    }

    pub(super) fn missing(&self) -> EditError {
        EditError::Missing {
            service: self.service.clone(),
        }
    }

    fn entry<'d, 't>(
        &self,
        value: Value<'d, 't>,
        key: &str,
    ) -> Result<Option<Entry<'d, 't>>, EditError> {
        let Kind::Mapping(mapping) = value.kind() else {
            return Err(self.shape(value.span()));
        };
        let Some(entry) = mapping.get(key) else {
            return Ok(None);
        };
        match entry.value.aliased() {
            Some(source) => Err(EditError::Alias {
                what: match key {
                    HASH => HASH,
                    REDEPLOY => REDEPLOY,
                    _ => VERSION,
                },
                service: self.service.clone(),
                line: line(self.text, entry.value.span()),
                source_line: line(self.text, source),
            }),
            None => Ok(Some(entry)),
        }
    }

    fn shape_of(&self, what: &'static str, span: &Span) -> EditError {
        EditError::Shape {
            what,
            service: self.service.clone(),
            line: line(self.text, span),
        }
    }

    /// Writes a release over another one, in its short form or its long one.
    pub(super) fn write_over(
        &self,
        value: Value<'_, '_>,
        release: &Checked<'_>,
    ) -> Result<Vec<Edit>, EditError> {
        if !matches!(value.kind(), Kind::Mapping(_)) {
            let mut edit = self.replace(value, VERSION, release.version)?;
            if let Some(hash) = &release.sha256 {
                edit.written = with_hash(&edit.written, hash);
            }
            return Ok(vec![edit]);
        }
        let missing = || EditError::Missing {
            service: self.service.clone(),
        };
        let version = self.entry(value, VERSION)?.ok_or_else(missing)?;
        let mut edits = vec![self.replace(version.value, VERSION, release.version)?];
        match (self.enter(value, HASH)?, &release.sha256) {
            (Some(hash), Some(new)) => edits.push(self.replace(hash, HASH, new)?),
            (None, Some(new)) => {
                let entry = format!("{HASH}: {}", quoted_if_needed(new));
                edits.push(self.add(value, Some(version), &entry)?);
            }
            (Some(hash), None) => {
                let old = scalar(version.value);
                // Nothing is checked of what goes.
                if old != Some(release.version) && release.version != ABSENT {
                    return Err(self.stale(old, hash, release));
                }
            }
            (None, None) => {}
        }
        Ok(edits)
    }

    /// Writes the long form over a version alone, with something else about it.
    pub(super) fn lengthen(&self, value: Value<'_, '_>, entry: &str) -> Result<Edit, EditError> {
        let span = value.span();
        let mut edit = self.replace(value, VERSION, scalar(value).unwrap_or_default())?;
        edit.written = format!("{{ {VERSION}: {}, {entry} }}", &self.text[span.clone()]);
        Ok(edit)
    }

    pub(super) fn shape(&self, span: &Span) -> EditError {
        self.shape_of(VERSION, span)
    }

    fn stale(&self, of: Option<&str>, hash: Value<'_, '_>, release: &Checked<'_>) -> EditError {
        EditError::Stale {
            of: of.unwrap_or_default().to_owned(),
            version: release.version.to_owned(),
            line: line(self.text, hash.span()),
        }
    }

    /// A pin in another version than the environment's does not have the environment's hash: it
    /// needs one of its own where the service has one.
    pub(super) fn refuse_hash_of_another(
        &self,
        old: &Document<'_>,
        pinned: Option<Value<'_, '_>>,
        release: &Checked<'_>,
    ) -> Result<(), EditError> {
        let Some(shared) = look(old.root(), &["services", self.service.as_str()]) else {
            return Ok(());
        };
        let is_said_already = pinned.and_then(version_of) == Some(release.version);
        let version = version_of(shared);
        match look(shared, &[HASH]) {
            Some(hash)
                if release.sha256.is_none()
                    && !is_said_already
                    && version != Some(release.version) =>
            {
                Err(self.stale(version, hash, release))
            }
            _ => Ok(()),
        }
    }

    /// One word over another one, in the same quotes.
    pub(super) fn replace(
        &self,
        value: Value<'_, '_>,
        what: &'static str,
        word: &str,
    ) -> Result<Edit, EditError> {
        let span = value.span();
        let shape = || self.shape_of(what, span);
        let Kind::Scalar(scalar) = value.kind() else {
            return Err(shape());
        };
        // Hashes may be written with their kind in front.
        let kind = match what {
            HASH if scalar.text.starts_with("sha256:") => "sha256:",
            _ => "",
        };
        let word = format!("{kind}{word}");
        let written = match scalar.style {
            _ if scalar.is_null() => return Err(shape()),
            Style::Plain => quoted_if_needed(&word),
            Style::DoubleQuoted => format!("\"{word}\""),
            Style::SingleQuoted => format!("'{word}'"),
            Style::Block => return Err(shape()),
        };
        Ok(Edit {
            at: span.clone(),
            written,
            changes: span.clone(),
        })
    }

    /// One more entry of a mapping, in the layout of the others, behind one of them or the last.
    pub(super) fn add(
        &self,
        inside: Value<'_, '_>,
        behind: Option<Entry<'_, '_>>,
        entry: &str,
    ) -> Result<Edit, EditError> {
        let (text, span) = (self.text, inside.span());
        let Kind::Mapping(mapping) = inside.kind() else {
            return Err(self.shape(span));
        };
        let behind = behind.or_else(|| mapping.entries().last());
        let (at, written) = match behind {
            _ if text[span.clone()].starts_with('{') => match behind {
                // `{}` becomes `{ entry }`.
                None => (span.clone(), format!("{{ {entry} }}")),
                Some(behind) => {
                    let end = behind.value.span().end;
                    (end..end, format!(", {entry}"))
                }
            },
            Some(behind) => {
                let indent = mapping
                    .entries()
                    .find_map(|entry| indent(text, entry.key_span.start))
                    .ok_or_else(|| self.shape(span))?;
                new_line(text, behind.value.span().end, indent, entry)
            }
            None => return Err(self.shape(span)),
        };
        Ok(Edit {
            at,
            written,
            changes: span.clone(),
        })
    }

    /// The edited text. It is read again: it says at that place what it should, and everything else
    /// is as it was.
    pub(super) fn apply(
        &self,
        old: &Document<'_>,
        mut edits: Vec<Edit>,
        path: &[&str],
        says: impl Fn(Value<'_, '_>) -> bool,
    ) -> Result<String, EditError> {
        edits.sort_by_key(|edit| edit.at.start);
        let mut edited = String::with_capacity(self.text.len() + 128);
        let mut done = 0;
        for edit in &edits {
            edited += &self.text[done..edit.at.start];
            edited += &edit.written;
            done = edit.at.end;
        }
        edited += &self.text[done..];

        let first = edits.first().map_or(0..0, |edit| edit.changes.clone());
        let new = read(&edited).map_err(|_| self.shape(&first))?;
        let mut changed = Vec::new();
        differences(old.root(), new.root(), None, &mut changed);
        if let Some(alias) = changed.iter().find_map(|change| change.alias.as_ref()) {
            return Err(EditError::Shared {
                service: self.service.clone(),
                line: line(self.text, &first),
                alias_line: line(self.text, alias),
            });
        }
        let is_meant = |span: &Span| edits.iter().any(|edit| edit.changes == *span);
        let says_so = look(new.root(), path).is_some_and(says);
        if says_so && changed.iter().all(|change| is_meant(&change.span)) {
            Ok(edited)
        } else {
            Err(self.shape(&first))
        }
    }
}

/// The spaces before a place, if its line begins with nothing else.
fn indent(text: &str, start: usize) -> Option<&str> {
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = &text[line_start..start];
    indent.bytes().all(|c| c == b' ').then_some(indent)
}

/// Where an entry goes that gets a line of its own behind a value, and its line.
fn new_line(text: &str, end: usize, indent: &str, entry: &str) -> (Span, String) {
    if text[..end].ends_with('\n') {
        // Behind a block of text, at the beginning of a line.
        let is_dos = text[..end].ends_with("\r\n");
        let line_end = if is_dos { "\r\n" } else { "\n" };
        return (end..end, format!("{indent}{entry}{line_end}"));
    }
    let rest = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let place = rest - usize::from(text[..rest].ends_with('\r'));
    // The last line may have no end: then as the one before.
    let is_dos = match rest == text.len() {
        true => text
            .rfind('\n')
            .is_some_and(|at| text[..at].ends_with('\r')),
        false => place < rest,
    };
    let line_end = if is_dos { "\r\n" } else { "\n" };
    (place..place, format!("{line_end}{indent}{entry}"))
}

/// What a document says at a place, through whatever aliases.
pub(super) fn look<'d, 't>(root: Value<'d, 't>, path: &[&str]) -> Option<Value<'d, 't>> {
    path.iter().try_fold(root, |value, key| match value.kind() {
        Kind::Mapping(mapping) => Some(mapping.get(key)?.value),
        _ => None,
    })
}

pub(super) fn scalar<'d>(value: Value<'d, '_>) -> Option<&'d str> {
    match value.kind() {
        Kind::Scalar(scalar) => Some(scalar.text),
        _ => None,
    }
}

/// The version in the short form or the long one.
pub(super) fn version_of<'d>(value: Value<'d, '_>) -> Option<&'d str> {
    scalar(value).or_else(|| scalar(look(value, &[VERSION])?))
}

/// Whether a service, or a pin, is of a release.
pub(super) fn is_of(value: Value<'_, '_>, release: &Checked<'_>) -> bool {
    let hash = look(value, &[HASH]).and_then(scalar).and_then(sha256_of);
    let is_hash = release.sha256.is_none() || release.sha256 == hash;
    version_of(value) == Some(release.version) && is_hash
}
