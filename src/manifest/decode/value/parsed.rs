//! Values with a form of their own: text in, meaning or one error out.

use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

/// A form of text.
pub(in crate::manifest::decode) struct Form {
    /// The code of what does not have it.
    pub(in crate::manifest::decode) code: &'static str,
    /// With an article: "a date".
    pub(in crate::manifest::decode) what: &'static str,
    /// What to write.
    pub(in crate::manifest::decode) help: &'static str,
}

/// Reads a value of some form; `parse` decides.
pub(in crate::manifest::decode) fn parsed<T>(
    value: Value<'_, '_>,
    form: &Form,
    problems: &mut Problems,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<Spanned<T>> {
    let text = shape::scalar(value, form.what, problems)?.text;
    let Some(meaning) = parse(text) else {
        let message = format!("{} is not {}", shown(text), form.what);
        problems.report(form.code, value.span(), message, form.help);
        return None;
    };
    Some(Spanned {
        value: meaning,
        span: value.span().clone(),
    })
}
