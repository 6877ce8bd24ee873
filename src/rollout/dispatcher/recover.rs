//! Finding again what was sent: after a restart, and after a send without a clear answer. By
//! Comment, which with the instance names exactly one step; command ids in the ledger are never
//! needed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::event::StepProgress;
use crate::model::id::InstanceId;
use crate::model::task::{Comment, SentCommand};

use super::super::error::DispatchError;
use super::air::{Air, Flight, FlightPhase};
use super::send::carry;
use super::{Dispatcher, GRACE, NOT_AFTER};

/// The service keeps commands for 30 days; what is older is asked for on its host.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

impl Dispatcher<'_> {
    /// Takes up a wave that may have been sent by somebody else. Who pushed its intent may send for
    /// as long as its fence allows, so what cannot be found may start until our own begin + 10 minutes.
    pub(super) fn recover(&self, air: &mut Air) {
        let now = self.controller.clock.monotonic();
        let wall = self.controller.clock.now();
        let is_old = wall.since(air.intent_at) > KEPT;
        for flight in &mut air.flights {
            if flight.is_over() {
                continue;
            }
            flight.foreign = true;
            flight.not_after = if is_old { now } else { now + NOT_AFTER };
            flight.phase = if is_old {
                FlightPhase::Asking(now)
            } else {
                FlightPhase::Looking(now)
            };
        }
    }

    /// Looks for steps that are due to be found. One that cannot be found 60 s after the intent is
    /// sent again with the next part number: the runner makes a double harmless.
    pub(super) async fn look_again(&mut self, air: &mut Air) -> Result<(), DispatchError> {
        let now = self.controller.clock.monotonic();
        let due = air
            .open()
            .any(|(_, f)| matches!(f.phase, FlightPhase::Looking(at) if at <= now));
        if !due {
            return Ok(());
        }
        let prefix = self.prefix(air);
        let since = air.intent_at - GRACE;
        let found = match self.controller.transport.find(since, &prefix).await {
            Ok(found) => found,
            Err(error) => {
                for flight in &mut air.flights {
                    if matches!(flight.phase, FlightPhase::Looking(at) if at <= now) {
                        flight.phase = FlightPhase::Looking(now + Duration::from_secs(5));
                    }
                }
                return self.trouble(air, error);
            }
        };
        air.trouble_since = None;
        for command in &found {
            let part = air.parts.entry(command.comment.round).or_insert(0);
            *part = (*part).max(command.comment.part);
        }
        let (asked, sent): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|command| command.comment.round == 0);
        let asked = asked
            .iter()
            .filter(|command| !air.commands.contains_key(&command.command))
            .flat_map(|command| asked_about(command, &sent));
        let asked: Vec<(InstanceId, Option<u32>)> = asked.collect();
        for command in sent {
            if !air.commands.contains_key(&command.command) {
                self.found(air, command);
            }
        }
        for (instance, round) in asked {
            was_asked(air, &instance, round, now);
        }
        // Elsewhere than in this process an intent's sends may still be on their way.
        let settled = self.settled_at(air, now);
        for flight in &mut air.flights {
            match flight.phase {
                FlightPhase::Looking(at) if at > now => {}
                FlightPhase::Looking(_) if flight.foreign && now < settled => {
                    flight.phase = FlightPhase::Looking(settled);
                    let why = "no sign that it was sent, looked for again";
                    self.emit_waiting(flight.place, why, settled, None);
                }
                FlightPhase::Looking(_) => flight.phase = FlightPhase::Ready(now),
                _ => {}
            }
        }
        Ok(())
    }

    fn prefix(&self, air: &Air) -> String {
        let comment = Comment {
            environment: self.rollout.record().environment.clone(),
            rollout: self.rollout.id().clone(),
            wave: air.wave,
            round: 0,
            part: 0,
        }
        .to_string();
        comment.strip_suffix("0-0").unwrap_or(&comment).to_owned()
    }

    /// 60 s after the intent, on the clock that never jumps.
    fn settled_at(&self, air: &Air, now: Duration) -> Duration {
        let passed = self.controller.clock.now().since(air.intent_at);
        now + GRACE.saturating_sub(passed)
    }

    fn found(&mut self, air: &mut Air, command: SentCommand) {
        let now = self.controller.clock.monotonic();
        let age = self.controller.clock.now().since(command.sent_at);
        let flights: BTreeMap<InstanceId, usize> = air
            .open()
            .filter(|(_, flight)| {
                flight.round == command.comment.round
                    && command.instances.contains(&flight.instance)
            })
            .map(|(at, flight)| (flight.instance.clone(), at))
            .collect();
        for at in flights.values() {
            let flight = &mut air.flights[*at];
            if flight.foreign && matches!(flight.phase, FlightPhase::Looking(_)) {
                flight.not_after = Duration::ZERO;
            }
            // Its sender's push was begun before it was sent.
            let not_after = (now + NOT_AFTER).saturating_sub(age);
            flight.sent(not_after);
        }
        for at in flights.values() {
            self.emit_step(air.flights[*at].place, StepProgress::Sent);
        }
        air.hurry();
        carry(air, command, false, flights);
    }
}

/// Which step of each instance somebody's asking was about. Its Comment does not say; it was the
/// last one that the instance had got by then.
fn asked_about(
    asking: &SentCommand,
    sent: &[SentCommand],
) -> impl Iterator<Item = (InstanceId, Option<u32>)> {
    asking.instances.iter().map(|instance| {
        let got = sent.iter().filter(|command| {
            command.sent_at <= asking.sent_at && command.instances.contains(instance)
        });
        let last = got.map(|command| command.comment.round).max();
        (instance.clone(), last)
    })
}

/// Somebody asked an instance about its step of this round, or about one that cannot be found: the
/// first that is open. That one is never sent again. Where hosts of an instance go together, it may
/// have been about any step that had been sent by then.
fn was_asked(air: &mut Air, instance: &InstanceId, round: Option<u32>, now: Duration) {
    let together = air.per_instance > 1;
    let is_meant = |flight: &Flight| match round {
        Some(round) if together => flight.round <= round,
        Some(round) => flight.round == round,
        None => true,
    };
    let mut asked: Vec<(u32, usize)> = air
        .open()
        .filter(|(_, flight)| flight.instance == *instance && is_meant(flight))
        .map(|(at, flight)| (flight.round, at))
        .collect();
    asked.sort_unstable();
    if !together {
        asked.truncate(1);
    }
    for (_, at) in asked {
        let flight = &mut air.flights[at];
        if !flight.asked && !matches!(flight.phase, FlightPhase::Waiting) {
            flight.phase = FlightPhase::Asking(now);
        }
        flight.asked = true;
    }
}
