//! The operations: who may call what, with which words it is refused, and the form of each answer.

mod cancel;
mod check;
mod describe;
mod error;
mod filter;
mod form;
mod get;
mod list;
mod own;
mod page;
mod send;
mod structure;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::error::ApiError;
use super::faults::Strike;
use super::locked;
use super::service::Service;
use super::time::Millis;

const SERVICE: &str = "AmazonSSM";
/// Operations that only a sandbox has.
const OWN: &str = "FleetSandbox";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// An HTTP answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// The connection ends instead.
    pub(super) cut: bool,
}

/// Answers one request; `body` is none where it was too long or did not arrive.
pub(super) fn answer(service: &Arc<Service>, head: &request::Parts, body: Option<&[u8]>) -> Answer {
    let mut cut = false;
    let result = call(service, head, body, &mut cut);
    let (status, body) = match result {
        Ok(value) => (StatusCode::OK, value.to_string()),
        Err(error) => (error.status, error.body()),
    };
    Answer {
        status,
        headers: headers(service),
        body,
        cut,
    }
}

fn headers(service: &Service) -> HeaderMap {
    let skew = locked(&service.state).faults.get().clock_skew;
    let date = Millis(
        service
            .wall_clock()
            .0
            .saturating_add(skew.saturating_mul(1_000)),
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    for (name, value) in [
        (header::DATE, date.http()),
        (HeaderName::from_static("x-amzn-requestid"), service.uuid()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers
}

fn call(
    service: &Arc<Service>,
    head: &request::Parts,
    body: Option<&[u8]>,
    cut: &mut bool,
) -> Result<Value, ApiError> {
    if head.method != Method::POST || head.uri.path() != "/" {
        return Err(ApiError::unknown_operation());
    }
    // A page that somebody reads in a browser must not be able to run scripts here.
    if !is_local(head) {
        return Err(ApiError::access_denied(
            "the Host header names no loopback address".to_owned(),
        ));
    }
    let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::CONTENT_TYPE).is_none_or(|kind| !kind.starts_with(CONTENT_TYPE)) {
        return Err(ApiError::unknown_operation());
    }
    let target = text(HeaderName::from_static("x-amz-target")).unwrap_or_default();
    let (prefix, operation) = target
        .split_once('.')
        .ok_or_else(ApiError::unknown_operation)?;
    let body = body.ok_or_else(ApiError::too_long)?;
    if prefix == OWN {
        return own::call(service, operation, body);
    }
    if prefix != SERVICE {
        return Err(ApiError::unknown_operation());
    }
    let strike = {
        let mut state = locked(&service.state);
        *state
            .counters
            .calls
            .entry(operation.to_owned())
            .or_default() += 1;
        let now = service.now(&state);
        state.faults.strike(operation, now)
    };
    let before = match strike {
        Some(Strike::Throttle) => Err(ApiError::throttled()),
        Some(Strike::Deny) => Err(ApiError::not_authorized(operation)),
        Some(Strike::Fail) => Err(ApiError::internal()),
        Some(Strike::Cut) => {
            *cut = true;
            Err(ApiError::internal())
        }
        Some(Strike::FailAfter | Strike::CutAfter) | None => Ok(()),
    };
    let result = before.and_then(|()| {
        if !head.headers.contains_key(header::AUTHORIZATION) {
            return Err(ApiError::missing_token());
        }
        operate(service, operation, body)
    });
    let result = match strike {
        Some(Strike::FailAfter) => result.and(Err(ApiError::internal())),
        Some(Strike::CutAfter) => {
            *cut = true;
            result
        }
        _ => result,
    };
    if let Err(error) = &result {
        let mut state = locked(&service.state);
        let errors = state
            .counters
            .errors
            .entry(operation.to_owned())
            .or_default();
        *errors.entry(error.code.to_owned()).or_default() += 1;
    }
    result
}

fn operate(service: &Arc<Service>, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
    expire(service);
    match operation {
        "SendCommand" => send::send_command(service, parse(body)?, body.len()),
        "CancelCommand" => cancel::cancel_command(service, parse(body)?),
        "ListCommands" => list::list_commands(service, parse(body)?),
        "ListCommandInvocations" => list::list_command_invocations(service, parse(body)?),
        "GetCommandInvocation" => get::get_command_invocation(service, parse(body)?),
        "DescribeInstanceInformation" => {
            describe::describe_instance_information(service, parse(body)?)
        }
        _ => Err(ApiError::unknown_operation()),
    }
}

/// Timeouts that nobody looks at need not strike on time; these are looked at.
fn expire(service: &Arc<Service>) {
    let mut state = locked(&service.state);
    let now = service.now(&state);
    for (command, instance) in state.expire(now) {
        if let Some(invocation) = state.invocation(&command, &instance) {
            service.keep_invocation(&command, &instance, invocation);
        }
        service.close(&mut state, &command);
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    // serde takes a list for a structure, member by member; the service does not.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(ApiError::serialization(&"the request is no structure"));
    }
    serde_json::from_slice(body).map_err(|error| ApiError::serialization(&error))
}

fn is_local(head: &request::Parts) -> bool {
    let host = head
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    name.is_some_and(|name| {
        name == "localhost"
            || name
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}
