//! `rollout`, of an environment or of the defaults.

use super::Spanned;
use super::fields::{Fields, Schema};
use super::shape::{self, OneOrMore};
use super::value::choice::{Choice, choice};
use super::value::number::number;
use crate::manifest::codes;
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;
use crate::model::policy::{BatchSize, Offline, OnFailure, Strategy};

const ROLLOUT: Schema = Schema {
    what: "a rollout",
    keys: &["strategy", "batch", "max_failures", "on_failure", "offline"],
    later: &["canary", "soak", "after_canary", "per_instance"],
};

const STRATEGIES: [(&str, Choice<Strategy>); 3] = [
    ("all", Choice::Now(Strategy::All)),
    ("batch", Choice::Now(Strategy::Batch)),
    (
        "canary",
        Choice::Later(
            "a batch that begins small does nearly the same: `strategy: batch`, `batch: [1, 100%]`",
        ),
    ),
];

const ON_FAILURE: [(&str, Choice<OnFailure>); 2] = [
    ("pause", Choice::Now(OnFailure::Pause)),
    ("rollback", Choice::Now(OnFailure::Rollback)),
];

const OFFLINE: [(&str, Choice<Offline>); 3] = [
    ("defer", Choice::Now(Offline::Defer)),
    ("fail", Choice::Now(Offline::Fail)),
    (
        "hold",
        Choice::Later(
            "write `fail`, which stops the line, or `defer`, which goes on without the host",
        ),
    ),
];

/// Hosts of the largest fleet, and steps of the longest ramp.
const MOST_FAILURES: u32 = 100_000;
const LONGEST_RAMP: usize = 100;

/// The keys that are written; none where they are not, or where their value is wrong.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct RolloutKeys {
    pub(in crate::manifest) strategy: Option<Strategy>,
    /// A strategy is written and it is wrong: nothing can be said about what it uses.
    pub(in crate::manifest) strategy_is_broken: bool,
    pub(in crate::manifest) batch: Option<Spanned<Vec<BatchSize>>>,
    pub(in crate::manifest) max_failures: Option<u32>,
    pub(in crate::manifest) on_failure: Option<OnFailure>,
    pub(in crate::manifest) offline: Option<Offline>,
}

pub(super) fn rollout(value: Value<'_, '_>, problems: &mut Problems) -> RolloutKeys {
    let Some(mut fields) = Fields::read(value, &ROLLOUT, problems) else {
        return RolloutKeys::default();
    };
    let strategy = fields.take("strategy");
    let read = strategy.and_then(|value| choice(value, "strategy", &STRATEGIES, problems));
    RolloutKeys {
        strategy: read,
        strategy_is_broken: strategy.is_some() && read.is_none(),
        batch: fields
            .take("batch")
            .and_then(|value| batch(value, problems)),
        max_failures: fields
            .take("max_failures")
            .and_then(|value| number(value, MOST_FAILURES, problems)),
        on_failure: fields
            .take("on_failure")
            .and_then(|value| choice(value, "on_failure", &ON_FAILURE, problems)),
        offline: fields
            .take("offline")
            .and_then(|value| choice(value, "offline", &OFFLINE, problems)),
    }
}

/// One size, or a ramp of them.
fn batch(value: Value<'_, '_>, problems: &mut Problems) -> Option<Spanned<Vec<BatchSize>>> {
    let sizes = match shape::one_or_more(value) {
        OneOrMore::One(value) => vec![batch_size(value, problems)?],
        OneOrMore::More(sequence) => {
            let items = sequence.items();
            if items.len() == 0 || items.len() > LONGEST_RAMP {
                problems.report(
                    codes::BATCH,
                    value.span(),
                    format!(
                        "a ramp has 1 to {LONGEST_RAMP} sizes, and this one {}",
                        items.len()
                    ),
                    "the last size repeats: `batch: [10%, 50%]`",
                );
                return None;
            }
            let sizes: Vec<Option<BatchSize>> =
                items.map(|item| batch_size(item, problems)).collect();
            sizes.into_iter().collect::<Option<_>>()?
        }
    };
    Some(Spanned {
        value: sizes,
        span: value.span().clone(),
    })
}

fn batch_size(value: Value<'_, '_>, problems: &mut Problems) -> Option<BatchSize> {
    let text = shape::scalar(value, "a batch size such as 10% or 3", problems)?.text;
    let digits = text.strip_suffix('%').unwrap_or(text);
    let plain = digits.bytes().all(|c| c.is_ascii_digit()) && !digits.starts_with('0');
    let size = text.parse().ok().filter(|_| plain);
    if size.is_none() {
        problems.report(
            codes::BATCH,
            value.span(),
            format!("{} is not a batch size", shown(text)),
            "write a number of hosts such as 3, or 1% to 100% of those that change",
        );
    }
    size
}
