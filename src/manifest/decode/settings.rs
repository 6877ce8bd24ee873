//! The keys that an environment and the defaults share.

use std::collections::BTreeMap;

use super::Spanned;
use super::fields::{Fields, Key, Schema, Shape, Unread, optional, required};
use super::gates::{
    AFTER, APPROVALS, AfterKeys, ApprovalKeys, EMERGENCY, EmergencyKeys, ROLLBACK, after,
    approvals, emergency, rollback,
};
use super::rollout::{ROLLOUT, RolloutKeys, rollout};
use super::shape;
use super::value::choice::Word;
use super::value::hold::hold;
use super::value::name::reference;
use super::value::variables::variables;
use super::window::{WINDOW, WindowKeys, window};
use crate::manifest::codes;
use crate::manifest::problems::{Problems, Span, shown};
use crate::manifest::tree::Value;
use crate::model::desired::Variables;
use crate::model::id::TransportName;
use crate::model::policy::{Drift, RollbackPolicy};
use crate::model::time::Seconds;

/// What a variable can be.
pub(super) const VARIABLES: Shape = Shape::Map(
    "^[A-Za-z_][A-Za-z0-9_.-]{0,62}$",
    &Shape::OneOrMore(&Shape::Text),
);

pub(super) const SETTINGS: &[Key] = &[
    optional(
        "transport",
        Shape::Text,
        "how its hosts are reached; one of `transports`",
    ),
    optional("hold", Shape::Text, "why nothing starts here"),
    optional(
        "variables",
        VARIABLES,
        "what templates read below `variables`",
    ),
    optional(
        "discover",
        Shape::Object(&DISCOVER),
        "tags by which AWS finds more hosts",
    ),
    optional("window", Shape::Object(&WINDOW), "when changes may start"),
    optional(
        "after",
        Shape::Object(&AFTER),
        "what must have been healthy elsewhere first",
    ),
    optional("approvals", Shape::Object(&APPROVALS), "who has to agree"),
    optional(
        "rollout",
        Shape::Object(&ROLLOUT),
        "in which waves, and what a failure does",
    ),
    optional(
        "rollback",
        Shape::Object(&ROLLBACK),
        "gates of a plan that only goes back",
    ),
    optional(
        "emergency",
        Shape::Object(&EMERGENCY),
        "one change that is not to wait",
    ),
    optional(
        "observe_every",
        Shape::Duration(Seconds(60), Seconds(30 * 86_400)),
        "how often hosts are asked what they run",
    ),
    optional("drift", Shape::word::<Drift>(), "what is done about drift"),
];

const DISCOVER: Schema = Schema {
    what: "`discover`",
    keys: &[&[required(
        "tags",
        Shape::Map("^.{1,128}$", &Shape::List(&Shape::Text)),
        "values of each tag, of which a host has one",
    )]],
};

impl Word for Drift {
    const WORDS: &'static [(&'static str, Self)] =
        &[("report", Self::Report), ("repair", Self::Repair)];
}

/// What stands at those keys.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Settings {
    pub(in crate::manifest) transport: Option<Spanned<TransportName>>,
    pub(in crate::manifest) hold: Option<String>,
    pub(in crate::manifest) variables: Variables,
    /// Where `discover` stands, and its tags.
    pub(in crate::manifest) discover: Option<Spanned<BTreeMap<String, Vec<String>>>>,
    pub(in crate::manifest) window: Option<WindowKeys>,
    pub(in crate::manifest) after: Option<AfterKeys>,
    pub(in crate::manifest) approvals: Option<ApprovalKeys>,
    pub(in crate::manifest) rollout: RolloutKeys,
    pub(in crate::manifest) rollback: Option<RollbackPolicy>,
    pub(in crate::manifest) emergency: Option<EmergencyKeys>,
    pub(in crate::manifest) observe_every: Option<Seconds>,
    pub(in crate::manifest) drift: Option<Drift>,
    /// Of the whole mapping in which they stand.
    pub(in crate::manifest) unread: Unread,
}

impl Settings {
    pub(super) fn take(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> Self {
        Self {
            transport: fields.whole("transport", problems, |value, problems| {
                reference(value, "the name of a transport", problems)
            }),
            hold: fields.whole("hold", problems, hold),
            variables: fields
                .part("variables", problems, variables)
                .unwrap_or_default(),
            discover: fields.take_entry("discover").and_then(|entry| {
                Some(Spanned {
                    value: discover(entry.value, problems)?,
                    span: Span::clone(entry.key_span),
                })
            }),
            window: fields.whole("window", problems, window),
            after: fields.whole("after", problems, after),
            approvals: fields.whole("approvals", problems, approvals),
            rollout: fields
                .part("rollout", problems, rollout)
                .unwrap_or_default(),
            rollback: fields.whole("rollback", problems, rollback),
            emergency: fields.whole("emergency", problems, emergency),
            observe_every: fields.duration("observe_every", problems),
            drift: fields.word("drift", problems).map(|word| word.value),
            unread: fields.unread().clone(),
        }
    }
}

fn discover(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, Vec<String>>> {
    let mut fields = Fields::read(value, &DISCOVER, problems)?;
    let value = fields.require("tags", "tags: { Role: [web] }", problems)?;
    let mapping = shape::mapping(value, "a mapping of tags to lists of values", problems)?;
    if mapping.entries().len() == 0 {
        problems.report(
            codes::TAGS,
            value.span(),
            "`tags` names no tag",
            "every machine of the account would match: name at least one",
        );
        return None;
    }
    let mut tags = BTreeMap::new();
    for entry in mapping.entries() {
        if entry.key.is_empty() || entry.key.chars().count() > 128 {
            problems.report(
                codes::TAGS,
                entry.key_span,
                format!("{} cannot be a tag", shown(entry.key)),
                "a tag's name has 1 to 128 characters",
            );
        }
        let Some(list) = shape::sequence(entry.value, "a list of values", problems) else {
            continue;
        };
        let values: Vec<String> = list
            .items()
            .filter_map(|item| shape::scalar(item, "a text", problems))
            .map(|scalar| scalar.text.to_owned())
            .collect();
        if values.is_empty() {
            problems.report(
                codes::TAGS,
                entry.value.span(),
                format!("tag {} has no values", shown(entry.key)),
                "no machine would match: name at least one value",
            );
        }
        tags.insert(entry.key.to_owned(), values);
    }
    Some(tags)
}
