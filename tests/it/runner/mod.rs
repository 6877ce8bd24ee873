//! The runner, really run: packed as in production, by `sh -c`, in a folder of its own.

mod asking;
mod bad_hosts;
mod bash_4_2;
mod command;
mod cut_off;
mod happy;
mod host;
mod packing;
mod reports;
mod rules;
