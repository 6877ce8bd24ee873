//! Ledgers through their trait.

mod memory;
mod samples;
