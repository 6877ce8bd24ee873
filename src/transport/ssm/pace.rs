//! One token bucket for all calls, slower after every throttling and faster again without.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Calls per second in the long run. No rate is published; single loops of one call a second in
/// several processes were seen throttled (ssm.md §1.4), and 5,000 hosts need about 300 calls.
const RATE: f64 = 2.0;

/// Never slower than this.
const SLOWEST: f64 = 0.1;

/// Calls that may come at once: a wave of a small fleet takes fewer.
const BURST: f64 = 20.0;

/// What one call without throttling wins back.
const RECOVERY: f64 = 0.1;

pub(super) struct Pace(Mutex<Bucket>);

struct Bucket {
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Bucket {
            rate: RATE,
            tokens: BURST,
            at: Instant::now(),
        }))
    }

    /// Waits for a token.
    pub(super) async fn take(&self) {
        let wait = self.change(|bucket| {
            bucket.tokens -= 1.0;
            match bucket.tokens < 0.0 {
                true => Duration::from_secs_f64(-bucket.tokens / bucket.rate),
                false => Duration::ZERO,
            }
        });
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// The service throttled a call.
    pub(super) fn throttled(&self) {
        self.change(|bucket| {
            bucket.rate = (bucket.rate / 2.0).max(SLOWEST);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// The service took a call.
    pub(super) fn taken(&self) {
        self.change(|bucket| bucket.rate = (bucket.rate + RECOVERY).min(RATE));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now.duration_since(bucket.at).as_secs_f64() * bucket.rate;
        bucket.tokens = (bucket.tokens + earned).min(BURST);
        bucket.at = now;
        change(&mut bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_throttling_halves_the_rate() {
        let pace = Pace::new();
        let start = Instant::now();
        for _ in 0..20 {
            pace.take().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.take().await;
        assert_eq!(start.elapsed().as_millis(), 500);
        pace.throttled();
        let start = Instant::now();
        pace.take().await;
        pace.take().await;
        assert!(
            start.elapsed() >= Duration::from_secs(1),
            "{:?}",
            start.elapsed()
        );
    }
}
