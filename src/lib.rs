//! `fleet` is GitOps for plain virtual machines.
//!
//! The map, from the inside out. `model` imports nothing; `manifest`, `render`, `plan` and `gate`
//! are pure and do not import one another; `rollout` knows the `Transport` and `Ledger` traits only.
//! `tests/architecture.rs` keeps these rules; `ARCHITECTURE.md` gives the picture.
//!
//! | module | owns |
//! |---|---|
//! | [`model`] | domain types, no I/O |
//! | [`manifest`] | YAML → model, with spans and diagnostics |
//! | [`render`] | templates → script bundles |
//! | [`plan`] | the pure planner |
//! | [`gate`] | what must be open before a wave starts |
//! | [`rollout`] | the state machine and its one dispatcher |
//! | [`host`] | runner, payload, report: what runs on a machine |
//! | [`transport`] | the `Transport` trait, and SSM behind it |
//! | [`sandbox`] | an SSM endpoint with hosts that really run scripts |
//! | [`git`] | the git seam |
//! | [`ledger`] | observed state in git |
//! | [`reconcile`] | one pass over an environment |
//! | [`daemon`] | when passes are made, over all environments |
//! | [`reporter`] | events and plans → terminal, JSON, markdown |
//! | [`cli`] | one file per subcommand |

pub mod cli;
pub mod daemon;
pub mod gate;
pub mod git;
pub mod host;
pub mod ledger;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod reconcile;
pub mod render;
pub mod reporter;
pub mod rollout;
pub mod sandbox;
pub mod transport;
