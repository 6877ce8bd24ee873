//! Values that are one of a few words.

use crate::manifest::codes;
use crate::manifest::decode::fields::did_you_mean;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

/// A type whose values a manifest writes as words.
pub(in crate::manifest::decode) trait Word: Copy + 'static {
    /// Every word with what it means.
    const WORDS: &'static [(&'static str, Self)];
}

/// The words of a type.
pub(in crate::manifest::decode) fn words<T: Word>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// Reads the value of `key`.
pub(in crate::manifest::decode) fn choice<T: Word>(
    value: Value<'_, '_>,
    key: &str,
    problems: &mut Problems,
) -> Option<T> {
    let words = words::<T>();
    let known = match words.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        words => words.concat(),
    };
    let text = shape::scalar(value, &format!("`{key}`, which is {known},"), problems)?.text;
    if let Some((_, meaning)) = T::WORDS.iter().find(|(word, _)| *word == text) {
        return Some(*meaning);
    }
    let help = did_you_mean(text, words.iter().copied(), &format!("it is {known}"));
    let message = format!("{} is no `{key}`", shown(text));
    problems.report(codes::UNKNOWN_CHOICE, value.span(), message, help);
    None
}
