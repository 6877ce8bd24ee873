//! Versions: exactly what the manifest writes, so it must be text for every reader of YAML.

use crate::manifest::codes;
use crate::manifest::decode::habits::instead_of_expression;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::{Kind, Scalar, Style, Value, reads_as};
use crate::model::id::Version;

const LONGEST: usize = 128;

/// What stands where a service is to be taken away.
pub(in crate::manifest) const ABSENT: &str = "absent";

/// What an environment wants of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Wanted {
    /// It runs in this version.
    Version(Version),
    /// It is taken away.
    Absent,
}

/// Reads a version, or `absent`.
pub(in crate::manifest::decode) fn wanted(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Wanted> {
    match value.kind() {
        Kind::Scalar(scalar) if scalar.text == ABSENT => Some(Wanted::Absent),
        _ => version(value, problems).map(Wanted::Version),
    }
}

/// Reads a version.
pub(in crate::manifest::decode) fn version(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Version> {
    let scalar = shape::scalar(value, "a version", problems)?;
    if let Some((code, message, help)) = problem_of(scalar) {
        problems.report(code, value.span(), message, help);
        return None;
    }
    Some(Version::new(scalar.text))
}

fn problem_of(scalar: Scalar<'_>) -> Option<(&'static str, String, String)> {
    let text = scalar.text;
    if text == ABSENT {
        return Some((
            codes::VERSION,
            "`absent` cannot stand here".to_owned(),
            "a service is absent from an environment; one host leaves it out by a selector"
                .to_owned(),
        ));
    }
    if let Some(problem) = version_problem(text) {
        return Some((
            codes::VERSION,
            format!("{} {problem}", shown(text)),
            instead_of_expression(text)
                .unwrap_or("a version has letters, digits and any of . _ + ~ : @ / -")
                .to_owned(),
        ));
    }
    if scalar.style != Style::Plain {
        return None;
    }
    let other = reads_as(text)?;
    Some((
        codes::VERSION_QUOTES,
        format!("YAML reads the version {} as {other}", shown(text)),
        format!("quote it: \"{text}\""),
    ))
}

/// Why a text cannot be a version, if so: hosts print it on a line of its own, scripts build paths
/// from it, and `none` is what they print where nothing is installed.
pub(in crate::manifest) fn version_problem(text: &str) -> Option<&'static str> {
    let legal = |c: u8| {
        c.is_ascii_alphanumeric()
            || matches!(c, b'.' | b'_' | b'+' | b'~' | b':' | b'@' | b'/' | b'-')
    };
    if text == "none" {
        Some("means that nothing is installed")
    } else if text.is_empty() {
        Some("is empty")
    } else if text.len() > LONGEST {
        Some("is longer than 128 characters")
    } else if !text.bytes().all(legal) {
        Some("has a character that no version has")
    } else if !text.as_bytes()[0].is_ascii_alphanumeric() {
        Some("does not begin with a letter or digit")
    } else if text
        .split('/')
        .any(|part| part.is_empty() || part.bytes().all(|c| c == b'.'))
    {
        Some("leads out of its folder as a path")
    } else {
        None
    }
}
