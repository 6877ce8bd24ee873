//! SendCommand: one attempt at a time, and only where the one before provably was not accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batches::pack;
use super::client::{Caller, Operation};
use super::{DOCUMENT, inventory};
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Comment, HostTask, Presence, SentCommand};
use crate::transport::batch::MAX_INSTANCES;
use crate::transport::{SendLimits, Sent, TransportError};

const SEND: Operation = Operation {
    name: "SendCommand",
    reads: false,
};

/// The waves are fleet's: the service is never to stop in the middle of one, nor to hold hosts of
/// it back.
const MAX_ERRORS: &str = "100%";
const MAX_CONCURRENCY: &str = "50";

/// See [`crate::transport::Transport::send`].
pub(super) async fn send(
    caller: &Caller,
    comment: &Comment,
    batch: &[HostTask],
    limits: SendLimits,
) -> Result<Sent, TransportError> {
    let mut tasks = batch.to_vec();
    let mut rejected = Vec::new();
    while !tasks.is_empty() {
        let sent_at = caller.clock.now();
        match attempt(caller, comment, &tasks, limits).await {
            Ok(command) => {
                let command = SentCommand {
                    command,
                    comment: comment.clone(),
                    sent_at,
                    instances: tasks.into_iter().map(|task| task.instance).collect(),
                };
                return Ok(Sent {
                    command: Some(command),
                    rejected,
                });
            }
            Err(TransportError::Rejected {
                operation,
                code,
                message,
            }) if SINKS_THE_BATCH.contains(&code.as_str()) => {
                let bad = bad_instances(caller, &tasks, &code, &message).await?;
                if bad.is_empty() {
                    return Err(TransportError::Rejected {
                        operation,
                        code,
                        message,
                    });
                }
                tasks.retain(|task| !bad.contains_key(&task.instance));
                rejected.extend(bad);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Sent {
        command: None,
        rejected,
    })
}

/// Errors about some of the instances that refuse the whole call.
const SINKS_THE_BATCH: &[&str] = &["InvalidInstanceId", "UnsupportedPlatformType"];

/// The instances that an error is about, with the reason: those it names, else those that are not
/// online. None: it is about something else.
async fn bad_instances(
    caller: &Caller,
    tasks: &[HostTask],
    code: &str,
    message: &str,
) -> Result<BTreeMap<InstanceId, String>, TransportError> {
    let ids: Vec<InstanceId> = tasks.iter().map(|task| task.instance.clone()).collect();
    let named: BTreeMap<_, _> = ids
        .iter()
        .filter(|id| named_in(message, id))
        .map(|id| (id.clone(), format!("{code}: {message}")))
        .collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let presences = inventory::inventory(caller, &ids).await?;
    let offline = presences
        .into_iter()
        .filter_map(|(id, presence)| match presence {
            Presence::Offline(reason) => Some((id, reason)),
            Presence::Online(_) => None,
        });
    Ok(offline.collect())
}

/// Whether a message names an id, and not one that only begins with it.
pub(super) fn named_in(message: &str, id: &InstanceId) -> bool {
    message
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .any(|word| word == id.as_str())
}

async fn attempt(
    caller: &Caller,
    comment: &Comment,
    tasks: &[HostTask],
    limits: SendLimits,
) -> Result<CommandId, TransportError> {
    debug_assert!(
        tasks.len() <= MAX_INSTANCES,
        "batches cuts at {MAX_INSTANCES}"
    );
    let request = caller
        .client
        .send_command()
        .document_name(DOCUMENT)
        .set_instance_ids(Some(
            tasks.iter().map(|task| task.instance.to_string()).collect(),
        ))
        .comment(comment.to_string())
        .timeout_seconds(delivery_seconds(limits.delivery))
        .parameters("commands", pack(tasks)?)
        .parameters(
            "executionTimeout",
            vec![execution_seconds(limits.execution).to_string()],
        )
        .max_errors(MAX_ERRORS)
        .max_concurrency(MAX_CONCURRENCY);
    let output = caller.call(SEND, || request.clone().send()).await?;
    output
        .command
        .and_then(|command| command.command_id)
        .map(CommandId::from)
        .ok_or_else(|| TransportError::Ambiguous {
            operation: SEND.name,
            source: "the answer names no command".into(),
        })
}

/// TimeoutSeconds: 30 s to 30 d (botocore `ssm/2014-11-06`).
fn delivery_seconds(delivery: Duration) -> i32 {
    i32::try_from(delivery.as_secs().clamp(30, 2_592_000)).unwrap_or(2_592_000)
}

/// `executionTimeout`: 5 s to 48 h; what is outside the agent silently takes for 3,600 s.
fn execution_seconds(execution: Duration) -> u64 {
    execution.as_secs().clamp(5, 172_800)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_only_as_a_whole_word() {
        let id = InstanceId::from("i-0123abcd");
        for named in [
            "Instances [[i-0123abcd]] not in a valid state",
            "i-0123abcd, i-1",
        ] {
            assert!(named_in(named, &id), "{named}");
        }
        for other in [
            "",
            "no ids",
            "Instances [[i-0123abcd012345678]]",
            "mi-0123abcd",
        ] {
            assert!(!named_in(other, &id), "{other}");
        }
    }

    #[test]
    fn timeouts_stay_where_the_service_and_the_agent_take_them() {
        let seconds = Duration::from_secs;
        assert_eq!(delivery_seconds(seconds(1)), 30);
        assert_eq!(delivery_seconds(seconds(120)), 120);
        assert_eq!(delivery_seconds(seconds(u64::MAX)), 2_592_000);
        assert_eq!(execution_seconds(seconds(0)), 5);
        assert_eq!(execution_seconds(seconds(1_000_000)), 172_800);
    }
}
