//! The collecting decoder: a span tree → what a file says, with every problem of the file.
//!
//! Nothing stops at the first problem, and nothing is read and then ignored: a key that this
//! version cannot act on closes a gate. What a value must look like by itself is decided in
//! `value`; what must fit together is decided by the rules.

mod environment;
mod fields;
mod fleet;
mod gates;
mod habits;
mod notifications;
mod people;
mod rollout;
mod services;
mod settings;
mod shape;
mod transports;
mod value;
mod window;

use super::problems::Span;

pub(super) use environment::{ENVIRONMENT, EnvironmentFile, HostEntry, ServiceEntry};
pub(super) use fields::{Key, Schema, Shape, did_you_mean, nearest};
pub(super) use fleet::{FLEET, FleetFile};
pub(super) use gates::{AfterKeys, ApprovalKeys};
pub(super) use rollout::{CanaryKey, RolloutKeys};
pub(super) use services::ServiceDeclaration;
pub(super) use settings::Settings;
pub(super) use value::name::report as name_problem;
pub(super) use value::package::sha256_of;
pub(super) use value::version::{ABSENT, Wanted, version_problem};
pub(super) use window::WindowKeys;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
}
