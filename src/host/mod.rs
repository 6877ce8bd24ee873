//! What runs on a machine: the runner, how it gets there, and what it says.
//!
//! Owns the text of the runner (`runner/*.sh`), the packing of tasks into one command, the reading
//! of its answers, and the syntax check of rendered scripts. It knows no transport: `payload` makes
//! lines, `report` reads lines. The rules are the safety protocol's; `docs/runner.md` explains them.

pub mod payload;
pub mod report;
mod share;
pub mod syntax;
