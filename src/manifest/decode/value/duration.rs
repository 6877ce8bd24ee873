//! Durations such as `10m`.

use crate::manifest::codes;
use crate::manifest::decode::shape;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;
use crate::model::time::Seconds;

/// Reads a duration between two bounds, both included.
pub(in crate::manifest::decode) fn duration(
    value: Value<'_, '_>,
    shortest: Seconds,
    longest: Seconds,
    problems: &mut Problems,
) -> Option<Seconds> {
    let text = shape::scalar(value, "a duration such as 10m", problems)?.text;
    let Ok(seconds) = text.parse::<Seconds>() else {
        problems.report(
            codes::DURATION,
            value.span(),
            format!("{} is not a duration", shown(text)),
            "write digits and one of s, m, h and d, such as 90s, 10m or 1h",
        );
        return None;
    };
    if seconds < shortest || longest < seconds {
        problems.report(
            codes::DURATION_RANGE,
            value.span(),
            format!("{} is out of range", shown(text)),
            format!("it is at least {shortest} and at most {longest}"),
        );
        return None;
    }
    Some(seconds)
}
