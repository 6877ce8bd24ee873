//! The three shapes a value can have, and the one error for another than expected.

use crate::manifest::codes;
use crate::manifest::problems::Problems;
use crate::manifest::tree::{Kind, Mapping, Scalar, Sequence, Value};

/// A text, number or word. `expected` says what belongs here: "a version".
pub(super) fn scalar<'d>(
    value: Value<'d, '_>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Scalar<'d>> {
    match value.kind() {
        Kind::Scalar(scalar) if !scalar.is_null() => return Some(scalar),
        other => unexpected(value, &other, expected, problems),
    }
    None
}

/// A mapping.
pub(super) fn mapping<'d, 't>(
    value: Value<'d, 't>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Mapping<'d, 't>> {
    match value.kind() {
        Kind::Mapping(mapping) => return Some(mapping),
        other => unexpected(value, &other, expected, problems),
    }
    None
}

/// A list.
pub(super) fn sequence<'d, 't>(
    value: Value<'d, 't>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Sequence<'d, 't>> {
    match value.kind() {
        Kind::Sequence(sequence) => return Some(sequence),
        other => unexpected(value, &other, expected, problems),
    }
    None
}

/// A list, or one value that stands for a list of one.
pub(super) enum OneOrMore<'d, 't> {
    One(Value<'d, 't>),
    More(Sequence<'d, 't>),
}

/// Tells a list from a single value.
pub(super) fn one_or_more<'d, 't>(value: Value<'d, 't>) -> OneOrMore<'d, 't> {
    match value.kind() {
        Kind::Sequence(sequence) => OneOrMore::More(sequence),
        _ => OneOrMore::One(value),
    }
}

fn unexpected(value: Value<'_, '_>, kind: &Kind<'_, '_>, expected: &str, problems: &mut Problems) {
    let found = match kind {
        Kind::Scalar(scalar) if scalar.is_null() => {
            let help = if expected.starts_with("a mapping") {
                format!("{expected} belongs here; {{}} is an empty one")
            } else {
                format!("{expected} belongs here; a text that is empty or reads null is quoted")
            };
            return at(value, codes::NO_VALUE, "there is no value", help, problems);
        }
        Kind::Scalar(_) => "a text",
        Kind::Sequence(_) => "a list",
        Kind::Mapping(_) => "a mapping",
        Kind::Broken => return,
    };
    let message = format!("{found} cannot stand here");
    let help = format!("{expected} belongs here");
    at(value, codes::SHAPE, &message, help, problems);
}

/// Reports a problem of a value and, where an alias brought it here, what the alias repeats.
fn at(
    value: Value<'_, '_>,
    code: &'static str,
    message: &str,
    help: String,
    problems: &mut Problems,
) {
    let mut problem = problems.error(code, value.span(), message).help(help);
    if let Some(source) = value.aliased() {
        problem = problem.related(source.clone(), "the alias repeats this");
    }
    problems.add(problem);
}
