//! The one integration binary: linking the SDK once is most of the build. A line per module, in
//! alphabetical order; `architecture` is a binary of its own because it needs nothing of this.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod action;
mod bad_input;
mod example;
mod fixture;
mod git;
mod git_refusals;
mod kill;
mod lab;
mod ledger;
mod pages;
mod readme;
mod runner;
mod sandbox;
mod sandbox_owner;
mod sandbox_place;
mod sandbox_restart;
mod simulation;
mod stories;
mod support;
mod transport;
