//! Everything a controller gets from outside. One set serves `apply`, resuming and simulation.

use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::model::clock::{Clock, Random};
use crate::model::event::{EVENT_FORMAT, Event, EventKind};
use crate::model::id::{EnvironmentName, HostName, RolloutId, ServiceName};
use crate::transport::Transport;

use super::desired::DesiredSource;

/// The parameters of a controller. It owns none of them and knows no other way to the world.
#[derive(Clone)]
pub struct Controller<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// Chance: rollout ids and jitter.
    pub random: &'a dyn Random,
    /// The way to the hosts of the environment.
    pub transport: &'a dyn Transport,
    /// The record.
    pub ledger: &'a dyn Ledger,
    /// Desired commits.
    pub desired: &'a dyn DesiredSource,
    /// Keeps the output of what did not succeed.
    pub logs: &'a dyn LogSink,
    /// Takes every event, in order.
    pub events: &'a (dyn Fn(Event) + Send + Sync),
    /// Turns true when the controller shall record and leave.
    pub stop: watch::Receiver<bool>,
    /// Machine id and controller id: who a wave of ours is written by.
    pub writer: String,
}

/// Keeps what steps printed that did not succeed.
pub trait LogSink: Send + Sync {
    /// Keeps the end of one step's output. That it could not is no reason to stop a rollout.
    fn keep(&self, rollout: &RolloutId, host: &HostName, service: &ServiceName, text: &str);
}

impl Controller<'_> {
    /// Gives an event out.
    pub(crate) fn emit(
        &self,
        environment: &EnvironmentName,
        rollout: Option<&RolloutId>,
        kind: EventKind,
    ) {
        (self.events)(Event {
            format: EVENT_FORMAT,
            at: self.clock.now(),
            environment: environment.clone(),
            rollout: rollout.cloned(),
            kind,
        });
    }

    /// Whether to record and leave.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Sleeps, but not past a stop.
    pub(crate) async fn sleep(&self, duration: std::time::Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            // A sender that is gone will never stop us.
            Ok(_) = stop.wait_for(|stop| *stop) => {}
        }
    }
}
