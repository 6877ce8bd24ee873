//! Source text → text and tags, with their places.
//!
//! Everything that is Handlebars but not fleet's subset is refused here, at the tag.

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::path::Path;
use super::suggest::nearest;

/// What a file is, as far as its tags are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `<phase>.sh.hbs`: values only in bindings.
    Script,
    /// `files/<name>.hbs`: values anywhere, no partials.
    Data,
    /// `partials/<name>.sh`: comments only.
    Partial,
}

/// A piece of a source.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// Bytes that are copied; the backslash of `\{{` is in none of them.
    Text(Range<usize>),
    /// A tag.
    Tag(Tag),
}

/// A tag.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    /// From `{{` to behind `}}`.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a tag is. Where a part is missing, its problem has been reported and the tag only keeps
/// its place, so that nothing else is reported because of it.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `{{! … }}`
    Comment,
    /// `{{#if …}}`
    Open(Box<str>, Option<Condition>),
    /// `{{else}}`, `{{else if …}}`
    Else(Option<Option<Condition>>),
    /// `{{/if}}`
    Close(Box<str>),
    /// `{{> name}}`
    Partial(Box<str>, Range<usize>),
    /// `{{path}}`, `{{list path}}`, `{{json path}}`
    Value(Form, Reference),
    /// Reported.
    Broken,
}

/// How a value is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{{path}}`
    Plain,
    /// `{{list path}}`
    List,
    /// `{{json path}}`
    Json,
}

/// A path at its place.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// What is meant.
    pub(super) path: Path,
    /// Where it stands.
    pub(super) span: Range<usize>,
}

/// What `if` and `unless` ask.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// `unless`
    pub(super) negated: bool,
    /// The question itself.
    pub(super) test: Test,
}

/// The question of a condition.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// The value is `true` and not `false`.
    Holds(Reference),
    /// `(eq a b)`
    Equal(Operand, Operand),
}

/// One side of `eq`.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// A value.
    Value(Reference),
    /// Fixed text in quotes.
    Text(Box<str>),
}

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

/// A word inside a tag.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    span: Range<usize>,
}

impl<'a> Scanner<'a> {
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
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let Some(length) = tag_length(line) else {
            let end = open + line.trim_end().len();
            self.error(
                codes::SYNTAX,
                open..end,
                "this tag is not closed on its line",
            )
            .help = Some("close it with }}; two braces that are meant for the script itself are written \\{{".to_owned());
            self.tokens.push(Token::Tag(Tag {
                span: open..end,
                kind: Kind::Broken,
            }));
            return end;
        };
        let span = open..open + length;
        let kind = self.kind(&span);
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

    fn kind(&mut self, span: &Range<usize>) -> Kind {
        let whole = &self.source[span.clone()];
        if self.dialect == Dialect::Partial {
            self.error(
                codes::TAG_IN_PARTIAL,
                span.clone(),
                format!("{whole} in a partial: partials have no tags but comments"),
            )
            .help = Some("give the function an argument, and bind the value in the head of the script that calls it".to_owned());
            return Kind::Broken;
        }
        if whole.starts_with("{{{{") {
            self.error(
                codes::NOT_SUPPORTED,
                span.clone(),
                "there are no raw blocks",
            )
            .help =
                Some("two braces that are meant for the script itself are written \\{{".to_owned());
            return Kind::Broken;
        }
        let mut inner = span.start + 2..span.end - 2;
        if whole.starts_with("{{~") || whole.ends_with("~}}") {
            self.error(
                codes::WHITESPACE_CONTROL,
                span.clone(),
                format!("{whole}: white space is not controlled with ~"),
            )
            .help = Some("a block tag alone on its line leaves no line behind".to_owned());
            // Go on without it: what stands between is still worth a look.
            if whole.starts_with("{{~") {
                inner.start += 1;
            }
            if whole.ends_with("~}}") && inner.end > inner.start {
                inner.end -= 1;
            }
        }
        let text = &self.source[inner.clone()];
        let sigil = text.bytes().next().unwrap_or(b' ');
        let words = words(text, inner.start);
        match sigil {
            b'{' | b'&' => self.unescaped(span, &inner),
            b'*' => self.unsupported(span, "decorators"),
            b'#' if text.starts_with("#>") => self.unsupported(span, "block partials"),
            b'#' if text.starts_with("#*") => self.unsupported(span, "inline partials"),
            b'^' if words.len() > 1 || text.len() > 1 => self.unsupported(span, "inverse blocks"),
            b'#' => self.open(span, &words_after(text, inner.start, 1)),
            b'/' => match words_after(text, inner.start, 1).as_slice() {
                [name] => Kind::Close(name.text.into()),
                _ => {
                    self.error(
                        codes::SYNTAX,
                        span.clone(),
                        format!("{whole} closes nothing"),
                    )
                    .help = Some("a block is closed as {{/if}} or {{/unless}}".to_owned());
                    Kind::Broken
                }
            },
            b'>' => self.partial(span, &words_after(text, inner.start, 1)),
            b'^' => Kind::Else(None),
            _ => match words.split_first() {
                Some((first, rest)) if first.text == "else" => self.else_(span, rest),
                _ => self.value(span, &words),
            },
        }
    }

    fn unescaped(&mut self, span: &Range<usize>, inner: &Range<usize>) -> Kind {
        let whole = &self.source[span.clone()];
        let path = self.source[inner.clone()]
            .trim_matches(['{', '}', '&', ' ', '\t'])
            .to_owned();
        let help = match self.dialect {
            Dialect::Data => format!("{{{{{path}}}}} is the value as it is"),
            _ => binding_help(self.file, &path),
        };
        self.error(
            codes::UNESCAPED,
            span.clone(),
            format!("{whole}: no value is written unquoted"),
        )
        .help = Some(help);
        Kind::Broken
    }

    fn unsupported(&mut self, span: &Range<usize>, what: &str) -> Kind {
        let whole = &self.source[span.clone()];
        self.error(
            codes::NOT_SUPPORTED,
            span.clone(),
            format!("{whole}: there are no {what}"),
        );
        Kind::Broken
    }

    fn open(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
        let Some((helper, arguments)) = words.split_first() else {
            self.error(codes::SYNTAX, span.clone(), "this block has no name")
                .help = Some("write {{#if path}} or {{#if (eq path \"text\")}}".to_owned());
            return Kind::Open("".into(), None);
        };
        let condition = self.condition(span, helper, arguments);
        Kind::Open(helper.text.into(), condition)
    }

    fn else_(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
        match words.split_first() {
            None => Kind::Else(None),
            Some((helper, arguments)) => Kind::Else(Some(self.condition(span, helper, arguments))),
        }
    }

    fn partial(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
        let whole = &self.source[span.clone()];
        if self.dialect == Dialect::Data {
            return self.unsupported(span, "partials in files/");
        }
        match words {
            [name] => Kind::Partial(name.text.into(), name.span.clone()),
            _ => {
                self.error(
                    codes::NOT_SUPPORTED,
                    span.clone(),
                    format!("{whole}: a partial takes its name and nothing else"),
                )
                .help = Some("write {{> name}}".to_owned());
                Kind::Broken
            }
        }
    }

    fn condition(
        &mut self,
        span: &Range<usize>,
        helper: &Word<'a>,
        arguments: &[Word<'a>],
    ) -> Option<Condition> {
        let negated = match helper.text {
            "if" => false,
            "unless" => true,
            other => {
                let help = match other {
                    "each" | "with" => {
                        "bind the list in the head as `name={{list path}}` and loop in bash: for x in \"${name[@]}\""
                            .to_owned()
                    }
                    _ => nearest(other, ["if", "unless"].into_iter()).map_or_else(
                        || "the blocks are {{#if}} and {{#unless}}".to_owned(),
                        |name| format!("did you mean `{name}`?"),
                    ),
                };
                self.error(
                    codes::NOT_SUPPORTED,
                    helper.span.clone(),
                    format!("there is no block `{other}`"),
                )
                .help = Some(help);
                return None;
            }
        };
        let test = match arguments {
            [path] if path.text != "(" => Test::Holds(self.reference(path)?),
            [open, eq, a, b, close] if open.text == "(" && eq.text == "eq" && close.text == ")" => {
                let (a, b) = (self.operand(a), self.operand(b));
                Test::Equal(a?, b?)
            }
            _ => {
                let whole = &self.source[span.clone()];
                self.error(
                    codes::NOT_SUPPORTED,
                    span.clone(),
                    format!("{whole} is not a condition"),
                )
                .help = Some(format!(
                    "a condition is {{{{#{0} path}}}} for a value true or false, or {{{{#{0} (eq path \"text\")}}}}",
                    helper.text
                ));
                return None;
            }
        };
        Some(Condition { negated, test })
    }

    fn operand(&mut self, word: &Word<'a>) -> Option<Operand> {
        let quoted = word.text.starts_with(['"', '\'']);
        if !quoted {
            let bare = Path::parse(self.file, word.text, &word.span);
            if let Err(problem) = &bare
                && problem.code == codes::LITERAL
            {
                self.error(
                    codes::LITERAL,
                    word.span.clone(),
                    format!("`{}` is neither a path nor text in quotes", word.text),
                )
                .help = Some(format!("every value is text: write \"{}\"", word.text));
                return None;
            }
            return self.reference(word).map(Operand::Value);
        }
        let quote = &word.text[..1];
        let Some(inner) = word.text[1..].strip_suffix(quote) else {
            self.error(
                codes::SYNTAX,
                word.span.clone(),
                "this text in quotes is not closed",
            );
            return None;
        };
        if inner.contains('\\') {
            self.error(
                codes::NOT_SUPPORTED,
                word.span.clone(),
                "text in quotes has no escapes",
            )
            .help = Some("write it without a backslash; text with one kind of quotes stands between the other kind".to_owned());
            return None;
        }
        Some(Operand::Text(inner.into()))
    }

    fn reference(&mut self, word: &Word<'a>) -> Option<Reference> {
        match Path::parse(self.file, word.text, &word.span) {
            Ok(path) => Some(Reference {
                path,
                span: word.span.clone(),
            }),
            Err(problem) => {
                self.diagnostics.push(problem);
                None
            }
        }
    }

    fn value(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
        let whole = &self.source[span.clone()];
        let (form, path) = match words {
            [path] => (Form::Plain, path),
            [helper, path] if helper.text == "list" || helper.text == "json" => {
                let form = if helper.text == "list" {
                    Form::List
                } else {
                    Form::Json
                };
                (form, path)
            }
            [] => {
                self.error(codes::SYNTAX, span.clone(), "this tag is empty")
                    .help = Some(
                    "two braces that are meant for the script itself are written \\{{".to_owned(),
                );
                return Kind::Broken;
            }
            [helper, ..] => {
                self.helper(span, helper);
                return Kind::Broken;
            }
        };
        let wrong_form = match (self.dialect, form) {
            (Dialect::Script, Form::Json) => Some((
                "`json` is for files/, a script gets values as bindings",
                binding_help(self.file, path.text),
            )),
            (Dialect::Data, Form::List) => Some((
                "`list` is for the arrays of scripts",
                format!("write {{{{json {}}}}}", path.text),
            )),
            _ => None,
        };
        if let Some((message, help)) = wrong_form {
            self.error(codes::NOT_SUPPORTED, span.clone(), message).help = Some(help);
            return Kind::Broken;
        }
        if matches!(path.text, "(" | ")") || path.text.contains('=') {
            self.error(
                codes::NOT_SUPPORTED,
                span.clone(),
                format!("{whole}: a value is one path, without subexpressions and arguments"),
            );
            return Kind::Broken;
        }
        match self.reference(path) {
            Some(reference) => Kind::Value(form, reference),
            None => Kind::Broken,
        }
    }

    fn helper(&mut self, span: &Range<usize>, helper: &Word<'a>) {
        let whole = &self.source[span.clone()];
        match helper.text {
            "secret" => {
                self.error(
                    codes::NOT_IN_THIS_VERSION,
                    span.clone(),
                    format!("{whole}: secrets are not in this version of fleet"),
                );
            }
            "if" | "unless" => {
                self.error(
                    codes::SYNTAX,
                    span.clone(),
                    format!("{whole} opens no block"),
                )
                .help = Some(format!("write {{{{#{} …}}}}", helper.text));
            }
            "list" | "json" => {
                self.error(
                    codes::SYNTAX,
                    span.clone(),
                    format!("`{}` takes one path", helper.text),
                )
                .help = Some(format!("write {{{{{} path}}}}", helper.text));
            }
            "(" => {
                self.unsupported(span, "subexpressions but (eq …) in a condition");
            }
            other => {
                let help = nearest(other, ["list", "json"].into_iter()).map_or_else(
                    || "a value is one path; what a script computes, it computes itself".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                );
                self.error(
                    codes::NOT_SUPPORTED,
                    helper.span.clone(),
                    format!("there is no helper `{other}`"),
                )
                .help = Some(help);
            }
        }
    }
}

/// The help for a value that is not in a binding.
pub(super) fn binding_help(file: &Arc<str>, path: &str) -> String {
    match Path::parse(file, path, &(0..0)) {
        Ok(parsed) => {
            let name = parsed.binding_name();
            format!(
                "in the head of the script, alone on its line, write `{name}={{{{{path}}}}}`; then use \"${name}\""
            )
        }
        Err(_) => "in the head of the script, alone on its line, write `name={{path}}`; then use \"$name\"".to_owned(),
    }
}

/// How long the tag at the start of a line is, quoted text in it skipped.
fn tag_length(line: &str) -> Option<usize> {
    if line.starts_with("{{{{") {
        return line[4..].find("}}}}").map(|at| at + 8);
    }
    if line.starts_with("{{{") || line.starts_with("{{~{") {
        // `{{~{x}~}}` closes with one brace, then the rest.
        let close = line.find("}~}}").map(|at| at + 4);
        let plain = line.find("}}}").map(|at| at + 3);
        return match (close, plain) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    let mut quote = None;
    for (at, c) in line.char_indices().skip(2) {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '}') if line[at..].starts_with("}}") => return Some(at + 2),
            _ => {}
        }
    }
    None
}

fn words_after(text: &str, offset: usize, skip: usize) -> Vec<Word<'_>> {
    words(&text[skip..], offset + skip)
}

/// Words between white space; parentheses and quoted texts are words of their own.
fn words(text: &str, offset: usize) -> Vec<Word<'_>> {
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
