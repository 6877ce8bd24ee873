//! Words, columns and colours that all texts share.

use std::time::Duration;

use crate::model::time::Timestamp;

/// Whether to colour. Colours never carry a meaning that the words do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// Escape sequences are written.
    pub color: bool,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// Went well.
    Good,
    /// Waits or is held.
    Held,
    /// Went wrong.
    Bad,
}

impl Palette {
    /// No escape sequences.
    pub const PLAIN: Self = Self { color: false };

    /// The text in the colour of its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Held => "33",
            Tone::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The text padded to a width, coloured without its padding.
    pub fn cell(self, tone: Tone, text: &str, width: usize) -> String {
        let missing = width.saturating_sub(width_of(text));
        format!("{}{}", self.paint(tone, text), " ".repeat(missing))
    }
}

/// Columns that a text takes. Names and versions are ASCII, and `→ … —` take one column each.
pub fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// The text in so many columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        short.push('…');
    }
    short
}

/// `1 host`, `2 hosts`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A duration in its two largest units, as people say it: `4 s`, `14 min`, `3 d 19 h`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {unit}")
        } else {
            format!("{large} {unit} {small} {small_unit}")
        }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        // Of what is weeks old nobody wants to know the hour.
        1_209_600.. => format!("{} d", seconds / 86_400),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// `14 min ago`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    match now.since(then).as_secs() {
        0..5 => "just now".to_owned(),
        _ => format!("{} ago", span(now.since(then))),
    }
}

/// Seconds of a step: `1.2 s`, `61 s`, `14 min`.
pub fn seconds(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.1} s")
    } else {
        span(Duration::from_secs_f64(value.clamp(0.0, 1e9)))
    }
}

/// Pads every row's cells to the widest of their column, two spaces between; the last column and
/// trailing empty cells are not padded.
pub fn columns(rows: &[Vec<(Tone, String)>], palette: Palette) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|(_, text)| width_of(text))
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|((tone, text), width)| palette.cell(*tone, text, *width))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A document on one line. What is serialised here has text keys and finite numbers only, so it
/// never fails.
pub fn to_json(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

/// Breaks a text at spaces so that no line is wider than `width`, where a word allows it.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width_of(&line) + 1 + width_of(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (14 * 60 + 30, "14 min"),
            (3_600, "1 h"),
            (5_400, "1 h 30 min"),
            (3 * 86_400 + 19 * 3_600 + 59, "3 d 19 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn colours_do_not_disturb_columns() {
        let rows = vec![
            vec![(Tone::Good, "a".to_owned()), (Tone::Plain, "b".to_owned())],
            vec![
                (Tone::Bad, "long".to_owned()),
                (Tone::Plain, "c".to_owned()),
            ],
        ];
        assert_eq!(columns(&rows, Palette::PLAIN), ["a     b", "long  c"]);
        assert_eq!(
            columns(&rows, Palette { color: true })[0],
            "\x1b[32ma\x1b[0m     b"
        );
    }

    #[test]
    fn a_cut_text_says_that_it_is_cut() {
        for (width, expect) in [(6, "web-10"), (5, "web-…"), (1, "…"), (0, "")] {
            assert_eq!(cut("web-10", width), expect);
        }
    }

    #[test]
    fn text_wraps_at_spaces() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
    }
}
