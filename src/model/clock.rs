//! Time and chance as parameters of the controller.

use std::time::Duration;

use super::time::Timestamp;

/// Where the controller gets its time from. Sleeping goes through the runtime's timer, so that a
/// test on paused time drives both together.
pub trait Clock: Send + Sync {
    /// Wall-clock time: for records, windows and what hosts compare with their own.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that never jumps: for fences and deadlines.
    fn monotonic(&self) -> Duration;
}

/// Where the controller gets its chance from: rollout ids and jitter.
pub trait Random: Send + Sync {
    /// 32 random bits. Not for secrets.
    fn next(&self) -> u32;

    /// Between half of `longest` and the whole of it.
    fn jitter(&self, longest: Duration) -> Duration {
        longest / 2 + longest.mul_f64(f64::from(self.next()) / f64::from(u32::MAX) / 2.0)
    }
}
