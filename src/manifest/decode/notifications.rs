//! `notifications`: who is told what happens.

use super::fields::{Fields, Schema, Shape, optional, required};
use super::shape;
use super::value::choice::{Word, choice};
use super::value::people::secret_source;
use crate::manifest::problems::Problems;
use crate::manifest::tree::Value;
use crate::model::desired::{Notification, NotificationKind};

const SECRET: Shape = Shape::Pattern("^(env|file):.+$");

pub(super) const NOTIFICATION: Schema = Schema {
    what: "a notification",
    keys: &[&[
        required("kind", Shape::word::<NotificationKind>(), "in which form"),
        required("url", SECRET, "where to: env:NAME or file:PATH"),
        optional("key", SECRET, "what signs it: env:NAME or file:PATH"),
    ]],
};

impl Word for NotificationKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("slack", Self::Slack), ("webhook", Self::Webhook)];
}

pub(super) fn notifications(value: Value<'_, '_>, problems: &mut Problems) -> Vec<Notification> {
    let Some(list) = shape::sequence(value, "a list of notifications", problems) else {
        return Vec::new();
    };
    list.items()
        .filter_map(|item| notification(item, problems))
        .collect()
}

fn notification(value: Value<'_, '_>, problems: &mut Problems) -> Option<Notification> {
    let mut fields = Fields::read(value, &NOTIFICATION, problems)?;
    let kind = fields
        .require("kind", "kind: slack", problems)
        .and_then(|value| choice(value, "kind", problems));
    let url = fields
        .require("url", "url: env:SLACK_URL", problems)
        .and_then(|value| secret_source(value, problems));
    let key = fields
        .take("key")
        .and_then(|value| secret_source(value, problems));
    Some(Notification {
        kind: kind?,
        url: url?,
        key,
    })
}
