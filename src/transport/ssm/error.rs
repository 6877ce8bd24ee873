//! What an error of the SDK proves: was the request accepted, may it be repeated, who can mend it.

use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::super::TransportError;

/// An error by what can be done about it.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not accepted; the service asks for patience.
    Throttled,
    /// Anything else.
    Error(TransportError),
}

/// Codes by which services ask for patience (they are not listed per operation; ssm.md §1.1).
const THROTTLING: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
];

/// Codes for permissions.
const DENIED: [&str; 4] = [
    "AccessDeniedException",
    "AccessDenied",
    "UnauthorizedOperation",
    "NotAuthorized",
];

/// Codes for credentials that nobody knows, or not any more.
const CREDENTIALS: [&str; 8] = [
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
];

/// Judges an error.
pub(super) fn judge<E>(
    operation: &'static str,
    endpoint: &str,
    error: SdkError<E, HttpResponse>,
) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let server_failed = error
        .raw_response()
        .is_some_and(|raw| raw.status().as_u16() >= 500);
    if let SdkError::ServiceError(answered) = &error {
        let metadata = answered.err().meta();
        let code = metadata.code().unwrap_or("unknown error");
        let message = metadata.message().unwrap_or("no message").to_owned();
        if THROTTLING.contains(&code) || answered.raw().status().as_u16() == 429 {
            return Fault::Throttled;
        }
        if DENIED.contains(&code) {
            return Fault::Error(TransportError::AccessDenied { operation, message });
        }
        if CREDENTIALS.contains(&code) {
            return Fault::Error(TransportError::Credentials {
                source: format!("{code}: {message}").into(),
            });
        }
        if !server_failed {
            let code = code.to_owned();
            return Fault::Error(TransportError::Rejected {
                operation,
                code,
                message,
            });
        }
    }
    let source = format!("{}", DisplayErrorContext(&error));
    Fault::Error(match &error {
        SdkError::ConstructionFailure(_) if is_about_credentials(&source) => {
            TransportError::Credentials {
                source: source.into(),
            }
        }
        SdkError::DispatchFailure(_) if is_about_credentials(&source) => {
            TransportError::Credentials {
                source: source.into(),
            }
        }
        SdkError::DispatchFailure(failure) if never_connected(failure) => {
            TransportError::Unreachable {
                endpoint: endpoint.to_owned(),
                source: source.into(),
            }
        }
        _ => TransportError::Ambiguous {
            operation,
            source: source.into(),
        },
    })
}

/// The request was never written: no address, no connection.
fn never_connected(failure: &aws_smithy_runtime_api::client::result::DispatchFailure) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> =
        failure.as_connector_error().map(|error| error as _);
    while let Some(error) = source {
        let words = error.to_string();
        if words.contains("(Connect)")
            || words.contains("dns error")
            || words.contains("connect timeout")
        {
            return true;
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        source = error.source();
    }
    false
}

fn is_about_credentials(chain: &str) -> bool {
    chain.contains("credential") || chain.contains("failed to load identity")
}
