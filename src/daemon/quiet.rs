//! What is not said a second time: a pass that finds an environment as the last one left it says
//! nothing.

use crate::model::event::{Event, EventKind};

/// What was last said of one environment.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// The last plan that was told of.
    planned: Option<EventKind>,
    /// What it was said to wait for, where nothing has happened since.
    standing: Option<EventKind>,
    /// A rollout goes on: worth a line only where something comes of it.
    resumed: Option<Event>,
}

impl Quiet {
    /// What is to be said now, in order.
    pub(super) fn take(&mut self, event: Event) -> Vec<Event> {
        match &event.kind {
            EventKind::Planned { .. } => {
                if self.planned.as_ref() == Some(&event.kind) {
                    return Vec::new();
                }
                self.planned = Some(event.kind.clone());
                return vec![event];
            }
            EventKind::Started { resumed: true, .. } => {
                self.resumed = Some(event);
                return Vec::new();
            }
            EventKind::Waiting { .. } | EventKind::Paused { .. } => {
                if self.standing.as_ref() == Some(&event.kind) {
                    self.resumed = None;
                    return Vec::new();
                }
                self.standing = Some(event.kind.clone());
            }
            _ => self.standing = None,
        }
        self.resumed.take().into_iter().chain([event]).collect()
    }

    /// The pass is over.
    pub(super) fn end(&mut self) {
        self.resumed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EVENT_FORMAT;
    use crate::model::ledger::RolloutState;
    use crate::model::time::Timestamp;

    fn told(quiet: &mut Quiet, kinds: &[EventKind]) -> usize {
        let event = |kind: &EventKind| Event {
            format: EVENT_FORMAT,
            at: Timestamp::from_unix(0),
            environment: "production".into(),
            rollout: None,
            kind: kind.clone(),
        };
        let told = kinds.iter().map(|kind| quiet.take(event(kind)).len()).sum();
        quiet.end();
        told
    }

    #[test]
    fn a_pass_that_finds_everything_as_it_was_says_nothing() {
        let resumed = EventKind::Started {
            plan_id: "sha256:0".into(),
            revision: "0".into(),
            total: 1,
            resumed: true,
        };
        let paused = |reason: &str| EventKind::Paused {
            reason: reason.to_owned(),
        };
        let ended = EventKind::Ended {
            state: RolloutState::Succeeded,
            reason: String::new(),
        };
        let mut quiet = Quiet::default();
        let mut pass = |kinds: &[EventKind]| told(&mut quiet, kinds);
        assert_eq!(pass(&[resumed.clone(), paused("a hold")]), 2);
        assert_eq!(pass(&[resumed.clone(), paused("a hold")]), 0);
        assert_eq!(pass(std::slice::from_ref(&resumed)), 0);
        assert_eq!(pass(&[resumed.clone(), paused("another hold")]), 2);
        assert_eq!(pass(&[resumed, ended]), 2);
        assert_eq!(pass(&[paused("another hold")]), 1, "something happened");
    }
}
