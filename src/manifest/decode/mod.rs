//! The collecting decoder: a span tree → what a file says, with every problem of the file.
//!
//! Nothing stops at the first problem, and nothing is read and then ignored: a key is acted on,
//! or is an error. What a value must look like by itself is decided in `value`; what must fit
//! together is decided by the rules.

mod environment;
mod fields;
mod fleet;
mod rollout;
mod shape;
mod value;

use super::problems::Span;

pub(super) use environment::{EnvironmentFile, HostEntry, ServiceEntry};
pub(super) use fields::nearest;
pub(super) use fleet::FleetFile;
pub(super) use rollout::RolloutKeys;
pub(super) use value::name::report as name_problem;
pub(super) use value::version::version_problem;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
}
