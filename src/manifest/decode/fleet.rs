//! `fleet.yaml`.

use std::collections::BTreeMap;

use super::Spanned;
use super::environment::{DEFAULTS, Settings};
use super::fields::{Fields, Schema};
use super::shape;
use super::value::choice::{Choice, choice};
use super::value::duration::duration;
use super::value::git::{branch, remote};
use super::value::hold::hold;
use super::value::name::{fleet_name, named, reference};
use super::value::region::region;
use super::value::variables::variables;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::Value;
use crate::model::desired::{GitSettings, TransportSettings, Variables};
use crate::model::id::{FleetName, ServiceName, TemplateName, TransportName};
use crate::model::time::Seconds;

const API_VERSION: &str = "fleet/v1";

const FLEET: Schema = Schema {
    what: "fleet.yaml",
    keys: &[
        "api_version",
        "name",
        "git",
        "transports",
        "services",
        "defaults",
        "hold",
    ],
    later: &["people", "notifications"],
};

const GIT: Schema = Schema {
    what: "`git`",
    keys: &["remote", "branch", "ledger", "statements"],
    later: &[],
};

const TRANSPORT: Schema = Schema {
    what: "a transport",
    keys: &["kind", "region"],
    later: &["role_arn", "external_id", "storage", "documents"],
};

const SERVICE: Schema = Schema {
    what: "a service",
    keys: &["template", "timeout", "variables"],
    later: &["artifact", "requires"],
};

const DEFAULT_TIMEOUT: Seconds = Seconds(30 * 60);
const SHORTEST_TIMEOUT: Seconds = Seconds(1);
/// A command lives for all phases of all services of a host; SSM ends it after 48 hours.
const LONGEST_TIMEOUT: Seconds = Seconds(6 * 3_600);

/// What `fleet.yaml` says.
#[derive(Debug)]
pub(in crate::manifest) struct FleetFile {
    pub(in crate::manifest) name: Option<FleetName>,
    pub(in crate::manifest) git: GitFile,
    /// None if they could not be read: then nothing can be said about references to them.
    pub(in crate::manifest) transports: Option<BTreeMap<TransportName, TransportFile>>,
    pub(in crate::manifest) transports_span: Span,
    /// None likewise.
    pub(in crate::manifest) services: Option<BTreeMap<ServiceName, ServiceDeclaration>>,
    pub(in crate::manifest) defaults: Settings,
    pub(in crate::manifest) hold: Option<String>,
}

/// `git` with its places.
#[derive(Debug, Default)]
pub(in crate::manifest) struct GitFile {
    pub(in crate::manifest) settings: GitSettings,
    /// The branches that are written, by their key.
    pub(in crate::manifest) spans: BTreeMap<&'static str, Span>,
}

/// One of `transports`; none if its settings are wrong.
pub(in crate::manifest) type TransportFile = Option<TransportSettings>;

/// One of `services`.
#[derive(Debug)]
pub(in crate::manifest) struct ServiceDeclaration {
    pub(in crate::manifest) span: Span,
    /// The service's name where none is written.
    pub(in crate::manifest) template: Spanned<TemplateName>,
    pub(in crate::manifest) timeout: Seconds,
    pub(in crate::manifest) variables: Variables,
}

impl FleetFile {
    /// Reads the file; none if it is no mapping at all.
    pub(in crate::manifest) fn decode(
        root: Value<'_, '_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Fields::read(root, &FLEET, problems)?;
        if let Some(value) = fields.require("api_version", "api_version: fleet/v1", problems) {
            api_version(value, problems);
        }
        let name = fields
            .require("name", "name: acme", problems)
            .and_then(|value| fleet_name(value, problems));
        let git = fields
            .take("git")
            .map(|value| git(value, problems))
            .unwrap_or_default();
        let transports = fields.require(
            "transports",
            "transports: { lab: { kind: sandbox } }",
            problems,
        );
        let services = fields.take("services");
        Some(Self {
            name,
            git,
            transports_span: transports.map_or(0..0, |value| value.span().clone()),
            transports: transports.and_then(|value| transports_of(value, problems)),
            services: match services {
                Some(value) => services_of(value, problems),
                None => Some(BTreeMap::new()),
            },
            defaults: fields
                .take("defaults")
                .and_then(|value| defaults(value, problems))
                .unwrap_or_default(),
            hold: fields.take("hold").and_then(|value| hold(value, problems)),
        })
    }
}

fn api_version(value: Value<'_, '_>, problems: &mut Problems) {
    let Some(scalar) = shape::scalar(value, "`fleet/v1`", problems) else {
        return;
    };
    if scalar.text != API_VERSION {
        problems.report(
            codes::API_VERSION,
            value.span(),
            format!(
                "{} is not an api_version of this version",
                shown(scalar.text)
            ),
            format!("write `api_version: {API_VERSION}`"),
        );
    }
}

fn git(value: Value<'_, '_>, problems: &mut Problems) -> GitFile {
    let mut git = GitFile::default();
    let Some(mut fields) = Fields::read(value, &GIT, problems) else {
        return git;
    };
    if let Some(remote) = fields
        .take("remote")
        .and_then(|value| remote(value, problems))
    {
        git.settings.remote = remote;
    }
    let settings = &mut git.settings;
    for (key, setting) in [
        ("branch", &mut settings.branch),
        ("ledger", &mut settings.ledger),
        ("statements", &mut settings.statements),
    ] {
        if let Some(branch) = fields.take(key).and_then(|value| branch(value, problems)) {
            *setting = branch.value;
            git.spans.insert(key, branch.span);
        }
    }
    git
}

fn transports_of(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BTreeMap<TransportName, TransportFile>> {
    let entries = named(value, "a mapping of transports", problems)?;
    let transports = entries
        .into_iter()
        .map(|(name, entry)| (name, transport(entry.value, problems)))
        .collect();
    Some(transports)
}

fn transport(value: Value<'_, '_>, problems: &mut Problems) -> TransportFile {
    #[derive(Clone, Copy)]
    enum Name {
        Sandbox,
        Ssm,
    }
    let kinds = [
        ("sandbox", Choice::Now(Name::Sandbox)),
        ("ssm", Choice::Now(Name::Ssm)),
    ];
    let mut fields = Fields::read(value, &TRANSPORT, problems)?;
    let kind = fields
        .require("kind", "kind: ssm", problems)
        .and_then(|value| choice(value, "kind", &kinds, problems));
    match kind? {
        Name::Sandbox => {
            if let Some(entry) = fields.take_entry("region") {
                problems.report(
                    codes::UNUSED_KEY,
                    entry.key_span,
                    "a sandbox has no region",
                    "leave it out",
                );
            }
            Some(TransportSettings::Sandbox)
        }
        Name::Ssm => {
            let value = fields.require("region", "region: ap-southeast-2", problems)?;
            let region = region(value, problems)?;
            Some(TransportSettings::Ssm { region })
        }
    }
}

fn services_of(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BTreeMap<ServiceName, ServiceDeclaration>> {
    let entries = named::<ServiceName>(value, "a mapping of services", problems)?;
    let services = entries
        .into_iter()
        .map(|(name, entry)| {
            let service = service(name.as_str(), entry.key_span, entry.value, problems);
            (name, service)
        })
        .collect();
    Some(services)
}

fn service(
    service: &str,
    span: &Span,
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> ServiceDeclaration {
    let mut declaration = ServiceDeclaration {
        span: span.clone(),
        template: Spanned {
            value: TemplateName::new(service),
            span: span.clone(),
        },
        timeout: DEFAULT_TIMEOUT,
        variables: Variables::new(),
    };
    let Some(mut fields) = Fields::read(value, &SERVICE, problems) else {
        return declaration;
    };
    if let Some(template) = fields
        .take("template")
        .and_then(|value| reference(value, "the name of a template", problems))
    {
        declaration.template = template;
    }
    if let Some(timeout) = fields
        .take("timeout")
        .and_then(|value| duration(value, SHORTEST_TIMEOUT, LONGEST_TIMEOUT, problems))
    {
        declaration.timeout = timeout;
    }
    if let Some(value) = fields.take("variables") {
        declaration.variables = variables(value, problems);
    }
    declaration
}

fn defaults(value: Value<'_, '_>, problems: &mut Problems) -> Option<Settings> {
    let mut fields = Fields::read(value, &DEFAULTS, problems)?;
    Some(Settings::take(&mut fields, problems))
}
