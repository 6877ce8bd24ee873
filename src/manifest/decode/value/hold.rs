//! The reason of a hold.

use crate::manifest::codes;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::{Style, Value, reads_as};

/// As long as a line of a plan can carry.
const LONGEST: usize = 200;

/// Reads `hold`. A broken reason still holds: the file is invalid and nothing of it starts.
pub(in crate::manifest::decode) fn hold(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let scalar = shape::scalar(value, "the reason of the hold", problems)?;
    let text = scalar.text.trim();
    let (message, help) = if scalar.style == Style::Plain && reads_as(text).is_some() {
        // `hold: false` must not hold, and must not pass for the reason "false".
        (
            format!("{} is not a reason", shown(text)),
            "say why in words; without a hold leave the key out",
        )
    } else if text.is_empty() {
        (
            "the reason is empty".to_owned(),
            "say why in words; without a hold leave the key out",
        )
    } else if text.chars().any(char::is_control) || text.chars().count() > LONGEST {
        (
            "the reason does not fit on a line".to_owned(),
            "plans show it on one line: at most 200 characters and no line break",
        )
    } else {
        return Some(text.to_owned());
    };
    problems.report(codes::HOLD, value.span(), message, help);
    None
}
