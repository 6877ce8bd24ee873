//! One execution of one plan: the pure state machine ([`state`]) and the one [`Dispatcher`] that
//! drives it. It knows the `Transport` and `Ledger` traits only; nothing else in the crate sends.

mod controller;
mod desired;
mod dispatcher;
mod error;
pub mod state;

pub use controller::{Controller, LogSink};
pub use desired::{DesiredError, DesiredSource, DesiredState};
pub use dispatcher::{
    Asked, Books, Dispatcher, Health, Look, Moment, Question, Run, Subject, ask_hosts,
    look_at_hosts, observe_hosts,
};
pub(crate) use dispatcher::{absent, judge};
pub use error::DispatchError;
