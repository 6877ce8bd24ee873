//! CancelCommand.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Constraints;
use super::error::ApiError;
use crate::model::id::InstanceId;
use crate::sandbox::command::Stage;
use crate::sandbox::locked;
use crate::sandbox::service::{Service, State};
use crate::sandbox::status::InvocationStatus;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    command_id: Option<String>,
    instance_ids: Option<Vec<String>>,
}

pub(super) fn cancel_command(service: &Arc<Service>, request: Request) -> Result<Value, ApiError> {
    let ids = request.instance_ids.unwrap_or_default();
    let mut constraints = Constraints::default();
    let command_id = constraints.required(request.command_id.as_ref(), "commandId");
    if request.command_id.is_some() {
        constraints.command_id(command_id, "commandId");
    }
    constraints.count(
        ids.len(),
        format!("[{}]", ids.join(", ")),
        0..=50,
        "instanceIds",
    );
    for (number, id) in ids.iter().enumerate() {
        constraints.instance_id(id, &format!("instanceIds.{}.member", number + 1));
    }
    constraints.finish()?;
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(ApiError::duplicate_instance());
    }
    let mut state = locked(&service.state);
    let now = service.now(&state);
    let State {
        commands, cancels, ..
    } = &mut *state;
    let command = commands
        .get_mut(command_id)
        .ok_or_else(ApiError::invalid_command)?;
    let foreign: Vec<String> = ids
        .iter()
        .filter(|id| !command.invocations.contains_key(id.as_str()))
        .cloned()
        .collect();
    if !foreign.is_empty() {
        return Err(ApiError::invalid_instances(&foreign));
    }
    let id = command.accepted.id.clone();
    command.cancelling |= ids.is_empty();
    for (instance, invocation) in &mut command.invocations {
        let meant = ids.is_empty() || ids.iter().any(|id| id.as_str() == instance.as_str());
        if !meant || invocation.status.is_terminal() {
            continue;
        }
        if invocation.stage == Stage::Running {
            invocation.status = InvocationStatus::Cancelling;
            let key: (_, InstanceId) = (id.clone(), instance.clone());
            for cancel in cancels.get(&key).into_iter().flatten() {
                cancel.request();
            }
        } else {
            invocation.end(InvocationStatus::Cancelled, now);
        }
        service.keep_invocation(&id, instance, invocation);
    }
    service.close(&mut state, &id);
    Ok(json!({}))
}
