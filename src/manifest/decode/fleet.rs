//! `fleet.yaml`.

use std::collections::BTreeMap;

use super::Spanned;
use super::environment::NAME;
use super::fields::{Fields, Key, Schema, Shape, Unread, has_gaps, optional, required};
use super::notifications::{NOTIFICATION, notifications};
use super::people::{PERSON, PersonEntry, people};
use super::services::{SERVICE, ServiceDeclaration, services};
use super::settings::{SETTINGS, Settings};
use super::shape;
use super::transports::{TRANSPORT, TransportFile, transports};
use super::value::git::{branch, remote};
use super::value::hold::hold;
use super::value::name::fleet_name;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::Value;
use crate::model::desired::{GitSettings, Notification};
use crate::model::id::{FleetName, PersonName, ServiceName, TransportName};

const API_VERSION: &str = "fleet/v1";

const OWN: &[Key] = &[
    required(
        "api_version",
        Shape::Pattern("^fleet/v1$"),
        "the format of this file: fleet/v1",
    ),
    required(
        "name",
        Shape::Pattern(NAME),
        "the fleet's name; part of every step's id",
    ),
    optional(
        "git",
        Shape::Object(&GIT),
        "where desired state comes from and observed state goes",
    ),
    required(
        "transports",
        Shape::Map(NAME, &Shape::Object(&TRANSPORT)),
        "how hosts are reached",
    ),
    optional(
        "services",
        Shape::Map(NAME, &Shape::Object(&SERVICE)),
        "what has a version and runs on hosts",
    ),
    optional(
        "people",
        Shape::Map(NAME, &Shape::Object(&PERSON)),
        "who may approve, and whose signatures count",
    ),
    optional(
        "defaults",
        Shape::Object(&DEFAULTS),
        "keys of every environment that does not set them",
    ),
    optional("hold", Shape::Text, "why nothing starts anywhere"),
    optional(
        "notifications",
        Shape::List(&Shape::Object(&NOTIFICATION)),
        "who is told what happens",
    ),
];

/// The whole file.
pub(in crate::manifest) const FLEET: Schema = Schema {
    what: "fleet.yaml",
    keys: &[OWN],
};

const GIT: Schema = Schema {
    what: "`git`",
    keys: &[&[
        optional(
            "remote",
            Shape::Text,
            "name of the remote, origin if left out; `none` is local",
        ),
        optional(
            "branch",
            Shape::Text,
            "the desired branch, main if left out",
        ),
        optional(
            "ledger",
            Shape::Text,
            "the branch that fleet writes, fleet/observed if left out",
        ),
        optional(
            "statements",
            Shape::Text,
            "people's words, fleet/statements if left out",
        ),
    ]],
};

const DEFAULTS: Schema = Schema {
    what: "`defaults`",
    keys: &[SETTINGS],
};

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
    /// None likewise.
    pub(in crate::manifest) people: Option<BTreeMap<PersonName, PersonEntry>>,
    pub(in crate::manifest) notifications: Vec<Notification>,
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
        let written = fields.require(
            "transports",
            "transports: { lab: { kind: sandbox } }",
            problems,
        );
        Some(Self {
            name,
            git,
            transports_span: written.map_or(0..0, |value| value.span().clone()),
            transports: written
                .and_then(|value| transports(value, problems).filter(|_| !has_gaps(value))),
            services: {
                let services = fields.whole("services", problems, services);
                services.or_else(|| left_out("services", &fields))
            },
            people: {
                let people = fields.whole("people", problems, people);
                people.or_else(|| left_out("people", &fields))
            },
            notifications: fields
                .take("notifications")
                .map(|value| notifications(value, problems))
                .unwrap_or_default(),
            defaults: fields
                .whole("defaults", problems, defaults)
                .unwrap_or_else(|| Settings {
                    unread: if fields.unread().has("defaults") {
                        Unread::ALL
                    } else {
                        Unread::default()
                    },
                    ..Settings::default()
                }),
            hold: fields.whole("hold", problems, hold),
        })
    }
}

/// Nothing of it, where that is what the file says.
fn left_out<T: Default>(key: &str, fields: &Fields<'_, '_>) -> Option<T> {
    (!fields.unread().has(key)).then(T::default)
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
            let Spanned { value, span } = branch;
            *setting = value;
            git.spans.insert(key, span);
        }
    }
    git
}

fn defaults(value: Value<'_, '_>, problems: &mut Problems) -> Option<Settings> {
    let mut fields = Fields::read(value, &DEFAULTS, problems)?;
    Some(Settings::take(&mut fields, problems))
}
