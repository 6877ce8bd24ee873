//! One pass over one environment: read, finish what is open, else plan and roll out.
//!
//! It owns the order of these, waiting for another controller, and what is recorded besides
//! rollouts (released hosts, answers of unknown ones, lifted blocks). A pass is idempotent: what
//! wakes it tells it nothing, and one that changes nothing makes no commit and sends nothing.

mod adopt;
mod apply;
mod error;
mod foreign;
mod observe;
mod outcome;
mod races;
mod rebuild;
mod released;
mod retry;
mod unknown;

pub use adopt::{adopt, look};
pub use apply::{ApplyOptions, apply};
pub use error::ReconcileError;
pub use observe::observe;
pub use outcome::{ExitClass, Pass, PassOutcome};
pub use rebuild::{Rebuilt, rebuild};
pub use retry::lift;
