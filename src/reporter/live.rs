//! A live line per host on a terminal; what is over becomes an ordinary line above.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event;
use super::text::Palette;
use crate::model::event::{Event, EventKind, StepProgress};
use crate::model::id::{EnvironmentName, HostName, ServiceName};

/// Lines of steps that are under way.
#[derive(Debug)]
pub struct Live {
    bars: MultiProgress,
    palette: Palette,
    steps: BTreeMap<(EnvironmentName, HostName, ServiceName), ProgressBar>,
}

/// More lines than this scroll a terminal; the rest appear when they are over.
const MOST_LINES: usize = 20;

impl Live {
    /// Draws on a target, which is a terminal.
    pub fn new(target: ProgressDrawTarget, palette: Palette) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            palette,
            steps: BTreeMap::new(),
        }
    }

    /// Shows what happened.
    pub fn show(&mut self, event: &Event) {
        if let EventKind::Step {
            host,
            service,
            progress,
            ..
        } = &event.kind
        {
            let key = (event.environment.clone(), host.clone(), service.clone());
            if let StepProgress::Over(_) = progress {
                if let Some(bar) = self.steps.remove(&key) {
                    bar.finish_and_clear();
                }
            } else {
                self.under_way(key, event);
                return;
            }
        }
        if let Some(line) = event::line(event, self.palette) {
            self.line(&line);
        }
    }

    /// Puts a line above the live ones.
    pub fn line(&self, line: &str) {
        // A terminal that is gone must not stop a rollout.
        let _gone = self.bars.println(line);
    }

    fn under_way(&mut self, key: (EnvironmentName, HostName, ServiceName), event: &Event) {
        let text = event::step(event, self.palette).unwrap_or_default();
        if let Some(bar) = self.steps.get(&key) {
            bar.set_message(text);
        } else if self.steps.len() < MOST_LINES {
            let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = self.bars.add(
                ProgressBar::new_spinner()
                    .with_style(style)
                    .with_message(text),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            self.steps.insert(key, bar);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for bar in self.steps.values() {
            bar.finish_and_clear();
        }
    }
}
