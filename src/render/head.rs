//! Rendering never makes code: values stand in the head of a script, alone on a line of their own.
//!
//! The head ends at the first line that is anything but blank, a comment, an option line, a block
//! tag or a binding. None of these can leave a quote or a here-document open, so a literal that is
//! written into the head is a literal whatever the lines around it are, and nobody has to parse
//! bash to know that. Both branches of a block count, taken or not.

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::scan::{Form, Kind, Tag, Token, binding_help};

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

/// Names that bash gives a meaning: some of their values it runs, others change how it works.
const RESERVED_NAMES: [&str; 24] = [
    "CDPATH",
    "COLUMNS",
    "DIRSTACK",
    "ENV",
    "EUID",
    "FUNCNAME",
    "GLOBIGNORE",
    "GROUPS",
    "HOME",
    "IFS",
    "LINENO",
    "LINES",
    "OPTARG",
    "OPTIND",
    "PATH",
    "POSIXLY_CORRECT",
    "PPID",
    "PWD",
    "OLDPWD",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "TMPDIR",
    "UID",
];
const RESERVED_PREFIXES: [&str; 6] = ["BASH", "FLEET_", "LD_", "PROMPT_", "PS", "HIST"];

/// Reports every value of a script that is not a binding in its head.
pub(super) fn check(
    file: &Arc<str>,
    source: &str,
    tokens: &[Token],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut head_ended_at: Option<Range<usize>> = None;
    for line in lines(source, tokens) {
        let kind = classify(source, &line);
        if let LineKind::Binding(name) = &kind
            && head_ended_at.is_none()
        {
            if is_reserved(&source[name.clone()]) {
                diagnostics.push(
                    Diagnostic::error(
                        codes::BINDING_NAME,
                        file,
                        name.clone(),
                        format!(
                            "`{}` is a name that bash or fleet gives a meaning",
                            &source[name.clone()]
                        ),
                    )
                    .help("bind the value to a name in lower case"),
                );
            }
            continue;
        }
        if matches!(kind, LineKind::Other) && head_ended_at.is_none() {
            head_ended_at = Some(line.text_span(source));
        }
        for piece in &line.pieces {
            if let Piece::Tag(tag) = piece
                && let Kind::Value(form, reference) = &tag.kind
            {
                diagnostics.push(misplaced(
                    file,
                    source,
                    tag,
                    *form,
                    &reference.path.to_string(),
                    &line,
                    head_ended_at.as_ref(),
                ));
            }
        }
    }
}

fn misplaced(
    file: &Arc<str>,
    source: &str,
    tag: &Tag,
    form: Form,
    path: &str,
    line: &Line<'_>,
    head_ended_at: Option<&Range<usize>>,
) -> Diagnostic {
    let whole = &source[tag.span.clone()];
    let mut help = binding_help(file, path);
    if form == Form::List {
        help = help
            .replace("={{", "={{list ")
            .replace("then use \"$", "then use \"${");
        if help.ends_with('"') {
            help.insert_str(help.len() - 1, "[@]}");
        }
    }
    let error = Diagnostic::error(
        codes::VALUE_OUTSIDE_HEAD,
        file,
        tag.span.clone(),
        format!("{whole} is not a binding in the head of the script"),
    )
    .help(help);
    match head_ended_at {
        Some(end) if *end != line.text_span(source) => {
            error.related(end.clone(), "the head ends here")
        }
        _ => error,
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
    /// Where it stands, without the white space around it.
    fn text_span(&self, source: &str) -> Range<usize> {
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
                Some(name) if is_name(name) => {
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

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn is_reserved(name: &str) -> bool {
    name == "_"
        || RESERVED_NAMES.contains(&name)
        || RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
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
