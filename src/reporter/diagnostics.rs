//! Diagnostics as a compiler shows them, and `fleet.diagnostics/1`.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::text::{Palette, plural};
use crate::model::characters::is_hidden;
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::source::Tree;

/// `format` of the document.
pub const DIAGNOSTICS_FORMAT: &str = "fleet.diagnostics/1";

/// Every diagnostic with its excerpt, a blank line after each. Empty where there is none.
pub fn text(diagnostics: &[Diagnostic], tree: &Tree, palette: Palette, width: usize) -> String {
    let renderer = if palette.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width);
    diagnostics
        .iter()
        .map(|diagnostic| format!("{}\n\n", renderer.render(&[group(diagnostic, tree)])))
        .collect()
}

/// `2 errors, 1 warning`; `no problems` where there is none.
pub fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| {
        diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count()
    };
    let parts: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning")]
        .into_iter()
        .map(|(severity, noun)| (of(severity), noun))
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| plural(count, noun))
        .collect();
    if parts.is_empty() {
        "no problems".to_owned()
    } else {
        parts.join(", ")
    }
}

/// `environments/dev.yaml:4:1: F101: an environment has no key …`: one on a line.
pub fn line(diagnostic: &Diagnostic, tree: &Tree) -> String {
    let row = Row::new(diagnostic, tree);
    let (file, message) = (path(row.file), printable(row.message).replace('\n', " "));
    format!(
        "{file}:{}:{}: {}: {message}",
        row.line, row.column, row.code
    )
}

/// The document, on one line; `checked_by` names what read the rendered scripts.
pub fn json(diagnostics: &[Diagnostic], tree: &Tree, checked_by: &[&str]) -> String {
    let document = Document {
        format: DIAGNOSTICS_FORMAT,
        checked_by,
        diagnostics: diagnostics.iter().map(|d| Row::new(d, tree)).collect(),
    };
    super::text::to_json(&document)
}

/// Workflow commands, one a line, that GitHub shows as annotations of the files' lines.
pub fn github(diagnostics: &[Diagnostic], tree: &Tree) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| annotation(&Row::new(diagnostic, tree)))
        .collect()
}

fn annotation(row: &Row<'_>) -> String {
    let command = match row.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut message = row.message.to_owned();
    if let Some(help) = row.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    // GitHub's end is the last character, ours the one behind it. Columns of an annotation over
    // several lines would be those of one line.
    let columns = if row.line == row.end_line {
        let last = row.end_column.saturating_sub(1).max(row.column);
        format!(",col={},endColumn={last}", row.column)
    } else {
        String::new()
    };
    format!(
        "::{command} file={},line={},endLine={}{columns},title={}::{}\n",
        property(row.file),
        row.line,
        row.end_line,
        property(row.code),
        data(&message)
    )
}

/// Data of a workflow command, escaped as GitHub's runner undoes it.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The same for a property, whose end is a comma or colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    checked_by: &'a [&'a str],
    diagnostics: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    code: &'static str,
    severity: Severity,
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(diagnostic: &'a Diagnostic, tree: &Tree) -> Self {
        let source = tree.file(&diagnostic.file).map_or(&[][..], |bytes| bytes);
        let (line, column) = place(source, diagnostic.span.start);
        let (end_line, end_column) = place(source, diagnostic.span.end);
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            file: &diagnostic.file,
            line,
            column,
            end_line,
            end_column,
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
        }
    }
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn place(source: &[u8], at: usize) -> (usize, usize) {
    let before = &source[..at.min(source.len())];
    let start = line_start(before, before.len());
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (
        line,
        String::from_utf8_lossy(&before[start..]).chars().count() + 1,
    )
}

fn line_start(source: &[u8], at: usize) -> usize {
    source[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1)
}

fn line_end(source: &[u8], at: usize) -> usize {
    source[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(source.len(), |newline| at + newline)
}

fn group<'a>(diagnostic: &'a Diagnostic, tree: &'a Tree) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(printable(&diagnostic.message))
        .id(diagnostic.code)
        .elements(None::<Origin<'_>>);
    let source = tree.file(&diagnostic.file).map_or(&[][..], |bytes| bytes);
    group = match excerpt(diagnostic, source) {
        Some(snippet) => group.element(snippet),
        None => group.element(Origin::path(path(&diagnostic.file))),
    };
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(printable(help))),
        None => group,
    }
}

/// The lines that are meant and no others, so that a manifest of 10,000 hosts costs nothing. None for
/// a problem of a file as a whole and for text that is not UTF-8.
fn excerpt<'a>(
    diagnostic: &'a Diagnostic,
    source: &'a [u8],
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let span = clamp(&diagnostic.span, source);
    if source.is_empty() || span == (0..0) {
        return None;
    }
    let related = diagnostic
        .related
        .as_ref()
        .map(|(span, label)| (clamp(span, source), label));
    let first = related
        .as_ref()
        .map_or(span.start, |(other, _)| span.start.min(other.start));
    let last = related
        .as_ref()
        .map_or(span.end, |(other, _)| span.end.max(other.end));
    let from = line_start(source, first);
    let lines = std::str::from_utf8(&source[from..line_end(source, last)]).ok()?;
    let (line, _) = place(source, from);
    let shift = |span: Range<usize>| span.start - from..span.end - from;
    let mut snippet = Snippet::source(lines)
        .line_start(line)
        .path(path(&diagnostic.file))
        .annotation(AnnotationKind::Primary.span(shift(span)));
    if let Some((other, label)) = related {
        snippet = snippet.annotation(
            AnnotationKind::Context
                .span(shift(other))
                .label(printable(label)),
        );
    }
    Some(snippet)
}

/// The span within the source and on character boundaries, its last line break left out: an
/// underline that goes on at the start of the next line only confuses.
fn clamp(span: &Range<usize>, source: &[u8]) -> Range<usize> {
    let boundary = |mut at: usize| {
        while at > 0 && at < source.len() && source[at] & 0xc0 == 0x80 {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start.min(source.len()));
    let mut end = boundary(span.end.clamp(start, source.len()));
    while end > start && matches!(source[end - 1], b'\n' | b'\r') {
        end -= 1;
    }
    start..end
}

/// Manifests come from strangers: no character of theirs reaches a terminal that it would obey.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if is_hidden(c) && c != '\n' {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// A path on one line: a file's name may hold a line break, or what a terminal obeys.
fn path(file: &str) -> String {
    file.chars()
        .flat_map(|c| {
            let escaped = is_hidden(c).then(|| c.escape_default());
            let plain = (!is_hidden(c)).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Tree, Vec<Diagnostic>) {
        let text = "name: acme\nservices:\n  hello: { verison: 1.0.0 }\nnäme: x\n";
        let tree = Tree::default().with("fleet.yaml", text);
        let file = "fleet.yaml".into();
        let at = |needle: &str| {
            let start = text.find(needle).expect("in the text");
            start..start + needle.len()
        };
        let diagnostics = vec![
            Diagnostic::error(
                "F101",
                &file,
                at("verison"),
                "unknown key \"verison\" of a service",
            )
            .help("did you mean \"version\"?"),
            Diagnostic::warning("W102", &file, at("näme"), "second name")
                .related(at("name"), "first defined here"),
            Diagnostic::error("F001", &"environments/x.yaml".into(), 0..0, "file is empty"),
        ];
        (tree, diagnostics)
    }

    #[test]
    fn text_has_place_excerpt_and_help() {
        let (tree, diagnostics) = sample();
        insta::assert_snapshot!(text(&diagnostics, &tree, Palette::PLAIN, 80));
        assert_eq!(count(&diagnostics), "2 errors, 1 warning");
    }

    #[test]
    fn json_counts_lines_and_characters_from_one() {
        let (tree, diagnostics) = sample();
        insta::assert_snapshot!(json(&diagnostics, &tree, &["bash"]));
    }

    #[test]
    fn annotations_escape_what_would_end_them() {
        let (tree, mut diagnostics) = sample();
        let odd = "environments/a,b:c%.yaml".into();
        let several = Diagnostic::error("F108", &odd, 0..3, "50% off: a, b\r\n::error::no");
        let tree = tree.with(&odd, "a\nb\n");
        diagnostics.push(several);
        assert_eq!(
            github(&diagnostics, &tree),
            "::error file=fleet.yaml,line=3,endLine=3,col=12,endColumn=18,title=F101::unknown key \"verison\" of a service%0Ahelp: did you mean \"version\"?\n\
             ::warning file=fleet.yaml,line=4,endLine=4,col=1,endColumn=4,title=W102::second name\n\
             ::error file=environments/x.yaml,line=1,endLine=1,col=1,endColumn=1,title=F001::file is empty\n\
             ::error file=environments/a%2Cb%3Ac%25.yaml,line=1,endLine=2,title=F108::50%25 off: a, b%0D%0A::error::no\n"
        );
    }

    #[test]
    fn spans_that_do_not_fit_do_no_harm() {
        let tree = Tree::default().with("fleet.yaml", "ä\n");
        let file = "fleet.yaml".into();
        for span in [1..2, 0..99, 3..3, 98..99, 2..3] {
            let shown = text(
                &[Diagnostic::error("F001", &file, span, "x\u{1b}[2J")],
                &tree,
                Palette::PLAIN,
                80,
            );
            assert!(!shown.contains('\u{1b}'), "{shown}");
        }
    }
}
