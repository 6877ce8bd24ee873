//! Lists commands: those that were sent and nobody knows of, and how far one's own are.

use aws_sdk_ssm::types::{Command, CommandFilter, CommandFilterKey};

use super::client::{Caller, Operation};
use super::results::invocations;
use super::{DOCUMENT, PAGE};
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::SentCommand;
use crate::model::time::Timestamp;
use crate::transport::TransportError;

const LIST: Operation = Operation::reading("ListCommands");

/// Pages of ListCommands, newest command first.
pub(super) struct Listing<'a> {
    caller: &'a Caller,
    since: Timestamp,
    token: Option<String>,
    started: bool,
}

impl<'a> Listing<'a> {
    /// Commands of fleet's document that were accepted after `since`, by the service's clock.
    pub(super) const fn since(caller: &'a Caller, since: Timestamp) -> Self {
        Self {
            caller,
            since,
            token: None,
            started: false,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Command>>, TransportError> {
        if self.started && self.token.is_none() {
            return Ok(None);
        }
        let filter = |key, value: String| CommandFilter::builder().key(key).value(value).build();
        let filters = [
            filter(CommandFilterKey::InvokedAfter, self.since.to_string()),
            filter(CommandFilterKey::DocumentName, DOCUMENT.to_owned()),
        ];
        let request = self
            .caller
            .client
            .list_commands()
            .set_filters(Some(filters.into_iter().flatten().collect()))
            .max_results(PAGE)
            .set_next_token(self.token.take());
        let page = self.caller.call(LIST, || request.clone().send()).await?;
        self.started = true;
        self.token = page.next_token.filter(|token| !token.is_empty());
        Ok(Some(page.commands.unwrap_or_default()))
    }
}

/// See [`crate::transport::Transport::find`].
pub(super) async fn find(
    caller: &Caller,
    since: Timestamp,
    prefix: &str,
) -> Result<Vec<SentCommand>, TransportError> {
    let mut found = Vec::new();
    let mut listing = Listing::since(caller, since);
    while let Some(page) = listing.next().await? {
        for command in page {
            if command.comment().is_some_and(|c| c.starts_with(prefix)) {
                found.extend(sent(caller, &command).await?);
            }
        }
    }
    Ok(found)
}

/// None where the comment is not one of fleet's.
async fn sent(caller: &Caller, command: &Command) -> Result<Option<SentCommand>, TransportError> {
    let comment = command.comment().and_then(|text| text.parse().ok());
    let (Some(id), Some(comment)) = (command.command_id(), comment) else {
        return Ok(None);
    };
    let id = CommandId::from(id);
    let mut instances: Vec<InstanceId> = command
        .instance_ids()
        .iter()
        .map(|id| InstanceId::from(id.as_str()))
        .collect();
    if instances.is_empty() {
        let listed = invocations(caller, &id).await?;
        let listed = listed.into_iter().filter_map(|i| i.instance_id);
        instances = listed.map(InstanceId::from).collect();
    }
    Ok(Some(SentCommand {
        command: id,
        comment,
        sent_at: command
            .requested_date_time()
            .map_or_else(|| caller.clock.now(), |at| Timestamp::from_unix(at.secs())),
        instances,
    }))
}
