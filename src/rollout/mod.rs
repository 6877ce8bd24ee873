//! One execution of one plan: the pure state machine ([`state`]) and the one dispatcher that drives
//! it. It knows the `Transport` and `Ledger` traits only; nothing else in the crate sends.

pub mod state;
