//! Who is there: DescribeInstanceInformation.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::types::{
    InstanceInformation, InstanceInformationStringFilter, PingStatus, PlatformType,
};

use super::PAGE;
use super::client::{Caller, Operation};
use super::send::named_in;
use crate::model::desired::Platform;
use crate::model::id::InstanceId;
use crate::model::task::Presence;
use crate::transport::TransportError;

const DESCRIBE: Operation = Operation::reading("DescribeInstanceInformation");

/// Values of one filter (botocore: InstanceInformationFilterValueSet max 100).
const MAX_VALUES: usize = 100;

/// See [`crate::transport::Transport::inventory`].
pub(super) async fn inventory(
    caller: &Caller,
    instances: &[InstanceId],
) -> Result<BTreeMap<InstanceId, Presence>, TransportError> {
    let wanted: BTreeSet<InstanceId> = instances.iter().cloned().collect();
    let unknown = |id: &InstanceId| (id.clone(), Presence::Offline(UNKNOWN.to_owned()));
    let mut found: BTreeMap<_, _> = wanted.iter().map(unknown).collect();
    let wanted: Vec<InstanceId> = wanted.into_iter().collect();
    for ids in wanted.chunks(MAX_VALUES) {
        for information in describe(caller, ids.to_vec()).await? {
            let id = InstanceId::from(information.instance_id().unwrap_or_default());
            if let Some(presence) = found.get_mut(&id) {
                *presence = presence_of(&information);
            }
        }
    }
    Ok(found)
}

const UNKNOWN: &str = "SSM does not know it: no agent has registered, it is stopped, or it is in another account or region";

async fn describe(
    caller: &Caller,
    mut ids: Vec<InstanceId>,
) -> Result<Vec<InstanceInformation>, TransportError> {
    loop {
        match pages(caller, &ids).await {
            // The model has this error; one bad id must not hide the others.
            Err(TransportError::Rejected { code, message, .. })
                if code == "InvalidInstanceId" && ids.iter().any(|id| named_in(&message, id)) =>
            {
                ids.retain(|id| !named_in(&message, id));
            }
            result => return result,
        }
    }
}

async fn pages(
    caller: &Caller,
    ids: &[InstanceId],
) -> Result<Vec<InstanceInformation>, TransportError> {
    let mut found = Vec::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let filter = InstanceInformationStringFilter::builder()
        .key("InstanceIds")
        .set_values(Some(ids.iter().map(ToString::to_string).collect()))
        .build()
        .ok();
    let mut token = None;
    loop {
        let request = caller
            .client
            .describe_instance_information()
            .set_filters(filter.clone().map(|filter| vec![filter]))
            .max_results(PAGE)
            .set_next_token(token.clone());
        let page = caller.call(DESCRIBE, || request.clone().send()).await?;
        found.extend(page.instance_information_list.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(found);
        }
    }
}

fn presence_of(information: &InstanceInformation) -> Presence {
    let platform = match information.platform_type() {
        Some(PlatformType::Linux) => Platform::Linux,
        Some(PlatformType::Windows) => Platform::Windows,
        other => {
            let other = other.map_or("no platform", PlatformType::as_str);
            return Presence::Offline(format!("SSM names its platform {other}"));
        }
    };
    match information.ping_status() {
        Some(PingStatus::Online) => Presence::Online(platform),
        _ => {
            let since = information.last_ping_date_time().map(|time| {
                let time = crate::model::time::Timestamp::from_unix(time.secs());
                format!(", last heard of {time}")
            });
            Presence::Offline(format!("connection lost{}", since.unwrap_or_default()))
        }
    }
}
