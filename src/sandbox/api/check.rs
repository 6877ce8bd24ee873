//! Constraints of the service's model. All that are broken are named at once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::error::ApiError;

/// Constraints that a request breaks.
#[derive(Debug, Default)]
pub(super) struct Constraints(Vec<String>);

impl Constraints {
    /// Ends the request where any is broken.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(ApiError::constraints(&self.0))
    }

    fn broken(&mut self, value: impl Display, place: &str, constraint: impl Display) {
        self.0.push(format!(
            "Value {value} at '{place}' failed to satisfy constraint: {constraint}"
        ));
    }

    fn test(&mut self, holds: bool, value: impl Display, place: &str, constraint: impl Display) {
        if !holds {
            self.broken(format!("'{value}'"), place, constraint);
        }
    }

    pub(super) fn required<'a>(&mut self, value: Option<&'a String>, place: &str) -> &'a str {
        self.present(value, place).map_or("", String::as_str)
    }

    /// The same of any member, for what its other constraints say.
    pub(super) fn present<'a, T>(&mut self, value: Option<&'a T>, place: &str) -> Option<&'a T> {
        if value.is_none() {
            self.broken("null", place, "Member must not be null");
        }
        value
    }

    pub(super) fn length(&mut self, value: &str, range: RangeInclusive<usize>, place: &str) {
        self.count(value.chars().count(), value, range, place);
    }

    /// Of a list, written as `value`.
    pub(super) fn count(
        &mut self,
        count: usize,
        value: impl Display,
        range: RangeInclusive<usize>,
        place: &str,
    ) {
        let most = format!(
            "Member must have length less than or equal to {}",
            range.end()
        );
        self.test(count <= *range.end(), &value, place, most);
        let least = format!(
            "Member must have length greater than or equal to {}",
            range.start()
        );
        self.test(count >= *range.start(), &value, place, least);
    }

    pub(super) fn number(&mut self, value: i64, range: RangeInclusive<i64>, place: &str) {
        let most = format!(
            "Member must have value less than or equal to {}",
            range.end()
        );
        self.test(value <= *range.end(), value, place, most);
        let least = format!(
            "Member must have value greater than or equal to {}",
            range.start()
        );
        self.test(value >= *range.start(), value, place, least);
    }

    pub(super) fn pattern(&mut self, value: &str, holds: bool, pattern: &str, place: &str) {
        let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
        self.test(holds, value, place, constraint);
    }

    pub(super) fn one_of(&mut self, value: &str, allowed: &[&str], place: &str) {
        let constraint = format!(
            "Member must satisfy enum value set: [{}]",
            allowed.join(", ")
        );
        self.test(allowed.contains(&value), value, place, constraint);
    }

    pub(super) fn instance_id(&mut self, id: &str, place: &str) {
        let holds = is_instance_id(id);
        self.pattern(id, holds, r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)", place);
    }

    pub(super) fn command_id(&mut self, id: &str, place: &str) {
        self.length(id, 36..=36, place);
    }

    /// Of a filter: some, each at least one character.
    pub(super) fn values<'a>(
        &mut self,
        values: Option<&'a Vec<String>>,
        place: &str,
    ) -> Option<&'a Vec<String>> {
        let values = self.present(values, place)?;
        self.count(values.len(), "[…]", 1..=100, place);
        for (number, value) in values.iter().enumerate() {
            self.length(
                value,
                1..=usize::MAX,
                &format!("{place}.{}.member", number + 1),
            );
        }
        Some(values)
    }

    /// `n`, or a percentage.
    pub(super) fn share(&mut self, value: &str, zero: bool, place: &str) {
        self.length(value, 1..=7, place);
        let pattern = if zero {
            "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$"
        } else {
            "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$"
        };
        self.pattern(value, is_share(value, zero), pattern, place);
    }
}

/// `^[\p{L}\p{Z}\p{N}_.:/=\-@]*$`; the other two of the model's pattern are among them.
pub(super) fn is_target_key(key: &str) -> bool {
    key.chars().all(|c| {
        c.is_alphanumeric() || c.is_whitespace() && !c.is_control() || "_.:/=-@".contains(c)
    })
}

/// `(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)`
fn is_instance_id(id: &str) -> bool {
    let (rest, short) = match id.strip_prefix("mi-") {
        Some(rest) => (rest, false),
        None => (id.strip_prefix("i-").unwrap_or_default(), true),
    };
    let word = rest.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    word && (rest.len() == 17 || short && rest.len() == 8)
}

fn is_share(text: &str, zero: bool) -> bool {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    let canonical = digits == "0" && zero || !digits.starts_with('0');
    let percent = digits == text || digits == "100" || digits.len() <= 2;
    plain && canonical && percent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_ids_are_8_or_17_long() {
        for good in ["i-0123abcd", "i-0123456789abcdef0", "mi-0123456789abcdef0"] {
            assert!(is_instance_id(good), "{good}");
        }
        for bad in [
            "",
            "i-",
            "i-0123456789",
            "mi-0123abcd",
            "x-0123abcd",
            "i-0123abc!",
            "i-0123456789abcdef01",
        ] {
            assert!(!is_instance_id(bad), "{bad}");
        }
    }

    #[test]
    fn shares_are_numbers_or_percentages() {
        for good in ["1", "50", "1234567", "1%", "10%", "100%"] {
            assert!(is_share(good, false), "{good}");
        }
        assert!(is_share("0", true));
        assert!(is_share("0%", true));
        for bad in ["", "0", "0%", "101%", "05", "%", "1.5", "-1"] {
            assert!(!is_share(bad, false), "{bad}");
        }
    }
}
