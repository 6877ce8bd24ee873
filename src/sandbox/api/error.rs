//! Errors as the service words them.

use axum::http::StatusCode;
use serde_json::{Map, Value};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// `__type`.
    pub(super) code: &'static str,
    /// The name of the message's field, and the message. Some errors have none.
    message: Option<(&'static str, String)>,
}

/// The account of everything here.
pub(super) const ACCOUNT: &str = "000000000000";

impl ApiError {
    fn new(code: &'static str, message: Option<(&'static str, String)>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message,
        }
    }

    /// An error of the service's model, whose message field is capitalised.
    fn modeled(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Some(("Message", message.into())))
    }

    /// An error of the model that has no message.
    fn silent(code: &'static str) -> Self {
        Self::new(code, None)
    }

    /// An error that every AWS service has.
    fn common(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Some(("message", message.into())))
    }

    pub(super) fn body(&self) -> String {
        let mut body = Map::new();
        body.insert("__type".to_owned(), self.code.into());
        if let Some((field, message)) = &self.message {
            body.insert((*field).to_owned(), message.as_str().into());
        }
        Value::Object(body).to_string()
    }

    pub(super) fn unknown_operation() -> Self {
        Self::silent("UnknownOperationException")
    }

    pub(super) fn too_long() -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self {
            status,
            ..Self::common("RequestEntityTooLargeException", "The request is too long.")
        }
    }

    pub(super) fn serialization(error: &impl std::fmt::Display) -> Self {
        Self::common("SerializationException", error.to_string())
    }

    pub(super) fn missing_token() -> Self {
        Self::common("MissingAuthenticationToken", "Missing Authentication Token")
    }

    pub(super) fn access_denied(message: String) -> Self {
        Self::common("AccessDeniedException", message)
    }

    pub(super) fn not_authorized(operation: &str) -> Self {
        Self::access_denied(format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/sandbox/sandbox is not authorized to perform: ssm:{operation}"
        ))
    }

    pub(super) fn throttled() -> Self {
        Self::common("ThrottlingException", "Rate exceeded")
    }

    pub(super) fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self {
            status,
            ..Self::modeled("InternalServerError", "An internal error occurred.")
        }
    }

    /// `violations` are `Value '…' at '…' failed to satisfy constraint: …`.
    pub(super) fn constraints(violations: &[String]) -> Self {
        let plural = if violations.len() == 1 {
            "error"
        } else {
            "errors"
        };
        let count = violations.len();
        Self::validation(format!(
            "{count} validation {plural} detected: {}",
            violations.join("; ")
        ))
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::common("ValidationException", message)
    }

    pub(super) fn invalid_document(name: &str) -> Self {
        Self::modeled(
            "InvalidDocument",
            format!("Document {name} does not exist in your account"),
        )
    }

    pub(super) fn wrong_hash(name: &str) -> Self {
        Self::modeled(
            "InvalidDocument",
            format!("Document {name} has another hash"),
        )
    }

    pub(super) fn invalid_document_version(version: &str) -> Self {
        Self::modeled(
            "InvalidDocumentVersion",
            format!("Document version {version} does not exist"),
        )
    }

    pub(super) fn document_too_large() -> Self {
        Self::modeled(
            "MaxDocumentSizeExceeded",
            "The size limit of a document is 64 KB",
        )
    }

    pub(super) fn invalid_parameters(message: String) -> Self {
        Self::modeled("InvalidParameters", message)
    }

    pub(super) fn duplicate_instance() -> Self {
        Self::silent("DuplicateInstanceId")
    }

    pub(super) fn invalid_instances(ids: &[String]) -> Self {
        let ids = ids.join(", ");
        Self::modeled(
            "InvalidInstanceId",
            format!("Instances [[{ids}]] not in a valid state for account {ACCOUNT}"),
        )
    }

    pub(super) fn unsupported_platform(instance: &str, platform: &str) -> Self {
        Self::modeled(
            "UnsupportedPlatformType",
            format!(
                "Cannot perform operation for instance id {instance} of platform type {platform}"
            ),
        )
    }

    pub(super) fn no_output_folder() -> Self {
        Self::silent("InvalidOutputFolder")
    }

    pub(super) fn no_notifications() -> Self {
        Self::modeled(
            "InvalidNotificationConfig",
            "The sandbox has no notifications",
        )
    }

    pub(super) fn invalid_command() -> Self {
        Self::silent("InvalidCommandId")
    }

    pub(super) fn no_invocation() -> Self {
        Self::silent("InvocationDoesNotExist")
    }

    pub(super) fn invalid_plugin() -> Self {
        Self::silent("InvalidPluginName")
    }

    pub(super) fn invalid_filter_key() -> Self {
        Self::silent("InvalidFilterKey")
    }

    pub(super) fn invalid_instance_filter(message: String) -> Self {
        Self::new(
            "InvalidInstanceInformationFilterValue",
            Some(("message", message)),
        )
    }

    pub(super) fn invalid_next_token() -> Self {
        Self::modeled("InvalidNextToken", "The specified token isn't valid.")
    }
}
