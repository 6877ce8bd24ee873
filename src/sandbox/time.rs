//! The service's time, in milliseconds, and the forms that its answers write it in.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::locked;
use crate::model::clock::Clock;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Millis(pub(super) i64);

impl Millis {
    /// Later by some seconds.
    pub(super) fn plus_seconds(self, seconds: u64) -> Self {
        let millis = i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        Self(self.0.saturating_add(millis))
    }

    /// The time from `earlier`, zero where that is in the future.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `1550173814.717`, as JSON 1.1 writes timestamps.
    pub(super) fn epoch(self) -> serde_json::Value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds fit an f64 for 285,000 years"
        )]
        let seconds = self.0 as f64 / 1_000.0;
        seconds.into()
    }

    /// `2026-11-20T01:02:03.456Z`.
    pub(super) fn iso(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%3fZ")
    }

    /// The form of a Date header.
    pub(super) fn http(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    fn format(self, pattern: &str) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map(|time| time.strftime(pattern).to_string())
            .unwrap_or_default()
    }
}

/// Makes milliseconds of a [`Clock`], which tells whole seconds of wall-clock time.
pub(super) struct ServiceClock {
    clock: Arc<dyn Clock>,
    /// Wall-clock milliseconds minus monotonic ones.
    offset: Mutex<i64>,
}

impl ServiceClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let offset = clock.now().unix() * 1_000 - monotonic(clock.as_ref());
        Self {
            clock,
            offset: Mutex::new(offset),
        }
    }

    /// Makes this clock agree with one that ran before it: both know the wall clock's seconds only,
    /// and history must not run backwards.
    pub(super) fn not_before(&self, latest: Millis) {
        let behind = latest.0 - self.now().0;
        if (1..=1_000).contains(&behind) {
            *locked(&self.offset) += behind;
        }
    }

    /// The present time; steps only where the wall clock was set or the machine slept.
    pub(super) fn now(&self) -> Millis {
        let mut offset = locked(&self.offset);
        let wall = self.clock.now().unix() * 1_000;
        let now = monotonic(self.clock.as_ref()) + *offset;
        if (-1_000..=1_000).contains(&(now - wall)) {
            return Millis(now);
        }
        *offset += wall - now;
        Millis(wall)
    }
}

fn monotonic(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX)
}
