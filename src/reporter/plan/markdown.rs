//! A plan as a comment on a pull request.
//!
//! Whatever stands in it was written by others (names, subjects of commits, reasons of holds), so
//! every word is escaped; and a comment has a bound, so what does not fit is counted instead.

use super::rows::{Row, changes, held, unchanged};
use super::{Desired, Shown, counts, failure_text};
use crate::model::characters::{is_hidden, turns_text};
use crate::model::plan::EnvironmentPlan;
use crate::reporter::diff;
use crate::reporter::text::plural;

/// Bytes of a whole comment: GitHub takes 65,536 characters, and a workflow adds its own line.
const MOST: usize = 60_000;
/// An environment with less room than this is only counted: its end alone takes most of it.
const LEAST: usize = 6_000;
/// Characters of one cell; a longer word is somebody's essay.
const CELL: usize = 200;

/// Plans of environments in less than 60,000 characters, without ages: a comment stays for days.
pub fn markdown(plans: &[Shown<'_>], desired: &Desired, all: bool) -> String {
    let (quiet, loud): (Vec<&Shown<'_>>, Vec<&Shown<'_>>) =
        plans.iter().partition(|shown| is_quiet(shown, all));
    let mut text = format!("Desired: {}\n", origin(desired));
    // What stands below the environments, and what may have to be said about those left out.
    let mut room = MOST - text.len() - LEAST;
    let mut left_out = Vec::new();
    let mut sections = Vec::new();
    for (index, shown) in loud.iter().enumerate() {
        let share = (room / (loud.len() - index)).max(LEAST);
        if share > room {
            left_out.push(shown.plan);
            continue;
        }
        let section = section(shown, all, share);
        room = room.saturating_sub(section.len());
        sections.push((section, shown.diffs));
    }
    // No row makes room for a diff: they take what is left.
    for (section, diffs) in sections {
        text += &section;
        if let Some(differences) = diffs {
            let diffs = diff::markdown(differences, room, |text| escape(text, 2 * CELL));
            room = room.saturating_sub(diffs.len());
            text += &diffs;
        }
    }
    if !left_out.is_empty() {
        let changes: usize = left_out.iter().map(|plan| plan.changes.len()).sum();
        let held: usize = left_out.iter().map(|plan| plan.held.len()).sum();
        text += &format!(
            "\n_Left out for want of room: {} ({}, {held} held): {}._\n",
            plural(left_out.len(), "environment"),
            plural(changes, "change"),
            names(&left_out)
        );
    }
    if !quiet.is_empty() {
        let quiet: Vec<_> = quiet.iter().map(|shown| shown.plan).collect();
        text += &format!("\nNo changes: {}.\n", names(&quiet));
    }
    text + "\nNothing was sent.\n"
}

/// Nothing that a reviewer must read.
fn is_quiet(shown: &Shown<'_>, all: bool) -> bool {
    let Shown { plan, live, .. } = shown;
    live.is_none()
        && plan.changes.is_empty()
        && plan.held.is_empty()
        && plan.warnings.is_empty()
        && (!all || plan.unchanged.is_empty())
}

fn names(plans: &[&EnvironmentPlan]) -> String {
    const NAMED: usize = 50;
    let mut text: Vec<String> = plans
        .iter()
        .take(NAMED)
        .map(|plan| escape(plan.name.as_str(), CELL))
        .collect();
    if plans.len() > NAMED {
        text.push(format!("and {} more", plans.len() - NAMED));
    }
    text.join(", ")
}

fn origin(desired: &Desired) -> String {
    match desired {
        Desired::Commit {
            revision,
            subject,
            author,
            ..
        } => format!(
            "{} \"{}\" ({})",
            escape(revision.short(), CELL),
            escape(subject, CELL),
            escape(author, CELL)
        ),
        Desired::WorkTree => "the work tree, not committed".to_owned(),
    }
}

fn section(shown: &Shown<'_>, all: bool, share: usize) -> String {
    let Shown {
        plan, policy, live, ..
    } = *shown;
    let what = if plan.changes.is_empty() {
        "no changes".to_owned()
    } else {
        format!("plan {}", escape(plan.plan_id.short(), CELL))
    };
    let head = format!(
        "\n### {}: {what}\n\n{}\n",
        escape(plan.name.as_str(), CELL),
        counts(plan)
    );
    let mut end = String::new();
    for gate in &plan.gates {
        end += &format!(
            "- **{}** {}: {}\n",
            gate.kind.as_str(),
            if gate.open { "open" } else { "closed" },
            escape(&gate.reason, CELL)
        );
    }
    if !end.is_empty() {
        end = format!("\nGates:\n\n{end}");
    }
    if let Some(failure) = failure_text(plan, policy) {
        end += &format!("\nFailure: {}\n", escape(&failure, 2 * CELL));
    }
    if let Some(live) = live {
        end += &format!("\nLive: {}.\n", escape(&live.words(), CELL));
    }

    let mut sheet = Sheet {
        text: head,
        room: share.saturating_sub(end.len()),
    };
    sheet.list("warning", &plan.warnings);
    sheet.table("change", "change", &changes(&plan.changes));
    sheet.table("held", "version", &held(&plan.held));
    if let Some(live) = live {
        sheet.table("offline", "version", &live.rows());
    }
    if all {
        sheet.table("unchanged", "version", &unchanged(&plan.unchanged));
    }
    sheet.text + &end
}

/// Text that must not outgrow its room.
struct Sheet {
    text: String,
    room: usize,
}

impl Sheet {
    /// Bytes of the line that says what does not fit.
    const REST: usize = 120;

    /// Adds a line if it fits, with room left to say that the next one did not.
    fn add(&mut self, line: &str) -> bool {
        let fits = self.text.len() + line.len() + Self::REST <= self.room;
        if fits {
            self.text += line;
        }
        fits
    }

    fn list(&mut self, label: &str, items: &[String]) {
        for (index, item) in items.iter().enumerate() {
            if !self.add(&format!("\n> **{label}:** {}\n", escape(item, 2 * CELL))) {
                let rest = plural(items.len() - index, label);
                self.text += &format!("\n_… {rest} left out for want of room._\n");
                return;
            }
        }
    }

    /// The rows of the text, which are folded already.
    fn table(&mut self, label: &str, middle: &str, rows: &[Row]) {
        let mut head = format!("\n| | hosts | service | {middle} | why |\n|---|---|---|---|---|\n");
        for (index, row) in rows.iter().enumerate() {
            let line = format!(
                "{head}| {} | {} | {} | {} | {} |\n",
                row.label,
                escape(&row.hosts, CELL),
                escape(&row.service, CELL),
                escape(&row.middle, CELL),
                escape(&row.last, CELL)
            );
            if !self.add(&line) {
                let rest = &rows[index..];
                let hosts = rest.iter().map(|row| row.members).sum();
                self.text += &format!(
                    "\n_… {} ({}) left out for want of room._\n",
                    plural(rest.len(), &format!("{label} row")),
                    plural(hosts, "host")
                );
                return;
            }
            head.clear();
        }
    }
}

/// Text as it is: on one line, at most so many characters, and without a meaning in Markdown or
/// HTML. An entity never is structure; a mention or a reference is broken by a space of no width,
/// or a commit's subject could call people.
fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        // Entities are long: a word of nothing but them must not take the room of the others.
        if index == most || escaped.len() >= 3 * most {
            escaped.push('…');
            break;
        }
        match character {
            '@' | '#' => escaped += &format!("&#{};&#8203;", u32::from(character)),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => {
                escaped += &format!("&#{};", u32::from(character));
            }
            _ if turns_text(character) => escaped.push(char::REPLACEMENT_CHARACTER),
            _ if is_hidden(character) => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
