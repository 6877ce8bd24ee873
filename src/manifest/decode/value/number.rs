//! Whole numbers.

use crate::manifest::codes;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;

/// Reads a number between two bounds, both included, in decimal and without a leading zero, which
/// some would read as octal.
pub(in crate::manifest::decode) fn number(
    value: Value<'_, '_>,
    least: u32,
    most: u32,
    problems: &mut Problems,
) -> Option<u32> {
    let text = shape::scalar(value, "a number", problems)?.text;
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = text
        .parse::<u32>()
        .ok()
        .filter(|number| plain && (least..=most).contains(number));
    if number.is_none() {
        problems.report(
            codes::NUMBER,
            value.span(),
            format!("{} is not a number from {least} to {most}", shown(text)),
            "write it in digits",
        );
    }
    number
}
