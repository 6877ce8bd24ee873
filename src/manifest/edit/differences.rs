//! What two readings of a file do not share.

use crate::manifest::problems::Span;
use crate::manifest::tree::{Kind, Mapping, Value};

/// A value that two documents do not share.
pub(super) struct Difference {
    pub(super) span: Span,
    /// The alias that brought it where it is.
    pub(super) alias: Option<Span>,
}

/// Compares what two documents say, place by place. As deep as the tree, which is bounded.
pub(super) fn differences(
    old: Value<'_, '_>,
    new: Value<'_, '_>,
    alias: Option<&Span>,
    found: &mut Vec<Difference>,
) {
    let alias = match old.aliased() {
        Some(_) => Some(old.span()),
        None => alias,
    };
    let is_same = match (old.kind(), new.kind()) {
        (Kind::Scalar(old), Kind::Scalar(new)) => old.text == new.text,
        (Kind::Sequence(old), Kind::Sequence(new)) => {
            let is_as_long = old.items().len() == new.items().len();
            for (old, new) in old.items().zip(new.items()) {
                differences(old, new, alias, found);
            }
            is_as_long
        }
        (Kind::Mapping(old), Kind::Mapping(new)) if keys(old).eq(keys(new)) => {
            for (old, new) in old.entries().zip(new.entries()) {
                differences(old.value, new.value, alias, found);
            }
            true
        }
        (Kind::Mapping(old), Kind::Mapping(new)) => {
            for old in old.entries() {
                match new.get(old.key) {
                    Some(new) => differences(old.value, new.value, alias, found),
                    None => found.push(Difference {
                        span: old.key_span.clone(),
                        alias: alias.cloned(),
                    }),
                }
            }
            false
        }
        _ => false,
    };
    if !is_same {
        found.push(Difference {
            span: old.span().clone(),
            alias: alias.cloned(),
        });
    }
}

fn keys<'d>(mapping: Mapping<'d, '_>) -> impl Iterator<Item = &'d str> {
    mapping.entries().map(|entry| entry.key)
}
