//! Names of fleets, hosts, services, templates and transports.
//!
//! Their pattern has lower-case letters only, so two names that differ in case alone cannot both
//! be valid.

use crate::manifest::codes;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::{Entry, Value};
use crate::model::id::{FleetName, NameProblem, check_name};

/// Reads a value that is the name of something: whether that exists is for the rules.
pub(in crate::manifest::decode) fn reference<N: for<'a> From<&'a str>>(
    value: Value<'_, '_>,
    what: &str,
    problems: &mut Problems,
) -> Option<Spanned<N>> {
    let text = shape::scalar(value, what, problems)?.text;
    Some(Spanned {
        value: N::from(text),
        span: value.span().clone(),
    })
}

/// Reads the fleet's own name.
pub(in crate::manifest::decode) fn fleet_name(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<FleetName> {
    let name: Spanned<FleetName> = reference(value, "the fleet's name", problems)?;
    check(name.value.as_str(), &name.span, problems);
    Some(name.value)
}

/// The entries of a mapping whose keys are names. A name with a problem stays: what refers to it
/// is not wrong for that.
pub(in crate::manifest::decode) fn named<'d, 't, N: for<'a> From<&'a str>>(
    value: Value<'d, 't>,
    expected: &str,
    problems: &mut Problems,
) -> Option<Vec<(N, Entry<'d, 't>)>> {
    let mapping = shape::mapping(value, expected, problems)?;
    let entries = mapping.entries().map(|entry| {
        check(entry.key, entry.key_span, problems);
        (N::from(entry.key), entry)
    });
    Some(entries.collect())
}

fn check(text: &str, span: &Span, problems: &mut Problems) {
    if let Err(problem) = check_name(text) {
        report(text, &problem, span, problems);
    }
}

/// Reports what is wrong with a name.
pub(in crate::manifest) fn report(
    text: &str,
    problem: &NameProblem,
    span: &Span,
    problems: &mut Problems,
) {
    let help = match problem {
        NameProblem::Pattern(_) => "lower-case letters, digits and hyphens always fit",
        NameProblem::Device => "take another name: hosts keep a folder of this name",
    };
    let message = format!("{} {problem}", shown(text));
    problems.report(codes::NAME, span, message, help);
}
