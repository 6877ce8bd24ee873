//! `environments/<name>.yaml`, and the part of it that `defaults` shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Spanned;
use super::fields::{Fields, Schema};
use super::rollout::{RolloutKeys, rollout};
use super::value::choice::{Choice, choice};
use super::value::hold::hold;
use super::value::instance::instance;
use super::value::labels::labels;
use super::value::name::{named, reference};
use super::value::selector::selector;
use super::value::variables::variables;
use super::value::version::version;
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::{Kind, Value};
use crate::model::desired::{Platform, Variables};
use crate::model::id::{
    EnvironmentName, HostName, InstanceId, ServiceName, TransportName, Version,
};
use crate::model::selector::Selector;

const LATER: &[&str] = &[
    "discover",
    "window",
    "after",
    "approvals",
    "rollback",
    "emergency",
    "observe_every",
    "drift",
];

const ENVIRONMENT: Schema = Schema {
    what: "an environment",
    keys: &[
        "transport",
        "services",
        "variables",
        "hosts",
        "hold",
        "rollout",
    ],
    later: LATER,
};

pub(super) const DEFAULTS: Schema = Schema {
    what: "`defaults`",
    keys: &["transport", "variables", "hold", "rollout"],
    later: LATER,
};

const SERVICE: Schema = Schema {
    what: "a service of an environment",
    keys: &["version", "select", "variables", "hold"],
    later: &["sha256", "redeploy"],
};

const HOST: Schema = Schema {
    what: "a host",
    keys: &[
        "instance",
        "platform",
        "labels",
        "variables",
        "services",
        "hold",
    ],
    later: &[],
};

const PLATFORMS: [(&str, Choice<Platform>); 2] = [
    ("linux", Choice::Now(Platform::Linux)),
    (
        "windows",
        Choice::Later("leave the host out: this version runs scripts on Linux only"),
    ),
];

/// Keys that an environment and `defaults` share.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Settings {
    pub(in crate::manifest) transport: Option<Spanned<TransportName>>,
    pub(in crate::manifest) hold: Option<String>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) rollout: RolloutKeys,
}

impl Settings {
    pub(super) fn take(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Self {
        Self {
            transport: fields
                .take("transport")
                .and_then(|value| reference(value, "the name of a transport", problems)),
            hold: fields.take("hold").and_then(|value| hold(value, problems)),
            variables: fields
                .take("variables")
                .map(|value| variables(value, problems))
                .unwrap_or_default(),
            rollout: fields
                .take("rollout")
                .map(|value| rollout(value, problems))
                .unwrap_or_default(),
        }
    }
}

/// What an environment's file says.
#[derive(Debug)]
pub(in crate::manifest) struct EnvironmentFile {
    pub(in crate::manifest) name: EnvironmentName,
    pub(in crate::manifest) file: Arc<str>,
    pub(in crate::manifest) settings: Settings,
    pub(in crate::manifest) services: BTreeMap<ServiceName, ServiceEntry>,
    /// Where `services` stands; none if it is missing.
    pub(in crate::manifest) services_span: Option<Span>,
    pub(in crate::manifest) hosts: BTreeMap<HostName, HostEntry>,
    /// Where `hosts` stands; none if it is missing.
    pub(in crate::manifest) hosts_span: Option<Span>,
    /// Services and hosts could be read without an error: only then does it mean something that
    /// one of them is not there.
    pub(in crate::manifest) is_sound: bool,
}

/// One of its `services`.
#[derive(Debug)]
pub(in crate::manifest) struct ServiceEntry {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) version: Option<Version>,
    pub(in crate::manifest) select: Option<Spanned<Selector>>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) hold: Option<String>,
}

/// One of its `hosts`.
#[derive(Debug, Default)]
pub(in crate::manifest) struct HostEntry {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) instance: Option<Spanned<InstanceId>>,
    /// An instance is written and it is wrong.
    pub(in crate::manifest) instance_is_broken: bool,
    pub(in crate::manifest) platform: Platform,
    pub(in crate::manifest) labels: BTreeMap<String, String>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) pins: BTreeMap<ServiceName, Spanned<Option<Version>>>,
    pub(in crate::manifest) hold: Option<String>,
}

impl EnvironmentFile {
    /// Reads the file; none if it is no mapping at all.
    pub(in crate::manifest) fn decode(
        name: &EnvironmentName,
        file: &Arc<str>,
        root: Value<'_, '_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Fields::read(root, &ENVIRONMENT, problems)?;
        let settings = Settings::take(&mut fields, problems);
        let before = problems.errors();
        let (services, hosts) = (fields.take_entry("services"), fields.take_entry("hosts"));
        Some(Self {
            name: name.clone(),
            file: Arc::clone(file),
            settings,
            services_span: services.map(|entry| entry.key_span.clone()),
            services: services
                .and_then(|entry| named(entry.value, "a mapping of services to versions", problems))
                .unwrap_or_default()
                .into_iter()
                .map(|(name, entry)| {
                    let service = service(entry.key_span, entry.value, problems);
                    (name, service)
                })
                .collect(),
            hosts_span: hosts.map(|entry| entry.key_span.clone()),
            hosts: hosts
                .and_then(|entry| named(entry.value, "a mapping of hosts", problems))
                .unwrap_or_default()
                .into_iter()
                .map(|(name, entry)| (name, host(entry.key_span, entry.value, problems)))
                .collect(),
            is_sound: problems.errors() == before,
        })
    }
}

/// A version alone, or with more about it.
fn service(span: &Span, value: Value<'_, '_>, problems: &mut Problems) -> ServiceEntry {
    let mut entry = ServiceEntry {
        span: span.clone(),
        version: None,
        select: None,
        variables: Variables::new(),
        hold: None,
    };
    if !matches!(value.kind(), Kind::Mapping(_)) {
        entry.version = version(value, problems);
        return entry;
    }
    if let Some(mut fields) = Fields::read(value, &SERVICE, problems) {
        entry.version = fields
            .require("version", "version: 1.0.0", problems)
            .and_then(|value| version(value, problems));
        entry.select = fields
            .take("select")
            .and_then(|value| selector(value, problems));
        entry.variables = fields
            .take("variables")
            .map(|value| variables(value, problems))
            .unwrap_or_default();
        entry.hold = fields.take("hold").and_then(|value| hold(value, problems));
    }
    entry
}

fn host(span: &Span, value: Value<'_, '_>, problems: &mut Problems) -> HostEntry {
    let mut host = HostEntry {
        span: span.clone(),
        ..HostEntry::default()
    };
    let Some(mut fields) = Fields::read(value, &HOST, problems) else {
        return host;
    };
    if let Some(value) = fields.take("instance") {
        host.instance = instance(value, problems);
        host.instance_is_broken = host.instance.is_none();
    }
    host.platform = fields
        .take("platform")
        .and_then(|value| choice(value, "platform", &PLATFORMS, problems))
        .unwrap_or_default();
    if let Some(value) = fields.take("labels") {
        host.labels = labels(value, problems);
    }
    if let Some(value) = fields.take("variables") {
        host.variables = variables(value, problems);
    }
    if let Some(value) = fields.take("services") {
        host.pins = pins(value, problems);
    }
    host.hold = fields.take("hold").and_then(|value| hold(value, problems));
    host
}

/// The versions that a host keeps whatever its environment says.
fn pins(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<ServiceName, Spanned<Option<Version>>> {
    named(value, "a mapping of services to versions", problems)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, entry)| {
            let pin = Spanned {
                value: version(entry.value, problems),
                span: entry.key_span.clone(),
            };
            (name, pin)
        })
        .collect()
}
