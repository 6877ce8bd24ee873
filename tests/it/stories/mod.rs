//! One story per command: the real binary in a scrubbed environment; stdout, stderr and exit code of
//! every step in one snapshot.

mod bump;
mod init;
mod plan;
mod render;
mod story;
mod validate;
