//! CancelCommand, for what the service has not delivered. Cancelling what runs would kill it in the
//! middle, so it is named instance by instance.

use super::client::{Caller, Operation};
use super::results;
use crate::model::task::SentCommand;
use crate::transport::TransportError;
use crate::transport::batch::MAX_INSTANCES;

/// Cancelling twice is cancelling once.
const CANCEL: Operation = Operation::reading("CancelCommand");

/// See [`crate::transport::Transport::cancel`].
pub(super) async fn cancel(caller: &Caller, command: &SentCommand) -> Result<(), TransportError> {
    let invocations = results::invocations(caller, &command.command).await?;
    let undelivered: Vec<String> = invocations
        .iter()
        .filter(|invocation| results::is_undelivered(invocation))
        .filter_map(|invocation| invocation.instance_id().map(str::to_owned))
        .collect();
    for ids in undelivered.chunks(MAX_INSTANCES) {
        let request = caller
            .client
            .cancel_command()
            .command_id(command.command.as_str())
            .set_instance_ids(Some(ids.to_vec()));
        caller.call(CANCEL, || request.clone().send()).await?;
    }
    Ok(())
}
