//! Which instances can be reached: DescribeInstanceInformation.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{
    InstanceInformation, InstanceInformationStringFilter, PingStatus, PlatformType,
};

use super::super::TransportError;
use super::SsmTransport;
use super::call::Repeat;
use crate::model::desired::Platform;
use crate::model::id::InstanceId;
use crate::model::task::Presence;

/// Values that one filter takes, and rows that one page gives (ssm.md §1.2; the default is 10).
const PER_CALL: usize = 50;

pub(super) async fn look(
    transport: &SsmTransport,
    instances: &[InstanceId],
) -> Result<BTreeMap<InstanceId, Presence>, TransportError> {
    let mut found = BTreeMap::new();
    for part in instances.chunks(PER_CALL) {
        let mut token: Option<String> = None;
        loop {
            let filter = || {
                InstanceInformationStringFilter::builder()
                    .key("InstanceIds")
                    .set_values(Some(part.iter().map(ToString::to_string).collect()))
                    .build()
            };
            let page = transport
                .call("DescribeInstanceInformation", Repeat::Read, || {
                    let request = transport.client.describe_instance_information();
                    let request = request.set_next_token(token.clone()).max_results(50);
                    async {
                        request
                            .set_filters(filter().ok().map(|f| vec![f]))
                            .send()
                            .await
                    }
                })
                .await?;
            for row in page.instance_information_list() {
                if let Some(id) = row.instance_id() {
                    found.insert(InstanceId::new(id), presence(row));
                }
            }
            token = page
                .next_token()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
    }
    let unknown = || {
        Presence::Offline("SSM does not know it: stopped, or its agent never registered".to_owned())
    };
    Ok(instances
        .iter()
        .map(|id| (id.clone(), found.remove(id).unwrap_or_else(unknown)))
        .collect())
}

fn presence(row: &InstanceInformation) -> Presence {
    match row.ping_status() {
        Some(PingStatus::Online) => match row.platform_type() {
            Some(PlatformType::Linux) => Presence::Online(Platform::Linux),
            Some(PlatformType::Windows) => Presence::Online(Platform::Windows),
            other => Presence::Offline(format!("its platform is {other:?}")),
        },
        status => {
            let status = status.map_or("of no known status", PingStatus::as_str);
            let since = row
                .last_ping_date_time()
                .and_then(|at| at.fmt(aws_smithy_types::date_time::Format::DateTime).ok())
                .map_or_else(String::new, |at| format!(", last heard of at {at}"));
            Presence::Offline(format!("its agent is {status}{since}"))
        }
    }
}
