//! Selectors: which hosts a service runs on.

use crate::manifest::codes;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Scalar, Style, Value};
use crate::model::selector::{Selector, SelectorProblem};

/// Reads `select`.
pub(in crate::manifest::decode) fn selector(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<Selector>> {
    let scalar = shape::scalar(value, "one text such as role=web,tier!=db", problems)?;
    match parse(scalar.text) {
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

/// Every host is matched with every part of every selector.
const LONGEST: usize = 1_000;

fn parse(text: &str) -> Result<Selector, SelectorProblem> {
    if text.len() > LONGEST {
        return Err(SelectorProblem {
            at: 0,
            problem: format!("it is longer than {LONGEST} characters"),
        });
    }
    text.parse()
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
