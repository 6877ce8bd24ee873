//! A wave in the air: what is known of each of its steps between intent and outcome. Nothing of it
//! is recorded; a restart finds it again by Comment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::model::id::{CommandId, HostName, InstanceId, ServiceName, StepId};
use crate::model::ledger::WaveRecord;
use crate::model::plan::Action;
use crate::model::report::Outcome;
use crate::model::task::SentCommand;
use crate::model::time::Timestamp;

use super::super::state::Place;

/// The first poll of a round comes so soon after its send: most sandbox steps are over by then.
const FIRST_POLL: Duration = Duration::from_millis(300);
/// Polls get rarer up to this: one ListCommands call every five seconds is no load.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// One step of the wave. All times are on the monotonic clock.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) place: Place,
    pub(super) host: HostName,
    pub(super) instance: InstanceId,
    pub(super) service: ServiceName,
    pub(super) action: Action,
    pub(super) step: StepId,
    pub(super) round: u32,
    /// 7 × the longest time of a phase.
    pub(super) longest: Duration,
    pub(super) phase: FlightPhase,
    /// How often this process sent it.
    pub(super) own_sends: u32,
    /// Another process may have sent it.
    pub(super) foreign: bool,
    /// Its host was asked about it: it is not sent again.
    pub(super) asked: bool,
    /// The latest moment at which a sending of it may still start.
    pub(super) not_after: Duration,
    /// When its host is asked at the latest.
    pub(super) deadline: Option<Duration>,
    /// Until when `busy` means sending again.
    pub(super) patience: Option<Duration>,
    /// Sendings without an answer.
    pub(super) outstanding: u32,
    /// Why an answer that came was no report.
    pub(super) garbled: Option<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlightPhase {
    /// To be sent in its round, not before then.
    Ready(Duration),
    /// It may have been sent: looked for at this time.
    Looking(Duration),
    /// Sent.
    Waiting,
    /// Its host is to be asked, not before then.
    Asking(Duration),
    /// Its host was asked then.
    Asked(Duration),
    /// It has this outcome.
    Over(Outcome),
}

/// A command with answers to come.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) sent: SentCommand,
    /// It asks about steps instead of sending them.
    pub(super) asks: bool,
    /// Which step each instance got.
    pub(super) flights: BTreeMap<InstanceId, usize>,
    pub(super) answered: BTreeSet<InstanceId>,
}

/// The wave.
#[derive(Debug)]
pub(super) struct Air {
    pub(super) wave: u32,
    pub(super) sequence: u64,
    pub(super) intent_at: Timestamp,
    /// When this process took it up.
    pub(super) begun: Duration,
    pub(super) flights: Vec<Flight>,
    by_step: HashMap<StepId, usize>,
    pub(super) commands: BTreeMap<CommandId, Carried>,
    /// The last part number used, by round.
    pub(super) parts: BTreeMap<u32, u32>,
    /// Until the next poll.
    pub(super) pace: Duration,
    /// When people's words are looked for again.
    pub(super) listen_at: Duration,
    /// Since when nothing reaches the service.
    pub(super) trouble_since: Option<Duration>,
}

impl Air {
    pub(super) fn new(
        record: &WaveRecord,
        now: Duration,
        longest: impl Fn(&HostName, &ServiceName) -> Duration,
    ) -> Self {
        let flights = record.steps.iter().enumerate().map(|(index, step)| Flight {
            place: Place {
                wave: record.wave,
                index,
            },
            host: step.host.clone(),
            instance: step.instance.clone(),
            service: step.service.clone(),
            action: step.action,
            step: step.step.clone(),
            round: step.round,
            longest: longest(&step.host, &step.service),
            phase: step
                .outcome
                .map_or(FlightPhase::Ready(now), FlightPhase::Over),
            own_sends: 0,
            foreign: false,
            asked: false,
            garbled: None,
            not_after: now,
            deadline: None,
            patience: None,
            outstanding: 0,
        });
        let steps = record.steps.iter().enumerate();
        Self {
            by_step: steps.map(|(at, step)| (step.step.clone(), at)).collect(),
            wave: record.wave,
            sequence: record.sequence,
            intent_at: record.intent_at,
            begun: now,
            flights: flights.collect(),
            commands: BTreeMap::new(),
            parts: BTreeMap::new(),
            pace: FIRST_POLL,
            listen_at: now,
            trouble_since: None,
        }
    }

    /// The step of a task.
    pub(super) fn of_step(&self, step: &StepId) -> Option<usize> {
        self.by_step.get(step).copied()
    }

    /// The lowest round with a step that is not over: one step per instance at a time.
    pub(super) fn round(&self) -> Option<u32> {
        self.open().map(|(_, flight)| flight.round).min()
    }

    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Flight)> {
        self.flights
            .iter()
            .enumerate()
            .filter(|(_, flight)| !flight.is_over())
    }

    /// Steps of the round that are due to be sent.
    pub(super) fn due(&self, now: Duration) -> Vec<usize> {
        self.in_round(|flight| matches!(flight.phase, FlightPhase::Ready(at) if at <= now))
    }

    /// Steps whose hosts are due to be asked. Only the round's: an instance is asked one thing at a time.
    pub(super) fn questions(&self, now: Duration) -> Vec<usize> {
        self.in_round(|flight| matches!(flight.phase, FlightPhase::Asking(at) if at <= now))
    }

    fn in_round(&self, wanted: impl Fn(&Flight) -> bool) -> Vec<usize> {
        let round = self.round();
        self.open()
            .filter(|(_, flight)| Some(flight.round) == round && wanted(flight))
            .map(|(at, _)| at)
            .collect()
    }

    /// The next part number of a round: with the instance it names one sending.
    pub(super) fn next_part(&mut self, round: u32) -> u32 {
        let part = self.parts.entry(round).or_insert(0);
        *part += 1;
        *part
    }

    /// Commands that an open step still waits for.
    pub(super) fn unanswered(&self) -> Vec<SentCommand> {
        self.commands
            .values()
            .filter(|carried| {
                carried.flights.iter().any(|(instance, at)| {
                    !carried.answered.contains(instance) && !self.flights[*at].is_over()
                })
            })
            .map(|carried| carried.sent.clone())
            .collect()
    }

    pub(super) fn hurry(&mut self) {
        self.pace = FIRST_POLL;
    }

    pub(super) fn slow_down(&mut self) {
        self.pace = self.pace.mul_f64(1.5).min(LONGEST_POLL);
    }

    /// The next moment at which something is due besides polling.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        let round = self.round();
        self.open()
            .filter(|(_, flight)| Some(flight.round) == round)
            .filter_map(|(_, flight)| match flight.phase {
                FlightPhase::Ready(at) | FlightPhase::Looking(at) | FlightPhase::Asking(at) => {
                    Some(at)
                }
                FlightPhase::Asked(since) => Some(since + super::ask::LONGEST_ANSWER),
                FlightPhase::Waiting => flight.deadline,
                FlightPhase::Over(_) => None,
            })
            .min()
    }
}

impl Flight {
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, FlightPhase::Over(_))
    }

    /// Takes note of a sending that hosts refuse after `not_after`.
    pub(super) fn sent(&mut self, not_after: Duration) {
        self.not_after = self.not_after.max(not_after);
        let deadline = not_after + super::GRACE + self.longest;
        self.deadline = Some(self.deadline.map_or(deadline, |old| old.max(deadline)));
        self.patience.get_or_insert(deadline);
        self.outstanding += 1;
        self.phase = FlightPhase::Waiting;
    }

    /// Only this process sent it, and once: what the service or host says of that sending is all
    /// there is to say.
    pub(super) fn is_sole(&self) -> bool {
        !self.foreign && self.own_sends <= 1
    }
}
