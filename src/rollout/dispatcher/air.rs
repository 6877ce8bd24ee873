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
/// While hosts are still in an earlier round, those that are through with it wait so long for one
/// another: what polls see apart by no more than this shares commands.
const GATHER: Duration = LONGEST_POLL;

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
    /// The service gave it up after it was told to: nothing of it is likely to run.
    pub(super) cancelled: bool,
    /// Sendings without an answer.
    pub(super) outstanding: u32,
    /// Why an answer that came was no report.
    pub(super) garbled: Option<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlightPhase {
    /// To be sent once it is next on its instance, not before then.
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
    /// The service was told not to deliver it any more.
    pub(super) cancelled: bool,
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
    /// So many hosts that share an instance are in flight together.
    pub(super) per_instance: usize,
    by_step: HashMap<StepId, usize>,
    /// Since when an instance is through with the last of its steps that is over.
    free_since: HashMap<InstanceId, Duration>,
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
        per_instance: u32,
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
            cancelled: false,
            outstanding: 0,
        });
        let steps = record.steps.iter().enumerate();
        Self {
            by_step: steps.map(|(at, step)| (step.step.clone(), at)).collect(),
            free_since: HashMap::new(),
            wave: record.wave,
            sequence: record.sequence,
            intent_at: record.intent_at,
            begun: now,
            flights: flights.collect(),
            per_instance: usize::try_from(per_instance).unwrap_or(1).max(1),
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

    /// Whether every step has its outcome.
    pub(super) fn is_down(&self) -> bool {
        self.flights.iter().all(Flight::is_over)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Flight)> {
        self.flights
            .iter()
            .enumerate()
            .filter(|(_, flight)| !flight.is_over())
    }

    /// The steps that each instance is at. A host's services go one after another, and of hosts
    /// that share an instance so many go together as the policy says, but no instance waits for
    /// another one.
    fn at_hand(&self) -> Vec<(usize, &Flight)> {
        let mut of_host: HashMap<&HostName, (usize, &Flight)> = HashMap::new();
        for (at, flight) in self.open() {
            let first = of_host.entry(&flight.host).or_insert((at, flight));
            if flight.round < first.1.round {
                *first = (at, flight);
            }
        }
        let mut at_hand: Vec<(usize, &Flight)> = of_host.into_values().collect();
        // What may have been sent keeps its place.
        let is_ready = |flight: &Flight| matches!(flight.phase, FlightPhase::Ready(_));
        at_hand.sort_by_key(|(_, flight)| (is_ready(flight), flight.round));
        let mut taken: HashMap<&InstanceId, usize> = HashMap::new();
        at_hand.retain(|(_, flight)| {
            let taken = taken.entry(&flight.instance).or_default();
            *taken += 1;
            *taken <= self.per_instance
        });
        at_hand.sort_by_key(|(at, _)| *at);
        at_hand
    }

    /// When each step at hand that is to be sent goes.
    fn departures(&self) -> Vec<(usize, Duration)> {
        let at_hand = self.at_hand();
        // To the last hosts' round nobody comes any more.
        let last = at_hand.iter().map(|(_, flight)| flight.round).min();
        let ready = |(at, flight): &(usize, &Flight)| match flight.phase {
            FlightPhase::Ready(when) => Some((*at, flight.round, when)),
            _ => None,
        };
        let mut gathered: BTreeMap<u32, Duration> = BTreeMap::new();
        for (at, round, _) in at_hand.iter().filter_map(ready) {
            if Some(round) != last {
                let free_since = self.free_since.get(&self.flights[at].instance);
                let until = *free_since.unwrap_or(&self.begun) + GATHER;
                let first = gathered.entry(round).or_insert(until);
                *first = until.min(*first);
            }
        }
        let departs = |(at, round, when): (usize, u32, Duration)| {
            let gathered = gathered.get(&round);
            (at, gathered.map_or(when, |until| when.max(*until)))
        };
        at_hand.iter().filter_map(ready).map(departs).collect()
    }

    /// Steps that are due to be sent, by round: a Comment names one.
    pub(super) fn due(&self, now: Duration) -> BTreeMap<u32, Vec<usize>> {
        let mut due: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, when) in self.departures() {
            if when <= now {
                due.entry(self.flights[at].round).or_default().push(at);
            }
        }
        due
    }

    /// Steps whose hosts are due to be asked: a command asks an instance one thing.
    pub(super) fn questions(&self, now: Duration) -> Vec<usize> {
        let mut instances: BTreeSet<&InstanceId> = BTreeSet::new();
        let at_hand = self.at_hand().into_iter();
        at_hand
            .filter(|(_, flight)| matches!(flight.phase, FlightPhase::Asking(at) if at <= now))
            .filter(|(_, flight)| instances.insert(&flight.instance))
            .map(|(at, _)| at)
            .collect()
    }

    /// Takes note of a step's outcome: its instance is free for the next one.
    pub(super) fn over(&mut self, at: usize, outcome: Outcome, now: Duration) {
        let flight = &mut self.flights[at];
        flight.phase = FlightPhase::Over(outcome);
        self.free_since.insert(flight.instance.clone(), now);
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

    /// Commands with steps that may not be delivered yet, and that nobody has cancelled.
    pub(super) fn uncancelled(&self) -> Vec<SentCommand> {
        let mut open = self.unanswered();
        open.retain(|command| {
            let carried = self.commands.get(&command.command);
            carried.is_some_and(|carried| !carried.asks && !carried.cancelled)
        });
        open
    }

    pub(super) fn hurry(&mut self) {
        self.pace = FIRST_POLL;
    }

    pub(super) fn slow_down(&mut self) {
        self.pace = self.pace.mul_f64(1.5).min(LONGEST_POLL);
    }

    /// The next moment at which something is due besides polling.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        let departures = self.departures().into_iter().map(|(_, when)| when);
        let at_hand = self.at_hand().into_iter();
        at_hand
            .filter_map(|(_, flight)| match flight.phase {
                FlightPhase::Looking(at) | FlightPhase::Asking(at) => Some(at),
                FlightPhase::Asked(since) => Some(since + super::ask::LONGEST_ANSWER),
                FlightPhase::Waiting => flight.deadline,
                FlightPhase::Ready(_) | FlightPhase::Over(_) => None,
            })
            .chain(departures)
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

    /// Until when an answer of its host is waited for at the latest, if it is asked then.
    pub(super) fn given_up(&self, asked: Duration) -> Duration {
        self.last_word().max(asked) + super::ask::LONGEST_ANSWER
    }

    /// Until then the step itself may still answer.
    pub(super) fn last_word(&self) -> Duration {
        match self.deadline {
            Some(deadline) if !self.cancelled => deadline,
            _ => self.not_after + super::GRACE,
        }
    }

    /// Only this process sent it, and once: what the service or host says of that sending is all
    /// there is to say.
    pub(super) fn is_sole(&self) -> bool {
        !self.foreign && self.own_sends <= 1
    }
}
