//! Labels of hosts, which selectors match and templates read.

use std::collections::BTreeMap;

use super::variables::check_characters;
use crate::manifest::codes;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

const LONGEST: usize = 63;

/// Reads `labels`. A plain value is its source text, as in variables.
pub(in crate::manifest::decode) fn labels(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let Some(mapping) = shape::mapping(value, "a mapping of labels to texts", problems) else {
        return BTreeMap::new();
    };
    let mut labels = BTreeMap::new();
    for entry in mapping.entries() {
        let problem = if entry.key == "name" {
            Some("every host has the label `name` already: its name")
        } else if is_label(entry.key) {
            None
        } else {
            Some(
                "a label has at most 63 letters, digits and any of . _ / -, and begins with a letter or digit",
            )
        };
        if let Some(help) = problem {
            let message = format!("{} cannot be a label", shown(entry.key));
            problems.report(codes::LABEL, entry.key_span, message, help);
        }
        if let Some(scalar) = shape::scalar(entry.value, "a text", problems) {
            check_characters(scalar.text, entry.value.span(), problems);
            labels.insert(entry.key.to_owned(), scalar.text.to_owned());
        }
    }
    labels
}

/// What a selector can name.
fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|&c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'/' | b'-'))
}
