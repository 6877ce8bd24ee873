//! What is told of a step while it is under way: how far it is, and what it waits for.

use std::time::Duration;

use crate::model::event::{EventKind, StepProgress};
use crate::model::plan::Action;
use crate::model::time::Timestamp;

use super::super::state::Place;
use super::Dispatcher;

/// A wait that is over sooner is not worth a word.
const SHORT: Duration = Duration::from_secs(15);

/// When a step goes on. Times are on the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
struct Until {
    next: Option<Duration>,
    until: Option<Duration>,
}

impl Dispatcher<'_> {
    /// Tells how far a step is.
    pub(super) fn emit_step(&self, place: Place, progress: StepProgress) {
        self.tell(place, progress, None, Until::default());
    }

    /// Tells that its host is asked, and how long an answer is waited for.
    pub(super) fn emit_asking(&self, place: Place, until: Duration) {
        let until = Until {
            next: None,
            until: Some(until),
        };
        self.tell(place, StepProgress::Asking, None, until);
    }

    /// Tells that nothing can be done for a step before `next`, why, and when it is given up.
    pub(super) fn emit_waiting(
        &self,
        place: Place,
        why: &str,
        next: Duration,
        until: Option<Duration>,
    ) {
        if next.saturating_sub(self.controller.clock.monotonic()) < SHORT {
            return;
        }
        let next = Some(next);
        self.tell(
            place,
            StepProgress::Waiting,
            Some(why),
            Until { next, until },
        );
    }

    fn tell(&self, place: Place, progress: StepProgress, why: Option<&str>, until: Until) {
        let Some(step) = self
            .rollout
            .wave(place.wave)
            .and_then(|wave| wave.steps.get(place.index))
        else {
            return;
        };
        let change = self.rollout.change(&step.host, &step.service);
        let (mut from, mut to) = change.map_or((None, None), |change| {
            (change.from.clone(), change.to.clone())
        });
        if step.action == Action::Rollback {
            std::mem::swap(&mut from, &mut to);
        }
        self.emit(EventKind::Step {
            wave: place.wave,
            host: step.host.clone(),
            service: step.service.clone(),
            action: step.action,
            from,
            to,
            progress,
            version: step.version.clone(),
            seconds: step.seconds,
            message: why.map_or_else(|| step.message.clone(), str::to_owned),
            next: until.next.map(|at| self.wall(at)),
            until: until.until.map(|at| self.wall(at)),
        });
    }

    /// What the clock on the wall will show then.
    fn wall(&self, at: Duration) -> Timestamp {
        let clock = self.controller.clock;
        let ahead = at.saturating_sub(clock.monotonic());
        // Rather a second later than a moment at which nothing has happened yet.
        clock.now() + Duration::from_secs(ahead.as_millis().div_ceil(1_000).try_into().unwrap_or(0))
    }
}
