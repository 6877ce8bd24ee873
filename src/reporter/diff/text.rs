//! Differences as a person reads them on a terminal.

use super::Difference;
use crate::model::characters::is_hidden;
use crate::reporter::fold;
use crate::reporter::text::{Palette, Tone, cut, plural, width_of, wrap};

/// Differences of one environment in a text: more are counted, unless all are asked for.
const MOST: usize = 20;
/// Lines of one.
const MOST_LINES: usize = 200;
/// Characters of a line; a longer one is no line of a script.
const LONGEST: usize = 300;

/// How differences are shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Nothing is left out.
    pub all: bool,
    /// Colours.
    pub palette: Palette,
    /// Columns of the terminal: headings keep to them, lines of files are as they are.
    pub width: usize,
}

/// A block per difference, every line ended.
pub fn text(differences: &[Difference], options: Options) -> String {
    let most = if options.all { usize::MAX } else { MOST };
    let mut out = String::new();
    for difference in differences.iter().take(most) {
        out.push('\n');
        for line in wrap(&heading(difference), options.width) {
            out += &options.palette.paint(Tone::Strong, &line);
            out.push('\n');
        }
        if let Some(diff) = &difference.diff {
            body(diff, options, &mut out);
        }
    }
    if let Some(rest) = rest(differences.get(most..).unwrap_or_default()) {
        out += &format!("\n… {rest}: --all shows them, --host and --service fewer\n");
    }
    out
}

/// `web/deploy.sh on web-1 … -4 (4), against 8c1f0e2`, and what else must be known.
pub(super) fn heading(difference: &Difference) -> String {
    let mut text = difference.service.to_string();
    if let Some(file) = &difference.file {
        text = format!("{text}/{file}");
    }
    let hosts = fold::hosts(&difference.hosts.iter().collect::<Vec<_>>());
    text = format!("{text} on {hosts}");
    let against: Vec<&str> = difference.against.iter().map(|it| it.short()).collect();
    text += &match against.as_slice() {
        [] => String::new(),
        few if few.len() <= 3 => format!(", against {}", few.join(", ")),
        many => format!(", against {} commits", many.len()),
    };
    if let Some(host) = &difference.shown_for {
        text += &format!(
            "; shown for {host}: on the others the same lines change, with their own names or other lines around"
        );
    }
    match &difference.note {
        Some(note) => format!("{text}: {note}"),
        None => text,
    }
}

/// `12 more diffs on 9,980 hosts`; none where nothing is left out.
pub(super) fn rest(left_out: &[Difference]) -> Option<String> {
    let hosts: std::collections::BTreeSet<_> = left_out.iter().flat_map(|it| &it.hosts).collect();
    (!left_out.is_empty()).then(|| {
        format!(
            "{} on {}",
            plural(left_out.len(), "more diff"),
            plural(hosts.len(), "host")
        )
    })
}

fn body(diff: &str, options: Options, out: &mut String) {
    let lines = lines(diff, if options.all { usize::MAX } else { MOST_LINES });
    for (line, tone) in lines.shown {
        let line = if options.all { line } else { shortened(&line) };
        *out += &options.palette.paint(tone, &line);
        out.push('\n');
    }
    if lines.left_out > 0 {
        *out += &format!(
            "… {}: --all shows them\n",
            plural(lines.left_out, "more line")
        );
    }
}

/// The lines of a diff that are shown.
pub(super) struct Lines {
    pub(super) shown: Vec<(String, Tone)>,
    pub(super) left_out: usize,
}

/// Lines without anything that a terminal or a browser would obey.
pub(super) fn lines(diff: &str, most: usize) -> Lines {
    // Not `lines`: what stands before a line feed is part of the file, a carriage return too.
    let all = || diff.strip_suffix('\n').unwrap_or(diff).split('\n');
    let shown = all().take(most).enumerate().map(|(index, line)| {
        let tone = match line.as_bytes().first() {
            _ if index < 2 => Tone::Strong,
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Faint,
            _ => Tone::Plain,
        };
        (visible(line), tone)
    });
    Lines {
        shown: shown.collect(),
        left_out: all().count().saturating_sub(most),
    }
}

/// A line that moves no cursor and turns no text round: such characters are written out.
fn visible(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for character in line.chars() {
        if is_hidden(character) && character != '\t' {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// A line of a length that can be read, which says how much of it is missing.
pub(super) fn shortened(line: &str) -> String {
    let width = width_of(line);
    if width <= LONGEST {
        return line.to_owned();
    }
    format!(
        "{} ({} more)",
        cut(line, LONGEST + 1),
        plural(width - LONGEST, "character")
    )
}
