//! Rendering never makes code: values stand in the head of a script, alone on a line of their own.
//!
//! The head ends at the first line that is anything but blank, a comment, an option line, a block
//! tag or a binding. None of these can leave a quote or a here-document open, so a literal that is
//! written into the head is a literal whatever the lines around it are, and nobody has to parse
//! bash or PowerShell to know that. Both branches of a block count, taken or not.

mod bash;
mod powershell;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;

use super::binding;
use super::codes;
use super::path::Path;
use super::tag::{Form, Kind, Operand, Tag, Token};

/// Reports every value of a script that is not a binding in its head.
pub(super) fn check(
    platform: Platform,
    file: &Arc<str>,
    source: &str,
    tokens: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut end: Option<Range<usize>> = None;
    let mut first: Option<Range<usize>> = None;
    for line in lines(source, tokens) {
        let span = line.span(source);
        match classify(platform, source, &line) {
            LineKind::Neutral => {}
            LineKind::Option => {
                first.get_or_insert(span);
            }
            LineKind::Binding(name) if end.is_none() => {
                first.get_or_insert(span);
                diagnostics.extend(binding::reserved(platform, file, source, name));
            }
            kind => {
                let name = binding::attempted_name(platform, &source[span.clone()]);
                let before = diagnostics.len();
                diagnostics.extend(
                    line.values()
                        .map(|value| misplaced(platform, file, source, value, name, end.as_ref())),
                );
                // One binding that is not quite right does not make the next ones wrong.
                let is_attempt = name.is_some() && diagnostics.len() > before;
                if matches!(kind, LineKind::Other) && !is_attempt && end.is_none() {
                    if let Some(first) = first.take().filter(|_| platform == Platform::Windows) {
                        diagnostics.extend(too_late(file, source, &span, first));
                    }
                    end = Some(span);
                }
            }
        }
    }
}

/// Reports a statement that PowerShell takes at the start of a script only, if the head ends with it.
fn too_late(
    file: &Arc<str>,
    source: &str,
    line: &Range<usize>,
    first: Range<usize>,
) -> Option<Diagnostic> {
    let word = powershell::first_statement(&source[line.clone()])?;
    let at = line.start + source[line.clone()].find(|c: char| c.is_ascii_alphabetic())?;
    let message = format!("`{word}` comes after another statement, where PowerShell refuses it");
    let help = if word == "using" {
        "write the name of a type in full, as in [System.IO.Path]; load a module by Import-Module"
    } else {
        "take it out: a script gets its values by bindings, and no arguments"
    };
    Some(
        Diagnostic::error(codes::FIRST_STATEMENT, file, at..at + word.len(), message)
            .help(help)
            .related(first, "the first statement"),
    )
}

fn misplaced(
    platform: Platform,
    file: &Arc<str>,
    source: &str,
    (tag, asked): (&Tag, Asked<'_>),
    attempted: Option<&str>,
    head_end: Option<&Range<usize>>,
) -> Diagnostic {
    let name = attempted.map_or_else(|| binding::name_of(platform, &asked.name), str::to_owned);
    let error = Diagnostic::error(
        codes::VALUE_OUTSIDE_HEAD,
        file,
        tag.span.clone(),
        format!(
            "{} is not a binding in the head of the script",
            &source[tag.span.clone()]
        ),
    )
    .help(binding::help(platform, &name, &asked.text, asked.form));
    match head_end {
        Some(end) => error.related(end.clone(), "the head ends here"),
        None => error,
    }
}

/// What a tag asks to be written.
struct Asked<'t> {
    form: Form,
    /// As it stands in the tag.
    text: String,
    /// What a binding for it would be called after.
    name: Cow<'t, Path>,
}

impl<'t> Asked<'t> {
    fn of(kind: &'t Kind) -> Option<Self> {
        match kind {
            Kind::Value(form, reference) => Some(Self {
                form: *form,
                text: reference.path.to_string(),
                name: Cow::Borrowed(&reference.path),
            }),
            Kind::Secret(Operand::Value(reference)) => Some(Self {
                form: Form::Plain,
                text: format!("secret {}", reference.path),
                name: Cow::Borrowed(&reference.path),
            }),
            Kind::Secret(Operand::Text(name)) => {
                let last = name.rsplit('/').next().unwrap_or(name);
                Some(Self {
                    form: Form::Plain,
                    text: format!("secret \"{name}\""),
                    name: Cow::Owned(Path::Variable(last.into())),
                })
            }
            _ => None,
        }
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
    /// What it asks to be written: values and secrets.
    fn values(&self) -> impl Iterator<Item = (&Tag, Asked<'_>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Tag(tag) => Some((*tag, Asked::of(&tag.kind)?)),
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
    /// Blank, a comment or a tag that leaves no code.
    Neutral,
    /// An option line.
    Option,
    /// A binding; where its name stands.
    Binding(Range<usize>),
    /// Anything else.
    Other,
}

fn classify(platform: Platform, source: &str, line: &Line<'_>) -> LineKind {
    let is_blank = |piece: &Piece<'_>| match piece {
        Piece::Text(range) => is_blank(&source[range.clone()]),
        Piece::Tag(_) => false,
    };
    let solid: Vec<&Piece<'_>> = line.pieces.iter().filter(|p| !is_blank(p)).collect();
    match solid.as_slice() {
        [] => LineKind::Neutral,
        [Piece::Text(range)] => {
            let text = source[range.clone()].trim_matches([' ', '\t']);
            let (continues, is_option) = match platform {
                Platform::Linux => ('\\', bash::is_option(text)),
                Platform::Windows => ('`', powershell::is_option(text)),
            };
            match text {
                _ if text.ends_with(continues) => LineKind::Other,
                _ if text.starts_with('#') => LineKind::Neutral,
                _ if is_option => LineKind::Option,
                _ => LineKind::Other,
            }
        }
        [Piece::Tag(tag)] => match tag.kind {
            Kind::Comment | Kind::Open(..) | Kind::Else(_) | Kind::Close(_) | Kind::Broken => {
                LineKind::Neutral
            }
            Kind::Partial(..) | Kind::Value(..) | Kind::Secret(_) => LineKind::Other,
        },
        [Piece::Text(range), Piece::Tag(tag)]
            if matches!(tag.kind, Kind::Value(..) | Kind::Secret(_) | Kind::Broken) =>
        {
            let text = &source[range.clone()];
            let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
            let name = match platform {
                Platform::Linux => bash::bound_name(&text[indent..]),
                Platform::Windows => powershell::bound_name(&text[indent..]),
            };
            name.map_or(LineKind::Other, |name| {
                let start = range.start + indent;
                LineKind::Binding(start + name.start..start + name.end)
            })
        }
        _ => LineKind::Other,
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|c| matches!(c, b' ' | b'\t'))
}
