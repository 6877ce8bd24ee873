//! Where each record lies on the branch and how it is written (design.md §7, formats.md).

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::LedgerError;
use crate::model::id::{EnvironmentName, HostName, Revision, RolloutId};
use crate::model::ledger::{BlockedRecord, Write};

/// Format number in `ledger.yaml`.
pub(super) const FORMAT: u64 = 1;

/// The format's file.
pub(super) const LEDGER: &str = "ledger.yaml";

/// The format file's bytes.
pub(super) fn format() -> Vec<u8> {
    format!("format: {FORMAT}\n").into_bytes()
}

pub(super) fn environment(environment: &EnvironmentName) -> String {
    format!("{environment}/environment.yaml")
}

pub(super) fn hosts(environment: &EnvironmentName) -> String {
    format!("{environment}/hosts")
}

pub(super) fn host(environment: &EnvironmentName, host: &HostName) -> String {
    format!("{environment}/hosts/{host}.yaml")
}

pub(super) fn blocked(environment: &EnvironmentName) -> String {
    format!("{environment}/blocked.yaml")
}

pub(super) fn rollouts(environment: &EnvironmentName) -> String {
    format!("{environment}/rollouts")
}

pub(super) fn rollout(environment: &EnvironmentName, id: &RolloutId) -> String {
    format!("{environment}/rollouts/{id}")
}

/// Path and bytes of one record; no bytes where its file goes.
pub(super) fn encode(
    name: &EnvironmentName,
    write: &Write,
) -> Result<(String, Option<Vec<u8>>), LedgerError> {
    Ok(match write {
        Write::Host(id, record) => (host(name, id), Some(yaml(record)?)),
        Write::Environment(record) => (environment(name), Some(yaml(record)?)),
        Write::Plan(id, plan) => (
            format!("{}/plan.json", rollout(name, id)),
            Some(json(plan)?),
        ),
        Write::Rollout(record) => (
            format!("{}/rollout.yaml", rollout(name, &record.id)),
            Some(yaml(record)?),
        ),
        Write::Wave(id, wave) => (
            format!("{}/wave-{}.yaml", rollout(name, id), wave.wave),
            Some(yaml(wave)?),
        ),
        Write::Blocked(record) if *record == BlockedRecord::default() => (blocked(name), None),
        Write::Blocked(record) => (blocked(name), Some(yaml(record)?)),
    })
}

fn yaml(value: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    let text = serde_yaml::to_string(value).map_err(|error| LedgerError::Git {
        what: "write a record",
        source: Box::new(error),
    })?;
    Ok(text.into_bytes())
}

/// Sorted keys, so that equal plans are equal bytes.
fn json(value: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    let failed = |error: serde_json::Error| LedgerError::Git {
        what: "write a plan",
        source: Box::new(error),
    };
    let sorted = serde_json::to_value(value).map_err(failed)?;
    let mut text = serde_json::to_vec_pretty(&sorted).map_err(failed)?;
    text.push(b'\n');
    Ok(text)
}

/// Reads a record; what does not fit names the file and the commit.
pub(super) fn decode<T: DeserializeOwned>(
    path: &str,
    at: &Revision,
    bytes: &[u8],
) -> Result<T, LedgerError> {
    let corrupt = |problem: String| LedgerError::Corrupt {
        path: path.to_owned(),
        revision: at.clone(),
        problem,
    };
    if path.ends_with(".json") {
        serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))
    } else {
        serde_yaml::from_slice(bytes).map_err(|error| corrupt(error.to_string()))
    }
}
