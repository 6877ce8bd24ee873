//! Collecting: what answers mean, and what the end of a step changes in the books.

use crate::model::event::StepProgress;
use crate::model::id::{CommandId, Revision, RolloutId, StepId};
use crate::model::ledger::{UntouchedHost, UntouchedKind};
use crate::model::plan::{Action, Change};
use crate::model::report::{Outcome, Report, ReportOutcome};
use crate::model::task::{Answer, AnswerContent};

use super::super::error::DispatchError;
use super::super::state::{
    EndedStep, Place, RolloutEvent, is_good, service_record, untouched_entry,
};
use super::air::{Air, FlightPhase};
use super::{Dispatcher, GRACE};

/// A busy host is sent its step again after this; its lock is waited for a minute there.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// How a step ended.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) report: Option<Report>,
    pub(super) message: String,
    pub(super) command: Option<CommandId>,
    /// Its host is left alone for a while.
    pub(super) listed: bool,
}

impl Ending {
    /// Of a step that nothing was sent of.
    pub(super) fn unsent(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            report: None,
            message: message.to_owned(),
            command: None,
            listed: matches!(outcome, Outcome::Refused | Outcome::Deferred),
        }
    }

    fn reported(outcome: Outcome, report: Report, command: &CommandId) -> Self {
        Self {
            outcome,
            message: report.message.clone(),
            report: Some(report),
            command: Some(command.clone()),
            listed: matches!(outcome, Outcome::Refused | Outcome::Untouched),
        }
    }
}

impl Dispatcher<'_> {
    /// Takes the answers that are there.
    pub(super) async fn collect(&mut self, air: &mut Air) -> Result<(), DispatchError> {
        let commands = air.unanswered();
        if commands.is_empty() {
            return Ok(());
        }
        let answers = match self.controller.transport.poll(&commands).await {
            Ok(answers) => answers,
            Err(error) => return self.trouble(air, error),
        };
        air.trouble_since = None;
        for answer in answers {
            let Some(carried) = air.commands.get_mut(&answer.command) else {
                continue;
            };
            let Some(at) = carried.flights.get(&answer.instance).copied() else {
                continue;
            };
            if !carried.answered.insert(answer.instance.clone()) || air.flights[at].is_over() {
                continue;
            }
            let (asks, cancelled) = (carried.asks, carried.cancelled);
            let failed = if asks {
                self.told(air, at, answer)
            } else {
                air.flights[at].cancelled |=
                    cancelled && matches!(answer.content, AnswerContent::Lost(_));
                self.answered(air, at, answer)
            };
            if let Some((command, tail)) = failed {
                self.keep_log(air, at, &command, &tail).await;
            }
        }
        Ok(())
    }

    /// The answer to a sending. Gives the command whose output is worth keeping.
    fn answered(
        &mut self,
        air: &mut Air,
        at: usize,
        answer: Answer,
    ) -> Option<(CommandId, String)> {
        let now = self.controller.clock.monotonic();
        let flight = &mut air.flights[at];
        flight.outstanding = flight.outstanding.saturating_sub(1);
        let report = match answer.content {
            AnswerContent::Reports(reports) => valid(reports, flight.action, &flight.step),
            AnswerContent::Undelivered(why) => {
                self.undelivered(air, at, &why);
                return None;
            }
            AnswerContent::Garbled(why) => {
                flight.garbled = Some(why);
                None
            }
            AnswerContent::Lost(_) | AnswerContent::Current(_) => None,
        };
        let Some(report) = report else {
            flight.phase = FlightPhase::Asking(now);
            return None;
        };
        let outcome = match report.outcome {
            ReportOutcome::Busy => {
                let again = !flight.asked && flight.patience.is_some_and(|until| now < until);
                flight.phase = if again {
                    FlightPhase::Ready(now + self.controller.random.jitter(BUSY))
                } else {
                    FlightPhase::Asking(now)
                };
                return None;
            }
            ReportOutcome::Refused if !flight.is_sole() => {
                // Another sending of it may still start. Its receipt, if it left one, decides.
                flight.phase = FlightPhase::Asking(now);
                return None;
            }
            ReportOutcome::Refused => Outcome::Refused,
            ReportOutcome::Succeeded => Outcome::Succeeded,
            ReportOutcome::RolledBack => Outcome::RolledBack,
            ReportOutcome::Superseded => Outcome::Superseded,
            ReportOutcome::Failed => Outcome::Failed,
            ReportOutcome::Untouched => {
                flight.phase = FlightPhase::Asking(now);
                return None;
            }
        };
        let tail = report.tail.clone();
        let worth = !is_good(flight.action, outcome);
        self.end(air, at, Ending::reported(outcome, report, &answer.command));
        worth.then_some((answer.command, tail))
    }

    /// The answer to the asking.
    fn told(&mut self, air: &mut Air, at: usize, answer: Answer) -> Option<(CommandId, String)> {
        let now = self.controller.clock.monotonic();
        let flight = &mut air.flights[at];
        let report = match answer.content {
            AnswerContent::Reports(reports) => valid(reports, flight.action, &flight.step),
            AnswerContent::Garbled(why) => {
                flight.garbled = Some(why);
                None
            }
            _ => None,
        };
        let Some(report) = report else {
            self.no_answer(air, at);
            return None;
        };
        let outcome = match report.outcome {
            ReportOutcome::Busy => {
                self.ask_again(air, at, now + self.controller.random.jitter(BUSY * 2));
                return None;
            }
            ReportOutcome::Untouched if now <= flight.not_after + GRACE => {
                // A sending of it may still start.
                let next = flight.not_after + GRACE + BUSY;
                flight.phase = FlightPhase::Asking(next);
                let until = Some(flight.given_up(next));
                self.emit_waiting(flight.place, "not started so far, asked again", next, until);
                return None;
            }
            ReportOutcome::Untouched => Outcome::Untouched,
            ReportOutcome::Succeeded => Outcome::Succeeded,
            ReportOutcome::RolledBack => Outcome::RolledBack,
            ReportOutcome::Refused => Outcome::Refused,
            ReportOutcome::Superseded => Outcome::Superseded,
            ReportOutcome::Failed => Outcome::Failed,
        };
        let tail = report.tail.clone();
        let mut ending = Ending::reported(outcome, report, &answer.command);
        if outcome == Outcome::Untouched {
            let aborted = self.rollout.is_aborted();
            let never = match aborted {
                true => "aborted before it started",
                false => "the host never started it",
            };
            never.clone_into(&mut ending.message);
            // It is for a person to try it again, at once.
            ending.listed &= !aborted;
        }
        self.end(air, at, ending);
        (!tail.is_empty()).then_some((answer.command, tail))
    }

    /// The end of a step: the state machine, the host's record and what is not tried again yet.
    pub(super) fn end(&mut self, air: &mut Air, at: usize, ending: Ending) {
        air.over(at, ending.outcome, self.controller.clock.monotonic());
        let flight = &air.flights[at];
        self.close(flight.place, &ending);
        let sequence = ending.report.as_ref().and_then(|report| report.sequence);
        if let (Outcome::Superseded, Some(named)) = (ending.outcome, sequence) {
            let books = self.books.record_mut();
            books.sequence = books.sequence.max(named);
        }
        self.emit_step(flight.place, StepProgress::Over(ending.outcome));
    }

    fn close(&mut self, place: Place, ending: &Ending) {
        let report = ending.report.as_ref();
        self.rollout.apply(RolloutEvent::StepEnded {
            place,
            outcome: ending.outcome,
            version: report.and_then(|report| report.version.clone()),
            message: ending.message.chars().take(200).collect(),
            seconds: report.map(|report| report.seconds),
        });
        let Some((action, change)) = self.stepped(place) else {
            return;
        };
        let digests = self.digests(&change.host, &change.service);
        let (rollout, revision) = self.coordinates();
        let ended = EndedStep {
            action,
            change: &change,
            outcome: ending.outcome,
            report,
            message: &ending.message,
            digests: digests.as_ref(),
            rollout: &rollout,
            revision: &revision,
            command: ending.command.as_ref(),
            at: self.controller.clock.now(),
        };
        let after = service_record(self.books.service(&change), &ended);
        if let Some(after) = after {
            self.books.take(&change, after);
            let untouched = &mut self.books.blocked_mut().untouched;
            untouched.retain(|e| e.host != change.host || e.service != change.service);
        }
        if ending.listed {
            let kind = match ending.outcome {
                Outcome::Deferred => UntouchedKind::Deferred,
                _ => UntouchedKind::Refused,
            };
            self.list_untouched(&ended, kind);
        }
    }

    /// Lists a step that an intent already closed.
    pub(super) fn note_untouched(&mut self, place: Place, outcome: Outcome, kind: UntouchedKind) {
        let Some((action, change)) = self.stepped(place) else {
            return;
        };
        let message = self
            .rollout
            .wave(place.wave)
            .and_then(|wave| wave.steps.get(place.index))
            .map(|step| step.message.clone())
            .unwrap_or_default();
        let digests = self.digests(&change.host, &change.service);
        let (rollout, revision) = self.coordinates();
        let ended = EndedStep {
            action,
            change: &change,
            outcome,
            report: None,
            message: &message,
            digests: digests.as_ref(),
            rollout: &rollout,
            revision: &revision,
            command: None,
            at: self.controller.clock.now(),
        };
        self.list_untouched(&ended, kind);
    }

    fn list_untouched(&mut self, ended: &EndedStep<'_>, kind: UntouchedKind) {
        // What could not go back keeps the version that it has; there is nothing to try again.
        if ended.action == Action::Rollback {
            return;
        }
        let untouched = &mut self.books.blocked_mut().untouched;
        let same =
            |e: &UntouchedHost| e.host == ended.change.host && e.service == ended.change.service;
        let position = untouched.iter().position(same);
        let before = position.map(|position| untouched.remove(position));
        if let Some(entry) = untouched_entry(before.as_ref(), ended, kind) {
            untouched.push(entry);
            untouched.sort_by(|a, b| (&a.host, &a.service).cmp(&(&b.host, &b.service)));
        }
    }

    fn coordinates(&self) -> (RolloutId, Revision) {
        let record = self.rollout.record();
        (record.id.clone(), record.revision.clone())
    }

    fn stepped(&self, place: Place) -> Option<(Action, Change)> {
        let step = self.rollout.wave(place.wave)?.steps.get(place.index)?;
        let change = self.rollout.change(&step.host, &step.service)?;
        Some((step.action, change.clone()))
    }

    async fn keep_log(&self, air: &Air, at: usize, command: &CommandId, tail: &str) {
        let flight = &air.flights[at];
        let output = self
            .controller
            .transport
            .output(command, &flight.instance)
            .await
            .unwrap_or_default();
        let text = if output.trim().is_empty() {
            tail
        } else {
            &output
        };
        if !text.trim().is_empty() {
            self.controller
                .logs
                .keep(self.rollout.id(), &flight.host, &flight.service, text);
        }
    }
}

/// The report of this step, if it can be one: a success is no outcome of going back.
fn valid(reports: Vec<Report>, action: Action, step: &StepId) -> Option<Report> {
    reports.into_iter().find(|report| {
        report.step == *step
            && !(action == Action::Rollback && report.outcome == ReportOutcome::Succeeded)
    })
}
