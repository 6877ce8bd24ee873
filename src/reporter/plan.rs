//! A plan as a person reads it (design.md §5), and `fleet.plan/1`.

pub use changed::differences;
pub use document::{Head, json};
pub use markdown::markdown;
pub use reach::{Reach, Unreachable};

use super::diff::{self, Difference};
use super::fold;
use super::text::{Palette, Tone, ago, plural, width_of, wrap};
use crate::model::id::{Revision, Version};
use crate::model::plan::{Action, EnvironmentPlan, HeldReason};
use crate::model::policy::{OnFailure, Policy};
use crate::model::time::Timestamp;

mod changed;
mod document;
mod markdown;
mod reach;
mod rows;

/// The plan of one environment, and what else was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What would be done.
    pub plan: &'a EnvironmentPlan,
    /// Under which rules.
    pub policy: &'a Policy,
    /// What it changes in scripts and files.
    pub diffs: Option<&'a [Difference]>,
    /// Which of its hosts can be reached now.
    pub live: Option<&'a Reach>,
}

impl<'a> Shown<'a> {
    /// The plan alone.
    pub const fn new(plan: &'a EnvironmentPlan, policy: &'a Policy) -> Self {
        Self {
            plan,
            policy,
            diffs: None,
            live: None,
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
    lines.extend(rows::rows(shown, options));
    lines.extend(gates(plan, options));
    lines.extend(failure(plan, policy, options));
    lines.extend(shown.live.into_iter().flat_map(|live| {
        section(
            "live",
            wrap(&live.words(), room(options)),
            Tone::Faint,
            options,
        )
    }));
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
