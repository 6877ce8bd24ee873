//! Rendering never makes code: values stand in the head of a script, alone on a line of their own.
//!
//! The head ends at the first line that is anything but blank, a comment, an option line, a block
//! tag or a binding. None of these can leave a quote or a here-document open, so a literal that is
//! written into the head is a literal whatever the lines around it are, and nobody has to parse
//! bash to know that. Both branches of a block count, taken or not.

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::binding;
use super::codes;
use super::path::Path;
use super::tag::{Form, Kind, Tag, Token};

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

/// Reports every value of a script that is not a binding in its head.
pub(super) fn check(
    file: &Arc<str>,
    source: &str,
    tokens: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut end: Option<Range<usize>> = None;
    for line in lines(source, tokens) {
        match classify(source, &line) {
            LineKind::Neutral => {}
            LineKind::Binding(name) if end.is_none() => {
                diagnostics.extend(binding::reserved(file, source, name));
            }
            kind => {
                let span = line.span(source);
                let name = binding::attempted_name(&source[span.clone()]);
                let before = diagnostics.len();
                diagnostics.extend(
                    line.values()
                        .map(|value| misplaced(file, source, value, name, end.as_ref())),
                );
                // One binding that is not quite right does not make the next ones wrong.
                let is_attempt = name.is_some() && diagnostics.len() > before;
                if matches!(kind, LineKind::Other) && !is_attempt {
                    end.get_or_insert(span);
                }
            }
        }
    }
}

fn misplaced(
    file: &Arc<str>,
    source: &str,
    (tag, form, path): (&Tag, Form, &Path),
    attempted: Option<&str>,
    head_end: Option<&Range<usize>>,
) -> Diagnostic {
    let name = attempted.map_or_else(|| path.binding_name(), str::to_owned);
    let error = Diagnostic::error(
        codes::VALUE_OUTSIDE_HEAD,
        file,
        tag.span.clone(),
        format!(
            "{} is not a binding in the head of the script",
            &source[tag.span.clone()]
        ),
    )
    .help(binding::help(&name, &path.to_string(), form));
    match head_end {
        Some(end) => error.related(end.clone(), "the head ends here"),
        None => error,
    }
}

/// A line of the rendered script, as far as text is concerned: a comment may hide line ends.
struct Line<'t> {
    pieces: Vec<Piece<'t>>,
}

enum Piece<'t> {
    Text(Range<usize>),
    Tag(&'t Tag),
}

impl Line<'_> {
    /// The values it names.
    fn values(&self) -> impl Iterator<Item = (&Tag, Form, &Path)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Tag(tag) => match &tag.kind {
                Kind::Value(form, reference) => Some((*tag, *form, &reference.path)),
                _ => None,
            },
            Piece::Text(_) => None,
        })
    }

    /// Where it stands, without the white space around it.
    fn span(&self, source: &str) -> Range<usize> {
        let bounds = |piece: &Piece<'_>| match piece {
            Piece::Text(range) => range.clone(),
            Piece::Tag(tag) => tag.span.clone(),
        };
        let start = self.pieces.first().map_or(0, |p| bounds(p).start);
        let end = self.pieces.last().map_or(start, |p| bounds(p).end);
        let text = &source[start..end];
        let leading = text.len() - text.trim_start().len();
        start + leading..start + text.trim_end().len().max(leading)
    }
}

fn lines<'t>(source: &str, tokens: &'t [Token]) -> Vec<Line<'t>> {
    let mut lines = Vec::new();
    let mut pieces = Vec::new();
    for token in tokens {
        match token {
            Token::Tag(tag) => pieces.push(Piece::Tag(tag)),
            Token::Text(range) => {
                let mut start = range.start;
                while let Some(found) = source[start..range.end].find('\n') {
                    if found > 0 {
                        pieces.push(Piece::Text(start..start + found));
                    }
                    lines.push(Line {
                        pieces: std::mem::take(&mut pieces),
                    });
                    start += found + 1;
                }
                if start < range.end {
                    pieces.push(Piece::Text(start..range.end));
                }
            }
        }
    }
    lines.push(Line { pieces });
    lines
}

enum LineKind {
    /// Blank, a comment, an option line or a tag that leaves no code.
    Neutral,
    /// A binding; where its name stands.
    Binding(Range<usize>),
    /// Anything else.
    Other,
}

fn classify(source: &str, line: &Line<'_>) -> LineKind {
    let is_blank = |piece: &Piece<'_>| match piece {
        Piece::Text(range) => is_blank(&source[range.clone()]),
        Piece::Tag(_) => false,
    };
    let solid: Vec<&Piece<'_>> = line.pieces.iter().filter(|p| !is_blank(p)).collect();
    match solid.as_slice() {
        [] => LineKind::Neutral,
        [Piece::Text(range)] => {
            let text = source[range.clone()].trim_matches([' ', '\t']);
            let is_neutral =
                !text.ends_with('\\') && (text.starts_with('#') || is_option_line(text));
            if is_neutral {
                LineKind::Neutral
            } else {
                LineKind::Other
            }
        }
        [Piece::Tag(tag)] => match tag.kind {
            Kind::Comment | Kind::Open(..) | Kind::Else(_) | Kind::Close(_) | Kind::Broken => {
                LineKind::Neutral
            }
            Kind::Partial(..) | Kind::Value(..) => LineKind::Other,
        },
        [Piece::Text(range), Piece::Tag(tag)]
            if matches!(tag.kind, Kind::Value(..) | Kind::Broken) =>
        {
            let text = &source[range.clone()];
            let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
            match text[indent..].strip_suffix('=') {
                Some(name) if binding::is_name(name) => {
                    LineKind::Binding(range.start + indent..range.end - 1)
                }
                _ => LineKind::Other,
            }
        }
        _ => LineKind::Other,
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|c| matches!(c, b' ' | b'\t'))
}

/// `set …` or `shopt …` with words that are known to be harmless, and perhaps a comment.
fn is_option_line(text: &str) -> bool {
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
