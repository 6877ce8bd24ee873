//! `environments/<name>.yaml`, and the part of it that `defaults` shares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Spanned;
use super::fields::{Fields, Key, Schema, Shape, Unread, optional, required};
use super::settings::{SETTINGS, Settings, VARIABLES};
use super::value::choice::Word;
use super::value::hold::hold;
use super::value::instance::instance;
use super::value::labels::labels;
use super::value::name::named;
use super::value::package::sha256;
use super::value::selector::selector;
use super::value::text::line;
use super::value::variables::variables;
use super::value::version::{Wanted, version, wanted};
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::{Kind, Value};
use crate::model::desired::{Platform, Variables};
use crate::model::id::{EnvironmentName, HostName, InstanceId, ServiceName, Version};
use crate::model::selector::Selector;

/// What may stand where a version does.
const VERSION: Shape = Shape::Quoted("^[A-Za-z0-9][A-Za-z0-9._+~:@/-]{0,127}$");
/// A name, as `model::id` checks it.
pub(super) const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";
const SHA256: Shape = Shape::Pattern("^(sha256:)?[0-9A-Fa-f]{64}$");
const LABELS: Shape = Shape::Map("^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$", &Shape::Text);

const OWN: &[Key] = &[
    optional(
        "services",
        Shape::Map(NAME, &Shape::Any(&[VERSION, Shape::Object(&SERVICE)])),
        "which services run here, in which version; `absent` takes one away",
    ),
    optional(
        "hosts",
        Shape::Map(NAME, &Shape::Object(&HOST)),
        "the machines",
    ),
];

/// The whole file.
pub(in crate::manifest) const ENVIRONMENT: Schema = Schema {
    what: "an environment",
    keys: &[OWN, SETTINGS],
};

const SERVICE: Schema = Schema {
    what: "a service of an environment",
    keys: &[&[
        required("version", VERSION, "what its hosts should run, or `absent`"),
        optional("sha256", SHA256, "what the artifact hashes to"),
        optional(
            "select",
            Shape::Text,
            "the hosts it runs on, such as role=web,tier!=db",
        ),
        optional(
            "variables",
            VARIABLES,
            "what templates read below `variables`",
        ),
        optional("hold", Shape::Text, "why nothing of it starts here"),
        optional(
            "redeploy",
            Shape::Text,
            "another text deploys the same version again",
        ),
    ]],
};

const HOST: Schema = Schema {
    what: "a host",
    keys: &[&[
        optional(
            "instance",
            Shape::Pattern("^(i-([0-9A-Za-z_]{8}|[0-9A-Za-z_]{17})|mi-[0-9A-Za-z_]{17})$"),
            "the id that SSM knows it by",
        ),
        optional("platform", Shape::word::<Platform>(), "linux if left out"),
        optional("labels", LABELS, "what selectors match"),
        optional(
            "variables",
            VARIABLES,
            "what templates read below `variables`",
        ),
        optional(
            "services",
            Shape::Map(NAME, &Shape::Any(&[VERSION, Shape::Object(&PIN)])),
            "versions it keeps whatever the environment says",
        ),
        optional("hold", Shape::Text, "why nothing starts on it"),
    ]],
};

const PIN: Schema = Schema {
    what: "a pinned version",
    keys: &[&[
        required("version", VERSION, "what the host keeps"),
        optional("sha256", SHA256, "what its artifact hashes to"),
    ]],
};

impl Word for Platform {
    const WORDS: &'static [(&'static str, Self)] =
        &[("linux", Self::Linux), ("windows", Self::Windows)];
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
}

/// One of its `services`.
#[derive(Debug)]
pub(in crate::manifest) struct ServiceEntry {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) wanted: Option<Wanted>,
    pub(in crate::manifest) sha256: Option<Spanned<String>>,
    pub(in crate::manifest) redeploy: Option<String>,
    pub(in crate::manifest) select: Option<Spanned<Selector>>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) hold: Option<String>,
    pub(in crate::manifest) unread: Unread,
}

/// One of its `hosts`.
#[derive(Debug, Default)]
pub(in crate::manifest) struct HostEntry {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) instance: Option<Spanned<InstanceId>>,
    pub(in crate::manifest) platform: Platform,
    pub(in crate::manifest) labels: BTreeMap<String, String>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) pins: BTreeMap<ServiceName, Pin>,
    pub(in crate::manifest) hold: Option<String>,
    pub(in crate::manifest) unread: Unread,
}

/// A version that a host keeps, alone or with the hash of its artifact.
#[derive(Debug)]
pub(in crate::manifest) struct Pin {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) version: Option<Version>,
    pub(in crate::manifest) sha256: Option<Spanned<String>>,
    pub(in crate::manifest) unread: Unread,
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
        let span = |key| fields.entry(key).map(|entry| entry.key_span.clone());
        Some(Self {
            name: name.clone(),
            file: Arc::clone(file),
            services_span: span("services"),
            hosts_span: span("hosts"),
            services: fields
                .whole("services", problems, services)
                .unwrap_or_default(),
            hosts: fields.whole("hosts", problems, hosts).unwrap_or_default(),
            settings: Settings::take(&mut fields, problems),
        })
    }
}

fn services(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BTreeMap<ServiceName, ServiceEntry>> {
    let entries = named(value, "a mapping of services to versions", problems)?.into_iter();
    let services = entries.map(|(name, entry)| {
        let service = service(entry.key_span, entry.value, problems);
        (name, service)
    });
    Some(services.collect())
}

fn hosts(value: Value<'_, '_>, problems: &mut Problems) -> Option<BTreeMap<HostName, HostEntry>> {
    let expected = "a mapping of hosts, such as { web-1: {}, web-2: {} },";
    let entries = named(value, expected, problems)?.into_iter();
    let hosts = entries.map(|(name, entry)| (name, host(entry.key_span, entry.value, problems)));
    Some(hosts.collect())
}

/// A version alone, or with more about it.
fn service(span: &Span, value: Value<'_, '_>, problems: &mut Problems) -> ServiceEntry {
    let mut entry = ServiceEntry {
        span: span.clone(),
        wanted: None,
        sha256: None,
        redeploy: None,
        select: None,
        variables: Variables::new(),
        hold: None,
        unread: Unread::default(),
    };
    if !matches!(value.kind(), Kind::Mapping(_)) {
        entry.wanted = wanted(value, problems);
        return entry;
    }
    if let Some(mut fields) = Fields::read(value, &SERVICE, problems) {
        entry.wanted = fields
            .require("version", "version: 1.0.0", problems)
            .and_then(|value| wanted(value, problems));
        entry.sha256 = fields.whole("sha256", problems, sha256);
        entry.redeploy = fields.whole("redeploy", problems, line);
        entry.select = fields.whole("select", problems, selector);
        entry.variables = fields
            .part("variables", problems, variables)
            .unwrap_or_default();
        entry.hold = fields.whole("hold", problems, hold);
        entry.unread = fields.unread().clone();
    }
    entry
}

fn host(span: &Span, value: Value<'_, '_>, problems: &mut Problems) -> HostEntry {
    let mut host = HostEntry {
        span: span.clone(),
        ..HostEntry::default()
    };
    let Some(mut fields) = Fields::read(value, &HOST, problems) else {
        host.unread = Unread::ALL;
        return host;
    };
    host.instance = fields.whole("instance", problems, instance);
    if let Some(platform) = fields.word::<Platform>("platform", problems) {
        host.platform = platform.value;
    }
    host.labels = fields.part("labels", problems, labels).unwrap_or_default();
    host.variables = fields
        .part("variables", problems, variables)
        .unwrap_or_default();
    host.pins = fields.part("services", problems, pins).unwrap_or_default();
    host.hold = fields.whole("hold", problems, hold);
    host.unread = fields.unread().clone();
    host
}

/// The versions that a host keeps whatever its environment says.
fn pins(value: Value<'_, '_>, problems: &mut Problems) -> BTreeMap<ServiceName, Pin> {
    let expected = "a mapping of services to versions";
    let entries = named(value, expected, problems).unwrap_or_default();
    let pins = entries
        .into_iter()
        .map(|(name, entry)| (name, pin(entry.key_span, entry.value, problems)));
    pins.collect()
}

fn pin(span: &Span, value: Value<'_, '_>, problems: &mut Problems) -> Pin {
    let mut pin = Pin {
        span: span.clone(),
        version: None,
        sha256: None,
        unread: Unread::default(),
    };
    if !matches!(value.kind(), Kind::Mapping(_)) {
        pin.version = version(value, problems);
    } else if let Some(mut fields) = Fields::read(value, &PIN, problems) {
        pin.version = fields
            .require("version", "version: 1.0.0", problems)
            .and_then(|value| version(value, problems));
        pin.sha256 = fields.whole("sha256", problems, sha256);
        pin.unread = fields.unread().clone();
    }
    pin
}
