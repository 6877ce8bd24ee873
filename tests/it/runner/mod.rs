//! The runner, really run: packed as in production, by `sh -c`, in a folder of its own.

mod asking;
mod bad_hosts;
mod bad_phases;
mod bash_4_2;
mod closing;
mod command;
mod cut_off;
mod happy;
mod host;
mod observing;
mod order;
mod packing;
mod place;
mod removing;
mod reports;
mod rules;
