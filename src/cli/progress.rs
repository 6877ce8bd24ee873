//! Events of a rollout on their way to the user: live lines, plain lines or JSON lines.

use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressDrawTarget;

use super::terminal::Keyboard;
use super::ui::{self, Format, Ui};
use crate::model::event::Event;
use crate::reporter::event;
use crate::reporter::live::Live;

/// Shows what happens while it happens.
#[derive(Debug)]
pub(crate) struct Progress {
    ui: Ui,
    live: Option<Mutex<Live>>,
    keyboard: Keyboard,
}

impl Progress {
    /// Live lines on a terminal, unless programs read.
    pub(crate) fn new(ui: Ui) -> Self {
        let is_live = ui.live && ui.format == Format::Text;
        let target = ProgressDrawTarget::stderr;
        Self {
            ui,
            live: is_live.then(|| Mutex::new(Live::new(target(), ui.err, ui::live_size))),
            keyboard: match is_live {
                true => Keyboard::without_echo_of_control_keys(),
                false => Keyboard::default(),
            },
        }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        if self.ui.format == Format::Json {
            // A rollout does not stop because nobody reads any more.
            let _gone = self.ui.answer(&(event::json(event) + "\n"));
        } else if let Some(mut live) = self.live() {
            live.show(event);
        } else if let Some(line) = event::line(event, self.ui.err) {
            self.ui.tell(&(line + "\n"));
        }
    }

    /// Says something in between.
    pub(crate) fn say(&self, line: &str) {
        match self.live() {
            Some(live) => live.line(line),
            None => self.ui.tell(&format!("{line}\n")),
        }
    }

    /// Takes the live lines away.
    pub(crate) fn clear(&self) {
        if let Some(mut live) = self.live() {
            live.clear();
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn end(&self) {
        self.clear();
        self.keyboard.restore();
    }

    fn live(&self) -> Option<MutexGuard<'_, Live>> {
        // What a panic left half drawn is drawn anew.
        let live = self.live.as_ref()?;
        Some(live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
