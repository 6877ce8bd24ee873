//! Selectors: which hosts a service runs on.

use crate::manifest::codes;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Scalar, Style, Value};
use crate::model::selector::Selector;

/// Reads `select`.
pub(in crate::manifest::decode) fn selector(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<Selector>> {
    let scalar = shape::scalar(value, "a selector such as role=web,tier!=db", problems)?;
    match scalar.text.parse() {
        Ok(selector) => Some(Spanned {
            value: selector,
            span: value.span().clone(),
        }),
        Err(problem) => {
            problems.report(
                codes::SELECTOR,
                &part(scalar, value.span(), problem.at),
                format!("{} is not a selector: {problem}", shown(scalar.text)),
                "write it as kubectl does: role=web,tier!=db or tier in (web,api) or !legacy",
            );
            None
        }
    }
}

/// The source from the part that is wrong on, where the source is the text byte for byte.
fn part(scalar: Scalar<'_>, span: &Span, at: usize) -> Span {
    let quote = usize::from(scalar.style != Style::Plain);
    if span.len() == scalar.text.len() + 2 * quote && at < scalar.text.len() {
        span.start + quote + at..span.end - quote
    } else {
        span.clone()
    }
}
