//! The inside of a tag.
//!
//! Everything that is Handlebars but not fleet's subset is refused here, at the tag.

mod condition;
mod value;
mod words;

use std::ops::Range;
use std::sync::Arc;

use crate::model::diagnostic::Diagnostic;

use super::codes;
use super::tag::{Dialect, Kind};
use words::{Word, words, words_after};

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
}
