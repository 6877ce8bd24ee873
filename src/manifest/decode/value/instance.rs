//! Ids of SSM instances.

use crate::manifest::codes;
use crate::manifest::decode::{Spanned, shape};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;
use crate::model::id::InstanceId;

/// Reads `instance`, in the form that SSM itself takes: `i-` and 8 or 17 letters and digits, or
/// `mi-` and 17.
pub(in crate::manifest::decode) fn instance(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<InstanceId>> {
    let text = shape::scalar(
        value,
        "an instance id such as i-0a1b2c3d4e5f60718",
        problems,
    )?
    .text;
    if is_instance_id(text) {
        return Some(Spanned {
            value: InstanceId::new(text),
            span: value.span().clone(),
        });
    }
    problems.report(
        codes::INSTANCE,
        value.span(),
        format!("{} is not an instance id", shown(text)),
        "EC2 instances have i- and 17 (or 8) hex digits, hybrid ones mi- and 17",
    );
    None
}

fn is_instance_id(text: &str) -> bool {
    let (digits, lengths): (&str, &[usize]) = match text.strip_prefix("mi-") {
        Some(digits) => (digits, &[17]),
        None => match text.strip_prefix("i-") {
            Some(digits) => (digits, &[8, 17]),
            None => return false,
        },
    };
    lengths.contains(&digits.len())
        && digits
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'_')
}
