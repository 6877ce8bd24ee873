//! Live lines on a terminal: one per step that is under way, one that counts the wave. What is over
//! becomes an ordinary line above them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::event;
use super::fold::natural;
use super::text::{Palette, plural, span};
use crate::model::event::{Event, EventKind, StepProgress};
use crate::model::id::{EnvironmentName, HostName, ServiceName};
use crate::model::time::Timestamp;

/// Lines of what is under way. Nothing stays on the terminal but ordinary lines.
#[derive(Debug)]
pub struct Live {
    bars: MultiProgress,
    palette: Palette,
    size: fn() -> Size,
    steps: BTreeMap<Key, Step>,
    wave: Option<Wave>,
}

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters of a line.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// `host-2` before `host-10`: people look for a host where they would put it.
type Key = (Vec<(String, u64)>, HostName, ServiceName);

#[derive(Debug)]
struct Step {
    text: String,
    since: Timestamp,
    /// None where the terminal has no room for it.
    bar: Option<ProgressBar>,
}

/// The wave that is counted.
#[derive(Debug)]
struct Wave {
    environment: EnvironmentName,
    number: u32,
    steps: usize,
    over: BTreeSet<(HostName, ServiceName)>,
    failed: BTreeSet<HostName>,
    bar: ProgressBar,
}

/// More lines than this are no longer read.
const MOST_LINES: usize = 20;
/// Kept free on a low terminal: the wave's count, and what was said last.
const OTHER_LINES: usize = 4;
/// How often they are drawn.
const TICK: Duration = Duration::from_millis(120);
/// Of every live line: a mark and a space before it, two spaces and its age after it.
const AROUND: usize = 2 + 2 + 10;

impl Live {
    /// Draws on a target, which is a terminal of this size.
    pub fn new(target: ProgressDrawTarget, palette: Palette, size: fn() -> Size) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            palette,
            size,
            steps: BTreeMap::new(),
            wave: None,
        }
    }

    /// Shows what happened.
    pub fn show(&mut self, event: &Event) {
        if let EventKind::Step {
            host,
            service,
            action,
            progress,
            ..
        } = &event.kind
        {
            let key = (natural(host.as_str()), host.clone(), service.clone());
            match progress {
                StepProgress::Over(outcome) => {
                    self.over(&key, event::is_bad(*action, *outcome));
                }
                StepProgress::Sent | StepProgress::Asking | StepProgress::Waiting => {
                    if *progress == StepProgress::Waiting
                        && let Some(line) = event::line(event, self.palette)
                    {
                        // What is waited for is longer than a live line.
                        self.line(&line);
                    }
                    self.under_way(key, event);
                    self.fill(event.at);
                    return;
                }
            }
        }
        // Waiting ends nothing that is under way.
        if !matches!(
            event.kind,
            EventKind::Step { .. } | EventKind::Waiting { .. }
        ) {
            self.clear();
        }
        if let Some(line) = event::line(event, self.palette) {
            self.line(&line);
        }
        if let EventKind::WaveStarted { wave, steps, .. } = &event.kind {
            self.begin(&event.environment, *wave, *steps);
        }
        self.fill(event.at);
    }

    /// Puts a line above the live ones.
    pub fn line(&self, line: &str) {
        // A terminal that is gone must not stop a rollout.
        let _gone = self.bars.println(line);
    }

    /// Takes the live lines away.
    pub fn clear(&mut self) {
        let steps = std::mem::take(&mut self.steps).into_values();
        let wave = self.wave.take().map(|wave| wave.bar);
        for bar in steps.filter_map(|step| step.bar).chain(wave) {
            self.take_off(&bar);
        }
    }

    fn take_off(&self, bar: &ProgressBar) {
        bar.finish_and_clear();
        self.bars.remove(bar);
    }

    fn begin(&mut self, environment: &EnvironmentName, number: u32, steps: usize) {
        self.wave = Some(Wave {
            environment: environment.clone(),
            number,
            steps,
            over: BTreeSet::new(),
            failed: BTreeSet::new(),
            bar: self.bars.add(spinner(" ", Duration::ZERO)),
        });
        if let Some(wave) = &self.wave {
            wave.bar.enable_steady_tick(TICK);
        }
    }

    fn over(&mut self, key: &Key, is_bad: bool) {
        if let Some(bar) = self.steps.remove(key).and_then(|step| step.bar) {
            self.take_off(&bar);
        }
        if let Some(wave) = &mut self.wave {
            let (_, host, service) = key;
            wave.over.insert((host.clone(), service.clone()));
            if is_bad {
                wave.failed.insert(host.clone());
            }
        }
    }

    fn under_way(&mut self, key: Key, event: &Event) {
        let room = (self.size)().columns.saturating_sub(AROUND);
        let text = event::under_way(event, self.palette, room).unwrap_or_default();
        if let Some(step) = self.steps.get_mut(&key) {
            if let Some(bar) = &step.bar {
                bar.set_message(text.clone());
            }
            step.text = text;
        } else {
            let since = event.at;
            self.steps.insert(
                key,
                Step {
                    text,
                    since,
                    bar: None,
                },
            );
        }
    }

    /// Gives a line to every step that there is room for, in order, and counts the rest.
    fn fill(&mut self, now: Timestamp) {
        let rows = (self.size)().rows.saturating_sub(OTHER_LINES);
        let room = rows.clamp(1, MOST_LINES);
        let mut shown = self
            .steps
            .values()
            .filter(|step| step.bar.is_some())
            .count();
        for (at, step) in self.steps.values_mut().enumerate() {
            if shown >= room {
                break;
            }
            if step.bar.is_none() {
                let bar =
                    spinner("{spinner}", now.since(step.since)).with_message(step.text.clone());
                let bar = self.bars.insert(at.min(shown), bar);
                bar.enable_steady_tick(TICK);
                step.bar = Some(bar);
                shown += 1;
            }
        }
        self.count(self.steps.len() - shown);
    }

    fn count(&self, hidden: usize) {
        let Some(wave) = &self.wave else { return };
        let mut text = format!(
            "{}  wave {}: {} of {} done",
            wave.environment,
            wave.number,
            wave.over.len(),
            plural(wave.steps, "step")
        );
        if !wave.failed.is_empty() {
            let _infallible = write!(text, ", {} failed", plural(wave.failed.len(), "host"));
        }
        if hidden > 0 {
            let _infallible = write!(text, ", {hidden} more under way");
        }
        let room = (self.size)().columns.saturating_sub(AROUND);
        wave.bar.set_message(super::text::cut(&text, room));
    }
}

/// A line that shows its age.
fn spinner(mark: &str, age: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{mark} {{msg}}  {{age}}"))
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key(
            "age",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _infallible = out.write_str(&span(state.elapsed()));
            },
        );
    ProgressBar::new_spinner()
        .with_style(style)
        .with_elapsed(age)
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}
