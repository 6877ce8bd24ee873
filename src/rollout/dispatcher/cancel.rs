//! After an abort: what was sent and not delivered is cancelled.

use crate::model::event::EventKind;

use super::super::error::DispatchError;
use super::Dispatcher;
use super::air::Air;

impl Dispatcher<'_> {
    /// Cancels each command of the wave once. What a host has taken up runs to its end; of the rest
    /// the service's word proves nothing, and the hosts are asked.
    pub(super) async fn cancel(&self, air: &mut Air) -> Result<(), DispatchError> {
        if !self.rollout.is_aborted() {
            return Ok(());
        }
        for command in air.uncancelled() {
            match self.controller.transport.cancel(&command).await {
                Ok(()) => {}
                Err(error) if error.is_transient() => return self.trouble(air, error),
                Err(error) => self.emit(EventKind::Waiting {
                    gates: Vec::new(),
                    reason: format!("{error}; what was sent runs to its end"),
                }),
            }
            if let Some(carried) = air.commands.get_mut(&command.command) {
                carried.cancelled = true;
            }
        }
        Ok(())
    }
}
