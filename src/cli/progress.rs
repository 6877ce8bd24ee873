//! Events of a rollout on their way to the user: live lines, plain lines or JSON lines.

use std::sync::Mutex;

use indicatif::ProgressDrawTarget;

use super::ui::{Format, Ui};
use crate::model::event::Event;
use crate::reporter::event;
use crate::reporter::live::Live;

/// Shows what happens while it happens.
#[derive(Debug)]
pub(crate) struct Progress {
    ui: Ui,
    live: Option<Mutex<Live>>,
}

impl Progress {
    /// Live lines on a terminal, unless programs read.
    pub(crate) fn new(ui: Ui) -> Self {
        let live = (ui.live && ui.format == Format::Text)
            .then(|| Mutex::new(Live::new(ProgressDrawTarget::stderr(), ui.err)));
        Self { ui, live }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match &self.live {
            _ if self.ui.format == Format::Json => {
                // A rollout does not stop because nobody reads any more.
                let _gone = self.ui.answer(&(event::json(event) + "\n"));
            }
            Some(live) => match live.lock() {
                Ok(mut live) => live.show(event),
                Err(_) => self.line(event),
            },
            None => self.line(event),
        }
    }

    fn line(&self, event: &Event) {
        if let Some(line) = event::line(event, self.ui.err) {
            self.ui.tell(&(line + "\n"));
        }
    }
}
