//! Values: one path in one form, or a secret.

use std::ops::Range;

use crate::render::binding;
use crate::render::codes;
use crate::render::path::Path;
use crate::render::secret;
use crate::render::suggest::nearest;
use crate::render::tag::{Dialect, Form, Kind, Operand};

use super::Reader;
use super::words::Word;

impl<'a> Reader<'a> {
    pub(super) fn value(&mut self, span: &Range<usize>, words: &[Word<'a>]) -> Kind {
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

    pub(super) fn binding_help(&self, path: &str) -> String {
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
