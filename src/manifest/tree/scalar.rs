//! What YAML takes an unquoted word for.
//!
//! A version is read by people and by other tools too, so a word counts as text only where YAML
//! 1.1 and 1.2 agree that it is: `0123`, `1_000`, `1:30`, `yes` and `2026-01-02` do not.

/// Whether a plain scalar is nothing.
pub(in crate::manifest) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What YAML reads a plain scalar as if it is not text.
pub(in crate::manifest) fn reads_as(text: &str) -> Option<&'static str> {
    if is_null(text) {
        Some("nothing")
    } else if is_truth(text) {
        Some("yes or no")
    } else if is_number(text) {
        Some("a number")
    } else if is_date(text) {
        Some("a date")
    } else if matches!(text, "=" | "<<") {
        Some("an operator")
    } else {
        None
    }
}

fn is_truth(text: &str) -> bool {
    let cased = text == text.to_ascii_lowercase()
        || text == text.to_ascii_uppercase()
        || text.chars().skip(1).all(|c| c.is_ascii_lowercase());
    cased
        && matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    match text.as_bytes() {
        [b'0', b'x', rest @ ..] => all(rest, |c| c.is_ascii_hexdigit()),
        [b'0', b'o', rest @ ..] => all(rest, |c| matches!(c, b'0'..=b'7')),
        [b'0', b'b', rest @ ..] => all(rest, |c| matches!(c, b'0' | b'1')),
        _ => is_decimal(text) || is_sexagesimal(text) || is_special(text),
    }
}

/// Digits with any number of underscores, and at least one digit.
fn all(bytes: &[u8], digit: impl Fn(u8) -> bool) -> bool {
    bytes.iter().all(|&c| c == b'_' || digit(c)) && bytes.iter().any(|&c| digit(c))
}

fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())
    });
    let digits = mantissa.replacen('.', "", 1);
    exponent_fits && all(digits.as_bytes(), |c| c.is_ascii_digit())
}

/// `1:30`, which YAML 1.1 reads as ninety.
fn is_sexagesimal(text: &str) -> bool {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.contains(':')
        && whole
            .split(':')
            .all(|part| all(part.as_bytes(), |c| c.is_ascii_digit()))
}

fn is_special(text: &str) -> bool {
    matches!(text, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

/// `2026-01-02`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, lengths: std::ops::RangeInclusive<usize>| {
        part.is_some_and(|part| {
            lengths.contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit())
        })
    };
    let (year, month) = (parts.next(), parts.next());
    let day = parts.next().map(|rest| {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (day, time) = rest.split_at(end);
        (day, time)
    });
    digits(year, 4..=4)
        && digits(month, 1..=2)
        && day.is_some_and(|(day, time)| {
            digits(Some(day), 1..=2) && (time.is_empty() || time.starts_with(['t', 'T', ' ']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_text_where_every_yaml_agrees() {
        for text in [
            "1.1.0",
            "v1.10",
            "1.10-rc1",
            "abc",
            "12f45",
            "1.1.0+5",
            "latest",
            "e45",
            "0x",
            "1e",
            "1.2.3.4",
            "nO",
            "tRUE",
            "2026.01.02",
            "2026-01",
            "a:b",
            ".",
            "-",
            "_",
            "1.0.0-01",
            "2026-01-02-3",
            "0xfg",
            "01a",
        ] {
            assert_eq!(reads_as(text), None, "{text}");
        }
        for other in [
            "1.10",
            "true",
            "12e45",
            "0123",
            "1",
            "+1",
            "-1.5",
            ".5",
            "1.",
            "1e3",
            "1.5E-3",
            "0x1F",
            "0o17",
            "0b11",
            "1_000",
            "1:30",
            "1:30:15.5",
            "yes",
            "No",
            "ON",
            "y",
            "~",
            "null",
            "Null",
            "",
            ".inf",
            "-.INF",
            ".NaN",
            "2026-01-02",
            "2026-1-2",
            "2026-01-02T10:00:00Z",
            "=",
            "<<",
        ] {
            assert!(reads_as(other).is_some(), "{other}");
        }
    }
}
