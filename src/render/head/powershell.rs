//! Lines of PowerShell that may stand in a head.
//!
//! A line comment ends with its line, an option line is one of a few exact forms, and a binding is
//! one token: so none of them goes on in the next line. `<#` begins no comment of this kind.

use std::ops::Range;

use super::super::binding::is_name;

/// `$ErrorActionPreference = 'Stop'` and the other preferences, `Set-StrictMode …`, and perhaps a
/// comment behind it.
pub(super) fn is_option(text: &str) -> bool {
    // A comment begins with a word, and no word of an option has the sign in it.
    let text = match text.find('#') {
        Some(at) if text[..at].ends_with(BLANK) => &text[..at],
        Some(_) => return false,
        None => text,
    };
    let text = text.trim_matches(BLANK);
    is_preference(text) || is_strict_mode(text)
}

const BLANK: [char; 2] = [' ', '\t'];

/// `$NamePreference = 'Word'`, in double quotes as well: a word has nothing in it to expand.
fn is_preference(text: &str) -> bool {
    let Some((left, right)) = text.split_once('=') else {
        return false;
    };
    let name = left.trim_end_matches(BLANK).strip_prefix('$');
    let name = name.map(|name| {
        let (scope, bare) = name.split_once(':').unwrap_or(("global", name));
        let is_scope = ["global", "script"]
            .iter()
            .any(|known| scope.eq_ignore_ascii_case(known));
        if is_scope { bare } else { "" }
    });
    let is_preference =
        name.is_some_and(|name| is_name(name) && name.to_ascii_lowercase().ends_with("preference"));
    let value = right.trim_start_matches(BLANK);
    let word = ['\'', '"'].into_iter().find_map(|quote| {
        value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
    });
    let is_word = word.is_some_and(|word| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let is_switch = ["$true", "$false"]
        .iter()
        .any(|known| value.eq_ignore_ascii_case(known));
    is_preference && (is_word || is_switch)
}

/// `Set-StrictMode -Version 2.0` or `-Off`.
fn is_strict_mode(text: &str) -> bool {
    let words: Vec<String> = text
        .split(BLANK)
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["set-strictmode", "-off"] => true,
        ["set-strictmode", "-version", version] => {
            *version == "latest" || version.bytes().all(|c| c.is_ascii_digit() || c == b'.')
        }
        _ => false,
    }
}

/// The name in `$name = `, before a value.
pub(super) fn bound_name(text: &str) -> Option<Range<usize>> {
    let name = text
        .trim_end_matches(BLANK)
        .strip_suffix('=')?
        .trim_end_matches(BLANK)
        .strip_prefix('$')?;
    is_name(name).then_some(1..name.len() + 1)
}

/// What has to be the first statement of a script, if a line begins with it.
pub(super) fn first_statement(line: &str) -> Option<&'static str> {
    let starts_with = |word: &str| {
        let start = line.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
            && line[word.len()..]
                .chars()
                .next()
                .is_none_or(|next| matches!(next, ' ' | '\t' | '('))
    };
    ["using", "param", "[CmdletBinding"]
        .into_iter()
        .find(|word| starts_with(word))
        .map(|word| word.trim_start_matches('['))
}
