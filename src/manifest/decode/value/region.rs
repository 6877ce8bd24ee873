//! Names of AWS regions. Which exist changes; how they are formed does not.

use crate::manifest::codes;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

/// Reads `region`, such as `ap-southeast-2` or `us-gov-west-1`.
pub(in crate::manifest::decode) fn region(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let text = shape::scalar(value, "a region such as ap-southeast-2", problems)?.text;
    if is_region(text) {
        return Some(text.to_owned());
    }
    problems.report(
        codes::REGION,
        value.span(),
        format!("{} is not a region", shown(text)),
        "write it as AWS does, such as ap-southeast-2; an availability zone has one letter too many",
    );
    None
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase());
    match parts.as_slice() {
        [words @ .., number] => {
            (2..=4).contains(&words.len())
                && words.iter().all(letters)
                && (1..=2).contains(&number.len())
                && number.bytes().all(|c| c.is_ascii_digit())
        }
        [] => false,
    }
}
