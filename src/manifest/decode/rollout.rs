//! `rollout`, of an environment or of the defaults.

use super::Spanned;
use super::fields::{Fields, Schema, Shape, Unread, optional, required};
use super::value::batch::{batch, batch_size};
use super::value::choice::Word;
use super::value::selector::selector;
use crate::manifest::problems::{Problems, Span};
use crate::manifest::tree::{Kind, Value};
use crate::model::policy::{AfterCanary, BatchSize, Offline, OnFailure, Strategy};
use crate::model::selector::Selector;
use crate::model::time::Seconds;

/// Hosts of the largest fleet.
const MOST_FAILURES: u32 = 100_000;
/// What one instance can be asked to do at a time: the SSM agent runs five commands.
const MOST_PER_INSTANCE: u32 = 5;
const LONGEST_SOAK: Seconds = Seconds(30 * 86_400);

const SIZE: Shape = Shape::Pattern("^[1-9][0-9]*$|^([1-9][0-9]?|100)%$");

pub(super) const ROLLOUT: Schema = Schema {
    what: "a rollout",
    keys: &[&[
        optional(
            "strategy",
            Shape::word::<Strategy>(),
            "how changes are cut into waves",
        ),
        optional(
            "canary",
            Shape::Any(&[SIZE, Shape::Object(&CANARY)]),
            "the first wave of `strategy: canary`",
        ),
        optional(
            "batch",
            Shape::OneOrMore(&SIZE),
            "hosts of a wave; the last size of a ramp repeats",
        ),
        optional(
            "soak",
            Shape::Duration(Seconds(0), LONGEST_SOAK),
            "how long the first wave is observed before the next",
        ),
        optional(
            "after_canary",
            Shape::word::<AfterCanary>(),
            "what comes after the canary",
        ),
        optional(
            "max_failures",
            Shape::Number(0, MOST_FAILURES),
            "more hosts than this without success stop the line",
        ),
        optional(
            "on_failure",
            Shape::word::<OnFailure>(),
            "what stopping the line does",
        ),
        optional(
            "offline",
            Shape::word::<Offline>(),
            "what becomes of a host that cannot be reached",
        ),
        optional(
            "per_instance",
            Shape::Number(1, MOST_PER_INSTANCE),
            "hosts that share an instance, in flight together",
        ),
    ]],
};

const CANARY: Schema = Schema {
    what: "a canary",
    keys: &[&[required("select", Shape::Text, "the hosts that go first")]],
};

impl Word for Strategy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("all", Self::All),
        ("batch", Self::Batch),
        ("canary", Self::Canary),
    ];
}

impl Word for AfterCanary {
    const WORDS: &'static [(&'static str, Self)] =
        &[("continue", Self::Continue), ("wait", Self::Wait)];
}

impl Word for OnFailure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("pause", Self::Pause), ("rollback", Self::Rollback)];
}

impl Word for Offline {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("defer", Self::Defer),
        ("hold", Self::Hold),
        ("fail", Self::Fail),
    ];
}

/// The keys that are written; none where they are not, or where their value is wrong.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct RolloutKeys {
    pub(in crate::manifest) strategy: Option<Strategy>,
    pub(in crate::manifest) canary: Option<Spanned<CanaryKey>>,
    pub(in crate::manifest) batch: Option<Spanned<Vec<BatchSize>>>,
    pub(in crate::manifest) soak: Option<Seconds>,
    pub(in crate::manifest) after_canary: Option<Spanned<AfterCanary>>,
    pub(in crate::manifest) max_failures: Option<u32>,
    pub(in crate::manifest) on_failure: Option<OnFailure>,
    pub(in crate::manifest) offline: Option<Offline>,
    pub(in crate::manifest) per_instance: Option<u32>,
    /// Without its strategy nothing can be said about what that uses.
    pub(in crate::manifest) unread: Unread,
}

/// `canary`.
#[derive(Clone, Debug)]
pub(in crate::manifest) enum CanaryKey {
    Size(BatchSize),
    Select {
        selector: Selector,
        /// As written.
        text: String,
        span: Span,
    },
}

pub(super) fn rollout(value: Value<'_, '_>, problems: &mut Problems) -> RolloutKeys {
    let Some(mut fields) = Fields::read(value, &ROLLOUT, problems) else {
        return RolloutKeys {
            unread: Unread::ALL,
            ..RolloutKeys::default()
        };
    };
    RolloutKeys {
        strategy: fields.word("strategy", problems).map(|word| word.value),
        canary: fields
            .take("canary")
            .and_then(|value| canary(value, problems)),
        batch: fields
            .take("batch")
            .and_then(|value| batch(value, problems)),
        soak: fields.duration("soak", problems),
        after_canary: fields.word("after_canary", problems),
        max_failures: fields.number("max_failures", problems),
        on_failure: fields.word("on_failure", problems).map(|word| word.value),
        offline: fields.word("offline", problems).map(|word| word.value),
        per_instance: fields.number("per_instance", problems),
        unread: fields.unread().clone(),
    }
}

fn canary(value: Value<'_, '_>, problems: &mut Problems) -> Option<Spanned<CanaryKey>> {
    let key = if let Kind::Mapping(_) = value.kind() {
        let mut fields = Fields::read(value, &CANARY, problems)?;
        let select = fields.require("select", "select: role=canary", problems)?;
        let selector = selector(select, problems)?;
        CanaryKey::Select {
            text: match select.kind() {
                Kind::Scalar(scalar) => scalar.text.to_owned(),
                _ => String::new(),
            },
            selector: selector.value,
            span: selector.span,
        }
    } else {
        CanaryKey::Size(batch_size(value, problems)?)
    };
    Some(Spanned {
        value: key,
        span: value.span().clone(),
    })
}
