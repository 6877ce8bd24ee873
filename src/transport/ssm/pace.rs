//! How fast the service is called: one token bucket for all operations, slower after throttling.
//!
//! AWS publishes no rates for Run Command; they are per account and region, and other tools share
//! them (ssm.md §1.4). So the bucket starts careful and adapts: additive increase, multiplicative
//! decrease, as TCP does. Waits after a refusal have full jitter (AWS Architecture Blog,
//! "Exponential Backoff And Jitter"), so that controllers do not come back all at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::clock::{Clock, Random};

/// How fast, and how patient. The default is for AWS; a test shortens it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pacing {
    /// Calls that may follow each other at once. 20 send to 1,000 hosts.
    pub burst: u32,
    /// Calls a second after that, while nothing is throttled. A whole fleet of 2,500 hosts needs
    /// one call for its progress, every few seconds.
    pub rate: f64,
    /// The longest wait after the first refusal; doubles with every further one.
    pub first_wait: Duration,
    /// The longest wait of all.
    pub longest_wait: Duration,
    /// How long throttling is waited out.
    pub patience: Duration,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long an answer may take. SendCommand takes well under a second.
    pub answer: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            burst: 20,
            rate: 2.0,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            patience: Duration::from_secs(75),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
        }
    }
}

/// Throttling halves the rate, but never below this share of it.
const SLOWEST: f64 = 1.0 / 16.0;
/// What each call that is not throttled gives back, as a share of the full rate.
const RECOVERY: f64 = 1.0 / 20.0;

/// The bucket.
pub(super) struct Pace {
    pacing: Pacing,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    bucket: Mutex<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Below zero: that many calls wait already.
    tokens: f64,
    rate: f64,
    at: Duration,
}

impl Pace {
    pub(super) fn new(pacing: Pacing, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let bucket = Bucket {
            tokens: f64::from(pacing.burst),
            rate: pacing.rate,
            at: clock.monotonic(),
        };
        Self {
            pacing,
            clock,
            random,
            bucket: Mutex::new(bucket),
        }
    }

    pub(super) const fn pacing(&self) -> &Pacing {
        &self.pacing
    }

    /// Waits for this call's turn. A wait that is given up has used up its turn.
    pub(super) async fn turn(&self) {
        let now = self.clock.monotonic();
        let wait = self.bucket(|bucket, pacing| bucket.take(pacing, now));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// A call was let through.
    pub(super) fn passed(&self) {
        self.bucket(|bucket, pacing| {
            bucket.rate = (bucket.rate + pacing.rate * RECOVERY).min(pacing.rate);
        });
    }

    /// A call was throttled: there is no burst left, and less from now on.
    pub(super) fn throttled(&self) {
        self.bucket(|bucket, pacing| {
            bucket.rate = (bucket.rate / 2.0).max(pacing.rate * SLOWEST);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// Waits before the call is tried again, `refusals` counting from 1.
    pub(super) async fn back_off(&self, refusals: u32) {
        let share = f64::from(self.random.next()) / f64::from(u32::MAX);
        tokio::time::sleep(self.longest(refusals).mul_f64(share)).await;
    }

    fn longest(&self, refusals: u32) -> Duration {
        let doublings = refusals.saturating_sub(1).min(16);
        let wait = self.pacing.first_wait.saturating_mul(1 << doublings);
        wait.min(self.pacing.longest_wait)
    }

    fn bucket<T>(&self, act: impl FnOnce(&mut Bucket, &Pacing) -> T) -> T {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut bucket, &self.pacing)
    }
}

impl Bucket {
    /// Takes a token, or promises the next one that nobody has: the wait for it.
    fn take(&mut self, pacing: &Pacing, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(f64::from(pacing.burst)) - 1.0;
        self.at = now;
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.tokens / self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> (Bucket, Pacing) {
        let pacing = Pacing {
            burst: 2,
            rate: 4.0,
            ..Pacing::default()
        };
        let bucket = Bucket {
            tokens: 2.0,
            rate: 4.0,
            at: Duration::ZERO,
        };
        (bucket, pacing)
    }

    #[test]
    fn a_burst_is_free_and_the_rest_queues() {
        let (mut bucket, pacing) = bucket();
        let mut take = |millis| {
            bucket
                .take(&pacing, Duration::from_millis(millis))
                .as_millis()
        };
        assert_eq!([take(0), take(0), take(0), take(0)], [0, 0, 250, 500]);
        assert_eq!(take(500), 250);
        // After a pause no more than the burst has gathered.
        assert_eq!([take(60_000), take(60_000), take(60_000)], [0, 0, 250]);
    }

    #[test]
    fn throttling_slows_down_and_calls_that_pass_make_up_for_it() {
        let pace = pace(0);
        let rate = || pace.bucket(|bucket, _| bucket.rate);
        pace.throttled();
        pace.throttled();
        assert_eq!(rate(), 0.5);
        for _ in 0..20 {
            pace.throttled();
        }
        assert_eq!(rate(), 2.0 * SLOWEST);
        for _ in 0..20 {
            pace.passed();
        }
        assert_eq!(rate(), 2.0);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest_with_full_jitter() {
        let pace = pace(u32::MAX / 2);
        for (refusals, millis) in [(1, 250), (2, 500), (3, 1_000), (9, 5_000), (99, 5_000)] {
            let before = tokio::time::Instant::now();
            pace.back_off(refusals).await;
            let waited = before.elapsed().as_millis();
            assert!(waited.abs_diff(millis) <= 1, "{refusals}: {waited}");
        }
    }

    fn pace(random: u32) -> Pace {
        Pace::new(Pacing::default(), Arc::new(Still), Arc::new(Fixed(random)))
    }

    struct Still;
    impl Clock for Still {
        fn now(&self) -> crate::model::time::Timestamp {
            crate::model::time::Timestamp::from_unix(0)
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    struct Fixed(u32);
    impl Random for Fixed {
        fn next(&self) -> u32 {
            self.0
        }
    }
}
