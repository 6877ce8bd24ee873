//! Services that an environment wants away from a host: `absent`.

use std::collections::BTreeMap;

use crate::model::desired::Host;
use crate::model::id::ServiceName;
use crate::model::observed::{ServiceRecord, ServiceState};
use crate::model::plan::{Held, HeldReason, Unchanged};

use super::{PlanInput, Rows};

/// One line per service: nothing to do where it is not, else held, because this version has no
/// step that removes.
pub(super) fn plan_absent(
    input: &PlanInput<'_>,
    host: &Host,
    recorded: Option<&BTreeMap<ServiceName, ServiceRecord>>,
    rows: &mut Rows,
) {
    let absent = input.environment.absent.get(&host.name);
    for service in absent.into_iter().flatten() {
        if input.narrow.skips_service(service) {
            continue;
        }
        let record = recorded
            .and_then(|services| services.get(service))
            .filter(|record| may_be_there(record));
        match record {
            None => rows.unchanged.push(Unchanged {
                host: host.name.clone(),
                service: service.clone(),
                version: None,
                pinned: false,
                older_scripts: false,
            }),
            Some(record) => rows.held.push(Held {
                host: host.name.clone(),
                service: service.clone(),
                from: record.version.clone(),
                to: None,
                reason: HeldReason::Unsupported,
                message: "this version of fleet cannot remove a service".to_owned(),
                until: None,
            }),
        }
    }
}

/// What is known not to be installed needs no removal; of what failed or did not answer nobody
/// knows.
fn may_be_there(record: &ServiceRecord) -> bool {
    record.version.is_some() || matches!(record.state, ServiceState::Failed | ServiceState::Unknown)
}
