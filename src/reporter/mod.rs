//! What people and programs read: diagnostics, plans, events, status, rollouts.
//!
//! Functions from model types to strings; only [`live`] draws, on a target it is given. Nothing here
//! decides anything, reads a clock or prints: `now` and the palette are parameters, and colours only
//! repeat what the words say.

pub mod adoption;
pub mod diagnostics;
pub mod diff;
pub mod event;
pub mod explain;
pub mod fold;
pub mod live;
pub mod observed;
pub mod plan;
pub mod rollout;
pub mod status;
pub mod summary;
pub mod text;
