//! `transports`: how hosts are reached.

use std::collections::BTreeMap;

use super::fields::{Fields, Schema, Shape, optional, required};
use super::value::aws::{document, external_id, role_arn, storage};
use super::value::choice::Word;
use super::value::name::named;
use super::value::region::region;
use crate::manifest::codes;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;
use crate::model::desired::{Platform, Role, SsmSettings, TransportSettings};
use crate::model::id::TransportName;

pub(super) const TRANSPORT: Schema = Schema {
    what: "a transport",
    keys: &[&[
        required(
            "kind",
            Shape::word::<TransportKind>(),
            "ssm, or the sandbox on this machine",
        ),
        optional(
            "region",
            Shape::Pattern("^[a-z]+(-[a-z]+){1,3}-[0-9]{1,2}$"),
            "the AWS region; ssm needs it",
        ),
        optional(
            "role_arn",
            Shape::Pattern("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"),
            "the role that is taken on",
        ),
        optional(
            "external_id",
            Shape::Text,
            "what the role's trust policy asks for",
        ),
        optional(
            "storage",
            Shape::Pattern("^s3://"),
            "where step logs and large payloads go",
        ),
        optional(
            "documents",
            Shape::Object(&DOCUMENTS),
            "SSM documents of one's own",
        ),
    ]],
};

const DOCUMENTS: Schema = Schema {
    what: "`documents`",
    keys: &[&[
        optional("linux", Shape::Text, "instead of AWS-RunShellScript"),
        optional("windows", Shape::Text, "instead of AWS-RunPowerShellScript"),
    ]],
};

/// Keys that only `kind: ssm` has.
const OF_SSM: &[(&str, &str)] = &[
    ("region", "a sandbox has no region"),
    ("role_arn", "a sandbox takes on no role"),
    ("external_id", "a sandbox takes on no role"),
    ("storage", "a sandbox keeps everything on this machine"),
    ("documents", "a sandbox runs AWS's own documents"),
];

#[derive(Clone, Copy)]
enum TransportKind {
    Sandbox,
    Ssm,
}

impl Word for TransportKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("sandbox", Self::Sandbox), ("ssm", Self::Ssm)];
}

/// One of `transports`; none if its settings are wrong.
pub(in crate::manifest) type TransportFile = Option<TransportSettings>;

pub(super) fn transports(
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
    let mut fields = Fields::read(value, &TRANSPORT, problems)?;
    let kind = fields.require("kind", "kind: ssm", problems)?;
    match super::value::choice::choice(kind, "kind", problems)? {
        TransportKind::Sandbox => {
            for (key, message) in OF_SSM {
                if let Some(entry) = fields.take_entry(key) {
                    let help = "leave it out";
                    problems.report(codes::UNUSED_KEY, entry.key_span, *message, help);
                }
            }
            Some(TransportSettings::Sandbox)
        }
        TransportKind::Ssm => ssm(fields, problems).map(TransportSettings::Ssm),
    }
}

fn ssm(mut fields: Fields<'_, '_>, problems: &mut Problems) -> Option<SsmSettings> {
    let value = fields.take("region");
    if value.is_none() && !fields.unread().has("region") {
        problems.report(
            codes::MISSING_KEY,
            fields.beginning(),
            "a transport of kind ssm needs `region`",
            "add `region: ap-southeast-2`",
        );
    }
    let region = value.and_then(|value| region(value, problems));
    let arn = fields
        .take("role_arn")
        .map(|value| role_arn(value, problems));
    let external = fields.take_entry("external_id");
    let external_id = external.and_then(|entry| external_id(entry.value, problems));
    if let (Some(entry), None, false) = (external, &arn, fields.unread().has("role_arn")) {
        problems.report(
            codes::UNUSED_KEY,
            entry.key_span,
            "`external_id` has no effect without `role_arn`",
            "add the role that asks for it, or leave it out",
        );
    }
    Some(SsmSettings {
        storage: fields
            .take("storage")
            .and_then(|value| storage(value, problems)),
        documents: fields
            .take("documents")
            .map(|value| documents(value, problems))
            .unwrap_or_default(),
        region: region?,
        role: arn.flatten().map(|arn| Role { arn, external_id }),
    })
}

fn documents(value: Value<'_, '_>, problems: &mut Problems) -> BTreeMap<Platform, String> {
    let Some(mut fields) = Fields::read(value, &DOCUMENTS, problems) else {
        return BTreeMap::new();
    };
    Platform::ALL
        .into_iter()
        .filter_map(|platform| {
            let value = fields.take(platform.as_str())?;
            Some((platform, document(value, problems)?))
        })
        .collect()
}
