//! The world of a simulation: time, chance, hosts, ledger and desired commits, and controllers in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::ledger::Ledger as _;
use fleet::ledger::memory::MemoryLedger;
use fleet::model::clock::{Clock, Random};
use fleet::model::event::{Event, EventKind};
use fleet::model::id::{HostName, RolloutId, ServiceName};
use fleet::model::ledger::EnvironmentLedger;
use fleet::model::statement::{Statement, Verb};
use fleet::model::time::Timestamp;
use fleet::reconcile::{self, ApplyOptions, Pass, ReconcileError};
use fleet::rollout::{Controller, LogSink};
use fleet::transport::memory::{HostActionKind, MemoryTransport};
use tokio::sync::watch;
use tokio::time::Instant;

use super::desired::{Desired, Wish, environment, fleet_name, instance};

pub(crate) const EPOCH: i64 = 1_800_000_000;

/// The runtime's paused clock.
#[derive(Clone)]
pub(crate) struct VirtualClock {
    origin: Instant,
    /// How far the wall clock is behind everybody else's.
    behind: Duration,
    /// Or ahead of it.
    ahead: Duration,
}

impl VirtualClock {
    pub(crate) fn behind(&self, behind: Duration) -> Self {
        Self {
            behind,
            ..self.clone()
        }
    }

    pub(crate) fn ahead(&self, ahead: Duration) -> Self {
        Self {
            ahead,
            ..self.clone()
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(EPOCH) + self.origin.elapsed() + self.ahead - self.behind
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
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
    /// What was waited for beside single steps.
    pub(crate) fn waited_for(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let reasons = events.iter().filter_map(|event| match &event.kind {
            EventKind::Waiting { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        reasons.collect()
    }

    /// A world in which the first wish is desired and nothing runs. On a paused runtime.
    pub(crate) fn new(seed: u64, wish: &Wish) -> Self {
        let clock = VirtualClock {
            origin: Instant::now(),
            behind: Duration::ZERO,
            ahead: Duration::ZERO,
        };
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
        self.with_clock(&self.clock, writer, ledger, run).await
    }

    pub(crate) async fn with_clock<T>(
        &self,
        clock: &VirtualClock,
        writer: &str,
        ledger: &MemoryLedger,
        run: impl AsyncFnOnce(&Controller<'_>) -> T,
    ) -> T {
        let events = |event: Event| self.events.lock().unwrap().push(event);
        let controller = Controller {
            clock,
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

    /// Applies as `writer`, and kills it after this long; whether it was killed.
    pub(crate) async fn kill_after(&self, writer: &str, lifetime: Duration) -> bool {
        let options = ApplyOptions::default();
        let pass = self.apply_as(writer, &options);
        tokio::time::timeout(lifetime, pass).await.is_err()
    }

    /// When each command of a step was sent, with its Comment's end: wave, round and part.
    pub(crate) fn sent(&self) -> Vec<(i64, String)> {
        let sent = self.transport.accepted();
        let sent = sent.iter().map(|sent| {
            let comment = &sent.comment;
            let end = format!("{}.{}-{}", comment.wave, comment.round, comment.part);
            (sent.sent_at.unix() - EPOCH, end)
        });
        sent.collect()
    }

    /// When each ledger commit was made, with its subject.
    pub(crate) fn committed(&self) -> Vec<(i64, String)> {
        let commits = self.ledger.commits();
        let commits = commits
            .into_iter()
            .map(|commit| (commit.at.unix() - EPOCH, commit.subject));
        commits.collect()
    }

    /// A person's word about the environment.
    pub(crate) async fn say(&self, verb: Verb) {
        let said = Statement {
            fleet: fleet_name(),
            environment: environment(),
            verb,
            plan: None,
            rollout: None,
            by: "alice".to_owned(),
            at: self.clock.now(),
        };
        self.ledger.clone().state(&said).await.unwrap();
    }

    /// How often hosts started to deploy a version of a service.
    pub(crate) fn deploys(&self, version: &str) -> usize {
        let history = self.transport.history();
        let deploys = history.iter().filter(
            |action| matches!(&action.kind, HostActionKind::Deploy(v) if v.as_str() == version),
        );
        deploys.count()
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
