//! The inside of a tag.
//!
//! Everything that is Handlebars but not fleet's subset is refused here, at the tag.

use std::ops::Range;
use std::sync::Arc;

use crate::model::desired::Platform;
use crate::model::diagnostic::Diagnostic;

use super::binding;
use super::codes;
use super::path::Path;
use super::secret;
use super::suggest::nearest;
use super::tag::{Condition, Dialect, Form, Kind, Operand, Reference, Test};

/// Reads the tag at a place. Problems go into `diagnostics`.
pub(super) fn read(
    file: &Arc<str>,
    source: &str,
    span: &Range<usize>,
    dialect: Dialect,
    diagnostics: &mut Vec<Diagnostic>,
) -> Kind {
    let mut reader = Reader {
        file,
        source,
        dialect,
        diagnostics,
    };
    reader.kind(span)
}

struct Reader<'a> {
    file: &'a Arc<str>,
    source: &'a str,
    dialect: Dialect,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// A word inside a tag.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    span: Range<usize>,
}

impl<'a> Reader<'a> {
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
            _ => self.binding_help(&path),
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
                        let platform = self.dialect.platform();
                        let (shell, usage) = match platform {
                            Platform::Linux => ("bash", "for x in ${name[@]+\"${name[@]}\"}"),
                            Platform::Windows => ("PowerShell", "foreach ($x in $name) { … }"),
                        };
                        format!(
                            "bind the list in the head as `{}` and loop in {shell}: {usage}",
                            binding::line(platform, "name", "path", Form::List)
                        )
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
            if let Err(fault) = Path::parse(word.text)
                && fault.code == codes::LITERAL
            {
                self.error(fault.code, word.span.clone(), fault.message)
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
        match Path::parse(word.text) {
            Ok(path) => Some(Reference {
                path,
                span: word.span.clone(),
            }),
            Err(fault) => {
                self.error(fault.code, word.span.clone(), fault.message)
                    .help = Some(fault.help);
                None
            }
        }
    }

    fn value(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
        let whole = &self.source[span.clone()];
        let (form, path) = match words {
            [helper, name] if helper.text == "secret" => return self.secret(span, name),
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
            (Dialect::Script(_), Form::Json) => Some((
                "`json` is for files/, a script gets values as bindings",
                self.binding_help(path.text),
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

    fn secret(&mut self, span: &Range<usize>, name: &Word<'a>) -> Kind {
        if self.dialect == Dialect::Data {
            let whole = &self.source[span.clone()];
            let message = format!("{whole}: files have no secrets, which only hosts read");
            self.error(codes::NOT_SUPPORTED, span.clone(), message).help = Some(
                "bind the secret in the head of deploy, and let deploy write it where it belongs"
                    .to_owned(),
            );
            return Kind::Broken;
        }
        let Some(operand) = self.operand(name) else {
            return Kind::Broken;
        };
        match &operand {
            Operand::Text(text) if !secret::is_name(text) => {
                let message = format!("{} is no name of a parameter", name.text);
                self.error(codes::SECRET_NAME, name.span.clone(), message)
                    .help = Some(secret::HELP.to_owned());
                Kind::Broken
            }
            _ => Kind::Secret(operand),
        }
    }

    fn binding_help(&self, path: &str) -> String {
        let platform = self.dialect.platform();
        let name = Path::parse(path).map_or_else(
            |_| "name".to_owned(),
            |path| binding::name_of(platform, &path),
        );
        binding::help(platform, &name, path, Form::Plain)
    }

    fn helper(&mut self, span: &Range<usize>, helper: &Word<'a>) {
        let whole = &self.source[span.clone()];
        match helper.text {
            "secret" => {
                self.error(
                    codes::SYNTAX,
                    span.clone(),
                    "`secret` takes the name of one parameter",
                )
                .help = Some("write {{secret path}} or {{secret \"/web/password\"}}".to_owned());
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
                let help = nearest(other, ["list", "json", "secret"].into_iter()).map_or_else(
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
