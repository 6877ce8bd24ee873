//! Variables. A plain scalar is its source text: `port: 3030`, `exporter: yes` and `1.10` mean
//! what is written.

use crate::manifest::codes;
use crate::manifest::decode::shape::{self, OneOrMore};
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Kind, Value};
use crate::model::desired::{Value as Variable, Variables};

const LONGEST_NAME: usize = 63;

/// Reads `variables`.
pub(in crate::manifest::decode) fn variables(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Variables {
    let Some(mapping) = shape::mapping(value, "a mapping of names to values", problems) else {
        return Variables::new();
    };
    let mut variables = Variables::new();
    for entry in mapping.entries() {
        if !is_name(entry.key) {
            problems.report(
                codes::VARIABLE_NAME,
                entry.key_span,
                format!("{} is not the name of a variable", shown(entry.key)),
                "a name has at most 63 letters, digits and any of _ . -, and begins with a letter or _",
            );
        }
        if let Some(value) = variable(entry.value, problems) {
            variables.insert(entry.key.to_owned(), value);
        }
    }
    variables
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST_NAME
        && bytes
            .first()
            .is_some_and(|&c| c.is_ascii_alphabetic() || c == b'_')
        && bytes
            .iter()
            .all(|&c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'))
}

fn variable(value: Value<'_, '_>, problems: &mut Problems) -> Option<Variable> {
    match shape::one_or_more(value) {
        OneOrMore::One(value) => element(value, problems).map(Variable::Scalar),
        OneOrMore::More(sequence) => {
            let items = sequence.items();
            let texts: Vec<String> = items.filter_map(|item| element(item, problems)).collect();
            Some(Variable::List(texts))
        }
    }
}

fn element(value: Value<'_, '_>, problems: &mut Problems) -> Option<String> {
    if let Kind::Mapping(_) | Kind::Sequence(_) = value.kind() {
        problems.report(
            codes::VARIABLE_VALUE,
            value.span(),
            "a variable is a text or a list of texts",
            "give each part a variable of its own; a text that begins with { or [ is quoted",
        );
        return None;
    }
    let text = shape::scalar(value, "a text or a list of texts", problems)?.text;
    check_characters(text, value.span(), problems);
    Some(text.to_owned())
}

/// Reports what no script can be given: scripts take tab, newline and everything printable.
pub(super) fn check_characters(text: &str, span: &Span, problems: &mut Problems) {
    let control = |c: &char| c.is_control() && !matches!(c, '\t' | '\n');
    if let Some(c) = text.chars().find(control) {
        problems.report(
            codes::VALUE_CHARACTER,
            span,
            format!(
                "the value contains the control character U+{:04X}",
                c as u32
            ),
            "tab and newline are the only ones a script can be given",
        );
    }
}
