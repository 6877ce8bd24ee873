//! Differences in a comment on a pull request.

use std::fmt::Write as _;

use super::Difference;
use super::text::{heading, lines, rest, shortened};
use crate::reporter::text::plural;

/// Lines of one difference: a comment is no place for a whole file.
const MOST_LINES: usize = 100;
/// Bytes of the line that says what does not fit.
const REST: usize = 160;

/// A folded block per difference, in at most `room` bytes; what does not fit is counted. `escape`
/// makes a text mean nothing in Markdown.
pub fn markdown(
    differences: &[Difference],
    room: usize,
    escape: impl Fn(&str) -> String,
) -> String {
    let mut text = String::new();
    for (index, difference) in differences.iter().enumerate() {
        let block = block(difference, &escape);
        if text.len() + block.len() + REST > room {
            let rest = rest(&differences[index..]).unwrap_or_default();
            text += &format!(
                "\n_… {rest} left out for want of room; `fleet plan --diff` shows them._\n"
            );
            return text;
        }
        text += &block;
    }
    text
}

fn block(difference: &Difference, escape: &impl Fn(&str) -> String) -> String {
    let heading = escape(&heading(difference));
    let Some(diff) = &difference.diff else {
        return format!("\n{heading}\n");
    };
    let lines = lines(diff, MOST_LINES);
    let body = lines
        .shown
        .iter()
        .fold(String::new(), |mut body, (line, _)| {
            let _infallible = writeln!(body, "{}", shortened(line));
            body
        });
    let fence = fence(&body);
    let left_out = match lines.left_out {
        0 => String::new(),
        count => format!("_… {} left out._\n\n", plural(count, "line")),
    };
    format!(
        "\n<details><summary>{heading}</summary>\n\n{fence}diff\n{body}{fence}\n\n{left_out}</details>\n"
    )
}

/// Longer than whatever the text has of the kind: it must not end before its end.
fn fence(body: &str) -> String {
    let longest = body
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat((longest + 1).max(3))
}
