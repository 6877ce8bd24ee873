//! Progress of all commands by ListCommands, results by one ListCommandInvocations page per command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_ssm::types::{
    Command, CommandFilter, CommandFilterKey, CommandInvocation, CommandStatus,
};
use tokio::time::Instant;

use super::super::TransportError;
use super::SsmTransport;
use super::call::Repeat;
use crate::host::report;
use crate::model::id::{CommandId, InstanceId};
use crate::model::task::{Answer, AnswerContent, Comment, SentCommand};
use crate::model::time::Timestamp;

/// Pages of other people's commands before each of ours is asked for by itself.
const PAGES: usize = 3;

/// Between two looks at the results of a command that is not complete yet.
const BETWEEN: Duration = Duration::from_secs(10);

/// Clocks differ, and InvokedAfter is the service's time (protocol §2 takes a minute).
const BEFORE: Duration = Duration::from_secs(60);

/// What is known of a command that is not over.
pub(super) struct Watched {
    completed: i32,
    looked_at: Option<Instant>,
}

pub(super) async fn poll(
    transport: &SsmTransport,
    commands: &[SentCommand],
) -> Result<Vec<Answer>, TransportError> {
    let Some(first) = commands.iter().map(|command| command.sent_at).min() else {
        return Ok(Vec::new());
    };
    let mut wanted: BTreeSet<&CommandId> =
        commands.iter().map(|command| &command.command).collect();
    let mut progress = BTreeMap::new();
    let mut token = None;
    for _ in 0..PAGES {
        let (page, next) = page(transport, first - BEFORE, token).await?;
        for command in page {
            if let Some(id) = command.command_id().map(CommandId::new)
                && wanted.remove(&id)
            {
                progress.insert(id, command);
            }
        }
        token = next;
        if wanted.is_empty() || token.is_none() {
            break;
        }
    }
    let mut answers = Vec::new();
    for command in commands {
        if worth_a_look(transport, &command.command, progress.get(&command.command)) {
            answers.extend(results(transport, &command.command).await?);
        }
    }
    Ok(answers)
}

/// Results are looked at once a command is complete, and before that when its count moved, but not
/// at every poll. A command that the list did not show is looked at every time.
fn worth_a_look(transport: &SsmTransport, id: &CommandId, progress: Option<&Command>) -> bool {
    let Some(progress) = progress else {
        return true;
    };
    let mut watched = transport
        .watched
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let known = watched.entry(id.clone()).or_insert(Watched {
        completed: 0,
        looked_at: None,
    });
    let over = progress.completed_count() >= progress.target_count()
        || !matches!(
            progress.status(),
            Some(CommandStatus::Pending | CommandStatus::InProgress | CommandStatus::Cancelling)
                | None
        );
    if over {
        watched.remove(id);
        return true;
    }
    let moved = progress.completed_count() != known.completed;
    let rested = known.looked_at.is_none_or(|at| at.elapsed() >= BETWEEN);
    if !moved || !rested {
        return false;
    }
    known.completed = progress.completed_count();
    known.looked_at = Some(Instant::now());
    true
}

async fn page(
    transport: &SsmTransport,
    since: Timestamp,
    token: Option<String>,
) -> Result<(Vec<Command>, Option<String>), TransportError> {
    let answer = transport
        .call("ListCommands", Repeat::Read, || {
            let filter = CommandFilter::builder()
                .key(CommandFilterKey::InvokedAfter)
                .value(since.to_string())
                .build();
            let request = transport.client.list_commands().max_results(50);
            let request = request.set_next_token(token.clone());
            async {
                request
                    .set_filters(filter.ok().map(|f| vec![f]))
                    .send()
                    .await
            }
        })
        .await?;
    let next = answer
        .next_token()
        .filter(|token| !token.is_empty())
        .map(str::to_owned);
    Ok((answer.commands.unwrap_or_default(), next))
}

async fn results(
    transport: &SsmTransport,
    command: &CommandId,
) -> Result<Vec<Answer>, TransportError> {
    let rows = invocations(transport, command, true).await?;
    Ok(rows.iter().filter_map(|row| answer(command, row)).collect())
}

async fn invocations(
    transport: &SsmTransport,
    command: &CommandId,
    details: bool,
) -> Result<Vec<CommandInvocation>, TransportError> {
    let mut rows = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let page = transport
            .call("ListCommandInvocations", Repeat::Read, || {
                let request = transport.client.list_command_invocations();
                let request = request
                    .command_id(command.as_str())
                    .details(details)
                    .max_results(50);
                request.set_next_token(token.clone()).send()
            })
            .await?;
        token = page
            .next_token()
            .filter(|token| !token.is_empty())
            .map(str::to_owned);
        rows.extend(page.command_invocations.unwrap_or_default());
        if token.is_none() {
            return Ok(rows);
        }
    }
}

/// The end of a command on one instance; none while it is not over. Decided per invocation, never by
/// the command; both spellings are accepted, and an unknown word is not an end (ssm.md §1.3).
fn answer(command: &CommandId, row: &CommandInvocation) -> Option<Answer> {
    let status = row
        .status_details()
        .or(row.status().map(|status| status.as_str()))?;
    let word: String = status.chars().filter(char::is_ascii_alphabetic).collect();
    let content = match word.to_ascii_lowercase().as_str() {
        "success" | "failed" => reported(row).unwrap_or_else(AnswerContent::Garbled),
        // Killed by the agent, perhaps after the report was printed.
        "executiontimedout" | "timedout" => {
            reported(row).unwrap_or_else(|_| AnswerContent::Lost(status.to_owned()))
        }
        // Also said of commands that did run and whose reply was lost.
        "deliverytimedout" | "cancelled" | "terminated" => AnswerContent::Lost(status.to_owned()),
        "undeliverable" | "invalidplatform" | "accessdenied" => {
            AnswerContent::Undelivered(status.to_owned())
        }
        _ => return None,
    };
    Some(Answer {
        command: command.clone(),
        instance: InstanceId::new(row.instance_id()?),
        content,
    })
}

/// What the runner printed, before what it put on stderr.
fn reported(row: &CommandInvocation) -> Result<AnswerContent, String> {
    let output: String = row
        .command_plugins()
        .iter()
        .filter_map(|plugin| plugin.output())
        .collect();
    let stdout = output
        .split("\n----------ERROR-------")
        .next()
        .unwrap_or("");
    match report::parse(stdout) {
        Ok(reports) => Ok(AnswerContent::Reports(reports)),
        Err(problem) => report::parse_current(stdout)
            .map(AnswerContent::Current)
            .map_err(|_| problem.to_string()),
    }
}

pub(super) async fn find(
    transport: &SsmTransport,
    since: Timestamp,
    prefix: &str,
) -> Result<Vec<SentCommand>, TransportError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let (commands, next) = page(transport, since, token).await?;
        for command in commands {
            let Some(comment) = command
                .comment()
                .filter(|comment| comment.starts_with(prefix))
            else {
                continue;
            };
            let (Ok(comment), Some(id)) = (comment.parse::<Comment>(), command.command_id()) else {
                continue;
            };
            let id = CommandId::new(id);
            let mut instances: Vec<InstanceId> = command
                .instance_ids()
                .iter()
                .map(|id| InstanceId::new(id.as_str()))
                .collect();
            if instances.is_empty() {
                let rows = invocations(transport, &id, false).await?;
                instances = rows
                    .iter()
                    .filter_map(|row| row.instance_id().map(InstanceId::new))
                    .collect();
            }
            let at = command
                .requested_date_time()
                .map_or(since, |at| Timestamp::from_unix(at.secs()));
            found.push(SentCommand {
                command: id,
                comment,
                sent_at: at,
                instances,
            });
        }
        token = next;
        if token.is_none() {
            return Ok(found);
        }
    }
}

pub(super) async fn output(
    transport: &SsmTransport,
    command: &CommandId,
    instance: &InstanceId,
) -> Result<String, TransportError> {
    let answer = transport
        .call("GetCommandInvocation", Repeat::Read, || {
            let request = transport.client.get_command_invocation();
            request
                .command_id(command.as_str())
                .instance_id(instance.as_str())
                .send()
        })
        .await;
    match answer {
        Ok(answer) => {
            let stderr = answer.standard_error_content().unwrap_or("");
            let stdout = answer.standard_output_content().unwrap_or("");
            Ok(if stderr.is_empty() { stdout } else { stderr }.to_owned())
        }
        // Seen right after a send (ssm.md §1.4): there is nothing yet.
        Err(TransportError::Rejected { code, .. }) if code == "InvocationDoesNotExist" => {
            Ok(String::new())
        }
        Err(other) => Err(other),
    }
}
