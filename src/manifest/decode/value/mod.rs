//! What one value must look like by itself: a reader per kind, each of which reports what is wrong
//! and goes on.

pub(super) mod aws;
pub(super) mod batch;
pub(super) mod calendar;
pub(super) mod choice;
pub(super) mod duration;
pub(super) mod git;
pub(super) mod hold;
pub(super) mod instance;
pub(super) mod labels;
pub(super) mod name;
pub(super) mod number;
pub(super) mod package;
pub(super) mod parsed;
pub(super) mod people;
pub(super) mod region;
pub(super) mod selector;
pub(super) mod text;
pub(super) mod variables;
pub(in crate::manifest) mod version;
