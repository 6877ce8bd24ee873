//! The forms in which commands and invocations are shown.

use serde_json::{Value, json};

use crate::model::id::InstanceId;
use crate::sandbox::command::{Command, Invocation, Stage};
use crate::sandbox::document::Document;
use crate::sandbox::service::State;
use crate::sandbox::status::InvocationStatus;
use crate::sandbox::time::Millis;

fn no_notifications() -> Value {
    json!({ "NotificationArn": "", "NotificationEvents": [], "NotificationType": "" })
}

fn no_log_group() -> Value {
    json!({ "CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false })
}

/// The status that the service shows: it cannot tell a command that is under way to an agent that
/// is down from one that runs there.
pub(super) fn shown_status(
    state: &State,
    instance: &InstanceId,
    invocation: &Invocation,
) -> InvocationStatus {
    let unheard = match invocation.stage {
        Stage::Lost => true,
        Stage::Sent => state.absence(instance).is_some(),
        _ => false,
    };
    if unheard && invocation.status == InvocationStatus::Pending {
        return InvocationStatus::InProgress;
    }
    invocation.status
}

/// A `Command`.
pub(super) fn command(state: &State, command: &Command) -> Value {
    let accepted = &command.accepted;
    let summary =
        command.summary_with(|instance, invocation| shown_status(state, instance, invocation));
    json!({
        "CommandId": accepted.id,
        "DocumentName": accepted.document,
        "DocumentVersion": accepted.document_version,
        "Comment": accepted.comment,
        "ExpiresAfter": accepted.expires_at().epoch(),
        "Parameters": accepted.parameters,
        "InstanceIds": accepted.instance_ids,
        "Targets": accepted.targets,
        "RequestedDateTime": accepted.requested_at.epoch(),
        "Status": summary.status,
        "StatusDetails": summary.details,
        "OutputS3Region": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": accepted.max_concurrency,
        "MaxErrors": accepted.max_errors,
        "TargetCount": accepted.instances.len(),
        "CompletedCount": summary.completed,
        "ErrorCount": summary.errors,
        "DeliveryTimedOutCount": summary.delivery_timed_out,
        "ServiceRole": "",
        "NotificationConfig": no_notifications(),
        "CloudWatchOutputConfig": no_log_group(),
        "TimeoutSeconds": accepted.timeout_seconds,
        "TriggeredAlarms": [],
    })
}

/// A `CommandInvocation`.
pub(super) fn invocation(
    state: &State,
    command: &Command,
    instance: &InstanceId,
    invocation: &Invocation,
    details: bool,
) -> Value {
    let accepted = &command.accepted;
    let status = shown_status(state, instance, invocation);
    let plugins = if details {
        vec![plugin(command, invocation, status)]
    } else {
        Vec::new()
    };
    let name = state
        .hosts
        .get(instance)
        .map_or("", |host| host.instance.host.as_str());
    json!({
        "CommandId": accepted.id,
        "InstanceId": instance,
        "InstanceName": name,
        "Comment": accepted.comment,
        "DocumentName": accepted.document,
        "DocumentVersion": accepted.document_version,
        "RequestedDateTime": accepted.requested_at.epoch(),
        "Status": status.api(),
        "StatusDetails": status.details(),
        "TraceOutput": "",
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": plugins,
        "ServiceRole": "",
        "NotificationConfig": no_notifications(),
        "CloudWatchOutputConfig": no_log_group(),
    })
}

fn plugin(command: &Command, invocation: &Invocation, status: InvocationStatus) -> Value {
    let mut plugin = json!({
        "Name": plugin_name(command),
        "Status": status.plugin(),
        "StatusDetails": status.details(),
        "ResponseCode": invocation.code,
        "Output": invocation.output,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "OutputS3Region": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
    });
    for (key, time) in [
        ("ResponseStartDateTime", invocation.started_at),
        ("ResponseFinishDateTime", invocation.ended_at),
    ] {
        if let Some(time) = time {
            plugin[key] = time.epoch();
        }
    }
    plugin
}

/// `aws:runShellScript`.
pub(super) fn plugin_name(command: &Command) -> &'static str {
    Document::find(&command.accepted.document).map_or("", |document| document.plugin)
}

/// `PT0.065S`.
pub(super) fn elapsed(from: Millis, to: Millis) -> String {
    let elapsed = to.since(from);
    let (seconds, millis) = (elapsed.as_secs(), elapsed.subsec_millis());
    let fraction = match millis {
        0 => String::new(),
        millis => format!(".{millis:03}").trim_end_matches('0').to_owned(),
    };
    let mut text = String::from("PT");
    for (unit, amount) in [("H", seconds / 3_600), ("M", seconds / 60 % 60)] {
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
        }
    }
    if seconds % 60 > 0 || !fraction.is_empty() || seconds == 0 {
        text.push_str(&format!("{}{fraction}S", seconds % 60));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elapsed_time_is_iso_8601() {
        for (millis, text) in [
            (0, "PT0S"),
            (65, "PT0.065S"),
            (1_500, "PT1.5S"),
            (60_000, "PT1M"),
            (3_661_010, "PT1H1M1.01S"),
        ] {
            assert_eq!(elapsed(Millis(0), Millis(millis)), text);
        }
    }
}
