//! `services` of the fleet: what they are, in whatever version.

use std::collections::BTreeMap;

use super::Spanned;
use super::environment::NAME;
use super::fields::{Fields, Schema, Shape, Unread, optional};
use super::settings::VARIABLES;
use super::value::name::{named, reference};
use super::value::package::{artifact, requirement};
use super::value::variables::variables;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::{Kind, Value};
use crate::model::desired::{Platform, Variables};
use crate::model::id::{ServiceName, TemplateName};
use crate::model::time::Seconds;

const DEFAULT_TIMEOUT: Seconds = Seconds(30 * 60);
const SHORTEST_TIMEOUT: Seconds = Seconds(1);
/// A command lives for all phases of all services of a host; SSM ends it after 48 hours.
const LONGEST_TIMEOUT: Seconds = Seconds(6 * 3_600);

const ADDRESS: Shape = Shape::Pattern("^(s3|https)://");

pub(super) const SERVICE: Schema = Schema {
    what: "a service",
    keys: &[&[
        optional(
            "template",
            Shape::Text,
            "folder below templates/; the service's name if left out",
        ),
        optional(
            "artifact",
            Shape::Any(&[ADDRESS, Shape::Object(&ARTIFACTS)]),
            "the package that hosts download; {{version}} is replaced",
        ),
        optional(
            "timeout",
            Shape::Duration(SHORTEST_TIMEOUT, LONGEST_TIMEOUT),
            "longest time of one phase, 30m if left out",
        ),
        optional(
            "requires",
            Shape::Map(NAME, &Shape::Text),
            "services that must run on the same host, with a range of versions",
        ),
        optional(
            "variables",
            VARIABLES,
            "what templates read below `variables`",
        ),
    ]],
};

const ARTIFACTS: Schema = Schema {
    what: "an artifact by platform",
    keys: &[&[
        optional("linux", ADDRESS, "for Linux hosts"),
        optional("windows", ADDRESS, "for Windows hosts"),
    ]],
};

/// One of `services`.
#[derive(Debug)]
pub(in crate::manifest) struct ServiceDeclaration {
    pub(in crate::manifest) span: Span,
    /// The service's name where none is written.
    pub(in crate::manifest) template: Spanned<TemplateName>,
    pub(in crate::manifest) timeout: Seconds,
    /// With its place.
    pub(in crate::manifest) artifact: Option<Spanned<BTreeMap<Platform, String>>>,
    pub(in crate::manifest) requires: BTreeMap<ServiceName, Spanned<semver::VersionReq>>,
    pub(in crate::manifest) variables: Variables,
    pub(in crate::manifest) unread: Unread,
}

pub(super) fn services(
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
        artifact: None,
        requires: BTreeMap::new(),
        variables: Variables::new(),
        unread: Unread::ALL,
    };
    let Some(mut fields) = Fields::read(value, &SERVICE, problems) else {
        return declaration;
    };
    if let Some(template) = fields.whole("template", problems, |value, problems| {
        reference(value, "the name of a template", problems)
    }) {
        declaration.template = template;
    }
    if let Some(timeout) = fields.duration("timeout", problems) {
        declaration.timeout = timeout;
    }
    declaration.artifact = fields.whole("artifact", problems, artifacts);
    if let Some(value) = fields.take("requires") {
        declaration.requires = requires(value, problems);
    }
    if let Some(value) = fields.take("variables") {
        declaration.variables = variables(value, problems);
    }
    declaration.unread = fields.unread().clone();
    declaration
}

fn artifacts(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<BTreeMap<Platform, String>>> {
    let span = value.span().clone();
    if !matches!(value.kind(), Kind::Mapping(_)) {
        let address = artifact(value, problems)?.value;
        let value = Platform::ALL
            .map(|platform| (platform, address.clone()))
            .into();
        return Some(Spanned { value, span });
    }
    let mut fields = Fields::read(value, &ARTIFACTS, problems)?;
    let mut found = BTreeMap::new();
    for platform in Platform::ALL {
        if let Some(value) = fields.take(platform.as_str()) {
            found.insert(platform, artifact(value, problems)?.value);
        }
    }
    if found.is_empty() {
        problems.report(
            codes::ARTIFACT,
            &span,
            "the artifact names no platform",
            "add `linux:` or `windows:` with an address, or leave `artifact` out",
        );
        return None;
    }
    Some(Spanned { value: found, span })
}

fn requires(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<ServiceName, Spanned<semver::VersionReq>> {
    named(
        value,
        "a mapping of services to ranges of versions",
        problems,
    )
    .unwrap_or_default()
    .into_iter()
    .filter_map(|(name, entry)| {
        let range = requirement(entry.value, problems)?.value;
        let span = entry.key_span.clone();
        Some((name, Spanned { value: range, span }))
    })
    .collect()
}
