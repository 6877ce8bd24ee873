//! Asking a host what became of a step, and what it has. Asking runs no script but closes what was
//! cut off (protocol §1).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::desired::Platform;
use crate::model::event::EventKind;
use crate::model::id::{EnvironmentName, FleetName, HostName, InstanceId, RolloutId};
use crate::model::report::{CurrentState, Outcome, Report};
use crate::model::task::{AnswerContent, Comment, HostTask, Work};
use crate::transport::{SendLimits, TransportError};

use super::super::controller::Controller;
use super::super::error::DispatchError;
use super::air::{Air, FlightPhase};
use super::collect::Ending;
use super::send::{DELIVERY, carry};
use super::{Dispatcher, GRACE};

/// A host that does not tell within this is unknown (protocol §2).
pub(super) const LONGEST_ANSWER: Duration = Duration::from_secs(120);
/// The asking closes what was cut off, and outside a rollout nobody knows the timeout of that: the
/// deadline's seven phases (protocol §2) at the default of half an hour.
const LONGEST_CLOSING: Duration = Duration::from_secs(7 * 1_800);
/// A question that could not be sent is sent again after this.
const RETRY: Duration = Duration::from_secs(10);

impl Dispatcher<'_> {
    /// Asks the hosts that are due.
    pub(super) async fn ask_due(&mut self, air: &mut Air) -> Result<(), DispatchError> {
        let due = air.questions(self.controller.clock.monotonic());
        if due.is_empty() {
            return Ok(());
        }
        let tasks = due.iter().map(|at| self.ask_task(&air.flights[*at]));
        let batches = self.controller.transport.batches(tasks.collect())?;
        for batch in batches {
            if self.controller.is_stopping() {
                break;
            }
            self.ask(air, &due, batch).await?;
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        air: &mut Air,
        due: &[usize],
        batch: Vec<HostTask>,
    ) -> Result<(), DispatchError> {
        self.check_clock()?;
        self.ensure_fence(air.wave).await?;
        let instances: Vec<&InstanceId> = batch.iter().map(|task| &task.instance).collect();
        let mut flights: BTreeMap<InstanceId, usize> = due
            .iter()
            .map(|at| (air.flights[*at].instance.clone(), *at))
            .filter(|(instance, _)| instances.contains(&instance))
            .collect();
        let longest = flights.values().map(|at| air.flights[*at].longest).max();
        let limits = SendLimits {
            delivery: DELIVERY,
            // What it closes may have to be rolled back and observed first.
            execution: longest.unwrap_or(GRACE) + 2 * GRACE,
        };
        let comment = self.comment(air, 0);
        let result = self
            .controller
            .transport
            .send(&comment, &batch, limits)
            .await;
        let now = self.controller.clock.monotonic();
        // It may have arrived whatever came back.
        for at in flights.values() {
            air.flights[*at].asked = true;
            air.flights[*at].phase = FlightPhase::Asked(now);
        }
        match result {
            Ok(sent) => {
                air.trouble_since = None;
                air.hurry();
                for (instance, _) in sent.rejected {
                    if let Some(at) = flights.remove(&instance) {
                        self.no_answer(air, at);
                    }
                }
                for at in flights.values() {
                    self.emit_asking(air.flights[*at].place, now + LONGEST_ANSWER);
                }
                if let Some(command) = sent.command {
                    carry(air, command, true, flights);
                }
                Ok(())
            }
            Err(error) => {
                for at in flights.into_values() {
                    self.ask_again(air, at, now + RETRY);
                }
                match error {
                    TransportError::Ambiguous { .. } => Ok(()),
                    error => self.trouble(air, error),
                }
            }
        }
    }

    /// Asks later, as long as an answer is worth waiting for.
    pub(super) fn ask_again(&mut self, air: &mut Air, at: usize, when: Duration) {
        let flight = &mut air.flights[at];
        let last = flight
            .deadline
            .unwrap_or(flight.not_after)
            .max(flight.not_after);
        if when <= last.max(air.begun) + LONGEST_ANSWER {
            flight.phase = FlightPhase::Asking(when);
        } else {
            self.give_up(air, at);
        }
    }

    /// The asking brought nothing: before the deadline the step itself may still answer.
    pub(super) fn no_answer(&mut self, air: &mut Air, at: usize) {
        let now = self.controller.clock.monotonic();
        let flight = &mut air.flights[at];
        let last = flight.last_word();
        if now < last {
            flight.phase = FlightPhase::Asking(last);
            let until = Some(flight.given_up(last));
            self.emit_waiting(flight.place, "no answer, asked again", last, until);
        } else {
            self.give_up(air, at);
        }
    }

    fn give_up(&mut self, air: &mut Air, at: usize) {
        let message = match &air.flights[at].garbled {
            Some(why) => format!("its answer is no report: {why}"),
            None => "no answer by the deadline, nor to the asking".to_owned(),
        };
        self.end(air, at, Ending::unsent(Outcome::Unknown, &message));
    }
}

/// A question to a host.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which host.
    pub host: HostName,
    /// Where.
    pub instance: InstanceId,
    /// What runs the runner.
    pub platform: Platform,
    /// What is asked: nothing that takes effect.
    pub work: Work,
}

impl Question {
    /// How long its answer may take besides.
    fn takes(&self) -> Duration {
        match &self.work {
            Work::Observe(task) => task.timeout.duration(),
            _ => Duration::ZERO,
        }
    }
}

/// What hosts told, by the position of their question. What did not answer is not in it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// About steps, and of observations.
    pub steps: BTreeMap<usize, Report>,
    /// About what they have.
    pub current: BTreeMap<usize, Vec<CurrentState>>,
}

/// In words, that hosts are asked.
fn asking(questions: &[Question]) -> String {
    let hosts: BTreeSet<&HostName> = questions.iter().map(|it| &it.host).collect();
    match (hosts.len(), hosts.first()) {
        (1, Some(host)) => format!("asking {host} what it runs"),
        (n, _) => format!("asking {n} hosts what they run"),
    }
}

/// Asks hosts outside a wave: about steps, where their state is unknown and a pass starts, for what
/// they have, or how what they have is doing. No answer within two minutes, and the time that an
/// observation may take, is none.
///
/// # Errors
/// The transport does not work at all.
pub async fn ask_hosts(
    controller: &Controller<'_>,
    fleet: &FleetName,
    environment: &EnvironmentName,
    questions: &[Question],
) -> Result<Asked, DispatchError> {
    let mut asked = Asked::default();
    if questions.is_empty() {
        return Ok(asked);
    }
    controller.emit(
        environment,
        None,
        EventKind::Waiting {
            gates: Vec::new(),
            reason: asking(questions),
        },
    );
    let mut comment = Comment {
        environment: environment.clone(),
        // No rollout of this id is ever recorded: what looks for a wave's commands finds none of these.
        rollout: RolloutId::generate(controller.clock.now(), controller.random.next()),
        wave: 0,
        round: 0,
        part: 0,
    };
    // One question per instance and command, and no second one before its answer: the host's lock.
    let mut rest: Vec<usize> = (0..questions.len()).collect();
    while !rest.is_empty() {
        let mut taken: BTreeMap<&InstanceId, usize> = BTreeMap::new();
        rest.retain(|at| {
            let free = !taken.contains_key(&questions[*at].instance);
            if free {
                taken.insert(&questions[*at].instance, *at);
            }
            !free
        });
        let round: Vec<usize> = taken.into_values().collect();
        ask_round(
            controller,
            fleet,
            questions,
            &round,
            &mut comment,
            &mut asked,
        )
        .await?;
    }
    Ok(asked)
}

async fn ask_round(
    controller: &Controller<'_>,
    fleet: &FleetName,
    questions: &[Question],
    round: &[usize],
    comment: &mut Comment,
    asked: &mut Asked,
) -> Result<(), DispatchError> {
    let environment = comment.environment.clone();
    let task = |question: &Question| HostTask {
        fleet: fleet.clone(),
        environment: environment.clone(),
        host: question.host.clone(),
        instance: question.instance.clone(),
        platform: question.platform,
        work: question.work.clone(),
    };
    let by_instance: BTreeMap<&InstanceId, usize> = round
        .iter()
        .map(|at| (&questions[*at].instance, *at))
        .collect();
    let tasks = round.iter().map(|at| task(&questions[*at])).collect();
    let mut commands = Vec::new();
    for batch in controller.transport.batches(tasks)? {
        comment.part += 1;
        let limits = SendLimits {
            delivery: DELIVERY,
            execution: LONGEST_CLOSING,
        };
        match controller.transport.send(comment, &batch, limits).await {
            Ok(sent) => commands.extend(sent.command),
            Err(TransportError::Ambiguous { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let longest = LONGEST_ANSWER
        + by_instance
            .values()
            .map(|at| questions[*at].takes())
            .max()
            .unwrap_or_default();
    let begun = controller.clock.monotonic();
    let mut pace = Duration::from_millis(300);
    let mut open = by_instance.clone();
    while !open.is_empty() && !commands.is_empty() && !controller.is_stopping() {
        if controller.clock.monotonic().saturating_sub(begun) > longest {
            break;
        }
        controller.sleep(controller.random.jitter(pace)).await;
        pace = pace.mul_f64(1.5).min(Duration::from_secs(5));
        let answers = match controller.transport.poll(&commands).await {
            Ok(answers) => answers,
            Err(error) if error.is_transient() => continue,
            Err(error) => return Err(error.into()),
        };
        for answer in answers {
            let Some(at) = open.remove(&answer.instance) else {
                continue;
            };
            match answer.content {
                AnswerContent::Reports(reports) => {
                    let about = questions[at].work.step();
                    if let Some(report) = reports.into_iter().find(|r| Some(&r.step) == about) {
                        asked.steps.insert(at, report);
                    }
                }
                AnswerContent::Current(current) => {
                    asked.current.insert(at, current);
                }
                _ => {}
            }
        }
    }
    Ok(())
}
