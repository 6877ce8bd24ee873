//! Domain types. No I/O, no clock, and no other module of this crate.
//!
//! Desired (what git says) and observed (what a host reported) are never the same type:
//! [`desired`] and [`observed`] share only the ids and versions of [`id`].

pub mod bundle;
pub mod canonical;
pub mod characters;
pub mod clock;
pub mod desired;
pub mod diagnostic;
pub mod event;
pub mod id;
pub mod ledger;
pub mod observation;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod report;
pub mod selector;
pub mod source;
pub mod statement;
pub mod task;
pub mod time;
pub mod window;
