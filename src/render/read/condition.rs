//! Conditions of blocks, and what they and values are made of: paths and texts in quotes.

use std::ops::Range;

use crate::model::desired::Platform;
use crate::render::binding;
use crate::render::codes;
use crate::render::path::Path;
use crate::render::suggest::nearest;
use crate::render::tag::{Condition, Form, Operand, Reference, Test};

use super::Reader;
use super::words::Word;

impl<'a> Reader<'a> {
    pub(super) fn condition(
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

    pub(super) fn operand(&mut self, word: &Word<'a>) -> Option<Operand> {
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

    pub(super) fn reference(&mut self, word: &Word<'a>) -> Option<Reference> {
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
}
