//! What an error of the SDK proves. For a send everything hangs on one question: can the service
//! have accepted the request? Where that is not certain, it may have.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};

use super::client::Operation;
use crate::transport::TransportError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not taken because there were too many.
    Throttled,
    /// There was no connection to carry the request: nothing was accepted.
    NeverSent(BoxError),
    /// The request may have arrived, and its answer did not, or says nothing.
    Unclear(BoxError),
    /// There was nothing to sign with, or AWS does not believe it.
    Credentials(BoxError),
    /// AWS knows who asks and does not allow it.
    Denied(String),
    /// Refused for what it says.
    Refused { code: String, message: String },
}

impl Fault {
    /// Sorts an error of the SDK.
    pub(super) fn of<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code();
                let message = service.err().message();
                Self::of_answer(status, code, message)
                    .unwrap_or_else(|| Self::Unclear(error.into()))
            }
            SdkError::ConstructionFailure(_) => Self::of_credentials(error.into(), Self::NeverSent),
            SdkError::DispatchFailure(_) => {
                let sort = if never_connected(&error) {
                    Self::NeverSent
                } else {
                    Self::Unclear
                };
                Self::of_credentials(error.into(), sort)
            }
            _ => Self::Unclear(error.into()),
        }
    }

    /// An answer with an error code; none where it proves nothing.
    fn of_answer(status: u16, code: Option<&str>, message: Option<&str>) -> Option<Self> {
        let code = code?;
        let message = message.unwrap_or("no reason given").to_owned();
        if status == 429 || THROTTLED.contains(&code) {
            Some(Self::Throttled)
        } else if CREDENTIALS.contains(&code) {
            Some(Self::Credentials(format!("{code}: {message}").into()))
        } else if DENIED.contains(&code) {
            Some(Self::Denied(message))
        } else if status >= 500 {
            None
        } else {
            let code = code.to_owned();
            Some(Self::Refused { code, message })
        }
    }

    fn of_credentials(error: BoxError, otherwise: fn(BoxError) -> Self) -> Self {
        if chain(error.as_ref()).any(|e| e.is::<CredentialsError>()) {
            return Self::Credentials(error);
        }
        otherwise(error)
    }

    /// The end of a call. One that only reads can be repeated, so nothing of it is ambiguous.
    pub(super) fn into_error(
        self,
        operation: Operation,
        endpoint: &str,
        tried: Duration,
    ) -> TransportError {
        let name = operation.name;
        match self {
            Self::Unclear(source) if !operation.reads => TransportError::Ambiguous {
                operation: name,
                source,
            },
            Self::NeverSent(source) | Self::Unclear(source) => TransportError::Unreachable {
                endpoint: endpoint.to_owned(),
                source,
            },
            Self::Throttled => TransportError::Throttled {
                operation: name,
                seconds: tried.as_secs(),
            },
            Self::Credentials(source) => TransportError::Credentials { source },
            Self::Denied(message) => TransportError::AccessDenied {
                operation: name,
                message,
            },
            Self::Refused { code, message } => TransportError::Rejected {
                operation: name,
                code,
                message,
            },
        }
    }
}

/// The codes that the SDK itself takes for throttling (aws-runtime `retries::classifiers`).
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// From the list of errors that all AWS services share, and STS.
const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedOperation",
];

/// Whether the HTTP client says that it had no connection. Only this proves that nothing was sent:
/// an I/O error of another kind may come after the last byte of the request.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error)
        .filter_map(|e| e.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_what_they_prove() {
        let check = |status, code, expected: &str| {
            let fault = Fault::of_answer(status, code, Some("because"));
            let kind = fault.map(|fault| {
                let text = format!("{fault:?}");
                text.split(['(', ' ']).next().unwrap().to_owned()
            });
            assert_eq!(
                kind.as_deref().unwrap_or("Unclear"),
                expected,
                "{status} {code:?}"
            );
        };
        check(400, Some("ThrottlingException"), "Throttled");
        check(429, Some("Anything"), "Throttled");
        check(503, Some("SlowDown"), "Throttled");
        check(400, Some("ExpiredTokenException"), "Credentials");
        check(403, Some("UnrecognizedClientException"), "Credentials");
        check(400, Some("AccessDeniedException"), "Denied");
        check(400, Some("InvalidInstanceId"), "Refused");
        check(500, Some("InternalServerError"), "Unclear");
        check(503, Some("ServiceUnavailable"), "Unclear");
        // A proxy's page, not an answer of the service.
        check(403, None, "Unclear");
    }
}
