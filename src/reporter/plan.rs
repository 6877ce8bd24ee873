//! A plan as a person reads it (design.md §5), and `fleet.plan/1`.

pub use changed::differences;
pub use document::{Head, json};
pub use markdown::markdown;

use super::diff::{self, Difference};
use super::fold;
use super::text::{Palette, Tone, ago, columns, plural, width_of, wrap};
use crate::model::id::{HostName, Revision, ServiceName, Version};
use crate::model::plan::{Action, Change, EnvironmentPlan, Held, HeldReason, Unchanged};
use crate::model::policy::{AfterCanary, OnFailure, Policy, Strategy};
use crate::model::time::{Seconds, Timestamp};

mod changed;
mod document;
mod markdown;

/// The plan of one environment, and what else was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What would be done.
    pub plan: &'a EnvironmentPlan,
    /// Under which rules.
    pub policy: &'a Policy,
    /// What it changes in scripts and files.
    pub diffs: Option<&'a [Difference]>,
}

impl<'a> Shown<'a> {
    /// The plan alone.
    pub const fn new(plan: &'a EnvironmentPlan, policy: &'a Policy) -> Self {
        Self {
            plan,
            policy,
            diffs: None,
        }
    }
}

/// Where the desired state of a plan comes from.
#[derive(Clone, Debug)]
pub enum Desired {
    /// A commit.
    Commit {
        /// Which.
        revision: Revision,
        /// First line of its message.
        subject: String,
        /// Who wrote it.
        author: String,
        /// When it was committed.
        at: Timestamp,
    },
    /// Files that are not committed.
    WorkTree,
}

impl Desired {
    /// `8c1f0e2 "metricus 1.1.0" (alice, 14 min ago)`.
    pub fn text(&self, now: Timestamp) -> String {
        match self {
            Self::Commit {
                revision,
                subject,
                author,
                at,
            } => format!(
                "{} \"{subject}\" ({author}, {})",
                revision.short(),
                ago(*at, now)
            ),
            Self::WorkTree => "the work tree, not committed".to_owned(),
        }
    }
}

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows of what stays as it is.
    pub all: bool,
    /// Colours.
    pub palette: Palette,
    /// Columns of the terminal.
    pub width: usize,
    /// For ages.
    pub now: Timestamp,
}

/// The plan of one environment, every line ended.
pub fn text(shown: &Shown<'_>, desired: &Desired, options: Options) -> String {
    let Shown { plan, policy, .. } = *shown;
    let mut lines = headline(plan, desired, options);
    lines.extend(
        plan.warnings.iter().flat_map(|warning| {
            section("warning", wrap(warning, room(options)), Tone::Held, options)
        }),
    );
    lines.extend(rows(plan, policy, options));
    lines.extend(gates(plan, options));
    lines.extend(failure(plan, policy, options));
    let mut text: String = lines.into_iter().map(|line| line + "\n").collect();
    if let Some(differences) = shown.diffs {
        text += &diff::text(
            differences,
            diff::Options {
                all: options.all,
                palette: options.palette,
                width: options.width,
            },
        );
    }
    text
}

/// `4 upgrade, 2 unchanged, 1 held`; actions in the order of their first change.
pub fn counts(plan: &EnvironmentPlan) -> String {
    let mut parts: Vec<String> = fold::by_key(&plan.changes, |change| change.action)
        .into_iter()
        .map(|(action, changes)| format!("{} {}", changes.len(), action.as_str()))
        .collect();
    if plan.summary.unchanged > 0 {
        parts.push(format!("{} unchanged", plan.summary.unchanged));
    }
    if plan.summary.held > 0 {
        parts.push(format!("{} held", plan.summary.held));
    }
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    parts.join(", ")
}

/// What a change does to the version: `0.5.0 → 1.1.0`, or the action where the version stays.
pub fn versions(action: Action, from: Option<&Version>, to: Option<&Version>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => format!("{} {to}", action.as_str()),
        (from, to) => {
            let word =
                |version: Option<&Version>| version.map_or("none", Version::as_str).to_owned();
            format!("{} → {}", word(from), word(to))
        }
    }
}

/// Label column: `failure ` and two spaces before it.
const LABEL: usize = 8;

fn room(options: Options) -> usize {
    options.width.saturating_sub(LABEL + 2).max(40)
}

fn headline(plan: &EnvironmentPlan, desired: &Desired, options: Options) -> Vec<String> {
    let palette = options.palette;
    let what = if plan.changes.is_empty() {
        "no changes".to_owned()
    } else {
        format!("plan {}", plan.plan_id.short())
    };
    let counts = counts(plan);
    let desired = format!("desired {}", desired.text(options.now));
    let wide = width_of(&desired);
    let start = width_of(plan.name.as_str()) + 2 + width_of(&what) + 3;
    let desired = palette.paint(Tone::Faint, &desired);
    let head = format!(
        "{}  {}   ",
        palette.paint(Tone::Strong, plan.name.as_str()),
        palette.paint(Tone::Strong, &what)
    );
    if start + width_of(&counts) + 7 + wide <= options.width {
        return vec![format!("{head}{counts}       {desired}")];
    }
    let mut counts = wrap(&counts, options.width.saturating_sub(start)).into_iter();
    let mut lines = vec![head + &counts.next().unwrap_or_default()];
    lines.extend(counts.map(|part| " ".repeat(start) + &part));
    lines.push(format!("  {desired}"));
    lines
}

/// Lines under one label, which stands before the first only.
fn section(label: &str, lines: Vec<String>, tone: Tone, options: Options) -> Vec<String> {
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            format!("  {}{line}", options.palette.cell(tone, label, LABEL))
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// One folded row before it is laid out: all parts of a plan share their columns.
struct Row {
    label: String,
    tone: Tone,
    hosts: String,
    service: String,
    middle: String,
    last: String,
    members: usize,
}

fn rows(plan: &EnvironmentPlan, policy: &Policy, options: Options) -> Vec<String> {
    let mut rows = changes(&plan.changes);
    if let Some(first) = rows.first_mut() {
        first.last += &after_the_first(plan, policy);
    }
    rows.extend(held(&plan.held));
    if options.all {
        rows.extend(unchanged(&plan.unchanged));
    }
    let cells: Vec<Vec<(Tone, String)>> = rows
        .iter()
        .map(|row| {
            [&row.hosts, &row.service, &row.middle]
                .map(|text| (Tone::Plain, text.clone()))
                .to_vec()
        })
        .collect();
    let laid_out = columns(&cells, options.palette);
    let width = laid_out
        .iter()
        .map(|line| width_of(line))
        .max()
        .unwrap_or(0);
    let mut previous = "";
    let mut lines = Vec::new();
    for (row, line) in rows.iter().zip(laid_out) {
        let label = if row.label == previous {
            ""
        } else {
            &row.label
        };
        previous = &row.label;
        lines.extend(section(
            label,
            with_reason(row, &line, width, options),
            row.tone,
            options,
        ));
    }
    lines
}

/// The laid-out cells of a row with its reason beside them; a long reason continues under itself,
/// or stands below where the cells leave it no room.
fn with_reason(row: &Row, line: &str, width: usize, options: Options) -> Vec<String> {
    const NARROWEST: usize = 20;
    const BELOW: usize = 4;
    let line = options.palette.cell(Tone::Plain, line, width + 3);
    let beside = room(options).saturating_sub(width + 3);
    if width_of(&row.last) <= beside || beside >= NARROWEST {
        let mut parts = wrap(&row.last, beside).into_iter();
        let first = parts.next().unwrap_or_default();
        let indent = " ".repeat(width + 3);
        std::iter::once(format!("{line}{first}"))
            .chain(parts.map(|part| format!("{indent}{part}")))
            .collect()
    } else {
        let indent = " ".repeat(BELOW);
        let below = wrap(&row.last, room(options).saturating_sub(BELOW));
        std::iter::once(line)
            .chain(below.into_iter().map(|part| format!("{indent}{part}")))
            .collect()
    }
}

fn changes(changes: &[Change]) -> Vec<Row> {
    fold::by_key(changes, |c| {
        (c.wave, &c.service, c.action, &c.from, &c.to, c.reason)
    })
    .into_iter()
    .map(|((wave, service, action, from, to, reason), members)| Row {
        label: format!("wave {wave}"),
        tone: Tone::Strong,
        hosts: names(members.iter().map(|c| &c.host)),
        service: service.to_string(),
        middle: versions(action, from.as_ref(), to.as_ref()),
        last: reason.as_str().to_owned(),
        members: members.len(),
    })
    .collect()
}

/// What lies between the first wave and whatever follows it.
fn after_the_first(plan: &EnvironmentPlan, policy: &Policy) -> String {
    let rollout = &policy.rollout;
    let mut text = String::new();
    if rollout.soak > Seconds(0) {
        text += &format!(", then soak {}", rollout.soak);
    }
    let waits = rollout.strategy == Strategy::Canary && rollout.after_canary == AfterCanary::Wait;
    if waits && plan.waves.len() > 1 {
        text += &format!(", then `fleet continue {}`", plan.name);
    }
    text
}

fn held(held: &[Held]) -> Vec<Row> {
    fold::by_key(held, |h| {
        (&h.service, &h.from, h.reason, &h.message, h.until)
    })
    .into_iter()
    .map(|((service, from, reason, message, until), members)| {
        let mut last = reason.as_str().to_owned();
        if !message.is_empty() {
            last = format!("{last}: {message}");
        }
        if let Some(until) = until {
            last = format!("{last}, until {until}");
        }
        Row {
            label: "held".to_owned(),
            tone: Tone::Held,
            hosts: names(members.iter().map(|h| &h.host)),
            service: service.to_string(),
            middle: from
                .as_ref()
                .map_or("not installed".to_owned(), |from| format!("stays {from}")),
            last,
            members: members.len(),
        }
    })
    .collect()
}

/// The reason and what is said about it, where that does not say the same word again.
pub(super) fn because(reason: HeldReason, message: &str) -> String {
    let word = reason.as_str();
    if message.is_empty() {
        word.to_owned()
    } else if message.starts_with(word) {
        message.to_owned()
    } else {
        format!("{word}: {message}")
    }
}

fn unchanged(unchanged: &[Unchanged]) -> Vec<Row> {
    fold::by_key(unchanged, |u| (&u.service, &u.version, u.pinned))
        .into_iter()
        .map(
            |((service, version, pinned), members): ((&ServiceName, &Version, bool), _)| Row {
                label: "same".to_owned(),
                tone: Tone::Faint,
                hosts: names(members.iter().map(|u| &u.host)),
                service: service.to_string(),
                middle: version.to_string(),
                last: if pinned { "pinned" } else { "unchanged" }.to_owned(),
                members: members.len(),
            },
        )
        .collect()
}

fn names<'a>(hosts: impl Iterator<Item = &'a HostName>) -> String {
    fold::hosts(&hosts.collect::<Vec<_>>())
}

fn gates(plan: &EnvironmentPlan, options: Options) -> Vec<String> {
    let width = plan
        .gates
        .iter()
        .map(|gate| gate.kind.as_str().len())
        .max()
        .unwrap_or(0);
    let lines = plan
        .gates
        .iter()
        .flat_map(|gate| {
            let state = if gate.open { "open" } else { "closed" };
            let text = format!("{state}, {}", gate.reason);
            wrap(&text, room(options).saturating_sub(width + 2))
                .into_iter()
                .enumerate()
                .map(move |(index, part)| {
                    let kind = if index == 0 { gate.kind.as_str() } else { "" };
                    format!("{kind:width$}  {part}")
                })
        })
        .collect();
    section("gates", lines, Tone::Held, options)
}

/// What happens when a host fails: part of what will happen, so a plan says it.
fn failure(plan: &EnvironmentPlan, policy: &Policy, options: Options) -> Vec<String> {
    failure_text(plan, policy).map_or_else(Vec::new, |text| {
        section("failure", wrap(&text, room(options)), Tone::Faint, options)
    })
}

/// Only what touched a host undoes anything and is blocked (design.md §8): a host that refuses, or
/// gives no answer, stops the line and no more.
fn failure_text(plan: &EnvironmentPlan, policy: &Policy) -> Option<String> {
    if plan.changes.is_empty() {
        return None;
    }
    let rollout = &policy.rollout;
    let (stops, it) = match rollout.max_failures {
        0 => ("the line stops at the first failed host".to_owned(), "it"),
        tolerated => {
            let hosts = plural(tolerated as usize, "host");
            (
                format!("the line stops when more than {hosts} failed"),
                "one",
            )
        }
    };
    let then = match rollout.on_failure {
        OnFailure::Rollback => "goes back everywhere and is blocked",
        OnFailure::Pause if plan.waves.len() < 2 => "goes back there, if it can, and is blocked",
        OnFailure::Pause => {
            "goes back there, if it can, and is blocked; the rest waits for a person"
        }
    };
    Some(format!("{stops}; what failed after touching {it} {then}"))
}

#[cfg(test)]
pub(super) mod tests;
