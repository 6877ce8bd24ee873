//! Values that are one of a few words.

use crate::manifest::codes;
use crate::manifest::decode::fields::nearest;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

/// What a word means.
#[derive(Clone, Copy)]
pub(in crate::manifest::decode) enum Choice<T> {
    /// This version acts on it.
    Now(T),
    /// It does not; what to write instead.
    Later(&'static str),
}

/// Reads the value of `key`.
pub(in crate::manifest::decode) fn choice<T: Copy>(
    value: Value<'_, '_>,
    key: &str,
    choices: &[(&'static str, Choice<T>)],
    problems: &mut Problems,
) -> Option<T> {
    let words: Vec<&str> = choices
        .iter()
        .filter(|(_, choice)| matches!(choice, Choice::Now(_)))
        .map(|(word, _)| *word)
        .collect();
    let known = words.join(" or ");
    let text = shape::scalar(value, &format!("`{key}`, which is {known},"), problems)?.text;
    match choices.iter().find(|(word, _)| *word == text) {
        Some((_, Choice::Now(choice))) => Some(*choice),
        Some((word, Choice::Later(instead))) => {
            problems.report(
                codes::LATER_VALUE,
                value.span(),
                format!("`{key}: {word}` is not in this version"),
                *instead,
            );
            None
        }
        None => {
            let help = match nearest(text, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("it is {known}"),
            };
            let message = format!("{} is no `{key}`", shown(text));
            problems.report(codes::UNKNOWN_CHOICE, value.span(), message, help);
            None
        }
    }
}
