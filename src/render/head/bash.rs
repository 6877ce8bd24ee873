//! Lines of bash that may stand in a head.

use std::ops::Range;

use super::super::binding::is_name;

/// Options of `set -o` and letters of `set` that change nothing about how later lines are read.
const SET_NAMES: [&str; 11] = [
    "allexport",
    "errexit",
    "errtrace",
    "functrace",
    "noclobber",
    "noglob",
    "nounset",
    "physical",
    "pipefail",
    "verbose",
    "xtrace",
];
const SET_LETTERS: &str = "aefuvxCEPTo";
/// The same of `shopt`.
const SHOPT_NAMES: [&str; 10] = [
    "dotglob",
    "extglob",
    "failglob",
    "globstar",
    "inherit_errexit",
    "lastpipe",
    "localvar_inherit",
    "nocaseglob",
    "nocasematch",
    "nullglob",
];

/// `set …` or `shopt …` with words that are known to be harmless, and perhaps a comment.
pub(super) fn is_option(text: &str) -> bool {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let known: fn(&str) -> bool = match words.next() {
        Some("set") => |word| match word.strip_prefix(['-', '+']) {
            Some(letters) => {
                !letters.is_empty() && letters.chars().all(|c| SET_LETTERS.contains(c))
            }
            None => SET_NAMES.contains(&word),
        },
        Some("shopt") => |word| matches!(word, "-s" | "-u") || SHOPT_NAMES.contains(&word),
        _ => return false,
    };
    let options: Vec<&str> = words.take_while(|word| !word.starts_with('#')).collect();
    !options.is_empty() && options.into_iter().all(known)
}

/// The name in `name=`, before a value.
pub(super) fn bound_name(text: &str) -> Option<Range<usize>> {
    let name = text.strip_suffix('=')?;
    is_name(name).then_some(0..name.len())
}
