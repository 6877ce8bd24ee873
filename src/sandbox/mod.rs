//! An SSM-compatible endpoint on loopback with Linux hosts that really run what they are sent.
//!
//! It enforces the limits of the real service, and its hosts run a script as the real agent does,
//! each in a folder of its own (`docs/sandbox.md` says what differs). It owns its folder; other
//! processes use the owner's endpoint. Nothing here knows fleets, plans or steps: a production
//! transport talks to it as it talks to AWS.
//!
//! | module | owns |
//! |---|---|
//! | `server`, `listener` | HTTP, and who may talk to it |
//! | `api` | operations: limits, errors, forms of answers |
//! | `service` | commands and instances |
//! | `folder`, `history` | what survives a restart |
//! | `delivery` | which command reaches which agent when |
//! | `run`, `environment`, `output` | a script's processes, what they see, what is shown of them |
//! | `faults` | what goes wrong on purpose |
//! | `handle` | one owner, many users |

mod api;
mod client;
mod command;
mod delivery;
mod document;
mod environment;
mod error;
mod faults;
mod folder;
mod handle;
mod history;
mod host;
mod listener;
mod options;
mod output;
mod run;
mod server;
mod service;
mod status;
mod time;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::SandboxError;
pub use faults::{CallFault, DeliveryFault, Faults};
pub use handle::{Ready, SandboxHandle, connect_or_start, serve};
pub use host::SandboxInstance;
pub use options::SandboxOptions;
pub use server::Sandbox;

/// A panic elsewhere is no reason to stop: every change under these locks is complete.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
