//! The world of a simulation: time, chance, hosts, ledger and desired commits, and controllers in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::ledger::memory::MemoryLedger;
use fleet::model::clock::{Clock, Random};
use fleet::model::event::Event;
use fleet::model::id::{HostName, RolloutId, ServiceName};
use fleet::model::ledger::EnvironmentLedger;
use fleet::model::time::Timestamp;
use fleet::reconcile::{self, ApplyOptions, Pass, ReconcileError};
use fleet::rollout::{Controller, LogSink};
use fleet::transport::memory::MemoryTransport;
use tokio::sync::watch;
use tokio::time::Instant;

use super::desired::{Desired, Wish, environment, instance};

pub(crate) const EPOCH: i64 = 1_800_000_000;

/// The runtime's paused clock.
#[derive(Clone)]
pub(crate) struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(EPOCH) + self.0.elapsed()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Chance that replays: xorshift.
pub(crate) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        // Small seeds differ in few bits; spread them.
        Self(Mutex::new(
            seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        ))
    }

    /// Below `bound`.
    pub(crate) fn below(&self, bound: u32) -> u32 {
        self.next() % bound
    }

    /// True so many times out of a hundred.
    pub(crate) fn chance(&self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).unwrap()) as usize]
    }
}

impl Random for Seeded {
    fn next(&self) -> u32 {
        let mut state = self.0.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        u32::try_from(*state >> 32).unwrap()
    }
}

#[derive(Default)]
pub(crate) struct Logs(pub(crate) Mutex<Vec<(HostName, ServiceName, String)>>);

impl LogSink for Logs {
    fn keep(&self, _: &RolloutId, host: &HostName, service: &ServiceName, text: &str) {
        let mut kept = self.0.lock().unwrap();
        kept.push((host.clone(), service.clone(), text.to_owned()));
    }
}

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) random: Seeded,
    pub(crate) desired: Desired,
    pub(crate) transport: MemoryTransport,
    pub(crate) ledger: MemoryLedger,
    pub(crate) logs: Logs,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) stop: watch::Sender<bool>,
}

impl World {
    /// A world in which the first wish is desired and nothing runs. On a paused runtime.
    pub(crate) fn new(seed: u64, wish: &Wish) -> Self {
        let clock = VirtualClock(Instant::now());
        let instances = wish.hosts.keys().map(|host| instance(host));
        let latency = Duration::from_millis(40);
        let desired = Desired::default();
        desired.push(wish);
        Self {
            random: Seeded::new(seed),
            desired,
            transport: MemoryTransport::new(Arc::new(clock.clone()), instances)
                .with_latency(latency),
            ledger: MemoryLedger::new().with_latency(latency),
            clock,
            logs: Logs::default(),
            events: Mutex::default(),
            stop: watch::channel(false).0,
        }
    }

    /// One pass of a controller that is never killed.
    pub(crate) async fn apply(&self) -> Result<Pass, ReconcileError> {
        self.apply_as("here/1", &ApplyOptions::default()).await
    }

    /// One pass of the controller of this name.
    pub(crate) async fn apply_as(
        &self,
        writer: &str,
        options: &ApplyOptions,
    ) -> Result<Pass, ReconcileError> {
        // A clone is a controller with a view of its own.
        let ledger = self.ledger.clone();
        self.with(writer, &ledger, async |controller| {
            reconcile::apply(controller, &environment(), options).await
        })
        .await
    }

    pub(crate) async fn with<T>(
        &self,
        writer: &str,
        ledger: &MemoryLedger,
        run: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> T {
        let events = |event: Event| self.events.lock().unwrap().push(event);
        let controller = Controller {
            clock: &self.clock,
            random: &self.random,
            transport: &self.transport,
            ledger,
            desired: &self.desired,
            logs: &self.logs,
            events: &events,
            stop: self.stop.subscribe(),
            writer: writer.to_owned(),
        };
        run(&controller).await
    }

    pub(crate) fn recorded(&self) -> EnvironmentLedger {
        self.ledger.now(&environment())
    }

    /// `host service version state`, one a line.
    pub(crate) fn states(&self) -> String {
        let recorded = self.recorded();
        let lines = recorded.hosts.iter().flat_map(|(host, record)| {
            record.services.iter().map(move |(service, record)| {
                let version = record.version.as_ref().map_or("-", |v| v.as_str());
                format!("{host} {service} {version} {}\n", record.state.as_str())
            })
        });
        lines.collect()
    }

    /// Subjects of the ledger's commits, oldest first.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let commits = self.ledger.commits();
        commits.into_iter().map(|commit| commit.subject).collect()
    }
}
