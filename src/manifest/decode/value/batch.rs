//! How many hosts go together.

use crate::manifest::codes;
use crate::manifest::decode::Spanned;
use crate::manifest::decode::shape::{self, OneOrMore};
use crate::manifest::problems::{Problems, shown};
use crate::manifest::tree::Value;
use crate::model::policy::BatchSize;

/// Steps of the longest ramp.
const LONGEST_RAMP: usize = 100;

/// Reads one size, or a ramp of them.
pub(in crate::manifest::decode) fn batch(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<Spanned<Vec<BatchSize>>> {
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

/// Reads a number of hosts or a share of them.
pub(in crate::manifest::decode) fn batch_size(
    value: Value<'_, '_>,
    problems: &mut Problems,
) -> Option<BatchSize> {
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
