//! What is wrong with the input, where, and how to mend it.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing can be planned.
    Error,
    /// Worth a look.
    Warning,
}

/// One problem of one place. Collected, never thrown: every problem of every file comes out in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `F012` (formats.md: F0xx YAML and structure, F1xx keys and values,
    /// F2xx references, F3xx templates and scripts, F4xx across environments).
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Path from the repository's root.
    pub file: Arc<str>,
    /// Bytes of the file that are meant; empty range at 0 for the file as a whole.
    pub span: Range<usize>,
    /// A lower-case sentence without a full stop that names the offending value.
    pub message: String,
    /// How to mend it, if that can be said.
    pub help: Option<String>,
    /// A second place that explains the first ("first defined here").
    pub related: Option<(Range<usize>, String)>,
}

impl Diagnostic {
    /// An error.
    pub fn error(
        code: &'static str,
        file: &Arc<str>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            file: Arc::clone(file),
            span,
            message: message.into(),
            help: None,
            related: None,
        }
    }

    /// A warning.
    pub fn warning(
        code: &'static str,
        file: &Arc<str>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, file, span, message)
        }
    }

    /// Adds the help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a second place in the same file.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((span, label.into()));
        self
    }
}

/// Sorts by file, place and code, and drops repetitions.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (&a.file, a.span.start, a.code, &a.message).cmp(&(
            &b.file,
            b.span.start,
            b.code,
            &b.message,
        ))
    });
    diagnostics.dedup();
}

/// Line and column of a byte offset, both from 1; columns count characters. An offset inside a
/// character counts as its start, one behind the end as the end.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::line_column;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "é: 1\r\nb: ü\n";
        for (offset, expected) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (2, (1, 2)),
            (7, (2, 1)),
            (12, (2, 5)),
            (13, (3, 1)),
            (99, (3, 1)),
        ] {
            assert_eq!(line_column(text, offset), expected, "{offset}");
        }
    }
}
