//! SendCommand.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::{Constraints, is_target_key};
use super::error::ApiError;
use super::{form, structure};
use crate::model::desired::Platform;
use crate::model::id::InstanceId;
use crate::sandbox::command::{Accepted, Command, Target};
use crate::sandbox::document::{Document, Parameters, Script};
use crate::sandbox::host::Absence;
use crate::sandbox::locked;
use crate::sandbox::service::{Service, State};
use crate::sandbox::status::InvocationStatus;

/// Of the whole call; the service says no more than "a document".
const LARGEST_DOCUMENT: usize = 64 << 10;
const DEFAULT_TIMEOUT_SECONDS: i64 = 3_600;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    instance_ids: Option<Vec<String>>,
    #[serde(deserialize_with = "structure::list")]
    targets: Option<Vec<Target>>,
    document_name: Option<String>,
    document_version: Option<String>,
    document_hash: Option<String>,
    document_hash_type: Option<String>,
    timeout_seconds: Option<i64>,
    comment: Option<String>,
    parameters: Option<Parameters>,
    #[serde(rename = "OutputS3Region")]
    output_s3_region: Option<String>,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: Option<String>,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: Option<String>,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    service_role_arn: Option<String>,
    #[serde(deserialize_with = "structure::one")]
    notification_config: Option<Value>,
    #[serde(deserialize_with = "structure::one")]
    cloud_watch_output_config: Option<CloudWatchOutputConfig>,
    #[serde(deserialize_with = "structure::one")]
    alarm_configuration: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CloudWatchOutputConfig {
    cloud_watch_output_enabled: bool,
}

pub(super) fn send_command(
    service: &Arc<Service>,
    request: Request,
    bytes: usize,
) -> Result<Value, ApiError> {
    request.check()?;
    request.check_elsewhere()?;
    let (document, script) = request.document(bytes)?;
    let mut state = locked(&service.state);
    let instances = request.instances(&state)?;
    check_instances(&state, document, &instances)?;
    let now = service.now(&state);
    let accepted = Accepted {
        id: service.uuid().into(),
        document: document.name.to_owned(),
        document_version: request
            .document_version
            .unwrap_or_else(|| "$DEFAULT".to_owned()),
        comment: request.comment.unwrap_or_default(),
        parameters: request.parameters.unwrap_or_default(),
        instance_ids: request
            .instance_ids
            .unwrap_or_default()
            .into_iter()
            .map(InstanceId::from)
            .collect(),
        targets: request.targets.unwrap_or_default(),
        instances,
        requested_at: now,
        visible_at: now.plus_seconds(state.faults.get().list_delay),
        timeout_seconds: request
            .timeout_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(DEFAULT_TIMEOUT_SECONDS.unsigned_abs()),
        execution_timeout: script.execution_timeout,
        max_concurrency: request.max_concurrency.unwrap_or_else(|| "50".to_owned()),
        max_errors: request.max_errors.unwrap_or_else(|| "0".to_owned()),
    };
    if let Err(error) = service.keep_command(&accepted) {
        tracing::error!(%error, "could not keep a command");
        return Err(ApiError::internal());
    }
    let id = accepted.id.clone();
    let mut command = Command::new(accepted);
    for (instance, invocation) in &mut command.invocations {
        let platform = state.hosts.get(instance).map(|host| host.instance.platform);
        if platform != Some(document.runs_on) {
            invocation.end(InvocationStatus::InvalidPlatform, now);
            service.keep_invocation(&id, instance, invocation);
        }
    }
    let answer = json!({ "Command": form::command(&state, &command) });
    state.open.insert(id.clone());
    state.commands.insert(id.clone(), command);
    service.close(&mut state, &id);
    drop(state);
    service.release(&id);
    Ok(answer)
}

impl Request {
    /// Constraints of the model.
    fn check(&self) -> Result<(), ApiError> {
        let mut constraints = Constraints::default();
        let name = constraints.required(self.document_name.as_ref(), "documentName");
        if self.document_name.is_some() {
            let holds = (3..=128).contains(&name.len())
                && name
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || b"_-.:/".contains(&c));
            constraints.pattern(name, holds, r"^[a-zA-Z0-9_\-.:/]{3,128}$", "documentName");
        }
        if let Some(ids) = &self.instance_ids {
            constraints.count(
                ids.len(),
                format!("[{}]", ids.join(", ")),
                0..=50,
                "instanceIds",
            );
            for (number, id) in ids.iter().enumerate() {
                constraints.instance_id(id, &format!("instanceIds.{}.member", number + 1));
            }
        }
        if let Some(targets) = &self.targets {
            constraints.count(targets.len(), "[…]", 0..=5, "targets");
            for (number, target) in targets.iter().enumerate() {
                let place = format!("targets.{}.member", number + 1);
                let key = format!("{place}.key");
                constraints.length(&target.key, 1..=163, &key);
                let pattern = r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name";
                constraints.pattern(&target.key, is_target_key(&target.key), pattern, &key);
                constraints.count(
                    target.values.len(),
                    "[…]",
                    0..=50,
                    &format!("{place}.values"),
                );
            }
        }
        if let Some(version) = &self.document_version {
            let number = !version.starts_with('0') && version.bytes().all(|c| c.is_ascii_digit());
            let holds =
                matches!(version.as_str(), "$LATEST" | "$DEFAULT") || number && !version.is_empty();
            constraints.pattern(
                version,
                holds,
                "([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)",
                "documentVersion",
            );
        }
        if let Some(hash) = &self.document_hash {
            constraints.length(hash, 0..=256, "documentHash");
        }
        if let Some(kind) = &self.document_hash_type {
            constraints.one_of(kind, &["Sha256", "Sha1"], "documentHashType");
        }
        if let Some(seconds) = self.timeout_seconds {
            constraints.number(seconds, 30..=2_592_000, "timeoutSeconds");
        }
        if let Some(comment) = &self.comment {
            constraints.length(comment, 0..=100, "comment");
        }
        if let Some(share) = &self.max_concurrency {
            constraints.share(share, false, "maxConcurrency");
        }
        if let Some(share) = &self.max_errors {
            constraints.share(share, true, "maxErrors");
        }
        if let Some(region) = &self.output_s3_region {
            constraints.length(region, 3..=20, "outputS3Region");
        }
        if let Some(bucket) = &self.output_s3_bucket_name {
            constraints.length(bucket, 3..=63, "outputS3BucketName");
        }
        if let Some(prefix) = &self.output_s3_key_prefix {
            constraints.length(prefix, 0..=500, "outputS3KeyPrefix");
        }
        constraints.finish()
    }

    /// What goes to other services is refused: a sandbox that took it and did nothing would lie.
    fn check_elsewhere(&self) -> Result<(), ApiError> {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if given(&self.output_s3_bucket_name) || given(&self.output_s3_key_prefix) {
            return Err(ApiError::no_output_folder());
        }
        if self.notification_config.is_some() || given(&self.service_role_arn) {
            return Err(ApiError::no_notifications());
        }
        if self
            .cloud_watch_output_config
            .as_ref()
            .is_some_and(|c| c.cloud_watch_output_enabled)
        {
            return Err(ApiError::validation("The sandbox has no CloudWatch Logs"));
        }
        if self.alarm_configuration.is_some() {
            return Err(ApiError::validation("The sandbox has no CloudWatch alarms"));
        }
        Ok(())
    }

    fn document(&self, bytes: usize) -> Result<(&'static Document, Script), ApiError> {
        let name = self.document_name.as_deref().unwrap_or_default();
        let document = Document::find(name).ok_or_else(|| ApiError::invalid_document(name))?;
        if let Some(version) = &self.document_version
            && !matches!(version.as_str(), "$DEFAULT" | "$LATEST" | "1")
        {
            return Err(ApiError::invalid_document_version(version));
        }
        if let Some(hash) = &self.document_hash
            && *hash != document.hash()
        {
            return Err(ApiError::wrong_hash(name));
        }
        if bytes > LARGEST_DOCUMENT {
            return Err(ApiError::document_too_large());
        }
        let parameters = self.parameters.clone().unwrap_or_default();
        let script = document
            .fill_in(&parameters)
            .map_err(ApiError::invalid_parameters)?;
        Ok((document, script))
    }

    /// Whom it goes to. Tags find nobody: sandbox hosts have none.
    fn instances(&self, state: &State) -> Result<Vec<InstanceId>, ApiError> {
        let ids = self.instance_ids.as_deref().unwrap_or_default();
        let targets = self.targets.as_deref().unwrap_or_default();
        match (ids.is_empty(), targets.is_empty()) {
            (true, true) => Err(ApiError::validation(
                "Either InstanceIds or Targets must be specified",
            )),
            (false, false) => Err(ApiError::validation(
                "InstanceIds and Targets must not be specified together",
            )),
            (false, true) => {
                let unique: BTreeSet<_> = ids.iter().collect();
                if unique.len() < ids.len() {
                    return Err(ApiError::duplicate_instance());
                }
                Ok(ids.iter().map(|id| InstanceId::new(id.as_str())).collect())
            }
            (true, false) => Ok(state
                .hosts
                .keys()
                .filter(|id| {
                    targets.iter().all(|target| {
                        target.key == "InstanceIds"
                            && target.values.iter().any(|value| value == id.as_str())
                    })
                })
                .cloned()
                .collect()),
        }
    }
}

/// One that is not there fails the whole call.
fn check_instances(
    state: &State,
    document: &Document,
    instances: &[InstanceId],
) -> Result<(), ApiError> {
    let absent: Vec<String> = instances
        .iter()
        .filter(|id| !state.hosts.contains_key(*id) || state.absence(id) == Some(Absence::Stopped))
        .map(ToString::to_string)
        .collect();
    if !absent.is_empty() {
        return Err(ApiError::invalid_instances(&absent));
    }
    let platform = |id: &InstanceId| state.hosts.get(id).map(|host| host.instance.platform);
    let unsupported = instances.iter().find_map(|id| {
        platform(id)
            .filter(|platform| !document.accepts.contains(platform))
            .map(|p| (id, p))
    });
    match unsupported {
        Some((id, platform)) => Err(ApiError::unsupported_platform(
            id.as_str(),
            platform_type(platform),
        )),
        None => Ok(()),
    }
}

/// `PlatformType`.
pub(super) const fn platform_type(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => "Linux",
        Platform::Windows => "Windows",
    }
}
