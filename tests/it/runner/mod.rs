//! The runner, really run: packed as in production, by `sh -c`, in a folder of its own.

mod happy;
mod host;
