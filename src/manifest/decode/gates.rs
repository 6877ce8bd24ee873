//! `after`, `approvals`, `rollback` and `emergency`: what must be open before a wave starts.

use super::Spanned;
use super::fields::{Fields, Schema, Shape, Unread, optional, required};
use super::shape;
use super::value::calendar::timestamp;
use super::value::choice::{Word, choice};
use super::value::name::reference;
use super::value::text::line;
use super::value::version::version;
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::Value;
use crate::model::id::{EnvironmentName, PersonName, ServiceName, Version};
use crate::model::policy::{FreeOfApproval, RollbackPolicy, RollbackWindow, Strategy};
use crate::model::time::{Seconds, Timestamp};

/// People of the largest fleet.
const MOST_APPROVALS: u32 = 1_000;
const YEAR: Seconds = Seconds(365 * 86_400);

pub(super) const AFTER: Schema = Schema {
    what: "`after`",
    keys: &[&[
        required(
            "environment",
            Shape::Text,
            "where it must have been healthy",
        ),
        required(
            "healthy_for",
            Shape::Duration(Seconds(1), YEAR),
            "for how long",
        ),
    ]],
};

pub(super) const APPROVALS: Schema = Schema {
    what: "`approvals`",
    keys: &[&[
        optional(
            "required",
            Shape::Number(0, MOST_APPROVALS),
            "how many people have to agree",
        ),
        optional(
            "from",
            Shape::List(&Shape::Text),
            "who counts; everybody in `people` if left out",
        ),
        optional(
            "wait",
            Shape::Duration(Seconds(0), YEAR),
            "time between record and start",
        ),
        optional(
            "valid",
            Shape::Duration(Seconds(60), YEAR),
            "how long an approval counts",
        ),
        optional(
            "not_for",
            Shape::List(&Shape::word::<FreeOfApproval>()),
            "changes that need none where they are alone",
        ),
    ]],
};

pub(super) const ROLLBACK: Schema = Schema {
    what: "`rollback`",
    keys: &[&[
        optional(
            "approvals",
            Shape::Number(0, MOST_APPROVALS),
            "how many people have to agree",
        ),
        optional(
            "window",
            Shape::word::<RollbackWindow>(),
            "`any`: at any time",
        ),
        optional("strategy", Shape::word::<Strategy>(), "in which waves"),
    ]],
};

pub(super) const EMERGENCY: Schema = Schema {
    what: "an emergency",
    keys: &[&[
        required("service", Shape::Text, "whose change is not to wait"),
        required("version", Shape::Text, "the version it is about"),
        required("reason", Shape::Text, "why, in words"),
        required(
            "expires",
            Shape::Text,
            "when it ends, at most 24 hours ahead",
        ),
    ]],
};

impl Word for FreeOfApproval {
    const WORDS: &'static [(&'static str, Self)] =
        &[("new_host", Self::NewHost), ("repair", Self::Repair)];
}

impl Word for RollbackWindow {
    const WORDS: &'static [(&'static str, Self)] = &[("any", Self::Any)];
}

/// `after` with its place.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct AfterKeys {
    pub(in crate::manifest) environment: Spanned<EnvironmentName>,
    pub(in crate::manifest) healthy_for: Seconds,
}

/// `approvals`, the keys that are written.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct ApprovalKeys {
    pub(in crate::manifest) span: Span,
    pub(in crate::manifest) required: Option<u32>,
    pub(in crate::manifest) from: Option<Vec<Spanned<PersonName>>>,
    pub(in crate::manifest) wait: Option<Seconds>,
    pub(in crate::manifest) valid: Option<Seconds>,
    pub(in crate::manifest) not_for: Option<Vec<FreeOfApproval>>,
    pub(in crate::manifest) unread: Unread,
}

/// `emergency` with its places.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct EmergencyKeys {
    pub(in crate::manifest) service: Spanned<ServiceName>,
    pub(in crate::manifest) version: Version,
    pub(in crate::manifest) reason: String,
    pub(in crate::manifest) expires: Timestamp,
}

pub(super) fn after(value: Value<'_, '_>, problems: &mut Problems) -> Option<AfterKeys> {
    let mut fields = Fields::read(value, &AFTER, problems)?;
    let environment = fields
        .require("environment", "environment: staging", problems)
        .and_then(|value| reference(value, "the name of an environment", problems));
    let healthy_for = fields
        .require("healthy_for", "healthy_for: 24h", problems)
        .and_then(|value| fields.duration_of("healthy_for", value, problems));
    Some(AfterKeys {
        environment: environment?,
        healthy_for: healthy_for?,
    })
}

pub(super) fn approvals(value: Value<'_, '_>, problems: &mut Problems) -> Option<ApprovalKeys> {
    let mut fields = Fields::read(value, &APPROVALS, problems)?;
    let from = fields.part("from", problems, |value, problems| {
        let items = shape::sequence(value, "a list of people", problems)?.items();
        let people = items.filter_map(|item| reference(item, "the name of a person", problems));
        Some(people.collect())
    });
    let not_for = fields.take("not_for").and_then(|value| {
        let items = shape::sequence(value, "a list of words", problems)?.items();
        let words = items.filter_map(|item| choice(item, "not_for", problems));
        let mut words: Vec<FreeOfApproval> = words.collect();
        words.sort_unstable();
        words.dedup();
        Some(words)
    });
    Some(ApprovalKeys {
        span: fields.beginning().clone(),
        required: fields.number("required", problems),
        from: from.flatten(),
        wait: fields.duration("wait", problems),
        valid: fields.duration("valid", problems),
        not_for,
        unread: fields.unread().clone(),
    })
}

pub(super) fn rollback(value: Value<'_, '_>, problems: &mut Problems) -> Option<RollbackPolicy> {
    let mut fields = Fields::read(value, &ROLLBACK, problems)?;
    Some(RollbackPolicy {
        approvals: fields.number("approvals", problems),
        window: fields.word("window", problems).map(|word| word.value),
        strategy: fields.word("strategy", problems).map(|word| word.value),
    })
}

pub(super) fn emergency(value: Value<'_, '_>, problems: &mut Problems) -> Option<EmergencyKeys> {
    let mut fields = Fields::read(value, &EMERGENCY, problems)?;
    let service = fields
        .require("service", "service: web", problems)
        .and_then(|value| reference(value, "the name of a service", problems));
    let to = fields
        .require("version", "version: 1.0.0", problems)
        .and_then(|value| version(value, problems));
    let reason = fields
        .require("reason", "reason: what burns", problems)
        .and_then(|value| line(value, problems));
    let expires = fields
        .require("expires", "expires: 2026-11-20T01:02:03Z", problems)
        .and_then(|value| timestamp(value, problems));
    Some(EmergencyKeys {
        service: service?,
        version: to?,
        reason: reason?,
        expires: expires?,
    })
}
