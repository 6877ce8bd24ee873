//! ListCommands and ListCommandInvocations, newest first.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Constraints;
use super::error::ApiError;
use super::filter::{CommandFilter, Filters, Subject};
use super::{form, page, structure};
use crate::sandbox::command::Command;
use crate::sandbox::locked;
use crate::sandbox::service::{Service, State};
use crate::sandbox::time::Millis;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    command_id: Option<String>,
    instance_id: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(deserialize_with = "structure::list")]
    filters: Option<Vec<CommandFilter>>,
    details: Option<bool>,
}

impl Request {
    fn check(&self) -> Result<(), ApiError> {
        let mut constraints = Constraints::default();
        if let Some(id) = &self.command_id {
            constraints.command_id(id, "commandId");
        }
        if let Some(id) = &self.instance_id {
            constraints.instance_id(id, "instanceId");
        }
        if let Some(most) = self.max_results {
            constraints.number(most, 1..=50, "maxResults");
        }
        constraints.finish()
    }

    fn page_size(&self) -> usize {
        self.max_results
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(50)
    }

    /// What a token must agree on.
    fn question(&self, operation: &str) -> String {
        format!(
            "{operation} {:?} {:?} {:?}",
            self.command_id, self.instance_id, self.filters
        )
    }

    /// Commands that can be seen, newest first.
    fn commands<'a>(&self, state: &'a State, now: Millis) -> Vec<&'a Command> {
        let mut commands: Vec<&Command> = match &self.command_id {
            Some(id) => state.commands.get(id.as_str()).into_iter().collect(),
            None => state.commands.values().collect(),
        };
        commands.retain(|command| {
            command.accepted.visible_at <= now
                && self
                    .instance_id
                    .as_ref()
                    .is_none_or(|id| command.invocations.contains_key(id.as_str()))
        });
        commands.sort_by_key(|command| {
            (
                std::cmp::Reverse(command.accepted.requested_at),
                command.accepted.id.clone(),
            )
        });
        commands
    }
}

pub(super) fn list_commands(service: &Arc<Service>, request: Request) -> Result<Value, ApiError> {
    request.check()?;
    let filters = Filters::check(request.filters.as_ref(), true)?;
    let state = locked(&service.state);
    let mut commands = request.commands(&state, service.now(&state));
    commands.retain(|command| {
        let summary = command
            .summary_with(|instance, invocation| form::shown_status(&state, instance, invocation));
        filters.let_through(&Subject {
            requested_at: command.accepted.requested_at,
            document: &command.accepted.document,
            status: summary.status,
            details: summary.details,
            complete: summary.is_complete(),
        })
    });
    let (commands, next) = page::cut(
        commands,
        request.page_size(),
        request.next_token.as_ref(),
        &request.question("ListCommands"),
        |command| command.accepted.id.to_string(),
    )?;
    let commands: Vec<Value> = commands
        .into_iter()
        .map(|command| form::command(&state, command))
        .collect();
    Ok(with_token(json!({ "Commands": commands }), next))
}

pub(super) fn list_command_invocations(
    service: &Arc<Service>,
    request: Request,
) -> Result<Value, ApiError> {
    request.check()?;
    let filters = Filters::check(request.filters.as_ref(), false)?;
    let state = locked(&service.state);
    let commands = request.commands(&state, service.now(&state));
    let mut invocations = Vec::new();
    for command in commands {
        for (instance, invocation) in &command.invocations {
            if request
                .instance_id
                .as_ref()
                .is_some_and(|id| id.as_str() != instance.as_str())
            {
                continue;
            }
            let status = form::shown_status(&state, instance, invocation);
            let subject = Subject {
                requested_at: command.accepted.requested_at,
                document: &command.accepted.document,
                status: status.api(),
                details: status.details(),
                complete: status.is_terminal(),
            };
            if filters.let_through(&subject) {
                invocations.push((command, instance, invocation));
            }
        }
    }
    let (invocations, next) = page::cut(
        invocations,
        request.page_size(),
        request.next_token.as_ref(),
        &request.question("ListCommandInvocations"),
        |(command, instance, _)| format!("{}/{instance}", command.accepted.id),
    )?;
    let details = request.details.unwrap_or(false);
    let invocations: Vec<Value> = invocations
        .into_iter()
        .map(|(command, instance, invocation)| {
            form::invocation(&state, command, instance, invocation, details)
        })
        .collect();
    Ok(with_token(
        json!({ "CommandInvocations": invocations }),
        next,
    ))
}

/// The last page has no token.
pub(super) fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    answer
}
