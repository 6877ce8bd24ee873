//! What a command ended with on its instances: ListCommandInvocations, and for what it cuts off
//! GetCommandInvocation.
//!
//! A status says where a command stands, never that a step succeeded: only a report does.

use aws_sdk_ssm::types::CommandInvocation;

use super::PAGE;
use super::client::{Caller, Operation};
use crate::host::report;
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::AnswerContent;
use crate::transport::TransportError;

const LIST_INVOCATIONS: Operation = Operation::reading("ListCommandInvocations");
const GET_INVOCATION: Operation = Operation::reading("GetCommandInvocation");

/// ListCommandInvocations gives at most 2,500 characters of both streams together; one that comes
/// near has lost its middle (agent, `pluginutil`).
const CUT_FROM: usize = 2_400;
/// What the agent puts at the end of a stream that it cut.
const CUT_MARK: &str = "--output truncated--";
/// Of GetCommandInvocation's standard error.
const LONGEST_OUTPUT: usize = 8_000;

/// All invocations of a command, with their output.
pub(super) async fn invocations(
    caller: &Caller,
    command: &CommandId,
) -> Result<Vec<CommandInvocation>, TransportError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = caller
            .client
            .list_command_invocations()
            .command_id(command.as_str())
            .details(true)
            .max_results(PAGE)
            .set_next_token(token);
        let page = caller
            .call(LIST_INVOCATIONS, || request.clone().send())
            .await?;
        found.extend(page.command_invocations.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// How a command ended on one instance; none while it has not.
pub(super) async fn content(
    caller: &Caller,
    command: &CommandId,
    instance: &InstanceId,
    invocation: &CommandInvocation,
) -> Result<Option<AnswerContent>, TransportError> {
    let status = status(invocation);
    let end = match End::of(status) {
        Some(End::Undelivered) => {
            return Ok(Some(AnswerContent::Undelivered(status.to_owned())));
        }
        Some(end) => end,
        None => return Ok(None),
    };
    let output: String = invocation
        .command_plugins()
        .iter()
        .filter_map(|plugin| plugin.output())
        .collect();
    let mut content = read(&output);
    if content.is_err() && (output.len() >= CUT_FROM || output.contains(CUT_MARK)) {
        content = read(&streams(caller, command, instance).await?.0);
    }
    Ok(Some(match (content, end) {
        (Ok(content), _) => content,
        (Err(problem), End::Exited) => AnswerContent::Garbled(problem),
        (Err(_), _) => AnswerContent::Lost(status.to_owned()),
    }))
}

fn status(invocation: &CommandInvocation) -> &str {
    invocation
        .status_details()
        .filter(|details| !details.is_empty())
        .or_else(|| invocation.status().map(|status| status.as_str()))
        .unwrap_or_default()
}

/// Whether the service still tries to deliver it. Of a host that it has lost it says `InProgress`,
/// and that one may have begun.
pub(super) fn is_undelivered(invocation: &CommandInvocation) -> bool {
    matches!(status(invocation), "Pending" | "Delayed")
}

/// What a terminal status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The script ended by itself.
    Exited,
    /// It never started.
    Undelivered,
    /// It may have run, in part or whole.
    Unknown,
}

impl End {
    /// From `StatusDetails`, or `Status`; documentation and service spell them with and without
    /// spaces. What is not known here is not taken for an end.
    fn of(status: &str) -> Option<Self> {
        let word: String = status
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match word.as_str() {
            "success" | "failed" => Some(Self::Exited),
            "undeliverable" | "invalidplatform" | "accessdenied" | "terminated" => {
                Some(Self::Undelivered)
            }
            // Cancelling kills what runs, and the service cannot tell whether it had begun.
            "timedout" | "executiontimedout" | "deliverytimedout" | "cancelled" | "canceled" => {
                Some(Self::Unknown)
            }
            _ => None,
        }
    }
}

fn read(output: &str) -> Result<AnswerContent, String> {
    report::read(output).map_err(|problem| problem.to_string())
}

/// See [`crate::transport::Transport::output`].
pub(super) async fn output(
    caller: &Caller,
    command: &CommandId,
    instance: &InstanceId,
) -> Result<String, TransportError> {
    let (stdout, stderr) = streams(caller, command, instance).await?;
    let output = if stderr.trim().is_empty() {
        stdout
    } else {
        stderr
    };
    let start = output.len().saturating_sub(LONGEST_OUTPUT);
    let start = (start..output.len()).find(|&at| output.is_char_boundary(at));
    Ok(output[start.unwrap_or_default()..].to_owned())
}

/// Standard output and error of an invocation; empty where the service has none (yet).
async fn streams(
    caller: &Caller,
    command: &CommandId,
    instance: &InstanceId,
) -> Result<(String, String), TransportError> {
    let request = caller
        .client
        .get_command_invocation()
        .command_id(command.as_str())
        .instance_id(instance.as_str());
    match caller.call(GET_INVOCATION, || request.clone().send()).await {
        Ok(invocation) => Ok((
            invocation.standard_output_content.unwrap_or_default(),
            invocation.standard_error_content.unwrap_or_default(),
        )),
        Err(TransportError::Rejected { code, .. }) if code == "InvocationDoesNotExist" => {
            Ok((String::new(), String::new()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_status_mean_the_same() {
        for (end, statuses) in [
            (Some(End::Exited), &["Success", "Failed"][..]),
            (
                Some(End::Unknown),
                &[
                    "TimedOut",
                    "Execution Timed Out",
                    "ExecutionTimedOut",
                    "Delivery Timed Out",
                    "DeliveryTimedOut",
                    "Cancelled",
                ],
            ),
            (
                Some(End::Undelivered),
                &[
                    "Undeliverable",
                    "Invalid Platform",
                    "InvalidPlatform",
                    "Access Denied",
                    "Terminated",
                ],
            ),
            (
                None,
                &[
                    "Pending",
                    "InProgress",
                    "In Progress",
                    "Delayed",
                    "Cancelling",
                    "",
                    "Sleeping",
                ],
            ),
        ] {
            for status in statuses {
                assert_eq!(End::of(status), end, "{status}");
            }
        }
    }
}
