//! Operations that only a sandbox has: registration, faults, counters and moving its time.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Constraints;
use super::error::ApiError;
use super::parse;
use crate::model::id::check_name;
use crate::sandbox::host::SandboxInstance;
use crate::sandbox::locked;
use crate::sandbox::service::Service;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Register {
    instances: Vec<SandboxInstance>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct ReadCounters {
    /// Start again from zero.
    reset: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

pub(super) fn call(
    service: &Arc<Service>,
    operation: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    match operation {
        "Register" => register(service, &parse(body)?),
        "Faults" => {
            service.set_faults(parse(body)?);
            Ok(json!({}))
        }
        "Counters" => counters(service, &parse(body)?),
        "Advance" => {
            let Advance { seconds } = parse(body)?;
            Ok(json!({ "Now": service.advance(seconds).iso() }))
        }
        _ => Err(ApiError::unknown_operation()),
    }
}

fn register(service: &Arc<Service>, request: &Register) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    for (number, instance) in request.instances.iter().enumerate() {
        let place = format!("instances.{}.member", number + 1);
        constraints.instance_id(instance.instance_id.as_str(), &place);
        for name in [instance.environment.as_str(), instance.host.as_str()] {
            // They become folders.
            constraints.pattern(
                name,
                check_name(name).is_ok(),
                "[a-z0-9][a-z0-9._-]{0,62}",
                &place,
            );
        }
    }
    constraints.finish()?;
    service.register(&request.instances).map_err(|error| {
        tracing::error!(%error, "could not register instances");
        ApiError::internal()
    })?;
    for instance in &request.instances {
        service.deliver(&instance.instance_id);
    }
    let state = locked(&service.state);
    let answer: Vec<Value> = request
        .instances
        .iter()
        .map(|instance| {
            let absence = state.absence(&instance.instance_id);
            json!({
                "InstanceId": instance.instance_id,
                "Online": absence.is_none(),
                "Reason": absence.map_or("", |absence| absence.reason()),
            })
        })
        .collect();
    Ok(json!({ "Instances": answer }))
}

fn counters(service: &Arc<Service>, request: &ReadCounters) -> Result<Value, ApiError> {
    let counters = service.counters(request.reset);
    serde_json::to_value(counters).map_err(|error| ApiError::serialization(&error))
}
