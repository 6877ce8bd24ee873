//! Faults that can be switched on: what real networks and services do on a bad day.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::SandboxError;
use super::time::Millis;
use crate::model::id::InstanceId;

/// Everything that can go wrong on purpose. An empty one is a good day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Answered with ThrottlingException.
    pub throttle: Vec<CallFault>,
    /// Answered with AccessDeniedException.
    pub deny: Vec<CallFault>,
    /// Answered with InternalServerError; nothing is done.
    pub fail: Vec<CallFault>,
    /// The connection is cut before anything is done.
    pub cut: Vec<CallFault>,
    /// Done, and then answered with InternalServerError.
    pub fail_after: Vec<CallFault>,
    /// Done, and then the connection is cut without an answer.
    pub cut_after: Vec<CallFault>,
    /// Accepted and never delivered.
    pub lose: Vec<DeliveryFault>,
    /// Delivered twice: the script runs twice at the same time.
    pub duplicate: Vec<DeliveryFault>,
    /// Seconds until a new command is seen by anything that reads.
    pub list_delay: u64,
    /// Seconds until a command is delivered.
    pub delivery_delay: u64,
    /// These have lost their connection: accepted for them, delivered once they are back.
    pub offline: Vec<InstanceId>,
    /// These are stopped: the service does not list them and rejects commands for them.
    pub stopped: Vec<InstanceId>,
    /// Bytes that are kept of each output stream.
    pub truncate: Option<usize>,
    /// Seconds that the Date header is ahead of the truth.
    pub clock_skew: i64,
}

/// Which calls a fault hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    /// `SendCommand`, or `*` for every operation of the service.
    pub operation: String,
    /// How many of them; all if neither this nor `seconds` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// For how long after the faults were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many calls are let through first.
    #[serde(default)]
    pub after: u64,
}

/// Which deliveries a fault hits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryFault {
    /// To these instances; to all if none is given.
    pub instances: Vec<InstanceId>,
    /// How many of them; all if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

impl Faults {
    /// Reads a YAML or JSON file.
    ///
    /// # Errors
    /// The file cannot be read, or has a key or value that is no fault.
    pub fn load(path: &Path) -> Result<Self, SandboxError> {
        let text = std::fs::read_to_string(path).map_err(SandboxError::folder("read", path))?;
        serde_yaml::from_str(&text).map_err(|source| SandboxError::Faults {
            path: path.to_owned(),
            source,
        })
    }
}

/// Where a call fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    Throttle,
    Deny,
    Fail,
    Cut,
    FailAfter,
    CutAfter,
}

/// The faults that are on, with what is left of them.
#[derive(Debug, Default)]
pub(super) struct ActiveFaults {
    faults: Faults,
    since: Option<Millis>,
}

impl ActiveFaults {
    pub(super) fn new(faults: Faults, now: Millis) -> Self {
        Self {
            faults,
            since: Some(now),
        }
    }

    pub(super) fn get(&self) -> &Faults {
        &self.faults
    }

    /// What happens to this call, if anything. Each call uses up one of what it meets first.
    pub(super) fn strike(&mut self, operation: &str, now: Millis) -> Option<Strike> {
        let since = self.since.unwrap_or(now);
        let lists = [
            (Strike::Throttle, &mut self.faults.throttle),
            (Strike::Deny, &mut self.faults.deny),
            (Strike::Fail, &mut self.faults.fail),
            (Strike::Cut, &mut self.faults.cut),
            (Strike::FailAfter, &mut self.faults.fail_after),
            (Strike::CutAfter, &mut self.faults.cut_after),
        ];
        for (strike, list) in lists {
            if list
                .iter_mut()
                .any(|fault| fault.hits(operation, since, now))
            {
                return Some(strike);
            }
        }
        None
    }

    /// Whether this delivery is lost.
    pub(super) fn lose(&mut self, instance: &InstanceId) -> bool {
        self.faults
            .lose
            .iter_mut()
            .any(|fault| fault.hits(instance))
    }

    /// Whether this delivery comes twice.
    pub(super) fn duplicate(&mut self, instance: &InstanceId) -> bool {
        self.faults
            .duplicate
            .iter_mut()
            .any(|fault| fault.hits(instance))
    }
}

impl CallFault {
    fn hits(&mut self, operation: &str, since: Millis, now: Millis) -> bool {
        if self.operation != "*" && self.operation != operation {
            return false;
        }
        if self
            .seconds
            .is_some_and(|seconds| now >= since.plus_seconds(seconds))
        {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        use_up(&mut self.calls)
    }
}

impl DeliveryFault {
    fn hits(&mut self, instance: &InstanceId) -> bool {
        (self.instances.is_empty() || self.instances.contains(instance)) && use_up(&mut self.times)
    }
}

fn use_up(left: &mut Option<u64>) -> bool {
    match left {
        None => true,
        Some(0) => false,
        Some(count) => {
            *count -= 1;
            true
        }
    }
}

/// How often each operation was called, and what errors were answered.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Counters {
    /// Every call, whatever its answer.
    pub(super) calls: BTreeMap<String, u64>,
    /// Error codes by operation.
    pub(super) errors: BTreeMap<String, BTreeMap<String, u64>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn active(yaml: &str) -> ActiveFaults {
        ActiveFaults::new(serde_yaml::from_str(yaml).unwrap(), NOW)
    }

    #[test]
    fn a_fault_hits_its_calls_and_no_more() {
        let mut faults = active("throttle: [{ operation: SendCommand, calls: 2, after: 1 }]");
        let mut strike = |operation| faults.strike(operation, NOW);
        assert_eq!(strike("ListCommands"), None);
        assert_eq!(strike("SendCommand"), None);
        assert_eq!(strike("SendCommand"), Some(Strike::Throttle));
        assert_eq!(strike("SendCommand"), Some(Strike::Throttle));
        assert_eq!(strike("SendCommand"), None);
    }

    #[test]
    fn a_fault_ends_with_its_time() {
        let mut faults = active("deny: [{ operation: '*', seconds: 10 }]");
        assert_eq!(faults.strike("ListCommands", NOW), Some(Strike::Deny));
        assert_eq!(faults.strike("ListCommands", NOW.plus_seconds(10)), None);
    }

    #[test]
    fn a_fault_that_is_none_is_refused() {
        assert!(serde_yaml::from_str::<Faults>("throtle: []").is_err());
    }
}
