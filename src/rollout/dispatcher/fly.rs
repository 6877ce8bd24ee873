//! The loop of a wave in the air.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::event::EventKind;
use crate::model::id::{HostName, ServiceName};
use crate::model::report::Outcome;

use super::super::error::DispatchError;
use super::super::state::is_good;
use super::air::{Air, FlightPhase};
use super::collect::Ending;
use super::{Dispatcher, FENCE, HEARTBEAT, Run};

/// People's words are looked for so often.
const LISTEN: Duration = Duration::from_secs(30);
/// A service that nothing reaches for so long ends the run; the hosts go on without it.
pub(super) const LONGEST_TROUBLE: Duration = Duration::from_secs(5 * 60);
/// Where a step's own time limit cannot be read any more.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

impl Dispatcher<'_> {
    /// Brings a wave down: every step gets its outcome.
    pub(super) async fn fly(
        &mut self,
        wave: u32,
        resumed: bool,
    ) -> Result<Option<Run>, DispatchError> {
        let now = self.controller.clock.monotonic();
        let Some(record) = self.rollout.wave(wave) else {
            return Ok(None);
        };
        let per_instance = self.rollout.plan().policy.rollout.per_instance;
        let mut air = Air::new(record, per_instance, now, |host, service| {
            self.timeout(host, service)
                .map_or(LONGEST_TIMEOUT, |timeout| timeout.duration())
                .saturating_mul(7)
        });
        air.listen_at = now + LISTEN;
        self.ran_a_wave = true;
        if resumed {
            self.wave_started(wave, true);
            if record.writer != self.controller.writer {
                self.progress(wave).await?;
            }
            self.recover(&mut air);
        }
        let flown = self.keep_flying(&mut air).await;
        // What came in is recorded whatever stopped the wave, as far as the ledger takes it.
        match flown {
            Ok(None) => {
                self.unannounced = Some(wave);
                self.settle_blocks();
                Ok(None)
            }
            Ok(Some(run)) => {
                self.progress(wave).await?;
                Ok(Some(run))
            }
            Err(error @ (DispatchError::LostRace | DispatchError::Ledger(_))) => Err(error),
            Err(error) => {
                self.progress(wave).await?;
                Err(error)
            }
        }
    }

    async fn keep_flying(&mut self, air: &mut Air) -> Result<Option<Run>, DispatchError> {
        loop {
            if self.controller.is_stopping() {
                return Ok(Some(Run::Stopped));
            }
            self.look_again(air).await?;
            // What was not found would be sent again: whether it may be is asked after looking.
            self.stop_sending(air);
            self.cancel(air).await?;
            self.skip(air);
            self.send_due(air).await?;
            self.ask_due(air).await?;
            if air.is_down() {
                return Ok(None);
            }
            self.heartbeat(air).await?;
            self.listen(air).await?;
            self.controller.sleep(self.until_next(air)).await;
            if !self.controller.is_stopping() {
                self.collect(air).await?;
                self.run_out(air);
            }
        }
    }

    fn until_next(&self, air: &mut Air) -> Duration {
        let now = self.controller.clock.monotonic();
        let until = |at: Duration| at.saturating_sub(now);
        let mut pause = until(air.listen_at).min(until(self.heartbeat_at(air)));
        if let Some(at) = air.next_timer() {
            pause = pause.min(until(at));
        }
        if !air.unanswered().is_empty() {
            pause = pause.min(self.controller.random.jitter(air.pace));
            air.slow_down();
        }
        // Never a busy loop: what is due now is done by then or waits for a poll.
        pause.max(Duration::from_millis(50))
    }

    fn heartbeat_at(&self, air: &Air) -> Duration {
        self.fence.map_or(air.begun, |fence| fence.monotonic) + HEARTBEAT
    }

    async fn heartbeat(&mut self, air: &Air) -> Result<(), DispatchError> {
        if self.controller.clock.monotonic() >= self.heartbeat_at(air) {
            self.progress(air.wave).await?;
        }
        Ok(())
    }

    async fn listen(&mut self, air: &mut Air) -> Result<(), DispatchError> {
        let now = self.controller.clock.monotonic();
        if now >= air.listen_at {
            air.listen_at = now + LISTEN;
            match self.controller.ledger.fetch().await {
                Ok(()) => self.hear().await?,
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes sure that this process may send: its last accepted push is young enough.
    pub(super) async fn ensure_fence(&mut self, wave: u32) -> Result<super::Moment, DispatchError> {
        loop {
            let now = self.controller.clock.monotonic();
            match self.fence {
                Some(fence) if now.saturating_sub(fence.monotonic) < FENCE => return Ok(fence),
                _ => self.progress(wave).await?,
            }
        }
    }

    /// Nothing is sent any more after an abort, or without scripts: what this process alone could
    /// have sent and did not is over, the rest is asked.
    fn stop_sending(&mut self, air: &mut Air) {
        let aborted = self.rollout.is_aborted();
        if !aborted && self.scripts.is_some() {
            return;
        }
        let message = if aborted {
            "aborted before it was sent"
        } else {
            "its revision is gone"
        };
        for at in 0..air.flights.len() {
            let flight = &mut air.flights[at];
            if !matches!(flight.phase, FlightPhase::Ready(_)) {
                continue;
            }
            if flight.foreign || flight.own_sends > 0 {
                flight.phase = FlightPhase::Asking(self.controller.clock.monotonic());
            } else {
                self.end(air, at, Ending::unsent(Outcome::Superseded, message));
            }
        }
    }

    /// A host whose step did not do what it was for gets no further one in this wave.
    fn skip(&mut self, air: &mut Air) {
        let mut spoilt: HashMap<HostName, (ServiceName, Outcome)> = HashMap::new();
        for flight in &air.flights {
            match flight.phase {
                FlightPhase::Over(outcome) if !is_good(flight.action, outcome) => {
                    spoilt
                        .entry(flight.host.clone())
                        .or_insert_with(|| (flight.service.clone(), outcome));
                }
                _ => {}
            }
        }
        if spoilt.is_empty() {
            return;
        }
        for at in 0..air.flights.len() {
            let flight = &air.flights[at];
            if !matches!(flight.phase, FlightPhase::Ready(_)) || flight.own_sends > 0 {
                continue;
            }
            if let Some((service, outcome)) = spoilt.get(&flight.host) {
                let outcome = match *outcome {
                    left @ (Outcome::Deferred | Outcome::Superseded) => left,
                    _ => Outcome::Untouched,
                };
                let message = format!("not sent: {service} before it did not succeed");
                self.end(air, at, Ending::unsent(outcome, &message));
            }
        }
    }

    /// Asks hosts whose deadline passed, and gives up on those that do not answer.
    fn run_out(&mut self, air: &mut Air) {
        let now = self.controller.clock.monotonic();
        for at in 0..air.flights.len() {
            let flight = &mut air.flights[at];
            match flight.phase {
                FlightPhase::Waiting if flight.deadline.is_some_and(|deadline| deadline <= now) => {
                    flight.phase = FlightPhase::Asking(now);
                }
                FlightPhase::Asked(since) if since + super::ask::LONGEST_ANSWER <= now => {
                    self.no_answer(air, at);
                }
                _ => {}
            }
        }
    }

    /// Counts how long nothing reaches the service.
    pub(super) fn trouble(
        &self,
        air: &mut Air,
        error: crate::transport::TransportError,
    ) -> Result<(), DispatchError> {
        let now = self.controller.clock.monotonic();
        if air.trouble_since.is_none() && error.is_transient() {
            let until = self.controller.clock.now() + LONGEST_TROUBLE;
            self.emit(EventKind::Waiting {
                gates: Vec::new(),
                reason: format!("{error}; tried again until {until}"),
            });
        }
        let since = *air.trouble_since.get_or_insert(now);
        if !error.is_transient() || now.saturating_sub(since) >= LONGEST_TROUBLE {
            return Err(error.into());
        }
        tracing::warn!(error = %error, "the service could not be reached, trying again");
        Ok(())
    }
}
