//! Ledgers through their trait: the one in memory, and the one in git with real repositories.

mod controller;
mod faults;
mod history;
mod memory;
mod mend;
mod race;
mod records;
mod samples;
mod statements;
