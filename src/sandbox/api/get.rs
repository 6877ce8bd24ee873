//! GetCommandInvocation.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Constraints;
use super::error::ApiError;
use super::form;
use crate::model::id::InstanceId;
use crate::sandbox::locked;
use crate::sandbox::service::Service;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    command_id: Option<String>,
    instance_id: Option<String>,
    plugin_name: Option<String>,
}

pub(super) fn get_command_invocation(
    service: &Arc<Service>,
    request: Request,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let command_id = constraints.required(request.command_id.as_ref(), "commandId");
    if request.command_id.is_some() {
        constraints.command_id(command_id, "commandId");
    }
    let instance_id = constraints.required(request.instance_id.as_ref(), "instanceId");
    if request.instance_id.is_some() {
        constraints.instance_id(instance_id, "instanceId");
    }
    if let Some(plugin) = &request.plugin_name {
        constraints.length(plugin, 4..=usize::MAX, "pluginName");
    }
    constraints.finish()?;
    let state = locked(&service.state);
    let now = service.now(&state);
    let command = state
        .commands
        .get(command_id)
        .filter(|command| command.accepted.visible_at <= now)
        .ok_or_else(ApiError::no_invocation)?;
    let instance = InstanceId::new(instance_id);
    let invocation = command
        .invocations
        .get(&instance)
        .ok_or_else(ApiError::no_invocation)?;
    let plugin = form::plugin_name(command);
    if request
        .plugin_name
        .as_ref()
        .is_some_and(|asked| asked != plugin)
    {
        return Err(ApiError::invalid_plugin());
    }
    let status = form::shown_status(&state, &instance, invocation);
    let started = invocation
        .started_at
        .map(|time| time.iso())
        .unwrap_or_default();
    let ended = invocation
        .ended_at
        .filter(|_| invocation.started_at.is_some());
    let elapsed = invocation
        .started_at
        .zip(ended)
        .map(|(from, to)| form::elapsed(from, to))
        .unwrap_or_default();
    Ok(json!({
        "CommandId": command.accepted.id,
        "InstanceId": instance,
        "Comment": command.accepted.comment,
        "DocumentName": command.accepted.document,
        "DocumentVersion": command.accepted.document_version,
        "PluginName": plugin,
        "ResponseCode": invocation.code,
        "ExecutionStartDateTime": started,
        "ExecutionElapsedTime": elapsed,
        "ExecutionEndDateTime": ended.map(|time| time.iso()).unwrap_or_default(),
        "Status": status.api(),
        "StatusDetails": status.details(),
        "StandardOutputContent": invocation.standard_output,
        "StandardOutputUrl": "",
        "StandardErrorContent": invocation.standard_error,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": { "CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false },
    }))
}
