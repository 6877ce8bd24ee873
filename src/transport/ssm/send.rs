//! SendCommand: up to 50 hosts, however different their scripts are.

use super::super::{SendLimits, Sent, TransportError};
use super::SsmTransport;
use super::call::Repeat;
use crate::host::payload::{self, PayloadError};
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Comment, HostTask, SentCommand};
use crate::transport::batch;

/// AWS's own document for shell scripts.
const DOCUMENT: &str = "AWS-RunShellScript";

/// Cuts tasks into commands: 50 instances, or fewer where their payload would not fit.
pub(super) fn batches(tasks: Vec<HostTask>) -> Result<Vec<Vec<HostTask>>, TransportError> {
    let mut done = Vec::new();
    let mut left: Vec<Vec<HostTask>> = batch::split(tasks, batch::MAX_INSTANCES);
    left.reverse();
    while let Some(mut part) = left.pop() {
        let bytes = payload::size(&pack(&part)?);
        if bytes <= payload::LIMIT {
            done.push(part);
        } else if part.len() == 1 {
            let host = part[0].host.to_string();
            return Err(TransportError::TooLarge {
                host,
                bytes,
                limit: payload::LIMIT,
            });
        } else {
            let second = part.split_off(part.len().div_ceil(2));
            left.extend([second, part]);
        }
    }
    Ok(done)
}

fn pack(tasks: &[HostTask]) -> Result<Vec<String>, TransportError> {
    payload::pack(tasks).map_err(|error| match error {
        PayloadError::Platform(host) => TransportError::Platform {
            host: host.to_string(),
        },
        other => TransportError::Rejected {
            operation: "SendCommand",
            code: "payload".to_owned(),
            message: other.to_string(),
        },
    })
}

pub(super) async fn send(
    transport: &SsmTransport,
    comment: &Comment,
    tasks: &[HostTask],
    limits: SendLimits,
) -> Result<Sent, TransportError> {
    let mut tasks: Vec<HostTask> = tasks.to_vec();
    let mut rejected = Vec::new();
    while !tasks.is_empty() {
        let sent_at = transport.clock.now();
        match attempt(transport, comment, &tasks, limits).await {
            Ok(command) => {
                let instances = tasks.into_iter().map(|task| task.instance).collect();
                let command = SentCommand {
                    command,
                    comment: comment.clone(),
                    sent_at,
                    instances,
                };
                return Ok(Sent {
                    command: Some(command),
                    rejected,
                });
            }
            Err(TransportError::Rejected { code, message, .. }) if code == "InvalidInstanceId" => {
                let bad = named(&tasks, &message);
                let bad = if bad.is_empty() {
                    unreachable(transport, &tasks).await?
                } else {
                    bad
                };
                if bad.is_empty() {
                    let operation = "SendCommand";
                    return Err(TransportError::Rejected {
                        operation,
                        code,
                        message,
                    });
                }
                tasks.retain(|task| !bad.contains(&task.instance));
                rejected.extend(bad.into_iter().map(|id| (id, message.clone())));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(Sent {
        command: None,
        rejected,
    })
}

async fn attempt(
    transport: &SsmTransport,
    comment: &Comment,
    tasks: &[HostTask],
    limits: SendLimits,
) -> Result<CommandId, TransportError> {
    let commands = pack(tasks)?;
    // Outside 5 s to 48 h the agent silently takes one hour instead (ssm.md §1.1).
    let execution = limits.execution.as_secs().clamp(5, 172_800);
    let delivery =
        i32::try_from(limits.delivery.as_secs().clamp(30, 2_592_000)).unwrap_or(i32::MAX);
    let answer = transport
        .call("SendCommand", Repeat::Never, || {
            transport
                .client
                .send_command()
                .document_name(DOCUMENT)
                .set_instance_ids(Some(
                    tasks.iter().map(|task| task.instance.to_string()).collect(),
                ))
                .comment(comment.to_string())
                .timeout_seconds(delivery)
                // The waves are fleet's: one bad host must not stop the others.
                .max_concurrency("50")
                .max_errors("100%")
                .parameters("commands", commands.clone())
                .parameters("executionTimeout", vec![execution.to_string()])
                .send()
        })
        .await?;
    let id = answer.command().and_then(|command| command.command_id());
    id.map(CommandId::new)
        .ok_or_else(|| TransportError::Ambiguous {
            operation: "SendCommand",
            source: "the answer names no command".into(),
        })
}

/// The instances of these tasks that a message names.
fn named(tasks: &[HostTask], message: &str) -> Vec<InstanceId> {
    let words: Vec<&str> = message
        .split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .collect();
    tasks
        .iter()
        .map(|task| &task.instance)
        .filter(|id| words.contains(&id.as_str()))
        .cloned()
        .collect()
}

/// Where the message names nobody: those that cannot be reached.
async fn unreachable(
    transport: &SsmTransport,
    tasks: &[HostTask],
) -> Result<Vec<InstanceId>, TransportError> {
    let ids: Vec<InstanceId> = tasks.iter().map(|task| task.instance.clone()).collect();
    let found = super::inventory::look(transport, &ids).await?;
    let offline =
        |id: &InstanceId| !matches!(found.get(id), Some(crate::model::task::Presence::Online(_)));
    Ok(ids.into_iter().filter(|id| offline(id)).collect())
}
