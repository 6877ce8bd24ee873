//! `apply`: one pass that drives what it begins to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::gate;
use crate::model::desired::Environment;
use crate::model::event::EventKind;
use crate::model::id::{EnvironmentName, HostName, InstanceId, PlanId, RolloutId};
use crate::model::ledger::{
    EnvironmentLedger, RolloutLedger, RolloutRecord, RolloutState, WaveRecord,
};
use crate::model::plan::{EnvironmentPlan, Gate, GateKind, HeldReason, RecordedPlan};
use crate::model::policy::{Offline, Policy};
use crate::model::task::Presence;
use crate::plan::{self, DigestTable, Narrow, PlanInput};
use crate::rollout::state::{Rollout, RolloutEvent};
use crate::rollout::{Books, Controller, DesiredState, DispatchError, Dispatcher, Run, absent};

use super::foreign::{self, Waited};
use super::{Pass, PassOutcome, ReconcileError, races, released, retry, unknown};

/// How a pass is made.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Leaves out what does not match.
    pub narrow: Narrow,
    /// The plan that was agreed to: any other one is an error.
    pub expect: Option<PlanId>,
    /// Finishes another controller's wave without waiting for its death.
    pub take_over: bool,
    /// Comes back as held instead of waiting for another controller.
    pub no_wait: bool,
}

/// Reconciles one environment and drives the rollout to its end.
///
/// # Errors
/// Whatever was sent goes on at the hosts; the next pass picks it up.
pub async fn apply(
    controller: &Controller<'_>,
    environment: &EnvironmentName,
    options: &ApplyOptions,
) -> Result<Pass, ReconcileError> {
    let mut attempt = Attempt {
        controller,
        name: environment,
        options,
        asked: false,
        take_over: options.take_over,
        resumed: None,
    };
    let mut races = 0;
    loop {
        match attempt.make().await {
            Ok(Some(pass)) => return Ok(pass),
            Ok(None) => {}
            Err(Failure::Dispatch(DispatchError::LostRace)) if races < races::MOST => {
                races += 1;
                races::pause(controller).await;
            }
            Err(Failure::Dispatch(error)) => {
                return Err(ReconcileError::from_dispatch(error, environment, races + 1));
            }
            Err(Failure::Pass(error)) => return Err(error),
        }
    }
}

/// An environment that is there and valid.
pub(super) fn environment<'a>(
    desired: &'a dyn DesiredState,
    name: &EnvironmentName,
) -> Result<&'a Environment, ReconcileError> {
    let revision = desired.revision().clone();
    if desired.is_invalid(name) {
        return Err(ReconcileError::Invalid {
            environment: name.clone(),
            revision,
        });
    }
    let found = desired.fleet().environments.get(name);
    found.ok_or_else(|| ReconcileError::NoEnvironment {
        environment: name.clone(),
        revision,
    })
}

enum Failure {
    Dispatch(DispatchError),
    Pass(ReconcileError),
}

impl<E: Into<DispatchError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Dispatch(error.into())
    }
}

struct Attempt<'a> {
    controller: &'a Controller<'a>,
    name: &'a EnvironmentName,
    options: &'a ApplyOptions,
    /// Hosts that owe an answer were asked in this pass.
    asked: bool,
    take_over: bool,
    /// An open rollout that this pass brought to a good end, with no plan of its own behind it.
    resumed: Option<RolloutRecord>,
}

/// What there is to do, with everything it is decided on.
struct Planned {
    plan: EnvironmentPlan,
    policy: Policy,
    gates: Vec<Gate>,
    /// Of hosts that were deferred and are back.
    returning: bool,
}

impl Attempt<'_> {
    /// One attempt on a fresh reading; none where something changed and another one is due.
    async fn make(&mut self) -> Result<Option<Pass>, Failure> {
        let controller = self.controller;
        if controller.is_stopping() {
            return Ok(Some(self.pass(PassOutcome::Stopped, None)));
        }
        controller.ledger.fetch().await?;
        let newest = controller.desired.fetched().await?;
        let ledger = controller.ledger.read(self.name).await?;
        if let Some(open) = &ledger.open
            && let Some(wave) = foreign::wave(open, &controller.writer)
            && !self.take_over
        {
            return self.leave_to(open, wave).await;
        }
        let in_flight = ledger
            .open
            .as_ref()
            .is_some_and(|open| open.open_wave().is_some());
        let mut books = Books::open(self.name, &ledger);
        if !in_flight && !self.asked {
            self.asked = true;
            if let Some(wanted) = newest.fleet().environments.get(self.name)
                && unknown::ask(controller, newest.as_ref(), wanted, &ledger, &mut books).await?
            {
                let subject = format!("{}: answers of hosts that owed one", self.name);
                books.commit(controller, None, &|_| subject.clone()).await?;
                return Ok(None);
            }
        }
        match &ledger.open {
            Some(open) if open.record.state != RolloutState::Waiting => {
                self.resume(open.clone(), books, newest.as_ref()).await
            }
            _ => self.begin(ledger, books, newest).await,
        }
    }

    async fn leave_to(
        &mut self,
        open: &RolloutLedger,
        wave: &WaveRecord,
    ) -> Result<Option<Pass>, Failure> {
        if self.options.no_wait {
            let held = PassOutcome::Held {
                reason: foreign::reason(wave),
                gates: Vec::new(),
                rollout: Some(open.record.clone()),
            };
            return Ok(Some(self.pass(held, None)));
        }
        match foreign::wait(self.controller, self.name, open, wave).await? {
            Waited::StoodStill => self.take_over = true,
            Waited::Moved => {}
            Waited::Stopped => return Ok(Some(self.pass(PassOutcome::Stopped, None))),
        }
        Ok(None)
    }

    async fn resume(
        &mut self,
        open: RolloutLedger,
        books: Books,
        newest: &dyn DesiredState,
    ) -> Result<Option<Pass>, Failure> {
        let controller = self.controller;
        let scripts = controller.desired.at(&open.record.revision).await?;
        let fleet = newest.fleet().name.clone();
        let rollout = Rollout::load(open);
        let mut dispatcher = Dispatcher::resume(controller, books, rollout, fleet, scripts)
            .without_waiting(self.options.no_wait);
        let run = dispatcher.run().await;
        self.take_over = false;
        let run = run?;
        let record = dispatcher.rollout().record().clone();
        if run != Run::Ended {
            let gates = dispatcher.rollout().gate().into_iter().collect();
            return Ok(Some(self.pass(outcome(run, record, gates), None)));
        }
        // What a person or a newer revision ended before anything ran makes way at once.
        let made_way = !dispatcher.ran_a_wave
            && matches!(
                record.state,
                RolloutState::Superseded | RolloutState::Failed
            );
        if made_way {
            return Ok(None);
        }
        if record.state == RolloutState::Succeeded {
            self.resumed = Some(record);
            return Ok(None);
        }
        Ok(Some(self.pass(PassOutcome::Ended(record), None)))
    }

    async fn begin(
        &mut self,
        ledger: EnvironmentLedger,
        mut books: Books,
        newest: Arc<dyn DesiredState>,
    ) -> Result<Option<Pass>, Failure> {
        let controller = self.controller;
        let wanted = environment(newest.as_ref(), self.name).map_err(Failure::Pass)?;
        let unsupported = gate::unsupported(wanted);
        if let Some(reason) = gate::closed(&unsupported) {
            // What the manifest means is not all understood, so nothing of it is carried out.
            let held = PassOutcome::Held {
                reason,
                gates: unsupported,
                rollout: None,
            };
            return Ok(Some(self.pass(held, None)));
        }
        let now = controller.clock.now();
        retry::hear(controller, self.name, &mut books).await?;
        released::release(&mut books, wanted, now);
        let ledger = EnvironmentLedger {
            hosts: books.hosts().clone(),
            blocked: books.blocked().clone(),
            ..ledger
        };
        let digests = DigestTable::build(wanted, |host, service, assignment| {
            newest.digests(&wanted.name, host, service, assignment)
        })
        .map_err(|problem| {
            Failure::Pass(ReconcileError::Render {
                environment: self.name.clone(),
                problem,
            })
        })?;
        let mut planned = self.plan(newest.as_ref(), wanted, &ledger, &digests, None);
        let mut returns = false;
        if planned.plan.changes.is_empty() {
            let back = self.returned(wanted, &planned.plan).await?;
            returns = !back.is_empty();
            if returns {
                planned = self.plan(newest.as_ref(), wanted, &ledger, &digests, Some(&back));
            }
        }
        controller.emit(
            self.name,
            None,
            EventKind::Planned {
                plan_id: planned.plan.plan_id.clone(),
                revision: newest.revision().clone(),
                summary: planned.plan.summary,
            },
        );
        if planned.plan.changes.is_empty() {
            return self.nothing(&ledger, books, planned).await;
        }
        // What returns was agreed to when it was deferred.
        if let Some(shown) = self.options.expect.as_ref().filter(|_| !returns)
            && *shown != planned.plan.plan_id
        {
            if let Some(record) = self.resumed.take() {
                return Ok(Some(
                    self.pass(PassOutcome::Ended(record), Some(planned.plan)),
                ));
            }
            return Err(Failure::Pass(ReconcileError::PlanChanged {
                shown: shown.clone(),
                now: planned.plan.plan_id,
            }));
        }
        planned.gates.extend(self.absent(&planned).await?);
        if let Some(reason) = gate::closed(&planned.gates) {
            return self.wait(&ledger, books, planned, &newest, reason).await;
        }
        self.start(&ledger, books, planned, newest).await
    }

    fn plan(
        &self,
        newest: &dyn DesiredState,
        wanted: &Environment,
        ledger: &EnvironmentLedger,
        digests: &DigestTable,
        returning: Option<&BTreeSet<HostName>>,
    ) -> Planned {
        let fleet = newest.fleet();
        let gates = gate::gates(fleet.hold.as_deref(), wanted);
        let (plan, policy) = plan::plan(&PlanInput {
            fleet: &fleet.name,
            fleet_hold: fleet.hold.as_deref(),
            environment: wanted,
            ledger,
            digests,
            gates: &gates,
            now: self.controller.clock.now(),
            narrow: &self.options.narrow,
            returning,
        });
        Planned {
            plan,
            policy,
            gates,
            returning: returning.is_some(),
        }
    }

    /// Deferred hosts that are online again: they go in a rollout of their own.
    async fn returned(
        &self,
        wanted: &Environment,
        plan: &EnvironmentPlan,
    ) -> Result<BTreeSet<HostName>, Failure> {
        let deferred: Vec<(&HostName, &InstanceId)> = plan
            .held
            .iter()
            .filter(|held| held.reason == HeldReason::Deferred)
            .filter_map(|held| Some((&held.host, &wanted.hosts.get(&held.host)?.instance)))
            .collect();
        if deferred.is_empty() {
            return Ok(BTreeSet::new());
        }
        let instances: BTreeSet<&InstanceId> = deferred.iter().map(|(_, id)| *id).collect();
        let instances: Vec<InstanceId> = instances.into_iter().cloned().collect();
        let presence = self.controller.transport.inventory(&instances).await?;
        let is_online = |id: &InstanceId| matches!(presence.get(id), Some(Presence::Online(_)));
        Ok(deferred
            .into_iter()
            .filter(|(_, id)| is_online(id))
            .map(|(host, _)| host.clone())
            .collect())
    }

    /// The gate that `offline: hold` closes where a host of the first wave is not there. Later waves
    /// are looked at when it is their turn.
    async fn absent(&self, planned: &Planned) -> Result<Option<Gate>, Failure> {
        if planned.policy.rollout.offline != Offline::Hold {
            return Ok(None);
        }
        let first = planned.plan.changes.iter().filter(|it| it.wave == 1);
        let hosts: Vec<(&HostName, &InstanceId)> =
            first.map(|it| (&it.host, &it.instance)).collect();
        let instances: BTreeSet<InstanceId> = hosts.iter().map(|(_, id)| (*id).clone()).collect();
        let instances: Vec<InstanceId> = instances.into_iter().collect();
        let presence = self.controller.transport.inventory(&instances).await?;
        let reason = absent(hosts.into_iter(), &presence);
        Ok(reason.map(|reason| Gate {
            kind: GateKind::Offline,
            open: false,
            reason,
        }))
    }

    /// Nothing to roll out: at most a waiting rollout goes and records change.
    async fn nothing(
        &mut self,
        ledger: &EnvironmentLedger,
        mut books: Books,
        planned: Planned,
    ) -> Result<Option<Pass>, Failure> {
        if let Some(waiting) = &ledger.open {
            self.replace(&mut books, waiting, "nothing is left to change");
        }
        self.tidy(&mut books).await?;
        let outcome = match self.resumed.take() {
            Some(record) => PassOutcome::Ended(record),
            None => PassOutcome::Unchanged,
        };
        Ok(Some(self.pass(outcome, Some(planned.plan))))
    }

    /// Commits what changed besides rollouts.
    async fn tidy(&self, books: &mut Books) -> Result<(), DispatchError> {
        let subject = format!("{}: what changed besides rollouts", self.name);
        books
            .commit(self.controller, None, &|_| subject.clone())
            .await
            .map(|_| ())
    }

    /// A gate is closed before the first wave: the rollout is recorded as waiting, once.
    async fn wait(
        &mut self,
        ledger: &EnvironmentLedger,
        mut books: Books,
        planned: Planned,
        newest: &Arc<dyn DesiredState>,
        reason: String,
    ) -> Result<Option<Pass>, Failure> {
        let controller = self.controller;
        let same = ledger
            .open
            .as_ref()
            .filter(|open| open.record.plan_id == planned.plan.plan_id);
        let mut rollout = None;
        if let Some(open) = same {
            rollout = Some(open.record.clone());
            self.tidy(&mut books).await?;
        } else if self.options.narrow.is_everything() {
            if let Some(open) = &ledger.open {
                self.replace(&mut books, open, "the plan changed");
            }
            let mut waiting = self.rollout(&planned, newest.as_ref());
            waiting.apply(RolloutEvent::Stands {
                state: RolloutState::Waiting,
                reason: reason.clone(),
                at: controller.clock.now(),
            });
            books.record_mut().open = Some(waiting.id().clone());
            let subject = format!("{}: waits: {reason}", self.name);
            books
                .commit(controller, Some(&mut waiting), &|_| subject.clone())
                .await?;
            rollout = Some(waiting.record().clone());
        }
        controller.emit(
            self.name,
            rollout.as_ref().map(|record| &record.id),
            EventKind::Waiting {
                gates: planned.gates.clone(),
                reason: reason.clone(),
            },
        );
        let held = PassOutcome::Held {
            reason,
            gates: planned.gates,
            rollout,
        };
        Ok(Some(self.pass(held, Some(planned.plan))))
    }

    async fn start(
        &mut self,
        ledger: &EnvironmentLedger,
        mut books: Books,
        mut planned: Planned,
        newest: Arc<dyn DesiredState>,
    ) -> Result<Option<Pass>, Failure> {
        if let Some(waiting) = &ledger.open {
            self.replace(
                &mut books,
                waiting,
                "its gate is open, and the plan is another one",
            );
        }
        let rollout = self.rollout(&planned, newest.as_ref());
        let mut dispatcher = Dispatcher::begin(self.controller, books, rollout, newest)
            .without_waiting(self.options.no_wait);
        let run = dispatcher.run().await?;
        let record = dispatcher.rollout().record().clone();
        if run == Run::AllOffline {
            let mut books = dispatcher.books().clone();
            self.tidy(&mut books).await?;
        }
        planned.gates.extend(dispatcher.rollout().gate());
        let outcome = outcome(run, record, planned.gates);
        Ok(Some(self.pass(outcome, Some(planned.plan))))
    }

    fn rollout(&self, planned: &Planned, newest: &dyn DesiredState) -> Rollout {
        let now = self.controller.clock.now();
        let id = RolloutId::generate(now, self.controller.random.next());
        let plan = RecordedPlan {
            plan: planned.plan.clone(),
            revision: newest.revision().clone(),
            policy: planned.policy.clone(),
            returning: planned.returning,
        };
        Rollout::new(id, plan, now)
    }

    /// A waiting rollout makes way.
    fn replace(&self, books: &mut Books, waiting: &RolloutLedger, reason: &str) {
        let mut rollout = Rollout::load(waiting.clone());
        rollout.apply(RolloutEvent::Stands {
            state: RolloutState::Superseded,
            reason: reason.to_owned(),
            at: self.controller.clock.now(),
        });
        books.close_rollout(rollout.record().clone());
    }

    fn pass(&self, outcome: PassOutcome, plan: Option<EnvironmentPlan>) -> Pass {
        Pass { outcome, plan }
    }
}

fn outcome(run: Run, record: RolloutRecord, gates: Vec<Gate>) -> PassOutcome {
    match run {
        Run::Ended => PassOutcome::Ended(record),
        Run::Paused => PassOutcome::Paused(record),
        Run::Held(reason) => PassOutcome::Held {
            reason,
            gates,
            rollout: Some(record),
        },
        Run::AllOffline => PassOutcome::AllOffline,
        Run::Stopped => PassOutcome::Stopped,
    }
}
