//! One execution of one plan: the pure state machine ([`state`]) and the one [`Dispatcher`] that
//! drives it. It knows the `Transport` and `Ledger` traits only; nothing else in the crate sends.

mod controller;
mod desired;
mod dispatcher;
mod error;
pub mod state;

pub use controller::{Controller, LogSink};
pub use desired::{DesiredError, DesiredSource, DesiredState};
pub(crate) use dispatcher::absent;
pub use dispatcher::{
    Asked, Books, Dispatcher, Health, Moment, Question, Run, Subject, ask_hosts, observe_hosts,
};
pub use error::DispatchError;
