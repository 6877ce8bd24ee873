//! The production transport: real calls through the SDK, against the sandbox with its real scripts
//! where that can do it, else against canned answers.

mod canned;
mod errors;
mod lab;
mod polling;
mod sending;
