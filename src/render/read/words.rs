//! The words of a tag.

use std::ops::Range;

/// A word inside a tag.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

/// The words behind the first bytes of a tag.
pub(super) fn words_after(text: &str, offset: usize, skip: usize) -> Vec<Word<'_>> {
    words(&text[skip..], offset + skip)
}

/// Words between white space; parentheses and quoted texts are words of their own.
pub(super) fn words(text: &str, offset: usize) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(|c: char| !c.is_whitespace()) {
        let start = rest + start;
        let tail = &text[start..];
        let length = match tail.as_bytes()[0] {
            b'(' | b')' => 1,
            quote @ (b'"' | b'\'') => tail[1..]
                .find(char::from(quote))
                .map_or(tail.len(), |at| at + 2),
            _ => tail
                .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
                .unwrap_or(tail.len()),
        };
        found.push(Word {
            text: &tail[..length],
            span: offset + start..offset + start + length,
        });
        rest = start + length;
    }
    found
}
