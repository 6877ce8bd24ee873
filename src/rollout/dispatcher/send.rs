//! Sending, behind the fence: each instance's next step, those of one round together.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::event::StepProgress;
use crate::model::id::InstanceId;
use crate::model::plan::Action;
use crate::model::report::Outcome;
use crate::model::task::{Comment, HostTask, SentCommand, Work};
use crate::transport::{SendLimits, TransportError};

use super::super::error::DispatchError;
use super::super::state::RolloutEvent;
use super::air::{Air, Carried, FlightPhase};
use super::collect::Ending;
use super::{Dispatcher, GRACE, NOT_AFTER};

/// What was not taken up by a host within two minutes comes back to us; it is sent again then.
pub(super) const DELIVERY: Duration = Duration::from_secs(120);
/// A send that failed for now is tried again after this.
const RETRY: Duration = Duration::from_secs(5);
/// An ambiguous send shows up in the service's list within this.
const VISIBLE: Duration = Duration::from_secs(10);

impl Dispatcher<'_> {
    /// Sends what is due.
    pub(super) async fn send_due(&mut self, air: &mut Air) -> Result<(), DispatchError> {
        let due = air.due(self.controller.clock.monotonic());
        for (round, due) in due {
            let mut tasks = Vec::with_capacity(due.len());
            for at in due {
                match self.step_task(&air.flights[at], air.sequence) {
                    Ok(task) => tasks.push(task),
                    Err(problem) => self.end(air, at, Ending::unsent(Outcome::Refused, &problem)),
                }
            }
            for batch in self.batches(air, tasks)? {
                if self.controller.is_stopping() {
                    return Ok(());
                }
                self.send(air, round, batch).await?;
            }
        }
        Ok(())
    }

    /// Cuts tasks into commands; a host whose task fits into none is refused.
    fn batches(
        &mut self,
        air: &mut Air,
        mut tasks: Vec<HostTask>,
    ) -> Result<Vec<Vec<HostTask>>, DispatchError> {
        loop {
            let error = match self.controller.transport.batches(tasks.clone()) {
                Ok(batches) => return Ok(batches),
                Err(error) => error,
            };
            let named = match &error {
                TransportError::TooLarge { host, .. } | TransportError::Platform { host } => {
                    host.clone()
                }
                _ => return Err(error.into()),
            };
            let Some(position) = tasks.iter().position(|task| task.host == *named) else {
                return Err(error.into());
            };
            let task = tasks.remove(position);
            if let Some(at) = task.work.step().and_then(|step| air.of_step(step)) {
                let message = error.to_string();
                self.end(air, at, Ending::unsent(Outcome::Refused, &message));
            }
        }
    }

    async fn send(
        &mut self,
        air: &mut Air,
        round: u32,
        mut batch: Vec<HostTask>,
    ) -> Result<(), DispatchError> {
        self.check_clock()?;
        let fence = self.ensure_fence(air.wave).await?;
        let mut flights = BTreeMap::new();
        let mut longest = Duration::ZERO;
        for task in &mut batch {
            if let Work::Step(step) = &mut task.work {
                step.not_after = fence.wall + NOT_AFTER;
                if let Some(at) = air.of_step(&step.step) {
                    let flight = &air.flights[at];
                    longest = longest.max(flight.longest);
                    flights.insert(task.instance.clone(), at);
                }
            }
        }
        let comment = self.comment(air, round);
        let limits = SendLimits {
            delivery: DELIVERY,
            // The wait for the host's lock comes on top of seven phases.
            execution: longest + 2 * GRACE,
        };
        let result = self
            .controller
            .transport
            .send(&comment, &batch, limits)
            .await;
        let now = self.controller.clock.monotonic();
        let not_after = fence.monotonic + NOT_AFTER;
        match result {
            Ok(sent) => {
                air.trouble_since = None;
                air.hurry();
                for at in flights.values() {
                    air.flights[*at].own_sends += 1;
                    air.flights[*at].sent(not_after);
                }
                for (instance, why) in sent.rejected {
                    if let Some(at) = flights.remove(&instance) {
                        air.flights[at].outstanding -= 1;
                        self.undelivered(air, at, &why);
                    }
                }
                if let Some(command) = sent.command {
                    self.sent(air, command, &flights);
                }
                Ok(())
            }
            Err(TransportError::Ambiguous { .. }) => {
                for at in flights.values() {
                    let flight = &mut air.flights[*at];
                    flight.own_sends += 1;
                    flight.sent(not_after);
                    flight.outstanding -= 1;
                    let next = (air.begun + GRACE).max(now + VISIBLE);
                    flight.phase = FlightPhase::Looking(next);
                    let why = "no word whether it was sent, looked for";
                    self.emit_waiting(flight.place, why, next, None);
                }
                Ok(())
            }
            Err(error) => {
                for at in flights.values() {
                    air.flights[*at].phase = FlightPhase::Ready(now + RETRY);
                }
                self.trouble(air, error)
            }
        }
    }

    fn sent(&mut self, air: &mut Air, command: SentCommand, flights: &BTreeMap<InstanceId, usize>) {
        for at in flights.values() {
            let place = air.flights[*at].place;
            self.rollout.apply(RolloutEvent::StepSent {
                place,
                command: command.command.clone(),
            });
            self.emit_step(place, StepProgress::Sent);
        }
        carry(air, command, false, flights.clone());
    }

    pub(super) fn comment(&self, air: &mut Air, round: u32) -> Comment {
        Comment {
            environment: self.rollout.record().environment.clone(),
            rollout: self.rollout.id().clone(),
            wave: air.wave,
            round,
            part: air.next_part(round),
        }
    }

    /// The service says that a sending never started. Where it was the only one, that is all there
    /// is to know; else another one may have.
    pub(super) fn undelivered(&mut self, air: &mut Air, at: usize, why: &str) {
        let flight = &mut air.flights[at];
        if !flight.is_sole() {
            if flight.outstanding == 0 {
                let next = flight.not_after + GRACE;
                flight.phase = FlightPhase::Asking(next);
                let until = Some(flight.given_up(next));
                self.emit_waiting(flight.place, "not delivered, asked", next, until);
            }
            return;
        }
        let policy = self.rollout.plan().policy.rollout.offline;
        let defers =
            flight.action != Action::Rollback && policy == crate::model::policy::Offline::Defer;
        let outcome = if defers {
            Outcome::Deferred
        } else {
            Outcome::Untouched
        };
        let mut ending = Ending::unsent(outcome, why);
        ending.listed = true;
        self.end(air, at, ending);
    }
}

/// Watches a command for answers.
pub(super) fn carry(
    air: &mut Air,
    sent: SentCommand,
    asks: bool,
    flights: BTreeMap<InstanceId, usize>,
) {
    air.commands.insert(
        sent.command.clone(),
        Carried {
            sent,
            asks,
            cancelled: false,
            flights,
            answered: std::collections::BTreeSet::new(),
        },
    );
}
