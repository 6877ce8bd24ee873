//! The parser's errors in words that help: which place, what it is, what to write.

use granit_parser::{ErrorKind, ScanError};

use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span};

/// Reports the one error at which the parser gave up.
pub(super) fn report(text: &str, error: &ScanError, problems: &mut Problems) {
    let mut span = place(text, error);
    if is_about_a_tab(error.kind()) {
        span = last_tab(text, span);
    }
    let info = error.info();
    let (code, message, help) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => (
            codes::TOO_DEEP,
            format!("more than {} levels of nesting", super::build::DEEPEST),
            "a manifest needs six",
        ),
        kind if is_about_a_tab(kind) => (
            codes::TAB,
            "a tab cannot stand here".to_owned(),
            "indent with spaces",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            codes::SYNTAX,
            "a colon that begins a value cannot stand here".to_owned(),
            "a text with a colon and a space in it is quoted; two keys stand on two lines, equally indented",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            codes::SYNTAX,
            format!("a value cannot begin with `{}`", character.escape_default()),
            "quote the text",
        ),
        ErrorKind::UnclosedQuotedScalar => (
            codes::SYNTAX,
            "the quote is never closed".to_owned(),
            "close it; inside single quotes a single quote is written twice",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            codes::SYNTAX,
            "double quotes do not know this escape".to_owned(),
            "single quotes take a backslash as it is: 'C:\\App'",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            codes::SYNTAX,
            format!("`{open}` is never closed"),
            "close it, and put commas between the parts",
        ),
        ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockMappingKey => (
            codes::SYNTAX,
            format!("the indentation fits nothing above ({info})"),
            "keys of one mapping begin in the same column",
        ),
        ErrorKind::BomInsideDocument => (
            codes::SYNTAX,
            "a byte-order mark in the middle of the file".to_owned(),
            "delete the invisible character",
        ),
        _ if text[span.start..].starts_with('{') => (
            codes::SYNTAX,
            "a brace cannot stand inside of a text between brackets".to_owned(),
            "quote the text, as in 's3://bucket/web-{{version}}.zip'",
        ),
        _ => (
            codes::SYNTAX,
            format!("this is not YAML: {info}"),
            "nothing below this place was read",
        ),
    };
    problems.report(code, &span, message, help);
}

/// The character at the parser's place; nothing at the end of a line or of the text.
fn place(text: &str, error: &ScanError) -> Span {
    let mut start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    match text[start..].chars().next() {
        Some(c) if c != '\n' && c != '\r' => start..start + c.len_utf8(),
        _ => start..start,
    }
}

fn is_about_a_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// The tab before a place on its line: the parser may have gone on behind it.
fn last_tab(text: &str, place: Span) -> Span {
    let before = &text[..place.start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    match text[line_start..place.end].rfind('\t') {
        Some(at) => line_start + at..line_start + at + 1,
        None => place,
    }
}
