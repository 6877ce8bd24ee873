//! One story per command: the real binary in a scrubbed environment; stdout, stderr and exit code of
//! every step in one snapshot.

mod absent;
mod adopt;
mod apply;
mod aws;
mod bump;
mod canary;
mod clones;
mod codes;
mod completions;
mod decide;
mod demo;
mod explain;
pub(crate) mod fleets;
mod git;
mod hostile;
mod hosts;
mod init;
mod observe;
mod pipes;
mod plan;
mod redeploy;
mod render;
mod run;
mod sandbox;
mod scripts;
pub(crate) mod standing;
pub(crate) mod story;
mod terminal;
mod validate;
mod watch;
mod windows;
