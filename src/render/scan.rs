//! Source text → text and tags, with their places.
//!
//! Finds tags; what stands in one is for [`read`](super::read).

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::read::read;
use super::tag::{Dialect, Kind, Tag, Token};

/// Splits a source. Problems go into `diagnostics`.
pub(super) fn scan(
    file: &Arc<str>,
    source: &str,
    dialect: Dialect,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let mut scanner = Scanner {
        file,
        source,
        dialect,
        diagnostics,
        tokens: Vec::new(),
    };
    scanner.run();
    scanner.tokens
}

struct Scanner<'a> {
    file: &'a Arc<str>,
    source: &'a str,
    dialect: Dialect,
    diagnostics: &'a mut Vec<Diagnostic>,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        let mut copied = 0;
        let mut position = 0;
        while let Some(found) = self.source[position..].find("{{") {
            let open = position + found;
            let slashes = open - self.source[copied..open].trim_end_matches('\\').len() - copied;
            if slashes == 1 {
                self.text(copied..open - 1);
                copied = open;
                position = open + 2;
                if self.source[position..].starts_with("{{") {
                    position += 2;
                }
                continue;
            }
            if slashes > 1 {
                // As in Handlebars: `\\{{` is a backslash before a tag.
                self.text(copied..open - slashes);
                copied = open - slashes + 1;
            }
            self.text(copied..open);
            position = self.tag(open);
            copied = position;
        }
        self.text(copied..self.source.len());
    }

    fn text(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.tokens.push(Token::Text(range));
        }
    }

    fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics
            .push(Diagnostic::error(code, self.file, span, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Takes the tag at `open` and gives the place behind it.
    fn tag(&mut self, open: usize) -> usize {
        let rest = &self.source[open..];
        if rest.starts_with("{{!") {
            return self.comment(open);
        }
        let Some(length) = tag_length(rest) else {
            let line = rest.lines().next().unwrap_or(rest);
            let end = open + line.trim_end().len();
            self.error(
                codes::SYNTAX,
                open..end,
                "this tag is not closed on its line",
            )
            .help = Some(
                "close it with }}; two braces that are meant for the script itself are written \\{{"
                    .to_owned(),
            );
            self.tokens.push(Token::Tag(Tag {
                span: open..end,
                kind: Kind::Broken,
            }));
            return end;
        };
        let span = open..open + length;
        let kind = read(
            self.file,
            self.source,
            &span,
            self.dialect,
            self.diagnostics,
        );
        self.tokens.push(Token::Tag(Tag {
            span: span.clone(),
            kind,
        }));
        span.end
    }

    fn comment(&mut self, open: usize) -> usize {
        let rest = &self.source[open..];
        let close = if rest.starts_with("{{!--") {
            "--}}"
        } else {
            "}}"
        };
        let (end, kind) = match rest[3..].find(close) {
            Some(found) => (open + 3 + found + close.len(), Kind::Comment),
            None => {
                let end = open + rest.find('\n').unwrap_or(rest.len());
                self.error(codes::SYNTAX, open..end, "this comment is never closed")
                    .help = Some(format!("close it with {close}"));
                (self.source.len(), Kind::Broken)
            }
        };
        self.tokens.push(Token::Tag(Tag {
            span: open..end,
            kind,
        }));
        end
    }
}

/// How long the tag at the start of a text is; it ends on its line. Quoted text in it is skipped.
fn tag_length(text: &str) -> Option<usize> {
    let closes: &[&str] = match text {
        _ if text.starts_with("{{{{") => &["}}}}"],
        _ if text.starts_with("{{{") || text.starts_with("{{~{") => &["}}}", "}~}}"],
        _ => &["}}"],
    };
    let mut quote = None;
    for (at, c) in text.char_indices().skip(2) {
        let rest = &text[at..];
        match (quote, c) {
            (_, '\n') => return None,
            (None, '}') => {
                if let Some(close) = closes.iter().find(|close| rest.starts_with(**close)) {
                    return Some(at + close.len());
                }
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}
