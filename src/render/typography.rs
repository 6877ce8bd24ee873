//! Quotation marks of typography in the static text of PowerShell, which takes them for its own.

use std::ops::Range;
use std::sync::Arc;

use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::tag::Token;

/// Warns of the first such mark of each line. In a comment it does no harm; values are safe, for the
/// marks in them are doubled.
pub(super) fn check(
    platform: Platform,
    file: &Arc<str>,
    source: &str,
    tokens: &[Token],
) -> Vec<Diagnostic> {
    if platform != Platform::Windows || source.is_ascii() {
        return Vec::new();
    }
    let texts: Vec<Range<usize>> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Text(range) => Some(range.clone()),
            Token::Tag(_) => None,
        })
        .collect();
    let is_text = |at: usize| {
        let next = texts.partition_point(|range| range.end <= at);
        texts.get(next).is_some_and(|range| range.contains(&at))
    };
    let mut found = Vec::new();
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let is_comment = line.trim_start().starts_with('#');
        let first = line
            .char_indices()
            .filter_map(|(at, c)| Some((start + at, c, own_mark(c)?)))
            .find(|(at, ..)| !is_comment && is_text(*at));
        found.extend(first.map(|(at, c, own)| warning(file, at, c, own)));
        start += line.len();
    }
    found
}

fn warning(file: &Arc<str>, at: usize, mark: char, own: char) -> Diagnostic {
    let message = format!("PowerShell takes {mark} for {own}, so it begins or ends a text here");
    let span = at..at + mark.len_utf8();
    Diagnostic::warning(codes::TYPOGRAPHY, file, span, message).help(format!(
        "write {own}; inside of a text [char]0x{:04x} puts the mark itself there",
        u32::from(mark)
    ))
}

/// Which of its own marks PowerShell takes a character for.
const fn own_mark(c: char) -> Option<char> {
    match c {
        '\u{2018}'..='\u{201b}' => Some('\''),
        '\u{201c}'..='\u{201e}' => Some('"'),
        _ => None,
    }
}
