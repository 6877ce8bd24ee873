//! The one dispatcher: it owns a rollout's state, records every intent before anything is sent,
//! sends, collects, and records outcomes (protocol §2). Nothing else in the crate sends.
//!
//! One loop, one writer: answers, timers and people's words become events of the state machine in
//! the order in which they are seen, and the state machine decides.

mod air;
mod ask;
mod books;
mod boundary;
mod cancel;
mod collect;
mod fly;
mod observe;
mod recover;
mod send;
mod soak;
mod statements;
mod subject;
mod task;
mod tell;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::event::EventKind;
use crate::model::id::{FleetName, HostName, ServiceName};
use crate::model::ledger::{RolloutState, StepRecord, WaveKind, WaveRecord};
use crate::model::observed::ServiceState;
use crate::model::report::Outcome;

use super::controller::Controller;
use super::desired::DesiredState;
use super::error::DispatchError;
use super::state::{BackStep, BlockInput, Decision, Rollout, RolloutEvent, is_good, own_blocks};

pub use ask::{Asked, Question, ask_hosts};
pub use books::{Books, Moment};
use boundary::Boundary;
pub(crate) use boundary::absent;
pub(crate) use observe::judge;
pub use observe::{Health, Look, Subject, look_at_hosts, observe_hosts};

/// A controller sends only so long after the begin of its own last accepted push.
const FENCE: Duration = Duration::from_secs(6 * 60);
/// A host refuses a step that it sees later than this after that moment.
const NOT_AFTER: Duration = Duration::from_secs(10 * 60);
/// A running wave is committed at least so often.
const HEARTBEAT: Duration = Duration::from_secs(5 * 60);
/// For clocks of hosts that differ, and what protocol §2 adds to deadlines.
const GRACE: Duration = Duration::from_secs(60);
/// The longest difference to the service's clock under which a controller acts.
const LARGEST_SKEW: i64 = 60;

/// How a dispatcher came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// The rollout is over.
    Ended,
    /// The line stopped on failures.
    Paused,
    /// A gate closed at a wave boundary.
    Held(String),
    /// Every host was offline and deferrable: nothing was recorded.
    AllOffline,
    /// It was told to leave; a wave may be open.
    Stopped,
}

/// Drives one rollout.
pub struct Dispatcher<'a> {
    controller: &'a Controller<'a>,
    fleet: FleetName,
    rollout: Rollout,
    books: Books,
    scripts: Option<Arc<dyn DesiredState>>,
    /// The begin of our own last accepted push.
    fence: Option<Moment>,
    /// Nothing of it is in the ledger.
    is_new: bool,
    /// A wave of which the outcomes are not in the ledger yet.
    unannounced: Option<u32>,
    /// It ran a wave itself.
    pub(crate) ran_a_wave: bool,
    /// Leaves a soak to whoever comes when it is over.
    no_wait: bool,
}

impl<'a> Dispatcher<'a> {
    /// A dispatcher of a rollout that nothing is recorded of.
    pub fn begin(
        controller: &'a Controller<'a>,
        books: Books,
        rollout: Rollout,
        scripts: Arc<dyn DesiredState>,
    ) -> Self {
        Self {
            is_new: true,
            fleet: scripts.fleet().name.clone(),
            ..Self::resume(
                controller,
                books,
                rollout,
                FleetName::new(""),
                Some(scripts),
            )
        }
    }

    /// A dispatcher of a rollout that the ledger records. Without scripts, because the recorded
    /// revision is gone, hosts are only asked.
    pub fn resume(
        controller: &'a Controller<'a>,
        books: Books,
        rollout: Rollout,
        fleet: FleetName,
        scripts: Option<Arc<dyn DesiredState>>,
    ) -> Self {
        Self {
            controller,
            fleet: scripts
                .as_ref()
                .map_or(fleet, |scripts| scripts.fleet().name.clone()),
            rollout,
            books,
            scripts,
            fence: None,
            is_new: false,
            unannounced: None,
            ran_a_wave: false,
            no_wait: false,
        }
    }

    /// Comes back as held where a soak has begun, instead of waiting for its end.
    #[must_use]
    pub fn without_waiting(mut self, no_wait: bool) -> Self {
        self.no_wait = no_wait;
        self
    }

    /// The rollout as far as it got.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// The environment's records as far as they got.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Drives the rollout until it is over, stops, or must not go on.
    ///
    /// # Errors
    /// Whatever was sent goes on at the hosts; outcomes that are not in the ledger are found again
    /// by the next start.
    pub async fn run(&mut self) -> Result<Run, DispatchError> {
        if !self.is_new {
            self.started(true);
            if self.scripts.is_none() {
                self.rollout.apply(RolloutEvent::RevisionGone);
            }
        }
        let mut resumed = true;
        loop {
            if self.controller.is_stopping() {
                self.record().await?;
                return Ok(Run::Stopped);
            }
            if !self.is_new && self.rollout.open_wave().is_none() {
                self.hear().await?;
            }
            if self.rollout.record().state.is_over() {
                return self.over().await;
            }
            let back = match self.rollout.decide() {
                Decision::Await(wave) => self.fly(wave, resumed).await?,
                Decision::Forward(wave) => self.forward(wave).await?,
                Decision::Soak => self.soak().await?,
                Decision::Back(steps) => self.back(&steps).await?,
                Decision::Hold(gate) => Some(self.hold(gate.reason).await?),
                Decision::Pause => Some(self.pause().await?),
                Decision::End(state, reason) => {
                    self.stand(state, reason);
                    None
                }
            };
            resumed = false;
            if let Some(back) = back {
                return Ok(back);
            }
        }
    }

    async fn forward(&mut self, wave: u32) -> Result<Option<Run>, DispatchError> {
        let prepared = match self.prepare(wave).await {
            Ok(prepared) => prepared,
            // Outcomes first: what stops the next wave must not lose the last one's.
            Err(error) => {
                if !self.is_new {
                    self.record().await?;
                }
                return Err(error);
            }
        };
        match prepared {
            Boundary::Go(record) => self.intend(record).await,
            Boundary::PassOver(record) => {
                self.books.record_mut().sequence = record.sequence;
                self.rollout.apply(RolloutEvent::Intended(record));
                Ok(None)
            }
            Boundary::AllOffline => Ok(Some(Run::AllOffline)),
            Boundary::Superseded(reason) => {
                self.stand(RolloutState::Superseded, reason);
                Ok(None)
            }
            Boundary::Gone => {
                self.rollout.apply(RolloutEvent::RevisionGone);
                Ok(None)
            }
            Boundary::Hold(reason) => {
                self.stand(RolloutState::Paused, reason.clone());
                self.record().await?;
                self.emit(EventKind::Paused {
                    reason: reason.clone(),
                });
                Ok(Some(Run::Held(reason)))
            }
        }
    }

    async fn back(&mut self, steps: &[BackStep]) -> Result<Option<Run>, DispatchError> {
        let record = match self.prepare_back(steps).await {
            Ok(record) => record,
            Err(error) => {
                self.record().await?;
                return Err(error);
            }
        };
        let first = !self
            .rollout
            .waves()
            .iter()
            .any(|wave| wave.kind == WaveKind::Rollback);
        let reason = self.rollout.failure_reason();
        let hosts = record.steps.iter().map(|step| step.host.clone());
        let mut hosts: Vec<HostName> = hosts.collect();
        hosts.dedup();
        if first {
            self.emit(EventKind::RollingBack { reason, hosts });
        }
        self.intend(record).await
    }

    /// Commits a wave's intent, together with the outcomes of the one before.
    async fn intend(&mut self, record: WaveRecord) -> Result<Option<Run>, DispatchError> {
        let wave = record.wave;
        let books = self.books.record_mut();
        books.sequence = record.sequence;
        books.open = Some(self.rollout.id().clone());
        self.rollout.apply(RolloutEvent::Intended(record));
        self.stand(RolloutState::Running, String::new());
        self.note_absent(wave);
        let was_new = self.is_new;
        self.record().await?;
        self.is_new = false;
        if was_new {
            self.started(false);
        }
        self.wave_started(wave, false);
        self.ran_a_wave = true;
        self.announce_absent(wave);
        if self
            .rollout
            .wave(wave)
            .is_some_and(|record| !record.is_open())
        {
            self.unannounced = Some(wave);
            self.announce();
        }
        Ok(None)
    }

    /// The rollout itself waits for a person. A newer revision ends such a rollout at once.
    async fn hold(&mut self, reason: String) -> Result<Run, DispatchError> {
        if let Some(why) = self.superseded().await? {
            self.stand(RolloutState::Superseded, why);
            return self.over().await;
        }
        self.stand(RolloutState::Paused, reason.clone());
        if self.record().await? {
            self.emit(EventKind::Paused {
                reason: reason.clone(),
            });
        }
        Ok(Run::Held(reason))
    }

    /// The line stopped with waves left. A newer revision ends such a rollout at once.
    async fn pause(&mut self) -> Result<Run, DispatchError> {
        let reason = self.rollout.failure_reason_by_now(&|step| self.late(step));
        self.stand(RolloutState::Paused, reason.clone());
        self.settle_blocks();
        let recorded = self.record().await?;
        if let Some(why) = self.superseded().await? {
            self.stand(RolloutState::Superseded, why);
            return self.over().await;
        }
        if recorded {
            self.emit(EventKind::Paused { reason });
        }
        Ok(Run::Paused)
    }

    /// What came of a step whose host answered only after it had been given up.
    fn late(&self, step: &StepRecord) -> Option<String> {
        let change = self.rollout.change(&step.host, &step.service)?;
        let record = self.books.service(change);
        let runs = match record.map(|it| (it.state, &it.version)) {
            Some((ServiceState::Unknown, _)) => return None,
            Some((ServiceState::Failed, _)) => return Some("failed, as it said later".to_owned()),
            Some((_, Some(version))) => version.as_str(),
            _ => "nothing",
        };
        Some(format!("answered too late: {runs} runs"))
    }

    async fn over(&mut self) -> Result<Run, DispatchError> {
        self.books.record_mut().open = None;
        self.record().await?;
        let record = self.rollout.record();
        self.emit(EventKind::Ended {
            state: record.state,
            reason: record.reason.clone(),
        });
        Ok(Run::Ended)
    }

    fn stand(&mut self, state: RolloutState, reason: String) {
        let at = self.controller.clock.now();
        self.rollout
            .apply(RolloutEvent::Stands { state, reason, at });
    }

    /// Commits what is not in the ledger yet; whether there was anything.
    async fn record(&mut self) -> Result<bool, DispatchError> {
        let begun = self
            .books
            .commit(self.controller, Some(&mut self.rollout), &|rollout| {
                rollout.map(subject::of).unwrap_or_default()
            })
            .await?;
        if begun.is_some() {
            self.fence = begun;
        }
        self.announce();
        Ok(begun.is_some())
    }

    /// Commits a sign of life, and with it everything that came in.
    async fn progress(&mut self, wave: u32) -> Result<(), DispatchError> {
        let mut at = self.controller.clock.now();
        let last = self.rollout.wave(wave).and_then(|wave| wave.progress_at);
        if last == Some(at) {
            // What says nothing new is no commit, and only a commit renews the fence.
            at = at + Duration::from_secs(1);
        }
        self.rollout.apply(RolloutEvent::Progressed {
            wave,
            writer: self.controller.writer.clone(),
            at,
        });
        self.record().await.map(|_| ())
    }

    /// Works the blocks of this rollout out anew.
    fn settle_blocks(&mut self) {
        let scripts = self.scripts.clone();
        let environment = self.rollout.record().environment.clone();
        let digests = |host: &HostName, service: &ServiceName| {
            let scripts = scripts.as_deref()?;
            let environment = scripts.fleet().environments.get(&environment)?;
            let (host, assignment) = environment.assignment(host, service)?;
            scripts
                .digests(&environment.name, host, service, assignment)
                .ok()
        };
        let own = own_blocks(
            &self.rollout,
            &BlockInput {
                digests: &digests,
                at: self.controller.clock.now(),
                standing: &self.books.blocked().blocks,
            },
        );
        let id = self.rollout.id().clone();
        let rollout = &self.rollout;
        let blocks = &mut self.books.blocked_mut().blocks;
        blocks.retain(|block| block.rollout != id || rollout.came_late(block));
        blocks.extend(own);
    }

    fn emit(&self, kind: EventKind) {
        self.controller.emit(
            &self.rollout.record().environment,
            Some(self.rollout.id()),
            kind,
        );
    }

    fn started(&self, resumed: bool) {
        let record = self.rollout.record();
        self.emit(EventKind::Started {
            plan_id: record.plan_id.clone(),
            revision: record.revision.clone(),
            total: record.total,
            resumed,
        });
    }

    /// Of a wave that is taken up only what has no outcome yet.
    fn wave_started(&self, number: u32, resumed: bool) {
        let Some(wave) = self.rollout.wave(number) else {
            return;
        };
        let steps = wave.steps.iter();
        let mut hosts: Vec<HostName> = steps
            .filter(|step| !resumed || step.outcome.is_none())
            .map(|step| step.host.clone())
            .collect();
        let steps = hosts.len();
        hosts.dedup();
        self.emit(EventKind::WaveStarted {
            wave: number,
            direction: wave.kind,
            hosts,
            steps,
        });
    }

    /// A wave's end is told once it is recorded.
    fn announce(&mut self) {
        let Some(number) = self.unannounced.take() else {
            return;
        };
        let Some(wave) = self.rollout.wave(number) else {
            return;
        };
        let mut hosts: BTreeMap<&HostName, (bool, bool)> = BTreeMap::new();
        for step in &wave.steps {
            let (failed, left) = hosts.entry(&step.host).or_default();
            match step.outcome {
                Some(outcome) if is_good(step.action, outcome) => {}
                Some(Outcome::Deferred | Outcome::Superseded) => *left = true,
                _ => *failed = true,
            }
        }
        let failed = hosts.values().filter(|(failed, _)| *failed).count();
        let deferred = hosts.values().filter(|(failed, left)| *left && !failed);
        let deferred = deferred.count();
        self.emit(EventKind::WaveDone {
            wave: number,
            direction: wave.kind,
            succeeded: hosts.len() - failed - deferred,
            failed,
            deferred,
        });
    }
}
