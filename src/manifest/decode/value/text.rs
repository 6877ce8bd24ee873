//! A text that people read on one line: the reason of something.

use super::parsed::{Form, parsed};
use crate::manifest::codes;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;

/// As long as a line of a plan can carry.
const LONGEST: usize = 200;

const LINE: Form = Form {
    code: codes::TEXT,
    what: "a text of one line",
    help: "write 1 to 200 characters without a line break",
};

/// Reads a line.
pub(in crate::manifest::decode) fn line(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<String> {
    let read = parsed(value, &LINE, problems, |text| {
        let text = text.trim();
        let fits = !text.is_empty()
            && text.chars().count() <= LONGEST
            && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    })?;
    Some(read.value)
}
