//! DescribeInstanceInformation.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::check::Constraints;
use super::error::ApiError;
use super::list::with_token;
use super::send::platform_type;
use super::{page, structure};
use crate::sandbox::host::{Absence, Host};
use crate::sandbox::locked;
use crate::sandbox::service::{Service, State};
use crate::sandbox::time::Millis;

/// The agent whose behaviour was measured.
const AGENT_VERSION: &str = "3.3.0.0";
/// An agent pings this often: what was online may have been gone for that long.
const PING_SECONDS: i64 = 300;
/// How long ago an absent instance was heard of.
const SILENCE_SECONDS: i64 = 3_600;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Request {
    #[serde(deserialize_with = "structure::list")]
    instance_information_filter_list: Option<Vec<OldFilter>>,
    #[serde(deserialize_with = "structure::list")]
    filters: Option<Vec<NewFilter>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldFilter {
    key: Option<String>,
    value_set: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewFilter {
    key: Option<String>,
    values: Option<Vec<String>>,
}

const OLD_KEYS: [&str; 8] = [
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
];
const NEW_KEYS: [&str; 10] = [
    "ActivationIds",
    "AgentVersion",
    "AssociationStatus",
    "IamRole",
    "InstanceIds",
    "PingStatus",
    "PlatformType",
    "ResourceType",
    "SourceIds",
    "SourceTypes",
];

pub(super) fn describe_instance_information(
    service: &Arc<Service>,
    request: Request,
) -> Result<Value, ApiError> {
    let filters = request.check()?;
    let state = locked(&service.state);
    let now = service.now(&state);
    let hosts: Vec<&Host> = state
        .hosts
        .values()
        // Stopped and terminated ones are not listed at all.
        .filter(|host| state.absence(&host.instance.instance_id) != Some(Absence::Stopped))
        .filter(|host| {
            filters
                .iter()
                .all(|(key, values)| fits(&state, host, key, values))
        })
        .collect();
    let size = request
        .max_results
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(10);
    let (hosts, next) = page::cut(
        hosts,
        size,
        request.next_token.as_ref(),
        &format!("DescribeInstanceInformation {filters:?}"),
        |host| host.instance.instance_id.to_string(),
    )?;
    let list: Vec<Value> = hosts
        .into_iter()
        .map(|host| form(service, &state, host, now))
        .collect();
    Ok(with_token(json!({ "InstanceInformationList": list }), next))
}

impl Request {
    /// Both kinds of filters in one form.
    fn check(&self) -> Result<Vec<(&str, &[String])>, ApiError> {
        let mut constraints = Constraints::default();
        if let Some(most) = self.max_results {
            constraints.number(most, 5..=50, "maxResults");
        }
        let mut old = Vec::new();
        let given = self.instance_information_filter_list.iter().flatten();
        for (number, filter) in given.enumerate() {
            let place = format!("instanceInformationFilterList.{}.member", number + 1);
            let (key, values) = (format!("{place}.key"), format!("{place}.valueSet"));
            let name = constraints.present(filter.key.as_ref(), &key);
            if let Some(name) = name {
                constraints.one_of(name, &OLD_KEYS, &key);
            }
            old.extend(name.zip(constraints.values(filter.value_set.as_ref(), &values)));
        }
        let mut new = Vec::new();
        for (number, filter) in self.filters.iter().flatten().enumerate() {
            let place = format!("filters.{}.member", number + 1);
            let (key, values) = (format!("{place}.key"), format!("{place}.values"));
            let name = constraints.present(filter.key.as_ref(), &key);
            if let Some(name) = name {
                constraints.length(name, 1..=usize::MAX, &key);
            }
            new.extend(name.zip(constraints.values(filter.values.as_ref(), &values)));
        }
        constraints.finish()?;
        if !old.is_empty() && !new.is_empty() {
            return Err(ApiError::validation(
                "Filters and InstanceInformationFilterList must not be specified together",
            ));
        }
        let is_tag = |key: &str| key == "tag-key" || key.starts_with("tag:");
        if new
            .iter()
            .any(|(key, _)| !NEW_KEYS.contains(&key.as_str()) && !is_tag(key))
        {
            return Err(ApiError::invalid_filter_key());
        }
        let tags = new.iter().filter(|(key, _)| is_tag(key)).count();
        if tags > 0 && tags < new.len() {
            return Err(ApiError::validation(
                "Tag filters cannot be used with other filters",
            ));
        }
        let filters: Vec<_> = old
            .into_iter()
            .chain(new)
            .map(|(key, values)| (key.as_str(), values.as_slice()))
            .collect();
        for (key, values) in &filters {
            check_values(key, values)?;
        }
        Ok(filters)
    }
}

fn check_values(key: &str, values: &[String]) -> Result<(), ApiError> {
    let allowed: &[&str] = match key {
        "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
        "PlatformType" | "PlatformTypes" => &["Windows", "Linux", "MacOS"],
        "ResourceType" => &["EC2Instance", "ManagedInstance"],
        "AssociationStatus" => &["Success", "Pending", "Failed"],
        "SourceTypes" => &[
            "AWS::EC2::Instance",
            "AWS::SSM::ManagedInstance",
            "AWS::IoT::Thing",
        ],
        _ => return Ok(()),
    };
    match values
        .iter()
        .find(|value| !allowed.contains(&value.as_str()))
    {
        Some(value) => Err(ApiError::invalid_instance_filter(format!(
            "{value} is not a value of {key}"
        ))),
        None => Ok(()),
    }
}

fn fits(state: &State, host: &Host, key: &str, values: &[String]) -> bool {
    let id = host.instance.instance_id.as_str();
    let actual = match key {
        "InstanceIds" => id,
        "AgentVersion" => AGENT_VERSION,
        "PingStatus" => ping_status(state, host),
        "PlatformType" | "PlatformTypes" => platform_type(host.instance.platform),
        "ResourceType" => resource_type(id),
        "SourceTypes" if id.starts_with("mi-") => "AWS::SSM::ManagedInstance",
        "SourceTypes" => "AWS::EC2::Instance",
        "SourceIds" => id,
        // No activations, roles, associations and tags here.
        _ => return false,
    };
    values.iter().any(|value| value == actual)
}

fn form(service: &Service, state: &State, host: &Host, now: Millis) -> Value {
    let id = host.instance.instance_id.as_str();
    let absent = state.absence(&host.instance.instance_id).is_some();
    let silence = if absent {
        SILENCE_SECONDS * 1_000
    } else {
        (now.0 - host.registered_at.0) % (PING_SECONDS * 1_000)
    };
    let windows = host.instance.platform == crate::model::desired::Platform::Windows;
    let (name, version) = if windows {
        ("Windows", "10.0")
    } else {
        (
            service.environment.platform_name(),
            service.environment.platform_version(),
        )
    };
    let source = if id.starts_with("mi-") {
        "AWS::SSM::ManagedInstance"
    } else {
        "AWS::EC2::Instance"
    };
    json!({
        "InstanceId": id,
        "PingStatus": ping_status(state, host),
        "LastPingDateTime": Millis(now.0 - silence).epoch(),
        "AgentVersion": AGENT_VERSION,
        "IsLatestVersion": true,
        "PlatformType": platform_type(host.instance.platform),
        "PlatformName": name,
        "PlatformVersion": version,
        "RegistrationDate": host.registered_at.epoch(),
        "ResourceType": resource_type(id),
        "IPAddress": "127.0.0.1",
        "ComputerName": host.instance.host,
        "SourceId": id,
        "SourceType": source,
    })
}

fn ping_status(state: &State, host: &Host) -> &'static str {
    match state.absence(&host.instance.instance_id) {
        None => "Online",
        Some(_) => "ConnectionLost",
    }
}

fn resource_type(id: &str) -> &'static str {
    if id.starts_with("mi-") {
        "ManagedInstance"
    } else {
        "EC2Instance"
    }
}
